//! Google Cloud: service accounts' keys, what `gcloud auth application-default login` leaves, and the metadata server.
//! Application default credentials: <https://cloud.google.com/docs/authentication/application-default-credentials>

use super::{Issued, jwt, oauth, variable};
use crate::resources::Stamp;
use crate::store::{
    secret::{LONGEST, Secret},
    secret_file,
};
use http::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What tokens may be used for: <https://docs.cloud.google.com/vertex-ai/docs/authentication>
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where tokens come from unless a key says otherwise: <https://developers.google.com/identity/protocols/oauth2/service-account>
const ENDPOINT: &str = "https://oauth2.googleapis.com/token";
/// The hosts a key may name.
const HOSTS: &str = "googleapis.com";

/// Where tokens come from.
#[derive(Clone, PartialEq)]
pub(in crate::upstream) enum Google {
    /// A credential that is stored.
    Stored(Held),
    /// Application default credentials, looked for at each asking.
    Machine,
}

/// What a file of Google's holds.
#[derive(Clone, PartialEq)]
pub(in crate::upstream) enum Held {
    /// A service account's key.
    Account {
        email: String,
        key_id: String,
        key: Secret,
        endpoint: String,
    },
    /// A person's leave to act in its name.
    User {
        client_id: String,
        client_secret: Secret,
        refresh_token: Secret,
        endpoint: String,
    },
}

impl Google {
    /// Out of a stored credential that is JSON. Errors are fragments that follow its name and show nothing of it.
    pub fn stored(text: &str) -> Result<Google, String> {
        Held::read(text).map(Google::Stored)
    }

    pub async fn ask(&self) -> Result<Issued, String> {
        match self {
            Google::Stored(held) => held.ask().await,
            Google::Machine => {
                let looked = tokio::task::spawn_blocking(look).await;
                match looked.map_err(|error| error.to_string())?? {
                    Some(held) => held.ask().await,
                    None => metadata().await,
                }
            }
        }
    }
}

impl Held {
    fn read(text: &str) -> Result<Held, String> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct File {
            r#type: String,
            client_email: String,
            private_key_id: String,
            private_key: String,
            token_uri: String,
            client_id: String,
            client_secret: String,
            refresh_token: String,
        }
        let file: File =
            serde_json::from_str(text).map_err(|_| "is no JSON of Google's".to_owned())?;
        let endpoint = match file.token_uri.as_str() {
            "" => ENDPOINT.to_owned(),
            own => {
                oauth::endpoint(own, Some(HOSTS))
                    .map_err(|why| format!("has a `token_uri` that {why}"))?;
                own.to_owned()
            }
        };
        let needs = |name: &str, text: &str| match text {
            "" => Err(format!("has no `{name}`")),
            _ => Ok(()),
        };
        match file.r#type.as_str() {
            "service_account" => {
                needs("client_email", &file.client_email)?;
                needs("private_key", &file.private_key)?;
                let held = Held::Account {
                    email: file.client_email,
                    key_id: file.private_key_id,
                    key: Secret::new(file.private_key),
                    endpoint,
                };
                // Said now, not when the first token is asked for.
                held.assertion(0).map(|_| held)
            }
            "authorized_user" => {
                needs("client_id", &file.client_id)?;
                needs("client_secret", &file.client_secret)?;
                needs("refresh_token", &file.refresh_token)?;
                Ok(Held::User {
                    client_id: file.client_id,
                    client_secret: Secret::new(file.client_secret),
                    refresh_token: Secret::new(file.refresh_token),
                    endpoint,
                })
            }
            "" => Err("is JSON without a `type`".into()),
            other if other.len() < 40 => Err(format!(
                "is JSON of the type `{}`, and gw takes `service_account` and `authorized_user`",
                other.escape_debug()
            )),
            _ => Err("is JSON of a type gw does not take".into()),
        }
    }

    async fn ask(&self) -> Result<Issued, String> {
        match self {
            Held::Account { endpoint, .. } => {
                let assertion = self.assertion(Stamp::now().0 / 1000)?;
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", &assertion),
                ];
                oauth::form(endpoint, &fields).await
            }
            Held::User {
                client_id,
                client_secret,
                refresh_token,
                endpoint,
            } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                oauth::form(endpoint, &fields).await
            }
        }
    }

    /// What a service account proves itself with at this second:
    /// <https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>
    fn assertion(&self, now: i64) -> Result<String, String> {
        let Held::Account {
            email,
            key_id,
            key,
            endpoint,
        } = self
        else {
            return Err("is no service account's key".into());
        };
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if !key_id.is_empty() {
            header["kid"] = Value::from(key_id.as_str());
        }
        let claims = json!({
            "iss": email, "scope": SCOPE, "aud": endpoint, "iat": now, "exp": now + 3600,
        });
        jwt::sign(&header, &claims, key.expose())
            .map_err(|why| format!("has a `private_key` that {why}"))
    }
}

