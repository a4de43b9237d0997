//! Requests come back: from a format, and from every format over every other.

use super::core::core;
use super::drawn::chat;
use super::features::common;
use super::{plain, rows, through_request};
use crate::chat::Chat;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What must survive the way over any two formats: the core, and what draws and ends the answer.
fn portable(chat: &Chat) -> Value {
    json!([
        core(chat),
        chat.max_tokens,
        chat.temperature,
        chat.stop,
        chat.user,
        chat.parallel_calls
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn requests_come_back(chat in chat()) {
        for row in rows() {
            let chat = common(chat.clone(), &[&row]);
            prop_assert_eq!(plain(through_request(&row, &chat)), plain(chat), "{}", row.format.name);
        }
    }

    #[test]
    fn requests_come_back_over_every_other_format(chat in chat()) {
        for one in rows() {
            for other in rows() {
                let chat = common(chat.clone(), &[&one, &other]);
                let over = through_request(&one, &plain(through_request(&other, &chat)));
                prop_assert_eq!(portable(&over), portable(&chat), "{} over {}", one.format.name, other.format.name);
            }
        }
    }
}
