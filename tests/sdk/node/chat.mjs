// The official OpenAI client for JavaScript: chat completions.

import { CITY, PNG, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, VALIDATOR, check, fits, load, must } from "./common.mjs";

const { NotFoundError, OpenAI } = load("openai");
const { standardResponseFormat } = load("openai/helpers/standard-schema");

const DEFAULTS = { model: "mock", messages: [{ role: "system", content: SYSTEM }, { role: "user", content: PROMPT }] };
const ASKED = { role: "user", content: TOOLS_PROMPT };
const TOOLS = Object.keys(RESULTS).map((name) => ({
  type: "function",
  function: { name, description: `Tells ${name}`, parameters: CITY },
}));
const THINK = { model: THINKS, reasoning_effort: "low" };

function common(answer) {
  const { message, finish_reason } = answer.choices[0];
  const calls = (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  const usage = [prompt_tokens, completion_tokens, total_tokens];
  return { text: message.content ?? "", thought: message.reasoning_content ?? "", calls, finish: finish_reason, usage };
}

async function ask(client, more = {}) {
  const answer = await client.chat.completions.create({ ...DEFAULTS, ...more });
  return [answer, common(answer)];
}

/** The chunks, and what they add up to. */
async function stream(client, more = {}) {
  const chunks = [];
  const message = { content: "", reasoning_content: "" };
  const answer = { choices: [{ message, finish_reason: null }] };
  for await (const chunk of await client.chat.completions.create({ ...DEFAULTS, stream: true, stream_options: { include_usage: true }, ...more })) {
    chunks.push(chunk);
    answer.usage = chunk.usage ?? answer.usage;
    for (const { delta, finish_reason } of chunk.choices) {
      answer.choices[0].finish_reason = finish_reason ?? answer.choices[0].finish_reason;
      for (const name of Object.keys(message)) message[name] += delta[name] ?? "";
    }
  }
  return [chunks, common(answer)];
}

/** The client's own helper folds the chunks. */
async function helper(client, more = {}) {
  const events = client.chat.completions.stream({ ...DEFAULTS, stream_options: { include_usage: true }, ...more });
  const pieces = [];
  events.on("content", (piece) => piece && pieces.push(piece));
  const answer = await events.finalChatCompletion();
  return [{ answer, pieces }, { ...common(answer), pieces: pieces.length }];
}

async function calls(client, [first, folded], more = {}) {
  const said = (first.answer ?? first).choices[0].message;
  must(said.tool_calls.map((call) => call.function.name).join() === Object.keys(RESULTS).join(), said);
  const tool_calls = said.tool_calls.map(({ id, function: { name, arguments: text } }) => ({ id, type: "function", function: { name, arguments: text } }));
  const results = tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: RESULTS[call.function.name] }));
  const { reasoning_content } = said;
  const messages = [ASKED, { role: "assistant", content: null, tool_calls, ...(reasoning_content && { reasoning_content }) }, ...results];
  const [second, after] = await ask(client, { messages, tools: TOOLS, ...more });
  must(Object.values(RESULTS).every((result) => after.text.includes(result)), after);
  return [[first, second], [folded, after]];
}

const tools_asked = { messages: [ASKED], tools: TOOLS };

const thinking = (run) => async (client) => {
  const outcome = await run(client, THINK);
  must(outcome[1].thought, outcome[1]);
  return outcome;
};

/** The client's own loop calls these. */
const runner = (streamed) => async (client) => {
  const heard = [];
  const tools = Object.keys(RESULTS).map((name) => ({
    type: "function",
    function: {
      name,
      description: `Tells ${name}`,
      parameters: CITY,
      parse: JSON.parse,
      function: ({ city }) => {
        heard.push(city);
        return RESULTS[name];
      },
    },
  }));
  const asked = { model: "mock", messages: [ASKED], tools, ...(streamed && { stream: true, stream_options: { include_usage: true } }) };
  const run = client.chat.completions.runTools(asked);
  const text = await run.finalContent();
  must(heard.length === 2 && [...Object.values(RESULTS), TOOLS_PROMPT].every((part) => text.includes(part)), text);
  const answers = run.allChatCompletions();
  return [[run.messages, answers], answers.map(common)];
};

await check(
  ask,
  stream,
  {
    "stream helper": helper,
    tools: async (client) => calls(client, await ask(client, tools_asked)),
    "tools streamed": async (client) => calls(client, await helper(client, tools_asked)),
    image: async (client) => {
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } };
      const outcome = await ask(client, { messages: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }] });
      must(outcome[1].text.includes("image/png"), outcome[1]);
      return outcome;
    },
    "structured output": async (client) => {
      const format = { type: "json_schema", json_schema: { name: "thing", strict: true, schema: SCHEMA } };
      const outcome = await ask(client, { response_format: format });
      must(fits(JSON.parse(outcome[1].text)), outcome[1]);
      return outcome;
    },
    thinking: thinking(ask),
    "thinking streamed": thinking(stream),
    "thinking and tools": async (client) => calls(client, await ask(client, { ...tools_asked, ...THINK }), THINK),
    "cut off": async (client) => {
      const outcome = await ask(client, { max_tokens: 16 });
      must(outcome[1].finish === "length", outcome[1]);
      return outcome;
    },
    parse: async (client) => {
      const answer = await client.chat.completions.parse({ ...DEFAULTS, response_format: standardResponseFormat(VALIDATOR, "thing") });
      must(fits(answer.choices[0].message.parsed), answer);
      return [answer, common(answer)];
    },
    "tool runner": runner(false),
    "tool runner streamed": runner(true),
    "raw response": async (client) => {
      const { data, response, request_id } = await client.chat.completions.create(DEFAULTS).withResponse();
      must(request_id, [...response.headers]);
      return [data, { ...common(data), status: response.status, type: response.headers.get("content-type") }];
    },
    models: async (client) => {
      const listed = [];
      for await (const model of client.models.list()) listed.push(model.id);
      must(listed.some((name) => name.split("/").pop() === "mock"), listed);
      must((await client.models.retrieve(listed[0])).id === listed[0], listed);
      const refused = await client.models.retrieve("no-such-model").catch((error) => error);
      must(refused instanceof NotFoundError, refused);
      return [null, [refused.status, (await ask(client, { model: listed[0] }))[1]]];
    },
  },
  (base, apiKey) => new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0, timeout: 30_000 }),
);
