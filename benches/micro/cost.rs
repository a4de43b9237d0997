//! What a request cost, and what is known of its model.

use divan::{Bencher, black_box};
use gw::catalog;
use gw::chat::{Tier, Usage, UsageSource};

#[divan::bench]
fn cost(bencher: Bencher<'_, '_>) {
    let prices = catalog::facts(None, catalog::find("openai", "gpt-4o-mini")).prices;
    let usage = Usage {
        input: 1_200,
        output: 300,
        cache_read: 1_024,
        ..Usage::default()
    };
    bencher.bench(|| {
        catalog::cost(
            black_box(&usage),
            Tier::Standard,
            UsageSource::Reported,
            &prices,
        )
    });
}

#[divan::bench(args = ["gpt-4o-mini", "no-such-model"])]
fn find(model: &str) -> Option<&'static catalog::Known> {
    catalog::find("openai", black_box(model))
}
