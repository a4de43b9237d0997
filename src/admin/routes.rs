//! The one table of admin paths: the router, the OpenAPI document and the tests that every path is guarded
//! follow from it.

use super::{
    Desk, Door, body,
    call::{Call, refusal},
    door, handlers, logs, probe,
};
use crate::error::{Error, Result};
use crate::resources::{self, KINDS};
use crate::store::records::Actor;
use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::future::BoxFuture;
use std::sync::Arc;

type Handler = fn(Call) -> BoxFuture<'static, Result<Response>>;

/// What a body of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    None,
    /// The record of the path's kind.
    Record,
    /// A JSON object described in words.
    Json,
    /// One that holds many records.
    Records,
}

/// One row of [`ENDPOINTS`].
pub struct Endpoint {
    pub method: &'static str,
    /// `{kinds}` stands for the plural of each kind in `kinds`.
    pub path: &'static str,
    /// The kinds the path is for; empty: it has none.
    pub kinds: &'static [&'static str],
    pub input: Input,
    /// Query parameters taken.
    pub query: &'static [&'static str],
    pub summary: &'static str,
    handler: Handler,
}

const ALL: &[&str] = &["user", "key", "provider", "model", "route"];
const KEYS: &[&str] = &["key"];
const PROVIDERS: &[&str] = &["provider"];
const LOGS: &[&str] = &[
    "key", "user", "provider", "model", "route", "status", "since", "until", "text", "order",
    "limit", "cursor",
];
const FOLLOW: &[&str] = crate::store::journal::Filter::WORDS;

macro_rules! endpoints {
    ($($method:literal $path:literal $kinds:expr, $input:ident, $query:expr, $handler:path, $summary:literal;)*) => {
        /// Every admin path.
        pub static ENDPOINTS: &[Endpoint] = &[$(Endpoint {
            method: $method, path: $path, kinds: $kinds, input: Input::$input, query: $query, summary: $summary,
            handler: |call| Box::pin($handler(call)),
        }),*];
    };
}

endpoints! {
    "GET"    "/api/v1/{kinds}" ALL, None, &["selector", "limit", "cursor"], handlers::list, "List, by name";
    "POST"   "/api/v1/{kinds}" ALL, Record, &["dry_run", "verify"], handlers::create, "Create";
    "POST"   "/api/v1/identify" &[], Json, &[], handlers::identify, "Which key a secret (`secret` in the body) belongs to";
    "GET"    "/api/v1/{kinds}/{name}" ALL, None, &[], handlers::get, "Read one";
    "PUT"    "/api/v1/{kinds}/{name}" ALL, Record, &["dry_run"], handlers::replace, "Replace";
    "PATCH"  "/api/v1/{kinds}/{name}" ALL, Record, &["dry_run"], handlers::patch, "Change fields (RFC 7396 merge patch)";
    "DELETE" "/api/v1/{kinds}/{name}" ALL, None, &["cascade", "dry_run"], handlers::delete, "Delete, with `cascade` also what refers to it";
    "POST"   "/api/v1/{kinds}/{name}/enable" ALL, None, &[], handlers::enable, "Enable";
    "POST"   "/api/v1/{kinds}/{name}/disable" ALL, None, &[], handlers::disable, "Disable";
    "POST"   "/api/v1/{kinds}/{name}/rotate" KEYS, Json, &[], handlers::rotate, "New secret; the old one stays good for `grace` (in the body)";
    "POST"   "/api/v1/{kinds}/{name}/revoke" KEYS, None, &[], handlers::revoke, "Revoke for ever";
    "POST"   "/api/v1/{kinds}/{name}/test" PROVIDERS, Json, &[], probe::test, "Try the credential";
    "POST"   "/api/v1/{kinds}/{name}/discover" PROVIDERS, Json, &["enable"], probe::discover, "List the provider's models, with `enable` create records of them";
    "GET"    "/api/v1/vendors" &[], None, &[], handlers::vendors, "Vendors gw knows";
    "POST"   "/api/v1/apply" &[], Records, &["dry_run"], handlers::apply, "Make many records so, all or none";
    "GET"    "/api/v1/export" &[], None, &[], handlers::export, "Every record, in the form `apply` takes, without secrets";
    "POST"   "/api/v1/explain" &[], Json, &[], handlers::explain, "Where a request would go, and why";
    "GET"    "/api/v1/logs" &[], None, LOGS, logs::list, "Request log, newest first unless `order=asc`; goes on while there is a `cursor`";
    "GET"    "/api/v1/logs/follow" &[], None, FOLLOW, logs::follow, "Requests from now on, as JSON lines";
    "GET"    "/api/v1/logs/export" &[], None, LOGS, logs::export, "The whole request log as JSON lines, newest first unless `order=asc`";
    "GET"    "/api/v1/logs/{name}" &[], None, &[], logs::get, "One request with its content, by its id or the beginning of it";
    "GET"    "/api/v1/history" &[], None, &["limit"], handlers::history, "Who changed what, newest first";
    "GET"    "/api/v1/status" &[], None, &[], handlers::status, "How the gateway is doing";
    "GET"    "/healthz" &[], None, &[], handlers::healthz, "Whether the process answers; needs no token";
    "GET"    "/openapi.json" &[], None, &[], handlers::openapi, "This interface as OpenAPI 3.1";
}

