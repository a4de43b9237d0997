//! A trial of the notices.

use super::call::{Call, answer};
use crate::error::Result;
use axum::http::StatusCode;
use axum::response::Response;

pub async fn test(call: Call) -> Result<Response> {
    let told = (call.desk.deps.notify_test)().await;
    Ok(answer(StatusCode::OK, &told))
}
