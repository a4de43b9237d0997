//! How many tokens a text comes to, near enough for a count where no provider can be asked. By the kind of what is
//! written (words, digits, marks, scripts without spaces), since bytes alone are as wrong as code differs from prose.

/// What a family of models makes of a prompt beside its text. Fitted to recorded prompts whose usage is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Around all of it.
    pub prompt: f64,
    /// Around each turn.
    pub turn: f64,
    /// Around all tools, where there are any.
    pub tools: f64,
    /// Around each tool.
    pub tool: f64,
    /// How many times a tool's definition counts as the same text would elsewhere.
    pub definition: f64,
    /// Around a schema for the answer; its text counts where this does.
    pub schema: f64,
    pub image: Image,
    /// A page of a document, with its picture where that is read too.
    pub page: f64,
    /// A second of sound.
    pub second: f64,
}

/// What an image of so many pixels counts, as documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Area, scaled to 1568 pixels a side: <https://docs.anthropic.com/en/docs/build-with-claude/vision>
    Area,
    /// Squares of 512 pixels, scaled to 768 on the shorter side:
    /// <https://platform.openai.com/docs/guides/images-vision#calculating-costs>
    Squares,
    /// 258 for each square of 768 pixels: <https://ai.google.dev/gemini-api/docs/tokens>
    Tiles,
}

impl Image {
    /// Tokens of an image of this size; of one whose size is not known a thousand pixels square is assumed.
    pub fn tokens(self, size: Option<(u32, u32)>) -> f64 {
        let (width, height) = size.unwrap_or((1024, 1024));
        let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let squares = |side: f64, scale: f64| {
            (width * scale / side).ceil().max(1.0) * (height * scale / side).ceil().max(1.0)
        };
        match self {
            Image::Area => {
                let scale = (1568.0 / width.max(height)).min(1.0);
                (width * height * scale * scale / 750.0).min(1600.0)
            }
            Image::Squares => {
                let fitted = (2048.0 / width.max(height)).min(1.0);
                let scale = fitted * (768.0 / (width.min(height) * fitted)).min(1.0);
                85.0 + 170.0 * squares(512.0, scale)
            }
            Image::Tiles if width <= 384.0 && height <= 384.0 => 258.0,
            Image::Tiles => 258.0 * squares(768.0, 1.0),
        }
    }
}

/// Tokens of a text. One pass over its bytes, each of which adds to the run that it is in: what there is to decide is looked
/// up, since no text lets a processor guess where its runs end.
pub fn tokens(text: &str) -> f64 {
    let (mut worth, mut run, mut length) = (0_u64, Kind::Rest, 0_u8);
    for byte in text.as_bytes() {
        let kind = match KINDS[usize::from(*byte)] {
            Kind::Rest if run == Kind::Signs => continue,
            Kind::Rest => run,
            kind => kind,
        };
        let longer = if length == LAST { AGAIN } else { length + 1 };
        length = if kind == run { longer } else { 1 };
        run = kind;
        worth += u64::from(ADDED[kind as usize][usize::from(length) % ROW]);
    }
    worth as f64 / UNIT
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Digits,
    Space,
    Lines,
    Marks,
    /// Of alphabets that are not Latin's plain one: their bytes count.
    Letters,
    /// Of scripts whose letters are words or parts of such, and of pictures: each counts once.
    Signs,
    /// What follows the first byte of a letter or sign.
    Rest,
}

/// Bytes by their kind.
static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Rest; 256];
    let mut at = 0;
    while at < kinds.len() {
        kinds[at] = Kind::of(at as u8);
        at += 1;
    }
    kinds
};

/// What a token is counted in, so that sums are exact.
const UNIT: f64 = 20.0;

/// Behind the last length a run goes on as behind one that is a multiple of every kind's own steps shorter.
const LAST: u8 = 18;
const AGAIN: u8 = LAST - 11;
/// A power of two, so that no place in a row is outside it.
const ROW: usize = 32;

/// What the byte that gives a run of each kind this length adds to what the run is worth.
static ADDED: [[u8; ROW]; 8] = {
    const KINDS: [Kind; 7] = [
        Kind::Word,
        Kind::Digits,
        Kind::Space,
        Kind::Lines,
        Kind::Marks,
        Kind::Letters,
        Kind::Signs,
    ];
    let mut added = [[0; ROW]; 8];
    let mut at = 0;
    while at < KINDS.len() {
        let mut length = 1;
        while length <= LAST {
            let (kind, long) = (KINDS[at], length as u32);
            added[kind as usize][length as usize] = (kind.worth(long) - kind.worth(long - 1)) as u8;
            length += 1;
        }
        at += 1;
    }
    added
};

