//! `gw model sync`: what providers list now becomes records, and newer prices are laid over the built-in ones. What would
//! change is shown first, and nothing is done before somebody said yes.

use super::fetch;
use crate::cli::{
    context::{Context, name_of},
    print::{Format, clean, table, text},
    verbs::{self, Several},
};
use crate::error::Result;
use crate::resources::provider;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw model sync`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let remote = context.remote_for_many()?;
    let source = matches.get_one::<String>("prices");
    let prices = match source.map(String::as_str) {
        None => None,
        Some("builtin") => Some(json!({"data": null})),
        Some(place) => Some(json!({"data": fetch::read(context, place).await?})),
    };
    let names = match verbs::names(&provider::KIND, matches)? {
        // Asked for prices, nobody asks for lists.
        none if none.is_empty() && prices.is_none() => {
            let found = verbs::pages::pages(&remote, &provider::KIND, None, None).await?;
            let on = |item: &&Value| item.get("enabled").and_then(Value::as_bool) != Some(false);
            found
                .iter()
                .filter(on)
                .map(|item| name_of(item).to_owned())
                .collect()
        }
        names => names,
    };
    if names.is_empty() && prices.is_none() {
        context.talk("no provider to ask; make one with: gw provider create");
    }
    let mut problems = Several::new(names.len());
    let look = vec![("dry_run", "true".to_owned())];
    let mut lists = Vec::new();
    let progress = context.progress("asking providers", Some(names.len() as u64));
    for name in &names {
        progress.say(&format!("asking {name}"));
        let asked = remote.sync(name, &look).await;
        progress.step(1);
        match asked {
            Ok(list) => lists.push(list),
            Err(error) => problems.note(error)?,
        }
    }
    drop(progress);
    let mut repriced = match &prices {
        Some(body) => Some(remote.prices(body, &look).await?),
        None => None,
    };
    let dry_run = matches.get_flag("dry_run");
    let changes = lists.iter().map(count).sum::<usize>() + repriced.as_ref().map_or(0, priced);
    let people = matches!(context.look.format, Format::Table | Format::Wide);
    if people {
        context.data(&render(&lists, repriced.as_ref()));
    }
    // A price list that changes no price is still another one: it has a name and a date.
    if !dry_run && (changes > 0 || prices.is_some()) {
        if changes > 0 && !matches.get_flag("yes") {
            context.confirm(&format!("make {}", counted(changes, "change")))?;
        }
        for list in &mut lists {
            if count(list) > 0 {
                *list = remote.sync(name_of(list), &Vec::new()).await?;
            }
        }
        if let Some(body) = &prices {
            repriced = Some(remote.prices(body, &Vec::new()).await?);
        }
    }
    match people {
        true if changes == 0 => context.talk("nothing to change"),
        true if dry_run => {
            context.talk(&format!("{} to make (dry run)", counted(changes, "change")))
        }
        true => context.talk(&format!("{} made", counted(changes, "change"))),
        false => {
            let done = json!({"providers": lists, "prices": repriced});
            context.data(&context.look.value(&done)?);
        }
    }
    problems.end()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

const MARKS: [(&str, &str, &str); 3] = [
    ("new", "+", "new"),
    ("gone", "-", "gone"),
    ("back", "+", "listed again"),
];

fn names<'a>(list: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    list.get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn count(list: &Value) -> usize {
    MARKS
        .iter()
        .map(|(field, ..)| names(list, field).count())
        .sum()
}

fn priced(prices: &Value) -> usize {
    names(prices, "differences").count()
}

/// The differences: models by a sign, prices with what they were and are.
fn render(lists: &[Value], prices: Option<&Value>) -> String {
    let mut out = String::new();
    for list in lists {
        for (field, sign, word) in MARKS {
            for name in names(list, field) {
                out += &format!("{sign} {}   {word}\n", clean(&text(name)));
            }
        }
    }
    let rows: Vec<Vec<String>> = prices
        .into_iter()
        .flat_map(|prices| names(prices, "differences"))
        .map(|difference| {
            let word = |name: &str| difference.get(name).map(|it| clean(&text(it)));
            let model = [word("vendor"), word("model")].map(Option::unwrap_or_default);
            let money = |name: &str| word(name).unwrap_or_else(|| "-".into());
            vec![model.join("/"), money("price"), money("old"), money("new")]
        })
        .collect();
    if !rows.is_empty() {
        out += &table(&["MODEL", "PRICE", "OLD$", "NEW$"], rows, true);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_laid_out() {
        let lists =
            [json!({"name": "p", "listed": 3, "new": ["p/a"], "gone": ["fast"], "back": ["p/b"]})];
        let prices = json!({"differences": [
            {"vendor": "openai", "model": "gpt-4o", "price": "output@batch", "old": "5", "new": "4.5"},
            {"vendor": "openai", "model": "new", "price": "input", "new": "1"},
        ]});
        assert_eq!(
            render(&lists, Some(&prices)),
            "+ p/a   new\n- fast   gone\n+ p/b   listed again\n\
             MODEL           PRICE          OLD$   NEW$\n\
             openai/gpt-4o   output@batch   5      4.5\n\
             openai/new      input          -      1\n"
        );
        assert_eq!((count(&lists[0]), priced(&prices)), (3, 2));
    }
}
