//! What `--dev` adds: the providers whose key is in the environment, and a user and a key `dev` that may call all
//! of them. Where there is none, a route `dev` has the simulator answer for every model.

use crate::vendors::{VENDORS, Vendor};
use serde_json::{Value, json};

/// The name of the user, the key and the route.
pub const NAME: &str = "dev";

/// The vendors whose own variable is set for this process; of several that share one the first, so that no model is had in two
/// ways.
pub fn in_environment() -> impl Iterator<Item = &'static Vendor> {
    let first = |vendor: &Vendor| VENDORS.iter().find(|other| other.env == vendor.env);
    VENDORS
        .iter()
        .filter(move |vendor| first(vendor).is_some_and(|it| it.id == vendor.id))
        .filter(|vendor| !vendor.env.is_empty())
        .filter(|vendor| std::env::var_os(vendor.env).is_some_and(|value| !value.is_empty()))
}

/// The records, but for those that `seed` has of its own.
pub fn records(seed: &[Value], found: &[&Vendor]) -> Vec<Value> {
    let mut records: Vec<Value> = usable(found)
        .map(|vendor| json!({"kind": "provider", "name": vendor.id, "vendor": vendor.id, "credential": format!("env:{}", vendor.env)}))
        .collect();
    let alone = records.is_empty();
    records.push(json!({"kind": "user", "name": NAME}));
    records.push(json!({"kind": "key", "name": NAME, "user": NAME, "direct": ["*"]}));
    if alone {
        records.push(json!({"kind": "route", "name": NAME, "keys": [NAME], "targets": [{"provider": "mock"}]}));
    }
    records.retain(|record| {
        !seed
            .iter()
            .any(|own| own["kind"] == record["kind"] && own["name"] == record["name"])
    });
    records
}

/// Those that need nothing but a key. The others have an address for each customer.
fn usable<'a>(found: &'a [&Vendor]) -> impl Iterator<Item = &'a Vendor> {
    found
        .iter()
        .copied()
        .filter(|vendor| vendor.flags().is_empty())
}

/// What to say of the providers: the name of a line, and the line.
pub fn lines(found: &[&Vendor]) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&str, String)> = usable(found)
        .map(|vendor| {
            (
                "provider",
                format!("{} with {} from the environment", vendor.id, vendor.env),
            )
        })
        .collect();
    lines.push(match lines.is_empty() {
        true => (
            "provider",
            "mock, a simulator that answers for every model".to_owned(),
        ),
        false => (
            "provider",
            "mock, a simulator: ask for mock/MODEL".to_owned(),
        ),
    });
    lines.extend(found.iter().filter(|vendor| !vendor.flags().is_empty()).map(|vendor| {
        ("next", format!("gw provider create {0} --vendor {0} {2} --credential-ref env:{1}   ({1} is set here)", vendor.id, vendor.env, vendor.flags()))
    }));
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::vendors::vendor;

    #[test]
    fn the_simulator_answers_only_where_nobody_else_does() {
        let names = |found: &[&Vendor], seed: &[Value]| -> Vec<String> {
            let text = |record: &Value, field: &str| record[field].as_str().unwrap().to_owned();
            records(seed, found)
                .iter()
                .map(|record| format!("{}/{}", text(record, "kind"), text(record, "name")))
                .collect()
        };
        let (openai, azure) = (vendor("openai").unwrap(), vendor("azure").unwrap());
        assert_eq!(names(&[], &[]), ["user/dev", "key/dev", "route/dev"]);
        assert_eq!(names(&[azure], &[]), ["user/dev", "key/dev", "route/dev"]);
        assert_eq!(
            names(&[openai, azure], &[]),
            ["provider/openai", "user/dev", "key/dev"]
        );
        let own = [
            json!({"kind": "provider", "name": "openai"}),
            json!({"kind": "user", "name": "dev"}),
        ];
        assert_eq!(names(&[openai], &own), ["key/dev"]);
    }
}
