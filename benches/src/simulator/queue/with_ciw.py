"""M/M/1 with Ciw: prints the mean number in the system and how long the run took, in seconds."""
import sys
import time

import ciw

customers = int(sys.argv[1])
network = ciw.create_network(
    arrival_distributions=[ciw.dists.Exponential(0.8)],
    service_distributions=[ciw.dists.Exponential(1.0)],
    number_of_servers=[1],
)
ciw.seed(1)
simulation = ciw.Simulation(network)
began = time.perf_counter()
simulation.simulate_until_max_customers(customers, method="Complete")
took = time.perf_counter() - began
records = simulation.get_all_records()
in_system = sum(record.exit_date - record.arrival_date for record in records)
print(in_system / max(record.exit_date for record in records), took)
