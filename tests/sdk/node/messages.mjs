// The official Anthropic client for JavaScript: messages.

import { CITY, PNG, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, check, fits, load, must } from "./common.mjs";

const { Anthropic, NotFoundError } = load("@anthropic-ai/sdk");
const { jsonSchemaOutputFormat } = load("@anthropic-ai/sdk/helpers/json-schema");
const { betaTool } = load("@anthropic-ai/sdk/helpers/beta/json-schema");

const ASKED = { role: "user", content: TOOLS_PROMPT };
const TOOLS = Object.keys(RESULTS).map((name) => ({ name, description: `Tells ${name}`, input_schema: CITY }));
const DEFAULTS = { model: "mock", max_tokens: 2000, system: SYSTEM, messages: [{ role: "user", content: PROMPT }] };
const THINK = { model: THINKS, thinking: { type: "enabled", budget_tokens: 1024 } };

function common(answer) {
  const of = (type, name) => answer.content.filter((part) => part.type === type).map((part) => part[name]).join("");
  return {
    text: of("text", "text"),
    thought: of("thinking", "thinking"),
    calls: answer.content.filter((part) => part.type === "tool_use").map((part) => [part.name, part.input]),
    finish: answer.stop_reason,
    usage: [answer.usage.input_tokens, answer.usage.output_tokens],
  };
}

async function ask(client, more = {}) {
  const answer = await client.messages.create({ ...DEFAULTS, ...more });
  return [answer, common(answer)];
}

/** The events as they come, and what they add up to. */
async function stream(client, more = {}) {
  const events = [];
  let answer;
  for await (const event of await client.messages.create({ ...DEFAULTS, stream: true, ...more })) {
    events.push(event);
    if (event.type === "message_start") answer = structuredClone(event.message);
    if (event.type === "content_block_start") {
      must(event.index === answer.content.length, event);
      answer.content.push({ ...event.content_block });
    }
    for (const name of ["text", "thinking"]) {
      if (event.delta?.type === `${name}_delta`) answer.content[event.index][name] += event.delta[name];
    }
    if (event.type === "message_delta") {
      answer.stop_reason = event.delta.stop_reason;
      Object.assign(answer.usage, Object.fromEntries(Object.entries(event.usage).filter(([, count]) => count != null)));
    }
  }
  must(events.at(-1).type === "message_stop", events.at(-1));
  return [events, common(answer)];
}

/** The client's own helper folds the events. */
async function helper(client, more = {}) {
  const events = client.messages.stream({ ...DEFAULTS, ...more });
  const pieces = [];
  events.on("text", (piece) => piece && pieces.push(piece));
  const answer = await events.finalMessage();
  return [{ answer, pieces }, { ...common(answer), pieces: pieces.length }];
}

/** Both results; thoughts go back as they came. */
async function calls(client, [first, folded], more = {}) {
  const said = (first.answer ?? first).content;
  const wanted = said.filter((part) => part.type === "tool_use");
  must(wanted.map((part) => part.name).join() === Object.keys(RESULTS).join(), wanted);
  const results = wanted.map(({ id, name }) => ({ type: "tool_result", tool_use_id: id, content: RESULTS[name] }));
  const messages = [ASKED, { role: "assistant", content: said }, { role: "user", content: results }];
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

/** The client's own loop calls these; by default it asks the server to hold the conversation. */
const runner = (streamed) => async (client) => {
  const heard = [];
  const tools = Object.keys(RESULTS).map((name) =>
    betaTool({
      name,
      description: `Tells ${name}`,
      inputSchema: CITY,
      run: ({ city }) => {
        heard.push(city);
        return RESULTS[name];
      },
    }),
  );
  const answers = [];
  for await (const turn of client.beta.messages.toolRunner({ model: "mock", max_tokens: 500, messages: [ASKED], tools, stream: streamed })) {
    answers.push(streamed ? await turn.finalMessage() : turn);
  }
  const folded = answers.map(common);
  must(heard.length === 2 && folded.length === 2, folded);
  must([...Object.values(RESULTS), TOOLS_PROMPT].every((part) => folded[1].text.includes(part)), folded[1]);
  return [answers, folded];
};

await check(
  ask,
  stream,
  {
    "stream helper": helper,
    tools: async (client) => calls(client, await ask(client, tools_asked)),
    "tools streamed": async (client) => calls(client, await helper(client, tools_asked)),
    image: async (client) => {
      const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
      const outcome = await ask(client, { messages: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }] });
      must(outcome[1].text.includes("image/png"), outcome[1]);
      return outcome;
    },
    "structured output": async (client) => {
      const outcome = await ask(client, { output_config: { format: { type: "json_schema", schema: SCHEMA } } });
      must(fits(JSON.parse(outcome[1].text)), outcome[1]);
      return outcome;
    },
    thinking: thinking(ask),
    "thinking streamed": thinking(stream),
    "thinking and tools": async (client) => calls(client, await ask(client, { ...tools_asked, ...THINK }), THINK),
    "cut off": async (client) => {
      const outcome = await ask(client, { max_tokens: 16 });
      must(outcome[1].finish === "max_tokens", outcome[1]);
      return outcome;
    },
    parse: async (client) => {
      const answer = await client.messages.parse({ ...DEFAULTS, output_config: { format: jsonSchemaOutputFormat(SCHEMA) } });
      must(fits(answer.parsed_output), answer);
      return [answer, common(answer)];
    },
    "tool runner": runner(false),
    "tool runner streamed": runner(true),
    "token count": async (client) => {
      const { max_tokens, ...asked } = DEFAULTS;
      const few = (await client.messages.countTokens(asked)).input_tokens;
      const many = (await client.messages.countTokens({ ...asked, tools: TOOLS })).input_tokens;
      const beta = (await client.beta.messages.countTokens({ ...asked, tools: TOOLS })).input_tokens;
      must(0 < few && few < many && many === beta, [few, many, beta]);
      return [[few, many], null];
    },
    "raw response": async (client) => {
      const { data, response, request_id } = await client.messages.create(DEFAULTS).withResponse();
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
  (baseURL, apiKey) => new Anthropic({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 }),
);
