// The same as calls.py with the official JavaScript clients: reads a list of calls as JSON from the file that `GW_CALLS`
// names and prints one line of JSON for each.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const load = createRequire(`${process.env.GW_TEST_NODE}/from.js`);
const OpenAI = load("openai").default ?? load("openai");
const Anthropic = load("@anthropic-ai/sdk").default ?? load("@anthropic-ai/sdk");

const GW = process.env.GW_URL;
const more = { apiKey: process.env.GW_KEY, timeout: 60_000 };
const TOOL = "get_weather";
const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

function said({ asks }) {
  if (asks === "tool") return `Please call ${TOOL} for Athens`;
  return asks === "long" ? "word ".repeat(800_000) : "Say hello, Grüße, 你好 and 👋.";
}

async function openaiCall(call, got) {
  const client = new OpenAI({ baseURL: `${GW}/${call.route}/v1`, maxRetries: call.retries, ...more });
  const answer = await client.chat.completions.create({
    model: call.model,
    max_tokens: 500,
    messages: [{ role: "user", content: said(call) }],
    stream: call.stream,
    ...(call.asks === "tool" ? { tools: [{ type: "function", function: { name: TOOL, parameters: CITY } }] } : {}),
  });
  if (!call.stream) {
    const [choice] = answer.choices;
    got.text = choice.message.content ?? "";
    got.arguments = (choice.message.tool_calls ?? []).map((made) => made.function.arguments).join("");
    got.finish = choice.finish_reason;
    return;
  }
  for await (const chunk of answer) {
    for (const choice of chunk.choices) {
      got.text += choice.delta.content ?? "";
      got.arguments += (choice.delta.tool_calls ?? []).map((made) => made.function.arguments ?? "").join("");
      got.finish = choice.finish_reason ?? got.finish;
    }
  }
}

async function anthropicCall(call, got) {
  const client = new Anthropic({ baseURL: `${GW}/${call.route}`, maxRetries: call.retries, ...more });
  const answer = await client.messages.create({
    model: call.model,
    max_tokens: 500,
    messages: [{ role: "user", content: said(call) }],
    stream: call.stream,
    ...(call.asks === "tool" ? { tools: [{ name: TOOL, input_schema: CITY }] } : {}),
  });
  if (!call.stream) {
    got.text = answer.content.map((part) => part.text ?? "").join("");
    got.arguments = answer.content.map((part) => (part.input ? JSON.stringify(part.input) : "")).join("");
    got.finish = answer.stop_reason;
    return;
  }
  for await (const event of answer) {
    if (event.type === "content_block_delta") {
      got.text += event.delta.text ?? "";
      got.arguments += event.delta.partial_json ?? "";
    }
    if (event.type === "message_delta") got.finish = event.delta.stop_reason;
  }
}

function raised(error) {
  // Anthropic's client leaves the error in its envelope.
  const body = error.error?.error ?? error.error ?? {};
  const headers = {};
  for (const name of ["retry-after", "retry-after-ms", "x-gw-origin"]) {
    const value = error.headers?.get?.(name);
    if (value) headers[name] = value;
  }
  return {
    class: error.constructor.name,
    status: error.status ?? null,
    type: body.type ?? null,
    code: body.code ?? null,
    message: String(error.message),
    headers,
  };
}

async function run(call) {
  const outcomes = [];
  for (let time = 0; time < call.times; time += 1) {
    const got = { text: "", arguments: "", finish: null, raised: null };
    try {
      await (call.client === "openai" ? openaiCall : anthropicCall)(call, got);
    } catch (error) {
      got.raised = raised(error);
    }
    outcomes.push(got);
  }
  return { call: call.model, outcomes };
}

const calls = JSON.parse(readFileSync(process.env.GW_CALLS, "utf8"));
const left = calls.entries();
// So many at once, each taking the next.
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (const [, call] of left) console.log(JSON.stringify(await run(call)));
  }),
);
