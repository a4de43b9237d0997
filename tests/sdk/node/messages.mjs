// The official Anthropic client for JavaScript against gw, with an OpenAI and an Anthropic upstream.

import { CITY, PNG, PROMPT, RESULTS, SCHEMA, SYSTEM, TOOLS_PROMPT, check, load, must } from "./common.mjs";

const { Anthropic } = load("@anthropic-ai/sdk");

const TOOLS = Object.keys(RESULTS).map((name) => ({ name, description: `Tells ${name}`, input_schema: CITY }));
const DEFAULTS = { max_tokens: 500, system: SYSTEM, messages: [{ role: "user", content: PROMPT }] };

function common(answer) {
  const of = (type) => answer.content.filter((part) => part.type === type);
  return {
    text: of("text").map((part) => part.text).join(""),
    calls: of("tool_use").map((part) => [part.name, part.input]),
    finish: answer.stop_reason,
    usage: [answer.usage.input_tokens, answer.usage.output_tokens],
  };
}

async function ask(client, model, more = {}) {
  const answer = await client.messages.create({ model, ...DEFAULTS, ...more });
  return [answer, common(answer)];
}

/** The client's own helper folds the events. */
async function stream(client, model, more = {}) {
  const events = client.messages.stream({ model, ...DEFAULTS, ...more });
  const pieces = [];
  events.on("text", (piece) => piece && pieces.push(piece));
  const answer = await events.finalMessage();
  return [{ answer, pieces }, { ...common(answer), pieces: pieces.length }];
}

async function calls(client, model, first) {
  const [answer, outcome] = first;
  const wanted = (answer.answer ?? answer).content.filter((part) => part.type === "tool_use");
  must(wanted.map((part) => part.name).join() === Object.keys(RESULTS).join(), wanted);
  const said = wanted.map(({ id, name, input }) => ({ type: "tool_use", id, name, input }));
  const results = wanted.map(({ id, name }) => ({ type: "tool_result", tool_use_id: id, content: RESULTS[name] }));
  const messages = [
    { role: "user", content: TOOLS_PROMPT },
    { role: "assistant", content: said },
    { role: "user", content: results },
  ];
  const [second, after] = await ask(client, model, { messages, tools: TOOLS });
  must(Object.values(RESULTS).every((result) => after.text.includes(result)), after);
  return [[answer, second], [outcome, after]];
}

const tools_asked = { messages: [{ role: "user", content: TOOLS_PROMPT }], tools: TOOLS };

await check(
  "anthropic",
  {
    plain: ask,
    stream,
    tools: async (client, model) => calls(client, model, await ask(client, model, tools_asked)),
    "tools streamed": async (client, model) => calls(client, model, await stream(client, model, tools_asked)),
    image: async (client, model) => {
      const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
      const outcome = await ask(client, model, { messages: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }] });
      must(outcome[1].text.includes("image/png"), outcome[1]);
      return outcome;
    },
    structured: async (client, model) => {
      const outcome = await ask(client, model, { output_config: { format: { type: "json_schema", schema: SCHEMA } } });
      must(Object.keys(SCHEMA.properties).every((name) => name in JSON.parse(outcome[1].text)), outcome[1]);
      return outcome;
    },
  },
  (baseURL, apiKey) => new Anthropic({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 }),
);
