//! Trying a provider: is its credential good, and which models does it have. Goes where the provider record
//! says and nowhere else: no redirects, no proxies, no addresses that only metadata services answer on.

use super::call::{Call, answer};
use super::desk::{Desk, blocking};
use super::item::Item;
use super::{credentials, draft::Outcome};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, Record, Stamp, name, provider};
use crate::store::secret::Secret;
use crate::vendors::{self, Auth};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(10);
/// The longest list of models read.
const LONGEST: usize = 8 * 1024 * 1024;

/// What a provider was asked, and how.
struct Target {
    url: url::Url,
    auth: Auth,
    headers: Vec<(String, String)>,
    local: bool,
}

/// How it went.
#[derive(Debug, PartialEq)]
enum State {
    Verified,
    /// The vendor cannot say without a real request, or the callers bring the credential.
    Unverified,
    Refused,
    Unreachable,
    Failed,
}

struct Report {
    state: State,
    status: Option<u16>,
    models: Vec<String>,
    ms: u64,
    message: String,
    local: bool,
}

impl Report {
    fn show(&self, name: &str) -> Value {
        let state = match self.state {
            State::Verified => "verified",
            State::Unverified => "unverified",
            State::Refused => "refused",
            State::Unreachable => "unreachable",
            State::Failed => "failed",
        };
        let ok = matches!(self.state, State::Verified | State::Unverified);
        // No list is not an empty list.
        let models = matches!(self.state, State::Verified).then_some(&self.models);
        let mut shown = json!({"ok": ok, "state": state, "status": self.status, "models": models, "ms": self.ms, "message": self.message});
        if self.state == State::Refused {
            shown["fix"] = format!("gw provider rekey {name} --credential-stdin").into();
        }
        shown
    }
    fn unverified(message: String) -> Report {
        Report {
            state: State::Unverified,
            status: None,
            models: Vec::new(),
            ms: 0,
            message,
            local: false,
        }
    }
}

pub async fn test(call: Call) -> Result<Response> {
    let body = call.json()?;
    let mut report = of(&call).await?;
    if let Some(model) = body.get("model").and_then(Value::as_str)
        && report.state == State::Verified
        && !report.models.iter().any(|id| id == model)
    {
        report.state = State::Failed;
        report.message = format!("it does not list the model `{}`", model.escape_debug());
    }
    Ok(answer(StatusCode::OK, &report.show(&call.name)))
}

pub async fn discover(call: Call) -> Result<Response> {
    let body = call.json()?;
    let enable =
        call.flag("enable")? || body.get("enable").and_then(Value::as_bool).unwrap_or(false);
    let report = of(&call).await?;
    let mut shown = report.show(&call.name);
    if report.state != State::Verified {
        return Err(Error::new(Kind::Upstream, format!("the models of provider `{}` are not to be had: {}", call.name, report.message))
            .hint(format!("try it with: gw provider test {0}; or add models by hand: gw model create {0}/MODEL --provider {0}", call.name)));
    }
    if enable {
        let kind = resources::kind("model")?;
        let provider = call.name.clone();
        let created = call.desk.write(&call.actor, false, |draft| {
            draft.get("provider", &provider)?;
            let mut created = Vec::new();
            for id in &report.models {
                let called = format!("{provider}/{id}");
                if name::check(kind, &called).is_err() || draft.get("model", &called).is_ok() {
                    continue;
                }
                let mut spec = resources::Spec::new();
                spec.insert("provider".into(), provider.as_str().into());
                let (outcome, _) = draft.put(Item {
                    kind: "model".into(),
                    name: called.clone(),
                    spec,
                    ..Item::default()
                })?;
                if outcome == Outcome::Created {
                    created.push(called);
                }
            }
            Ok(created)
        });
        shown["created"] = created.await?.into();
    }
    Ok(answer(StatusCode::OK, &shown))
}

/// Tries the call's provider with the credential it has now.
async fn of(call: &Call) -> Result<Report> {
    let record = call.desk.state().get("provider", &call.name)?.clone();
    let (vault, asked) = (call.desk.deps.vault.clone(), record.clone());
    let credential = blocking(move || Ok(credentials::resolve(&*vault, &asked))).await?;
    run(&record, credential).await
}

