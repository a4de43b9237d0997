//! A format as clouds host it: the same requests and answers, but for members of the body that stand elsewhere there. From
//! one such form into another only these change, and every other value stays as it is spelt.
//! <https://docs.anthropic.com/en/api/claude-on-amazon-bedrock>, <https://docs.anthropic.com/en/api/claude-on-vertex-ai>

use super::anthropic;
use super::betas::{self, Host};
use super::document::Document;
use super::fields::unsupported;
use super::peek::{self, Member};
use super::{
    Api, Codec, Dropped, EventReader, EventWriter, Format, FormatId, Framed, Framing, Passes,
    ReplyContext, Seen, Streams, Target, Written, entry,
};
use crate::chat::{Chat, Reply};
use crate::error::Result;

/// What a format is another form of.
#[derive(Clone, Copy, Debug)]
pub struct Hosted {
    pub of: FormatId,
    pub envelope: &'static Envelope,
}

/// Which of the members are in a body, and what they say.
#[derive(Debug)]
pub struct Envelope {
    /// Else the address names it.
    model: bool,
    /// Else the address says whether the answer is streamed.
    stream: bool,
    /// The version of the API; `None`: a header says it.
    version: Option<&'static str>,
    /// Features in beta; else a header names them.
    betas: bool,
    /// Who reads it.
    host: Host,
}

/// As the API's maker has it.
pub static OWN: Envelope = Envelope {
    model: true,
    stream: true,
    version: None,
    betas: false,
    host: Host::Maker,
};

pub static BEDROCK: Envelope = Envelope {
    model: false,
    stream: false,
    version: Some("bedrock-2023-05-31"),
    betas: true,
    host: Host::Bedrock,
};

pub static VERTEX: Envelope = Envelope {
    model: false,
    betas: false,
    stream: true,
    version: Some("vertex-2023-10-16"),
    host: Host::Vertex,
};

pub static VERTEX_COUNT: Envelope = Envelope {
    model: true,
    stream: false,
    host: Host::VertexCount,
    ..VERTEX
};

/// The row of Bedrock's form.
pub static ON_BEDROCK: Format = Format {
    id: FormatId::AnthropicBedrock,
    name: "anthropic-bedrock",
    api: Api::Amazon,
    entries: &[
        entry::in_path("/model/{model}/invoke", Streams::Never),
        entry::in_path(
            "/model/{model}/invoke-with-response-stream",
            Streams::Always,
        ),
    ],
    codec: Some(&BEDROCK),
    embeds: None,
    framed: Framed::As(Framing::Chunks),
    hosted: Some(Hosted {
        of: FormatId::AnthropicMessages,
        envelope: &BEDROCK,
    }),
    passes: Passes::BEDROCK,
    ..anthropic::ROW
};

/// The row of Vertex AI's.
pub static ON_VERTEX: Format = Format {
    id: FormatId::AnthropicVertex,
    name: "anthropic-vertex",
    entries: &[
        entry::in_path(
            "/v1/projects/*/locations/*/publishers/anthropic/models/{model}:rawPredict",
            Streams::Never,
        ),
        entry::in_path(
            "/v1/projects/*/locations/*/publishers/anthropic/models/{model}:streamRawPredict",
            Streams::Always,
        ),
    ],
    codec: Some(&VERTEX),
    embeds: None,
    hosted: Some(Hosted {
        of: FormatId::AnthropicMessages,
        envelope: &VERTEX,
    }),
    passes: Passes::VERTEX,
    ..anthropic::ROW
};

const MODEL: &str = "model";
const STREAM: &str = "stream";
const VERSION: &str = "anthropic_version";
const BETAS: &str = "anthropic_beta";
const THREAD: &str = "thread";

/// What a request is told that is put into another form.
#[derive(Clone, Copy, Debug)]
pub struct Say<'a> {
    pub model: &'a str,
    pub stream: bool,
    /// What the caller's header names of features in beta, parted by commas.
    pub betas: Option<&'a str>,
}

/// A request in another form.
#[derive(Debug, PartialEq, Eq)]
pub struct Rehosted {
    pub body: Vec<u8>,
    /// What a header is to name of features in beta, parted by commas, where the form has them there.
    pub betas: Option<String>,
    /// What is left out.
    pub dropped: Dropped,
}

