//! What the dashboard looks like: whole pictures at two widths, kept beside this file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::app::Flow;
use super::*;
use crate::live::view::{Busy, Figures, Log, Run, Target};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers},
};

fn figures(requests: u64, errors: u64, tokens: u64, pico: u64) -> Figures {
    Figures {
        requests,
        errors,
        input: tokens * 3 / 4,
        output: tokens / 4,
        cost_pico: pico,
        unpriced: 0,
    }
}

/// A gateway in the middle of a busy day.
fn view() -> View {
    let target =
        |provider: &str, model: Option<&str>, state: &str, detail: &str, in_flight, first| Target {
            provider: provider.into(),
            model: model.map(str::to_owned),
            state: state.into(),
            detail: detail.into(),
            in_flight,
            first_content_ms: first,
            routes: vec!["default".into()],
        };
    let busy = |name: &str, figures: Figures| Busy {
        name: name.into(),
        figures,
    };
    let run = |key: &str, target: Option<(&str, &str)>, age_ms| Run {
        key: key.into(),
        user: "ann".into(),
        provider: target.map(|(provider, _)| provider.into()),
        model: target.map(|(_, model)| model.into()),
        age_ms,
    };
    View {
        at: "2030-01-02T14:03:22.000Z".into(),
        since: "2030-01-02T08:00:00.000Z".into(),
        last_second: figures(13, 0, 15_600, 1_500_000_000),
        last_minute: figures(741, 9, 912_000, 93_000_000_000),
        last_hour: Figures {
            unpriced: 3,
            ..figures(40_123, 210, 51_000_000, 5_120_000_000_000)
        },
        today_pico: 71_240_000_000_000,
        latency: Percentiles {
            p50: Some(812),
            p95: Some(2_140),
            p99: Some(4_010),
        },
        first_content: Percentiles {
            p50: Some(120),
            p95: Some(310),
            p99: None,
        },
        history: (0..300u64)
            .map(|at| {
                figures(
                    (at % 40) / 2 + u64::from(at % 7 == 0),
                    0,
                    1_000 + at * 13 % 900,
                    0,
                )
            })
            .collect(),
        in_flight: 4,
        waiting: 1,
        connections: 12,
        failures: vec![
            Count {
                name: "capacity".into(),
                count: 7,
            },
            Count {
                name: "timeout".into(),
                count: 2,
            },
        ],
        refused: vec![Count {
            name: "spend".into(),
            count: 12,
        }],
        keys: vec![
            busy("checkout-prod", figures(600, 8, 700_000, 80_000_000_000)),
            busy("ci", figures(120, 0, 200_000, 13_000_000_000)),
            busy(
                "laptop",
                Figures {
                    unpriced: 1,
                    ..figures(21, 1, 12_000, 0)
                },
            ),
        ],
        models: vec![
            busy("openai/gpt-4o", figures(500, 0, 800_000, 90_000_000_000)),
            busy(
                "anthropic/claude-sonnet-5",
                figures(200, 9, 100_000, 3_000_000_000),
            ),
            busy(
                "local/other",
                Figures {
                    unpriced: 41,
                    ..figures(41, 0, 12_000, 0)
                },
            ),
        ],
        targets: vec![
            target(
                "anthropic",
                Some("claude-sonnet-5"),
                "cooling",
                "cooling for 12s",
                0,
                Some(340),
            ),
            target(
                "azure-eu",
                Some("gpt-4o"),
                "suspended",
                "suspended for 29s, credential refused",
                0,
                None,
            ),
            target("local", None, "healthy", "healthy", 1, Some(1_204)),
            target("openai", Some("gpt-4o"), "healthy", "healthy", 3, Some(118)),
            target("openai", Some("gpt-4o-mini"), "out", "disabled", 0, None),
        ],
        running: vec![
            run("checkout-prod", Some(("openai", "gpt-4o")), 75_200),
            run("checkout-prod", Some(("openai", "gpt-4o")), 3_100),
            run("ci", Some(("local", "llama-3.3-70b")), 900),
            run("evil\u{1b}[2Jkey", None, 12),
        ],
        log: Log {
            rows_dropped: 3,
            ..Log::default()
        },
    }
}

