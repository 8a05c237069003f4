//! What a run comes to, in plain words.

use super::dynamics::{Shows, State};
use super::evidence::{self, Evidence};
use super::format::{percent, seconds};
use super::summary::{BackendRow, Row};
use serde::Serialize;
use std::fmt::Write as _;

/// A state, a headline, and their evidence.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// The gravest state that one in ten replications shows, of any population or of all together.
    pub(crate) state: State,
    /// How many replications show it.
    pub(crate) state_shown_by: usize,
    /// Of how many.
    pub(crate) state_of: usize,
    /// What says so, of every state that is shown, the gravest first.
    pub(crate) evidence: Vec<Evidence>,
    /// One sentence or two.
    pub(crate) headline: String,
    /// One sentence for each population that is throttled, the hardest hit first.
    pub(crate) throttled: Vec<String>,
    /// Where the retries come from.
    pub(crate) retries: String,
    /// The populations that are not throttled.
    pub(crate) unthrottled: Vec<String>,
    /// How the backend fares, if there is one.
    pub(crate) backend: Option<String>,
}

/// A population counts as throttled from this share of attempts denied: one call in a hundred.
const THROTTLED: f64 = 0.01;

/// A backend's losses are told from this share of calls turned away.
const LOSSES: f64 = 0.01;

/// Why a backend turns calls away, as far as it is known.
#[derive(Clone, Copy)]
enum Trouble {
    /// Kept from its work by what came of a trigger that is over, and not by what is asked of it.
    Retries,
    /// First attempts alone are more than it can serve.
    Load,
    /// An outage or a short queue: it does not work all of its time, and to call it overloaded would send people for more
    /// servers.
    Other,
}

impl Trouble {
    fn new(state: State, evidence: &[Evidence], total: &Row) -> Self {
        match state {
            State::Metastable => Self::Retries,
            _ if evidence.iter().any(|one| one.state == State::Overloaded && one.is_of(total)) => Self::Load,
            _ => Self::Other,
        }
    }

    /// What the backend does, of which it turning calls away is a part.
    fn told(self) -> &'static str {
        match self {
            Self::Retries => "is stuck in retries: it turns",
            Self::Load => "is overloaded: it turns",
            Self::Other => "turns",
        }
    }
}

impl Verdict {
    /// The verdict on these measures.
    pub(crate) fn new(total: &Row, populations: &[Row], backend: Option<&BackendRow>, shows: &Shows) -> Self {
        let (state, state_shown_by) = evidence::state(shows);
        let evidence = evidence::all(total, populations, shows);
        let trouble = Trouble::new(state, &evidence, total);
        let (mut throttled, unthrottled): (Vec<&Row>, Vec<&Row>) =
            populations.iter().partition(|row| row.denied_share() >= THROTTLED);
        throttled.sort_by(|a, b| b.lost_share().total_cmp(&a.lost_share()));
        Self {
            state,
            state_shown_by,
            state_of: shows.total.len(),
            headline: headline(
                total,
                populations.len(),
                &throttled,
                backend.map(|backend| (backend, trouble)),
            ),
            evidence,
            throttled: throttled.iter().map(|row| hit(row)).collect(),
            retries: retries(total, populations),
            unthrottled: unthrottled.iter().map(|row| row.name.clone()).collect(),
            backend: backend.map(|backend| fares(backend, total)),
        }
    }
}

/// A measure of the backend as the page has it elsewhere: of several replications their mean, which differs from what all their counts
/// come to together.
fn shown(backend: &BackendRow, measure: &str, of_all: f64) -> f64 {
    backend.intervals.get(measure).map_or(of_all, |estimate| estimate.mean)
}

/// How the backend fares.
fn fares(backend: &BackendRow, total: &Row) -> String {
    let works = shown(backend, "utilisation", backend.utilisation);
    let mut text = format!("The backend works {} of its time", percent(works));
    if backend.wasted_share > 0.0 {
        let wasted = shown(backend, "wasted_share", backend.wasted_share);
        let _ = write!(text, ", {} of that for nobody", percent(wasted));
    }
    if let Some(p99) = backend.service.sojourn_p99 {
        let _ = write!(text, "; 99% of the calls that it serves take at most {} there", seconds(p99));
    }
    if backend.loss > 0.0 {
        let loss = shown(backend, "loss", backend.loss);
        let _ = write!(text, "; it turns away {} of those that come", percent(loss));
    }
    for (count, what) in [(total.failed, "fail"), (total.timed_out, "are waited for too long")] {
        if count > 0 {
            let _ = write!(text, "; {} {what}", percent(count as f64 / total.admitted.max(1) as f64));
        }
    }
    text + "."
}

