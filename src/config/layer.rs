//! What one source of settings says: a file, the environment, or the flags.

use std::collections::HashMap;
use toml::{Table, Value};

/// Values of one source, by section and key, and how that source spells the setting.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    values: Table,
    names: HashMap<(String, String), String>,
}

impl Layer {
    /// Sets one value, which the source calls `name`; later calls win.
    pub fn set(&mut self, name: &str, section: &str, key: &str, value: impl Into<Value>) {
        put(&mut self.values, section, key, value.into());
        self.names
            .insert((section.into(), key.into()), name.to_owned());
    }

    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Value> {
        self.values.get(section)?.get(key)
    }

    pub(super) fn name(&self, section: &str, key: &str) -> String {
        let name = self.names.get(&(section.to_owned(), key.to_owned()));
        name.cloned().unwrap_or_else(|| format!("{section}.{key}"))
    }

    pub(super) fn remove(&mut self, section: &str, key: &str) -> Option<Value> {
        self.values.get_mut(section)?.as_table_mut()?.remove(key)
    }

    /// What a file says.
    pub(super) fn of_file(values: Table, shown: &str) -> Layer {
        let mut layer = Layer::default();
        for (section, keys) in values {
            for (key, value) in keys.as_table().cloned().unwrap_or_default() {
                let name = format!("{section}.{key} in {shown}");
                layer.set(&name, &section, &key, value);
            }
        }
        layer
    }

    /// Lays it over what lower layers said.
    pub(super) fn onto(self, table: &mut Table) {
        for (section, values) in self.values {
            if let Value::Table(values) = values {
                values
                    .into_iter()
                    .for_each(|(key, value)| put(table, &section, &key, value));
            }
        }
    }
}

fn put(table: &mut Table, section: &str, key: &str, value: Value) {
    if let Value::Table(section) = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()))
    {
        section.insert(key.into(), value);
    }
}
