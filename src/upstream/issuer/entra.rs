//! Microsoft Entra: an application's own secret, a workload's federated token, the identity of a machine.

use super::{Issued, oauth, variable};
use crate::store::{
    secret::{LONGEST, Secret},
    secret_file,
};
use http::HeaderValue;
use serde::Deserialize;

/// Where applications sign in unless `AZURE_AUTHORITY_HOST` says otherwise:
/// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where a machine asks for its own token unless `AZURE_POD_IDENTITY_AUTHORITY_HOST` says otherwise, as in Microsoft's own
/// libraries: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
const METADATA: &str = "http://169.254.169.254";

/// Tokens for one scope, such as `https://cognitiveservices.azure.com/.default`.
#[derive(Clone, PartialEq)]
pub(in crate::upstream) struct Entra {
    pub scope: &'static str,
    from: From,
}

#[derive(Clone, PartialEq)]
enum From {
    /// A credential that is stored.
    Client(Client),
    /// The environment and the machine, looked at each time.
    Machine,
}

/// An application with a secret of its own.
#[derive(Clone, PartialEq)]
struct Client {
    tenant: String,
    id: String,
    secret: Secret,
}

impl Entra {
    /// The identity of the gateway's own machine.
    pub fn machine(scope: &'static str) -> Entra {
        Entra {
            scope,
            from: From::Machine,
        }
    }

    /// Out of a stored credential that is JSON. Errors are fragments that follow its name and show nothing of it.
    pub fn stored(text: &str, scope: &'static str) -> Result<Entra, String> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct File {
            tenant_id: String,
            client_id: String,
            client_secret: String,
        }
        let file: File = serde_json::from_str(text).map_err(|_| {
            "is no JSON with `tenant_id`, `client_id` and `client_secret`".to_owned()
        })?;
        for (name, text) in [
            ("tenant_id", &file.tenant_id),
            ("client_id", &file.client_id),
            ("client_secret", &file.client_secret),
        ] {
            if text.is_empty() {
                return Err(format!("is JSON without a `{name}`"));
            }
        }
        check_tenant(&file.tenant_id)?;
        Ok(Entra {
            scope,
            from: From::Client(Client {
                tenant: file.tenant_id,
                id: file.client_id,
                secret: Secret::new(file.client_secret),
            }),
        })
    }

    pub async fn ask(&self) -> Result<Issued, String> {
        match &self.from {
            From::Client(client) => self.client(client).await,
            From::Machine => self.of_machine().await,
        }
    }

    /// As `DefaultAzureCredential` goes on in places where nobody is signed in: environment, workload, machine.
    /// <https://learn.microsoft.com/dotnet/azure/sdk/authentication/credential-chains#defaultazurecredential-overview>
    async fn of_machine(&self) -> Result<Issued, String> {
        let id = variable("AZURE_CLIENT_ID");
        if let (Some(tenant), Some(id)) = (variable("AZURE_TENANT_ID"), id.clone()) {
            check_tenant(&tenant).map_err(|_| "`AZURE_TENANT_ID` is no tenant".to_owned())?;
            if let Some(secret) = variable("AZURE_CLIENT_SECRET") {
                let secret = Secret::new(secret);
                return self.client(&Client { tenant, id, secret }).await;
            }
            if let Some(path) = variable("AZURE_FEDERATED_TOKEN_FILE") {
                return self.workload(&tenant, &id, path).await;
            }
        }
        let resource = self.scope.trim_end_matches("/.default");
        let chosen = id.iter().map(|id| ("client_id", id.as_str()));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(std::iter::once(("resource", resource)).chain(chosen))
            .finish();
        let app = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
        if let (Some(endpoint), Some(header)) = app {
            // https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
            let mark = if endpoint.contains('?') { '&' } else { '?' };
            let url = format!("{endpoint}{mark}api-version=2019-08-01&{query}");
            let mut value = HeaderValue::try_from(header)
                .map_err(|_| "`IDENTITY_HEADER` holds characters no header can carry".to_owned())?;
            value.set_sensitive(true);
            return oauth::metadata(&url, "x-identity-header", value).await;
        }
        let host = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let host = host.as_deref().unwrap_or(METADATA).trim_end_matches('/');
        let url = format!("{host}/metadata/identity/oauth2/token?api-version=2018-02-01&{query}");
        let issued = oauth::metadata(&url, "metadata", HeaderValue::from_static("true"));
        issued.await.map_err(|why| {
            format!("neither `AZURE_CLIENT_SECRET` nor `AZURE_FEDERATED_TOKEN_FILE` is set beside `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`, and the metadata service gives no token: {why}")
        })
    }

    /// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#first-case-access-token-request-with-a-shared-secret>
    async fn client(&self, client: &Client) -> Result<Issued, String> {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", client.secret.expose()),
            ("scope", self.scope),
        ];
        oauth::form(&endpoint(&client.tenant)?, &fields).await
    }

    /// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential>;
    /// the file is renewed by the cluster: <https://learn.microsoft.com/azure/aks/workload-identity-overview>
    async fn workload(&self, tenant: &str, id: &str, path: String) -> Result<Issued, String> {
        let read = tokio::task::spawn_blocking(move || {
            // Clusters leave it readable to a group.
            secret_file::read_public(&path, LONGEST).map_err(|why| format!("`{path}` {why}"))
        });
        let content = read.await.map_err(|error| error.to_string())??;
        let token = std::str::from_utf8(&content)
            .map_err(|_| "the file `AZURE_FEDERATED_TOKEN_FILE` names is not text".to_owned())?;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", token.trim()),
            ("scope", self.scope),
        ];
        oauth::form(&endpoint(tenant)?, &fields).await
    }
}

/// Where a tenant's applications get tokens.
fn endpoint(tenant: &str) -> Result<String, String> {
    let authority = variable("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.into());
    // Both forms are usual.
    let authority = match authority.contains("://") {
        true => authority,
        false => format!("https://{authority}"),
    };
    oauth::endpoint(&authority, None).map_err(|why| format!("`AZURE_AUTHORITY_HOST` {why}"))?;
    let authority = authority.trim_end_matches('/');
    Ok(format!("{authority}/{tenant}/oauth2/v2.0/token"))
}

/// A tenant is an id or a domain, and part of an address.
fn check_tenant(tenant: &str) -> Result<(), String> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match tenant.chars().all(word) && tenant.len() < 256 {
        true => Ok(()),
        false => Err("has a `tenant_id` that is neither an id nor a domain".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_application_is_refused_in_words() {
        let scope = "https://cognitiveservices.azure.com/.default";
        let said = |text: String| Entra::stored(&text, scope).err();
        let whole = json!({"tenant_id": "t-1", "client_id": "c", "client_secret": "s"});
        assert_eq!(said(whole.to_string()), None);
        let without = |name: &str, value: &str| {
            let mut less = whole.clone();
            less[name] = value.into();
            said(less.to_string())
        };
        for (got, why) in [
            (
                said("{".into()),
                "is no JSON with `tenant_id`, `client_id` and `client_secret`",
            ),
            (
                without("client_secret", ""),
                "is JSON without a `client_secret`",
            ),
            (
                without("tenant_id", "a/b"),
                "has a `tenant_id` that is neither an id nor a domain",
            ),
        ] {
            assert_eq!(got.as_deref(), Some(why));
        }
    }
}
