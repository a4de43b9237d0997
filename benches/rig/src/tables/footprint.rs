//! How soon a subject answers once it is started, and what memory it takes.

use crate::Failure;
use crate::bench::Bench;
use crate::table::{Table, number};

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "subject",
        "start ms",
        "idle MiB",
        "after load MiB",
        "most MiB",
    ]);
    let mebibytes = |bytes: u64| number(bytes as f64 / f64::from(1 << 20), 1);
    for row in bench.rows(|row| row.case == "openai") {
        let footprint = bench.footprint(row)?;
        table.row(vec![
            row.name.into(),
            number(footprint.start.as_secs_f64() * 1e3, 1),
            mebibytes(footprint.idle),
            mebibytes(footprint.loaded),
            mebibytes(footprint.most),
        ]);
    }
    table.print();
    Ok(())
}
