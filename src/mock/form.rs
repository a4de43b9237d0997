//! Forms as browsers send them: `multipart/form-data`. <https://www.rfc-editor.org/rfc/rfc7578>

use super::http::Request;
use memchr::memmem;

/// One field of a form.
#[derive(Debug, PartialEq)]
pub struct Field<'a> {
    pub name: &'a str,
    /// Where it is a file.
    pub file: Option<&'a str>,
    pub data: &'a [u8],
}

/// A request's form; `None`: it has none, or it is not whole.
pub fn read(request: &Request) -> Option<Vec<Field<'_>>> {
    let kind = request.header("content-type")?;
    let (media, parameters) = kind.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("boundary="))?
        .trim_matches('"');
    let mark = format!("--{boundary}");
    let between = format!("\r\n{mark}");
    let mut rest = request.body.strip_prefix(mark.as_bytes())?;
    let mut fields = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head = memmem::find(part, b"\r\n\r\n")?;
        let data = &part[head + 4..];
        let end = memmem::find(data, between.as_bytes())?;
        let head = std::str::from_utf8(&part[..head]).ok()?;
        let disposition = head.split("\r\n").find(|line| {
            line.get(..20)
                .is_some_and(|name| name.eq_ignore_ascii_case("content-disposition:"))
        })?;
        let named = |name: &str| {
            let mut parameters = disposition.split(';').map(str::trim);
            let value =
                parameters.find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))?;
            Some(value.trim_matches('"'))
        };
        fields.push(Field {
            name: named("name")?,
            file: named("filename"),
            data: &data[..end],
        });
        rest = &data[end + between.len()..];
    }
    rest.starts_with(b"--").then_some(fields)
}

/// A field's text.
pub fn text<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a str> {
    let field = fields
        .iter()
        .find(|field| field.name == name && field.file.is_none())?;
    std::str::from_utf8(field.data).ok()
}

/// A form's first file of this name, or of this name as a list.
pub fn file<'a, 'b>(fields: &'b [Field<'a>], name: &str) -> Option<&'b Field<'a>> {
    let of = |field: &&Field| field.file.is_some() && field.name.trim_end_matches("[]") == name;
    fields.iter().find(of)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(body: &str) -> Request {
        Request {
            headers: vec![(
                "content-type".into(),
                "multipart/form-data; boundary=\"x\"".into(),
            )],
            body: body.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn fields_and_files_are_read() {
        let request = with(
            "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nmock\r\n--x\r\ncontent-disposition: form-data; name=\"image[]\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\r\n--\r\n\r\n--x--\r\n",
        );
        let fields = read(&request).unwrap();
        assert_eq!(text(&fields, "model"), Some("mock"));
        let picture = file(&fields, "image").unwrap();
        assert_eq!(
            (picture.file, picture.data),
            (Some("a.png"), &b"\r\n--\r\n"[..])
        );
    }

    #[test]
    fn what_is_no_whole_form_is_none() {
        for body in [
            "",
            "--x",
            "--x\r\n",
            "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x",
        ] {
            assert_eq!(read(&with(body)), None, "{body}");
        }
    }
}
