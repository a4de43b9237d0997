// The official Google client for JavaScript.

import { CITY, PNG, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, check, fits, load, must } from "./common.mjs";

const { ApiError, GoogleGenAI, Type } = load("@google/genai");

const DECLARED = Object.keys(RESULTS).map((name) => ({ name, description: `Tells ${name}`, parametersJsonSchema: CITY }));
const TOOLS = { tools: [{ functionDeclarations: DECLARED }] };
const THINK = { model: THINKS, thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } };

const request = ({ model = "mock", contents = PROMPT, ...config } = {}) => ({
  model,
  contents,
  config: { systemInstruction: SYSTEM, ...config },
});

/** All of an answer but its head. */
const dump = ({ sdkHttpResponse, ...answer }) => answer;

const parts = (answer) => (answer.candidates ?? []).flatMap((candidate) => candidate.content?.parts ?? []);

/** What the answers, one or a stream of them, add up to. */
function common(answers) {
  const said = answers.flatMap(parts);
  const text = (thought) => said.filter((part) => Boolean(part.thought) === thought).map((part) => part.text ?? "").join("");
  const usage = answers.at(-1).usageMetadata;
  return {
    text: text(false),
    thought: text(true),
    calls: said.filter((part) => part.functionCall).map((part) => [part.functionCall.name, part.functionCall.args]),
    finish: answers.at(-1).candidates[0].finishReason,
    // Not every format tells how much of what was said is thoughts.
    usage: [usage.promptTokenCount, (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0), usage.totalTokenCount],
  };
}

async function ask(client, more) {
  const answer = dump(await client.models.generateContent(request(more)));
  return [answer, common([answer])];
}

async function stream(client, more) {
  const answers = [];
  for await (const answer of await client.models.generateContentStream(request(more))) answers.push(dump(answer));
  return [answers, { ...common(answers), pieces: answers.flatMap(parts).filter((part) => part.text && !part.thought).length }];
}

/** Both results; what was said goes back as it came, with its seals. */
async function calls(client, [first, folded], more = {}) {
  const said = [first].flat().flatMap(parts);
  const wanted = said.flatMap((part) => part.functionCall ?? []);
  must(wanted.map((call) => call.name).join() === Object.keys(RESULTS).join(), said);
  const results = wanted.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: RESULTS[name] } } }));
  const contents = [
    { role: "user", parts: [{ text: TOOLS_PROMPT }] },
    { role: "model", parts: said },
    { role: "user", parts: results },
  ];
  const [second, after] = await ask(client, { contents, ...TOOLS, ...more });
  must(Object.values(RESULTS).every((result) => after.text.includes(result)), after);
  return [[first, second], [folded, after]];
}

const tools_asked = { contents: TOOLS_PROMPT, ...TOOLS };

const thinking = (run) => async (client) => {
  const outcome = await run(client, THINK);
  must(outcome[1].thought, outcome[1]);
  return outcome;
};

const structured = async (client, more) => {
  const outcome = await ask(client, { responseMimeType: "application/json", ...more });
  must(fits(JSON.parse(outcome[1].text)), outcome[1]);
  return outcome;
};

await check(
  ask,
  stream,
  {
    tools: async (client) => calls(client, await ask(client, tools_asked)),
    "tools streamed": async (client) => calls(client, await stream(client, tools_asked)),
    image: async (client) => {
      const picture = { inlineData: { mimeType: "image/png", data: PNG } };
      const outcome = await ask(client, { contents: [{ role: "user", parts: [picture, { text: "What is it?" }] }] });
      must(outcome[1].text.includes("image/png"), outcome[1]);
      return outcome;
    },
    "structured output": (client) => structured(client, { responseJsonSchema: SCHEMA }),
    thinking: thinking(ask),
    "thinking streamed": thinking(stream),
    "thinking and tools": async (client) => calls(client, await ask(client, { ...tools_asked, ...THINK }), THINK),
    "cut off": async (client) => {
      const outcome = await ask(client, { maxOutputTokens: 16 });
      must(outcome[1].finish === "MAX_TOKENS", outcome[1]);
      return outcome;
    },
    // This client has no parser; it has a schema of its own spelling.
    parse: (client) =>
      structured(client, {
        responseSchema: {
          type: Type.OBJECT,
          properties: { name: { type: Type.STRING }, size: { type: Type.INTEGER }, tags: { type: Type.ARRAY, items: { type: Type.STRING } } },
          required: ["name", "size", "tags"],
        },
      }),
    chat: async (client) => {
      const conversation = client.chats.create({ model: "mock", config: { systemInstruction: SYSTEM } });
      const turns = [];
      for (const message of [PROMPT, "And goodbye."]) {
        const answers = [];
        for await (const answer of await conversation.sendMessageStream({ message })) answers.push(dump(answer));
        turns.push(answers);
      }
      const heard = conversation.getHistory().filter((content) => content.role === "user");
      must(heard.map((content) => content.parts[0].text).join() === `${PROMPT},And goodbye.`, heard);
      const folded = turns.map(common);
      const sizes = folded.map((turn) => turn.usage[0]);
      must(sizes[1] > 2 * sizes[0], sizes);
      return [turns, folded.map(({ usage, ...turn }) => turn)];
    },
    "tool runner": async (client) => {
      const heard = [];
      const tool = {
        tool: async () => ({ functionDeclarations: DECLARED }),
        callTool: async (wanted) => {
          heard.push(...wanted);
          return wanted.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: RESULTS[name] } } }));
        },
      };
      const [answer, folded] = await ask(client, { contents: TOOLS_PROMPT, tools: [tool] });
      must(heard.length === 2 && [...Object.values(RESULTS), TOOLS_PROMPT].every((part) => folded.text.includes(part)), folded);
      const { automaticFunctionCallingHistory, ...rest } = answer;
      return [rest, folded];
    },
    "token count": async (client) => {
      const few = (await client.models.countTokens({ model: "mock", contents: PROMPT })).totalTokens;
      const many = (await client.models.countTokens({ model: "mock", contents: PROMPT.repeat(9) })).totalTokens;
      must(0 < few && few < many, [few, many]);
      return [[few, many], null];
    },
    "raw response": async (client) => {
      const answer = await client.models.generateContent(request());
      return [dump(answer), { ...common([dump(answer)]), type: answer.sdkHttpResponse.headers["content-type"] }];
    },
    models: async (client) => {
      const listed = [];
      for await (const model of await client.models.list()) listed.push(model.name);
      must(listed.every((name) => name.startsWith("models/")), listed);
      must(listed.some((name) => name.split("/").pop() === "mock"), listed);
      must((await client.models.get({ model: listed[0] })).name === listed[0], listed);
      const refused = await client.models.get({ model: "no-such-model" }).catch((error) => error);
      must(refused instanceof ApiError, refused);
      return [null, [refused.status, (await ask(client, { model: listed[0] }))[1]]];
    },
    "the other version's path": (client) => ask(client, { httpOptions: { apiVersion: "v1" } }),
  },
  (baseUrl, apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl, timeout: 30_000 } }),
);