/// Puts a body, which is one JSON object, into another form.
pub fn rehost(body: &[u8], to: &Envelope, say: Say<'_>) -> Result<Rehosted> {
    let mut asked: Vec<String> = listed(say.betas);
    let mut kept: Vec<&str> = Vec::new();
    for Member { name, value, text } in peek::members_of(body)? {
        match &*name {
            MODEL | STREAM | VERSION => {}
            // Only Anthropic itself holds conversations. Its clients go on without on this refusal.
            THREAD if to.version.is_some() && value != "null" => {
                return Err(unsupported(THREAD, "clouds hold no conversations"));
            }
            BETAS => asked.extend(serde_json::from_str::<Vec<String>>(value).unwrap_or_default()),
            _ => kept.push(text),
        }
    }
    let (mut betas, mut dropped): (Vec<&str>, Dropped) = Default::default();
    for feature in &asked {
        match betas::named(to.host, feature) {
            Some(named) if betas.contains(&named) => {}
            Some(named) => betas.push(named),
            None => dropped.push(format!("anthropic-beta: {feature}")),
        }
    }
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let mut first = Vec::new();
    if let Some(version) = to.version {
        first.push(format!("\"{VERSION}\":{}", json(version)));
    }
    if to.betas && !betas.is_empty() {
        let list = serde_json::Value::from(betas.clone());
        first.push(format!("\"{BETAS}\":{list}"));
    }
    if to.model {
        first.push(format!("\"{MODEL}\":{}", json(say.model)));
    }
    if to.stream && say.stream {
        first.push(format!("\"{STREAM}\":true"));
    }
    let members: Vec<&str> = first.iter().map(String::as_str).chain(kept).collect();
    Ok(Rehosted {
        body: format!("{{{}}}", members.join(",")).into_bytes(),
        betas: Some(betas.join(",")).filter(|betas| !to.betas && !betas.is_empty()),
        dropped,
    })
}

/// The names in a list that is parted by commas.
fn listed(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Codec for Envelope {
    fn read(&self, document: &Document<'_>) -> Result<Chat> {
        let say = Say {
            model: "",
            // The address says it, and is asked.
            stream: false,
            betas: None,
        };
        anthropic::CODEC.read_request(&rehost(document.text().as_bytes(), &OWN, say)?.body)
    }
    fn write_request(&self, chat: &Chat, target: &Target<'_>) -> Result<Written> {
        let written = anthropic::CODEC.write_request(chat, target)?;
        let say = Say {
            model: target.model,
            stream: chat.stream,
            betas: None,
        };
        Ok(Written {
            body: rehost(&written.body, self, say)?.body,
            ..written
        })
    }
    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Reply> {
        anthropic::CODEC.read_reply(body, seen)
    }
    fn write_reply(&self, reply: &Reply, context: &ReplyContext) -> Vec<u8> {
        anthropic::CODEC.write_reply(reply, context)
    }
    fn reader(&self) -> Box<dyn EventReader + Send> {
        anthropic::CODEC.reader()
    }
    fn writer(&self, context: &ReplyContext) -> Box<dyn EventWriter + Send> {
        anthropic::CODEC.writer(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn put(
        body: &str,
        to: &Envelope,
        stream: bool,
        betas: Option<&str>,
    ) -> (String, Option<String>) {
        let say = Say {
            model: "m",
            stream,
            betas,
        };
        let rehosted = rehost(body.as_bytes(), to, say).unwrap();
        (String::from_utf8(rehosted.body).unwrap(), rehosted.betas)
    }

    #[test]
    fn only_what_stands_elsewhere_changes() {
        let own =
            r#"{ "model":"a", "max_tokens" : 1.0e2,"stream":true, "messages":[ {"x":"\u00e9"} ] }"#;
        let bedrock = put(
            own,
            &BEDROCK,
            true,
            Some("effort-2025-11-24, context-1m-2025-08-07"),
        );
        assert_eq!(
            bedrock,
            (
                r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["effort-2025-11-24","context-1m-2025-08-07"],"max_tokens" : 1.0e2,"messages":[ {"x":"\u00e9"} ]}"#.into(),
                None
            )
        );
        assert_eq!(
            put(&bedrock.0, &OWN, true, None),
            (
                r#"{"model":"m","stream":true,"max_tokens" : 1.0e2,"messages":[ {"x":"\u00e9"} ]}"#
                    .into(),
                Some("effort-2025-11-24,context-1m-2025-08-07".into())
            )
        );
        assert_eq!(
            put(&bedrock.0, &VERTEX, false, None),
            (
                r#"{"anthropic_version":"vertex-2023-10-16","max_tokens" : 1.0e2,"messages":[ {"x":"\u00e9"} ]}"#.into(),
                Some("context-1m-2025-08-07".into())
            )
        );
        assert_eq!(
            put("{}", &VERTEX_COUNT, true, None).0,
            r#"{"anthropic_version":"vertex-2023-10-16","model":"m"}"#
        );
        let say = Say {
            model: "m",
            stream: false,
            betas: Some("advanced-tool-use-2025-11-20,new-2027-01-01,tool-search-tool-2025-10-19"),
        };
        let rehosted = rehost(b"{}", &VERTEX, say).unwrap();
        assert_eq!(
            (rehosted.betas.as_deref(), rehosted.dropped),
            (
                Some("tool-search-tool-2025-10-19"),
                vec!["anthropic-beta: new-2027-01-01".to_owned()]
            )
        );
    }
}
