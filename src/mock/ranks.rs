//! Rankings: how many of a query's words a document has. Also the answer in the form that many servers share:
//! <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#jina-ai-compatible>

use super::ask::Refusal;
use serde_json::{Value, json};

/// Places and scores of the documents, the best first, as many as are asked for.
pub fn of(body: &Value) -> Vec<(usize, f64)> {
    let query = body["query"].as_str().unwrap_or_default().to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let documents = body["documents"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let score = |document: &Value| {
        let text = text(document).to_lowercase();
        let found = words.iter().filter(|word| text.contains(**word)).count();
        (1 + found) as f64 / (2 + words.len()) as f64
    };
    let mut ranks: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    ranks.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    ranks.truncate(body["top_n"].as_u64().unwrap_or(u64::MAX) as usize);
    ranks
}

fn text(document: &Value) -> &str {
    document
        .as_str()
        .or(document["text"].as_str())
        .unwrap_or_default()
}

/// The answer of servers that are not Cohere's.
pub fn answer(body: &Value) -> Result<Value, Refusal> {
    if !body["query"].is_string() {
        return Err(Refusal::new("query: field required", "query"));
    }
    let Some(documents) = body["documents"].as_array() else {
        return Err(Refusal::new("documents: field required", "documents"));
    };
    let results: Vec<Value> = of(body)
        .into_iter()
        .map(|(index, score)| {
            json!({"index": index, "relevance_score": score, "document": {"text": text(&documents[index])}})
        })
        .collect();
    let tokens: usize = documents
        .iter()
        .map(|document| text(document).len().div_ceil(4))
        .sum();
    Ok(
        json!({"id": "rerank-mock", "model": body["model"], "usage": {"total_tokens": tokens}, "results": results}),
    )
}
