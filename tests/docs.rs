//! The documents hold what they print: every `gw` command line in them parses, every local link leads
//! somewhere, and what is listed (rooms, settings, vendors, exit codes) is listed in full.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeSet, fs, path::Path};

/// Every document by its path from the root.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()));
    let mut names: Vec<String> = docs
        .filter(|name| name.ends_with(".md"))
        .chain(["README.md", "CHANGELOG.md"].map(String::from))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), fs::read_to_string(root.join(&name)).unwrap()))
        .collect()
}

fn document(name: &str) -> String {
    documents()
        .into_iter()
        .find(|(found, _)| found == name)
        .unwrap_or_else(|| panic!("{name} is missing"))
        .1
}

/// The text between a fence that opens with `language` and its end, for each such block.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(opened), None) => open = Some((opened.trim() == language, String::new())),
            (Some(_), Some(_)) => found.extend(
                open.take()
                    .filter(|(wanted, _)| *wanted)
                    .map(|(_, block)| block),
            ),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    found
}

/// The commands a shell line runs, as words. Knows quotes, comments, `\`, lists and pipes, redirections and leading
/// assignments; command substitutions stay within their word.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word): (_, Vec<String>, Option<String>) =
        (Vec::new(), Vec::new(), None);
    let mut chars = line.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '\'' => word
                .get_or_insert_default()
                .extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                let text = word.get_or_insert_default();
                let mut inner = 0;
                while let Some(c) = chars.next() {
                    match c {
                        '"' if inner == 0 => break,
                        '\\' => text.extend(chars.next()),
                        c => {
                            inner += i32::from(c == '(') - i32::from(c == ')');
                            text.push(c);
                        }
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '(' | ')' => {
                depth += i32::from(c == '(') - i32::from(c == ')');
                word.get_or_insert_default().push(c);
            }
            _ if depth > 0 => word.get_or_insert_default().push(c),
            '#' if word.is_none() => break,
            '&' | '|' | ';' => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    all.push(words);
    all.into_iter()
        .map(plain)
        .filter(|words| !words.is_empty())
        .collect()
}

/// Without assignments in front and redirections anywhere.
fn plain(words: Vec<String>) -> Vec<String> {
    let assigned = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        })
    };
    let mut kept = Vec::new();
    let mut words = words.into_iter().skip_while(assigned);
    while let Some(word) = words.next() {
        match word.trim_start_matches(|c: char| c.is_ascii_digit()) {
            "<" | ">" | ">>" => drop(words.next()),
            text if text.starts_with(['<', '>']) => {}
            _ => kept.push(word),
        }
    }
    kept
}

/// The shell lines of a document that show `gw`: in `sh` blocks as they are, elsewhere after a prompt.
fn shown(text: &str) -> Vec<String> {
    let scripts: Vec<String> = blocks(text, "sh")
        .iter()
        .flat_map(|block| {
            block
                .replace("\\\n", " ")
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let prompts = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("$ ").map(str::to_owned));
    scripts.into_iter().chain(prompts).collect()
}

fn parses(words: &[String]) -> Result<(), String> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    match gw::cli::command().try_get_matches_from(words) {
        Err(error) if !matches!(error.kind(), DisplayHelp | DisplayVersion) => {
            Err(error.to_string())
        }
        _ => Ok(()),
    }
}

#[test]
fn every_command_line_parses() {
    let mut count = 0;
    for (name, text) in documents() {
        for line in shown(&text) {
            for words in commands(&line).into_iter().filter(|words| words[0] == "gw") {
                count += 1;
                if let Err(why) = parses(&words) {
                    panic!("{name}: `{line}`\n{why}");
                }
                // What runs behind `--` may be gw again.
                if let Some(at) = words.iter().position(|word| word == "--")
                    && words.get(at + 1).is_some_and(|word| word == "gw")
                {
                    parses(&words[at + 1..])
                        .unwrap_or_else(|why| panic!("{name}: `{line}`\n{why}"));
                }
            }
        }
    }
    assert!(count > 40, "only {count} command lines were found");
}

