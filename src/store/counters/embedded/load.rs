//! What the file says, as ledgers, when a gateway starts: what was held when a process died counts as used, and nothing counts
//! as later than now.

use super::codec::{self, Record, Written};
use super::file::{self, Found};
use crate::clock;
use crate::resources::Stamp;
use crate::store::counters::ledger::{Change, Ledger};
use crate::store::counters::{Amounts, Second, Subject};
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// More than this between what the system's clock says and what must have passed is a jump.
const JUMP: u64 = clock::JUMP.as_secs();

/// What was in a file.
#[derive(Debug, Default)]
pub struct Loaded {
    pub found: Found,
    /// By their numbers in the file.
    pub accounts: Vec<(u32, Subject, Ledger)>,
    /// When it was last written to.
    pub last: Option<Written>,
    /// Records of accounts whose beginning is lost.
    pub lost: u64,
}

struct Account {
    subject: Subject,
    ledger: Ledger,
    held: Amounts,
    /// When it was last written.
    at: Second,
}

/// Reads a file.
pub fn load(path: &Path) -> io::Result<Loaded> {
    let mut accounts: HashMap<u32, Account> = HashMap::new();
    let mut loaded = Loaded::default();
    let mut unread = 0;
    loaded.found = file::read(path, |payload| {
        let read = codec::unpack(payload, |written, record| {
            loaded.last = Some(*written);
            match record {
                Record::Whole {
                    number,
                    subject,
                    image,
                } => {
                    let account = Account {
                        subject,
                        held: image.held,
                        ledger: Ledger::from(*image),
                        at: written.at,
                    };
                    accounts.insert(number, account);
                }
                Record::Changed {
                    number,
                    held,
                    changes,
                } => match accounts.get_mut(&number) {
                    Some(account) => {
                        let latest = changes.iter().map(|change| change.at).max();
                        account.ledger.advance(written.at.max(latest.unwrap_or(0)));
                        for change in &changes {
                            account.ledger.count(change);
                        }
                        (account.held, account.at) = (held, written.at);
                    }
                    None => loaded.lost += 1,
                },
            }
        });
        unread += u64::from(read.is_none());
    })?;
    loaded.lost += unread;
    let settled = accounts.into_iter().map(|(number, mut account)| {
        // Whether it was answered and charged nobody knows any more.
        account.ledger.count(&Change {
            at: account.at,
            requests: 0,
            input: account.held.input,
            output: account.held.output,
            pico: account.held.pico,
        });
        if account.held != Amounts::default() {
            account.ledger.write_whole();
        }
        (number, account.subject, account.ledger)
    });
    loaded.accounts = settled.collect();
    loaded.accounts.sort_unstable_by_key(|(number, ..)| *number);
    Ok(loaded)
}

/// What time it is for windows, given what the file says: in the same run of the machine no later than can be, so that a clock
/// that was set makes nobody's window empty; otherwise what the system's clock says.
pub fn now(last: Option<Written>, wall: Stamp, monotonic: u64, run: u32) -> Stamp {
    let Some(last) = last.filter(|last| last.run == run && run != 0) else {
        return wall;
    };
    let passed = monotonic.saturating_sub(last.monotonic);
    let expected = u64::from(last.at).saturating_add(passed);
    let said = u64::try_from(wall.0 / 1_000).unwrap_or(0);
    match said.abs_diff(expected) > JUMP {
        true => Stamp(i64::try_from(expected.saturating_mul(1_000)).unwrap_or(i64::MAX)),
        false => wall,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_while_gw_was_stopped_makes_no_difference() {
        let last = Some(Written {
            at: 1_795_000_000,
            monotonic: 500,
            run: 7,
        });
        let wall = |seconds: i64| Stamp(seconds * 1_000 + 250);
        let said = |wall, monotonic, run| now(last, wall, monotonic, run).0;
        // Ten seconds have passed.
        assert_eq!(said(wall(1_795_000_010), 510, 7), 1_795_000_010_250);
        assert_eq!(said(wall(1_795_000_900), 510, 7), 1_795_000_900_250);
        for jump in [-86_400 * 400, -3_700, 3_700, 86_400 * 400] {
            let wall = wall(1_795_000_010 + jump);
            assert_eq!(said(wall, 510, 7), 1_795_000_010_000);
            // After a start of the machine there is nothing to compare with.
            assert_eq!(said(wall, 510, 8), wall.0);
            assert_eq!(now(None, wall, 510, 7), wall);
        }
    }
}
