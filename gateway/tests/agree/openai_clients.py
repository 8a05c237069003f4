"""Clients of a scenario with OpenAI's SDK: `openai_clients.py GATEWAY PERIOD SECONDS KEY...`, a client for each key given.

Each calls once a period, from a random phase, whatever became of its earlier calls. Says which SDK it is, waits for a line on standard
input, runs for so many seconds, and prints what it counted as one JSON object.
"""

import asyncio
import json
import platform
import random
import sys
import time

import openai

GATEWAY, PERIOD, SECONDS, KEYS = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]

counts = dict.fromkeys(["calls", "attempts", "denied", "succeeded", "given_up", "retries"], 0)
counts |= {"round_trip_seconds": 0.0, "late_seconds": 0.0}
# When each call's attempt was sent, and until when it was told to wait: by the call's own header field.
sent, told = {}, {}


async def request(request):
    call = request.headers["x-call"]
    sent[call] = time.monotonic()
    if call in told:
        counts["retries"] += 1
        counts["late_seconds"] += sent[call] - told.pop(call)


async def response(response):
    call, now = response.request.headers["x-call"], time.monotonic()
    counts["attempts"] += 1
    counts["round_trip_seconds"] += now - sent[call]
    if response.status_code == 429:
        counts["denied"] += 1
        told[call] = now + float(response.headers["retry-after-ms"]) / 1e3


async def call(client, name):
    counts["calls"] += 1
    ask = [{"role": "user", "content": "two words"}]
    try:
        await client.chat.completions.create(
            model="mock", messages=ask, max_tokens=5, extra_headers={"x-call": name}
        )
        counts["succeeded"] += 1
    except openai.RateLimitError:
        counts["given_up"] += 1
    finally:
        sent.pop(name, None)
        told.pop(name, None)


async def pace(client, name, begun):
    loop = asyncio.get_running_loop()
    at, calls = begun + PERIOD * random.random(), []
    while True:
        await asyncio.sleep(at - loop.time())
        calls.append(begin(call(client, f"{name}-{len(calls)}")))
        at += PERIOD


async def main():
    http = openai.DefaultAsyncHttpxClient(event_hooks={"request": [request], "response": [response]})
    clients = [openai.AsyncOpenAI(base_url=GATEWAY, api_key=key, http_client=http) for key in KEYS]
    print(f"openai {openai.__version__} on Python {platform.python_version()}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    begun = asyncio.get_running_loop().time()
    tasks = []
    for name, client in enumerate(clients):
        tasks.append(begin(pace(client, name, begun)))
    await asyncio.sleep(begun + SECONDS - asyncio.get_running_loop().time())
    print(json.dumps(counts), flush=True)


def begin(work):
    task = asyncio.create_task(work)
    task.add_done_callback(ended)
    return task


def ended(task):
    """What goes wrong ends the run, rather than being counted as nothing."""
    if not task.cancelled() and task.exception():
        asyncio.get_running_loop().stop()
        raise task.exception()


asyncio.run(main())
