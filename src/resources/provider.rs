//! A provider: a vendor, where it is, and how gw signs in there.

mod credential;
pub mod health_check;
pub mod inject;

pub use credential::Credential;

use super::{
    Column, DISPLAY_NAME, Field, Kind, KindId, LABELS, LIMITS, Millis, Resource, Shape, Stamp,
    column, field, is_default, limit::Limit, wide, yes,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The id of a row of the vendors table, or `openai-compatible`.
    pub vendor: String,
    /// Overrides the vendor's base URL; ends before the endpoint path.
    #[serde(default, skip_serializing_if = "is_default")]
    pub base_url: String,
    /// What stands for `{region}`, `{project}` and `{account}` in its vendor's address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub region: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub project: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub account: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub credential: Credential,
    #[serde(default, skip_serializing_if = "is_default")]
    pub display_name: String,
    /// Environments it is active in; empty: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub environments: Vec<String>,
    /// Upstream model ids (globs) it exposes; empty: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub models: Vec<String>,
    /// Names of the formats it speaks, the one to translate to first; empty: its vendor's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub formats: Vec<String>,
    /// Extra request headers. Not for credentials.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, String>,
    /// Extra query parameters, such as Azure's `api-version`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub query: BTreeMap<String, String>,
    /// Where its dialect differs from its vendor's, such as `stream-usage=unasked`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quirks: BTreeMap<String, String>,
    /// PEM file of the authorities its certificate is checked against, in place of the system's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ca_file: String,
    /// PEM file of the certificate gw shows, with the chain behind it, and its private key's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub client_cert_file: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub client_key_file: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub connect_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub first_byte_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub idle_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub answer_timeout: Option<Millis>,
    /// Failures in a row that suspend a target; 0: it never is.
    #[serde(default = "suspend_after", skip_serializing_if = "is_suspend_after")]
    pub suspend_after: u32,
    /// How long a suspension is, until one request probes.
    #[serde(default = "suspend_for", skip_serializing_if = "is_suspend_for")]
    pub suspend_for: Millis,
    /// How often its health is checked; absent: never.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_interval: Option<Millis>,
    /// What a check asks for, from the root of its host; empty: its list of models.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_path: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_timeout: Option<Millis>,
    /// Checks in a row that take it out, and that let it in again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_failures: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_passes: Option<u32>,
    /// What is injected in front of it, and until when (RFC 3339).
    #[serde(default, skip_serializing_if = "is_default")]
    pub inject: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub inject_until: Option<String>,
    /// Of all callers together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Vec<Limit>,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
}

/// When a target is suspended where its provider's record does not say.
pub const SUSPEND_AFTER: u32 = 3;
pub const SUSPEND_FOR: Millis = Millis::secs(30);
/// Most failures that can be waited for (they are counted in a byte), and the longest suspension.
const SUSPEND_AFTER_MOST: u32 = 200;
const SUSPEND_FOR_MOST: Millis = Millis::secs(24 * 3_600);

fn suspend_after() -> u32 {
    SUSPEND_AFTER
}
fn is_suspend_after(after: &u32) -> bool {
    *after == SUSPEND_AFTER
}
fn suspend_for() -> Millis {
    SUSPEND_FOR
}
fn is_suspend_for(time: &Millis) -> bool {
    *time == SUSPEND_FOR
}

