//! Records, and what requests see of them, as benches need them.

use gw::chat::Op;
use gw::plan::{Snapshot, snapshot::VendorFacts};
use gw::resources::{self, Record, Stamp};
use gw::store::records::State;
use serde_json::{Value, json};

/// A record of this kind; `system` is what the server says of it.
pub fn record(kind: &str, name: &str, spec: Value, system: Value) -> Record {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    Record {
        kind: kind.into(),
        name: name.into(),
        version: 1,
        created: Stamp(0),
        updated: Stamp(0),
        spec: (resources::kind(kind).unwrap().check)(object(spec)).unwrap(),
        system: object(system),
    }
}

/// The user `ann` and the providers `p0` to `p3`.
pub fn common() -> Vec<Record> {
    let provider = |at: usize| {
        let spec = json!({"vendor": "openai"});
        record("provider", &format!("p{at}"), spec, Value::Null)
    };
    let mut records = vec![record("user", "ann", json!({}), Value::Null)];
    records.extend((0..4).map(provider));
    records
}

/// What requests see of these records.
pub fn snapshot(records: Vec<Record>) -> Snapshot {
    let state = State::from_records(1, records).unwrap();
    let touched = State::default().difference(&state).into_keys().collect();
    let vendor = |_: &resources::provider::Provider| {
        Some(VendorFacts {
            ops: vec![Op::Chat],
            catalog: "openai",
            ..VendorFacts::default()
        })
    };
    Snapshot::default().after(&state, &touched, &std::sync::Arc::default(), vendor)
}
