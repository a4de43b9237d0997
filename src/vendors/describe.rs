//! A row as a document: what people are shown of a vendor. What follows from other values is worked out here.

use super::{Evidence, Part, Structured, Vendor};
use crate::chat::Op;
use crate::formats;
use serde_json::{Value, json};

/// A row as `gw provider vendors` and the admin API have it. Features are `measured`, `documented`, `unchecked`, or empty
/// where there are none.
pub fn describe(vendor: &Vendor) -> Value {
    let mut formats: Vec<&str> = Vec::new();
    for endpoint in vendor.endpoints {
        let name = formats::format(endpoint.format).name;
        if !formats.contains(&name) {
            formats.push(name);
        }
    }
    let does = |name: &str, op| formats::named(name).is_some_and(|format| format.op == op);
    let (chats, others): (Vec<&str>, Vec<&str>) =
        formats.iter().partition(|name| does(name, Op::Chat));
    let features = &vendor.features;
    let base = vendor.base_url.is_empty().then_some("base_url");
    let parts = Part::ALL.into_iter().filter(|part| vendor.has(*part));
    let wants: Vec<&str> = base.into_iter().chain(parts.map(Part::name)).collect();
    let regions: Vec<&str> = vendor.regions.iter().map(|(at, _)| *at).collect();
    json!({
        "name": vendor.id,
        "title": vendor.title,
        "base_url": vendor.base_url,
        "wants": wants,
        "regions": regions,
        "env": vendor.env,
        "machine": vendor.auth.machine(),
        "local": vendor.local,
        "formats": formats,
        "chat_formats": chats,
        "other_formats": others,
        "streaming": features.streaming.map_or("", Evidence::word),
        "tools": features.tools.map_or("", Evidence::word),
        "structured": features.structured.map_or_else(String::new, Structured::words),
        "embeddings": formats.iter().any(|name| does(name, Op::Embeddings)),
        "lists_models": !vendor.models.is_empty(),
        "catalog": vendor.catalog,
        "evidence": vendor.evidence.word(),
        "docs": vendor.docs,
    })
}
