//! What is measured: which subjects stand in which tables, started one after the other, and whether the run may be believed.

use crate::Failure;
use crate::drive::{Drive, Load, Outcome};
use crate::subject::{Stage, Subject};
use crate::table::percent;
use crate::wire::Ask;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A row of the tables.
pub struct Row {
    pub name: &'static str,
    /// The script in `benches/subjects` and what it is told.
    script: &'static str,
    variant: &'static str,
    /// What it is asked for: `openai`, or `translated`, which the upstream sees as Anthropic's.
    pub case: &'static str,
    /// Stands in tables where rows are few.
    pub main: bool,
    /// Measured only with `--peers`.
    pub peer: bool,
}

const fn row(
    name: &'static str,
    script: &'static str,
    variant: &'static str,
    case: &'static str,
    main: bool,
) -> Row {
    Row {
        name,
        script,
        variant,
        case,
        main,
        peer: false,
    }
}

/// Another gateway.
const fn peer(name: &'static str, script: &'static str) -> Row {
    Row {
        peer: true,
        ..row(name, script, "", "openai", true)
    }
}

impl Row {
    /// Whether it is gw, which keeps no content in its log.
    pub fn is_gw_without_content(&self) -> bool {
        self.script == "gw" && self.variant == "metadata"
    }

    /// Whether it may leave work for when nothing is asked of it: content that its log compresses later. Where there is always
    /// more than it may leave there is nothing to wait for.
    fn leaves_work(&self) -> bool {
        self.script == "gw" && !["metadata", "unlogged", "sustained"].contains(&self.variant)
    }

    /// Whether it translates what this one forwards.
    pub fn is_translation_of(&self, other: &Row) -> bool {
        (self.script, self.variant) == (other.script, other.variant)
            && self.case == "translated"
            && other.case == "openai"
    }
}

/// What everything is compared with: the least that a proxy costs, and the least that hyper costs.
pub const NGINX: &str = "nginx";
pub const LEAN: &str = "lean hyper";

static ROWS: &[Row] = &[
    row(NGINX, "nginx", "", "openai", true),
    row("bare forwarder", "bare", "", "openai", false),
    row(LEAN, "lean", "", "openai", true),
    row("gw", "gw", "", "openai", true),
    row("gw, sustained", "gw", "sustained", "openai", false),
    row("gw, log without content", "gw", "metadata", "openai", false),
    row("gw, no log", "gw", "unlogged", "openai", false),
    row("gw, limits set", "gw", "limited", "openai", false),
    row("gw, translated", "gw", "", "translated", true),
    row(
        "gw, translated, log without content",
        "gw",
        "metadata",
        "translated",
        false,
    ),
    peer("TensorZero", "tensorzero"),
    peer("Portkey", "portkey"),
    peer("LiteLLM", "litellm"),
];

/// How long a subject may take to answer first.
const STARTING: Duration = Duration::from_secs(120);
/// A rig that gives a lean forwarder less of nginx than this measures itself.
const LEAN_AT_LEAST: f64 = 0.6;
/// Upstream and load tool together have room below this part of their core.
const ROOM: f64 = 0.7;
/// Above this part they were what was measured.
const FULL: f64 = 0.95;
/// Above this part of its own core a subject was not held back.
const SATURATED: f64 = 0.93;

/// A host that takes more than this part of a core, while something is measured, spoils it; how often, for each pass that is to
/// be counted, one is begun again.
const STOLEN: f64 = 0.02;
const AGAIN: usize = 4;

/// How long a subject that has work left may have done none of it, how often that is looked at, and what may stay: less content
/// than that is not compressed before more of it comes. A gw begins after 5 to 10 seconds, and what it has done is known file by
/// file, which are of 64 MiB: beside a host that takes half of the core, seconds of work.
const IDLE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);
const STAYS: u64 = 4 << 20;

/// How much is measured.
#[derive(Clone)]
pub struct Effort {
    /// After one that warms up and is not counted.
    pub passes: usize,
    pub length: Duration,
    pub starts: usize,
    pub peers: bool,
    /// Main rows alone.
    pub short: bool,
    /// Rows by their names, beside what everything is compared with; empty: all.
    pub named: Vec<String>,
}

