//! Where a machine's AWS credentials come from, in the order in which botocore looks. Pure over the environment and the files.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

use super::Keys;
use super::profiles::{In, Profiles};
use crate::store::secret::Secret;
use jiff::Timestamp;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// This profile alone, without the environment; `None`: whatever the machine has.
    pub profile: Option<String>,
    /// The service that is signed for, as in [`crate::vendors::Auth::Aws`].
    pub service: &'static str,
    /// Where roles are assumed, if nothing on the machine says otherwise; may be empty.
    pub region: String,
}

/// Where they come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// A key that is sent instead of signing.
    ApiKey(Secret),
    Keys(Keys, Option<Timestamp>),
    /// Keys for a role, to be had with other keys.
    Role(Role, Box<Source>),
    /// Keys for a role, to be had with the token in this file.
    WebIdentity(Role, String),
    /// The container's service at this URL.
    Container(String, Proof),
    /// The metadata service of the machine, at this URL.
    Instance(String),
}

/// A role to be assumed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Role {
    pub arn: String,
    pub session: String,
    pub external_id: Option<String>,
    pub seconds: Option<String>,
    pub region: String,
    /// The URL of the service that gives out its keys.
    pub sts: String,
}

/// What a container's service is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Proof {
    Nothing,
    Token(Secret),
    File(String),
}

/// A variable of the environment; one that is empty is not set.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything a look-up looks at.
pub(super) struct Looking<'a> {
    pub chain: &'a Chain,
    pub variables: Variables<'a>,
    pub profiles: &'a Profiles,
}

const DEFAULT: &str = "default";
/// What gw does not do with a profile, and by which keys it is seen: first what comes before keys in the files, then what comes
/// after those of the credentials file.
const NOT_BEFORE: [&str; 2] = ["sso_session", "sso_start_url"];
const NOT_AFTER: [&str; 2] = ["login_session", "credential_process"];
const INSTEAD: &str = "give it keys or a role with `source_profile` or `credential_source`, or store keys with the provider";

