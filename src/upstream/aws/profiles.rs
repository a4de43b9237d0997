//! The two files that AWS's tools share, read as botocore reads them: profiles by name. Pure.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use crate::store::secret::Secret;
use std::collections::BTreeMap;

/// Sections with their keys, lower case, and values. Any of them may be secret.
type Sections = BTreeMap<String, BTreeMap<String, Secret>>;

/// What both files say.
#[derive(Default)]
pub(super) struct Profiles {
    config: Sections,
    credentials: Sections,
}

/// One of the two files.
#[derive(Clone, Copy)]
pub(super) enum In {
    Config,
    Credentials,
}

impl Profiles {
    /// Reads the text of the config file and that of the credentials file.
    pub fn read(config: &str, credentials: &str) -> Profiles {
        let named = |(section, values): (String, _)| Some((profile(&section)?, values));
        Profiles {
            config: sections(config).into_iter().filter_map(named).collect(),
            credentials: sections(credentials),
        }
    }

    /// Whether there is a profile of this name.
    pub fn has(&self, profile: &str) -> bool {
        self.config.contains_key(profile) || self.credentials.contains_key(profile)
    }

    /// What one of the files says.
    pub fn value(&self, file: In, profile: &str, key: &str) -> Option<&str> {
        let sections = match file {
            In::Config => &self.config,
            In::Credentials => &self.credentials,
        };
        sections.get(profile)?.get(key).map(Secret::expose)
    }

    /// What the credentials file says, else the config file.
    pub fn get(&self, profile: &str, key: &str) -> Option<&str> {
        let value = |file| self.value(file, profile, key);
        value(In::Credentials).or_else(|| value(In::Config))
    }
}

/// The profile that a section of the config file is for: `default`, `profile NAME` or `profile "NAME"`.
fn profile(section: &str) -> Option<String> {
    if section == "default" {
        return Some(section.to_owned());
    }
    let name = section.strip_prefix("profile")?;
    let name = name.strip_prefix([' ', '\t'])?.trim();
    let quoted = |mark| name.strip_prefix(mark)?.strip_suffix(mark);
    match quoted('"').or_else(|| quoted('\'')) {
        Some(name) => Some(name.to_owned()),
        None if name.is_empty() || name.contains([' ', '\t']) => None,
        None => Some(name.to_owned()),
    }
}

/// Sections of `key = value` or `key: value` lines. Lines indented deeper than the key before them go on with its value, which is
/// of no use here.
fn sections(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut section: Option<&mut BTreeMap<String, Secret>> = None;
    // How far the last key was indented.
    let mut last: Option<usize> = None;
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if last.is_some_and(|last| indent > last) {
            continue;
        }
        if let Some((name, _)) = bare
            .strip_prefix('[')
            .and_then(|rest| rest.rsplit_once(']'))
        {
            last = None;
            section = Some(sections.entry(name.to_owned()).or_default());
            continue;
        }
        last = Some(indent);
        if let (Some(section), Some((key, value))) = (&mut section, bare.split_once(['=', ':'])) {
            let value = Secret::new(value.trim().to_owned());
            section.insert(key.trim().to_ascii_lowercase(), value);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read_as_botocore_reads_them() {
        let config = "\
ignored = 1
# a comment
[default]
region=eu-central-1
[profile team]
  Role_ARN = arn:aws:iam::1:role/x
  source_profile: base
s3 =
    signature_version = s3v4
    aws_access_key_id = no
[profile \"with space\"]
region = a # b
[profile two words]
region = c
[other]
region = d
";
        let credentials = "\
[team]
aws_access_key_id = AKID
aws_secret_access_key = se=cr:et/+

[default]
region = us-east-1
broken line
";
        let profiles = Profiles::read(config, credentials);
        for (profile, key, want) in [
            ("default", "region", Some("us-east-1")),
            ("team", "role_arn", Some("arn:aws:iam::1:role/x")),
            ("team", "source_profile", Some("base")),
            ("team", "aws_access_key_id", Some("AKID")),
            ("team", "aws_secret_access_key", Some("se=cr:et/+")),
            ("team", "signature_version", None),
            ("with space", "region", Some("a # b")),
            ("two words", "region", None),
            ("other", "region", None),
        ] {
            assert_eq!(profiles.get(profile, key), want, "{profile} {key}");
        }
        let region = |file| profiles.value(file, "default", "region");
        assert_eq!(region(In::Config), Some("eu-central-1"));
        assert_eq!(region(In::Credentials), Some("us-east-1"));
        assert!(profiles.has("team") && !profiles.has("other"));
    }
}
