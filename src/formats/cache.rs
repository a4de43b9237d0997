//! The mark up to which a prompt may be cached, spelled alike by Anthropic and by those who carry it in chat content.
//! <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>

use super::fields::Fields;
use crate::chat::CachePoint;
use crate::error::Result;
use serde_json::{Value, json};

/// Takes the `cache_control` of a part, a message or a tool; what it holds beside the time is listed.
pub fn read(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Option<CachePoint>> {
    let Some(mut mark) = fields.object("cache_control")? else {
        return Ok(None);
    };
    mark.take("type");
    let ttl = mark.text("ttl")?;
    mark.rest(lost);
    Ok(Some(CachePoint { ttl }))
}

/// The value of a `cache_control`.
pub fn write(point: &CachePoint) -> Value {
    let mut mark = json!({"type": "ephemeral"});
    if let Some(ttl) = &point.ttl {
        mark["ttl"] = json!(ttl);
    }
    mark
}
