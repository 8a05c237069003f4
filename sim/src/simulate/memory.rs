//! Whether there is memory enough for a run: told before it begins, in place of a death halfway.
//!
//! What is known beforehand is counted: the engines, the clients, an event and a call for each that has its own, and the tallies. How
//! many calls come to wait is the run's result.

use super::abreast;
use super::calls::Calls;
use super::crowd::Crowd;
use super::grid::Grid;
use super::lookahead::lookahead;
use super::measures::Bin;
use super::run::Runs;
use super::scenario::{Population, Scenario};
use super::world::{Part, engine_capacity};
use std::fs;

/// Bytes of a tally's histograms, of as many times as there mostly are.
const HISTOGRAMS: u64 = 64 << 10;
/// Bytes of a pending event, in a list that is nearly full.
const EVENT: u64 = 17;

/// An error if a run on so many threads needs more memory than there is, as far as the system tells.
pub(crate) fn check(
    scenario: &Scenario,
    worlds: &[Vec<Part>],
    runs: Runs,
    threads: usize,
) -> anyhow::Result<()> {
    match available() {
        Some(available) => check_against(scenario, worlds, runs, threads, available),
        None => Ok(()),
    }
}

fn check_against(
    scenario: &Scenario,
    worlds: &[Vec<Part>],
    runs: Runs,
    threads: usize,
    available: u64,
) -> anyhow::Result<()> {
    let tallies =
        u64::from(runs.replications) * scenario.populations.len() as u64 * bytes_of_a_tally(scenario);
    anyhow::ensure!(
        tallies <= available,
        "the counts of {} replications of {} populations need some {} MiB of memory, and {} MiB are available: let there be fewer `--replications`",
        runs.replications,
        scenario.populations.len(),
        mebibytes(tallies),
        mebibytes(available)
    );
    let Some(largest) = worlds.iter().max_by_key(|parts| bytes_of(scenario, parts)) else { return Ok(()) };
    let at_once = (worlds.len() as u64 * u64::from(runs.replications)).min(threads as u64);
    let needed = bytes_of(scenario, largest).saturating_mul(at_once).saturating_add(tallies);
    anyhow::ensure!(
        needed <= available,
        "population `{}`: {} clients of it in one world, {at_once} at a time, need some {} MiB of memory, and {} MiB are available: let there be fewer \
         `clients`, or fewer `--threads`",
        name_of_most(scenario, largest),
        most_clients(largest),
        mebibytes(needed),
        mebibytes(available)
    );
    Ok(())
}

fn most_clients(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.clients.len()).max().unwrap_or(0)
}

/// The population of most clients in a world.
fn name_of_most<'a>(scenario: &'a Scenario, parts: &[Part]) -> &'a str {
    let most = parts.iter().max_by_key(|part| part.clients.len());
    most.map_or("", |part| &scenario.populations[part.population].name)
}

/// What a world takes up.
fn bytes_of(scenario: &Scenario, parts: &[Part]) -> u64 {
    let engine = engine_bytes(engine_capacity(scenario, parts)) * scenario.gateways.count() as u64;
    let of_part = |part: &Part| {
        let population: &Population = &scenario.populations[part.population];
        let of_client = Crowd::bytes_of_a_client(population)
            + if population.has_own_turns() { EVENT } else { 0 }
            + if population.is_closed() { Calls::bytes_of_a_call(scenario.backend.is_some()) } else { 0 };
        part.clients.len() as u64 * of_client + bytes_of_a_tally(scenario)
    };
    let on_their_way = lookahead(scenario).map_or(0, |_| abreast::BYTES);
    engine + parts.iter().map(of_part).sum::<u64>() + on_their_way
}

fn bytes_of_a_tally(scenario: &Scenario) -> u64 {
    HISTOGRAMS + (Grid::new(scenario).len() * size_of::<Bin>()) as u64
}

/// What the engine's documentation says of its records.
fn engine_bytes(capacity: usize) -> u64 {
    const FEW: usize = 65_536;
    capacity as u64 * if capacity < FEW { 256 } else { 159 }
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// What the system and the process's control group let it have. `None` where neither tells.
fn available() -> Option<u64> {
    [in_system(), in_group()].into_iter().flatten().min()
}

fn in_system() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes << 10)
}

/// The limit of the process's group, or of the one that it takes for the root. `max` is no limit.
fn in_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or("");
    let limit = |folder: &str| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{folder}/memory.max")).ok()?;
        text.trim().parse().ok()
    };
    [limit(own), limit("")].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::run::worlds;

    fn scenario(clients: u32, rest: &str) -> Scenario {
        let text = format!(
            r#"
            duration = "1h"
            [[population]]
            name = "few"
            plan = "free"
            clients = 10
            arrivals = {{ poisson = "1/min" }}
            retry = "none"
            [[population]]
            name = "many"
            plan = "free"
            clients = {clients}
            retry = "none"
            {rest}
            "#
        );
        Scenario::parse("memory.toml", &text).unwrap()
    }

    fn told(scenario: &Scenario, replications: u32, available: u64) -> Option<String> {
        let runs = Runs { seed: 0, first: 0, replications, threads: 2, is_quiet: true };
        let outcome = check_against(scenario, &worlds(scenario), runs, 2, available);
        outcome.err().map(|error| error.to_string())
    }

    const BUSY: &str = "arrivals = { paced = \"1/min\" }\n[backend]\nservers = 1";

    #[test]
    fn a_run_that_does_not_fit_names_who_needs_what_and_what_there_is() {
        let told = told(&scenario(10_000_000, BUSY), 1, 1 << 30).unwrap();
        assert!(
            told.starts_with(
                "population `many`: 10000000 clients of it in one world, 1 at a time, need some "
            ),
            "{told}"
        );
        assert!(told.contains("and 1024 MiB are available"), "{told}");
    }

    #[test]
    fn a_run_that_fits_is_not_refused() {
        assert_eq!(told(&scenario(10_000_000, BUSY), 1, 4 << 30), None);
        assert_eq!(told(&scenario(10_000_000, "arrivals = { paced = \"1/min\" }"), 1, 32 << 20), None);
        let idle = "arrivals = { poisson = \"0.001/h\" }\n[backend]\nservers = 1";
        assert_eq!(told(&scenario(10_000_000, idle), 1, 640 << 20), None);
    }

    #[test]
    fn worlds_that_run_at_the_same_time_count_each() {
        let one_key = scenario(1_000_000, "arrivals = { paced = \"1/min\" }\nclients_per_key = 1_000_000");
        assert_eq!(told(&one_key, 1, 176 << 20), None);
        assert!(told(&one_key, 2, 120 << 20).is_some_and(|told| told.contains("2 at a time")));
    }

    #[test]
    fn replications_need_memory_for_their_counts() {
        let told = told(&scenario(10, "arrivals = { paced = \"1/min\" }"), 100_000, 1 << 30).unwrap();
        assert!(told.starts_with("the counts of 100000 replications of 2 populations need some "), "{told}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_tells_what_there_is() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
