//! Signing in upstream: the last step over a finished request.

use super::aws::{self, Chain, Keys};
use super::issuer::{Entra, Google, Issuer, Token};
use super::lease::Lease;
use super::presented::{bearer, sensitive};
use super::{Access, Form, OwnKey};
use crate::formats::fault::Hidden;
use crate::resources::provider::{Credential, Provider};
use crate::vendors::Auth;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use std::sync::Arc;

/// How a request is signed in.
#[derive(PartialEq)]
pub enum SignIn {
    /// Header and value, marked sensitive.
    Header(HeaderName, HeaderValue),
    /// Several of them.
    Headers(Vec<(HeaderName, HeaderValue)>),
    /// Signed with access keys, for this service.
    Keys(Arc<Keys>, Signing),
    /// With what an issuer gave last; signed for this service where it gives keys.
    Leased(Arc<Lease>, Option<Signing>),
    /// The caller's own provider key is forwarded.
    Passthrough(Auth),
    Nothing,
    /// The credential is not to be had now, and why.
    Unavailable(String),
}

/// What signatures of AWS are made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Signing {
    pub service: &'static str,
    pub region: Arc<str>,
}

/// Why a request could not be signed in.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// The provider passes the caller's own key through, and none was sent.
    NoOwnKey,
    /// The caller's own key has characters no header can carry.
    BadOwnKey,
    /// The caller's own key is a pair of AWS's, which signs and is never sent.
    OwnAccessKeys,
    /// The credential is not to be had now, and why. For the operator: it may name files and variables.
    Unavailable(String),
}

impl SignIn {
    /// What is known before any request comes.
    pub(super) fn of(
        auth: Auth,
        spec: &Provider,
        access: Option<&Result<Access, String>>,
    ) -> SignIn {
        let secret = match access {
            Some(Err(why)) => return SignIn::Unavailable(why.clone()),
            Some(Ok(access)) => access.secret.as_ref(),
            None => None,
        };
        let made = match (&spec.credential, secret) {
            (Credential::Passthrough, _) => Ok(SignIn::Passthrough(auth)),
            (Credential::Aws(_) | Credential::Google | Credential::Azure, _) => machine(auth, spec),
            (_, Some(secret)) => match Made::of(auth, secret.expose()) {
                Ok(Made::Keys(keys)) => {
                    signing(auth, spec).map(|signing| SignIn::Keys(Arc::new(keys), signing))
                }
                Ok(Made::Issuer(issuer)) => Ok(SignIn::Leased(Lease::new(issuer), None)),
                Ok(Made::Headers(list)) => Ok(fixed(list)),
                Err(why) => Err(format!("the credential {why}")),
            },
            (_, None) => Ok(SignIn::Nothing),
        };
        made.unwrap_or_else(SignIn::Unavailable)
    }

    /// The lease it signs in with.
    pub(super) fn lease(&self) -> Option<&Arc<Lease>> {
        match self {
            SignIn::Leased(lease, _) => Some(lease),
            _ => None,
        }
    }

    /// Goes on with the lease of these that is made from the same as its own; else its own is one more of them.
    pub(super) fn share(&mut self, leases: &mut Vec<Arc<Lease>>) {
        if let SignIn::Leased(own, _) = self {
            match leases.iter().find(|lease| ***lease == **own) {
                Some(lease) => *own = lease.clone(),
                None => leases.push(own.clone()),
            }
        }
    }

    /// Whether the credential is the caller's own: what is wrong with it says nothing of the provider.
    pub fn is_own_key(&self) -> bool {
        matches!(self, SignIn::Passthrough(_))
    }

