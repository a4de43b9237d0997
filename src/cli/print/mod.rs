//! Turning records into text. Pure: a printer gets values and gives back the whole output.

mod bar;
mod cell;
mod error;
mod format;
mod records;
mod table;
mod toml;

pub(crate) use crate::visible::{clean, json, visible};
pub(crate) use bar::{bar, columns};
pub(crate) use cell::{Now, amount, cell, money, short, text, until};
pub(crate) use error::{colour, colour_on, complain, errors_as_json};
pub(crate) use format::{FORMATS, Format, written};
pub(crate) use records::{Look, quoted};
pub(crate) use table::{aligned, row, table};
pub(crate) use toml::{grouped, toml, toml_records};

#[cfg(test)]
mod tests;
