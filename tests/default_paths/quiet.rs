//! `-q` leaves the data: the answer of a request is what was asked for, in every format.

use crate::home::{GW, Home};

#[test]
fn quiet_leaves_the_answer_of_a_request() {
    let home = Home::new();
    let script = r#"
echo "[$("$0" request hi -m mock -q)]"
echo "[$("$0" request hi -m mock -q --stream)]"
echo "[$("$0" request hi -m mock -q -o value=.text)]"
echo "[$("$0" request hi -m mock -q -o json | grep -c '"status": 200')]"
"#;
    let dev = ["serve", "--dev", "--", "sh", "-c", script, GW];
    let ran = home.run(&dev);
    let text = "[This is gw's mock, not a model. You said: hi]\n";
    assert_eq!(
        (ran.code, ran.out),
        (Some(0), format!("{}[1]\n", text.repeat(3))),
        "{}",
        ran.err
    );
}
