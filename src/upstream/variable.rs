//! Variables of the gateway's process, as the tools of clouds read them.

/// Its value; empty is as good as not set.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
