//! The log on disk keeps what every journal promises.

use super::*;
use crate::store::journal::contract;

struct InDir(Segments, #[allow(dead_code)] tempfile::TempDir);

impl Journal for InDir {
    fn push(&self, row: Row, content: Option<Content>) {
        self.0.push(row, content);
    }
    fn query(
        &self,
        filter: &Filter,
        order: Order,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page> {
        self.0.query(filter, order, limit, cursor)
    }
    fn find(&self, id: &str) -> Result<Option<(Row, Body)>> {
        self.0.find(id)
    }
    fn fold(&self, ask: &Ask) -> Result<Folded> {
        self.0.fold(ask)
    }
    fn reprice(&self, wanted: &Repricing<'_>) -> Result<Tally> {
        self.0.reprice(wanted)
    }
    fn follow(&self) -> Following {
        self.0.follow()
    }
    fn newest(&self) -> Option<String> {
        self.0.newest()
    }
    fn health(&self) -> Health {
        self.0.health()
    }
    fn close(&self) {
        self.0.close();
    }
}

#[test]
fn keeps_the_contract() {
    contract::suite(|| {
        let dir = tempfile::tempdir().unwrap();
        InDir(open(dir.path()), dir)
    });
}

#[test]
fn keeps_the_contract_in_many_small_segments() {
    contract::suite(|| {
        let dir = tempfile::tempdir().unwrap();
        InDir(Segments::open(dir.path(), small(3000)).unwrap(), dir)
    });
}
