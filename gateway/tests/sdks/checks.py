"""Checks a gateway with one of the Python SDKs: `checks.py openai|anthropic`, and where the gateway is in the environment.

Prints a line for each check that holds; the first that does not is an exception. `checks.mjs` is the same for Node.
"""

import json
import os
import platform
import sys
import time
import urllib.error
import urllib.request

GATEWAY, ADMIN, TOKEN, CONFIG = (os.environ[name] for name in ("GATEWAY", "ADMIN", "TOKEN", "CONFIG"))
# Clocks and timers differ by so much, and no wait on loopback is longer than announced by more than this.
CLOCKS, LATE = 0.005, 5.0


def question(words=2):
    return [{"role": "user", "content": " ".join(["word"] * words)}]


class Attempts:
    """What an SDK sends and gets: for each attempt when it began, when its response did, and that response."""

    def __init__(self):
        self.begun, self.answered, self.responses = [], [], []
        self.before = self.denied = lambda: None

    def request(self, _request):
        self.before()
        self.begun.append(time.monotonic())

    def response(self, response):
        self.answered.append(time.monotonic())
        self.responses.append(response)
        if response.status_code == 429:
            self.denied()

    def statuses(self):
        return [response.status_code for response in self.responses]

    def announced(self, attempt):
        return float(self.responses[attempt].headers["retry-after-ms"]) / 1e3

    def waited(self, attempt):
        """From an attempt's response to the next attempt."""
        return self.begun[attempt + 1] - self.answered[attempt]


class OpenAi:
    codes = {
        "stranger": "invalid_api_key",
        "long": "request_too_large",
        "quota": "insufficient_quota",
        "lost": "upstream_unreachable",
    }

    def __init__(self):
        import openai

        self.sdk = openai

    def client(self, key, attempts, **options):
        hooks = {"request": [attempts.request], "response": [attempts.response]}
        http = self.sdk.DefaultHttpxClient(event_hooks=hooks)
        return self.sdk.OpenAI(base_url=GATEWAY + "/v1", api_key=key, http_client=http, **options)

    def call(self, client, tokens=10, words=2):
        said = client.chat.completions.create(model="mock", messages=question(words), max_tokens=tokens)
        return said.choices[0].message.content

    def streams(self, client):
        """Streams, each with the tokens that it told, or that it must have used."""
        ask = dict(model="mock", messages=question(), max_tokens=40, stream=True)
        *_, last = client.chat.completions.create(**ask, stream_options={"include_usage": True})
        yield "usage asked for", last.usage.total_tokens
        chunks = list(client.chat.completions.create(**ask))
        assert all(chunk.choices and chunk.usage is None for chunk in chunks), "usage that nobody asked for"
        yield "usage not asked for", last.usage.total_tokens

    def lost(self, client):
        client.embeddings.create(model="mock", input="two words")

    def code(self, error):
        return error.code


class Anthropic:
    codes = {
        "stranger": "authentication_error",
        "long": "request_too_large",
        "quota": "rate_limit_error",
        "lost": "api_error",
    }

    def __init__(self):
        import anthropic

        self.sdk = anthropic

    def client(self, key, attempts, **options):
        hooks = {"request": [attempts.request], "response": [attempts.response]}
        http = self.sdk.DefaultHttpxClient(event_hooks=hooks)
        return self.sdk.Anthropic(base_url=GATEWAY, api_key=key, http_client=http, **options)

    def call(self, client, tokens=10, words=2):
        said = client.messages.create(model="mock", messages=question(words), max_tokens=tokens)
        return said.content[0].text

    def streams(self, client):
        with client.messages.stream(model="mock", messages=question(), max_tokens=40) as stream:
            usage = stream.get_final_message().usage
        yield "the helper", usage.input_tokens + usage.output_tokens
        ask = dict(model="mock", messages=question(), max_tokens=30, stream=True)
        told = 0
        for event in client.messages.create(**ask):
            if event.type == "message_start":
                told = event.message.usage.input_tokens
            if event.type == "message_delta":
                told += event.usage.output_tokens
        yield "events", told

    def lost(self, client):
        client.messages.count_tokens(model="mock", messages=question())

    def code(self, error):
        return error.body["error"]["type"]


def admin(method, path, body=None):
    headers = {"authorization": "Bearer " + TOKEN}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADMIN + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def used(name):
    """Tokens that the engine has counted for a key."""
    limits = admin("GET", "/keys/" + name)["limits"]
    return next(limit["limit"] - limit["remaining"] for limit in limits if limit["unit"] == "tokens")


