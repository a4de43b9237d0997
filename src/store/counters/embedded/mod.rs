//! Counters of one machine that outlive the process: in memory as [`super::Memory`], and in a file of the data directory that a
//! thread of its own keeps up to date every second. Neither counting nor starting ever waits for the disk or fails because of
//! it.

mod codec;
mod file;
mod load;
#[cfg(test)]
mod tests;
mod writer;

use super::account::Account;
use super::books::{Books, Page};
use super::{
    Amounts, Answer, Clock, Counters, Health, Memory, Outcome, Refusal, Reserved, SESSIONS, Second,
    Standing, Subject,
};
use crate::clock;
use crate::error::{Error, Kind};
use crate::resources::Stamp;
use crate::resources::limit::Limit;
use crate::store::records::disk;
use codec::Written;
use load::Loaded;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use writer::Writer;

/// The file's name in its directory.
pub const NAME: &str = "ledgers";
/// What it is called where it is damaged; kept until somebody takes it away.
pub const DAMAGED: &str = "ledgers.damaged";

/// What the writer is asked.
enum Command {
    /// To write now what is new.
    Flush(Sender<()>),
    /// There is something new: to write it within a second.
    New,
    /// To write everything anew.
    Compact(Sender<io::Result<(u64, u64)>>),
    Close,
}

/// How the writer is doing.
#[derive(Clone, Debug, Default)]
struct Status {
    bytes: u64,
    damaged: Option<String>,
    failing: Option<String>,
}

/// Counters with a file.
pub struct Embedded {
    memory: Arc<Memory>,
    status: Arc<Mutex<Status>>,
    commands: Mutex<Sender<Command>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Which run of the machine this is, as a number; 0: nothing says.
fn run() -> u32 {
    static RUN: OnceLock<u32> = OnceLock::new();
    let number = || clock::run().map_or(0, |run| crc32fast::hash(run.as_bytes()));
    *RUN.get_or_init(number)
}

impl Embedded {
    /// Takes up what the file in this directory says. Damage costs what it hits and is told by [`Health`]; what is damaged
    /// stays beside the file. An error only where no thread can be made.
    pub fn open(dir: &Path) -> Outcome<Embedded> {
        Embedded::open_at(dir, |last| {
            load::now(last, Stamp::now(), clock::monotonic().as_secs(), run())
        })
    }

    /// `now`: what time it is, given when the file was last written to.
    fn open_at(dir: &Path, now: impl Fn(Option<Written>) -> Stamp) -> Outcome<Embedded> {
        let (loaded, damaged) = read(dir);
        let now = now(loaded.last);
        let (commands, received) = channel();
        let books = Arc::new(Books::new({
            let commands = commands.clone();
            // A writer that is gone writes nothing more.
            move || _ = commands.send(Command::New)
        }));
        let memory = Arc::new(Memory::new(Clock::at(now), SESSIONS, Some(books.clone())));
        for (number, subject, mut ledger) in loaded.accounts {
            ledger.clamp(memory.now());
            books.taken(number.saturating_add(1));
            memory.adopt(Account::new(
                subject,
                ledger,
                Some(Page::kept(&books, number)),
            ));
        }
        let sound = Some(loaded.found.sound).filter(|sound| *sound > 0);
        let status = Arc::new(Mutex::new(Status {
            bytes: loaded.found.sound,
            damaged,
            failing: None,
        }));
        let writer = Writer::new(dir, memory.clone(), books, sound, status.clone());
        let embedded = Embedded {
            memory,
            status,
            commands: Mutex::new(commands),
            thread: Mutex::new(Some(spawn(writer, received)?)),
        };
        // The file that was damaged lies aside, and the next is begun with all there is.
        if sound.is_none() && !embedded.memory.accounts().is_empty() {
            for account in embedded.memory.accounts() {
                account.write_whole();
            }
            embedded.tell(Command::Flush(channel().0));
        }
        Ok(embedded)
    }

    fn tell(&self, command: Command) {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        // A writer that is gone has written everything it was asked to.
        let _ = commands.send(command);
    }

    /// Writes out what is new. Blocks.
    pub fn flush(&self) {
        let (done, wait) = channel();
        self.tell(Command::Flush(done));
        let _ = wait.recv();
    }

