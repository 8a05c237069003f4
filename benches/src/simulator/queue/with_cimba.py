"""M/M/1 with Cimba, its author's own example: prints the mean number in the system and how long the run took, in seconds.

The model is compiled in a first, short run. Its container tells how many wait; those that are served are 0.8 on average.
"""
import sys
import time

import cimba
from cimba import inputs

customers = int(sys.argv[1])


class MM1(cimba.Model):
    interarrival: cimba.Input[float] = inputs.dist.exponential(mean=1 / 0.8)
    service_time: cimba.Input[float] = inputs.dist.exponential(mean=1)
    queue: cimba.Container
    mean_queue: cimba.Output[float]

    @cimba.process
    def arrivals(self):
        while True:
            cimba.hold(self.interarrival.next())
            self.queue.put(1)

    @cimba.process
    def server(self):
        while True:
            self.queue.get(1)
            cimba.hold(self.service_time.next())

    @cimba.on_end
    def measure(self):
        self.mean_queue = self.queue.mean_level()


model = MM1()


def run(number):
    window = cimba.Window(warmup=0, duration=number / 0.8)
    return cimba.Experiment(model, replications=1, window=window, seed=1).run(workers=1)


run(1_000)
began = time.perf_counter()
results = run(customers)
took = time.perf_counter() - began
print(float(cimba.analysis.summary(results[model].mean_queue).mean[0]) + 0.8, took)
