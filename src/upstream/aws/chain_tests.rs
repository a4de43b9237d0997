//! What is found first, of an environment and files.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const CONFIG: &str = "\
[default]
region = eu-west-1
[profile keys]
aws_access_key_id = CONFIG
aws_secret_access_key = s
[profile both]
aws_access_key_id = CONFIG
aws_secret_access_key = s
credential_process = /bin/keys
[profile role]
role_arn = arn:aws:iam::1:role/a
source_profile = file
role_session_name = me
external_id = x
duration_seconds = 900
[profile chained]
role_arn = arn:aws:iam::1:role/b
source_profile = role
region = cn-north-1
[profile own]
role_arn = arn:aws:iam::1:role/c
source_profile = own
aws_access_key_id = OWN
aws_secret_access_key = s
[profile circle]
role_arn = arn:aws:iam::1:role/d
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::1:role/d
source_profile = circle
[profile lost]
role_arn = r
source_profile = nowhere
[profile hollow]
role_arn = r
source_profile = default
[profile twice]
role_arn = r
source_profile = file
credential_source = Environment
[profile none]
role_arn = r
[profile code]
role_arn = r
source_profile = file
mfa_serial = 1
[profile environment]
role_arn = r
credential_source = Environment
[profile instance]
role_arn = r
credential_source = Ec2InstanceMetadata
[profile pod]
role_arn = r
web_identity_token_file = /token
[profile sso]
sso_session = x
[profile process]
credential_process = /bin/keys
[profile half]
aws_access_key_id = HALF
[profile region]
role_arn = r
source_profile = file
region = a.evil.example/
";
const CREDENTIALS: &str = "\
[file]
aws_access_key_id = FILE
aws_secret_access_key = s
aws_session_token = t
[both]
aws_access_key_id = BOTH
aws_secret_access_key = s
";

fn looked(
    profile: Option<&str>,
    service: &'static str,
    variables: &[(&str, &str)],
) -> Result<Source, String> {
    let chain = Chain {
        profile: profile.map(str::to_owned),
        service,
        region: "us-west-2".to_owned(),
    };
    let variable = |name: &str| {
        let mut all = variables.iter();
        all.find(|(one, _)| *one == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Looking {
        chain: &chain,
        variables: &variable,
        profiles: &Profiles::read(CONFIG, CREDENTIALS),
    }
    .find()
}

/// What is found, in short.
fn found(profile: Option<&str>, variables: &[(&str, &str)]) -> String {
    match looked(profile, "bedrock", variables) {
        Ok(source) => told(&source),
        Err(why) => format!("error: {why}"),
    }
}

fn told(source: &Source) -> String {
    match source {
        Source::ApiKey(_) => "api key".to_owned(),
        Source::Keys(keys, None) => keys.id.clone(),
        Source::Keys(keys, Some(expires)) => format!("{} until {expires}", keys.id),
        Source::Role(role, by) => format!("{} at {} by {}", role.arn, role.sts, told(by)),
        Source::WebIdentity(role, file) => format!("{} at {} by {file}", role.arn, role.sts),
        Source::Container(url, proof) => format!("{url} {proof:?}"),
        Source::Instance(url) => url.clone(),
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "s")];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&KEYS[..], more].concat()
}

#[test]
fn the_first_there_is_wins() {
    let pod = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"),
        ("AWS_ROLE_ARN", "arn"),
    ];
    let task = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    let everything = with(&[
        ("AWS_BEARER_TOKEN_BEDROCK", "b"),
        ("AWS_PROFILE", "file"),
        pod[0],
        pod[1],
        task,
    ]);
    assert_eq!(found(None, &everything), "api key");
    let other = looked(None, "sagemaker", &everything).unwrap();
    assert_eq!(told(&other), "ENV");
    // A named profile is looked at alone, one of the environment after its keys.
    assert_eq!(found(Some("file"), &everything), "FILE");
    assert_eq!(found(None, &with(&[("AWS_PROFILE", "file")])), "ENV");
    assert_eq!(found(None, &[("AWS_PROFILE", "file"), task]), "FILE");
    assert_eq!(
        found(None, &[("AWS_PROFILE", "file"), pod[0], pod[1]]),
        "arn at https://sts.us-west-2.amazonaws.com by /t"
    );
    assert_eq!(found(None, &[task]), "http://169.254.170.2/v2/x Nothing");
    assert_eq!(found(Some("default"), &with(&[])), "http://169.254.169.254");
    let expiring = with(&[("AWS_CREDENTIAL_EXPIRATION", "2026-11-21T12:00:00Z")]);
    assert_eq!(found(None, &expiring), "ENV until 2026-11-21T12:00:00Z");
    assert_eq!(found(Some("keys"), &[]), "CONFIG");
    assert_eq!(found(Some("both"), &[]), "BOTH");
}

#[test]
fn tokens_and_details_come_along() {
    assert_eq!(
        looked(None, "bedrock", &with(&[("AWS_SECURITY_TOKEN", "t")])),
        Ok(Source::Keys(Keys::of("ENV", "s", Some("t")), None))
    );
    let by = Source::Keys(Keys::of("FILE", "s", Some("t")), None);
    let role = Role {
        arn: "arn:aws:iam::1:role/a".to_owned(),
        session: "me".to_owned(),
        external_id: Some("x".to_owned()),
        seconds: Some("900".to_owned()),
        region: "us-west-2".to_owned(),
        sts: "https://sts.us-west-2.amazonaws.com".to_owned(),
    };
    assert_eq!(
        looked(Some("role"), "bedrock", &[]),
        Ok(Source::Role(role, Box::new(by)))
    );
}

