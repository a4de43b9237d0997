//! Clients and frameworks that people use as callers: each does a plain answer, a stream, a loop of tools and an answer
//! in a schema, straight at the simulator and through gw before an upstream of OpenAI's kind and one of Anthropic's.
//! docs/clients.md lists what is run here and in tests/sdk.rs, in which versions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod outside;
mod page;
mod roster;
mod run;

use roster::*;
use run::check;

#[test]
fn langchain() {
    check(&LANGCHAIN);
}

#[test]
fn llama_index() {
    check(&LLAMA_INDEX);
}

#[test]
fn litellm() {
    check(&LITELLM);
}

#[test]
fn vercel_ai_sdk() {
    check(&VERCEL_AI);
}

#[test]
fn pydantic_ai() {
    check(&PYDANTIC_AI);
}

#[test]
fn instructor() {
    check(&INSTRUCTOR);
}

#[test]
fn openai_agents_sdk() {
    check(&OPENAI_AGENTS);
}

#[test]
fn haystack() {
    check(&HAYSTACK);
}

#[test]
fn llm() {
    check(&LLM);
}

#[test]
fn aider() {
    check(&AIDER);
}

#[test]
fn dspy() {
    check(&DSPY);
}

#[test]
fn spring_ai_by_plain_http() {
    check(&SPRING_AI);
}
