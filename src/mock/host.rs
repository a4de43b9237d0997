//! Whose door a path is: the same formats are served by clouds beside their makers, and each of them wants something
//! else of a request before it looks at what it says.

use super::ask::{Refusal, Wire};
use super::endpoint::Endpoint;
use super::http::Request;
use serde_json::Value;

/// Where a request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The maker's own API, and all that are like it.
    Own,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>
    Bedrock,
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>
    Vertex,
    /// <https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference>
    Azure,
    /// Anthropic's API on Azure.
    /// <https://learn.microsoft.com/en-us/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude>
    Foundry,
}

impl Host {
    /// By a path alone.
    pub fn of(path: &str) -> Host {
        match path {
            _ if path.starts_with("/model/") => Host::Bedrock,
            _ if path.contains("/publishers/") || path.contains("/endpoints/openapi/") => {
                Host::Vertex
            }
            _ if path.starts_with("/openai/") => Host::Azure,
            _ if path.starts_with("/anthropic/v1/") => Host::Foundry,
            _ => Host::Own,
        }
    }

    /// The format that errors have here.
    pub fn errors(self, wire: Wire) -> Wire {
        match self {
            Host::Bedrock => Wire::Converse,
            _ => wire,
        }
    }

    /// Whether a request is signed in the way that is asked here; whose it is, is not looked at.
    pub fn signed(self, request: &Request) -> Result<(), Refusal> {
        let bearer = request
            .header("authorization")
            .and_then(crate::bearer::credential)
            .is_some();
        let key = |name: &str| request.header(name).is_some();
        let keyed = key("x-goog-api-key") || request.query("key").is_some();
        match self {
            Host::Own => Ok(()),
            Host::Bedrock if bearer => Ok(()),
            Host::Bedrock => amazon(request),
            Host::Vertex if bearer => Ok(()),
            // Without a project there are keys for trying things out.
            Host::Vertex if keyed && !request.path().contains("/projects/") => Ok(()),
            Host::Vertex => {
                let message = match keyed {
                    true => {
                        "API keys are not supported by this API. Expected OAuth2 access token or other authentication credentials that assert a principal."
                    }
                    false => {
                        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential."
                    }
                };
                Err(Refusal::new(message, "authorization").status(401))
            }
            // Amazon has both of these paths, too, and signs for them.
            Host::Azure if key("authorization") || key("api-key") => Ok(()),
            Host::Azure => {
                let message = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.";
                Err(Refusal::new(message, "api-key").status(401).code("401"))
            }
            Host::Foundry if key("authorization") || key("api-key") || key("x-api-key") => Ok(()),
            Host::Foundry => {
                Err(Refusal::new("x-api-key header is required", "x-api-key").status(401))
            }
        }
    }

    /// Whether a path and its query are what this place knows.
    pub fn addressed(self, request: &Request) -> Result<(), Refusal> {
        let dated = request
            .query("api-version")
            .is_some_and(|date| !date.is_empty());
        let deployed = request.path().starts_with("/openai/deployments/");
        match self == Host::Azure && deployed && !dated {
            true => Err(Refusal::new("Resource not found", "api-version")
                .status(404)
                .code("404")),
            false => Ok(()),
        }
    }

    /// Whether a body has what is wanted here beyond what its format says, and nothing that the path says already.
    pub fn formed(self, endpoint: Endpoint<'_>, body: &Value) -> Result<(), Refusal> {
        match (self, endpoint) {
            (
                Host::Bedrock,
                Endpoint::Chat(Wire::Anthropic) | Endpoint::Stream(Wire::Anthropic),
            ) => {
                let extra = ["model", "stream"]
                    .into_iter()
                    .find(|name| !body[*name].is_null());
                if let Some(name) = extra {
                    let message = format!(
                        "Malformed input request: #: extraneous key [{name}] is not permitted, please reformat your input and try again."
                    );
                    return Err(Refusal::new(message, name));
                }
                version(body, "bedrock-2023-05-31", 400)
            }
            (Host::Vertex, Endpoint::Chat(Wire::Anthropic) | Endpoint::Stream(Wire::Anthropic)) => {
                if !body["model"].is_null() {
                    let message = "model: Extra inputs are not permitted";
                    return Err(Refusal::new(message, "model"));
                }
                let streams = body["stream"] == Value::Bool(true);
                if streams != (endpoint == Endpoint::Stream(Wire::Anthropic)) {
                    let message = "stream: the path says otherwise";
                    return Err(Refusal::new(message, "stream"));
                }
                version(body, "vertex-2023-10-16", 404)
            }
            (Host::Vertex, Endpoint::Count(Wire::Anthropic)) => {
                version(body, "vertex-2023-10-16", 404)
            }
            _ => Ok(()),
        }
    }
}

/// The version that Anthropic's own clients for clouds name.
/// <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/lib/bedrock/_client.py>
const NEWEST: &str = "2026-10-21";

