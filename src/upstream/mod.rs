//! A provider made ready to be called: one builder of address, headers, TLS and credential for everybody who calls
//! one (serving, testing, discovery). What does not depend on the request is worked out once, when the provider or
//! its credential changes. Must not know who calls, nor keep connections.

mod access;
mod address;
pub mod aws;
pub mod call;
pub mod check;
pub mod dial;
pub mod fetch;
mod headers;
mod issuer;
mod lease;
mod listing;
mod own_key;
mod presented;
mod quirks;
mod sign;
mod standing;
mod timers;
mod tls;
pub mod trial;
mod variable;
pub mod via;
mod way;

pub use access::{Access, resolve_files};
pub use address::{Origin, base_url};
pub use headers::BETAS;
pub use lease::{Lease, Trouble};
pub use own_key::{Form, OwnKey};
pub use sign::{SignIn, Unsigned, check_access, check_secret};
pub use standing::{Refusal, Standing, Verdict};
pub use timers::Timers;
pub use way::{Conversion, Way};

use crate::chat::Op;
use crate::error::{Error, Result};
use crate::formats::{Format, Quirks, count};
use crate::http1::{ask::Headers, fields::Fields};
use crate::resources::provider::{Provider, inject::Faults};
use crate::vendors::{self, Vendor};
use address::Address;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use std::sync::Arc;

/// A provider ready to be called.
pub struct Upstream {
    pub name: Arc<str>,
    pub vendor: &'static Vendor,
    /// Where its dialect differs: its vendor's, or as its record says.
    pub quirks: Quirks,
    pub origin: Origin,
    pub sign_in: SignIn,
    /// What it is signed in with that lapses, each once.
    leases: Vec<Arc<Lease>>,
    /// Whether it is known to answer; kept while what is called stays the same.
    pub standing: Arc<Standing>,
    pub timers: Timers,
    /// What is put in front of it, and until when (Unix time in milliseconds).
    pub injected: Option<Box<(Faults, i64)>>,
    /// Its own CA or client certificate; `None`: what all connections have.
    tls: Option<tls::Own>,
    host: HeaderValue,
    /// Headers every request carries: the vendor's, then the provider's own.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// All headers of most of them, but for the credential.
    usual: HeaderMap,
    /// The same as they go out.
    written: headers::Written,
    address: Address,
    /// The request target of its list of models; `None`: it has none.
    models: Option<Uri>,
    /// One for each format callers can come with.
    ways: Vec<Way>,
}

/// What one request adds to what is known of its upstream.
pub struct Ask<'a> {
    pub method: Method,
    pub target: Uri,
    pub accept: &'static str,
    pub content: Content<'a>,
    /// All of the body; empty where it is handed on as it comes.
    pub body: Bytes,
    /// `None`: to what is no format's (the list of models).
    pub way: Option<&'a Way>,
    /// The caller's headers; the way says which of them pass.
    pub caller: Option<&'a Fields>,
    /// The caller's own provider key.
    pub own_key: Option<&'a OwnKey>,
    /// What a body named of features in beta that this way has in a header.
    pub betas: Option<String>,
    /// One header more, in place of what the provider says of it.
    pub more: Option<(HeaderName, HeaderValue)>,
}

/// A finished request, of which nothing is copied that most requests have in common.
pub struct Finished<'a> {
    pub method: Method,
    pub target: Uri,
    pub headers: Headers<'a>,
    pub body: Bytes,
}

/// What a request's body is said to be.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    Json,
    As(&'a HeaderValue),
    /// There is none, or nobody says.
    Unsaid,
}

impl Upstream {
    /// Prepares a provider. `access`: what its record refers to, or why that is not to be had. `timers`: what counts
    /// where its record sets none.
    pub fn build(
        name: Arc<str>,
        spec: &Provider,
        access: Option<&Result<Access, String>>,
        timers: Timers,
    ) -> Result<Upstream> {
        let vendor = vendors::vendor(&spec.vendor)?;
        let bad = |why: String| {
            Error::invalid(format!("provider `{name}`: {why}")).hint(format!(
                "set it with `gw provider set {name} --base-url URL`"
            ))
        };
        let address = Address::of(vendor, spec).map_err(bad)?;
        let tls = access
            .and_then(|access| access.as_ref().ok())
            .and_then(|access| access.tls.clone());
        let host = address.host().map_err(bad)?;
        let headers = headers::fixed(vendor, spec).map_err(bad)?;
        let usual = headers::usual(host.clone(), &headers);
        Ok(Upstream {
            written: headers::Written::of(&usual, &headers),
            usual,
            vendor,
            quirks: quirks::of(vendor, spec),
            origin: address.origin(tls.as_ref().map_or(0, tls::Own::identity)),
            sign_in: SignIn::of(vendor.auth, spec, access),
            leases: Vec::new(),
            standing: Arc::default(),
            timers: timers.of_provider(spec),
            injected: spec.injected().map(Box::new),
            host,
            headers,
            models: match vendor.models {
                "" => None,
                path => {
                    let path = address::filled(path, spec).map_err(bad)?;
                    Some(address.target(&path, false).map_err(bad)?)
                }
            },
            ways: Way::all(vendor, spec, access, &address).map_err(bad)?,
            tls,
            address,
            name: name.clone(),
        }
        .sharing(&[]))
    }

