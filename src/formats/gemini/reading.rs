//! What an answer says beside its parts, read leniently: ids, sources, likelihoods.

use super::proto;
use crate::chat::{Citation, Logprob};
use crate::formats::fields::Fields;

/// Why a prompt is refused, in the order of the numbers.
pub const BLOCKED: &[&str] = &[
    "BLOCK_REASON_UNSPECIFIED",
    "SAFETY",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
];

/// How much of an answer's own id stands in those of its calls: other formats take 64 characters.
const LONGEST: usize = 40;

/// An id for a call that came without one: another for each call of a conversation, and the same however often the answer
/// is read.
pub fn made_id(answer: &str, number: usize, name: &str, arguments: Option<&str>) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let of: String = answer.chars().filter(fits).take(LONGEST).collect();
    if !of.is_empty() {
        return format!("call_{of}_{number}");
    }
    // FNV-1a: what it is called with tells it from others as well as anything that came.
    let said = [name, "\0", arguments.unwrap_or_default()].concat();
    let mark = said.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("call_{mark:016x}_{number}")
}

/// What the text rests on.
pub fn citations(grounds: &mut Fields, said: &str) -> Vec<Citation> {
    let chunks = grounds.lenient("groundingChunks", proto::objects);
    let sources: Vec<Citation> = chunks
        .unwrap_or_default()
        .iter_mut()
        .map(|chunk| {
            let kinds = ["web", "retrievedContext", "maps", "image"];
            let source = kinds
                .into_iter()
                .find_map(|kind| chunk.lenient(kind, proto::object));
            source.map_or_else(Citation::default, |mut source| {
                let url = source.lenient("uri", Fields::text);
                let url = url.or_else(|| source.lenient("sourceUri", Fields::text));
                Citation {
                    url: url.unwrap_or_default(),
                    title: source.lenient("title", Fields::text),
                    quote: source.lenient("text", Fields::text),
                    span: None,
                }
            })
        })
        .collect();
    let supports = grounds.lenient("groundingSupports", proto::objects);
    let mut told = Vec::new();
    for mut support in supports.unwrap_or_default() {
        let segment = support.lenient("segment", proto::object);
        let span = segment.and_then(|mut segment| {
            let start = segment.lenient("startIndex", proto::count).unwrap_or(0);
            let end = segment.lenient("endIndex", proto::count)?;
            Some((characters(said, start)?, characters(said, end)?))
        });
        let indices = support.lenient("groundingChunkIndices", proto::list);
        for index in indices.unwrap_or_default() {
            let index: Option<usize> = index.get().parse().ok();
            if let Some(source) = index.and_then(|index| sources.get(index)) {
                told.push(Citation {
                    span,
                    ..source.clone()
                });
            }
        }
    }
    match told.is_empty() {
        true => sources,
        false => told,
    }
}

/// Places are counted in bytes there and in characters here.
fn characters(text: &str, byte: u64) -> Option<u64> {
    let before = text.get(..usize::try_from(byte).ok()?)?;
    Some(before.chars().count() as u64)
}

/// How likely the tokens were.
pub fn logprobs(result: &mut Fields) -> Vec<Logprob> {
    let tops = result.lenient("topCandidates", proto::objects);
    let mut tops = tops.unwrap_or_default().into_iter();
    let chosen = result.lenient("chosenCandidates", proto::objects);
    chosen
        .unwrap_or_default()
        .iter_mut()
        .map(|token| {
            let mut beside = tops.next();
            let list = beside
                .as_mut()
                .and_then(|top| top.lenient("candidates", proto::objects));
            Logprob {
                top: list.unwrap_or_default().iter_mut().map(logprob).collect(),
                ..logprob(token)
            }
        })
        .collect()
}

fn logprob(token: &mut Fields) -> Logprob {
    Logprob {
        token: token.lenient("token", Fields::text).unwrap_or_default(),
        logprob: token
            .lenient("logProbability", Fields::number)
            .unwrap_or(0.0),
        ..Logprob::default()
    }
}