const FIELDS: &[Field] = &[
    field(
        "vendor",
        "vendor",
        Shape::Text,
        "VENDOR",
        "vendor",
        "Whose API it is; see `gw provider vendors`",
    ),
    field(
        "base_url",
        "base-url",
        Shape::Text,
        "URL",
        "",
        "Where it is, when not at the vendor's own address",
    ),
    field(
        "region",
        "region",
        Shape::Text,
        "REGION",
        "",
        "The region in a cloud's address, such as eu-central-1",
    ),
    field(
        "project",
        "project",
        Shape::Text,
        "PROJECT",
        "",
        "The project in its vendor's address",
    ),
    field(
        "account",
        "account",
        Shape::Text,
        "ACCOUNT",
        "",
        "The account, resource or workspace in its vendor's address",
    ),
    DISPLAY_NAME,
    field(
        "environments",
        "environments",
        Shape::Only,
        "ENVS",
        "",
        "Environments it is active in (default: all)",
    ),
    field(
        "models",
        "models",
        Shape::Only,
        "GLOBS",
        "",
        "Upstream models it exposes (default: all)",
    ),
    field(
        "formats",
        "formats",
        Shape::Only,
        "FORMATS",
        "",
        "Formats it speaks, the one to translate to first (default: its vendor's)",
    ),
    field(
        "headers",
        "header",
        Shape::Map,
        "K=V",
        "",
        "Extra request header; repeatable",
    ),
    field(
        "query",
        "query",
        Shape::Map,
        "K=V",
        "",
        "Extra query parameter; repeatable",
    ),
    field(
        "quirks",
        "quirk",
        Shape::Map,
        "K=V",
        "",
        "How it differs from its vendor: stream-usage=asked|unasked|never; repeatable",
    ),
    field(
        "ca_file",
        "ca-file",
        Shape::Text,
        "/PATH",
        "",
        "Trust the authorities in this PEM file on the gateway's machine, and no others",
    ),
    field(
        "client_cert_file",
        "client-cert-file",
        Shape::Text,
        "/PATH",
        "",
        "Show this certificate (PEM, read by the gateway)",
    ),
    field(
        "client_key_file",
        "client-key-file",
        Shape::Text,
        "/PATH",
        "",
        "The private key of --client-cert-file (PEM, mode 0600, read by the gateway)",
    ),
    field(
        "connect_timeout",
        "connect-timeout",
        Shape::Duration,
        "TIME",
        "",
        "Give up connecting after this long (default 10s)",
    ),
    field(
        "first_byte_timeout",
        "first-byte-timeout",
        Shape::Duration,
        "TIME",
        "",
        "Give up waiting for the first content after this long (default 120s)",
    ),
    field(
        "idle_timeout",
        "idle-timeout",
        Shape::Duration,
        "TIME",
        "",
        "End a stream silent for this long (default 60s)",
    ),
    field(
        "answer_timeout",
        "answer-timeout",
        Shape::Duration,
        "TIME",
        "",
        "Give up waiting for a whole answer, not streamed, after this long (default 10m)",
    ),
    field(
        "suspend_after",
        "suspend-after",
        Shape::Number,
        "N",
        "",
        "Leave a model of it alone after this many failures in a row (default 3; 0 never)",
    ),
    field(
        "suspend_for",
        "suspend-for",
        Shape::Duration,
        "TIME",
        "",
        "For this long; then one request probes (default 30s)",
    ),
    field(
        "check_interval",
        "check-interval",
        Shape::Duration,
        "TIME",
        "",
        "Check its health this often, with no model asked (default: never)",
    ),
    field(
        "check_path",
        "check-path",
        Shape::Text,
        "/PATH",
        "",
        "What a check asks for, from the root of its host (default: its list of models)",
    ),
    field(
        "check_timeout",
        "check-timeout",
        Shape::Duration,
        "TIME",
        "",
        "A check that takes longer has failed (default 5s)",
    ),
    field(
        "check_failures",
        "check-failures",
        Shape::Number,
        "N",
        "",
        "So many failed checks in a row take it out (default 3)",
    ),
    field(
        "check_passes",
        "check-passes",
        Shape::Number,
        "N",
        "",
        "So many passed checks in a row let it in again (default 2)",
    ),
    field(
        "inject",
        "inject",
        Shape::Text,
        "FAULTS",
        "",
        "Faults for a game day, such as '429:30%,ttft=8s'; '' ends them",
    ),
    field(
        "inject_until",
        "for",
        Shape::Time,
        "TIME",
        "",
        "How long --inject holds, at most 24h: 10m, or a time",
    ),
    LIMITS,
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("VENDOR", "vendor"),
    column("CREDENTIAL", "status.credential"),
    column("MODELS", "status.models"),
    column("HEALTH", "status.health"),
    column("STATUS", "enabled"),
    column("AGE", "created"),
    wide("BASE-URL", "status.base_url"),
    wide("ENVIRONMENTS", "environments"),
    wide("LIMITS", "limits"),
];

pub static KIND: Kind = Kind {
    id: KindId::Provider,
    name: "provider",
    plural: "providers",
    aliases: &["pv"],
    about: "Connections to AI providers and their credentials",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &[
        "credential",
        "credential_detail",
        "credential_error",
        "credential_refused",
        "base_url",
        "models",
        "health",
        "health_reason",
        "injected",
        "checks",
    ],
    check: super::check::<Provider>,
    refs: |_| Vec::new(),
    claims: |_| Vec::new(),
    loose_names: false,
};

