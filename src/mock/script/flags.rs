//! The items of a script as flags of `gw mock`: one each, as the table has them.

use super::Script;
use super::items::{ITEMS, Item};
use clap::{Arg, ArgAction, ArgMatches, Command};

/// What flags say, in the table's order.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// Adds it to a script; an error names the item.
    pub fn add_to(&self, script: &mut Script) -> Result<(), String> {
        self.0
            .iter()
            .try_for_each(|(name, value)| script.set(name, value))
    }
}

fn arg(item: &Item) -> Arg {
    let arg = Arg::new(item.name)
        .long(item.name)
        .help(item.help)
        .help_heading(item.group.heading());
    match item.value {
        "" => arg.action(ArgAction::SetTrue),
        value => arg.value_name(value).action(ArgAction::Append),
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(ITEMS.iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, clap::Error> {
        let mut flags = Flags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for item in ITEMS {
            if item.value.is_empty() {
                let given = matches.get_flag(item.name);
                self.0.extend(given.then(|| (item.name, String::new())));
            } else if let Some(values) = matches.get_many::<String>(item.name) {
                self.0
                    .extend(values.map(|value| (item.name, value.clone())));
            }
        }
        Ok(())
    }
}
