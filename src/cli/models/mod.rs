//! What models have beyond records: a catalogue that knows more of them than there are records. `list` and `search` over
//! both, and a model by whatever name it has.

mod fetch;
mod group;
mod list;
mod sync;

pub(crate) use list::run as list;
pub(crate) use sync::run as sync;

use super::{
    context::name_of,
    remote::Remote,
    verbs::{self, Several},
};
use crate::catalog;
use crate::error::{Error, Kind, Result};
use crate::resources::model;
use crate::vendors::VENDORS;
use serde_json::Value;

/// Models by name, and what went wrong with the others: records first, then what the catalogue knows of the user's
/// providers, then of all vendors; by name, or by the id alone.
pub(crate) async fn some(remote: &Remote, names: &[String]) -> Result<(Vec<Value>, Several)> {
    let (mut items, mut problems) = (Vec::new(), Several::new(names.len()));
    for name in names {
        match remote.get(&model::KIND, name).await {
            Ok(item) => items.push(item),
            Err(error) if error.kind == Kind::NotFound => match known(remote, name).await? {
                found if found.is_empty() => problems.note(unknown(error, name))?,
                found => items.extend(found),
            },
            Err(error) => problems.note(error)?,
        }
    }
    Ok((items, problems))
}

/// What is known of a model that has no record of this name.
async fn known(remote: &Remote, name: &str) -> Result<Vec<Value>> {
    let own = verbs::pages::pages(remote, &model::KIND, None, None).await?;
    let beside = remote.catalog(None).await?;
    let found = called(own.into_iter().chain(beside).collect(), name);
    match found.is_empty() {
        false => Ok(found),
        true => Ok(called(remote.catalog(Some("all")).await?, name)),
    }
}

/// Those of this name, or else those whose id it is.
fn called(items: Vec<Value>, name: &str) -> Vec<Value> {
    let by_name = items.iter().any(|item| name_of(item) == name);
    let fits = |item: &Value| match by_name {
        true => name_of(item) == name,
        false => upstream(item) == name,
    };
    items.into_iter().filter(fits).collect()
}

fn unknown(error: Error, name: &str) -> Error {
    Error::not_found(error.message).hint(format!(
        "look for it with: gw model list --all --search '{}'",
        name.escape_debug()
    ))
}

/// The id a model's provider knows it by.
fn upstream(item: &Value) -> &str {
    let said = item
        .get("status")
        .and_then(|status| status.get("upstream_id"));
    said.or_else(|| item.get("upstream_id"))
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| name_of(item))
}

/// What vendors offer, as this very program knows it: by id, or of all.
fn built_in(vendors: &str) -> Result<Vec<Value>> {
    let prices = catalog::Overlay::default();
    let offered =
        |vendor: &crate::vendors::Vendor| catalog::offered(vendor.id, vendor.catalog, &prices);
    if vendors == "all" {
        return Ok(VENDORS.iter().flat_map(offered).collect());
    }
    let rows = vendors.split(',').map(crate::vendors::vendor);
    let rows: Vec<_> = rows.collect::<Result<_>>()?;
    Ok(rows.into_iter().flat_map(offered).collect())
}
