//! A provider's list of what it keeps, cut down to what is a caller's own: the credential is many callers'. Must not know
//! whose what is.

use serde_json::Value;

/// One page of a list.
pub struct Page {
    /// Without what is not the caller's.
    pub body: Vec<u8>,
    /// Nothing of it is the caller's.
    pub empty: bool,
    /// What the next page begins behind, and the parameter that says so; `None`: this is the last.
    pub next: Option<(&'static str, String)>,
}

/// Leaves of a page what `own` says of its id. `None`: it is no list.
pub fn page(body: &[u8], own: impl Fn(&str) -> bool) -> Option<Page> {
    let mut list: Value = serde_json::from_slice(body).ok()?;
    let members = list.as_object_mut()?;
    let more = members.get("has_more") == Some(&Value::Bool(true));
    let data = members.get_mut("data")?.as_array_mut()?;
    let id = |one: &Value| Some(one.get("id")?.as_str()?.to_owned());
    let last = data.last().and_then(id);
    data.retain(|one| id(one).is_some_and(|id| own(&id)));
    let ends = [
        ("first_id", data.first().and_then(id)),
        ("last_id", data.last().and_then(id)),
    ];
    let empty = data.is_empty();
    for (name, id) in ends {
        if let Some(end) = members.get_mut(name) {
            *end = id.map_or(Value::Null, Value::from);
        }
    }
    // OpenAI's lists say what they are; Anthropic's do not.
    let after = if members.contains_key("object") {
        "after"
    } else {
        "after_id"
    };
    Some(Page {
        body: serde_json::to_vec(&list).ok()?,
        empty,
        next: last.filter(|_| more).map(|last| (after, last)),
    })
}

/// A query that asks for the next page.
pub fn after(query: Option<&str>, (name, last): &(&'static str, String)) -> String {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.filter(|(key, _)| key != name))
        .append_pair(name, last)
        .finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_ones_own_is_left_of_a_page() {
        let list = json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"x": 1}, {"id": "c"}],
            "first_id": "a", "last_id": "c", "has_more": true});
        let cut = |own: &str| {
            let page = page(list.to_string().as_bytes(), |id| own.contains(id)).unwrap();
            let body: Value = serde_json::from_slice(&page.body).unwrap();
            (body, page.empty, page.next.unwrap())
        };
        let next = ("after", "c".to_owned());
        assert_eq!(
            cut("ab"),
            (
                json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}], "first_id": "a", "last_id": "b", "has_more": true}),
                false,
                next.clone()
            )
        );
        assert_eq!(
            cut(""),
            (
                json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": true}),
                true,
                next.clone()
            )
        );
        assert_eq!(after(Some("limit=2&after=x"), &next), "limit=2&after=c");
        assert!(page(b"[]", |_| true).is_none() && page(b"{}", |_| true).is_none());
    }
}