fn rows(effort: &Effort) -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(|row| effort.peers || !row.peer)
        .filter(|row| !effort.short || row.main)
        .filter(|row| {
            let named = &effort.named;
            let always = named.is_empty() || row.name == NGINX || row.name == LEAN;
            always || named.iter().any(|name| name == row.name)
        })
}

/// Whether there is a row of this name.
pub fn is_row(name: &str) -> bool {
    ROWS.iter().any(|row| row.name == name)
}

/// The scripts of the subjects that are measured.
pub fn scripts(effort: &Effort) -> Vec<&'static str> {
    let mut scripts: Vec<&str> = rows(effort).map(|row| row.script).collect();
    scripts.sort_unstable();
    scripts.dedup();
    scripts
}

/// A run.
pub struct Bench {
    pub drive: Drive,
    pub effort: Effort,
    /// Whether subjects may come before what else runs on the machine.
    first: bool,
    subjects: HashMap<(&'static str, &'static str), Running>,
    /// Contents that were left out of logs where that was to be expected, by script and variant.
    excused: HashMap<(&'static str, &'static str), u64>,
    /// Why it cannot be believed.
    void: Vec<String>,
}

struct Running {
    subject: Subject,
    start: Duration,
    idle: u64,
    left: Option<Left>,
}

/// Work that a load may have left behind.
struct Left {
    /// CPU time when the load was over.
    used: Duration,
    answers: u64,
    /// Where it goes what the work took.
    later: Rc<Cell<Duration>>,
}

/// What became of a request log: rows written, and rows and contents left out.
pub struct Log {
    pub written: u64,
    pub rows: u64,
    pub contents: u64,
}

/// What a subject takes while nothing is asked of it.
pub struct Footprint {
    /// From start to first answer, the median.
    pub start: Duration,
    /// Bytes in RAM: after the first answer, after all that was asked, and the most there was.
    pub idle: u64,
    pub loaded: u64,
    pub most: u64,
}

impl Bench {
    /// Prepares and starts what is measured.
    pub fn new(drive: Drive, stage: &Stage, effort: Effort, first: bool) -> Result<Bench, Failure> {
        let mut bench = Bench {
            drive,
            effort,
            first,
            subjects: HashMap::new(),
            excused: HashMap::new(),
            void: Vec::new(),
        };
        for row in bench.rows(|_| true) {
            let key = (row.script, row.variant);
            if !bench.subjects.contains_key(&key) {
                let running = bench
                    .begin(stage, row)
                    .map_err(|error| format!("{}: {error}", row.name))?;
                bench.subjects.insert(key, running);
            }
        }
        Ok(bench)
    }

    fn begin(&mut self, stage: &Stage, row: &Row) -> Result<Running, Failure> {
        let name = format!("{}-{}", row.script, row.variant);
        let mut subject = Subject::prepare(stage, &name, row.script, row.variant)?;
        let mut starts = Vec::new();
        for start in 0..self.effort.starts {
            if start > 0 {
                subject.stop();
            }
            let begin = subject.start()?;
            let first = self
                .drive
                .first_answer(&|| subject.ask("openai"), begin, STARTING)
                .map_err(|error| format!("{error}\n{}", subject.said()))?;
            starts.push(first);
        }
        starts.sort_unstable();
        self.drive.serve(Duration::from_millis(300))?;
        let pid = subject.pid().ok_or("it is not running")?;
        subject.pause(true);
        Ok(Running {
            start: starts[starts.len() / 2],
            idle: crate::process::memory(pid)?.0,
            subject,
            left: None,
        })
    }

