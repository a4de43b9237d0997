//! The spellings of a script: items with commas between them, and a model's name.

use super::Script;
use super::items::{ITEMS, Item};

impl Script {
    /// Sets one item; an empty value is the item's default.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let Some(item) = Item::named(name) else {
            let known: Vec<&str> = ITEMS.iter().map(|item| item.name).collect();
            return Err(format!(
                "unknown item `{name}` in a mock script; known: {}",
                known.join(", ")
            ));
        };
        (item.set)(self, value).map_err(|why| format!("`{name}` in a mock script {why}"))
    }

    /// Adds what a header or flag such as `status=429,retry-after=2` says.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for item in text
            .split([',', ';', '\n'])
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            self.set(name.trim(), value.trim())?;
        }
        Ok(())
    }

    /// Adds what a model's name says. Names that say nothing are ordinary models.
    pub fn add_model(&mut self, model: &str) {
        let named = model
            .strip_prefix("mock-")
            .or_else(|| model.strip_prefix("mock/"));
        let rest = named.unwrap_or(model);
        if let Some((name, query)) = rest.split_once('?') {
            return self.add_query(name, query);
        }
        for item in rest.split('+') {
            if item
                .parse::<u16>()
                .is_ok_and(|status| (300..600).contains(&status))
            {
                let _ = self.set("status", item);
            } else if named.is_some() || item == "echo" {
                let names = ITEMS
                    .iter()
                    .flat_map(|item| item.also.iter().chain([&item.name]));
                // The longest: some names begin as others do.
                let known = names
                    .filter(|name| {
                        item.strip_prefix(**name)
                            .is_some_and(|value| value.is_empty() || value.starts_with('-'))
                    })
                    .max_by_key(|name| name.len());
                if let Some(name) = known {
                    let value = item.get(name.len() + 1..).unwrap_or_default();
                    let _ = self.set(name, value);
                }
            }
        }
    }

    /// `slow?ms=800`, `stream?n=50&d=20`, `drop-after?n=3`: the spelling of `gw serve --mock`.
    fn add_query(&mut self, name: &str, query: &str) {
        let _ = self.set(name, "");
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let _ = match key {
                "n" | "ms" => self.set(name, value),
                "d" => self.set("pace", value),
                _ => self.set(key, value),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn headers_and_models_say_the_same() {
        let mut header = Script::default();
        header.add("status=429, retry-after=2").unwrap();
        assert_eq!(
            (header.status, header.retry_after.as_deref()),
            (Some(429), Some("2"))
        );
        for (model, same) in [
            ("mock-429", "status=429"),
            ("mock/429", "status=429"),
            ("429", "status=429"),
            ("mock-slow-800", "delay-first=800ms"),
            ("slow?ms=800", "delay-first=800"),
            ("mock-drop-after-3", "reset-after=3"),
            ("drop-after?n=3", "reset-after=3"),
            ("stream?n=50&d=20", "events=50,pace=20ms"),
            ("mock-events-5+pace-10", "events=5,pace=10"),
            ("mock-reset-in-header", "reset-in-header"),
            ("mock-reset-in-2s+429", "reset-in=2s,status=429"),
            (
                "mock-429+retry-after-date-90s",
                "status=429,retry-after-date=90s",
            ),
            ("mock-flap-2s-1s", "flap=2s/1s"),
            ("mock-framing-two-lengths", "framing=two-lengths"),
            ("mock-sse-cr+sse-bom", "sse=cr+bom"),
            ("mock-crlf", "sse=crlf"),
            ("mock-body-{}", "body={}"),
            ("mock-error-after-0", "error-after=0"),
            ("echo", "echo"),
        ] {
            let (mut left, mut right) = (Script::default(), Script::default());
            left.add_model(model);
            right.add(same).unwrap();
            assert_eq!(left, right, "{model}");
        }
    }

    #[test]
    fn ordinary_models_say_nothing() {
        for model in [
            "mock",
            "gpt-4o",
            "claude-sonnet-4",
            "mock-embedding",
            "llama3:8b",
            "slow",
            "status",
            "1000",
            "",
        ] {
            let mut script = Script::default();
            script.add_model(model);
            assert!(script.is_plain(), "{model}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let mut script = Script::default();
        for (said, named) in [
            ("statsu=1", "`statsu`"),
            ("pace=soon", "`pace`"),
            ("events=many", "`many`"),
            ("framing=odd", "`framing`"),
            ("sse=odd", "`odd`"),
        ] {
            assert!(script.add(said).unwrap_err().contains(named), "{said}");
        }
    }
}