#[test]
fn shell_lines_are_understood() {
    let one = |line: &str| {
        commands(line)
            .into_iter()
            .map(|words| words.join("|"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        one("gw a 'b c' \"d $(e f)\" g\\ h   # i"),
        ["gw|a|b c|d $(e f)|g h"]
    );
    assert_eq!(
        one("A=1 gw b >c 2>&1 && gw d | e"),
        ["gw|b", "1", "gw|d", "e"]
    );
    assert_eq!(one("K=$(gw key create ci --user me)"), Vec::<String>::new());
    assert_eq!(one("gw a < f"), ["gw|a"]);
}

#[test]
fn every_local_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in documents() {
        let from = root.join(&name);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(target, _)| target)
        {
            let file = target.split('#').next().unwrap();
            if !target.contains("://") && !file.is_empty() {
                assert!(
                    from.parent().unwrap().join(file).exists(),
                    "{name} links to {target}"
                );
            }
        }
    }
}

#[test]
fn the_architecture_names_every_room() {
    let text = document("docs/architecture.md");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let room = if entry.file_type().unwrap().is_dir() {
            format!("`{name}/`")
        } else {
            format!("`{name}`")
        };
        assert!(
            text.contains(&room),
            "docs/architecture.md does not name {room}"
        );
    }
}

#[test]
fn every_file_named_in_the_architecture_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = document("docs/architecture.md");
    let named: BTreeSet<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.ends_with(".rs") && !word.contains(' '))
        .collect();
    assert!(named.len() > 15);
    for name in named {
        let name = name.strip_prefix("src/").unwrap_or(name);
        assert!(
            root.join(name).exists() || root.join("..").join(name).exists(),
            "docs/architecture.md names `{name}`"
        );
    }
}

/// The settings file shown is whole, valid, and says the defaults.
#[test]
fn the_settings_file_shown_holds_every_setting_and_its_default() {
    let text = document("docs/operating.md");
    let block = blocks(&text, "toml")
        .into_iter()
        .find(|block| block.contains("[server]"))
        .expect("a settings file is shown");
    for setting in gw::config::SETTINGS {
        let section = block
            .split(&format!("[{}]", setting.section))
            .nth(1)
            .unwrap_or_else(|| panic!("no section [{}]", setting.section));
        let section = section.split("\n[").next().unwrap();
        let shown = |line: &str| {
            line.trim_start_matches("# ")
                .split('=')
                .next()
                .is_some_and(|key| key.trim() == setting.key)
        };
        assert!(
            section.lines().any(shown),
            "{}.{} is not shown",
            setting.section,
            setting.key
        );
        if !setting.env.is_empty() {
            assert!(
                text.contains(&format!("`{}`", setting.env)),
                "{} is not named",
                setting.env
            );
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    fs::write(&path, &block).unwrap();
    let config = gw::config::load(Some(path.clone()), [], gw::config::Layer::default()).unwrap();
    assert_eq!(
        config,
        gw::config::Config {
            files: vec![path],
            ..Default::default()
        }
    );
}

#[test]
fn lists_are_whole() {
    let (readme, cli, formats) = (
        document("README.md"),
        document("docs/cli.md"),
        document("docs/formats.md"),
    );
    for vendor in gw::vendors::VENDORS
        .iter()
        .filter(|vendor| vendor.id != "mock")
    {
        assert!(
            readme.contains(vendor.title) || readme.contains(&format!("`{}`", vendor.id)),
            "README.md does not name {}",
            vendor.title
        );
    }
    for row in gw::error::TABLE {
        assert!(
            cli.contains(&format!("`{}`", row.code)),
            "docs/cli.md does not name the error `{}`",
            row.code
        );
    }
    for format in gw::formats::FORMATS {
        assert!(
            format
                .entries
                .iter()
                .all(|entry| formats.contains(entry.path))
                && formats.contains(format.name),
            "docs/formats.md does not name {}",
            format.name
        );
    }
}
