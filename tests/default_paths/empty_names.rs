//! Names that are empty, as a variable that is not set makes them, are refused before anybody is asked.

use super::home::Home;

#[test]
fn an_empty_id_of_a_request_is_refused_in_words() {
    let home = Home::new();
    for id in ["", " "] {
        let ran = home.run(&["logs", "get", id]);
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (
                Some(2),
                "error: the id of a request is empty\n  fix: list requests with their ids: gw logs\n"
            )
        );
    }
}
