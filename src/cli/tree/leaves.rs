//! What there is to say about each command beside its arguments: the formats it can print and how it is used.

use crate::cli::print::FORMATS;

/// One command that does something.
struct Row {
    /// The words that lead to it; `*` stands for any kind.
    path: &'static str,
    /// The output formats it can give.
    gives: &'static [&'static str],
    /// Command lines without the leading `gw`; KIND and NAME stand for the kind and a likely name of one.
    examples: &'static [&'static str],
}

/// Of records and rows.
const LIST: &[&str] = &FORMATS;
/// Of answers that have no columns.
const VALUE: &[&str] = &["table", "wide", "json", "jsonl", "yaml", "toml", "value="];
/// The same where it has rows, without names.
const ESTIMATE: &[&str] = &[
    "table", "wide", "json", "jsonl", "yaml", "toml", "csv", "value=",
];
/// The same where every answer has a name.
const NAMED: &[&str] = &[
    "table", "wide", "json", "jsonl", "yaml", "toml", "name", "value=",
];
/// Of sums: they have columns, but no names.
const SUMS: &[&str] = &[
    "table", "wide", "json", "jsonl", "yaml", "toml", "csv", "value=",
];
/// Text alone; with json the errors are JSON.
const TEXT: &[&str] = &["table", "json", "jsonl"];

const fn row(
    path: &'static str,
    gives: &'static [&'static str],
    examples: &'static [&'static str],
) -> Row {
    Row {
        path,
        gives,
        examples,
    }
}

