"""M/M/1 with SimPy: prints the mean number in the system and how long the run took, in seconds."""
import random
import sys
import time

import simpy

customers = int(sys.argv[1])
draws = random.Random(1)
env = simpy.Environment()
server = simpy.Resource(env, capacity=1)
in_system, since, area = 0, 0.0, 0.0


def note(change):
    global in_system, since, area
    area += in_system * (env.now - since)
    since = env.now
    in_system += change


def customer():
    note(1)
    with server.request() as turn:
        yield turn
        yield env.timeout(draws.expovariate(1.0))
    note(-1)


def source():
    for _ in range(customers):
        yield env.timeout(draws.expovariate(0.8))
        env.process(customer())


env.process(source())
began = time.perf_counter()
env.run()
print(area / env.now, time.perf_counter() - began)