    /// Goes on with these leases where it would begin the same ones; each of its own is there once.
    fn sharing(mut self, before: &[Arc<Lease>]) -> Upstream {
        let mut leases = before.to_vec();
        let ways = self.ways.iter_mut().filter_map(Way::own_sign_in);
        let mut all: Vec<&mut SignIn> = std::iter::once(&mut self.sign_in).chain(ways).collect();
        all.iter_mut()
            .for_each(|sign_in| sign_in.share(&mut leases));
        let used = |lease: &Arc<Lease>| {
            let mut own = all.iter().filter_map(|sign_in| sign_in.lease());
            own.any(|own| Arc::ptr_eq(own, lease))
        };
        leases.retain(used);
        self.leases = leases;
        self
    }

    /// What it is signed in with that lapses.
    pub fn leases(&self) -> &[Arc<Lease>] {
        &self.leases
    }

    /// What is wrong with what it is signed in with that lapses: the worst.
    pub fn trouble(&self) -> Option<Trouble> {
        let all = self.leases.iter().filter_map(|lease| lease.trouble());
        all.min_by_key(|trouble| trouble.lapses)
    }

    /// Why it cannot be signed in to now, in a fragment for the operator; `None`: it can, as far as is known here.
    pub fn unavailable(&self) -> Option<String> {
        if let SignIn::Unavailable(why) = &self.sign_in {
            return Some(why.clone());
        }
        let trouble = self.trouble()?;
        trouble.lapses.is_none().then_some(trouble.why)
    }

    /// It refused what it is signed in with: where that lapses, it may have lapsed early.
    pub fn refused_credential(&self) {
        self.leases.iter().for_each(|lease| lease.doubt());
    }

    /// Gets what it is signed in with that lapses, where that is not there yet; for those who call it once.
    pub(super) async fn obtain(&self) -> std::result::Result<(), String> {
        for lease in &self.leases {
            lease.obtain().await?;
        }
        Ok(())
    }

    /// What is injected in front of it at `now` (Unix time in milliseconds).
    pub fn faults(&self, now: i64) -> Option<&Faults> {
        let (faults, until) = self.injected.as_deref()?;
        (now < *until).then_some(faults)
    }

    /// A provider that cannot be called, and why: it fails each attempt and leaves the others alone.
    pub fn broken(name: Arc<str>, why: &str) -> Upstream {
        Upstream {
            name,
            vendor: &vendors::VENDORS[0],
            quirks: Quirks::NONE,
            origin: Origin::default(),
            sign_in: SignIn::Unavailable(why.to_owned()),
            leases: Vec::new(),
            standing: Arc::default(),
            timers: Timers::default(),
            injected: None,
            tls: None,
            host: HeaderValue::from_static("invalid"),
            headers: Vec::new(),
            usual: HeaderMap::new(),
            written: headers::Written::of(&HeaderMap::new(), &[]),
            address: Address::default(),
            models: None,
            ways: Vec::new(),
        }
    }

    /// Goes on from `before`: where the same is called in the same way, what is known of it stays known.
    pub fn after(self, before: &Upstream) -> Upstream {
        let mut next = self.sharing(&before.leases);
        if next.origin == before.origin
            && next.address == before.address
            && next.headers == before.headers
            && next.sign_in == before.sign_in
        {
            next.standing = before.standing.clone();
        }
        // Never to another address.
        if next.origin == before.origin {
            let known =
                |lease: &Arc<Lease>| before.leases.iter().any(|old| Arc::ptr_eq(old, lease));
            for lease in next.leases.iter().filter(|lease| !known(lease)) {
                before.leases.iter().for_each(|old| lease.bridge(old));
            }
        }
        next
    }

    /// Whether it is on this machine: it may well be set up before it runs.
    pub fn is_local(&self) -> bool {
        let loopback = |ip: std::net::IpAddr| ip.is_loopback();
        self.vendor.local
            || self.origin.host == "localhost"
            || self.origin.bare_host().parse().is_ok_and(loopback)
    }

