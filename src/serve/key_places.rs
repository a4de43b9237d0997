//! Where the secrets go that gw makes at a start. Each is shown once, so it has a place before it is made; and never
//! in a log: on a terminal, or where it was asked for.

use super::{
    announce::{say, trust},
    new_keys::{Keys, NewKey},
    ready::Ready,
};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::key_file::KeyFile;
use crate::{shell, stdio};
use std::{io::IsTerminal, path::PathBuf};

/// Keys named at most where there is no place for their secrets.
const NAMED: usize = 10;

/// Where new secrets go. Made before they are.
pub enum Place {
    /// A file a key, for [`Config::output_dir`].
    Files(Vec<(String, KeyFile)>),
    /// The line of the ready file.
    Ready,
    /// The person who started gw.
    Terminal,
    /// The environment of the command has room for one; `dev` can be had with a command.
    None,
}

impl Place {
    /// Keeps a place for each of `names`, or says that there is none. `commands`: the key the command gets.
    pub fn keep(config: &Config, names: &[String], commands: Option<&str>) -> Result<Place> {
        if names.is_empty() {
            return Ok(Place::None);
        }
        if let Some(dir) = &config.output_dir {
            return files(dir, names);
        }
        if config.ready_secrets {
            return Ok(Place::Ready);
        }
        if terminal().is_some() {
            return Ok(Place::Terminal);
        }
        let lost: Vec<String> = names
            .iter()
            .filter(|name| config.command.is_empty() || Some(name.as_str()) != commands)
            .filter(|name| !(config.dev && *name == super::dev::NAME))
            .map(|name| format!("key `{name}`"))
            .collect();
        let more = match lost.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match lost.is_empty() {
            true => Ok(Place::None),
            false => Err(Error::invalid(format!(
                "gw would make a secret for {}{more} and has nowhere to show it",
                lost[..lost.len().min(NAMED)].join(", ")
            ))
            .hint("add --output-dir DIR, or --ready-file FILE --ready-secrets, or bring a secret along with secret_from")),
        }
    }

    /// Puts the secrets into their files; the other places need to know where the gateway listens.
    pub fn write(self, keys: &[NewKey]) -> Result<Shown> {
        let Place::Files(files) = self else {
            return Ok(Shown {
                files: Vec::new(),
                terminal: matches!(self, Place::Terminal),
            });
        };
        let mut written = Vec::new();
        for (name, file) in files {
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                continue;
            };
            let path = file.path().to_owned();
            file.write(&name, &key.secret)?;
            written.push((name, path));
        }
        Ok(Shown {
            files: written,
            terminal: false,
        })
    }
}

fn files(dir: &std::path::Path, names: &[String]) -> Result<Place> {
    // Absolute, since the lines that name the files are for other directories too.
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    #[allow(unused_mut)]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(&dir).map_err(|error| {
        Error::invalid(format!("cannot make the directory `{}`", dir.display()))
            .cause(error)
            .param("--output-dir")
            .hint("name a directory in a place you can write to")
    })?;
    names
        .iter()
        .map(|name| {
            KeyFile::reserve(&dir.join(format!("{name}.key")))
                .map(|file| (name.clone(), file))
                .map_err(|error| error.param("--output-dir"))
        })
        .collect::<Result<_>>()
        .map(Place::Files)
}

/// What became of the secrets, still to be told.
pub struct Shown {
    files: Vec<(String, PathBuf)>,
    terminal: bool,
}

impl Shown {
    /// Says how to use the new keys: lines to paste into a shell.
    pub fn tell(&self, config: &Config, ready: &Ready, keys: &Keys) {
        let url = ready.urls.first().map_or("", String::as_str);
        let trust = trust(config, url);
        for (name, path) in &self.files {
            say(
                "key",
                &format!("{name} is new; its secret is in {}", path.display()),
            );
            let secret = format!("\"$(cat {})\"", shell::quoted(&path.display().to_string()));
            stdio::complaint(&paste(url, &secret, &trust));
        }
        if !self.files.is_empty() || config.ready_secrets {
            return;
        }
        // What the command has is not shown to whoever stands behind it.
        let commands = keys.first.as_ref().filter(|_| !config.command.is_empty());
        let made = keys
            .made
            .iter()
            .filter(|key| commands.is_none_or(|first| first.name != key.name));
        for NewKey { name, secret } in made {
            match terminal().filter(|_| self.terminal) {
                Some(show) => {
                    say(
                        "key",
                        &format!(
                            "{name} is new; its secret is shown this once. To use it in another terminal:"
                        ),
                    );
                    show(&paste(url, secret.expose(), &trust));
                }
                None => say(
                    "key",
                    &format!(
                        "{name} is new; its secret is shown on terminals only. To get one: gw key rotate {name}"
                    ),
                ),
            }
        }
    }
}

/// The lines begin at the left and stand alone, so that they can be copied whole.
fn paste(url: &str, secret: &str, trust: &str) -> String {
    format!(
        "\nexport OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={secret}\n\
         export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY={secret}\n\
         export GW_URL={url} GW_API_KEY={secret}{trust}\n\n"
    )
}

/// Where the person who started gw reads.
fn terminal() -> Option<fn(&str)> {
    if std::io::stderr().is_terminal() {
        return Some(stdio::complaint);
    }
    std::io::stdout()
        .is_terminal()
        .then_some(|text| _ = stdio::own(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn lines_to_paste_say_what_to_trust() {
        let mut config = Config::default();
        config.server.tls_cert = Some("/my cert.pem".into());
        let pasted = |url: &str| paste(url, "s", &trust(&config, url));
        let named = "\nexport GW_URL=https://h:1 GW_API_KEY=s GW_TLS_CA='/my cert.pem'\n\n";
        assert!(pasted("https://h:1").ends_with(named));
        assert!(!pasted("http://h:1").contains("GW_TLS_CA"));
    }

    #[test]
    fn what_has_no_place_is_refused() {
        // Tests may have a terminal; a file is decided before that is looked at.
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            output_dir: Some(dir.path().join("keys")),
            ..Config::default()
        };
        let names = ["a".to_owned(), "b".to_owned()];
        let kept = Place::keep(&config, &names, None).unwrap();
        assert!(dir.path().join("keys/b.key").exists());
        assert!(
            Place::keep(&config, &names, None).is_err(),
            "never over another file"
        );
        drop(kept);
        assert!(!dir.path().join("keys/b.key").exists());
    }
}
