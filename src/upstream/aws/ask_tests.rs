//! Asking stand-ins of the services on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::upstream::aws::Keys;
use crate::upstream::fetch::testing::{nobody, serve};
use std::os::unix::fs::PermissionsExt;

const JSON: &str = r#"{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"sesame","Token":"tok",
    "Expiration":"2026-11-21T18:00:00Z"}"#;
const XML: &str =
    "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>sesame</SecretAccessKey>
    <SessionToken>tok</SessionToken><Expiration>2026-11-21T18:00:00Z</Expiration></Credentials>";

/// What the stand-ins give.
fn temporary() -> Given {
    Given {
        held: Held::Keys(Keys::of("ASIA", "sesame", Some("tok"))),
        expires: Some("2026-11-21T18:00:00Z".parse().unwrap()),
    }
}

/// What a chain comes to in an environment.
fn asked(profile: Option<&str>, variables: &[(&str, &str)]) -> Result<Given, String> {
    let chain = Chain {
        profile: profile.map(str::to_owned),
        service: "bedrock",
        region: "eu-central-1".to_owned(),
    };
    let variable = |name: &str| {
        let mut all = variables.iter();
        all.find(|(one, _)| *one == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let source = find(&chain, &variable)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(obtain(source))
}

fn host(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

#[test]
fn a_machine_gives_the_keys_of_its_role() {
    let (url, seen) = serve(|asked| match asked.split(' ').nth(1).unwrap() {
        "/latest/api/token" => (200, "session".to_owned()),
        "/latest/meta-data/iam/security-credentials/" => (200, "my.role\n".to_owned()),
        _ => (200, JSON.to_owned()),
    });
    let endpoint = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    assert_eq!(asked(None, &endpoint), Ok(temporary()));
    let host = host(&url);
    let shown = "x-aws-ec2-metadata-token: session";
    let path = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(
        *seen.lock().unwrap(),
        [
            format!(
                "PUT /latest/api/token HTTP/1.1\nx-aws-ec2-metadata-token-ttl-seconds: 21600\nhost: {host}\ncontent-length: 0\n"
            ),
            format!("GET {path} HTTP/1.1\n{shown}\nhost: {host}\n"),
            format!("GET {path}my.role HTTP/1.1\n{shown}\nhost: {host}\n"),
        ]
    );
}

#[test]
fn what_a_machine_lacks_is_named() {
    let none = "there are no credentials in the environment, the files or the container, and the machine's metadata \
                service gives none: ";
    let why = |url: &str| {
        let error = asked(None, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)]).unwrap_err();
        error.strip_prefix(none).unwrap().to_owned()
    };
    let nowhere = nobody();
    assert_eq!(
        why(&nowhere),
        format!("`{}`: connection refused", host(&nowhere))
    );
    let (url, _) = serve(|_| (403, String::new()));
    assert_eq!(why(&url), "`/latest/api/token` is answered 403");
    let (url, _) = serve(|asked| match asked.starts_with("PUT") {
        true => (200, "session".to_owned()),
        false => (404, String::new()),
    });
    assert_eq!(
        why(&url),
        "`/latest/meta-data/iam/security-credentials/` is answered 404"
    );
    let (url, _) = serve(|_| (200, "../../x".to_owned()));
    assert_eq!(why(&url), "it names no role of this machine");
    assert_eq!(why("http://127.0.0.1:x"), "it is at no address gw can ask");
}

#[test]
fn a_container_is_shown_its_token() {
    let (url, seen) = serve(|_| (200, JSON.to_owned()));
    let uri = format!("{url}/v2/credentials?id=1");
    let full = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str());
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic open");
    assert_eq!(asked(None, &[full, token]), Ok(temporary()));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sesame\n").unwrap();
    let path = file.path().to_str().unwrap();
    let in_file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    assert_eq!(asked(None, &[full, token, in_file]), Ok(temporary()));
    let want = |shown: &str| {
        let host = host(&url);
        format!(
            "GET /v2/credentials?id=1 HTTP/1.1\naccept: application/json\nauthorization: {shown}\nhost: {host}\n"
        )
    };
    assert_eq!(*seen.lock().unwrap(), [want("Basic open"), want("sesame")]);

    std::fs::write(file.path(), " ").unwrap();
    assert_eq!(
        asked(None, &[full, in_file]).unwrap_err(),
        format!("`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`: `{path}` holds no token")
    );
    let odd = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\nb");
    assert_eq!(
        asked(None, &[full, odd]).unwrap_err(),
        "the container's authorization token holds characters no header can carry"
    );
    let (url, _) = serve(|_| (200, "{}".to_owned()));
    let full = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str());
    assert_eq!(
        asked(None, &[full]).unwrap_err(),
        "the container's credentials: its answer has no `AccessKeyId`"
    );
}