/// The one path that answers without a credential.
pub const OPEN: &str = "/healthz";

/// Each endpoint once for each of its kinds, with its path written out.
pub fn expanded()
-> impl Iterator<Item = (&'static Endpoint, Option<&'static resources::Kind>, String)> {
    ENDPOINTS.iter().flat_map(|endpoint| {
        let kinds: Vec<Option<&'static resources::Kind>> = match endpoint.kinds {
            [] => vec![None],
            names => KINDS
                .iter()
                .filter(|kind| names.contains(&kind.name))
                .map(|kind| Some(*kind))
                .collect(),
        };
        kinds.into_iter().map(move |kind| {
            (
                endpoint,
                kind,
                endpoint
                    .path
                    .replace("{kinds}", kind.map_or("", |kind| kind.plural)),
            )
        })
    })
}

/// The admin interface behind a door.
pub fn router(desk: Arc<Desk>, door: Door) -> Router {
    let mut router = Router::new();
    for (endpoint, kind, path) in expanded() {
        let Ok(method) = Method::try_from(endpoint.method) else {
            continue;
        };
        let Ok(filter) = axum::routing::MethodFilter::try_from(method) else {
            continue;
        };
        let desk = desk.clone();
        let serve = move |params: RawPathParams, request: Request| {
            run(desk.clone(), endpoint, kind, params, request)
        };
        router = router.route(&path, axum::routing::on(filter, serve));
    }
    let unknown = |request: Request| async move {
        refusal(
            &Error::not_found("no such path").hint("see /openapi.json"),
            &door::request_id(&request),
        )
    };
    let wrong = |request: Request| async move {
        let mut response = refusal(
            &Error::invalid("this path does not take that method").hint("see /openapi.json"),
            &door::request_id(&request),
        );
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response
    };
    let door = Arc::new(door);
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong)
        .layer(axum::middleware::from_fn(
            move |request: Request, next: axum::middleware::Next| {
                let door = door.clone();
                async move { door::pass(&door, request, next).await }
            },
        ))
}

async fn run(
    desk: Arc<Desk>,
    endpoint: &'static Endpoint,
    kind: Option<&'static resources::Kind>,
    params: RawPathParams,
    request: Request,
) -> Response {
    let id = door::request_id(&request);
    match prepare(desk, endpoint, kind, &params, request, &id).await {
        Err(error) => refusal(&error, &id),
        // A task of its own: a caller that hangs up does not stop a write half-way, and a panic stays in it.
        Ok(call) => match tokio::spawn((endpoint.handler)(call)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => refusal(&error, &id),
            Err(_) => refusal(
                &Error::internal("the request was not finished because of a defect of gw")
                    .hint("see the gateway's own log"),
                &id,
            ),
        },
    }
}

async fn prepare(
    desk: Arc<Desk>,
    endpoint: &'static Endpoint,
    kind: Option<&'static resources::Kind>,
    params: &RawPathParams,
    request: Request,
    id: &str,
) -> Result<Call> {
    // The path parameters come percent-decoded.
    let name = params
        .iter()
        .next()
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default();
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let who = door::actor(&request);
    let (parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body, endpoint.input, &desk.deps.limits).await?;
    let actor = Actor {
        who,
        request: id.to_owned(),
    };
    let call = Call {
        desk,
        kind,
        name,
        query,
        headers: parts.headers,
        body,
        actor,
        path: parts.uri.path().to_owned(),
    };
    call.only(endpoint.query)?;
    Ok(call)
}
