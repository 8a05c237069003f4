"""Clients of a scenario with OpenAI's SDK: `openai_clients.py GATEWAY THINK SECONDS OTHER KEY...`, a client for each key but the first.

Each makes one call at a time, the first and the next after a time to think, which is exponential. Says which SDK it is, waits for a line
on standard input, runs for so many seconds, and prints what it counted as one JSON object.
"""

import asyncio
import json
import platform
import random
import sys
import time

import openai

GATEWAY, THINK, SECONDS = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
OTHER, *KEYS = sys.argv[4:]

counts = dict.fromkeys(["calls", "denied", "succeeded", "given_up"], 0)
# Of each attempt, from when it should have been sent to its answer.
seconds = []


class Call:
    """A call under way, which its requests name in a header field."""

    under_way = {}

    def __init__(self):
        counts["calls"] += 1
        self.name = str(counts["calls"])
        self.under_way[self.name] = self
        # When the next attempt should be sent.
        self.due = time.monotonic()

    def end(self):
        # What the SDK does with the last answer is a part of that attempt.
        seconds[self.at] += time.monotonic() - self.answered
        del self.under_way[self.name]


async def answered(response):
    call = Call.under_way[response.request.headers["x-call"]]
    call.answered = time.monotonic()
    call.at = len(seconds)
    seconds.append(call.answered - call.due)
    if response.status_code == 429:
        counts["denied"] += 1
        call.due = call.answered + float(response.headers["retry-after-ms"]) / 1e3


async def call(client):
    call = Call()
    ask = [{"role": "user", "content": "two words"}]
    try:
        named = {"x-call": call.name}
        await client.chat.completions.create(model="mock", messages=ask, max_tokens=5, extra_headers=named)
        counts["succeeded"] += 1
    except openai.RateLimitError:
        counts["given_up"] += 1
    call.end()


async def run(client):
    while True:
        await asyncio.sleep(random.expovariate(1 / THINK))
        await call(client)


async def main():
    http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [answered]})
    other, *clients = [openai.AsyncOpenAI(base_url=GATEWAY, api_key=key, http_client=http) for key in (OTHER, *KEYS)]
    # The SDK imports most of itself with its first call, which takes up to a second.
    await call(other)
    seconds.clear()
    counts.update(dict.fromkeys(counts, 0))
    print(f"openai {openai.__version__} on Python {platform.python_version()}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    tasks = [asyncio.create_task(run(client)) for client in clients]
    # What goes wrong ends the run, rather than being counted as nothing.
    ended, _ = await asyncio.wait(tasks, timeout=SECONDS, return_when=asyncio.FIRST_EXCEPTION)
    for task in ended:
        task.result()
    print(json.dumps(counts | {"seconds": seconds}), flush=True)


asyncio.run(main())
