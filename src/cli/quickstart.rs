//! `gw quickstart`: a gateway in a directory of its own, provisioned from nothing to a routed request, with
//! every command it ran printed as one that can be copied.

use super::{interrupt::Interrupt, progress::Progress};
use crate::error::{Error, Kind, Result};
use crate::mock::{Mock, Settings};
use crate::shell::quoted;
use clap::{Arg, ArgMatches, Command};
use serde_json::Value;
use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::{Child, ExitCode, Stdio},
    time::{Duration, Instant},
};

/// A real provider: vendor, variable, a small model.
type Real = (&'static str, &'static str, &'static str);

/// Those offered when their variable is set.
const REAL: [Real; 2] = [
    ("openai", "OPENAI_API_KEY", "gpt-4o-mini"),
    ("anthropic", "ANTHROPIC_API_KEY", "claude-haiku-4-5"),
];

/// `gw quickstart`.
pub(super) fn command() -> Command {
    Command::new("quickstart")
        .about("Run a gateway in a directory of its own, send a first request and take a tour")
        .after_help("Everything lives in one temporary directory and on free ports of this machine. The upstreams are\nsimulators unless you choose a real provider whose key is in the environment. After the tour the\ngateway keeps running until Ctrl-C, which removes the directory.")
        .args([
            Arg::new("once").long("once").action(clap::ArgAction::SetTrue).help("End after the tour instead of serving on"),
            Arg::new("dir").long("dir").value_name("DIR").value_parser(clap::value_parser!(PathBuf)).help("Keep everything in this directory instead of a temporary one"),
            Arg::new("provider").long("provider").value_name("VENDOR").value_parser(["mock", "openai", "anthropic"]).help("Which upstream answers (default: the simulator)"),
        ])
}

/// Runs the tour.
pub(super) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let no_input = matches.get_flag("no_input") || !std::io::stdin().is_terminal();
    let real = choose(
        matches.get_one::<String>("provider").map(String::as_str),
        no_input,
    )?;
    // From here on there is something to tidy up.
    let interrupt = Interrupt::listen()?;
    match tour(matches, real, &interrupt) {
        // Whatever it stumbled over then, that is why.
        Err(_) if interrupt.came() => Ok(ExitCode::from(INTERRUPTED)),
        ended => ended,
    }
}

/// The exit code of a tour that was cut short.
const INTERRUPTED: u8 = 130;

fn tour(matches: &ArgMatches, real: Option<Real>, interrupt: &Interrupt) -> Result<ExitCode> {
    let tour = Tour::begin(matches.get_one::<PathBuf>("dir").cloned(), interrupt)?;
    tour.provision(real)?;
    tour.request()?;
    tour.look()?;
    if matches.get_flag("once") {
        say("\nThat was the tour. Start your own gateway with `gw serve`.");
        return Ok(ExitCode::SUCCESS);
    }
    tour.stay()
}

/// The real provider to use, if one was asked for or the offer was taken.
fn choose(asked: Option<&str>, no_input: bool) -> Result<Option<Real>> {
    let set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    if let Some(vendor) = asked {
        let Some(found) = REAL.into_iter().find(|(id, ..)| *id == vendor) else {
            return Ok(None);
        };
        return match set(found.1) {
            true => Ok(Some(found)),
            false => Err(
                Error::invalid(format!("{} is not set", found.1)).hint(format!(
                    "set it, or leave out --provider {vendor} to use the simulator"
                )),
            ),
        };
    }
    let Some(found) = REAL.into_iter().find(|(_, variable, _)| set(variable)) else {
        return Ok(None);
    };
    if no_input {
        say(&format!(
            "{} is set: `gw quickstart --provider {}` takes this tour with the real provider (it costs a fraction of a cent).\n",
            found.1, found.0
        ));
        return Ok(None);
    }
    crate::stdio::ask(format_args!(
        "{} is set. Use the real provider instead of the simulator? It costs a fraction of a cent. [y/N] ",
        found.1
    ));
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Error::invalid("the answer cannot be read").cause(error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes").then_some(found))
}

/// A running tour. Dropping it stops the gateway and removes a temporary directory.
struct Tour<'a> {
    interrupt: &'a Interrupt,
    dir: PathBuf,
    temporary: bool,
    gateway: Child,
    url: String,
    admin: String,
    flaky: Mock,
    steady: Mock,
}