/// Tries a provider that is about to be created. What refuses the credential, or is not there, is not stored;
/// a local server that is not running yet is.
pub async fn before_create(desk: &Desk, item: &Item) -> Result<Value> {
    let spec = (resources::kind("provider")?.check)(item.spec.clone())?;
    credentials::check_vendor(&spec)?;
    let record = Record {
        kind: "provider".into(),
        name: item.name.clone(),
        version: 0,
        created: Stamp(0),
        updated: Stamp(0),
        spec,
        system: Default::default(),
    };
    let credential = match &item.credential {
        Some(secret) => Ok(Some(Secret::new(secret.expose().trim().to_owned()))),
        None => {
            let (vault, asked) = (desk.deps.vault.clone(), record.clone());
            blocking(move || Ok(credentials::resolve(&*vault, &asked))).await?
        }
    };
    let report = run(&record, credential).await?;
    let kind = match report.state {
        State::Verified | State::Unverified => return Ok(report.show(&item.name)),
        State::Unreachable if report.local => return Ok(report.show(&item.name)),
        State::Refused => Kind::Invalid,
        State::Unreachable | State::Failed => Kind::Upstream,
    };
    Err(Error::new(
        kind,
        format!(
            "provider `{}` was not stored: {}",
            record.name, report.message
        ),
    )
    .hint("mend it, or store it untested with --verify=false"))
}

async fn run(record: &Record, credential: Result<Option<Secret>, String>) -> Result<Report> {
    let credential = match credential {
        Ok(credential) => credential,
        Err(why) => {
            return Ok(Report {
                state: State::Refused,
                message: format!("its credential cannot be had: {why}"),
                ..Report::unverified(String::new())
            });
        }
    };
    match target(record)? {
        None => Ok(Report::unverified("this vendor cannot list models: the first request will show whether the credential is good".into())),
        Some(target) if credential.is_none() && !target.local && record.spec.get("credential").and_then(Value::as_str) == Some("passthrough") => {
            Ok(Report::unverified("callers bring the credential, so there is none to try".into()))
        }
        Some(target) => ask(&target, credential.as_ref()).await,
    }
}

/// Where the provider lists its models; `None` where its vendor cannot.
fn target(record: &Record) -> Result<Option<Target>> {
    let spec: provider::Provider = serde_json::from_value(Value::Object(record.spec.clone()))
        .map_err(|error| Error::internal("the provider record cannot be read").cause(error))?;
    let vendor = vendors::vendor(&spec.vendor)?;
    if vendor.models.is_empty() {
        return Ok(None);
    }
    let base = if spec.base_url.is_empty() {
        vendor.base_url
    } else {
        &spec.base_url
    };
    let mut url = url::Url::parse(&format!("{}{}", base.trim_end_matches('/'), vendor.models))
        .map_err(|error| {
            Error::invalid(format!("provider `{}` has no usable address", record.name))
                .param("base_url")
                .cause(error)
        })?;
    let query: Vec<(&str, &str)> = vendor
        .query
        .iter()
        .filter(|(key, _)| !spec.query.contains_key(*key))
        .copied()
        .chain(
            spec.query
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        )
        .collect();
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let own = |name: &str| {
        spec.headers
            .keys()
            .any(|key| key.eq_ignore_ascii_case(name))
    };
    let headers = vendor
        .headers
        .iter()
        .filter(|(key, _)| !own(key))
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let headers = headers.chain(spec.headers.clone()).collect();
    Ok(Some(Target {
        url,
        auth: vendor.auth,
        headers,
        local: vendor.local,
    }))
}