#[test]
fn roles_are_assumed_with_what_their_profile_names() {
    let role = "arn:aws:iam::1:role/a at https://sts.us-west-2.amazonaws.com by FILE";
    assert_eq!(
        found(Some("chained"), &[]),
        format!("arn:aws:iam::1:role/b at https://sts.cn-north-1.amazonaws.com.cn by {role}")
    );
    let here = [
        ("AWS_REGION", "eu-west-3"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
    ];
    assert_eq!(
        found(Some("own"), &here),
        "arn:aws:iam::1:role/c at http://127.0.0.1:1 by OWN"
    );
    let sts = "https://sts.us-west-2.amazonaws.com";
    assert_eq!(
        found(Some("environment"), &with(&[])),
        format!("r at {sts} by ENV")
    );
    assert_eq!(
        found(Some("instance"), &[]),
        format!("r at {sts} by http://169.254.169.254")
    );
    assert_eq!(found(Some("pod"), &[]), format!("r at {sts} by /token"));
}

#[test]
fn what_cannot_be_is_named_with_its_place() {
    let instead = INSTEAD;
    for (profile, want) in [
        (
            "gone",
            "there is no profile `gone` in AWS's config or credentials file",
        ),
        (
            "circle",
            "profile `circle2` leads back to itself by `circle`",
        ),
        (
            "lost",
            "profile `lost` has `source_profile = nowhere`, which is not there",
        ),
        (
            "hollow",
            "profile `default`, the source of `hollow`, has no credentials",
        ),
        (
            "twice",
            "profile `twice` has both `source_profile` and `credential_source`",
        ),
        (
            "none",
            "profile `none` has a role, but neither `source_profile` nor `credential_source`",
        ),
        (
            "code",
            "profile `code` asks for a code (`mfa_serial`), which gw cannot give",
        ),
        (
            "environment",
            "profile `environment` has `credential_source = Environment`, and there are none",
        ),
        (
            "sso",
            &format!("profile `sso` signs in by `sso_session`, which gw does not: {instead}"),
        ),
        (
            "process",
            &format!(
                "profile `process` signs in by `credential_process`, which gw does not: {instead}"
            ),
        ),
        (
            "half",
            "profile `half` has `aws_access_key_id` without `aws_secret_access_key`",
        ),
        ("region", "`a.evil.example/` is no region of AWS"),
    ] {
        assert_eq!(found(Some(profile), &[]), format!("error: {want}"));
    }
    for (variables, want) in [
        (
            vec![KEYS[0]],
            "`AWS_ACCESS_KEY_ID` is set without `AWS_SECRET_ACCESS_KEY`",
        ),
        (
            with(&[("AWS_CREDENTIAL_EXPIRATION", "soon")]),
            "`AWS_CREDENTIAL_EXPIRATION` is no time",
        ),
        (
            vec![("AWS_PROFILE", "gone")],
            "there is no profile `gone` in AWS's config or credentials file",
        ),
        (
            vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")],
            "there is a web identity token (`AWS_WEB_IDENTITY_TOKEN_FILE`), but no role for it (`AWS_ROLE_ARN`)",
        ),
        (
            vec![("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "5/x")],
            "`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is no path",
        ),
        (
            vec![
                ("AWS_PROFILE", "pod"),
                ("AWS_ENDPOINT_URL", "http://sts.example"),
            ],
            "`AWS_ENDPOINT_URL_STS` is neither https nor on this machine",
        ),
        (
            vec![("AWS_EC2_METADATA_DISABLED", "True")],
            "there are no credentials in the environment, the files or the container, and \
             `AWS_EC2_METADATA_DISABLED` keeps gw from asking the machine's metadata service",
        ),
    ] {
        assert_eq!(found(None, &variables), format!("error: {want}"));
    }
}

#[test]
fn a_containers_service_is_on_the_machine_or_encrypted() {
    let asked = |url: &str| found(None, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]);
    for url in [
        "http://127.0.0.1:8080/x",
        "http://localhost/x",
        "http://[::1]:1/x",
        "http://169.254.170.2/x",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "https://keys.example/x",
    ] {
        assert_eq!(asked(url), format!("{url} Nothing"));
    }
    for url in [
        "http://10.0.0.1/x",
        "http://169.254.169.254/",
        "http://keys.example/",
        "ftp://127.0.0.1/",
        "x",
    ] {
        assert!(
            asked(url).starts_with("error: `AWS_CONTAINER_CREDENTIALS_FULL_URI` is neither"),
            "{url}"
        );
    }
    let url = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/");
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret");
    let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t");
    assert_eq!(found(None, &[url, token]), "http://127.0.0.1/ Token(***)");
    assert_eq!(
        found(None, &[url, token, file]),
        "http://127.0.0.1/ File(\"/t\")"
    );
}

#[test]
fn the_metadata_service_may_be_elsewhere() {
    let v6 = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    assert_eq!(found(None, &[v6]), "http://[fd00:ec2::254]");
    let given = (
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "http://127.0.0.1:1338/",
    );
    assert_eq!(found(None, &[v6, given]), "http://127.0.0.1:1338");
}
