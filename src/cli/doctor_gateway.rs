//! What `gw doctor` finds by asking the running gateway: its stores, and whether each provider answers.

use super::{
    context::{Context, name_of},
    finding::{Finding, Mark, finding},
    print::text,
    providers, verbs,
};
use crate::error::{Error, Kind, Result};
use crate::resources::provider;
use serde_json::{Value, json};

/// The gateway's status, or why there is none.
pub(super) struct Gateway(Result<Value>);

/// Asks the gateway, if one runs.
pub(super) async fn ask(context: &Context) -> Gateway {
    Gateway(match context.remote() {
        Ok(remote) => remote.status().await,
        Err(error) => Err(error),
    })
}

impl Gateway {
    pub(super) fn status(&self) -> Option<&Value> {
        self.0.as_ref().ok()
    }

    pub(super) async fn findings(&self, context: &Context) -> Vec<Finding> {
        let status = match &self.0 {
            Ok(status) => status,
            Err(error) => return vec![absent(error)],
        };
        let says = |path: &str| {
            super::path::lookup(status, path)
                .map(text)
                .unwrap_or_default()
        };
        let mut found = vec![
            finding(
                Mark::Ok,
                "gateway",
                format!("{} (pid {})", says("url"), says("pid")),
            ),
            store(status, says("store")),
        ];
        found.extend(lines(status, "/damaged").map(|damaged| {
            finding(Mark::Warn, "audit", damaged)
                .fix("nothing needs them now; look at the disk, and restore the file from a backup to have them again")
        }));
        found.push(finding(Mark::Ok, "secrets", says("secrets")));
        found.extend(logs(status, says("log.written")));
        found.extend(notices(status));
        found.extend(self.providers(context).await);
        found
    }

    /// Whether each provider answers, asked through the gateway: from its place, with its credentials.
    async fn providers(&self, context: &Context) -> Vec<Finding> {
        let failed = |error: Error| {
            finding(Mark::Fail, "provider", error.to_string()).fix(error.hint.unwrap_or_default())
        };
        let remote = match context.remote() {
            Ok(remote) => remote,
            Err(error) => return vec![failed(error)],
        };
        let all = match verbs::pages::pages(&remote, &provider::KIND, None, None).await {
            Ok(all) => all,
            Err(error) => return vec![failed(error)],
        };
        let progress = context.progress("asking providers", Some(all.len() as u64));
        let mut found = Vec::new();
        for name in all.iter().map(name_of) {
            found.push(
                match remote
                    .action(&provider::KIND, name, "test", &json!({}))
                    .await
                {
                    Ok(report) => {
                        let says = format!("{name}: {}", providers::verdict(&report));
                        match report["ok"] == false {
                            true => finding(Mark::Fail, "provider", says)
                                .fix(providers::hint(&report, name)),
                            false => finding(Mark::Ok, "provider", says),
                        }
                    }
                    Err(error) => failed(error),
                },
            );
            progress.step(1);
        }
        found
    }
}

fn absent(error: &Error) -> Finding {
    let how_bad = match error.kind {
        Kind::NoGateway => Mark::Warn,
        _ => Mark::Fail,
    };
    finding(how_bad, "gateway", error.to_string()).fix(error.hint.clone().unwrap_or_default())
}

fn store(status: &Value, says: String) -> Finding {
    let refused = lines(status, "/degraded")
        .find_map(|why| why.strip_prefix("state store: ").map(str::to_owned));
    match refused {
        None => finding(Mark::Ok, "store", says),
        Some(why) => finding(Mark::Fail, "store", why.clone()).fix(match why.contains("full") {
            true => "make room on that disk: df -h shows it",
            false => "look at the disk and its mount (dmesg); changes are taken again once it can be written",
        }),
    }
}

fn logs(status: &Value, written: String) -> Vec<Finding> {
    let mut found = vec![
        match status.pointer("/log/degraded").and_then(Value::as_str) {
            None => finding(Mark::Ok, "logs", format!("{written} rows written")),
            Some(why) => finding(Mark::Fail, "logs", why)
                .fix("make room on the disk (df -h shows it), or lower logs.max_bytes"),
        },
    ];
    let count = |at: &str| status.pointer(at).and_then(Value::as_u64);
    if let Some(places @ 1..) = count("/log/damaged_places") {
        let files: Vec<&str> = lines(status, "/log/damaged").collect();
        let says = format!(
            "damaged: {}; what is there is skipped (places: {places})",
            files.join(",")
        );
        found.push(finding(Mark::Warn, "logs", says).fix(
            "check the disk; to be rid of them remove those files from logs/ in the data directory",
        ));
    }
    for (what, at) in [
        ("rows", "/log/rows_dropped"),
        ("requests' content", "/log/content_dropped"),
    ] {
        if let Some(many @ 1..) = count(at) {
            let says =
                format!("{many} {what} left out since the start: there was no room, or no time");
            found.push(finding(Mark::Warn, "logs", says).fix(
                "make room on the disk, put the data directory on a faster one, or keep less: logs.content = \"metadata\"",
            ));
        }
    }
    for (what, at) in [
        ("rows", "/log/purged_rows"),
        ("requests' content", "/log/purged_content"),
    ] {
        if let Some(many @ 1..) = count(at) {
            let says = format!("{many} {what} went before their time because the disk runs low");
            found.push(finding(Mark::Warn, "logs", says).fix("make room on the disk"));
        }
    }
    if let Some(why) = status.pointer("/log/clock").and_then(Value::as_str) {
        found.push(finding(Mark::Warn, "clock", why).fix("see that the system clock is right"));
    }
    found
}

/// Whether those who are to be told of limits and failing targets hear.
fn notices(status: &Value) -> Vec<Finding> {
    let receivers = status.get("notify").and_then(Value::as_array);
    let receivers = receivers.into_iter().flatten();
    let finding_of = |receiver: &Value| {
        let of = |name: &str| receiver.get(name).map(text).unwrap_or_default();
        let says = format!(
            "{}: {} sent, {} failed, {} left out",
            of("to"),
            of("sent"),
            of("failed"),
            of("dropped")
        );
        // RFC 3339 in UTC: the later is the greater.
        match of("last_failed") > of("last_sent") {
            false => finding(Mark::Ok, "notify", says),
            true => finding(
                Mark::Warn,
                "notify",
                format!("{says}; the last: {}", of("last_error")),
            )
            .fix("try it with `gw notify test`"),
        }
    };
    receivers.map(finding_of).collect()
}

fn lines<'a>(status: &'a Value, at: &str) -> impl Iterator<Item = &'a str> {
    status
        .pointer(at)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
