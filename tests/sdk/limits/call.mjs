// One call with an official client: CLIENT URL KEY. Prints what came of it as one line of JSON.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.GW_TEST_NODE}/package.json`);
const OpenAI = require("openai");
const Anthropic = require("@anthropic-ai/sdk");

const [client, url, key] = process.argv.slice(2);
const messages = [{ role: "user", content: "hi" }];
try {
  if (client === "openai") {
    const made = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
    await made.chat.completions.create({ model: "mock", max_tokens: 5, messages });
  } else {
    const made = new Anthropic({ baseURL: url, apiKey: key });
    await made.messages.create({ model: "mock", max_tokens: 5, messages });
  }
  console.log(JSON.stringify("served"));
} catch (error) {
  console.log(JSON.stringify({ class: error.constructor.name, status: error.status, code: error.code ?? null }));
}