    /// What must not be shown of a request signed in so: the stored credential, or the caller's own.
    pub fn hidden<'a>(&'a self, own_key: Option<&'a OwnKey>) -> Hidden<'a> {
        let key = |value: &'a HeaderValue| {
            let text = value.to_str().ok();
            text.map(|text| text.strip_prefix("Bearer ").unwrap_or(text))
        };
        match self {
            SignIn::Header(_, value) => Hidden::of(key(value)),
            SignIn::Headers(list) => Hidden::of(list.first().and_then(|(_, value)| key(value))),
            SignIn::Passthrough(_) => Hidden::of(own_key.map(OwnKey::key)),
            SignIn::Keys(keys, _) => Hidden::of(sent(keys)),
            SignIn::Leased(lease, _) => Hidden::owned(lease.current().ok().and_then(|held| {
                Some(match &held.as_ref()?.token {
                    Token::Bearer(value) => {
                        value.to_str().ok()?.strip_prefix("Bearer ")?.to_owned()
                    }
                    Token::Keys(keys) => sent(keys)?.to_owned(),
                })
            })),
            SignIn::Nothing | SignIn::Unavailable(_) => Hidden::default(),
        }
    }

    /// Whether a credential goes along.
    pub fn signs(&self) -> bool {
        !matches!(self, SignIn::Nothing | SignIn::Unavailable(_))
    }

    /// The header that all requests are signed in with, if any; `None`: they differ.
    pub(super) fn header(&self) -> Option<Option<(&HeaderName, &HeaderValue)>> {
        match self {
            SignIn::Nothing => Some(None),
            SignIn::Header(name, value) => Some(Some((name, value))),
            _ => None,
        }
    }

    /// Whether what it makes holds for one body alone, which must be there whole.
    pub(super) fn covers_body(&self) -> bool {
        matches!(self, SignIn::Keys(..) | SignIn::Leased(_, Some(_)))
    }

    /// Signs a request that is finished but for this, body and all. `own_key`: the caller's own; `same`: the caller speaks the
    /// format upstream, so that its client knows how the key is presented there.
    pub(super) fn sign(
        &self,
        request: &mut Request<Bytes>,
        own_key: Option<&OwnKey>,
        same: bool,
    ) -> Result<(), Unsigned> {
        match self {
            SignIn::Nothing => {}
            SignIn::Unavailable(why) => return Err(Unsigned::Unavailable(why.clone())),
            SignIn::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
            }
            SignIn::Headers(list) => {
                for (name, value) in list {
                    request.headers_mut().insert(name.clone(), value.clone());
                }
            }
            SignIn::Keys(keys, signing) => sign_with(request, keys, signing)?,
            SignIn::Leased(lease, signing) => {
                let held = lease.current().map_err(Unsigned::Unavailable)?;
                match (held.as_ref().map(|held| &held.token), signing) {
                    (Some(Token::Bearer(value)), _) => {
                        let headers = request.headers_mut();
                        headers.insert(header::AUTHORIZATION, value.clone());
                    }
                    (Some(Token::Keys(keys)), Some(signing)) => sign_with(request, keys, signing)?,
                    (Some(Token::Keys(_)), None) | (None, _) => {
                        let why = "its credential is of a kind this provider does not take";
                        return Err(Unsigned::Unavailable(why.into()));
                    }
                }
            }
            SignIn::Passthrough(auth) => {
                let own = own_key.ok_or(Unsigned::NoOwnKey)?;
                if matches!(auth, Auth::Aws(_)) && Keys::stored(own.key()).is_some() {
                    return Err(Unsigned::OwnAccessKeys);
                }
                let auth = match own.form {
                    // Tokens of a subscription (`sk-ant-oat…`) are taken in this form alone.
                    Form::Bearer if same => Auth::Bearer,
                    Form::Bearer | Form::ApiKey => *auth,
                };
                for (name, value) in headers(auth, own.key()).ok_or(Unsigned::BadOwnKey)? {
                    request.headers_mut().insert(name, value);
                }
            }
        }
        Ok(())
    }
}

/// What a stored secret is, told by its shape and by how the vendor signs in.
enum Made {
    Headers(Vec<(HeaderName, HeaderValue)>),
    Keys(Keys),
    Issuer(Issuer),
}

impl Made {
    /// Errors are fragments that follow its name and show nothing of it.
    fn of(auth: Auth, secret: &str) -> Result<Made, String> {
        match auth {
            Auth::Google if secret.starts_with('{') => {
                let google = Google::stored(secret)?;
                return Ok(Made::Issuer(Issuer::Google(google)));
            }
            Auth::Entra(_) | Auth::Headers(_) if secret.starts_with('{') => {
                let entra = Entra::stored(secret, auth.scope())?;
                return Ok(Made::Issuer(Issuer::Entra(entra)));
            }
            Auth::Aws(_) => {
                if let Some(keys) = Keys::stored(secret) {
                    return Ok(Made::Keys(keys));
                }
            }
            _ => {}
        }
        let list = headers(auth, secret);
        list.map(Made::Headers)
            .ok_or_else(|| "holds characters no header can carry".to_owned())
    }
}

/// Refuses a secret that the vendor's way of signing in can do nothing with; errors are fragments that follow
/// its name and show nothing of it.
pub fn check_secret(auth: Auth, secret: &str) -> Result<(), String> {
    Made::of(auth, secret).map(drop)
}

