//! From paths to handlers: the router over the table of paths, and what every request goes through.

use super::{
    Desk, Door, body,
    call::{Call, refusal},
    check, door, handlers, limits, live, logs, models, notify,
    paths::{Action, Endpoint, FIGURES, expanded},
    prices, probe, reprice, route_status, route_test, upkeep, usage,
};
use crate::error::{Error, Result};
use crate::resources;
use crate::store::records::Actor;
use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Who does what a path is for.
fn handle(action: Action, call: Call) -> BoxFuture<'static, Result<Response>> {
    match action {
        Action::List => Box::pin(handlers::list(call)),
        Action::Create => Box::pin(handlers::create(call)),
        Action::Identify => Box::pin(handlers::identify(call)),
        Action::Get => Box::pin(handlers::get(call)),
        Action::Replace => Box::pin(handlers::replace(call)),
        Action::Patch => Box::pin(handlers::patch(call)),
        Action::Delete => Box::pin(handlers::delete(call)),
        Action::Enable => Box::pin(handlers::enable(call)),
        Action::Disable => Box::pin(handlers::disable(call)),
        Action::Rotate => Box::pin(handlers::rotate(call)),
        Action::Revoke => Box::pin(handlers::revoke(call)),
        Action::Test => Box::pin(probe::test(call)),
        Action::RouteStatus => Box::pin(route_status::status(call)),
        Action::Limits => Box::pin(limits::get(call)),
        Action::ResetLimits => Box::pin(limits::reset(call)),
        Action::TestRoute => Box::pin(route_test::test(call)),
        Action::Discover => Box::pin(probe::discover(call)),
        Action::Vendors => Box::pin(handlers::vendors(call)),
        Action::Catalog => Box::pin(models::known(call)),
        Action::Prices => Box::pin(prices::replace(call)),
        Action::Sync => Box::pin(probe::sync(call)),
        Action::Estimate => Box::pin(handlers::estimate(call)),
        Action::Apply => Box::pin(handlers::apply(call)),
        Action::Export => Box::pin(handlers::export(call)),
        Action::Explain => Box::pin(handlers::explain(call)),
        Action::Check => Box::pin(check::check(call)),
        Action::Logs => Box::pin(logs::list(call)),
        Action::FollowLogs => Box::pin(logs::follow(call)),
        Action::ExportLogs => Box::pin(logs::export(call)),
        Action::Log => Box::pin(logs::get(call)),
        Action::Usage => Box::pin(usage::sums(call)),
        Action::Reprice => Box::pin(reprice::reprice(call)),
        Action::History => Box::pin(handlers::history(call)),
        Action::DbStats => Box::pin(upkeep::stats(call)),
        Action::DbVerify => Box::pin(upkeep::verify(call)),
        Action::DbCompact => Box::pin(upkeep::compact(call)),
        Action::DbBackup => Box::pin(upkeep::backup(call)),
        Action::Status => Box::pin(handlers::status(call)),
        Action::Live => Box::pin(live::now(call)),
        Action::FollowLive => Box::pin(live::follow(call)),
        Action::TestNotify => Box::pin(notify::test(call)),
        Action::Metrics => Box::pin(live::metrics(call)),
        Action::Healthz => Box::pin(handlers::healthz(call)),
        Action::Openapi => Box::pin(handlers::openapi(call)),
    }
}

/// The admin interface behind a door; behind that for scrapers only what is for them.
pub fn router(desk: Arc<Desk>, door: Door) -> Router {
    let mut router = Router::new();
    for (endpoint, kind, path) in expanded() {
        if matches!(door, Door::Figures { .. }) && !FIGURES.contains(&endpoint.action) {
            continue;
        }
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
        Ok(call) => match tokio::spawn(handle(endpoint.action, call)).await {
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
