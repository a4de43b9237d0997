//! The request log: pages, one request with content, following, exporting.

use super::doubles::gateway;
use gw::store::journal::{Content, Row};
use serde_json::{Value, json};

fn row(n: usize) -> Row {
    Row {
        id: format!("req_{n:03}"),
        key: Some(if n.is_multiple_of(2) { "even" } else { "odd" }.into()),
        status: 200,
        ..Row::default()
    }
}

#[tokio::test]
async fn pages_filters_and_content() {
    let gateway = gateway().await;
    for n in 0..30 {
        let content = Content::new("{\"a\":1}", vec!["he".into(), "llo".into()]);
        gateway.log.push(row(n), (n == 7).then_some(content));
    }
    gateway.log.push(
        row(100),
        Some(Content::new(vec![0xff, 0xfe], Vec::new()).cut(true)),
    );
    let page = gateway
        .ok("GET", "/logs?key=odd&limit=4", Value::Null)
        .await;
    assert_eq!(
        (
            page["items"].as_array().unwrap().len(),
            &page["items"][0]["id"]
        ),
        (4, &json!("req_029"))
    );
    let next = gateway
        .ok(
            "GET",
            &format!(
                "/logs?key=odd&limit=4&cursor={}",
                page["cursor"].as_str().unwrap()
            ),
            Value::Null,
        )
        .await;
    assert_eq!(next["items"][0]["id"], "req_021");
    let one = gateway.ok("GET", "/logs/req_007", Value::Null).await;
    assert_eq!(
        one["content"],
        json!({"request": {"text": "{\"a\":1}"}, "response": {"text": "hello"}, "truncated": false})
    );
    assert_eq!(
        gateway.ok("GET", "/logs/req_100", Value::Null).await["content"]["request"],
        json!({"base64": "//4="})
    );
    gateway
        .refused(404, "GET", "/logs/req_nope", Value::Null)
        .await;
    for bad in ["status=teapot", "since=yesterday", "limit=x", "colour=red"] {
        gateway
            .refused(400, "GET", &format!("/logs?{bad}"), Value::Null)
            .await;
    }
    gateway
        .ok(
            "GET",
            "/logs?since=1h&until=2030-01-01T00:00:00Z&status=4xx,200,ok",
            Value::Null,
        )
        .await;
}
