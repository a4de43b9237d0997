//! Where a provider is: origin, path and query out of vendor and record.

use crate::resources::provider::Provider;
use crate::vendors::{Part, Parts, Vendor};
use http::{HeaderValue, Uri};

/// Where connections go, and with which TLS: connections of one origin are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// Tells a CA or client certificate of the provider's own from others; 0: none of its own.
    pub identity: u64,
}

impl Origin {
    /// The host without the brackets of an IPv6 address, as resolvers and certificates have it.
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// A provider's base URL taken apart, with the query every request carries.
#[derive(Default, PartialEq)]
pub(super) struct Address {
    tls: bool,
    host: String,
    /// As written: absent where it is the scheme's own.
    port: Option<u16>,
    prefix: String,
    query: String,
}

impl Address {
    /// Out of the record's base URL, else the vendor's; errors are fragments that follow the provider's name.
    pub fn of(vendor: &Vendor, spec: &Provider) -> Result<Address, String> {
        let base = base_url(vendor, spec)?;
        let url =
            url::Url::parse(&base).map_err(|error| format!("base URL cannot be read: {error}"))?;
        let host = url.host_str().ok_or("base URL has no host")?.to_owned();
        Ok(Address {
            tls: url.scheme() == "https",
            host,
            port: url.port(),
            prefix: url.path().trim_end_matches('/').to_owned(),
            query: query(vendor, spec),
        })
    }

    pub fn origin(&self, identity: u64) -> Origin {
        Origin {
            tls: self.tls,
            host: self.host.clone(),
            port: self.port.unwrap_or(if self.tls { 443 } else { 80 }),
            identity,
        }
    }

    /// The `Host` header.
    pub fn host(&self) -> Result<HeaderValue, String> {
        let text = match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        };
        HeaderValue::try_from(text).map_err(|_| "base URL has a host that cannot be sent".into())
    }

    pub fn base_path(&self) -> &str {
        &self.prefix
    }

    /// The request target of a path behind the base URL that a caller names, with its query: but for credentials, and for
    /// what the vendor or the record says.
    pub fn below(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        let query = self.passing(query);
        let mark = if query.is_empty() { "" } else { "?" };
        self.target(&format!("{path}{mark}{query}"), false).ok()
    }

    /// The same behind another target, which has the vendor's and the record's query already.
    pub fn behind(&self, endpoint: &Uri, path: &str, query: Option<&str>) -> Option<Uri> {
        let own = endpoint.query().unwrap_or_default();
        let more = self.passing(query);
        let between = if own.is_empty() || more.is_empty() {
            ""
        } else {
            "&"
        };
        let query = format!("{own}{between}{more}");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{query}", endpoint.path())
            .parse()
            .ok()
    }

    /// What of a caller's query goes along: all but credentials, and what the vendor or the record says.
    fn passing(&self, query: Option<&str>) -> String {
        let pairs = |query| url::form_urlencoded::parse(str::as_bytes(query));
        let mut passing = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs(query.unwrap_or_default()) {
            let own = || pairs(&self.query).any(|(own, _)| own == name);
            let folded = name.to_ascii_lowercase().replace(['-', '_', '$'], "");
            if !CREDENTIALS.contains(&&*folded) && !own() {
                passing.append_pair(&name, &value);
            }
        }
        passing.finish()
    }

    /// The request target of a path (with a query of its own or none) behind the base URL, or behind its host.
    pub fn target(&self, path: &str, from_host: bool) -> Result<Uri, String> {
        let mark = match (self.query.is_empty(), path.contains('?')) {
            (true, _) => "",
            (false, true) => "&",
            (false, false) => "?",
        };
        let prefix = if from_host { "" } else { &self.prefix };
        let target = format!("{prefix}{path}{mark}{}", self.query);
        target
            .parse()
            .map_err(|_| format!("`{target}` is not a request target"))
    }
}

/// Query parameters that are credentials somewhere, in small letters and without signs: a gateway key among them would be
/// shown to the provider, another key would be asked with.
const CREDENTIALS: [&str; 12] = [
    "key",
    "apikey",
    "xapikey",
    "xgwkey",
    "accesstoken",
    "oauthtoken",
    "token",
    "authorization",
    "auth",
    "subscriptionkey",
    "signature",
    "sig",
];

/// The record's base URL, else the vendor's with the record's parts in it.
pub fn base_url(vendor: &Vendor, spec: &Provider) -> Result<String, String> {
    match spec.base_url.as_str() {
        "" => filled(vendor.base_template(&spec.region), spec),
        own => Ok(own.to_owned()),
    }
}

/// A vendor's base URL, path or header with the record's parts in it.
pub(super) fn filled(template: &str, spec: &Provider) -> Result<String, String> {
    let parts = Parts {
        region: &spec.region,
        project: &spec.project,
        account: &spec.account,
    };
    let missing = |part: Part| format!("its address wants `{}`, which is not set", part.name());
    parts.fill(template).map_err(missing)
}

/// A path with the model in it, percent-encoded.
pub(super) fn with_model(path: &str, model: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(model.as_bytes()).collect();
    path.replace("{model}", &encoded.replace('+', "%20"))
}

/// The vendor's parameters unless the record gives them, then the record's.
fn query(vendor: &Vendor, spec: &Provider) -> String {
    let of_vendor = vendor
        .query
        .iter()
        .copied()
        .filter(|(key, _)| !spec.query.contains_key(*key));
    let own = spec
        .query
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(of_vendor.chain(own))
        .finish()
}
