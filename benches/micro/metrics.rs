//! A scrape of a thousand series: a look at the live figures, and the text made of them.

use divan::{Bencher, black_box};
use gw::live::{Live, metrics, scene::Scene};
use gw::store::journal::Row;

const SERIES: usize = 1_000;
/// Of the test's own time, in milliseconds.
const NOW: i64 = 1_000;

fn live() -> Live {
    let live = Live::new(1);
    for at in 0..SERIES {
        live.note(&Row {
            route: Some("route".into()),
            provider: Some(format!("provider{}", at % 20).into()),
            model: Some(format!("model-{at}").into()),
            status: 200,
            ..Row::default()
        });
        // A worker's own table takes fewer between two looks.
        live.look(NOW, &|_, _| true, |_| ());
    }
    live
}

#[divan::bench(sample_size = 1, sample_count = 50)]
fn scrape_of_1_000_series(bencher: Bencher<'_, '_>) {
    let live = live();
    bencher
        .bench_local(|| metrics::text(black_box(&live).look(NOW, &|_, _| true, Scene::of), true));
}

/// What the record of a request adds to its worker's tally.
#[divan::bench]
fn note(bencher: Bencher<'_, '_>) {
    let live = Live::new(1);
    let row = Row {
        key: Some("ci".into()),
        route: Some("route".into()),
        provider: Some("provider".into()),
        model: Some("vendor/model".into()),
        status: 200,
        latency_ms: 12,
        ttft_ms: Some(12),
        ..Row::default()
    };
    bencher.bench_local(|| live.note(black_box(&row)));
}
