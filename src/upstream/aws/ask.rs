//! Asking for credentials: the environment and the files of this process, then whatever service they lead to.

use super::chain::{Chain, Looking, Proof, Role, Source, Variables};
use super::given::{self, Given, Held};
use super::profiles::Profiles;
use super::sign;
use crate::store::{secret, secret_file};
use crate::upstream::{fetch::fetch, variable::variable};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, StatusCode, header, request::Builder};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a service on the machine or beside it may take: where there is none, nothing answers.
const NEAR: Duration = Duration::from_secs(2);
/// How long the Security Token Service may take.
const FAR: Duration = Duration::from_secs(5);
/// The longest config or credentials file.
const LONGEST_FILE: usize = 1 << 20;

/// What the machine has, asked for now: variables and files are read again each time. Errors are fragments that name the source,
/// and show no secret.
pub async fn ask(chain: &Chain) -> Result<Given, String> {
    let chain = chain.clone();
    let found = tokio::task::spawn_blocking(move || find(&chain, &variable)).await;
    let source = found.map_err(|_| "the look-up broke off")??;
    obtain(source).await
}

/// Reads the files and looks. Blocks.
pub(super) fn find(chain: &Chain, variables: Variables<'_>) -> Result<Source, String> {
    let config = file(
        variables,
        "AWS_CONFIG_FILE",
        "~/.aws/config",
        secret_file::read_public,
    )?;
    let name = "AWS_SHARED_CREDENTIALS_FILE";
    let credentials = file(variables, name, "~/.aws/credentials", secret_file::read)?;
    Looking {
        chain,
        variables,
        profiles: &Profiles::read(&config, &credentials),
    }
    .find()
}

type Read = fn(&str, usize) -> Result<Zeroizing<Vec<u8>>, String>;

