// The Vercel AI SDK, with each of its providers that gw is told to: the same lines as common.py's.

import { createRequire } from "node:module";

const load = createRequire(`${process.env.GW_TEST_NODE}/from.js`);
const { generateText, streamText, Output, stepCountIs, tool } = load("ai");
const { createOpenAI } = load("@ai-sdk/openai");
const { createAnthropic } = load("@ai-sdk/anthropic");
const { createOpenAICompatible } = load("@ai-sdk/openai-compatible");
const { z } = load("zod");

const GPT = "gpt-4.1";
const CLAUDE = "claude-sonnet-4-5";
const PROMPT = "Say hello, Grüße, 你好 and 👋.";
const TASK = "Use the tools, one after the other.";

let called = [];
const answering = (name, description, answer) =>
  tool({
    description,
    inputSchema: z.object({ city: z.string().describe("The city's name.") }),
    execute: async ({ city }) => {
      called.push([name, city]);
      return answer;
    },
  });
const TOOLS = {
  get_weather: answering("get_weather", "Tells the weather in a city.", "sunny, 21 °C"),
  get_time: answering("get_time", "Tells the time in a city.", "12:00"),
};
const THING = z.object({ name: z.string(), size: z.number().int(), tags: z.array(z.string()) });

async function streamed(request) {
  const pieces = [];
  let failed;
  const { textStream } = streamText({ ...request, maxRetries: 0, onError: ({ error }) => (failed = error) });
  for await (const piece of textStream) pieces.push(piece);
  if (failed) throw failed;
  if (pieces.length < 4) throw new Error(`not streamed: ${JSON.stringify(pieces)}`);
  return pieces.join("");
}
const LOOP = { system: "You are terse.", prompt: TASK, tools: TOOLS, stopWhen: stepCountIs(5) };

const CASES = {
  plain: async (model) => (await generateText({ model, prompt: PROMPT, maxRetries: 0 })).text,
  stream: (model) => streamed({ model, prompt: PROMPT }),
  tools: async (model) => ({ text: (await generateText({ model, ...LOOP, maxRetries: 0 })).text, called }),
  "tools streamed": async (model) => ({ text: await streamed({ model, ...LOOP }), called }),
  structured: async (model) =>
    (await generateText({ model, prompt: PROMPT, output: Output.object({ schema: THING }), maxRetries: 0 })).output,
};

async function run(package_, speaks, make) {
  const places = [["simulator", process.env.MOCK_URL, "sk-any"]];
  for (const [kind, key] of Object.entries(JSON.parse(process.env.GW_KEYS))) places.push([`gw ${kind}`, process.env.GW_URL, key]);
  for (const [place, base, key] of places) {
    for (const [name, ask] of Object.entries(CASES)) {
      called = [];
      const line = { package: package_, speaks, place, case: name };
      try {
        line.outcome = await ask(make(`${base}/v1`, key));
      } catch (error) {
        line.error = String(error?.stack ?? error);
      }
      console.log(JSON.stringify(line));
    }
  }
}

await run("@ai-sdk/openai", "openai-chat", (baseURL, apiKey) => createOpenAI({ baseURL, apiKey }).chat(GPT));
await run("@ai-sdk/openai", "openai-responses", (baseURL, apiKey) => createOpenAI({ baseURL, apiKey })(GPT));
await run("@ai-sdk/anthropic", "anthropic-messages", (baseURL, apiKey) => createAnthropic({ baseURL, apiKey })(CLAUDE));
await run("@ai-sdk/openai-compatible", "openai-chat", (baseURL, apiKey) =>
  createOpenAICompatible({ name: "gw", baseURL, apiKey, supportsStructuredOutputs: true })(GPT),
);
