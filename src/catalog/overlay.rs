//! Newer prices than those that came with the program, as somebody brought them: over the built-in ones, and under the
//! user's own. Data alone: who reads them is in `published`, who keeps them in a file is not known here.

use super::facts::{facts_over, show};
use super::{Facts, Known, Priced, Prices, all, base, dated, find, has, sources};
use crate::error::{Error, Result};
use crate::resources::model::Model;
use crate::resources::price::{Price, PriceOf};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Prices by vendor (its id in the catalogue) and model, as they are kept: `{source, dated, models: {VENDOR: {MODEL: {PRICE:
/// DOLLARS}}}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Who published them.
    pub source: String,
    /// The day they were brought in, such as `2026-11-22`: they say no date of their own.
    pub dated: String,
    pub models: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
}

/// Prices that are laid over the built-in ones.
#[derive(Debug, Default)]
pub struct Overlay {
    published: Published,
    /// By vendor, then by model in lower case.
    prices: HashMap<Box<str>, HashMap<Box<str>, Arc<Prices>>>,
    /// By vendor, the models that no built-in row answers to, by name.
    alone: HashMap<Box<str>, Vec<Box<str>>>,
    /// They are older than the built-in ones, and left aside.
    pub outdated: bool,
}

/// One price that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub vendor: String,
    pub model: String,
    /// What it is of, such as `output@batch`.
    pub price: String,
    /// Dollars as they are quoted; absent: there was none, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl Overlay {
    /// Reads every price. Errors: one that cannot be read, by its model and name.
    pub fn new(published: Published) -> Result<Overlay> {
        let mut prices: HashMap<Box<str>, HashMap<Box<str>, Arc<Prices>>> = HashMap::new();
        for (vendor, models) in &published.models {
            let of_vendor = prices.entry(vendor.as_str().into()).or_default();
            for (model, listed) in models {
                let said = listed.iter().map(|(of, dollars)| Price::read(of, dollars));
                let said: Result<Vec<Price>> = said.collect();
                let said = said.map_err(|error| {
                    let what = format!("`{vendor}/{}`: {}", model.escape_debug(), error.message);
                    Error {
                        message: what,
                        ..error
                    }
                })?;
                let merged = over(find(vendor, model).map(|known| &**known.prices()), said);
                of_vendor.insert(model.to_lowercase().into(), Arc::new(merged));
            }
        }
        let alone = prices.iter().map(|(vendor, models)| {
            let unknown = models.keys().filter(|model| find(vendor, model).is_none());
            let mut unknown: Vec<Box<str>> = unknown.cloned().collect();
            unknown.sort();
            (vendor.clone(), unknown)
        });
        let alone = alone.collect();
        // They are of the day they were brought in: what came with a newer program is newer.
        let outdated = !prices.is_empty() && *published.dated < *dated();
        Ok(Overlay {
            published,
            prices,
            alone,
            outdated,
        })
    }

    pub fn published(&self) -> &Published {
        &self.published
    }

    /// How many models it prices.
    pub fn count(&self) -> usize {
        self.prices.values().map(HashMap::len).sum()
    }

    /// The prices of a model at the vendor with this catalogue id, where it has any: by the name itself, by that of the
    /// built-in row, or by the name without its date.
    fn prices(&self, catalog: &str, model: &str) -> Option<&Arc<Prices>> {
        let models = self.prices.get(catalog).filter(|_| !self.outdated)?;
        let name = model.to_ascii_lowercase();
        let row = || find(catalog, model).and_then(|known| models.get(known.id));
        let undated = || base(&name).and_then(|name| models.get(name));
        models.get(&*name).or_else(row).or_else(undated)
    }

    /// Every model that it or the catalogue knows of the vendor with this catalogue id.
    pub fn ids(&self, catalog: &str) -> impl Iterator<Item = &str> {
        let alone = self.alone.get(catalog).filter(|_| !self.outdated);
        let alone = alone.into_iter().flatten().map(|id| &**id);
        all(catalog).into_iter().map(|known| known.id).chain(alone)
    }

    /// Whether it or the catalogue knows the model.
    pub fn knows(&self, catalog: &str, model: &str) -> bool {
        find(catalog, model).is_some() || self.prices(catalog, model).is_some()
    }

    /// What is known of a model: the record over these prices over the built-in catalogue.
    pub fn facts(&self, own: Option<&Model>, catalog: &str, model: &str) -> Facts {
        let known = find(catalog, model);
        let mut facts = facts_over(own, known, self.prices(catalog, model));
        // A row found by the beginning of a name may be another model's.
        if let (None, Some(known)) = (
            facts.can,
            known.filter(|known| is_of(known, catalog, model)),
        ) {
            facts.cannot = known.cannot;
        }
        facts
    }

    /// The same for people and scripts, with where it comes from.
    pub fn show(&self, own: Option<&Model>, catalog: &str, model: &str) -> Map<String, Value> {
        let (facts, known) = (self.facts(own, catalog, model), find(catalog, model));
        let mut shown = show(&facts, own, known, model);
        let from = match facts.priced {
            Priced::Synced => format!("{} {}", self.published.source, self.published.dated),
            Priced::Catalog => {
                let [prices, ..] = known.map(Known::sources).unwrap_or_default();
                let names = prices.iter().map(|it| format!("{} {}", it.name, it.date));
                names.collect::<Vec<_>>().join(" + ")
            }
            Priced::Record => "record".into(),
            Priced::Not => return shown,
        };
        shown.insert("priced_from".into(), from.into());
        shown
    }

    /// Where prices come from: `{source, dated?, models?, outdated?, built_in}`.
    pub fn told(&self) -> Map<String, Value> {
        let built_in = sources()
            .iter()
            .map(|it| format!("{} {} ({})", it.name, it.version, it.date));
        let built_in: Vec<String> = built_in.collect();
        let mut told = Map::new();
        if self.prices.is_empty() {
            told.insert("source".into(), "built-in".into());
        } else {
            told.insert("source".into(), self.published.source.as_str().into());
            told.insert("dated".into(), self.published.dated.as_str().into());
            told.insert("models".into(), self.count().into());
        }
        if self.outdated {
            told.insert("outdated".into(), true.into());
        }
        told.insert("built_in".into(), built_in.into());
        told
    }

    /// Every price that would be another one with `newer` in its place, by vendor, model and price.
    pub fn differences(&self, newer: &Overlay) -> Vec<Difference> {
        let named = |overlay: &Overlay| -> BTreeSet<(String, String)> {
            let models = overlay.prices.iter();
            models
                .flat_map(|(vendor, models)| {
                    models
                        .keys()
                        .map(move |model| (vendor.to_string(), model.to_string()))
                })
                .collect()
        };
        let mut found = Vec::new();
        for (vendor, model) in named(self).union(&named(newer)) {
            let of = |overlay: &Overlay| listed(&overlay.facts(None, vendor, model).prices);
            let (old, new) = (of(self), of(newer));
            let names: BTreeSet<&PriceOf> = old.keys().chain(new.keys()).collect();
            for name in names {
                let (old, new) = (old.get(name), new.get(name));
                if old != new {
                    found.push(Difference {
                        vendor: vendor.clone(),
                        model: model.clone(),
                        price: name.to_string(),
                        old: old.map(Price::dollars),
                        new: new.map(Price::dollars),
                    });
                }
            }
        }
        found
    }
}

/// Whether a row is the very model's: by its own name, or that name with a date.
fn is_of(known: &Known, catalog: &str, model: &str) -> bool {
    let name = model.to_ascii_lowercase();
    let very = |name: &str| name == known.id || has(catalog, name);
    very(&name) || base(&name).is_some_and(very)
}

fn listed(prices: &Prices) -> BTreeMap<PriceOf, Price> {
    prices
        .list()
        .iter()
        .map(|price| (price.of, *price))
        .collect()
}

/// Newer prices over the built-in ones. Where both agree on every usual price that both name, the built-in ones say what
/// the newer ones are silent about (tiers, rarer buckets); where they do not, those would be of another time.
fn over(built_in: Option<&Prices>, said: Vec<Price>) -> Prices {
    let newer: Prices = said.iter().copied().collect();
    let agree = |price: &&Price| {
        let usual = price.of == PriceOf::usual(price.of.bucket);
        !usual
            || newer
                .get(price.of.bucket)
                .is_none_or(|pico| pico == price.pico)
    };
    match built_in.filter(|prices| prices.list().iter().all(|price| agree(&price))) {
        Some(known) => known.list().iter().copied().chain(said).collect(),
        None => newer,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::chat::Bucket;
    use serde_json::json;

    fn overlay(models: Value) -> Overlay {
        let published = json!({"source": "test", "dated": "9999-01-01", "models": models});
        Overlay::new(serde_json::from_value(published).unwrap()).unwrap()
    }

    fn input(overlay: &Overlay, model: &str) -> Option<u64> {
        overlay
            .facts(None, "openai", model)
            .prices
            .get(Bucket::Input)
    }

    #[test]
    fn newer_prices_are_over_the_built_in_ones_and_under_the_users() {
        let newer =
            overlay(json!({"openai": {"GPT-4o": {"input": "1"}, "brand-new": {"input": "7"}}}));
        for (model, want) in [
            ("gpt-4o", 1_000_000),
            // The built-in row says whose snapshot it is.
            ("gpt-4o-2024-11-20", 1_000_000),
            ("brand-new-2031-01-01", 7_000_000),
            ("gpt-4o-mini", 150_000),
        ] {
            assert_eq!(input(&newer, model), Some(want), "{model}");
        }
        assert_eq!(input(&Overlay::default(), "brand-new"), None);
        assert!(newer.knows("openai", "brand-new") && !newer.knows("openai", "nobodys"));
        let built_in = Overlay::default();
        let more: Vec<&str> = newer.ids("openai").collect();
        let less: Vec<&str> = built_in.ids("openai").chain(["brand-new"]).collect();
        assert_eq!(more, less);
        let own = serde_json::from_value(json!({"provider": "p", "price_input": "9"})).unwrap();
        let facts = newer.facts(Some(&own), "openai", "gpt-4o");
        assert_eq!(facts.prices.get(Bucket::Input), Some(9_000_000));
    }

    #[test]
    fn what_newer_prices_do_not_say_is_kept_only_where_they_agree() {
        let known = find("openai", "gpt-4o").unwrap().prices();
        let usual = |bucket| {
            crate::resources::price::quoted(known.get(bucket).unwrap(), crate::chat::Per::Million)
        };
        let same = overlay(
            json!({"openai": {"gpt-4o": {"input": usual(Bucket::Input), "output": usual(Bucket::Output)}}}),
        );
        assert_eq!(same.differences(&Overlay::default()), vec![]);
        let other = overlay(json!({"openai": {"gpt-4o": {"input": "1"}}}));
        assert_eq!(other.facts(None, "openai", "gpt-4o").prices.list().len(), 1);
        let differences = Overlay::default().differences(&other);
        let input = differences.iter().find(|it| it.price == "input").unwrap();
        assert_eq!(
            (input.old.as_deref(), input.new.as_deref()),
            (Some("2.5"), Some("1"))
        );
        let output = differences.iter().find(|it| it.price == "output").unwrap();
        assert_eq!(
            (output.old.as_deref(), output.new.as_deref()),
            (Some("10"), None)
        );
    }

    #[test]
    fn what_a_model_cannot_do_is_said_of_the_very_model_alone() {
        let none = Overlay::default();
        let cannot = |model: &str| none.facts(None, "openai", model).cannot;
        assert!(cannot("gpt-3.5-turbo").images && cannot("gpt-3.5-turbo-2031-01-01").images);
        assert!(!cannot("gpt-3.5-turbo").tools && !cannot("gpt-4o").images);
        assert!(!cannot("gpt-3.5-turbo-of-tomorrow").images);
        let own =
            serde_json::from_value(json!({"provider": "p", "capabilities": ["images"]})).unwrap();
        assert!(
            !none
                .facts(Some(&own), "openai", "gpt-3.5-turbo")
                .cannot
                .images
        );
    }

    #[test]
    fn older_prices_than_the_built_in_ones_are_left_aside() {
        let published = json!({"source": "test", "dated": "2020-01-01", "models": {"openai": {"gpt-4o": {"input": "1"}, "brand-new": {"input": "1"}}}});
        let old = Overlay::new(serde_json::from_value(published).unwrap()).unwrap();
        assert!(old.outdated);
        assert_eq!(input(&old, "gpt-4o"), Some(2_500_000));
        assert!(old.ids("openai").all(|id| id != "brand-new"));
        let bad = json!({"source": "test", "dated": "9999-01-01", "models": {"openai": {"m": {"input": "free"}}}});
        let error = Overlay::new(serde_json::from_value(bad).unwrap()).unwrap_err();
        assert_eq!(error.message, "`openai/m`: `free` is not a price");
    }
}
