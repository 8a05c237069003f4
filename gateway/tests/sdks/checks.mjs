// Checks a gateway with one of the Node SDKs, as `checks.py` does with those for Python: `checks.mjs openai|anthropic`, and
// where the gateway is in the environment. Prints a line for each check that holds; the first that does not is an exception.

import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

const { GATEWAY, ADMIN, TOKEN, CONFIG } = process.env;
// Clocks and timers differ by so much, and no wait on loopback is longer than announced by more than this. In milliseconds.
const CLOCKS = 5;
const LATE = 5_000;

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));
const question = (words = 2) => [{ role: "user", content: Array(words).fill("word").join(" ") }];

// What an SDK sends and gets: for each attempt when it began, when its response did, and that response.
class Attempts {
  begun = [];
  answered = [];
  responses = [];
  before = async () => {};
  denied = async () => {};

  fetch = async (...request) => {
    await this.before();
    this.begun.push(performance.now());
    const response = await fetch(...request);
    this.answered.push(performance.now());
    this.responses.push(response);
    if (response.status === 429) await this.denied();
    return response;
  };

  statuses = () => this.responses.map((response) => response.status);
  announced = (attempt) => Number(this.responses[attempt].headers.get("retry-after-ms"));
  // From an attempt's response to the next attempt.
  waited = (attempt) => this.begun[attempt + 1] - this.answered[attempt];
}

class OpenAi {
  module = "openai";
  sdk = null;

  client = (apiKey, { fetch }, options = {}) =>
    new this.sdk({ baseURL: `${GATEWAY}/v1`, apiKey, fetch, ...options });

  call = async (client, { tokens = 10, words = 2 } = {}) => {
    const said = await client.chat.completions.create({
      model: "mock",
      messages: question(words),
      max_tokens: tokens,
    });
    return said.choices[0].message.content;
  };

  // Streams, each with the tokens that it told, or that it must have used.
  async *streams(client) {
    const ask = { model: "mock", messages: question(), max_tokens: 40, stream: true };
    let last;
    for await (const chunk of await client.chat.completions.create({
      ...ask,
      stream_options: { include_usage: true },
    })) {
      last = chunk;
    }
    yield ["usage asked for", last.usage.total_tokens];
    for await (const chunk of await client.chat.completions.create(ask)) {
      assert(chunk.choices.length > 0 && !chunk.usage, "usage that nobody asked for");
    }
    yield ["usage not asked for", last.usage.total_tokens];
  }

  lost = (client) => client.embeddings.create({ model: "mock", input: "two words" });
  code = (error) => error.code;
  codes = {
    stranger: "invalid_api_key",
    long: "request_too_large",
    quota: "insufficient_quota",
    lost: "upstream_unreachable",
  };
}

class Anthropic {
  module = "@anthropic-ai/sdk";
  sdk = null;

  client = (apiKey, { fetch }, options = {}) => new this.sdk({ baseURL: GATEWAY, apiKey, fetch, ...options });

  call = async (client, { tokens = 10, words = 2 } = {}) => {
    const ask = { model: "mock", messages: question(words), max_tokens: tokens };
    const said = await client.messages.create(ask);
    return said.content[0].text;
  };

  async *streams(client) {
    const stream = client.messages.stream({ model: "mock", messages: question(), max_tokens: 40 });
    const { usage } = await stream.finalMessage();
    yield ["the helper", usage.input_tokens + usage.output_tokens];
    let told = 0;
    const ask = { model: "mock", messages: question(), max_tokens: 30, stream: true };
    for await (const event of await client.messages.create(ask)) {
      if (event.type === "message_start") told = event.message.usage.input_tokens;
      if (event.type === "message_delta") told += event.usage.output_tokens;
    }
    yield ["events", told];
  }

  lost = (client) => client.messages.countTokens({ model: "mock", messages: question() });
  code = (error) => error.error.error.type;
  codes = {
    stranger: "authentication_error",
    long: "request_too_large",
    quota: "rate_limit_error",
    lost: "api_error",
  };
}

async function admin(method, path, body) {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const response = await fetch(ADMIN + path, { method, headers, body: body && JSON.stringify(body) });
  assert.equal(response.status, 200, path);
  return response.json();
}

// Tokens that the engine has counted for a key.
async function used(name) {
  const { limits } = await admin("GET", `/keys/${name}`);
  const { limit, remaining } = limits.find(({ unit }) => unit === "tokens");
  return limit - remaining;
}

async function until(what, holds) {
  const end = performance.now() + 20_000;
  while (!(await holds())) {
    assert(performance.now() < end, what);
    await sleep(10);
  }
}

async function raised(kind, call) {
  try {
    await call();
  } catch (error) {
    assert(error instanceof kind, error);
    return error;
  }
  assert.fail(`no ${kind.name} was raised`);
}

// Another worker of the key, which calls until it is let pass.
async function rival(key) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const body = JSON.stringify({ model: "mock", messages: question(), max_tokens: 1 });
  for (let call = 0; call < 100; call += 1) {
    const response = await fetch(`${GATEWAY}/v1/chat/completions`, { method: "POST", headers, body });
    await response.text();
    if (response.status === 200) return;
    await sleep(Number(response.headers.get("retry-after-ms")));
  }
  assert.fail("the rival never passes");
}