impl Looking<'_> {
    /// The first that there is. Errors are fragments naming what is wrong and where.
    pub fn find(&self) -> Result<Source, String> {
        if self.chain.profile.is_none()
            && let Some(found) = self.environment()?
        {
            return Ok(found);
        }
        let named = match &self.chain.profile {
            Some(name) => Some(name.clone()),
            None => self
                .var("AWS_DEFAULT_PROFILE")
                .or_else(|| self.var("AWS_PROFILE")),
        };
        let profile = named.as_deref().unwrap_or(DEFAULT);
        if named.is_some() && !self.profiles.has(profile) {
            return Err(format!(
                "there is no profile `{}` in AWS's config or credentials file",
                profile.escape_debug()
            ));
        }
        if let Some(found) = self.profile(profile, &mut vec![profile.to_owned()])? {
            return Ok(found);
        }
        match self.container()? {
            Some(found) => Ok(found),
            None => self.instance(),
        }
    }

    /// Keys, or an API key of the service, in the environment.
    fn environment(&self) -> Result<Option<Source>, String> {
        // For every service of Bedrock: <https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html>
        if self.chain.service.starts_with("bedrock")
            && let Some(key) = self.var("AWS_BEARER_TOKEN_BEDROCK")
        {
            return Ok(Some(Source::ApiKey(Secret::new(key))));
        }
        self.keys_in_environment()
    }

    fn keys_in_environment(&self) -> Result<Option<Source>, String> {
        let Some(id) = self.var("AWS_ACCESS_KEY_ID") else {
            return Ok(None);
        };
        let secret = self
            .var("AWS_SECRET_ACCESS_KEY")
            .ok_or("`AWS_ACCESS_KEY_ID` is set without `AWS_SECRET_ACCESS_KEY`")?;
        let token = self
            .var("AWS_SESSION_TOKEN")
            .or_else(|| self.var("AWS_SECURITY_TOKEN"));
        let expires = match self.var("AWS_CREDENTIAL_EXPIRATION") {
            Some(text) => Some(
                text.parse()
                    .map_err(|_| "`AWS_CREDENTIAL_EXPIRATION` is no time")?,
            ),
            None => None,
        };
        let keys = Keys::of(&id, &secret, token.as_deref());
        Ok(Some(Source::Keys(keys, expires)))
    }

    /// What a profile leads to; `None`: it says nothing. `visited`: the profiles that led here, this one last.
    fn profile(&self, name: &str, visited: &mut Vec<String>) -> Result<Option<Source>, String> {
        let says = |key: &str| self.profiles.get(name, key);
        if says("role_arn").is_some() && says("web_identity_token_file").is_none() {
            // A profile may be its own source: its keys are what the role is assumed with.
            let own_source = visited.len() > 1 && self.has_keys(name);
            if !own_source {
                return self.role(name, visited).map(Some);
            }
        }
        if let Some(found) = self.web_identity(name, visited.len() > 1)? {
            return Ok(Some(found));
        }
        self.refuse(name, &NOT_BEFORE)?;
        if let Some(found) = self.keys(name, In::Credentials)? {
            return Ok(Some(found));
        }
        self.refuse(name, &NOT_AFTER)?;
        self.keys(name, In::Config)
    }

    fn has_keys(&self, profile: &str) -> bool {
        self.profiles.get(profile, "aws_access_key_id").is_some()
    }

    fn keys(&self, profile: &str, file: In) -> Result<Option<Source>, String> {
        let value = |key: &str| {
            self.profiles
                .value(file, profile, key)
                .filter(|value| !value.is_empty())
        };
        let Some(id) = value("aws_access_key_id") else {
            return Ok(None);
        };
        let secret = value("aws_secret_access_key").ok_or_else(|| {
            let profile = profile.escape_debug();
            format!("profile `{profile}` has `aws_access_key_id` without `aws_secret_access_key`")
        })?;
        let token = value("aws_session_token").or_else(|| value("aws_security_token"));
        Ok(Some(Source::Keys(Keys::of(id, secret, token), None)))
    }

    fn refuse(&self, profile: &str, keys: &[&str]) -> Result<(), String> {
        let has = |key: &&&str| self.profiles.get(profile, key).is_some();
        match keys.iter().find(has) {
            None => Ok(()),
            Some(key) => Err(format!(
                "profile `{}` signs in by `{key}`, which gw does not: {INSTEAD}",
                profile.escape_debug()
            )),
        }
    }

    /// A role that is assumed with keys from elsewhere.
    fn role(&self, profile: &str, visited: &mut Vec<String>) -> Result<Source, String> {
        let says = |key: &str| self.profiles.get(profile, key);
        let shown = profile.escape_debug();
        if says("mfa_serial").is_some() {
            return Err(format!(
                "profile `{shown}` asks for a code (`mfa_serial`), which gw cannot give"
            ));
        }
        let by = match (says("source_profile"), says("credential_source")) {
            (Some(source), None) => self.source_profile(profile, source, visited)?,
            (None, Some(source)) => self.credential_source(profile, source)?,
            (Some(_), Some(_)) => {
                return Err(format!(
                    "profile `{shown}` has both `source_profile` and `credential_source`"
                ));
            }
            (None, None) => {
                return Err(format!(
                    "profile `{shown}` has a role, but neither `source_profile` nor `credential_source`"
                ));
            }
        };
        let arn = says("role_arn").unwrap_or_default().to_owned();
        let session = says("role_session_name").map(str::to_owned);
        let role = Role {
            external_id: says("external_id").map(str::to_owned),
            seconds: says("duration_seconds").map(str::to_owned),
            ..self.bare_role(profile, arn, session)?
        };
        Ok(Source::Role(role, Box::new(by)))
    }

    fn source_profile(
        &self,
        profile: &str,
        source: &str,
        visited: &mut Vec<String>,
    ) -> Result<Source, String> {
        let (shown, other) = (profile.escape_debug(), source.escape_debug());
        if !self.profiles.has(source) {
            return Err(format!(
                "profile `{shown}` has `source_profile = {other}`, which is not there"
            ));
        }
        let own = source == profile && self.has_keys(source);
        if visited.iter().any(|one| one == source) && !own {
            return Err(format!(
                "profile `{shown}` leads back to itself by `{other}`"
            ));
        }
        visited.push(source.to_owned());
        self.profile(source, visited)?.ok_or_else(|| {
            format!("profile `{other}`, the source of `{shown}`, has no credentials")
        })
    }

    fn credential_source(&self, profile: &str, source: &str) -> Result<Source, String> {
        let found = match source {
            "Environment" => self.keys_in_environment()?,
            "EcsContainer" => self.container()?,
            "Ec2InstanceMetadata" => Some(self.instance()?),
            _ => None,
        };
        found.ok_or_else(|| {
            format!(
                "profile `{}` has `credential_source = {}`, and there are none",
                profile.escape_debug(),
                source.escape_debug()
            )
        })
    }

    /// A role that is assumed with a token, as Kubernetes mounts it.
    fn web_identity(&self, profile: &str, is_source: bool) -> Result<Option<Source>, String> {
        let alone = is_source || self.chain.profile.is_some();
        let says = |variable: &str, key: &str| {
            let given = (!alone).then(|| self.var(variable)).flatten();
            given.or_else(|| self.profiles.get(profile, key).map(str::to_owned))
        };
        let Some(file) = says("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else {
            return Ok(None);
        };
        let arn = says("AWS_ROLE_ARN", "role_arn").ok_or(
            "there is a web identity token (`AWS_WEB_IDENTITY_TOKEN_FILE`), but no role for it (`AWS_ROLE_ARN`)",
        )?;
        let session = says("AWS_ROLE_SESSION_NAME", "role_session_name");
        let role = self.bare_role(profile, arn, session)?;
        Ok(Some(Source::WebIdentity(role, file)))
    }

    fn bare_role(
        &self,
        profile: &str,
        arn: String,
        session: Option<String>,
    ) -> Result<Role, String> {
        let said = self
            .var("AWS_REGION")
            .or_else(|| self.var("AWS_DEFAULT_REGION"));
        let said = said.or_else(|| self.profiles.get(profile, "region").map(str::to_owned));
        let region = match said.unwrap_or_else(|| self.chain.region.clone()) {
            none if none.is_empty() => "us-east-1".to_owned(),
            region => region,
        };
        if !region
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(format!("`{}` is no region of AWS", region.escape_debug()));
        }
        let given = self
            .var("AWS_ENDPOINT_URL_STS")
            .or_else(|| self.var("AWS_ENDPOINT_URL"));
        if given.as_deref().is_some_and(|url| !stays_secret(url)) {
            return Err("`AWS_ENDPOINT_URL_STS` is neither https nor on this machine".to_owned());
        }
        let sts = given.unwrap_or_else(|| {
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            format!("https://sts.{region}.amazonaws.com{china}")
        });
        Ok(Role {
            arn,
            session: session.unwrap_or_else(|| "gw".to_owned()),
            external_id: None,
            seconds: None,
            region,
            sts,
        })
    }

    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
    fn container(&self) -> Result<Option<Source>, String> {
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let relative = self.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let url = match (relative, self.var(full)) {
            (Some(path), _) if path.starts_with('/') => format!("http://169.254.170.2{path}"),
            (Some(_), _) => {
                return Err("`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is no path".to_owned());
            }
            (None, Some(url)) if stays_secret(&url) => url,
            (None, Some(_)) => {
                return Err(format!(
                    "`{full}` is neither https nor on this machine nor one of a container's own addresses"
                ));
            }
            (None, None) => return Ok(None),
        };
        let file = self.var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = self.var("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let proof = match (file, token) {
            (Some(file), _) => Proof::File(file),
            (None, Some(token)) => Proof::Token(Secret::new(token)),
            (None, None) => Proof::Nothing,
        };
        Ok(Some(Source::Container(url, proof)))
    }

    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html>
    fn instance(&self) -> Result<Source, String> {
        let is = |name: &str, word: &str| {
            self.var(name)
                .is_some_and(|said| said.eq_ignore_ascii_case(word))
        };
        if is("AWS_EC2_METADATA_DISABLED", "true") {
            return Err("there are no credentials in the environment, the files or the container, and \
                        `AWS_EC2_METADATA_DISABLED` keeps gw from asking the machine's metadata service"
                .to_owned());
        }
        let given = self.var("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let url = given.unwrap_or_else(|| {
            let v6 = is("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6");
            let host = if v6 {
                "[fd00:ec2::254]"
            } else {
                "169.254.169.254"
            };
            format!("http://{host}")
        });
        Ok(Source::Instance(url.trim_end_matches('/').to_owned()))
    }

    fn var(&self, name: &str) -> Option<String> {
        (self.variables)(name)
    }
}

/// Whether what is sent there is encrypted or stays on the machine; a container's own services are on it.
fn stays_secret(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else {
        return false;
    };
    let near = match url.host() {
        Some(url::Host::Ipv4(ip)) => {
            ip.is_loopback() || [[169, 254, 170, 2], [169, 254, 170, 23]].contains(&ip.octets())
        }
        Some(url::Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]
        }
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && near)
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
