// What the client programs share: the cases' data, and comparing what a client returns straight from the mock with
// what it returns through gw. Where gw talks to its upstream in the client's own format the answers are equal in every
// field; where it translates, in what the formats have in common. Every cell prints one line, `ok` or `FAIL`, upstream,
// case and what is wrong, divided by tabs: tests/sdk.rs knows which cells there must be.

import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

// The packages live in target/test-env, away from these files.
export const load = createRequire(`${process.env.GW_TEST_NODE}/from.js`);

const GW = process.env.GW_URL;
const MOCK = process.env.MOCK_URL;
// Upstream -> a key whose route leads there.
const KEYS = JSON.parse(process.env.GW_KEYS);
// Those that speak the client's own format.
const SAME = JSON.parse(process.env.GW_SAME);

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
/** The mock's model that thinks, whatever it is asked. */
export const THINKS = "mock-think";
/** A red pixel. */
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

export function must(holds, what) {
  if (!holds) throw new Error(`not as it must be: ${JSON.stringify(what)}`);
}

/** Whether a value is what SCHEMA says. */
export const fits = (value) =>
  isDeepStrictEqual(Object.keys(value ?? {}).sort(), Object.keys(SCHEMA.properties).sort()) &&
  typeof value.name === "string" && Number.isInteger(value.size) && Array.isArray(value.tags);

/** SCHEMA as the validators that OpenAI's helpers take. */
export const VALIDATOR = {
  "~standard": {
    version: 1,
    vendor: "tests",
    validate: (value) => (fits(value) ? { value } : { issues: [{ message: "not as the schema says" }] }),
    jsonSchema: { input: () => SCHEMA },
  },
};

/** Only the data: clients hang request ids and methods on what they return. The ids of responses and
 * their items are each their own. */
const plain = (value) => JSON.parse(JSON.stringify(value ?? null).replace(/_[0-9a-f]{20,}/g, "_"));

function differ(expected, got, path = "$") {
  const [left, right] = [plain(expected), plain(got)];
  if (isDeepStrictEqual(left, right)) return "";
  if (left && right && typeof left === "object" && typeof right === "object") {
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const wrong = differ(left[key], right[key], `${path}.${key}`);
      if (wrong) return wrong;
    }
  }
  return `${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
}

/** The exception a client raises: its class, status, and whether it holds the mock's words. */
async function failure(run) {
  try {
    await run();
  } catch (error) {
    const said = { class: error.constructor.name, status: error.status ?? null, said: String(error.message).includes("the mock was asked to") };
    return [said, said];
  }
  throw new Error("no error was raised");
}

async function attempt(run, client) {
  try {
    return [await run(client), ""];
  } catch (error) {
    const place = /\/([^/]+:\d+):\d+\)?$/m.exec(error.stack ?? "")?.[1];
    return [undefined, `${error.constructor.name} at ${place}: ${error.message}`];
  }
}

/**
 * Runs every case against every upstream. `cases`: name -> async (client) => [all, common]; `ask(client, {model})` and
 * `stream(client, {model})` are the ones that errors are provoked with; `make(base, key)` makes a client.
 */
export async function check(ask, stream, helpers, make) {
  const cases = { plain: ask, stream, ...helpers };
  // Each its own model: one error must not make gw avoid the target of another.
  for (const status of [400, 429, 500]) {
    cases[`error ${status}`] = (client) => failure(() => ask(client, { model: `mock-${status}` }));
  }
  // The mock fails inside each format's stream with another status.
  cases["error in a stream"] = async (client) => {
    const [whole, { status, ...folded }] = await failure(() => stream(client, { model: "mock-error-after-2" }));
    return [whole, folded];
  };
  const straight = make(MOCK, "any");
  const expected = {};
  for (const [name, run] of Object.entries(cases)) expected[name] = await attempt(run, straight);
  let failed = false;
  const report = (upstream, name, wrong) => {
    failed ||= Boolean(wrong);
    console.log([wrong ? "FAIL" : "ok", upstream, name, wrong.replace(/[\n\t]/g, " ")].join("\t"));
  };
  for (const [name, [, wrong]] of Object.entries(expected)) report("the mock itself", name, wrong);
  for (const [upstream, key] of Object.entries(KEYS)) {
    const through = make(GW, key);
    for (const [name, run] of Object.entries(cases)) {
      const [wanted] = expected[name];
      let [got, wrong] = await attempt(run, through);
      if (wanted) wrong ||= differ(wanted[1], got[1]) || (SAME.includes(upstream) ? differ(wanted[0], got[0]) : "");
      report(upstream, name, wrong);
    }
    const [refused] = await failure(() => ask(make(GW, "sk-gw-wrong")));
    report(upstream, "error 401", refused.status === 401 ? "" : `expected a 401, got ${JSON.stringify(refused)}`);
  }
  process.exitCode = failed ? 1 : 0;
}
