//! State is in memory, or it rests somewhere: of settings that contradict each other the one from the higher
//! source counts, and the other is named, not silently dropped.

use super::layer::Layer;
use crate::error::{Error, Result};
use toml::Value;

const MEMORY: (&str, &str) = ("server", "in_memory");

/// The settings that say where state or secrets rest.
const PLACES: [(&str, &str); 3] = [
    ("server", "data_dir"),
    ("secrets", "store"),
    ("secrets", "master_key_file"),
];

/// Whether the setting's value says so; a store of secrets may be memory, or be left to gw.
fn rests(key: &str, value: &Value) -> bool {
    key != "store" || matches!(value.as_str(), Some("keyring" | "sealed"))
}

/// Takes out what a higher layer contradicts; a line for each. `layers`: lowest first.
pub(super) fn settle(layers: &mut [Layer]) -> Result<Vec<String>> {
    let Some(memory) = highest(layers, MEMORY.0, MEMORY.1) else {
        return Ok(Vec::new());
    };
    if layers[memory].get(MEMORY.0, MEMORY.1) != Some(&Value::Boolean(true)) {
        return Ok(Vec::new());
    }
    let mut said = Vec::new();
    for (section, key) in PLACES {
        let Some(place) = highest(layers, section, key) else {
            continue;
        };
        let value = layers[place].get(section, key);
        if !value.is_some_and(|value| rests(key, value)) {
            continue;
        }
        let (in_memory, other) = (
            layers[memory].name(MEMORY.0, MEMORY.1),
            layers[place].name(section, key),
        );
        match place.cmp(&memory) {
            std::cmp::Ordering::Equal => {
                return Err(Error::invalid(format!(
                    "`{in_memory}` and `{other}` contradict each other"
                ))
                .param(other)
                .hint("keep one: state is either in memory or in a directory"));
            }
            std::cmp::Ordering::Less => {
                said.push(format!(
                    "`{other}` does not count: {in_memory} keeps everything in memory"
                ));
                layers
                    .iter_mut()
                    .for_each(|layer| _ = layer.remove(section, key));
            }
            std::cmp::Ordering::Greater => {
                layers
                    .iter_mut()
                    .for_each(|layer| _ = layer.remove(MEMORY.0, MEMORY.1));
                return Ok(vec![format!(
                    "`{in_memory}` does not count: {other} says where state rests"
                )]);
            }
        }
    }
    Ok(said)
}

/// The highest layer that sets it.
fn highest(layers: &[Layer], section: &str, key: &str) -> Option<usize> {
    layers
        .iter()
        .rposition(|layer| layer.get(section, key).is_some())
}
