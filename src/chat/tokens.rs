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

/// Tokens of a text. One pass, nothing is kept.
pub fn tokens(text: &str) -> f64 {
    let (mut count, mut run, mut length) = (0.0, Kind::Space, 0_u32);
    for letter in text.chars() {
        let kind = match KINDS.get(letter as usize) {
            Some(kind) => *kind,
            None => Kind::of(letter),
        };
        if kind != run {
            count += run.tokens(length);
            (run, length) = (kind, 0);
        }
        length = length.saturating_add(match kind {
            Kind::Letters => u32::try_from(letter.len_utf8()).unwrap_or(4),
            _ => 1,
        });
    }
    count + run.tokens(length)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Digits,
    Space,
    Lines,
    Marks,
    /// Of alphabets that are not Latin's plain one.
    Letters,
    /// Of scripts whose letters are words or parts of such, and of pictures.
    Signs,
}

/// Those of ASCII, of which most texts are.
static KINDS: [Kind; 128] = {
    let mut kinds = [Kind::Marks; 128];
    let mut at = 0;
    while at < kinds.len() {
        kinds[at] = Kind::of(at as u8 as char);
        at += 1;
    }
    kinds
};

impl Kind {
    const fn of(letter: char) -> Kind {
        match letter {
            'a'..='z' | 'A'..='Z' => Kind::Word,
            '0'..='9' => Kind::Digits,
            ' ' | '\t' => Kind::Space,
            '\r' | '\n' => Kind::Lines,
            _ if letter.is_ascii() => Kind::Marks,
            _ if (letter as u32) < 0x2000 => Kind::Letters,
            _ => Kind::Signs,
        }
    }

    /// What a run of so many is worth.
    fn tokens(self, length: u32) -> f64 {
        let long = f64::from(length);
        match self {
            _ if length == 0 => 0.0,
            // A space belongs to the word behind it.
            Kind::Space if length == 1 => 0.0,
            Kind::Space | Kind::Lines => 0.85,
            Kind::Word => 1.0 + 0.6 * (long - 6.0).max(0.0) / 6.0,
            Kind::Digits => (long / 3.0).ceil(),
            Kind::Marks => 0.85 * (long / 2.0).ceil(),
            Kind::Letters => (long / 4.0).ceil(),
            Kind::Signs => 1.1 * long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
