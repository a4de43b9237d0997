// The official OpenAI client for JavaScript: Responses.

import { CITY, PNG, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, VALIDATOR, check, fits, load, must } from "./common.mjs";

const { BadRequestError, NotFoundError, OpenAI } = load("openai");
const { standardTextFormat } = load("openai/helpers/standard-schema");
const { ResponsesToolRunner } = load("openai/helpers/responses-tool-runner");

const DEFAULTS = { model: "mock", instructions: SYSTEM, input: PROMPT };
const ASKED = { role: "user", content: TOOLS_PROMPT };
const TOOLS = Object.keys(RESULTS).map((name) => ({ type: "function", name, description: `Tells ${name}`, parameters: CITY, strict: false }));
// As a caller asks that keeps the conversation itself.
const THINK = { model: THINKS, reasoning: { effort: "low", summary: "auto" }, store: false, include: ["reasoning.encrypted_content"] };

function common(answer) {
  const of = (type) => answer.output.filter((item) => item.type === type);
  const said = of("message").flatMap((item) => item.content);
  const thought = of("reasoning").flatMap((item) => [...item.summary, ...(item.content ?? [])]);
  const { input_tokens, output_tokens, total_tokens } = answer.usage;
  return {
    text: said.filter((part) => part.type === "output_text").map((part) => part.text).join(""),
    thought: thought.map((part) => part.text).join(""),
    calls: of("function_call").map((item) => [item.name, JSON.parse(item.arguments)]),
    finish: [answer.status, answer.incomplete_details?.reason],
    usage: [input_tokens, output_tokens, total_tokens],
  };
}

async function ask(client, more = {}) {
  const answer = await client.responses.create({ ...DEFAULTS, ...more });
  must(answer.output_text === common(answer).text, answer);
  return [answer, common(answer)];
}

/** The events as they come; their order is the format's promise. */
async function stream(client, more = {}) {
  const events = [];
  for await (const event of await client.responses.create({ ...DEFAULTS, stream: true, ...more })) events.push(event);
  must(events.slice(0, 2).map((event) => event.type).join() === "response.created,response.in_progress", events);
  must(events.every((event, at) => event.sequence_number === at), events);
  must(new Set(events.flatMap((event) => event.response?.id ?? [])).size === 1, events);
  const ids = (type) => events.filter((event) => event.type === type).map((event) => event.item.id).join();
  const { response } = events.at(-1);
  const output = response.output.map((item) => item.id).join();
  must(ids("response.output_item.added") === output && ids("response.output_item.done") === output, events);
  return [events, common(response)];
}

/** The client's own helper folds the events. */
async function helper(client, more = {}) {
  const events = client.responses.stream({ ...DEFAULTS, ...more });
  const pieces = [];
  events.on("response.output_text.delta", (event) => pieces.push(event.delta));
  const answer = await events.finalResponse();
  must(pieces.join("") === common(answer).text, pieces);
  return [{ answer, pieces }, { ...common(answer), pieces: pieces.length }];
}

/** Both results; what was said goes back as it came. */
async function calls(client, [first, folded], more = {}) {
  const said = (first.answer ?? first).output.map(({ parsed_arguments, ...item }) => item);
  const wanted = said.filter((item) => item.type === "function_call");
  must(wanted.map((item) => item.name).join() === Object.keys(RESULTS).join(), said);
  const results = wanted.map(({ call_id, name }) => ({ type: "function_call_output", call_id, output: RESULTS[name] }));
  const [second, after] = await ask(client, { input: [ASKED, ...said, ...results], tools: TOOLS, ...more });
  must(Object.values(RESULTS).every((result) => after.text.includes(result)), after);
  return [[first, second], [folded, after]];
}

const tools_asked = { input: [ASKED], tools: TOOLS };

const thinking = (run) => async (client) => {
  const outcome = await run(client, THINK);
  must(outcome[1].thought, outcome[1]);
  return outcome;
};

/** The client's own loop calls these. */
const runner = (streamed) => async (client) => {
  const heard = [];
  const functions = TOOLS.map((tool) => ({
    tool,
    execute: ({ city }) => {
      heard.push(city);
      return RESULTS[tool.name];
    },
  }));
  const answers = [];
  const run = new ResponsesToolRunner({ functions });
  for await (const turn of run.iterate(client, { model: "mock", input: [ASKED] }, { stream: streamed })) answers.push(turn.response);
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
      const image = { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${PNG}` };
      const outcome = await ask(client, { input: [{ role: "user", content: [image, { type: "input_text", text: "What is it?" }] }] });
      must(outcome[1].text.includes("image/png"), outcome[1]);
      return outcome;
    },
    "structured output": async (client) => {
      const outcome = await ask(client, { text: { format: { type: "json_schema", name: "thing", strict: true, schema: SCHEMA } } });
      must(fits(JSON.parse(outcome[1].text)), outcome[1]);
      return outcome;
    },
    thinking: thinking(ask),
    "thinking streamed": thinking(stream),
    "thinking and tools": async (client) => calls(client, await ask(client, { ...tools_asked, ...THINK }), THINK),
    "cut off": async (client) => {
      const outcome = await ask(client, { max_output_tokens: 16 });
      must(outcome[1].finish.join() === "incomplete,max_output_tokens", outcome[1]);
      return outcome;
    },
    parse: async (client) => {
      const answer = await client.responses.parse({ ...DEFAULTS, text: { format: standardTextFormat(VALIDATOR, "thing") } });
      must(fits(answer.output_parsed), answer);
      return [answer, common(answer)];
    },
    "tool runner": runner(false),
    "tool runner streamed": runner(true),
    "token count": async (client) => {
      const few = (await client.responses.inputTokens.count(DEFAULTS)).input_tokens;
      const many = (await client.responses.inputTokens.count({ ...DEFAULTS, tools: TOOLS })).input_tokens;
      must(0 < few && few < many, [few, many]);
      return [[few, many], null];
    },
    // A response that goes on from one that the server holds; refused where the upstream holds none, never cut short.
    continued: async (client) => {
      const first = await client.responses.create(DEFAULTS);
      const asked = { ...DEFAULTS, input: "And goodbye.", previous_response_id: first.id };
      const answer = await client.responses.create(asked).catch((error) => error);
      if (answer instanceof BadRequestError) {
        must(answer.param === "previous_response_id", answer);
        return [null, null];
      }
      must(answer.usage?.input_tokens > first.usage.input_tokens, answer);
      return [answer, null];
    },
    // What the server holds is found until it is deleted; nothing is where the upstream holds nothing.
    kept: async (client) => {
      const first = await client.responses.create(DEFAULTS);
      const again = await client.responses.retrieve(first.id).catch((error) => error);
      if (again instanceof NotFoundError) return [null, null];
      must(again.output_text === first.output_text, again);
      const asked = [];
      for await (const item of client.responses.inputItems.list(first.id)) asked.push(item);
      await client.responses.delete(first.id);
      const gone = await client.responses.retrieve(first.id).catch((error) => error);
      must(gone instanceof NotFoundError, gone);
      return [[again, asked], null];
    },
    "raw response": async (client) => {
      const { data, response, request_id } = await client.responses.create(DEFAULTS).withResponse();
      must(request_id, [...response.headers]);
      return [data, { ...common(data), status: response.status, type: response.headers.get("content-type") }];
    },
  },
  (base, apiKey) => new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0, timeout: 30_000 }),
);