impl Kind {
    const fn of(byte: u8) -> Kind {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Kind::Word,
            b'0'..=b'9' => Kind::Digits,
            b' ' | b'\t' => Kind::Space,
            b'\r' | b'\n' => Kind::Lines,
            0..0x80 => Kind::Marks,
            0x80..0xc0 => Kind::Rest,
            // What is below U+2000 begins so.
            0xc0..0xe2 => Kind::Letters,
            _ => Kind::Signs,
        }
    }

    /// What a run of so many is worth, in [`UNIT`]s of a token.
    const fn worth(self, length: u32) -> u32 {
        match self {
            _ if length == 0 => 0,
            // A space belongs to the word behind it.
            Kind::Space if length == 1 => 0,
            Kind::Space | Kind::Lines => 17,
            Kind::Word => 20 + 2 * length.saturating_sub(6),
            Kind::Digits => 20 * length.div_ceil(3),
            Kind::Marks => 17 * length.div_ceil(2),
            Kind::Letters => 20 * length.div_ceil(4),
            Kind::Signs => 22 * length,
            Kind::Rest => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, run by run.
    fn by_runs(text: &str) -> u64 {
        let kind = |letter: &char| match u8::try_from(*letter) {
            Ok(byte @ 0..0x80) => Kind::of(byte),
            _ if (*letter as u32) < 0x2000 => Kind::Letters,
            _ => Kind::Signs,
        };
        let letters: Vec<char> = text.chars().collect();
        let runs = letters.chunk_by(|one, other| kind(one) == kind(other));
        runs.map(|run| {
            let length = match kind(&run[0]) {
                Kind::Letters => run.iter().map(|letter| letter.len_utf8()).sum(),
                _ => run.len(),
            };
            u64::from(kind(&run[0]).worth(length as u32))
        })
        .sum()
    }

    proptest! {
        #[test]
        fn bytes_add_up_to_runs(texts in proptest::collection::vec((prop_oneof!["[a-z]", "[0-9]", " ", "\n", "[-{}]", "[éяọᾳ]", "[今‐𝄞]", "\\PC"], 1_usize..90), 0..12)) {
            let text: String = texts.iter().map(|(text, times)| text.repeat(*times)).collect();
            prop_assert_eq!(tokens(&text), by_runs(&text) as f64 / UNIT);
        }
    }

    #[test]
    fn kinds_of_text_count_differently() {
        for (text, least, most) in [
            ("", 0.0, 0.0),
            ("hello", 1.0, 1.0),
            ("The quick brown fox jumps over the lazy dog.", 9.0, 11.0),
            ("internationalisation", 2.0, 3.0),
            ("1234567890", 4.0, 4.0),
            ("fn main() {\n    println!(\"hi\");\n}", 9.0, 15.0),
            ("{\"a\":1,\"b\":[true,null]}", 9.0, 14.0),
            ("今日はいい天気ですね", 8.0, 12.0),
            ("Москва слезам не верит", 9.0, 13.0),
            ("                                ", 0.5, 1.0),
        ] {
            let count = tokens(text);
            assert!((least..=most).contains(&count), "{text}: {count}");
        }
    }

    #[test]
    fn images_count_as_documented() {
        for (kind, size, want) in [
            (Image::Area, Some((200, 200)), 53.0),
            (Image::Area, Some((1000, 1000)), 1333.0),
            (Image::Area, Some((4000, 4000)), 1600.0),
            (Image::Squares, Some((1024, 1024)), 765.0),
            (Image::Squares, Some((2048, 4096)), 1105.0),
            (Image::Squares, Some((10, 10)), 255.0),
            (Image::Tiles, Some((384, 384)), 258.0),
            (Image::Tiles, Some((1536, 769)), 1032.0),
        ] {
            assert_eq!(kind.tokens(size).floor(), want, "{kind:?} {size:?}");
        }
        assert!(Image::Area.tokens(Some((0, u32::MAX))) <= 1600.0);
    }
}
