//! What of a vendor's address is its customer's own: the parts `{region}`, `{project}` and `{account}` of base URLs,
//! paths and headers, as rows have them. Must not know providers' records.

use super::Vendor;
use crate::error::{Error, Result};
use crate::resources::glob;

/// A part of an address that each customer has another value for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Where it runs, such as `eu-central-1`.
    Region,
    Project,
    /// Whose it is, in the vendor's words: the account, the resource, the workspace.
    Account,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Region, Part::Project, Part::Account];

    /// The field of a provider's record, and its flag.
    pub fn name(self) -> &'static str {
        match self {
            Part::Region => "region",
            Part::Project => "project",
            Part::Account => "account",
        }
    }

    /// Where it goes in a template.
    fn mark(self) -> &'static str {
        match self {
            Part::Region => "{region}",
            Part::Project => "{project}",
            Part::Account => "{account}",
        }
    }

    /// Whether this template has a place for it.
    pub fn is_in(self, template: &str) -> bool {
        template.contains(self.mark())
    }
}

/// What a provider's record says; empty: nothing. Records hold plain values alone, so that none leads elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    pub region: &'a str,
    pub project: &'a str,
    pub account: &'a str,
}

impl Parts<'_> {
    fn get(&self, part: Part) -> &str {
        match part {
            Part::Region => self.region,
            Part::Project => self.project,
            Part::Account => self.account,
        }
    }

    /// The template with the values in it; an error is the part that has none.
    pub fn fill(&self, template: &str) -> Result<String, Part> {
        let mut filled = template.to_owned();
        for part in Part::ALL {
            if part.is_in(template) {
                match self.get(part) {
                    "" => return Err(part),
                    value => filled = filled.replace(part.mark(), value),
                }
            }
        }
        Ok(filled)
    }
}

impl Vendor {
    /// Its base URL as this region has it, to be filled.
    pub fn base_template(&self, region: &str) -> &'static str {
        self.special(region).unwrap_or(self.base_url)
    }

    /// The base URL of a region that is elsewhere than the rest.
    fn special(&self, region: &str) -> Option<&'static str> {
        let mut regions = self.regions.iter();
        let special = regions.find(|(at, _)| glob::matches(at, region));
        special.map(|(_, base)| *base)
    }

    /// What parts may stand in but the base URL: paths, and values of headers with their names.
    fn templates(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        let endpoints = self.endpoints.iter();
        let paths = endpoints.flat_map(|endpoint| [endpoint.path, endpoint.streams]);
        let paths = paths.chain([self.models]).map(|path| (path, None));
        let headers = self.headers.iter();
        paths.chain(headers.map(|(name, value)| (*value, Some(*name))))
    }

    /// Whether anything of it has a place for this part.
    pub fn has(&self, part: Part) -> bool {
        part.is_in(self.base_url) || self.templates().any(|(template, _)| part.is_in(template))
    }

    /// The flags that say where it is for a customer, as in `--region REGION`; empty where that needs no saying.
    pub fn flags(&self) -> String {
        let base = self
            .base_url
            .is_empty()
            .then(|| "--base-url URL".to_owned());
        let parts = Part::ALL.into_iter().filter(|part| self.has(*part));
        let parts = parts.map(|part| format!("--{0} {1}", part.name(), part.name().to_uppercase()));
        base.into_iter().chain(parts).collect::<Vec<_>>().join(" ")
    }

    /// Refuses parts that are missing and parts nothing has a place for. `own_base`: the base URL is the record's own.
    pub fn check_parts(&self, parts: &Parts<'_>, own_base: bool) -> Result<()> {
        let base = (!own_base).then(|| self.base_template(parts.region));
        let base = base.map(|base| (base, None));
        for (template, header) in base.into_iter().chain(self.templates()) {
            if let Err(part) = parts.fill(template) {
                let name = part.name();
                let whither = match header {
                    Some(header) => format!("the header {header}"),
                    None => template.to_owned(),
                };
                return Err(Error::invalid(format!(
                    "vendor `{}` has {} in its address, and none is given",
                    self.id,
                    a(name)
                ))
                .param(name)
                .hint(format!("give it with --{name}, for {whither}")));
            }
        }
        let mut given = Part::ALL
            .into_iter()
            .filter(|part| !parts.get(*part).is_empty());
        match given.find(|part| !self.has(*part)) {
            None => Ok(()),
            Some(Part::Region) if !self.regions.is_empty() => self.check_region(parts.region),
            Some(part) => Err(Error::invalid(format!(
                "vendor `{}` has no place for {} in its address",
                self.id,
                a(part.name())
            ))
            .param(part.name())
            .hint(format!("leave out --{}", part.name()))),
        }
    }

    /// Refuses a region that this vendor, whose address has it nowhere but in the regions it names, has not.
    fn check_region(&self, region: &str) -> Result<()> {
        if self.special(region).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = self.regions.iter().map(|(at, _)| *at).collect();
        Err(Error::invalid(format!(
            "vendor `{}` has no region `{region}` that gw knows",
            self.id
        ))
        .param(Part::Region.name())
        .hint(format!(
            "there is {}; without --region it is at {}",
            known.join(", "),
            self.base_url
        )))
    }
}