async fn ask(target: &Target, credential: Option<&Secret>) -> Result<Report> {
    let client = client()?;
    let mut request = client
        .get(target.url.clone())
        .header("accept", "application/json");
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    if let Some(secret) = credential {
        let (name, text) = match target.auth {
            Auth::Bearer => ("authorization", format!("Bearer {}", secret.expose())),
            Auth::Header(name) => (name, secret.expose().to_owned()),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            Error::invalid("the credential has characters that no header can carry")
        })?;
        value.set_sensitive(true);
        request = request.header(
            HeaderName::try_from(name)
                .map_err(|_| Error::internal("the vendor's header has no name"))?,
            value,
        );
    }
    let begun = Instant::now();
    let result = tokio::time::timeout(WAIT, async {
        let mut response = request.send().await?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if body.len() + piece.len() > LONGEST {
                break;
            }
            body.extend_from_slice(&piece);
        }
        Ok::<_, reqwest::Error>((response.status().as_u16(), body))
    });
    let result = result.await;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let report = |state, status, models, message| Report {
        state,
        status,
        models,
        ms,
        message,
        local: target.local,
    };
    Ok(match result {
        Err(_) => report(
            State::Unreachable,
            None,
            Vec::new(),
            format!("no answer within {} s", WAIT.as_secs()),
        ),
        Ok(Err(error)) => report(
            State::Unreachable,
            None,
            Vec::new(),
            format!("it cannot be reached: {}", innermost(&error.without_url())),
        ),
        Ok(Ok((status @ 200..=299, body))) => match models(&body) {
            Some(models) => report(State::Verified, Some(status), models, "ok".into()),
            None => report(
                State::Failed,
                Some(status),
                Vec::new(),
                "it answered with something that is not a list of models".into(),
            ),
        },
        Ok(Ok((status @ (401 | 403), _))) => report(
            State::Refused,
            Some(status),
            Vec::new(),
            format!("it refused the credential (HTTP {status})"),
        ),
        Ok(Ok((status @ (404 | 405 | 501), _))) => report(
            State::Unverified,
            Some(status),
            Vec::new(),
            "it cannot list models: the first request will show whether the credential is good"
                .into(),
        ),
        Ok(Ok((status, _))) => report(
            State::Failed,
            Some(status),
            Vec::new(),
            format!("it answered with HTTP {status}"),
        ),
    })
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// Model ids out of `{data: [{id}]}` (OpenAI, Anthropic), `{models: [{name|id}]}` or a bare list.
fn models(body: &[u8]) -> Option<Vec<String>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let list = value
        .get("data")
        .or_else(|| value.get("models"))
        .unwrap_or(&value)
        .as_array()?;
    let id = |one: &Value| {
        ["id", "name", "model"]
            .iter()
            .find_map(|field| one.get(field)?.as_str())
            .or(one.as_str())
            .map(str::to_owned)
    };
    let mut ids: Vec<String> = list
        .iter()
        .filter_map(id)
        .filter(|id| id.len() <= 200)
        .collect();
    ids.sort();
    ids.dedup();
    Some(ids)
}

fn client() -> Result<reqwest::Client> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::internal(format!("no TLS for asking providers: {error}"))
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| failed(&error))?
    .with_root_certificates(roots)
    .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(Resolver))
        .connect_timeout(WAIT)
        .build()
        .map_err(|error| failed(&error))
}

/// Looks names up and leaves out the addresses no provider lives at.
struct Resolver;

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|at| !provider::never(at.ip()))
                .collect();
            match found.is_empty() {
                true => Err("its name leads to no address gw connects to".into()),
                false => Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Answers one request with these bytes; gives back what it was sent.
    async fn answer_with(answer: &'static str) -> (Target, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/models", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                seen.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(seen).unwrap()
        });
        (
            Target {
                url,
                auth: Auth::Header("x-api-key"),
                headers: vec![("x-version".into(), "1".into())],
                local: false,
            },
            served,
        )
    }

    #[tokio::test]
    async fn verified_refused_redirected() {
        let secret = Secret::new("s3cret".into());
        let (target, served) = answer_with("HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{\"data\":[{\"id\":\"b\"},{\"id\":\"a\"},{}]} ").await;
        let report = ask(&target, Some(&secret)).await.unwrap();
        assert_eq!(
            (report.state, report.models),
            (State::Verified, vec!["a".to_owned(), "b".to_owned()])
        );
        let seen = served.await.unwrap().to_ascii_lowercase();
        assert!(
            seen.contains("x-api-key: s3cret") && seen.contains("x-version: 1"),
            "{seen}"
        );

        let (target, _served) =
            answer_with("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(
            ask(&target, Some(&secret)).await.unwrap().state,
            State::Refused
        );
        let (target, _served) = answer_with("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        let report = ask(&target, Some(&secret)).await.unwrap();
        assert_eq!((report.state, report.status), (State::Failed, Some(307)));
        let (target, _served) = answer_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        assert_eq!(ask(&target, None).await.unwrap().state, State::Failed);
    }

    #[tokio::test]
    async fn nobody_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/models", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        drop(listener);
        let report = ask(
            &Target {
                url,
                auth: Auth::Bearer,
                headers: Vec::new(),
                local: true,
            },
            None,
        )
        .await
        .unwrap();
        assert_eq!(report.state, State::Unreachable);
        assert_eq!(report.show("x")["ok"], false);
    }
}
