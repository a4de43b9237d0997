//! How a provider's dialect differs: as its vendor's row says, unless its record says otherwise.

use crate::formats::{Quirks, StreamUsage};
use crate::resources::provider::{Provider, STREAM_USAGE};
use crate::vendors::Vendor;

pub(super) fn of(vendor: &Vendor, spec: &Provider) -> Quirks {
    let said = spec.quirks.get(STREAM_USAGE);
    Quirks {
        stream_usage: said
            .and_then(|said| stream_usage(said))
            .unwrap_or(vendor.quirks.stream_usage),
        ..vendor.quirks
    }
}

fn stream_usage(said: &str) -> Option<StreamUsage> {
    match said {
        "asked" => Some(StreamUsage::Asked),
        "unasked" => Some(StreamUsage::Unasked),
        "never" => Some(StreamUsage::Never),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::provider::STREAM_USAGES;

    #[test]
    fn every_value_a_record_can_have_means_something() {
        for said in STREAM_USAGES {
            assert!(stream_usage(said).is_some(), "{said}");
        }
        assert_eq!(stream_usage("x"), None);
    }
}