fn app() -> App {
    let mut app = App::new("unix:/run/user/1000/gw/admin.sock", false);
    app.take(view());
    app
}

fn picture(app: &App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    shown(terminal.backend().buffer())
}

fn key(app: &mut App, code: KeyCode) -> Flow {
    app.event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// Written anew with `GW_BLESS=1`.
fn kept(name: &str, picture: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/cli/top/pictures")
        .join(name);
    if std::env::var_os("GW_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, picture).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == picture,
        "{name} looks otherwise now; look, and write it with: GW_BLESS=1 cargo test --lib cli::top\n{picture}"
    );
}

#[test]
fn pictures_at_80_and_200_columns() {
    let mut app = app();
    kept("80x24.txt", &picture(&app, 80, 24));
    kept("200x50.txt", &picture(&app, 200, 50));
    app.paused = true;
    key(&mut app, KeyCode::Tab);
    kept("80x24-running.txt", &picture(&app, 80, 24));
    app.help = true;
    kept("80x24-help.txt", &picture(&app, 80, 24));
    kept("once-80.txt", &text(&app, 80));
}

#[test]
fn columns_are_of_the_same_seconds_a_second_later() {
    let all: Vec<u64> = (0..300).collect();
    let (now, later) = (columns(&all[..299], 1_000, 78), columns(&all, 1_001, 78));
    assert!(now.len() <= 78 && later.len() <= 78);
    assert_eq!(now[10..70], later[later.len() - now.len() + 10..][..60]);
    assert_eq!(columns(&[1, 2, 3], 9, 80), [1_000, 2_000, 3_000]);
    assert_eq!(columns(&[], 9, 80), [] as [u64; 0]);
}

#[test]
fn every_size_is_drawn_and_nothing_that_steers_a_terminal() {
    let mut app = app();
    for focus in 0..Panel::ALL.len() {
        app.focus = focus;
        for (width, height) in [
            (1, 1),
            (10, 3),
            (30, 9),
            (80, 10),
            (80, 24),
            (100, 60),
            (139, 20),
            (140, 20),
            (300, 90),
        ] {
            let shown = picture(&app, width, height);
            assert!(!shown.contains('\u{1b}'), "{width}x{height}");
        }
    }
    let empty = {
        let mut app = App::new("a", true);
        let waiting = picture(&app, 80, 24);
        assert!(waiting.contains("waiting for the gateway at a"));
        app.take(View::default());
        picture(&app, 80, 24)
    };
    assert!(
        empty.contains("Targets: none") && empty.contains("p50 -"),
        "{empty}"
    );
}

#[test]
fn keys_do_what_the_help_says() {
    let mut app = app();
    let order = |app: &App| -> Vec<String> {
        let panel = app.focused();
        let rows = panel.rows(app.view.as_ref().unwrap(), app.sorted[app.focus]);
        rows.into_iter().map(|row| row.cells[0].clone()).collect()
    };
    assert_eq!(
        order(&app)[..2],
        ["anthropic/claude-sonnet-5", "azure-eu/gpt-4o"]
    );
    key(&mut app, KeyCode::Right);
    assert_eq!(order(&app)[0], "openai/gpt-4o");
    key(&mut app, KeyCode::BackTab);
    assert_eq!(app.focused(), Panel::Models);
    key(&mut app, KeyCode::Left);
    assert_eq!(order(&app)[0], "anthropic/claude-sonnet-5");
    key(&mut app, KeyCode::Char('p'));
    app.take(View::default());
    assert_eq!(app.view.as_ref().unwrap().in_flight, 4);
    key(&mut app, KeyCode::Char('?'));
    assert!(app.help);
    key(&mut app, KeyCode::Char('q'));
    assert!(!app.help);
    for _ in 0..9 {
        key(&mut app, KeyCode::Down);
    }
    assert_eq!(app.scrolled[app.focus], 2);
    key(&mut app, KeyCode::Up);
    assert_eq!(app.scrolled[app.focus], 1);
    assert_eq!(key(&mut app, KeyCode::Char('q')), Flow::Leave);
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app.event(&Event::Key(control)), Flow::Leave);
}
