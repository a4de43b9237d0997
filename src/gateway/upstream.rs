//! A provider made ready to be called: everything that can be worked out before a request comes.

use crate::error::{Error, Result};
use crate::formats::FormatId;
use crate::resources::provider::{Credential, Provider};
use crate::store::secret::Secret;
use crate::vendors::{self, Auth, Vendor};
use http::{HeaderName, HeaderValue, header};
use std::{sync::Arc, time::Duration};

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub tls: bool,
    pub host: String,
    pub port: u16,
}

/// How a request is signed in.
pub enum SignIn {
    /// Header and value, marked sensitive.
    Header(HeaderName, HeaderValue),
    /// The caller's own provider key is forwarded.
    Passthrough(Auth),
    Nothing,
    /// The credential is not to be had now, and why.
    Unavailable(String),
}

/// A provider ready to be called.
pub struct Upstream {
    pub name: Arc<str>,
    pub vendor: &'static Vendor,
    pub origin: Origin,
    pub host: HeaderValue,
    pub sign_in: SignIn,
    /// Headers every request carries: the vendor's, then the provider's own.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    pub idle: Option<Duration>,
    prefix: String,
    query: String,
    /// Request targets without a model in them, made once.
    fixed: Vec<(FormatId, http::Uri)>,
}

impl Upstream {
    /// Prepares a provider. `credential`: as the admin side resolved it.
    pub fn build(
        name: Arc<str>,
        spec: &Provider,
        credential: Option<&Result<Option<Secret>, String>>,
    ) -> Result<Upstream> {
        let vendor = vendors::vendor(&spec.vendor)?;
        let base = if spec.base_url.is_empty() {
            vendor.base_url
        } else {
            &spec.base_url
        };
        let bad = |why: String| {
            Error::invalid(format!("provider `{name}`: {why}")).hint(format!(
                "set it with `gw provider set {name} --base-url URL`"
            ))
        };
        let url = url::Url::parse(base)
            .map_err(|error| bad(format!("base URL cannot be read: {error}")))?;
        let host = url
            .host_str()
            .ok_or_else(|| bad("base URL has no host".into()))?
            .to_owned();
        let tls = url.scheme() == "https";
        let port = url
            .port_or_known_default()
            .unwrap_or(if tls { 443 } else { 80 });
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        vendor
            .query
            .iter()
            .filter(|(key, _)| !spec.query.contains_key(*key))
            .for_each(|(key, value)| {
                query.append_pair(key, value);
            });
        spec.query.iter().for_each(|(key, value)| {
            query.append_pair(key, value);
        });
        let mut upstream = Upstream {
            vendor,
            origin: Origin { tls, host, port },
            host: HeaderValue::try_from(authority)
                .map_err(|_| bad("base URL has a host that cannot be sent".into()))?,
            sign_in: sign_in(vendor, spec, credential),
            headers: Vec::new(),
            connect: spec.connect_timeout.map(|limit| limit.std()),
            first_byte: spec.first_byte_timeout.map(|limit| limit.std()),
            idle: spec.idle_timeout.map(|limit| limit.std()),
            prefix: url.path().trim_end_matches('/').to_owned(),
            query: query.finish(),
            fixed: Vec::new(),
            name: name.clone(),
        };
        let own = spec
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in vendor.headers.iter().copied().chain(own) {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                upstream.headers.retain(|(have, _)| *have != name);
                upstream.headers.push((name, value));
            }
        }
        for (format, path) in vendor
            .endpoints
            .iter()
            .filter(|(_, path)| !path.contains("{model}"))
        {
            let target = upstream.write_target(path);
            upstream.fixed.push((
                *format,
                target
                    .parse()
                    .map_err(|_| bad(format!("`{target}` is not a request target")))?,
            ));
        }
        Ok(upstream)
    }

    /// A provider that cannot be called, and why: it fails each attempt and leaves the others alone.
    pub fn broken(name: Arc<str>, why: &str) -> Upstream {
        Upstream {
            name,
            vendor: &vendors::VENDORS[0],
            origin: Origin {
                tls: false,
                host: String::new(),
                port: 0,
            },
            host: HeaderValue::from_static("invalid"),
            sign_in: SignIn::Unavailable(why.to_owned()),
            headers: Vec::new(),
            connect: None,
            first_byte: None,
            idle: None,
            prefix: String::new(),
            query: String::new(),
            fixed: Vec::new(),
        }
    }

    /// Whether it speaks this format.
    pub fn speaks(&self, format: FormatId) -> bool {
        self.vendor.endpoints.iter().any(|(id, _)| *id == format)
    }

    /// The request target for a format, `None` where the provider does not speak it.
    pub fn target(&self, format: FormatId, model: &str) -> Option<http::Uri> {
        if let Some((_, uri)) = self.fixed.iter().find(|(id, _)| *id == format) {
            return Some(uri.clone());
        }
        let (_, path) = self.vendor.endpoints.iter().find(|(id, _)| *id == format)?;
        let encoded: String = url::form_urlencoded::byte_serialize(model.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        self.write_target(&path.replace("{model}", &encoded))
            .parse()
            .ok()
    }

    fn write_target(&self, path: &str) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{}", self.prefix, self.query)
    }
}

fn sign_in(
    vendor: &Vendor,
    spec: &Provider,
    credential: Option<&Result<Option<Secret>, String>>,
) -> SignIn {
    if spec.credential == Credential::Passthrough {
        return SignIn::Passthrough(vendor.auth);
    }
    match credential {
        None | Some(Ok(None)) => SignIn::Nothing,
        Some(Err(why)) => SignIn::Unavailable(why.clone()),
        Some(Ok(Some(secret))) => {
            let (name, text) = match vendor.auth {
                Auth::Bearer => (header::AUTHORIZATION, format!("Bearer {}", secret.expose())),
                Auth::Header(name) => (HeaderName::from_static(name), secret.expose().to_owned()),
            };
            match HeaderValue::try_from(text) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    SignIn::Header(name, value)
                }
                Err(_) => SignIn::Unavailable(
                    "the credential holds characters no header can carry".into(),
                ),
            }
        }
    }
}