def until(what, holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.01)


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def rival(key):
    """Another worker of the key, which calls until it is let pass."""
    body = json.dumps({"model": "mock", "messages": question(), "max_tokens": 1}).encode()
    headers = {"authorization": "Bearer " + key, "content-type": "application/json"}
    request = urllib.request.Request(GATEWAY + "/v1/chat/completions", body, headers)
    for _ in range(100):
        try:
            return urllib.request.urlopen(request, timeout=20).read()
        except urllib.error.HTTPError as error:
            time.sleep(float(error.headers["retry-after-ms"]) / 1e3)
    raise AssertionError("the rival never passes")


def waits(api):
    client = api.client("sk-short", attempts := Attempts())
    # The fourth is denied, unless the machine stood still for longer than the limit's window.
    for calls in range(1, 41):
        first = len(attempts.begun)
        assert api.call(client).startswith("The tide"), "an answer"
        if len(attempts.begun) > first + 1:
            break
    assert calls >= 4 and attempts.statuses()[first:] == [429, 200], attempts.statuses()
    announced, waited = attempts.announced(first), attempts.waited(first)
    assert announced - CLOCKS <= waited <= announced + LATE, (announced, waited)
    return f"call {calls} was told {announced:.3f} s, came back after {waited:.3f} s: 2 attempts"


def streams(api):
    client = api.client("sk-streams", Attempts())
    told, kinds = 0, []
    for kind, tokens in api.streams(client):
        told += tokens
        kinds.append(f"{kind}: {tokens} tokens")
        until(lambda: f"{kind}: told {told}, counted {used('streams')}", lambda: used("streams") == told)
    return ", ".join(kinds)


def day(api):
    client = api.client("sk-day", attempts := Attempts())
    for calls in range(1, 4):
        first = len(attempts.begun)
        try:
            api.call(client, 400)
        except api.sdk.RateLimitError as error:
            spent = error
            break
    assert calls == 3 and attempts.statuses() == [200, 200, 429], attempts.statuses()
    assert "day's quota is used up" in str(spent), spent
    assert spent.response.headers["x-should-retry"] == "false"
    assert api.code(spent) == api.codes["quota"], api.code(spent)
    return f"call {calls}: {len(attempts.begun) - first} attempt, RateLimitError ({api.code(spent)})"


def upgrade_by_api(api):
    """A rival takes what becomes free before each attempt, so that no next try passes but under the larger plan."""
    client = api.client("sk-single", attempts := Attempts())
    attempts.before = lambda: rival("sk-single")

    def denied():
        if attempts.statuses() == [429, 429]:
            admin("PUT", "/keys/single/plan", {"plan": "large"})

    attempts.denied = denied
    api.call(client)
    assert attempts.statuses() == [429, 429, 200], attempts.statuses()
    return "denied twice, upgraded by the admin API while it waited, passed at the next try"


def upgrade_by_file(api):
    client = api.client("sk-slow", attempts := Attempts(), max_retries=0)
    api.call(client)
    error = raised(api.sdk.RateLimitError, lambda: api.call(client))
    announced = attempts.announced(1)
    assert announced > 60 and "Please try again in" in str(error), (announced, error)
    with open(CONFIG) as file:
        text = file.read()
    with open(CONFIG + ".next", "w") as file:
        file.write(text.replace('plan = "slow"', 'plan = "large"'))
    os.replace(CONFIG + ".next", CONFIG)
    until(lambda: "no reload", lambda: admin("GET", "/keys/slow")["plan"]["configured"] == "large")
    api.call(client)
    waited = attempts.waited(1)
    assert attempts.statuses() == [200, 429, 200] and waited < announced, (attempts.statuses(), waited)
    return f"told {announced:.0f} s, upgraded by the file, passed after {waited:.1f} s"


def errors(api):
    told = []

    def check(kind, status, code, words, key, call):
        client = api.client(key, attempts := Attempts(), max_retries=0 if status >= 500 else 2)
        error = raised(kind, lambda: call(client))
        assert attempts.statuses() == [status] == [error.status_code], (attempts.statuses(), error)
        assert words in str(error) and api.code(error) == api.codes[code], (api.code(error), error)
        told.append(f"{status} {type(error).__name__}")

    def long(client):
        api.call(client, words=40_000)

    def never(client):
        api.call(client, 2_000)

    sdk = api.sdk
    check(sdk.AuthenticationError, 401, "stranger", "API key is not valid", "sk-nobody", api.call)
    check(sdk.APIStatusError, 413, "long", "longer than 65536 bytes", "sk-streams", long)
    check(sdk.RateLimitError, 429, "quota", "Ask for less", "sk-day", never)
    check(sdk.InternalServerError, 502, "lost", "upstream", "sk-streams", api.lost)
    return ", ".join(told)


def main():
    api = {"openai": OpenAi, "anthropic": Anthropic}[sys.argv[1]]()
    print(f"{sys.argv[1]} {api.sdk.__version__} on Python {platform.python_version()}")
    for check in (waits, streams, day, upgrade_by_api, upgrade_by_file, errors):
        print(f"{check.__name__}: {check(api)}", flush=True)


main()