/// A config and a credentials file, and the variables that name them.
struct Files(tempfile::TempDir);

impl Files {
    fn new(config: &str, credentials: &str) -> Files {
        let dir = tempfile::tempdir().unwrap();
        let aws = dir.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        std::fs::write(aws.join("config"), config).unwrap();
        std::fs::write(aws.join("credentials"), credentials).unwrap();
        let files = Files(dir);
        files.restrict(0o600);
        files
    }

    fn restrict(&self, mode: u32) {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.0.path().join(".aws/credentials"), mode).unwrap();
    }

    fn home(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

#[test]
fn roles_are_asked_for_with_a_signature() {
    let (url, seen) = serve(|_| (200, XML.to_owned()));
    let files = Files::new(
        "[profile role]\nrole_arn = arn:aws:iam::1:role/a b\nsource_profile = base\nexternal_id = x&y\nduration_seconds = 900\n",
        "[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = hidden\n",
    );
    let variables = [("HOME", files.home()), ("AWS_ENDPOINT_URL_STS", &url)];
    assert_eq!(asked(Some("role"), &variables), Ok(temporary()));
    let seen = seen.lock().unwrap()[0].clone();
    let signed = "SignedHeaders=content-type;host;x-amz-date, Signature=";
    assert!(
        seen.starts_with("POST / HTTP/1.1\n") && seen.contains(signed),
        "{seen}"
    );
    assert!(
        seen.contains("Credential=AKIDBASE/") && seen.contains("/eu-central-1/sts/aws4_request")
    );
    let form = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa+b&RoleSessionName=gw\
                &ExternalId=x%26y&DurationSeconds=900";
    assert_eq!(seen.lines().last(), Some(form));
    assert!(!seen.contains("hidden"));
}

#[test]
fn roles_are_asked_for_with_a_token() {
    let (url, seen) = serve(|_| (200, XML.to_owned()));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "eyJ.x.y\n").unwrap();
    let variables = [
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"),
        ("AWS_ROLE_SESSION_NAME", "gateway"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    assert_eq!(asked(None, &variables), Ok(temporary()));
    let host = host(&url);
    let form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpod\
                &RoleSessionName=gateway&WebIdentityToken=eyJ.x.y";
    assert_eq!(
        *seen.lock().unwrap(),
        [format!(
            "POST / HTTP/1.1\ncontent-type: application/x-www-form-urlencoded; charset=utf-8\nhost: {host}\n\
             content-length: {}\n{form}",
            form.len()
        )]
    );
    let (url, _) = serve(|_| (403, "<Error><Code>AccessDenied</Code></Error>".to_owned()));
    let refused = [variables[0], variables[2], ("AWS_ENDPOINT_URL", &url)];
    assert_eq!(
        asked(None, &refused).unwrap_err(),
        "role `arn:aws:iam::1:role/pod` is not to be had: the Security Token Service answered 403 `AccessDenied`"
    );
}

#[test]
fn files_are_found_where_the_environment_says() {
    let keys =
        |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
    let files = Files::new("", &keys("HOME"));
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), keys("OTHER")).unwrap();
    let id = |variables: &[(&str, &str)]| match asked(None, variables) {
        Ok(Given {
            held: Held::Keys(keys),
            expires: None,
        }) => keys.id,
        other => format!("{other:?}"),
    };
    let home = ("HOME", files.home());
    let path = other.path().to_str().unwrap();
    assert_eq!(id(&[home]), "HOME");
    assert_eq!(id(&[home, ("AWS_SHARED_CREDENTIALS_FILE", path)]), "OTHER");
    assert_eq!(id(&[("AWS_CONFIG_FILE", path)]), "OTHER");
    files.restrict(0o644);
    assert_eq!(
        asked(None, &[home]).unwrap_err(),
        format!(
            "`{}/.aws/credentials` can be read by others; restrict it with: chmod 600",
            files.home()
        )
    );
}

#[test]
fn what_the_machine_has_is_asked_again_each_time() {
    // Of this process: whatever it says, it comes back.
    let chain = Chain {
        profile: Some("no such profile".to_owned()),
        service: "bedrock",
        region: String::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answer = runtime.unwrap().block_on(ask(&chain));
    assert!(answer.unwrap_err().contains("no such profile"));
}