/// Says why a provider cannot be signed in to with what its record refers to, in a fragment.
pub fn check_access(spec: &Provider, access: Access) -> Result<Access, String> {
    let Ok(vendor) = crate::vendors::vendor(&spec.vendor) else {
        // Refused in words of its own.
        return Ok(access);
    };
    let found = Ok(access);
    match SignIn::of(vendor.auth, spec, Some(&found)) {
        SignIn::Unavailable(why) => Err(why),
        _ => found,
    }
}

fn fixed(mut list: Vec<(HeaderName, HeaderValue)>) -> SignIn {
    match (list.len(), list.pop()) {
        (1, Some((name, value))) => SignIn::Header(name, value),
        (_, last) => {
            list.extend(last);
            SignIn::Headers(list)
        }
    }
}

/// The identity of the gateway's own machine.
fn machine(auth: Auth, spec: &Provider) -> Result<SignIn, String> {
    let leased = |issuer| SignIn::Leased(Lease::new(issuer), None);
    match (&spec.credential, auth) {
        (Credential::Google, Auth::Google) => Ok(leased(Issuer::Google(Google::Machine))),
        (Credential::Azure, Auth::Entra(_) | Auth::Headers(_)) => {
            Ok(leased(Issuer::Entra(Entra::machine(auth.scope()))))
        }
        (Credential::Aws(profile), Auth::Aws(service)) => {
            let signing = signing(auth, spec)?;
            let chain = Chain {
                profile: profile.clone(),
                service,
                region: signing.region.to_string(),
            };
            let lease = Lease::new(Issuer::Aws(chain));
            Ok(SignIn::Leased(lease, Some(signing)))
        }
        // Refused when records are written.
        (other, _) => Err(format!("the vendor is not signed in to with `{other}`")),
    }
}

/// What signatures are made for: the record's region, or else the one in an address of Amazon's.
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
fn signing(auth: Auth, spec: &Provider) -> Result<Signing, String> {
    let Auth::Aws(service) = auth else {
        return Err("the vendor takes no signatures".into());
    };
    let region = match spec.region.as_str() {
        "" => of_host(&spec.base_url),
        own => Some(own.to_owned()),
    };
    match region {
        Some(region) => Ok(Signing {
            service,
            region: region.into(),
        }),
        None => Err(
            "requests are signed for a region, and the provider has none: give it with --region"
                .into(),
        ),
    }
}

/// `https://SERVICE.REGION.amazonaws.com`
fn of_host(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str()?;
    let own = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    let rest = own.iter().find_map(|end| host.strip_suffix(end))?;
    let (_, region) = rest.split_once('.')?;
    (!region.is_empty() && !region.contains('.')).then(|| region.to_owned())
}

fn sign_with(request: &mut Request<Bytes>, keys: &Keys, signing: &Signing) -> Result<(), Unsigned> {
    let now = jiff::Timestamp::now();
    aws::sign(request, keys, &signing.region, signing.service, now).map_err(Unsigned::Unavailable)
}

/// What of access keys goes along with a request and must not be shown.
fn sent(keys: &Keys) -> Option<&str> {
    keys.token.as_ref().map(|token| token.expose())
}

/// The headers a vendor takes a key or a token in; `None`: no header can carry it.
fn headers(auth: Auth, key: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let names = match auth {
        Auth::Header(ref name) => std::slice::from_ref(name),
        Auth::Entra(ref name) if !is_jwt(key) => std::slice::from_ref(name),
        Auth::Headers(names) if !is_jwt(key) => names,
        Auth::BearerIn(name) => {
            return Some(vec![(HeaderName::from_static(name), bearer(key)?)]);
        }
        Auth::Bearer | Auth::Entra(_) | Auth::Headers(_) | Auth::Aws(_) | Auth::Google => {
            return Some(vec![(header::AUTHORIZATION, bearer(key)?)]);
        }
    };
    let value = sensitive(key.to_owned())?;
    let of = |name: &&'static str| (HeaderName::from_static(name), value.clone());
    Some(names.iter().map(of).collect())
}

