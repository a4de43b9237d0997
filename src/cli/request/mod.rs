//! `gw request`: send a request through the gateway as any client would, and check the answer. The exit
//! code tells causes apart: 6 no gateway, 7 no answer in time, 9 the upstream failed, 10 not as expected.

mod answer;
mod ask;
mod expect;
mod send;

pub(crate) use ask::data;

use super::{
    context::{Context, write_out},
    print::Format,
};
use crate::error::{Error, Kind, Result};
use answer::Answer;
use ask::Ask;
use clap::ArgMatches;
use expect::Expectation;

/// Runs `gw request`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let expectations = matches
        .get_many::<String>("expect")
        .into_iter()
        .flatten()
        .map(|text| text.parse())
        .collect::<Result<Vec<Expectation>>>()?;
    let ask = Ask::new(context, matches).await?;
    let repeat = matches.get_one::<u32>("repeat").copied().unwrap_or(1);
    let retry = matches.get_one::<u32>("retry").copied().unwrap_or(0);
    let (mut failed, mut last) = (0, None);
    for _ in 0..repeat {
        if let Err(error) = send_once(context, matches, &ask, &expectations, retry).await {
            if repeat == 1 || matches!(error.kind, Kind::NoGateway | Kind::Invalid) {
                return Err(error);
            }
            failed += 1;
            last = Some(error);
        }
    }
    match last {
        None => Ok(()),
        Some(error) => {
            context.talk(&format!("{failed} of {repeat} failed"));
            Err(error)
        }
    }
}

/// One request, tried again as often as allowed while it is not as expected.
async fn send_once(
    context: &Context,
    matches: &ArgMatches,
    ask: &Ask,
    expectations: &[Expectation],
    retry: u32,
) -> Result<()> {
    let mut left = retry;
    loop {
        // Text is shown as it streams only where it cannot be taken back by another try.
        let live = ask.stream && left == 0 && shows_text(context);
        let result = match send::send(ask, context.timeout, |piece| {
            if live {
                write_out(piece.as_bytes())
            }
        })
        .await
        {
            Ok(answer) => judge(context, matches, &answer, expectations, live, left == 0),
            Err(error) => Err(error),
        };
        match result {
            Err(error) if left > 0 && error.kind != Kind::Invalid => left -= 1,
            other => return other,
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

fn shows_text(context: &Context) -> bool {
    !context.quiet && matches!(context.look.format, Format::Table | Format::Wide)
}

/// Shows the answer and says whether it is as expected; without expectations any 2xx is.
fn judge(
    context: &Context,
    matches: &ArgMatches,
    answer: &Answer,
    expectations: &[Expectation],
    shown: bool,
    last: bool,
) -> Result<()> {
    let broken: Vec<String> = expectations
        .iter()
        .filter_map(|expectation| expectation.broken(&answer.facts))
        .collect();
    let verdict = match (broken.is_empty(), expectations.is_empty(), answer.error()) {
        (false, ..) => Err(Error::new(Kind::Expectation, broken.join("; ")).hint(answer.look_up())),
        (_, true, Some(error)) => Err(error),
        _ => Ok(()),
    };
    if last || verdict.is_ok() {
        if shown {
            write_out(b"\n");
        } else {
            show(context, answer)?;
        }
        if matches.get_flag("explain") {
            context.talk(&answer.explain());
        }
    }
    verdict
}

fn show(context: &Context, answer: &Answer) -> Result<()> {
    match context.look.format {
        _ if context.quiet => {}
        Format::Table | Format::Wide if answer.succeeded() => {
            context.data(&format!("{}\n", answer.text()))
        }
        Format::Table | Format::Wide => {}
        _ => context.data(&context.look.value(&answer.facts)?),
    }
    Ok(())
}