/// Every command.
static ROWS: &[Row] = &[
    row(
        "serve",
        TEXT,
        &[
            "serve",
            "serve --dev",
            "serve --in-memory --mock -f gw.toml -- pytest",
        ],
    ),
    row("quickstart", TEXT, &["quickstart", "quickstart --once"]),
    row(
        "mock",
        TEXT,
        &[
            "mock --listen 127.0.0.1:4010",
            "mock --fail-first 2 --status 429",
            "mock --script task.json",
        ],
    ),
    row(
        "user create",
        LIST,
        &[
            "user create ann --team search",
            "user create ci --label env=ci --if-not-exists",
        ],
    ),
    row(
        "user set",
        LIST,
        &["user set ann --team search", "user set ann --label env=ci"],
    ),
    row(
        "key create",
        LIST,
        &[
            "key create ci --user ann",
            "key create ci --user ann --expires 90d --output-file ci.key",
        ],
    ),
    row("key set", LIST, &["key set ci --expires 2030-01-01"]),
    row(
        "key rotate",
        LIST,
        &["key rotate ci --grace 24h --output-file ci.key"],
    ),
    row("key revoke", LIST, &["key revoke ci -y"]),
    row("key identify", LIST, &["key identify < ci.key"]),
    row(
        "provider create",
        LIST,
        &[
            "provider create openai --vendor openai --credential-env OPENAI_API_KEY",
            "provider create local --vendor ollama --base-url http://127.0.0.1:11434",
        ],
    ),
    row(
        "provider set",
        LIST,
        &["provider set openai --base-url https://eu.api.openai.com/v1"],
    ),
    row(
        "provider test",
        VALUE,
        &["provider test", "provider test openai -m gpt-4o"],
    ),
    row(
        "provider discover",
        VALUE,
        &["provider discover openai --enable"],
    ),
    row(
        "provider rekey",
        LIST,
        &["provider rekey openai --credential-env OPENAI_API_KEY"],
    ),
    row("provider vendors", NAMED, &["provider vendors"]),
    row(
        "model create",
        LIST,
        &["model create fast --provider openai --upstream-id gpt-4o-mini"],
    ),
    row(
        "model set",
        LIST,
        &["model set fast --context-window 128000"],
    ),
    row(
        "model get",
        LIST,
        &[
            "model get --provider openai --status enabled --search gpt",
            "model get --all --capability tools,images --group-snapshots --limit 20",
            "model get openai/gpt-4o -o wide",
        ],
    ),
    row("model describe", LIST, &["model describe openai/gpt-4o"]),
    row(
        "model search",
        LIST,
        &[
            "model search gpt --provider openai --enabled",
            "model search --vendor anthropic",
        ],
    ),
    row(
        "model sync",
        VALUE,
        &[
            "model sync openai --dry-run",
            "model sync --prices prices.json --yes",
            "model sync --prices builtin",
        ],
    ),
    row(
        "model disable",
        LIST,
        &["model disable openai/gpt-4o", "model disable fast"],
    ),
    row(
        "route create",
        LIST,
        &[
            "route create default --key ci --to openai",
            "route create split --key ci --strategy split --to openai/gpt-4o=8 --to anthropic=2",
            "route create chat --user ann --to openai --rule 'tokens > 100000 => anthropic'",
        ],
    ),
    row(
        "route set",
        LIST,
        &["route set default --to openai --to anthropic"],
    ),
    row(
        "route explain",
        VALUE,
        &[
            "route explain --key ci -m gpt-4o",
            "route explain --key ci --path /v1/messages --data @request.json --stream",
            "route explain --as-of req_01JD9ZQ5X8",
        ],
    ),
    row(
        "route status",
        VALUE,
        &["route status", "route status default -o wide"],
    ),
    row(
        "route test",
        VALUE,
        &["route test default", "route test default -m gpt-4o"],
    ),
    row(
        "* get",
        LIST,
        &[
            "KIND get",
            "KIND get NAME -o json",
            "KIND get -l env=ci -o name",
        ],
    ),
    row("* describe", LIST, &["KIND describe NAME"]),
    row(
        "* delete",
        NAMED,
        &["KIND delete NAME", "KIND delete -l env=ci --dry-run"],
    ),
    row(
        "* limits",
        VALUE,
        &["KIND limits NAME", "KIND limits NAME -o json"],
    ),
    row(
        "* limits set",
        LIST,
        &[
            "KIND limits set NAME --limit tokens=100000/hour",
            "KIND limits set NAME --budget 10/month --shadow",
        ],
    ),
    row(
        "* limits unset",
        LIST,
        &["KIND limits unset NAME tokens/hour"],
    ),
    row(
        "* limits reset",
        VALUE,
        &["KIND limits reset NAME spend/month --reason 'price was wrong'"],
    ),
    row("* enable", LIST, &["KIND enable NAME"]),
    row("* disable", LIST, &["KIND disable NAME"]),
    row("get", LIST, &["get user,key -o wide", "get all -o name"]),
    row("describe", LIST, &["describe key/ci route/default"]),
    row(
        "delete",
        NAMED,
        &[
            "delete key/ci route/default -y",
            "delete -f gw.toml --dry-run",
        ],
    ),
    row(
        "apply",
        NAMED,
        &[
            "apply -f gw.toml --dry-run",
            "apply -f gw.toml --owner ci --prune",
        ],
    ),
    row(
        "diff",
        NAMED,
        &["diff -f gw.toml", "diff -f gw.toml --owner ci --prune"],
    ),
    row(
        "export",
        NAMED,
        &["export > gw.toml", "export route -o yaml"],
    ),
    row("explain", TEXT, &["explain route", "explain route.targets"]),
    row("wait", TEXT, &["wait --timeout 10s"]),
    row("status", VALUE, &["status", "status -o value=.url"]),
    row("notify test", VALUE, &["notify test"]),
    row(
        "top",
        VALUE,
        &["top", "top --once", "top -o value=.last_minute.requests"],
    ),
    row("doctor", VALUE, &["doctor"]),
    row("db stats", VALUE, &["db stats", "db stats -o json"]),
    row("db verify", VALUE, &["db verify"]),
    row(
        "db backup",
        TEXT,
        &["db backup /var/backups/", "db backup gw.tar --logs"],
    ),
    row("db compact", VALUE, &["db compact"]),
    row("completion", TEXT, &["completion bash"]),
    row("help", TEXT, &["help key create", "help exit-codes"]),
    row(
        "logs",
        LIST,
        &[
            "logs",
            "logs -f --status error",
            "logs --key ci --since 1h -o csv",
        ],
    ),
    row(
        "logs get",
        LIST,
        &[
            "logs get req_01JD9ZQ5X8 --bodies",
            "logs get req_01JD9ZQ5X8 --curl",
        ],
    ),
    row(
        "logs replay",
        VALUE,
        &["logs replay req_01JD9ZQ5X8 --model gpt-4o,claude-sonnet-4-5 --key-file ci.key"],
    ),
    row(
        "logs export",
        LIST,
        &["logs export --since 7d --content > logs.jsonl"],
    ),
    row(
        "usage",
        SUMS,
        &[
            "usage",
            "usage --by user,model --since 30d",
            "usage --by day --key ci --since 7d --utc",
            "usage --by label:team --sort tokens -o csv",
        ],
    ),
    row(
        "usage reprice",
        VALUE,
        &[
            "usage reprice --since 7d --dry-run",
            "usage reprice --since 2030-01-01 --model gpt-4o --yes",
        ],
    ),
    row(
        "request",
        VALUE,
        &[
            "request 'hello' -m gpt-4o --key-file ci.key",
            "request ping -m gpt-4o --key-file ci.key --expect status==200",
        ],
    ),
    row(
        "request estimate",
        ESTIMATE,
        &[
            "request estimate -f body.json --model gpt-4o,claude-sonnet-4-5",
            "request estimate 'hello' -m gpt-4o --max-tokens 500 --cached 80",
        ],
    ),
    row(
        "request check",
        VALUE,
        &[
            "request check -f body.json --to anthropic/claude-sonnet-5",
            "request check -f - --to openai --format anthropic-messages -o json",
        ],
    ),
];

/// A row, of one kind.
pub(crate) struct Leaf {
    row: &'static Row,
    kind: &'static str,
}

/// What there is to say about the command at this path, such as `key create`.
pub(crate) fn leaf(path: &str) -> Option<Leaf> {
    let found = |path: &str| ROWS.iter().find(|row| row.path == path);
    if let Some(row) = found(path) {
        return Some(Leaf { row, kind: "" });
    }
    let (kind, verb) = path.split_once(' ')?;
    let kind = crate::resources::kind(kind).ok()?.name;
    let row = found(&format!("* {verb}"))?;
    Some(Leaf { row, kind })
}

impl Leaf {
    /// The output formats it can give.
    pub fn gives(&self) -> &'static [&'static str] {
        self.row.gives
    }

    /// Command lines as they are typed.
    pub fn examples(&self) -> Vec<String> {
        let name = match self.kind {
            "user" => "ann",
            "key" => "ci",
            "provider" => "openai",
            "model" => "fast",
            _ => "default",
        };
        let lines = self.row.examples.iter();
        lines
            .map(|line| {
                format!(
                    "gw {}",
                    line.replace("KIND", self.kind).replace("NAME", name)
                )
            })
            .collect()
    }
}
