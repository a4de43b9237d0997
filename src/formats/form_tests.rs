//! Forms as clients send them, cut anywhere, and forms that nobody should send.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const TYPE: &str = "multipart/form-data; boundary=b0";

fn field(name: &str, value: &str) -> String {
    format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// What a form comes to that arrives in pieces of this size.
fn read(body: &[u8], size: usize) -> Result<Option<Model>> {
    let mut form = Form::of(TYPE).unwrap()?;
    for piece in body.chunks(size) {
        form.feed(piece)?;
    }
    form.finish()?;
    Ok(form.model().cloned())
}

/// The error of a form, the same however it is cut.
fn refused(body: &str) -> String {
    let whole = read(body.as_bytes(), usize::MAX).unwrap_err().message;
    for size in [1, 7, 100] {
        let cut = read(body.as_bytes(), size).unwrap_err().message;
        assert_eq!(cut, whole, "{size}: {body}");
    }
    whole
}

#[test]
fn boundaries_are_read_in_one_way_only() {
    let of = |text: &str| Form::of(text).map(|form| form.map(|form| form.mark).ok());
    for (text, mark) in [
        ("multipart/form-data; boundary=b0", Some("--b0")),
        ("Multipart/Form-Data;boundary=\"b 0\"", Some("--b 0")),
        (
            "multipart/form-data; charset=utf-8; Boundary=x;",
            Some("--x"),
        ),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=\"a", None),
        ("multipart/form-data; boundary=\"a\"b", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/form-data; boundary=\"a\r\"", None),
        ("multipart/form-data; boundary=a, multipart/x", None),
    ] {
        assert_eq!(
            of(text),
            Some(mark.map(|it| it.as_bytes().to_vec())),
            "{text}"
        );
    }
    let long = format!("multipart/form-data; boundary={}", "a".repeat(100 << 10));
    assert_eq!(of(&long), Some(None));
    for other in [
        "application/json",
        "multipart/mixed; boundary=a",
        "",
        "text/plain; x=multipart/form-data",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let end = "--b0--\r\n";
    let part = |head: &str| format!("--b0\r\n{head}\r\n\r\nx\r\n{end}");
    let model = field("model", "m");
    let odd = "the head of a part of the form cannot be read in one way only";
    let plain = "`model` must be a plain field of the form, spelt so";
    for (body, why) in [
        (
            format!("{model}{model}{end}"),
            "`model` is given more than once",
        ),
        (
            format!("\r\n{model}{end}"),
            "the form does not begin with its boundary",
        ),
        (
            format!("preamble\r\n{model}{end}"),
            "the form does not begin with its boundary",
        ),
        (model.clone(), "the form ends before its last boundary"),
        (
            String::from("--b0"),
            "the form ends before its last boundary",
        ),
        (
            format!("--b0x\r\n{end}"),
            "a boundary of the form is followed by more",
        ),
        (
            format!("{}{end}", field("file", "a\n--b0\nx")),
            "a boundary of the form stands inside of a line",
        ),
        (
            format!("{}{end}", field("file", "a--b0")),
            "a boundary of the form stands inside of a line",
        ),
        (format!("{}{end}", field("model", "")), "`model` is empty"),
        (
            format!("{}{end}", field("model", "a\nb")),
            "`model` contains control characters",
        ),
        (
            format!("{}{end}", field("model", &"a".repeat(300))),
            "`model` is longer than 256 bytes",
        ),
        (
            format!("{}{end}", field("model", &"a".repeat(3_000))),
            "`model` is too long",
        ),
        (format!("{}{end}", field("Model", "m")), plain),
        (format!("{}{end}", field(" model", "m")), plain),
        (
            part("Content-Disposition: form-data; name=model; filename=\"a\""),
            plain,
        ),
        (
            part(
                "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64",
            ),
            plain,
        ),
        (
            part("Content-Disposition: form-data; name*=utf-8''model"),
            odd,
        ),
        (
            part("Content-Disposition: form-data; name=\"a\"; name=\"model\""),
            odd,
        ),
        (
            part("Content-Disposition: form-data; name=\"a\"; NAME=\"model\""),
            odd,
        ),
        (
            part("Content-Disposition: form-data; filename=\"a\\\"; name=\"model\""),
            odd,
        ),
        (
            part("Content-Disposition: form-data;\r\n name=\"model\""),
            odd,
        ),
        (
            part(
                "Content-Disposition: form-data; name=\"a\"\r\ncontent-disposition: form-data; name=\"model\"",
            ),
            odd,
        ),
        (part("Content-Disposition : form-data; name=\"model\""), odd),
        (
            part(
                "Content-Disposition: form-data; name=\"a\"\nContent-Disposition: form-data; name=\"model\"",
            ),
            odd,
        ),
        (part("nonsense"), odd),
        (
            part(&format!("X: {}", "a".repeat(9_000))),
            "the head of a part of the form is too long",
        ),
        (
            field("a", "1").repeat(1_001) + end,
            "the form has more than 1000 parts",
        ),
    ] {
        assert_eq!(refused(&body), why, "{}", &body[..body.len().min(200)]);
    }
}

#[test]
fn the_model_is_found_and_the_rest_is_not_looked_at() {
    for (head, value) in [
        (
            "Content-Disposition: form-data; name=\"model\"",
            "whisper-1",
        ),
        (
            "content-disposition: form-data; name=model\r\nContent-Type: text/plain",
            "a/b:c",
        ),
        (
            "Content-Type: text/plain\r\nContent-Disposition:form-data;name=\"model\";",
            "m",
        ),
    ] {
        let file = "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b\\\"c.wav\"\r\n\r\n\r\n\r\n--b\r\n\r\n";
        let body =
            format!("{file}--b0\r\n{head}\r\n\r\n{value}\r\n--b0\r\n\r\nx\r\n--b0--anything");
        for size in [1, 3, 1_000] {
            let model = read(body.as_bytes(), size).unwrap().unwrap();
            assert_eq!(model.name, value);
            assert_eq!(&body[model.span], value);
        }
    }
    assert_eq!(read(b"--b0--", 1).unwrap(), None);
}

#[test]
fn what_is_still_to_come_can_name_another_model() {
    let file = field("file", &"x\r\n--b".repeat(9));
    let (model, end) = (field("model", "asked"), "--b0--\r\n");
    for (body, want) in [
        (
            format!("{file}{model}{file}{end}"),
            format!("{file}{}{file}{end}", field("model", "real")),
        ),
        (
            format!("{file}{end}"),
            format!("{file}{}{end}", field("model", "real")),
        ),
        (end.to_string(), format!("{}{end}", field("model", "real"))),
    ] {
        for size in [1, 5, 64, 10_000] {
            for known in [0, 3, 40] {
                let mut form = Form::of(TYPE).unwrap().unwrap();
                let (first, more) = body.split_at(known.min(body.len() - 8));
                form.feed(first.as_bytes()).unwrap();
                let mut out = first.as_bytes()[..first.len() - form.waiting()].to_vec();
                form.rewrite(Some("real"));
                for piece in more.as_bytes().chunks(size) {
                    form.feed(piece).unwrap();
                    out.extend(form.written().unwrap());
                }
                form.finish().unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), want, "{size} {known}");
            }
        }
    }
}

