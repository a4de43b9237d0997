// The official OpenAI client for JavaScript against gw, with an OpenAI and an Anthropic upstream.

import { CITY, PNG, PROMPT, RESULTS, SCHEMA, SYSTEM, TOOLS_PROMPT, check, load, must } from "./common.mjs";

const { OpenAI } = load("openai");

const MESSAGES = [
  { role: "system", content: SYSTEM },
  { role: "user", content: PROMPT },
];
const TOOLS = Object.keys(RESULTS).map((name) => ({
  type: "function",
  function: { name, description: `Tells ${name}`, parameters: CITY },
}));
const FORMAT = { type: "json_schema", json_schema: { name: "thing", strict: true, schema: SCHEMA } };

function common(answer) {
  const { message, finish_reason } = answer.choices[0];
  const calls = (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  return { text: message.content ?? "", calls, finish: finish_reason, usage: [prompt_tokens, completion_tokens, total_tokens] };
}

async function ask(client, model, more = {}) {
  const answer = await client.chat.completions.create({ model, messages: MESSAGES, ...more });
  return [answer, common(answer)];
}

/** The client's own helper folds the chunks. */
async function stream(client, model, more = {}) {
  const events = client.chat.completions.stream({ model, messages: MESSAGES, stream_options: { include_usage: true }, ...more });
  const pieces = [];
  events.on("content", (piece) => piece && pieces.push(piece));
  const answer = await events.finalChatCompletion();
  return [{ answer, pieces }, { ...common(answer), pieces: pieces.length }];
}

async function calls(client, model, first) {
  const [answer, outcome] = first;
  const said = (answer.answer ?? answer).choices[0].message;
  must(said.tool_calls.map((call) => call.function.name).join() === Object.keys(RESULTS).join(), said);
  const tool_calls = said.tool_calls.map(({ id, function: { name, arguments: text } }) => ({ id, type: "function", function: { name, arguments: text } }));
  const results = tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: RESULTS[call.function.name] }));
  const messages = [{ role: "user", content: TOOLS_PROMPT }, { role: "assistant", content: null, tool_calls }, ...results];
  const [second, after] = await ask(client, model, { messages, tools: TOOLS });
  must(Object.values(RESULTS).every((result) => after.text.includes(result)), after);
  return [[answer, second], [outcome, after]];
}

const tools_asked = { messages: [{ role: "user", content: TOOLS_PROMPT }], tools: TOOLS };

await check(
  "openai",
  {
    plain: ask,
    stream,
    tools: async (client, model) => calls(client, model, await ask(client, model, tools_asked)),
    "tools streamed": async (client, model) => calls(client, model, await stream(client, model, tools_asked)),
    image: async (client, model) => {
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } };
      const outcome = await ask(client, model, { messages: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }] });
      must(outcome[1].text.includes("image/png"), outcome[1]);
      return outcome;
    },
    structured: async (client, model) => {
      const outcome = await ask(client, model, { response_format: FORMAT });
      must(Object.keys(SCHEMA.properties).every((name) => name in JSON.parse(outcome[1].text)), outcome[1]);
      return outcome;
    },
  },
  (base, apiKey) => new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0, timeout: 30_000 }),
);