/// The version that a body has to name; `status` is what another one gets.
fn version(body: &Value, wanted: &str, status: u16) -> Result<(), Refusal> {
    let name = "anthropic_version";
    match body[name].as_str() {
        Some(given) if given == wanted || given == NEWEST => Ok(()),
        Some(given) => Err(Refusal::new(
            format!("{name}: `{given}` is not a version of this place's, `{wanted}` is"),
            name,
        )
        .status(status)),
        None => Err(Refusal::new(format!("{name}: Field required"), name)),
    }
}

/// Whether an authorization has the form of Amazon's signature, version 4, for Bedrock.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn amazon(request: &Request) -> Result<(), Refusal> {
    let refuse = |message: String, code| {
        Err(Refusal::new(message, "authorization")
            .status(403)
            .code(code))
    };
    let Some(given) = request.header("authorization") else {
        return refuse(
            "Missing Authentication Token".into(),
            "MissingAuthenticationTokenException",
        );
    };
    let incomplete = |what: &str| {
        refuse(
            format!("Authorization header requires a well-formed '{what}'."),
            "IncompleteSignatureException",
        )
    };
    let Some(fields) = given.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return incomplete("AWS4-HMAC-SHA256");
    };
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let date = request.header("x-amz-date").unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (day, time) = date.split_once('T').unwrap_or_default();
    let dated = day.len() == 8 && digits(day);
    let timed = time.len() == 7 && time.strip_suffix('Z').is_some_and(digits);
    if !dated || !timed {
        return incomplete("X-Amz-Date");
    }
    let scope: Vec<&str> = field("Credential").unwrap_or_default().split('/').collect();
    match scope[..] {
        [key, on, region, "bedrock", "aws4_request"]
            if !key.is_empty() && on == day && !region.is_empty() => {}
        _ => return incomplete("Credential"),
    }
    let signed: Vec<&str> = field("SignedHeaders")
        .unwrap_or_default()
        .split(';')
        .collect();
    if !signed.contains(&"host") || !signed.contains(&"x-amz-date") || !signed.is_sorted() {
        return incomplete("SignedHeaders");
    }
    let token = request.header("x-amz-security-token").is_some();
    if token && !signed.contains(&"x-amz-security-token") {
        return incomplete("SignedHeaders");
    }
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match field("Signature") {
        Some(signature) if signature.len() == 64 && signature.bytes().all(hex) => Ok(()),
        _ => incomplete("Signature"),
    }
}

/// The id of the access key that a signature names.
pub fn access_key(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")?
        .split_once("Credential=")?;
    scope.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(path: &str, headers: &[(&str, &str)]) -> String {
        let request = Request {
            target: path.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            ..Request::default()
        };
        match Host::of(request.path()).signed(&request) {
            Ok(()) => "taken".to_owned(),
            Err(why) => format!("{} {}", why.status, why.param),
        }
    }

    #[test]
    fn each_place_wants_its_own_credential() {
        let (bedrock, vertex) = (
            "/model/a.b-v1%3A0/converse",
            "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
        );
        let bearer = ("authorization", "Bearer x");
        for (path, headers, told) in [
            ("/v1/messages", vec![], "taken"),
            (bedrock, vec![bearer], "taken"),
            (bedrock, vec![], "403 authorization"),
            (bedrock, vec![("x-api-key", "x")], "403 authorization"),
            (vertex, vec![bearer], "taken"),
            (vertex, vec![("x-goog-api-key", "x")], "401 authorization"),
            ("/openai/v1/responses", vec![("api-key", "x")], "taken"),
            (
                "/openai/v1/responses",
                vec![("x-api-key", "x")],
                "401 api-key",
            ),
            ("/anthropic/v1/messages", vec![("api-key", "x")], "taken"),
            ("/anthropic/v1/messages", vec![], "401 x-api-key"),
        ] {
            assert_eq!(signed(path, &headers), told, "{path} {headers:?}");
        }
    }

    #[test]
    fn a_signature_has_to_be_whole() {
        let signature = "6ddcd0705ce756dbd2ec9c6427db8a2a1e822e33b371a8420c906014f278f0d6";
        let whole = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        );
        let with = |authorization: &str, date: &str| {
            signed(
                "/model/m/invoke",
                &[("authorization", authorization), ("x-amz-date", date)],
            )
        };
        assert_eq!(with(&whole, "20261121T120000Z"), "taken");
        assert_eq!(access_key(&whole), Some("AKIDEXAMPLE"));
        for (wrong, date) in [
            (whole.clone(), ""),
            (whole.clone(), "20261122T120000Z"),
            (whole.replace("/bedrock/", "/s3/"), "20261121T120000Z"),
            (whole.replace("host;", ""), "20261121T120000Z"),
            (
                whole.replace("Signature=6d", "Signature="),
                "20261121T120000Z",
            ),
            (
                whole.replace("AWS4-HMAC-SHA256", "AWS4"),
                "20261121T120000Z",
            ),
        ] {
            assert_eq!(with(&wrong, date), "403 authorization", "{wrong} {date}");
        }
    }
}