fn a(name: &str) -> String {
    let article = if name.starts_with('a') { "an" } else { "a" };
    format!("{article} {name}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::formats::FormatId;
    use crate::vendors::{Endpoint, VENDORS, at, vendor};

    #[test]
    fn parts_are_asked_for_and_refused_by_name() {
        static ENDPOINTS: &[Endpoint] = &[at(FormatId::OpenaiChat, "/{project}/{region}/{model}")];
        let row = Vendor {
            base_url: "https://{region}.example.com",
            regions: &[
                ("global", "https://example.com"),
                ("cn-*", "https://{region}.example.cn"),
            ],
            endpoints: ENDPOINTS,
            id: "v",
            headers: &[],
            models: "",
            ..*vendor("openai").unwrap()
        };
        let parts = |region, project, account| Parts {
            region,
            project,
            account,
        };
        let base = |region| parts(region, "", "").fill(row.base_template(region));
        assert_eq!(base("r-1"), Ok("https://r-1.example.com".into()));
        assert_eq!(base("global"), Ok("https://example.com".into()));
        assert_eq!(base("cn-1"), Ok("https://cn-1.example.cn".into()));
        assert_eq!(base(""), Err(Part::Region));
        assert_eq!(row.flags(), "--region REGION --project PROJECT");
        let mistral = vendor("mistral").unwrap();
        assert_eq!(mistral.flags(), "");
        assert_eq!(mistral.base_template("eu"), "https://api.eu.mistral.ai/v1");
        assert!(mistral.check_parts(&parts("eu", "", ""), false).is_ok());
        let error = mistral.check_parts(&parts("mars", "", ""), false);
        let error = error.unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.hint.as_deref()),
            (
                "vendor `mistral` has no region `mars` that gw knows",
                Some("there is eu, us; without --region it is at https://api.mistral.ai/v1")
            )
        );
        let said = |parts: Parts<'_>, own_base| {
            let error = row.check_parts(&parts, own_base).err()?;
            Some((error.message, error.hint.unwrap_or_default()))
        };
        let some = |message: &str, hint: &str| Some((message.to_owned(), hint.to_owned()));
        assert_eq!(said(parts("r", "p", ""), false), None);
        assert_eq!(said(parts("global", "p", ""), true), None);
        assert_eq!(
            said(parts("", "p", ""), false),
            some(
                "vendor `v` has a region in its address, and none is given",
                "give it with --region, for https://{region}.example.com"
            )
        );
        assert_eq!(
            said(parts("", "p", ""), true),
            some(
                "vendor `v` has a region in its address, and none is given",
                "give it with --region, for /{project}/{region}/{model}"
            )
        );
        assert_eq!(
            said(parts("global", "", ""), false),
            some(
                "vendor `v` has a project in its address, and none is given",
                "give it with --project, for /{project}/{region}/{model}"
            )
        );
        assert_eq!(
            said(parts("r", "p", "a"), false),
            some(
                "vendor `v` has no place for an account in its address",
                "leave out --account"
            )
        );
    }

    /// Of every region's host: what the credential goes to whatever the values.
    #[test]
    fn a_value_never_names_the_host_alone() {
        for row in VENDORS {
            for base in row
                .regions
                .iter()
                .map(|(_, base)| *base)
                .chain([row.base_url])
            {
                let host = base.split('/').nth(2).unwrap_or_default();
                let fixed = host.rsplit('}').next().unwrap_or_default();
                // The vendor's own domain, and what stands before it is within.
                assert!(
                    !host.contains('}')
                        || (fixed.starts_with(['.', '-']) && fixed[1..].contains('.')),
                    "{} {base}",
                    row.id
                );
            }
        }
    }

    #[test]
    fn templates_hold_known_parts_alone() {
        for row in VENDORS {
            let bases = row
                .regions
                .iter()
                .map(|(_, base)| *base)
                .chain([row.base_url]);
            for template in bases.chain(row.templates().map(|(template, _)| template)) {
                let filled = Parts {
                    region: "r",
                    project: "p",
                    account: "a",
                }
                .fill(template)
                .unwrap()
                .replace("{model}", "m");
                assert!(!filled.contains(['{', '}']), "{} {template}", row.id);
            }
        }
    }
}