/// The file of application default credentials, where there is one. Blocks.
fn look() -> Result<Option<Held>, String> {
    let named = variable("GOOGLE_APPLICATION_CREDENTIALS");
    let path = match &named {
        Some(path) => PathBuf::from(path),
        None => match well_known().filter(|path| path.is_file()) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let at = |why: String| format!("`{}` {why}", path.display());
    let content = secret_file::read(&path.to_string_lossy(), LONGEST).map_err(at)?;
    let text = std::str::from_utf8(&content).map_err(|_| at("is not text".into()))?;
    Held::read(text).map(Some).map_err(at)
}

/// Where `gcloud` leaves it.
fn well_known() -> Option<PathBuf> {
    const NAME: &str = "application_default_credentials.json";
    if let Some(own) = variable("CLOUDSDK_CONFIG") {
        return Some(PathBuf::from(own).join(NAME));
    }
    match cfg!(windows) {
        true => Some(
            PathBuf::from(variable("APPDATA")?)
                .join("gcloud")
                .join(NAME),
        ),
        false => Some(
            PathBuf::from(variable("HOME")?)
                .join(".config/gcloud")
                .join(NAME),
        ),
    }
}

/// The identity of the machine or the workload on it:
/// <https://docs.cloud.google.com/compute/docs/access/authenticate-workloads>. The variables are those of Google's own
/// libraries: <https://googleapis.dev/python/google-auth/latest/reference/google.auth.environment_vars.html>
async fn metadata() -> Result<Issued, String> {
    let host = variable("GCE_METADATA_HOST")
        .or_else(|| variable("GCE_METADATA_ROOT"))
        .unwrap_or_else(|| "metadata.google.internal".into());
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let issued = oauth::metadata(&url, "metadata-flavor", HeaderValue::from_static("Google"));
    issued.await.map_err(|why| {
        format!("`GOOGLE_APPLICATION_CREDENTIALS` is not set, `gcloud` has left no credentials, and the metadata server gives none: {why}")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    /// Made for this test.
    const KEY: &str = include_str!("../../../tests/files/service-account-key.pem");

    fn file(member: &str, value: Value) -> String {
        let mut file = json!({
            "type": "service_account", "client_email": "gw@p.iam.gserviceaccount.com",
            "private_key_id": "k1", "private_key": KEY, "token_uri": "https://oauth2.googleapis.com/token",
        });
        file[member] = value;
        file.to_string()
    }

    #[test]
    fn what_is_no_key_of_googles_is_refused_in_words() {
        for (text, why) in [
            ("{".to_owned(), "is no JSON of Google's"),
            ("{}".to_owned(), "is JSON without a `type`"),
            (
                file("type", json!("external_account")),
                "is JSON of the type `external_account`, and gw takes `service_account` and `authorized_user`",
            ),
            (file("private_key", json!("")), "has no `private_key`"),
            (
                file("private_key", json!("sk-secret")),
                "has a `private_key` that is no private key in PEM form",
            ),
            (
                file("token_uri", json!("https://evil.example/token")),
                "has a `token_uri` that is not at `googleapis.com`",
            ),
        ] {
            assert_eq!(Google::stored(&text).err().as_deref(), Some(why));
        }
        assert!(Google::stored(&file("extra", json!(1))).is_ok());
    }

    #[test]
    fn an_assertion_is_what_google_wants() {
        let held = Held::read(&file("extra", json!(1))).unwrap();
        let text = held.assertion(1_700_000_000).unwrap();
        let parts: Vec<Vec<u8>> = text
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
            .collect();
        let read = |part: &[u8]| serde_json::from_slice::<Value>(part).unwrap();
        assert_eq!(
            read(&parts[0]),
            json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})
        );
        assert_eq!(
            read(&parts[1]),
            json!({
                "iss": "gw@p.iam.gserviceaccount.com", "aud": "https://oauth2.googleapis.com/token",
                "scope": "https://www.googleapis.com/auth/cloud-platform",
                "iat": 1_700_000_000, "exp": 1_700_003_600,
            })
        );
        // Of 2,048 bits.
        assert_eq!((parts.len(), parts[2].len()), (3, 256));
    }
}