/// A file's text; empty where there is no file.
fn file(
    variables: Variables<'_>,
    name: &str,
    usual: &str,
    read: Read,
) -> Result<Zeroizing<String>, String> {
    let path = variables(name).unwrap_or_else(|| usual.to_owned());
    let path = match (path.strip_prefix("~/"), variables("HOME")) {
        (Some(rest), Some(home)) => format!("{home}/{rest}"),
        (Some(_), None) => return Ok(Zeroizing::default()),
        (None, _) => path,
    };
    if !Path::new(&path).is_file() {
        return Ok(Zeroizing::default());
    }
    let shown = path.escape_debug();
    let bytes = read(&path, LONGEST_FILE).map_err(|why| format!("`{shown}` {why}"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("`{shown}` is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a source gives now.
pub(super) fn obtain(source: Source) -> BoxFuture<'static, Result<Given, String>> {
    Box::pin(async move {
        match source {
            Source::ApiKey(key) => Ok(lasting(Held::ApiKey(key))),
            Source::Keys(keys, expires) => Ok(Given {
                expires,
                ..lasting(Held::Keys(keys))
            }),
            Source::Role(role, by) => {
                let by = obtain(*by).await?;
                assume(&role, &by.held).await
            }
            Source::WebIdentity(role, file) => with_token(&role, &file).await,
            Source::Container(url, proof) => container(&url, &proof).await,
            Source::Instance(url) => instance(&url).await.map_err(|why| {
                format!(
                    "there are no credentials in the environment, the files or the container, and the machine's \
                     metadata service gives none: {why}"
                )
            }),
        }
    })
}

fn lasting(held: Held) -> Given {
    Given {
        held,
        expires: None,
    }
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
async fn container(url: &str, proof: &Proof) -> Result<Given, String> {
    let mut request = Request::get(url).header(header::ACCEPT, "application/json");
    let token = match proof {
        Proof::Nothing => None,
        Proof::Token(token) => Some(Zeroizing::new(token.expose().to_owned())),
        Proof::File(path) => {
            Some(token_file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path).await?)
        }
    };
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(token.as_str()).map_err(
            |_| "the container's authorization token holds characters no header can carry",
        )?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    let said = |why| format!("the container's credentials: {why}");
    let body = answer(request, NEAR).await.map_err(said)?;
    given::json(&body).map_err(said)
}

/// IMDSv2: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>. Its first version, which any
/// forwarded request can ask, is not used.
async fn instance(url: &str) -> Result<Given, String> {
    let request = Request::put(format!("{url}/latest/api/token"));
    let request = request.header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    let token = answer(request, NEAR).await?;
    let mut token = HeaderValue::from_maybe_shared(token)
        .map_err(|_| "it gave a session token no header can carry")?;
    token.set_sensitive(true);
    let get = |path: &str| {
        let request = Request::get(format!(
            "{url}/latest/meta-data/iam/security-credentials/{path}"
        ));
        answer(
            request.header("x-aws-ec2-metadata-token", token.clone()),
            NEAR,
        )
    };
    let roles = get("").await?;
    let role = std::str::from_utf8(&roles).unwrap_or_default();
    let role = role.lines().next().unwrap_or_default().trim();
    // <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
    let sign = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if role.is_empty() || !role.chars().all(sign) {
        return Err("it names no role of this machine".to_owned());
    }
    given::json(&get(role).await?)
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
async fn assume(role: &Role, by: &Held) -> Result<Given, String> {
    let Held::Keys(keys) = by else {
        return Err("a role is assumed with access keys, not with an API key".to_owned());
    };
    let mut more = Vec::new();
    more.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    more.extend(
        role.seconds
            .as_deref()
            .map(|seconds| ("DurationSeconds", seconds)),
    );
    let mut request = sts(role, "AssumeRole", &more)?;
    let host = request.uri().authority().map(|at| at.as_str().to_owned());
    let host = HeaderValue::try_from(host.unwrap_or_default());
    let host = host.map_err(|_| "the Security Token Service has no host")?;
    request.headers_mut().insert(header::HOST, host);
    sign(&mut request, keys, &role.region, "sts", Timestamp::now())?;
    keys_of(role, request).await
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
async fn with_token(role: &Role, path: &str) -> Result<Given, String> {
    let token = token_file("AWS_WEB_IDENTITY_TOKEN_FILE", path).await?;
    let more = [("WebIdentityToken", token.as_str())];
    keys_of(role, sts(role, "AssumeRoleWithWebIdentity", &more)?).await
}

fn sts(role: &Role, action: &str, more: &[(&str, &str)]) -> Result<Request<Bytes>, String> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action)
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &role.arn)
        .append_pair("RoleSessionName", &role.session)
        .extend_pairs(more);
    Request::builder()
        .method(Method::POST)
        .uri(format!("{}/", role.sts.trim_end_matches('/')))
        .header(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .body(form.finish().into())
        .map_err(|_| "the address of the Security Token Service cannot be read".to_owned())
}

async fn keys_of(role: &Role, request: Request<Bytes>) -> Result<Given, String> {
    let said = |why: String| format!("role `{}` is not to be had: {why}", role.arn.escape_debug());
    let (status, body) = fetch(request, FAR).await.map_err(said)?;
    match status {
        StatusCode::OK => given::xml(&body).map_err(said),
        status => {
            let named = given::failure(&body).map(|code| format!(" `{code}`"));
            let status = status.as_u16();
            Err(said(format!(
                "the Security Token Service answered {status}{}",
                named.unwrap_or_default()
            )))
        }
    }
}

/// A token in a file, read anew each time: it is renewed by whoever wrote it.
async fn token_file(name: &'static str, path: &str) -> Result<Zeroizing<String>, String> {
    let shown = format!("`{name}`: `{}`", path.escape_debug());
    let path = path.to_owned();
    // Mounted for one process, and often readable by all in its container.
    let read = move || secret_file::read_public(&path, secret::LONGEST);
    let read = tokio::task::spawn_blocking(read).await;
    let bytes = read
        .map_err(|_| "cannot be read".to_owned())
        .and_then(|read| read)
        .map_err(|why| format!("{shown} {why}"))?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    match text {
        "" => Err(format!("{shown} holds no token")),
        text => Ok(Zeroizing::new(text.to_owned())),
    }
}

/// The body of an answer that is 200.
async fn answer(request: Builder, within: Duration) -> Result<Bytes, String> {
    let request = request
        .body(Bytes::new())
        .map_err(|_| "its address cannot be read")?;
    let path = request.uri().path().to_owned();
    match fetch(request, within).await? {
        (StatusCode::OK, body) => Ok(body),
        (status, _) => Err(format!("`{path}` is answered {}", status.as_u16())),
    }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