impl Resource for Provider {
    const KIND: &'static str = "provider";
    fn validate(&mut self) -> Result<()> {
        if self.vendor.is_empty() {
            return Err(
                Error::invalid("a provider has a vendor, and `vendor` is empty")
                    .param("vendor")
                    .hint("list them with: gw provider vendors"),
            );
        }
        if !self.base_url.is_empty() {
            self.base_url = super::address::base_url(&self.base_url)?;
        }
        self.plain_parts()?;
        super::duration::more_than_nothing(&[
            ("connect_timeout", self.connect_timeout),
            ("first_byte_timeout", self.first_byte_timeout),
            ("idle_timeout", self.idle_timeout),
            ("answer_timeout", self.answer_timeout),
            ("check_timeout", self.check_timeout),
        ])?;
        self.suspension()?;
        self.sound_checks()?;
        self.bounded(Stamp::now())?;
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            if http::HeaderName::try_from(name.as_str()).is_err()
                || !value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
            {
                return Err(Error::invalid(format!(
                    "header `{}` is not valid",
                    name.escape_debug()
                ))
                .param("headers")
                .hint("names are tokens, values are visible ASCII"));
            }
            if [
                "authorization",
                "x-api-key",
                "x-goog-api-key",
                "api-key",
                "cf-aig-authorization",
                "host",
                "content-length",
                "transfer-encoding",
                "connection",
                "cookie",
            ]
            .contains(&lower.as_str())
            {
                return Err(
                    Error::invalid(format!("header `{name}` cannot be set here"))
                        .param("headers")
                        .hint("credentials go in with --credential-stdin or --credential-env"),
                );
            }
        }
        Limit::check_all(&self.limits, "limits")?;
        self.known_quirks()?;
        self.files()
    }
}

/// How the usage of its streams is to be had, and what can be said of that.
pub const STREAM_USAGE: &str = "stream-usage";
pub const STREAM_USAGES: [&str; 3] = ["asked", "unasked", "never"];

impl Provider {
    fn suspension(&self) -> Result<()> {
        if self.suspend_after > SUSPEND_AFTER_MOST {
            return Err(
                Error::invalid(format!("`suspend_after` is at most {SUSPEND_AFTER_MOST}"))
                    .param("suspend_after")
                    .hint("0 never suspends"),
            );
        }
        match self.suspend_for.0 {
            0 => Err(Error::invalid("`suspend_for` is 0, which is no suspension")
                .param("suspend_for")
                .hint("to never suspend set --suspend-after 0")),
            ms if ms > SUSPEND_FOR_MOST.0 => Err(Error::invalid(format!(
                "`suspend_for` is at most {SUSPEND_FOR_MOST}"
            ))
            .param("suspend_for")),
            _ => Ok(()),
        }
    }

    /// Parts of an address are names: none may bring along a host, a path or a query of its own.
    fn plain_parts(&self) -> Result<()> {
        const LONGEST: usize = 100;
        // Accounts may be in several parts (`name.region`), and are so within their vendor's own domain.
        for (field, value, inner) in [
            ("region", &self.region, "-_"),
            ("project", &self.project, "-_"),
            ("account", &self.account, "-_."),
        ] {
            let ends = |end: Option<char>| end.is_none_or(|end| end.is_ascii_alphanumeric());
            let plain = value.len() <= LONGEST
                && ends(value.chars().next())
                && ends(value.chars().next_back())
                && !value.contains("..")
                && value
                    .chars()
                    .all(|sign| sign.is_ascii_alphanumeric() || inner.contains(sign));
            if !plain {
                return Err(Error::invalid(format!(
                    "{field} `{}` is not a plain name",
                    value.escape_debug()
                ))
                .param(field)
                .hint(format!(
                    "letters and digits, and between them any of `{inner}`"
                )));
            }
        }
        Ok(())
    }

    fn known_quirks(&self) -> Result<()> {
        let wrong = self.quirks.iter().find(|(name, value)| {
            *name != STREAM_USAGE || !STREAM_USAGES.contains(&value.as_str())
        });
        let Some((name, value)) = wrong else {
            return Ok(());
        };
        Err(Error::invalid(format!(
            "`{}={}` is no quirk gw knows",
            name.escape_debug(),
            value.escape_debug()
        ))
        .param("quirks")
        .hint(format!(
            "there is one: {STREAM_USAGE}={}",
            STREAM_USAGES.join("|")
        )))
    }

    /// What can be said of files without looking at them: the gateway reads them, wherever it was started.
    fn files(&self) -> Result<()> {
        for (field, path) in [
            ("ca_file", &self.ca_file),
            ("client_cert_file", &self.client_cert_file),
            ("client_key_file", &self.client_key_file),
        ] {
            if !path.is_empty() && !path.starts_with('/') {
                return Err(Error::invalid(format!(
                    "`{}` is not an absolute path",
                    path.escape_debug()
                ))
                .param(field)
                .hint("the gateway reads it: give the path on its machine, from / on"));
            }
        }
        let (have, lack) = match (
            self.client_cert_file.is_empty(),
            self.client_key_file.is_empty(),
        ) {
            (false, true) => ("client_cert_file", "client_key_file"),
            (true, false) => ("client_key_file", "client_cert_file"),
            _ => return Ok(()),
        };
        Err(
            Error::invalid(format!("`{have}` is given and `{lack}` is not"))
                .param(lack)
                .hint("a client certificate and its key go together"),
        )
    }
}
