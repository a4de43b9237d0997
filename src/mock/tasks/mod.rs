//! What providers do beside chats: pictures, sound, moderation, rankings, completions as they once were, embeddings.

mod audio;
mod completions;
mod images;
mod moderations;

use super::ask::{Refusal, Wire};
use super::form::{self, Field};
use super::http::Request;
use super::reply::{Reply, id, whole};
use super::script::Script;
use super::{Shared, cohere, embeddings, ranks};
use serde_json::Value;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Completions,
    Embeddings,
    /// Cohere's embeddings.
    Embed,
    /// Cohere's ranking.
    Rerank,
    /// The ranking that other servers share.
    Ranks,
    Moderations,
    Images,
    /// Changing pictures that are sent along.
    Edits,
    Speech,
    Transcriptions,
    Translations,
}

impl Task {
    /// By the end of a path.
    pub fn of(path: &str) -> Option<Task> {
        let ends = |end: &str| path.ends_with(end);
        Some(match path {
            _ if ends("/completions") => Task::Completions,
            _ if ends("/embeddings") => Task::Embeddings,
            _ if ends("/embed") => Task::Embed,
            _ if ends("/v2/rerank") => Task::Rerank,
            _ if ends("/rerank") => Task::Ranks,
            _ if ends("/moderations") => Task::Moderations,
            _ if ends("/images/generations") => Task::Images,
            _ if ends("/images/edits") || ends("/images/variations") => Task::Edits,
            _ if ends("/audio/speech") => Task::Speech,
            _ if ends("/audio/transcriptions") => Task::Transcriptions,
            _ if ends("/audio/translations") => Task::Translations,
            _ => return None,
        })
    }

    /// The format its errors have.
    pub fn wire(self) -> Wire {
        match self {
            Task::Embed | Task::Rerank => Wire::Cohere,
            _ => Wire::Openai,
        }
    }

    /// Its files come in a form.
    fn uploads(self) -> bool {
        matches!(
            self,
            Task::Edits | Task::Transcriptions | Task::Translations
        )
    }
}

/// The reply to a request.
pub fn answer(
    shared: &Shared,
    request: &Request,
    task: Task,
    script: &Script,
) -> Result<Reply, Refusal> {
    if task.uploads() {
        let Some(fields) = form::read(request) else {
            return Err(Refusal::new(
                "the body is not a whole multipart/form-data",
                "body",
            ));
        };
        return match task {
            Task::Edits => images::edited(request.path(), &fields, script),
            Task::Transcriptions => audio::transcribed(&fields, script),
            _ => audio::translated(&fields, script),
        };
    }
    let wrong = |error| Refusal::new(format!("the body is not JSON: {error}"), "body");
    let body: Value = serde_json::from_slice(&request.body).map_err(wrong)?;
    let extra = vec![id(task.wire()).to_owned()];
    let told = match task {
        Task::Completions => return completions::answer(shared, &body, script),
        Task::Images => return images::made(&body, script),
        Task::Speech => return audio::spoken(&body, script),
        Task::Embeddings => embeddings::answer(&body)?,
        Task::Embed => cohere::embed(&body)?,
        Task::Rerank => cohere::rerank(&body)?,
        Task::Moderations => moderations::answer(&body)?,
        _ => ranks::answer(&body)?,
    };
    Ok(whole(200, &told, extra))
}

/// A text that a body must have.
fn needed<'a>(body: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::new(format!("Missing required parameter: '{name}'."), name);
    body[name].as_str().ok_or_else(missing)
}

/// The same of a form.
fn wanted<'a>(fields: &[Field<'a>], name: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::new(format!("Missing required parameter: '{name}'."), name);
    form::text(fields, name).ok_or_else(missing)
}

/// Bytes of a file that is made up: `begin`, then nothing but the same byte.
fn bytes(begin: &[u8], usual: usize, script: &Script) -> Vec<u8> {
    let mut bytes = begin.to_vec();
    bytes.resize(script.bytes.unwrap_or(usual).max(begin.len()), b'm');
    bytes
}

#[cfg(test)]
mod tests;
