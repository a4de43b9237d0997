//! What a request would cost at several models, before anybody sends it: how many tokens its prompt has, how long an answer
//! may get, and what that comes to, by what the records and the catalogue say now. Nothing is sent.

use super::{Query, Sent};
use crate::catalog::{self, Size, forecast};
use crate::error::{Error, Result};
use crate::formats::{
    count,
    peek::{self, Peek},
};
use crate::gateway::{Serving, Shared};
use crate::plan::{Facts, explain::answer::Outcome, naming};
use crate::resources::Stamp;
use crate::vendors::VENDORS;
use serde::Deserialize;
use serde_json::{Value, json};

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// As requests name them, or as records are called.
    models: Vec<String>,
    /// The request's, as its text.
    body: String,
    /// As this key: where its requests for the model go.
    key: Option<String>,
    /// In place of the body's longest answer.
    max_output: Option<u64>,
    /// How much of the prompt is read from a cache, of a hundred.
    cached: Option<u8>,
}

/// Models that one request may ask about.
const MOST: usize = 100;

/// The answer to a question: `{items: [{asked, provider?, model?, input, counted, …, price_source?, error?}]}`, see
/// [`forecast`].
pub fn estimate(shared: &Shared, query: Value) -> Result<Value> {
    let asked: Asked = serde_json::from_value(query).map_err(|error| {
        Error::invalid(format!("the question cannot be read: {error}"))
            .hint("see gw request estimate --help")
    })?;
    if asked.models.is_empty() || asked.models.len() > MOST {
        return Err(Error::invalid(format!("name 1 to {MOST} models")).param("models"));
    }
    if asked.cached.is_some_and(|share| share > 100) {
        return Err(Error::invalid("no more than all of a prompt can be cached").param("cached"));
    }
    let serving = shared.serving.load_full();
    let depth = shared.settings.json_depth;
    let format = super::looks_like(Some(&asked.body), depth)?;
    let peek = peek::peek(asked.body.as_bytes(), format.looks, depth)?;
    let mut items = Vec::new();
    for name in &asked.models {
        let places = match &asked.key {
            Some(key) => planned(shared, &serving, key, name, &asked.body),
            None => Ok(places(&serving, name)),
        };
        match places {
            Ok(found) if found.is_empty() => items.push(row(&asked, &peek, name, None)),
            Ok(found) => {
                items.extend(
                    found
                        .iter()
                        .map(|place| row(&asked, &peek, name, Some(place))),
                );
            }
            Err(error) => {
                let mut row = row(&asked, &peek, name, None);
                row["error"] = error.message.into();
                items.push(row);
            }
        }
    }
    Ok(json!({ "items": items }))
}

/// Where a request would be answered.
struct Place {
    /// A provider, or a vendor where there is no provider of it.
    provider: String,
    model: String,
    facts: Facts,
}

fn row(asked: &Asked, peek: &Peek<'_>, name: &str, place: Option<&Place>) -> Value {
    let model = place.map_or(name, |place| &place.model);
    let counted = count::tokens(asked.body.as_bytes(), model, catalog::weights(model));
    let size = Size {
        input: counted.tokens,
        exact: counted.exact,
        max_output: asked.max_output.or(peek.max_output),
        cached: asked.cached,
    };
    let at = place.map(|place| (&*place.provider, &*place.model));
    match place {
        Some(place) => forecast(name, at, size, &place.facts),
        None => forecast(name, at, size, &catalog::facts(None, None)),
    }
}

/// Where the requests of a key for a model go first, as things are now.
fn planned(
    shared: &Shared,
    serving: &Serving,
    key: &str,
    model: &str,
    body: &str,
) -> Result<Vec<Place>> {
    let query = Query {
        key: Some(key.to_owned()),
        model: Some(model.to_owned()),
        body: Some(body.into()),
        ..Query::default()
    };
    let now = Stamp::now();
    let mut sent = Sent::read(&query, serving, shared.settings.json_depth)?;
    sent.at = now;
    let first = match sent.explained(shared, serving, &query, now)?.outcome {
        Outcome::Refused { refused, .. } => return Err(Error::invalid(refused.message)),
        Outcome::Planned(planned) => planned.attempts.into_iter().next(),
    };
    let place = first.and_then(|first| {
        let provider = serving.snapshot.provider(&first.provider)?;
        Some(at(serving, provider, first.model.to_string()))
    });
    Ok(place.into_iter().collect())
}

/// Where a model is known to be served: by the user's providers, or else by vendors.
fn places(serving: &Serving, name: &str) -> Vec<Place> {
    let snapshot = &serving.snapshot;
    let named = name.split_once('/');
    let named = named.and_then(|(provider, _)| snapshot.provider(provider));
    let all: Vec<usize> = match named {
        Some(one) => vec![one],
        None => snapshot.provider_indexes().collect(),
    };
    let ids = all.into_iter().map(|place| {
        let id = naming::asked(snapshot, place, name).into_owned();
        (place, id)
    });
    let served = |(place, id): &(usize, String)| named.is_some() || snapshot.serves(*place, id);
    let own: Vec<Place> = ids
        .filter(served)
        .map(|(place, id)| at(serving, place, id))
        .collect();
    if !own.is_empty() {
        return own;
    }
    let rows = VENDORS.iter().map(|vendor| (vendor.id, vendor.catalog));
    let offered = catalog::offering(rows, name).into_iter();
    let place = |(vendor, catalog, known): (&str, &str, &catalog::Known)| Place {
        provider: vendor.to_owned(),
        model: known.id.to_owned(),
        facts: snapshot.offered(catalog, known.id),
    };
    offered.map(place).collect()
}

fn at(serving: &Serving, provider: usize, model: String) -> Place {
    let facts = serving.snapshot.facts(provider, &model);
    let name = &serving.snapshot.providers[provider].name;
    Place {
        provider: name.to_string(),
        model,
        facts,
    }
}