    /// How callers of this format reach this model of it; `None`: they cannot.
    pub fn way(&self, format: &Format, model: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.takes(format.id, model))
    }

    /// Why there is no way for this format to this model.
    pub fn unreached(&self, format: &Format, model: &str) -> Error {
        let (provider, name) = (&self.name, format.name);
        let only = || {
            Error::invalid(format!(
                "provider `{provider}` has no `{name}`, which nothing else can stand in for"
            ))
        };
        if self.ways.iter().any(|way| way.is_from(format.id)) {
            return Error::invalid(format!(
                "provider `{provider}` has no model with a name like `{}`",
                model.escape_debug()
            ))
            .param("model")
            .hint("see how its vendor calls models: `gw provider vendors -o wide` has its page");
        }
        match (count::beside(format.id), format.op) {
            (Some(beside), _) => only().hint(format!("ask a provider that speaks `{beside}` itself")),
            (None, Op::Forward(_) | Op::Completions | Op::Keep(_)) => only().hint(format!(
                "ask one that has it, or say that this one does with `gw provider set {provider} --formats`"
            )),
            (None, _) => Error::invalid(format!(
                "provider `{provider}` speaks no format `{name}` can be translated to"
            ))
            .hint("choose another provider, or see what it speaks with: gw provider vendors"),
        }
    }

    /// The request target on a way, with what may pass of the caller's query; `None` where the model's name cannot
    /// stand in one.
    pub fn target(
        &self,
        way: &Way,
        model: &str,
        query: Option<&str>,
        streams: bool,
    ) -> Option<Uri> {
        way.target(&self.address, model, query, streams)
    }

    /// Whether a body has to be there whole before it can go out on this way: it is signed.
    pub fn wants_whole(&self, way: &Way) -> bool {
        way.sign_in(self).covers_body()
    }

    /// The path of its base URL, without a slash at the end.
    pub fn base_path(&self) -> &str {
        self.address.base_path()
    }

    /// The request target of a path behind the base URL, with what may pass of the caller's query: all but credentials.
    /// `None`: it cannot be sent.
    pub fn below(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        self.address.below(path, query)
    }

    /// The request target of something that is kept where a way leads to: `path` behind that, with what may pass of the
    /// caller's query.
    pub fn behind(&self, way: &Way, model: &str, path: &str, query: Option<&str>) -> Option<Uri> {
        let endpoint = self.target(way, model, None, false)?;
        self.address.behind(&endpoint, path, query)
    }

    /// The whole address a request on a way goes to, for people.
    pub fn url(&self, way: &Way, model: &str, streams: bool) -> Option<String> {
        let target = self.target(way, model, None, streams)?;
        let scheme = if self.origin.tls { "https" } else { "http" };
        Some(format!("{scheme}://{}{target}", self.host.to_str().ok()?))
    }

    /// The request target of its list of models, `None` where the vendor has none.
    pub fn models(&self) -> Option<Uri> {
        self.models.clone()
    }

    /// The same as [`Upstream::request`] makes, for those who send many of them.
    pub fn finished<'a>(&'a self, ask: Ask<'a>) -> Result<Finished<'a>, Unsigned> {
        let sign_in = ask.way.map_or(&self.sign_in, |way| way.sign_in(self));
        if let Some(credential) = sign_in.header()
            && !credential.is_some_and(|(name, _)| self.usual.contains_key(name))
            && let Some(lines) = self.written.fitting(&ask)
        {
            return Ok(Finished {
                method: ask.method,
                target: ask.target,
                headers: Headers::Usual(lines, credential),
                body: ask.body,
            });
        }
        let (head, body) = self.request(ask)?.into_parts();
        Ok(Finished {
            method: head.method,
            target: head.uri,
            headers: Headers::Own(Box::new(head.headers)),
            body,
        })
    }

    /// The finished request: fixed headers, the vendor's and the provider's, the caller's that may pass, and the
    /// credential last: signing covers method, target, headers and body, which are all final by then.
    pub fn request(&self, ask: Ask<'_>) -> Result<Request<Bytes>, Unsigned> {
        let headers = headers::of(self, &ask);
        let mut request = Request::new(ask.body);
        *request.headers_mut() = headers;
        *request.method_mut() = ask.method;
        *request.uri_mut() = ask.target;
        let same = ask.way.is_some_and(Way::is_same) && ask.caller.is_some();
        let sign_in = ask.way.map_or(&self.sign_in, |way| way.sign_in(self));
        sign_in.sign(&mut request, ask.own_key, same)?;
        Ok(request)
    }
}