#[test]
fn a_model_can_be_put_in_front() {
    let form = Form::of(TYPE).unwrap().unwrap();
    let body = [
        &naming(form.mark(), "m")[..],
        field("file", "x").as_bytes(),
        b"--b0--",
    ]
    .concat();
    assert_eq!(read(&body, 9).unwrap().unwrap().name, "m");
}

proptest! {
    #[test]
    fn a_form_says_the_same_however_it_is_cut(
        before in proptest::collection::vec(any::<u8>(), 0..400),
        name in "[a-z0-9/.:-]{1,40}",
        after in proptest::collection::vec(any::<u8>(), 0..400),
        size in 1usize..90,
    ) {
        let part = |value: &[u8]| {
            [b"--b0\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n", value, b"\r\n"].concat()
        };
        let body = [&part(&before)[..], field("model", &name).as_bytes(), &part(&after), b"--b0--\r\n"].concat();
        let (whole, cut) = (read(&body, usize::MAX), read(&body, size));
        prop_assert_eq!(whole.as_ref().ok(), cut.as_ref().ok());
        if let Ok(Some(model)) = whole {
            prop_assert_eq!(&model.name, &name);
        }
    }

    #[test]
    fn nothing_is_kept_of_long_values(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5_000), 0..20)) {
        let mut form = Form::of(TYPE).unwrap().unwrap();
        form.feed(field("file", "").trim_end().as_bytes()).unwrap();
        form.feed(b"\r\n\r\n").unwrap();
        for piece in pieces {
            if form.feed(&piece).is_err() {
                break;
            }
            prop_assert!(form.rest.len() <= form.mark.len() + 2);
        }
    }
}