fn headline(
    total: &Row,
    populations: usize,
    throttled: &[&Row],
    backend: Option<(&BackendRow, Trouble)>,
) -> String {
    let who = match throttled.len() {
        0 => "Nobody is throttled".to_owned(),
        count if count == populations && count == 1 => "The population is throttled".to_owned(),
        2 if populations == 2 => "Both populations are throttled".to_owned(),
        count if count == populations => format!("All {count} populations are throttled"),
        1 => format!("1 of {populations} populations is throttled"),
        count => format!("{count} of {populations} populations are throttled"),
    };
    let most = match total.main_limit() {
        Some((limit, 1.0)) if !throttled.is_empty() => format!(", all by {limit}"),
        Some((limit, share)) if !throttled.is_empty() => {
            format!(", mostly by {limit} ({} of denials)", percent(share))
        }
        _ => String::new(),
    };
    let losses = match backend {
        Some((backend, trouble)) if backend.loss >= LOSSES => {
            let but = if throttled.is_empty() { ", but" } else { ", and" };
            format!(
                "{but} the backend {} away {} of the calls that reach it",
                trouble.told(),
                percent(shown(backend, "loss", backend.loss))
            )
        }
        _ => String::new(),
    };
    let load = match total.retries {
        0 => "No attempt is a retry".to_owned(),
        _ => format!("{} of all attempts are retries", percent(total.retry_share())),
    };
    let lost = match total.lost_share() {
        0.0 => "no call is given up".to_owned(),
        share => format!("{} of calls are given up", percent(share)),
    };
    format!("{who}{most}{losses}. {load}, and {lost}.")
}

/// What throttling does to a population.
fn hit(row: &Row) -> String {
    let by = match row.main_limit() {
        Some((limit, 1.0)) => format!("all by {limit}"),
        Some((limit, _)) => format!("most by {limit}"),
        None => "by a limit".to_owned(),
    };
    let denied = percent(row.denied_share());
    // No retry helps these, whatever their limit's load.
    let too_large = match row.never as f64 / row.denied.max(1) as f64 {
        0.0 => String::new(),
        1.0 => ": each asks for more at once than that ever admits".into(),
        share => format!(" ({} of these ask for more at once than it ever admits)", percent(share)),
    };
    let outcome = if row.lost_share() >= 0.001 {
        format!("{} of its calls are given up", percent(row.lost_share()))
    } else {
        "every call gets through in the end".to_owned()
    };
    let wait = row.seconds_to_success_p99.map_or("no call succeeds".to_owned(), |p99| {
        format!("of those that succeed, 99% take at most {}", seconds(p99))
    });
    let fairness = unfair(row).unwrap_or_default();
    format!(
        "{}: {denied} of its attempts are denied, {by}{too_large}; {outcome}; {wait}.{fairness}",
        row.name
    )
}

/// That a client gets less than half of its fair share, if so.
fn unfair(row: &Row) -> Option<String> {
    let least = row.fair_least.filter(|least| *least < 0.5)?;
    Some(format!(
        " Its shares are unequal: the worst served client gets {} of its fair share.",
        percent(least)
    ))
}

fn retries(total: &Row, populations: &[Row]) -> String {
    let Some(most) = populations.iter().max_by_key(|row| row.retries).filter(|row| row.retries > 0) else {
        return "There are no retries.".into();
    };
    if populations.len() == 1 {
        return format!("Retries: {:.2} a call.", total.retries_per_call);
    }
    format!(
        "Retries: {:.2} a call. {} of them come from {}, which makes {} of the calls.",
        total.retries_per_call,
        percent(most.retries as f64 / total.retries as f64),
        most.name,
        percent(most.calls as f64 / total.calls as f64),
    )
}