/// Whether it is a token of three parts that begins as a JSON object does: RFC 7519.
fn is_jwt(key: &str) -> bool {
    key.starts_with("eyJ") && key.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn each_vendor_gets_a_credential_its_own_way() {
        let said = |auth, key: &str| -> Vec<String> {
            let list = headers(auth, key).unwrap();
            assert!(list.iter().all(|(_, value)| value.is_sensitive()));
            let line = |(name, value): &(HeaderName, HeaderValue)| {
                format!("{name}: {}", value.to_str().unwrap())
            };
            list.iter().map(line).collect()
        };
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl";
        let bearer = [format!("authorization: Bearer {jwt}")];
        let foundry = Auth::Headers(&["x-api-key", "api-key"]);
        assert_eq!(said(Auth::Bearer, "k"), ["authorization: Bearer k"]);
        assert_eq!(said(Auth::Header("x-api-key"), "k"), ["x-api-key: k"]);
        assert_eq!(
            said(Auth::Header("x-api-key"), jwt),
            [format!("x-api-key: {jwt}")]
        );
        assert_eq!(said(foundry, "k"), ["x-api-key: k", "api-key: k"]);
        assert_eq!(said(foundry, jwt), bearer);
        assert_eq!(said(Auth::Entra("api-key"), "k"), ["api-key: k"]);
        assert_eq!(said(Auth::Entra("api-key"), jwt), bearer);
        assert_eq!(said(Auth::Aws("bedrock"), "k"), ["authorization: Bearer k"]);
        assert_eq!(
            said(Auth::Google, "ya29.x"),
            ["authorization: Bearer ya29.x"]
        );
        assert!(headers(Auth::Bearer, "k\n").is_none());
    }

    #[test]
    fn what_a_secret_is_is_told_by_its_shape() {
        let kind = |auth, secret: &str| match Made::of(auth, secret) {
            Ok(Made::Headers(_)) => "sent".to_owned(),
            Ok(Made::Keys(_)) => "signs".to_owned(),
            Ok(Made::Issuer(issuer)) => issuer.describe().to_owned(),
            Err(why) => why,
        };
        let application = r#"{"tenant_id":"t","client_id":"c","client_secret":"s"}"#;
        let aws = Auth::Aws("bedrock");
        for (auth, secret, want) in [
            (aws, "AKIDEXAMPLE:wJalr/+=", "signs"),
            (aws, "ABSKQmVkcm9ja0FQSUtleS0=", "sent"),
            (Auth::Entra("api-key"), "k", "sent"),
            (Auth::Entra("api-key"), application, "Microsoft Entra"),
            (Auth::Headers(&["a", "b"]), application, "Microsoft Entra"),
            (
                Auth::Entra("api-key"),
                "{}",
                "is JSON without a `tenant_id`",
            ),
            (Auth::Google, "ya29.x", "sent"),
            (Auth::Google, "{}", "is JSON without a `type`"),
            (Auth::Bearer, application, "sent"),
            (Auth::Bearer, "a\nb", "holds characters no header can carry"),
        ] {
            assert_eq!(kind(auth, secret), want);
        }
    }

    #[test]
    fn a_callers_access_keys_are_not_sent() {
        let sign_in = SignIn::Passthrough(Auth::Aws("bedrock"));
        let signed = |key: &str, same| {
            let own = OwnKey::new(key, Form::Bearer);
            let mut request = Request::new(Bytes::new());
            sign_in.sign(&mut request, own.as_ref(), same)?;
            Ok(request.headers()[header::AUTHORIZATION]
                .to_str()
                .unwrap()
                .to_owned())
        };
        for same in [true, false] {
            assert_eq!(
                signed("ABSKQmVkcm9jaw==", same),
                Ok("Bearer ABSKQmVkcm9jaw==".into())
            );
            assert_eq!(
                signed("AKIDEXAMPLE:wJalr/+=", same),
                Err(Unsigned::OwnAccessKeys)
            );
        }
    }

    #[test]
    fn a_region_is_the_records_or_in_an_address_of_amazons() {
        let of = |region: &str, url: &str| {
            let spec = serde_json::json!({"vendor": "v", "region": region, "base_url": url});
            let spec: Provider = serde_json::from_value(spec).unwrap();
            let made = signing(Auth::Aws("bedrock"), &spec).ok()?;
            Some(made.region.to_string())
        };
        let some = |region: &str| Some(region.to_owned());
        let runtime = "https://bedrock-runtime.eu-west-1.amazonaws.com";
        assert_eq!(of("us-east-1", runtime), some("us-east-1"));
        assert_eq!(of("", runtime), some("eu-west-1"));
        assert_eq!(
            of("", "https://bedrock-mantle.us-east-2.api.aws/v1"),
            some("us-east-2")
        );
        assert_eq!(
            of(
                "",
                "https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com"
            ),
            None
        );
        assert_eq!(of("", "http://127.0.0.1:1"), None);
    }
}