    /// The rows of this run for which that holds.
    pub fn rows(&self, of: impl Fn(&Row) -> bool) -> Vec<&'static Row> {
        rows(&self.effort).filter(|row| of(row)).collect()
    }

    /// How a row is asked, and the process that CPU time is counted of.
    pub fn ask(&self, row: &Row) -> Result<(Ask, u32), Failure> {
        let running = self.running(row)?;
        let pid = running.subject.pid().ok_or("it is not running")?;
        Ok((running.subject.ask(row.case)?, pid))
    }

    /// How the upstream is asked without anything between.
    pub fn direct(&self) -> Ask {
        Ask {
            host: self.drive.address().to_string(),
            path: "/v1/chat/completions".into(),
            model: "gpt-4o-mini".into(),
            headers: vec!["Authorization: Bearer upstream".into()],
        }
    }

    /// Has subjects come before whatever else runs on the machine, where that is allowed: for loads that never pause. At other
    /// loads their threads wait for each other as they would anywhere only under the ordinary rules.
    pub fn come_first(&self, first: bool) -> Result<(), Failure> {
        match self.first {
            true => self
                .subjects
                .values()
                .try_for_each(|running| running.subject.come_first(first)),
            false => Ok(()),
        }
    }

    /// Measures each of these in turns, as often as passes are to be counted. Unless it is to be short, one more before them warms
    /// up, and one that the machine's host disturbs is not counted and begun again.
    pub fn interleaved<T>(
        &mut self,
        rows: &[T],
        passes: usize,
        mut measure: impl FnMut(&mut Bench, &T) -> Result<Outcome, Failure>,
    ) -> Result<Vec<Vec<Outcome>>, Failure> {
        let mut outcomes: Vec<Vec<Outcome>> = rows.iter().map(|_| Vec::new()).collect();
        let (mut counted, mut again) = (0, 0);
        let short = self.effort.short;
        if !short {
            self.pass(rows, &mut measure, STOLEN)?;
        }
        while counted < passes {
            // Where it does not end its figures are better than none.
            let patient = !short && again < passes * AGAIN;
            match self.pass(rows, &mut measure, if patient { STOLEN } else { 1.0 })? {
                Some(pass) => {
                    counted += 1;
                    for (outcomes, outcome) in outcomes.iter_mut().zip(pass) {
                        outcomes.push(outcome);
                    }
                }
                None => again += 1,
            }
        }
        if again > 0 {
            let most = percent(STOLEN);
            println!(
                "note: {again} passes are not counted, since the host took more than {most} of a core meanwhile"
            );
        }
        if again == passes * AGAIN {
            println!("note: it never stopped, and is in these figures");
        }
        Ok(outcomes)
    }

    /// Measures each of these once; nothing comes of it once the host has taken more than `most` of a core. Then it is waited
    /// for the work that was left: what is measured in one pass stands together, since a machine's speed drifts in seconds.
    fn pass<T>(
        &mut self,
        rows: &[T],
        measure: &mut impl FnMut(&mut Bench, &T) -> Result<Outcome, Failure>,
        most: f64,
    ) -> Result<Option<Vec<Outcome>>, Failure> {
        let mut outcomes = Vec::new();
        for row in rows {
            let outcome = measure(self, row)?;
            if outcome.stolen > most {
                break;
            }
            outcomes.push(outcome);
        }
        for row in self.rows(Row::leaves_work) {
            self.catch_up(row)?;
        }
        Ok((outcomes.len() == rows.len()).then_some(outcomes))
    }

    /// Waits until a row's subject has done what its last load left behind.
    fn catch_up(&mut self, row: &Row) -> Result<(), Failure> {
        let key = (row.script, row.variant);
        let Some(left) = self.subjects.get_mut(&key).and_then(|it| it.left.take()) else {
            return Ok(());
        };
        self.running(row)?.subject.pause(false);
        let (mut least, mut since) = (u64::MAX, Instant::now());
        loop {
            // Nothing is said where there is nothing, or by a gw that leaves nothing.
            let stored = self.running(row)?.subject.tell("stored")?;
            let stored = stored.parse().unwrap_or(0);
            if stored < least {
                (least, since) = (stored, Instant::now());
            }
            if stored <= STAYS {
                break;
            }
            if since.elapsed() > IDLE {
                let name = row.name;
                println!("note: `{name}` leaves {stored} bytes of content as they are");
                break;
            }
            self.drive.serve(LOOK)?;
        }
        let used = crate::process::used(self.ask(row)?.1)?;
        let took = used.saturating_sub(left.used);
        left.later.set(took.div_f64(left.answers as f64));
        self.running(row)?.subject.pause(true);
        Ok(())
    }

    /// Asks a row's subject, while all others stand still; where it fails the error has what it said.
    pub fn load(
        &mut self,
        row: &Row,
        load: impl Fn(&Ask, u32) -> Load<'_>,
    ) -> Result<Outcome, Failure> {
        let (ask, pid) = self.ask(row)?;
        self.catch_up(row)?;
        self.running(row)?.subject.pause(false);
        let outcome = self.drive.run(&load(&ask, pid)).map_err(|error| {
            let said = self.running(row).map(|running| running.subject.said());
            format!("{}: {error}\n{}", row.name, said.unwrap_or_default())
        })?;
        self.running(row)?.subject.pause(true);
        let key = (row.script, row.variant);
        if row.leaves_work()
            && let Some(running) = self.subjects.get_mut(&key)
        {
            running.left = Some(Left {
                used: crate::process::used(pid)?,
                answers: outcome.answers,
                later: outcome.later.clone(),
            });
        }
        Ok(outcome)
    }

    pub fn footprint(&self, row: &Row) -> Result<Footprint, Failure> {
        let running = self.running(row)?;
        let pid = running.subject.pid().ok_or("it is not running")?;
        let (loaded, most) = crate::process::memory(pid)?;
        Ok(Footprint {
            start: running.start,
            idle: running.idle,
            loaded,
            most,
        })
    }

    fn running(&self, row: &Row) -> Result<&Running, Failure> {
        let key = (row.script, row.variant);
        Ok(self
            .subjects
            .get(&key)
            .ok_or_else(|| format!("`{}` is not running", row.name))?)
    }

    /// Looks at how busy both cores were, and says so where the subject may have been held back. Where it is `rates` that are
    /// compared the run is void if the rig was full; what an answer costs can be told all the same.
    pub fn judge_room(&mut self, name: &str, busy: f64, rig: f64, rates: bool) {
        if rig > FULL && rates {
            let why = format!(
                "upstream and load tool were {} busy and may be what was measured of `{name}`",
                percent(rig)
            );
            self.void.push(why);
        } else if rig > ROOM && busy < SATURATED {
            println!(
                "note: upstream and load tool were {} busy and may have held `{name}` back",
                percent(rig)
            );
        }
    }

    /// Looks at how much of nginx the lean forwarder reached.
    pub fn judge_lean(&mut self, ratio: f64) {
        if ratio.is_nan() || ratio < LEAN_AT_LEAST {
            self.void.push(format!("the lean forwarder reaches {ratio:.2} of nginx, less than {LEAN_AT_LEAST}: something else was measured"));
        }
    }

    /// What became of a row's request log so far; nothing where it has none.
    pub fn log(&self, row: &Row) -> Result<Option<Log>, Failure> {
        if row.script != "gw" {
            return Ok(None);
        }
        self.running(row)?.subject.pause(false);
        let told = self.running(row)?.subject.tell("log");
        self.running(row)?.subject.pause(true);
        let told = told?;
        let count = |name: &str| -> Option<u64> {
            let line = told.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        let log = (|| {
            Some(Log {
                written: count("written ")?,
                rows: count("rows_dropped ")?,
                contents: count("content_dropped ")?,
            })
        })();
        let unsaid = || {
            let name = row.name;
            format!("`{name}` does not say what became of its log, but: {told}").into()
        };
        log.ok_or_else(unsaid).map(Some)
    }

    /// So many contents were left out of a row's log where that was to be expected, and is shown.
    pub fn excuse(&mut self, row: &Row, contents: u64) {
        *self.excused.entry((row.script, row.variant)).or_default() += contents;
    }

    /// Asks each gw what became of its request log, and prints it.
    pub fn judge_logs(&mut self) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for row in self.rows(|row| row.case == "openai") {
            let Some(log) = self.log(row)? else {
                continue;
            };
            let Log {
                written,
                rows,
                contents,
            } = log;
            let excused = self.excused.get(&(row.script, row.variant));
            let excused = excused.copied().unwrap_or_default();
            let contents = contents.saturating_sub(excused);
            let besides = match excused {
                0 => String::new(),
                _ => format!(" (and {excused} of long requests, see there)"),
            };
            lines.push(format!("request log of `{}`: {written} rows written; dropped: {rows} rows, {contents} contents{besides}", row.name));
            if rows + contents > 0 {
                self.void.push(format!(
                    "`{}` left {rows} rows and {contents} contents out of its log",
                    row.name
                ));
            }
        }
        println!("{}", lines.join("\n"));
        Ok(())
    }

    /// Says why the run cannot be believed; whether it can.
    pub fn believed(&self) -> bool {
        for why in &self.void {
            println!("void: {why}");
        }
        self.void.is_empty()
    }
}
