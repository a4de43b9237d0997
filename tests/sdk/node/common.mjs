// What both client programs share: the cases' data, and comparing what a client returns straight from the mock with
// what it returns through gw. Where gw talks to its upstream in the client's own format the answers are equal in every
// field; where it translates, in what the formats have in common.

import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

// The packages live in target/test-env, away from these files.
export const load = createRequire(`${process.env.GW_TEST_NODE}/from.js`);

const GW = process.env.GW_URL;
const MOCK = process.env.MOCK_URL;
const KEYS = { openai: process.env.GW_KEY_OPENAI, anthropic: process.env.GW_KEY_ANTHROPIC };

export const SYSTEM = "You are terse.";
export const PROMPT = "Say hello, Grüße, 你好 and 👋.";
export const TOOLS_PROMPT = "Please call get_weather and get_time for Athens";
export const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const RESULTS = { get_weather: "sunny, 21 °C", get_time: "12:00" };
export const SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, size: { type: "integer" }, tags: { type: "array", items: { type: "string" } } },
  required: ["name", "size", "tags"],
  additionalProperties: false,
};
/** A red pixel. */
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

export function must(holds, what) {
  if (!holds) throw new Error(`not as it must be: ${JSON.stringify(what)}`);
}

/** Only the data: clients hang request ids and methods on what they return. */
const plain = (value) => JSON.parse(JSON.stringify(value));

function differ(expected, got) {
  const [left, right] = [plain(expected), plain(got)];
  return isDeepStrictEqual(left, right) ? "" : `expected ${JSON.stringify(left)}, got ${JSON.stringify(right)}`;
}

/** The exception a client raises: its class, status, and whether it holds the mock's words. */
async function failure(run, client, model) {
  try {
    await run(client, model);
  } catch (error) {
    return [error.constructor.name, error.status, String(error.message).includes("the mock was asked to answer")];
  }
  return ["no error"];
}

/** `cases`: name -> async (client, model) => [all, common]; `make(base, key)` makes a client. */
export async function check(client, cases, make) {
  let failed = 0;
  const report = (name, wrong) => {
    failed += wrong ? 1 : 0;
    console.log(`${wrong ? "FAIL" : "ok  "} ${client} client, ${name}${wrong ? `: ${wrong}` : ""}`);
  };
  const straight = make(MOCK, "any");
  for (const [upstream, key] of Object.entries(KEYS)) {
    const through = make(GW, key);
    for (const [name, run] of Object.entries(cases)) {
      let wrong;
      try {
        const [expected, got] = [await run(straight, "mock"), await run(through, "mock")];
        wrong = differ(expected[1], got[1]) || (upstream === client ? differ(expected[0], got[0]) : "");
      } catch (error) {
        wrong = `${error.constructor.name}: ${error.message}`;
      }
      report(`${upstream} upstream, ${name}`, wrong);
    }
    // Each its own model: one error must not make gw avoid the target of another.
    for (const status of [400, 429, 500]) {
      const model = `mock-${status}`;
      const wrong = differ(await failure(cases.plain, straight, model), await failure(cases.plain, through, model));
      report(`${upstream} upstream, error ${status}`, wrong);
    }
    const outcome = await failure(cases.plain, make(GW, "sk-gw-wrong"), "mock");
    const refused = outcome[0] === "AuthenticationError" && outcome[1] === 401;
    report(`${upstream} upstream, error 401`, refused ? "" : `expected a 401, got ${JSON.stringify(outcome)}`);
  }
  process.exitCode = failed ? 1 : 0;
}