async function waits(api) {
  const attempts = new Attempts();
  const client = api.client("sk-short", attempts);
  // The fourth is denied, unless the machine stood still for longer than the limit's window.
  let [calls, first] = [0, 0];
  while (calls < 40 && attempts.begun.length < first + 2) {
    first = attempts.begun.length;
    calls += 1;
    assert((await api.call(client)).startsWith("The tide"), "an answer");
  }
  assert(calls >= 4);
  assert.deepEqual(attempts.statuses().slice(first), [429, 200]);
  const [announced, waited] = [attempts.announced(first), attempts.waited(first)];
  assert(announced - CLOCKS <= waited && waited <= announced + LATE, `${announced}, ${waited}`);
  const seconds = (time) => (time / 1e3).toFixed(3);
  return `call ${calls} was told ${seconds(announced)} s, came back after ${seconds(waited)} s: 2 attempts`;
}

async function streams(api) {
  const client = api.client("sk-streams", new Attempts());
  let told = 0;
  const kinds = [];
  for await (const [kind, tokens] of api.streams(client)) {
    told += tokens;
    kinds.push(`${kind}: ${tokens} tokens`);
    await until(`${kind}: ${told} are not counted`, async () => (await used("streams")) === told);
  }
  return kinds.join(", ");
}

async function day(api) {
  const attempts = new Attempts();
  const client = api.client("sk-day", attempts);
  const call = () => api.call(client, { tokens: 400 });
  await call();
  await call();
  const spent = await raised(api.sdk.RateLimitError, call);
  assert.deepEqual(attempts.statuses(), [200, 200, 429]);
  assert.match(spent.message, /day's quota is used up/);
  assert.equal(spent.headers.get("x-should-retry"), "false");
  assert.equal(api.code(spent), api.codes.quota);
  return `call 3: ${attempts.begun.length - 2} attempt, RateLimitError (${api.code(spent)})`;
}

// A rival takes what becomes free before each attempt, so that no next try passes but under the larger plan.
async function upgrade_by_api(api) {
  const attempts = new Attempts();
  attempts.before = () => rival("sk-single");
  attempts.denied = async () => {
    if (attempts.responses.length === 2) await admin("PUT", "/keys/single/plan", { plan: "large" });
  };
  await api.call(api.client("sk-single", attempts));
  assert.deepEqual(attempts.statuses(), [429, 429, 200]);
  return "denied twice, upgraded by the admin API while it waited, passed at the next try";
}

async function upgrade_by_file(api) {
  const attempts = new Attempts();
  const client = api.client("sk-slow", attempts, { maxRetries: 0 });
  await api.call(client);
  const error = await raised(api.sdk.RateLimitError, () => api.call(client));
  const announced = attempts.announced(1);
  assert(announced > 60_000);
  assert.match(error.message, /Please try again in/);
  const text = await readFile(CONFIG, "utf8");
  await writeFile(`${CONFIG}.next`, text.replace('plan = "slow"', 'plan = "large"'));
  await rename(`${CONFIG}.next`, CONFIG);
  await until("no reload", async () => (await admin("GET", "/keys/slow")).plan.configured === "large");
  await api.call(client);
  const waited = attempts.waited(1);
  assert.deepEqual(attempts.statuses(), [200, 429, 200]);
  assert(waited < announced);
  const [told, passed] = [(announced / 1e3).toFixed(0), (waited / 1e3).toFixed(1)];
  return `told ${told} s, upgraded by the file, passed after ${passed} s`;
}

async function errors(api) {
  const told = [];
  const check = async (kind, status, code, words, key, call) => {
    const attempts = new Attempts();
    const client = api.client(key, attempts, { maxRetries: status >= 500 ? 0 : 2 });
    const error = await raised(kind, () => call(client));
    assert.deepEqual(attempts.statuses(), [status]);
    assert.equal(error.status, status);
    assert(error.message.includes(words), error.message);
    assert.equal(api.code(error), code);
    told.push(`${status} ${error.constructor.name}`);
  };
  const { sdk, call, codes } = api;
  await check(sdk.AuthenticationError, 401, codes.stranger, "API key is not valid", "sk-nobody", call);
  const long = (client) => call(client, { words: 40_000 });
  await check(sdk.APIError, 413, codes.long, "longer than 65536 bytes", "sk-streams", long);
  const never = (client) => call(client, { tokens: 2_000 });
  await check(sdk.RateLimitError, 429, codes.quota, "Ask for less", "sk-day", never);
  await check(sdk.InternalServerError, 502, codes.lost, "upstream", "sk-streams", api.lost);
  return told.join(", ");
}

const name = process.argv[2];
const api = { openai: new OpenAi(), anthropic: new Anthropic() }[name];
api.sdk = (await import(api.module)).default;
const manifest = createRequire(import.meta.url)(`./node_modules/${api.module}/package.json`);
console.log(`${manifest.name} ${manifest.version} on Node ${process.versions.node}`);
for (const check of [waits, streams, day, upgrade_by_api, upgrade_by_file, errors]) {
  console.log(`${check.name}: ${await check(api)}`);
}