    fn status(&self) -> Status {
        let status = self.status.lock();
        status.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn spawn(writer: Writer, commands: Receiver<Command>) -> Outcome<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("counters".into())
        .spawn(move || writer.run(&commands))
        .map_err(|error| {
            Error::new(
                Kind::Internal,
                "the thread that keeps what limits count cannot start",
            )
            .cause(error)
        })
}

/// Reads the file in this directory as it is on the disk: what is damaged, and what was looked at.
pub fn verify(dir: &Path) -> (Option<String>, String) {
    let path = dir.join(NAME);
    let shown = path.display();
    match load::load(&path) {
        Ok(Loaded { found, lost, .. }) if found.damaged > 0 || lost > 0 || found.sound == 0 => {
            let places = found.damaged.max(1);
            (
                Some(format!("{places} damaged place(s) in `{shown}`")),
                String::new(),
            )
        }
        Ok(loaded) => (
            None,
            format!(
                "{} accounts in {} bytes",
                loaded.accounts.len(),
                loaded.found.sound
            ),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (None, "nothing was counted".to_owned())
        }
        Err(error) => (
            Some(format!("`{shown}` cannot be read: {error}")),
            String::new(),
        ),
    }
}

/// What the file says, and what is wrong with it.
fn read(dir: &Path) -> (Loaded, Option<String>) {
    let path = dir.join(NAME);
    let kept = dir.join(DAMAGED);
    let shown = kept.display();
    let earlier = || {
        let there = kept.exists();
        there.then(|| format!("what was damaged at an earlier start is in `{shown}`"))
    };
    let mut loaded = match load::load(&path) {
        Ok(loaded) => loaded,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return (Loaded::default(), earlier());
        }
        Err(error) => {
            let why = format!(
                "`{}` cannot be read, and counting starts anew: {error}",
                path.display()
            );
            tracing::warn!(target: "gw::store", "{why}");
            return (Loaded::default(), Some(why));
        }
    };
    let what = match loaded.found {
        found if found.sound == 0 && path.metadata().is_ok_and(|it| it.len() > 0) => {
            "is no file of counters that this release knows; counting starts anew".to_owned()
        }
        found if found.damaged > 0 || loaded.lost > 0 => format!(
            "has {} damaged place(s); what was counted there is forgotten",
            found.damaged.max(1)
        ),
        _ => return (loaded, earlier()),
    };
    let aside = match std::fs::rename(&path, &kept) {
        Ok(()) => {
            loaded.found.sound = 0;
            format!("; it is kept as `{shown}`")
        }
        Err(_) => String::new(),
    };
    let _ = disk::tighten(&kept);
    let why = format!("`{}` {what}{aside}", path.display());
    tracing::warn!(target: "gw::store", "{why}");
    (loaded, Some(why))
}

impl Counters for Embedded {
    fn now(&self) -> Second {
        self.memory.now()
    }

    fn account(&self, subject: &Subject, limits: &[Limit], version: u64) -> Arc<Account> {
        self.memory.account(subject, limits, version)
    }

    fn reserve(
        &self,
        accounts: &[&Arc<Account>],
        asked: Amounts,
        now: Second,
    ) -> Answer<Result<Reserved, Box<Refusal>>> {
        self.memory.reserve(accounts, asked, now)
    }

    fn try_reserve(
        &self,
        accounts: &[&Arc<Account>],
        asked: Amounts,
        now: Second,
    ) -> Answer<Option<Reserved>> {
        self.memory.try_reserve(accounts, asked, now)
    }

    fn settle(&self, accounts: &[&Arc<Account>], reserved: &Reserved, used: Amounts, now: Second) {
        self.memory.settle(accounts, reserved, used, now);
    }

    fn standings(&self, account: &Arc<Account>, now: Second) -> Answer<Vec<Standing>> {
        self.memory.standings(account, now)
    }

    fn accounts(&self) -> Vec<Arc<Account>> {
        self.memory.accounts()
    }

    fn reset(&self, account: &Arc<Account>, limit: Option<&Limit>) {
        self.memory.reset(account, limit);
    }

    fn retain(&self, keep: &dyn Fn(&Subject) -> bool) {
        self.memory.retain(keep);
    }

    fn compact(&self) -> Outcome<Option<(u64, u64)>> {
        let (done, wait) = channel();
        self.tell(Command::Compact(done));
        let closed = || io::Error::other("the counters are closed");
        wait.recv()
            .map_err(|_| closed())
            .and_then(|result| result)
            .map(Some)
            .map_err(|error| {
                let kind = match disk::is_full(&error) {
                    true => Kind::StorageFull,
                    false => Kind::Internal,
                };
                Error::new(kind, "what limits count cannot be written anew")
                    .cause(error)
                    .hint("it goes on in the file there is; look at the disk, then try again")
            })
    }

    fn health(&self) -> Health {
        let status = self.status();
        Health {
            bytes: Some(status.bytes),
            damaged: status.damaged,
            degraded: status.failing,
            ..self.memory.health()
        }
    }

    fn close(&self) {
        self.tell(Command::Close);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}