impl<'a> Tour<'a> {
    fn begin(dir: Option<PathBuf>, interrupt: &'a Interrupt) -> Result<Tour<'a>> {
        let temporary = dir.is_none();
        let dir = dir.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("gw-quickstart-{}", std::process::id()))
        });
        let failed = |error: std::io::Error| {
            Error::invalid(format!("`{}` cannot be used", dir.display()))
                .cause(error)
                .hint("give another directory with --dir")
        };
        #[allow(unused_mut)]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&dir).map_err(failed)?;
        let ready = dir.join("ready.json");
        let _ = fs::remove_file(&ready);
        let admin = if cfg!(unix) {
            format!("unix:{}", dir.join("admin.sock").display())
        } else {
            String::from("127.0.0.1:0")
        };
        let data = dir.join("data");
        let simulator = |status: Option<u16>| {
            let mut settings = Settings::default();
            settings.script.status = status;
            Mock::start(settings)
                .map_err(|error| Error::internal("the simulator cannot start").cause(error))
        };
        let (flaky, steady) = (simulator(Some(429))?, simulator(None)?);
        say("Two simulators stand in for providers: one is out of capacity, one answers.");
        say(&format!(
            "  $ gw mock --listen {} --status 429 &\n  $ gw mock --listen {} &",
            flaky.address(),
            steady.address()
        ));
        say("The gateway: a proxy for callers, and an admin API that the other commands talk to.");
        say(&format!(
            "  $ gw serve --listen 127.0.0.1:0 --data-dir {} --admin-listen {admin} &",
            data.display()
        ));
        // Its standard input is ours to hold: when this process goes, however it goes, the gateway stops.
        let gateway = myself()?
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--secrets",
                "sealed",
                "--log-level",
                "error",
                "--exit-on-stdin-close",
                "--admin-listen",
                &admin,
            ])
            .arg("--data-dir")
            .arg(&data)
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::piped())
            .stderr(fs::File::create(dir.join("serve.log")).map_err(failed)?)
            .spawn()
            .map_err(|error| Error::internal("the gateway cannot start").cause(error))?;
        let mut tour = Tour {
            interrupt,
            dir,
            temporary,
            gateway,
            url: String::new(),
            admin,
            flaky,
            steady,
        };
        tour.wait(&ready)?;
        say(&format!("  listening on {}\n", tour.url));
        Ok(tour)
    }

    fn wait(&mut self, ready: &Path) -> Result<()> {
        let _progress = Progress::start(true, "starting the gateway", None);
        let start = Instant::now();
        loop {
            if let Some(facts) = fs::read(ready)
                .ok()
                .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
            {
                self.url = facts["url"].as_str().unwrap_or_default().to_owned();
                self.admin = facts["admin"].as_str().unwrap_or_default().to_owned();
                return Ok(());
            }
            let ended = self.gateway.try_wait().ok().flatten().is_some();
            if ended || start.elapsed() > Duration::from_secs(30) {
                let said = fs::read_to_string(self.dir.join("serve.log")).unwrap_or_default();
                return Err(
                    Error::internal(format!("the gateway did not start: {}", said.trim()))
                        .hint("run `gw serve` by itself to see more"),
                );
            }
            if self.interrupt.wait(Duration::from_millis(10)) {
                return Err(Error::internal("interrupted"));
            }
        }
    }

    fn provision(&self, real: Option<Real>) -> Result<()> {
        let key = self.key_file();
        let base = |mock: &Mock| format!("{}/v1", mock.url());
        say(
            "Two providers. Their credentials, where they have some, go to the secret store, never to a file or a log.",
        );
        self.gw(&[
            "provider",
            "create",
            "flaky",
            "--vendor",
            "mock",
            "--base-url",
            &base(&self.flaky),
            "--verify=false",
        ])?;
        let target = match real {
            Some((vendor, variable, model)) => {
                self.gw(&[
                    "provider",
                    "create",
                    vendor,
                    "--vendor",
                    vendor,
                    "--credential-env",
                    variable,
                ])?;
                format!("{vendor}/{model}")
            }
            None => {
                self.gw(&[
                    "provider",
                    "create",
                    "steady",
                    "--vendor",
                    "mock",
                    "--base-url",
                    &base(&self.steady),
                ])?;
                String::from("steady/gpt-4o-mini")
            }
        };
        if real.is_none() {
            say(
                "What the model costs, in dollars per million tokens. Known models have their prices built in.",
            );
            self.gw(&[
                "model",
                "create",
                "steady/gpt-4o-mini",
                "--provider",
                "steady",
                "--price-input",
                "0.15",
                "--price-output",
                "0.60",
            ])?;
        }
        say(
            "A user, and a key that belongs to it. The secret is shown once; here it goes to a file.",
        );
        self.gw(&["user", "create", "demo"])?;
        let _ = fs::remove_file(&key);
        self.gw(&[
            "key",
            "create",
            "demo",
            "--user",
            "demo",
            "--output-file",
            &key,
        ])?;
        say("A route: requests of this key go to `flaky`, and to the next target when that fails.");
        self.gw(&[
            "route",
            "create",
            "demo",
            "--key",
            "demo",
            "--to",
            "flaky/gpt-4o",
            "--to",
            &target,
        ])
    }

    fn request(&self) -> Result<()> {
        say("A request, as any OpenAI client would send it:");
        self.gw(&[
            "request",
            "In one word: what colour is the sky?",
            "-m",
            "gpt-4o",
            "--key-file",
            &self.key_file(),
            "--explain",
        ])
    }

    fn look(&self) -> Result<()> {
        say("What happened, from the request log: a row a request,");
        self.gw(&["logs"])?;
        say("and every attempt of it:");
        let id = self.quiet(&["logs", "-n", "1", "-o", "name"])?;
        self.gw(&["logs", "show", id.trim().trim_start_matches("log/")])
    }

    /// Serves on until interrupted, which is how this is meant to end.
    fn stay(mut self) -> Result<ExitCode> {
        say("The gateway keeps running until you press Ctrl-C. In another terminal:");
        say(&format!("  $ export GW_ADMIN_URL={}", quoted(&self.admin)));
        say(&format!(
            "  $ export OPENAI_BASE_URL={}/v1 OPENAI_API_KEY=$(cat {})",
            self.url,
            quoted(&self.key_file())
        ));
        say("  $ gw logs -f");
        while !self.interrupt.wait(Duration::from_millis(200)) {
            // Not `wait`, which would close the gateway's standard input first, and so end it.
            if let Ok(Some(status)) = self.gateway.try_wait() {
                let said = fs::read_to_string(self.dir.join("serve.log")).unwrap_or_default();
                return match status.success() || self.interrupt.came() {
                    true => Ok(ExitCode::SUCCESS),
                    false => Err(
                        Error::internal(format!("the gateway ended: {}", said.trim()))
                            .hint("run `gw serve` by itself to see more"),
                    ),
                };
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn key_file(&self) -> String {
        self.dir.join("demo.key").display().to_string()
    }

    /// Prints a command and runs it, its output with it.
    fn gw(&self, arguments: &[&str]) -> Result<()> {
        let shown: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        say(&format!("  $ gw {}", shown.join(" ")));
        say(&indent(&self.quiet(arguments)?));
        Ok(())
    }

    fn quiet(&self, arguments: &[&str]) -> Result<String> {
        if self.interrupt.came() {
            return Err(Error::internal("interrupted"));
        }
        let _progress = Progress::start(true, &format!("gw {}", arguments.join(" ")), None);
        let output = myself()?
            .args(arguments)
            .env("GW_ADMIN_URL", &self.admin)
            .env_remove("GW_OUTPUT")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::internal("the command cannot be run").cause(error))?;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        match output.status.success() {
            true => Ok(text),
            false => Err(Error::new(
                Kind::Internal,
                format!("`gw {}` failed: {}", arguments.join(" "), text.trim()),
            )
            .hint("run it by itself to see more")),
        }
    }
}

impl Drop for Tour<'_> {
    fn drop(&mut self) {
        drop(self.gateway.stdin.take());
        let _ = self.gateway.wait();
        if self.temporary {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn myself() -> Result<std::process::Command> {
    let path = std::env::current_exe()
        .map_err(|error| Error::internal("this program cannot be found").cause(error))?;
    Ok(std::process::Command::new(path))
}

fn say(text: &str) {
    super::context::write_out(format!("{text}\n").as_bytes());
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
