//! What says that a run is in the state that it is said to be in, in words and numbers.

use super::dynamics::{ConditionRow, DisturbanceRow, Shown, Shows, State, SwingRow};
use super::format::{percent, rate, seconds};
use super::summary::Row;
use serde::Serialize;

/// One thing that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Evidence {
    /// The state that it speaks for.
    pub(crate) state: State,
    /// Of whom: a population's name, or `total`.
    of: String,
    /// How many replications show it.
    shown_by: usize,
    /// What it is.
    pub(crate) text: String,
}

impl Evidence {
    /// Whether it is of this row.
    pub(crate) fn is_of(&self, row: &Row) -> bool {
        self.of == row.name
    }
}

const GRAVEST_FIRST: [State; 4] = [State::Metastable, State::Oscillating, State::Overloaded, State::Stable];

/// The gravest state that one replication in ten shows, of any population or of all together, and how many show it.
pub(crate) fn state(shows: &Shows) -> (State, usize) {
    let replications = shows.total.len();
    let by = |state: State| {
        let shown = |replication: usize| shows.subjects().any(|shown| shown[replication].shows(state));
        (0..replications).filter(|replication| shown(*replication)).count()
    };
    let enough = |(_, by): &(State, usize)| *by > 0 && by * 10 >= replications;
    let graver = GRAVEST_FIRST.into_iter().filter(|state| *state != State::Stable);
    graver.map(|state| (state, by(state))).find(enough).unwrap_or_else(|| {
        let calm =
            |replication: &usize| shows.subjects().all(|shown| shown[*replication].shows(State::Stable));
        (State::Stable, (0..replications).filter(calm).count())
    })
}

/// All there is, the gravest first; of a stable run, what says that nothing is wrong.
pub(crate) fn all(total: &Row, populations: &[Row], shows: &Shows) -> Vec<Evidence> {
    let rows = || std::iter::once(total).chain(populations).zip(shows.subjects());
    let of = |state: State| {
        rows().filter_map(move |(row, shown)| {
            let by = shown.iter().filter(|one| one.shows(state)).count();
            (by > 0).then(|| Evidence {
                state,
                of: row.name.clone(),
                shown_by: by,
                text: format!("{}: {}{}", row.name, text(state, row, total), among(by, shown)),
            })
        })
    };
    let mut all: Vec<Evidence> =
        GRAVEST_FIRST.into_iter().filter(|state| *state != State::Stable).flat_map(of).collect();
    if all.is_empty() {
        all.extend(of(State::Stable).take(1));
    }
    all
}

/// How many of several replications show it.
fn among(by: usize, shown: &[Shown]) -> String {
    match shown.len() {
        1 => String::new(),
        all => format!(" ({by} of {all} replications)"),
    }
}

fn text(state: State, row: &Row, total: &Row) -> String {
    match state {
        State::Overloaded => too_much(row, total),
        State::Oscillating => swings(row),
        State::Metastable => stuck(row, total),
        State::Stable => calm(row),
    }
}

fn too_much(row: &Row, total: &Row) -> String {
    let wanted = rate(row.course.wanted_per_second);
    let possible = rate(row.course.possible_per_second.unwrap_or_default());
    if row.name == total.name {
        return format!(
            "first attempts that the plans let through come at {wanted}/s; the backend can serve at most {possible}/s"
        );
    }
    format!("first attempts alone come at {wanted}/s; the limits of its keys admit at most {possible}/s")
}

fn swings(row: &Row) -> String {
    let oscillation = &row.course.oscillation;
    let clear = |swing: &&SwingRow| swing.shown_by > 0;
    let of = |what: &str, swing: &SwingRow| {
        format!(
            "{what} swing by {} to either side every {}, {} of their variance",
            percent(swing.amplitude),
            seconds(swing.period_seconds),
            percent(swing.share_of_variance)
        )
    };
    let both = [
        oscillation.attempts.as_ref().filter(clear).map(|swing| of("attempts", swing)),
        oscillation.goodput.as_ref().filter(clear).map(|swing| of("successes", swing)),
    ];
    let both: Vec<String> = both.into_iter().flatten().collect();
    format!("with the window of {} {}", seconds(row.course.window_seconds()), both.join("; "))
}

fn stuck(row: &Row, total: &Row) -> String {
    // What a population's plan admits says nothing of what the backend could serve.
    let possible = row.course.possible_per_second.filter(|_| row.name == total.name);
    let servable = match possible {
        Some(possible) => format!(
            "; first attempts alone need {} of what the backend can serve",
            percent(row.course.wanted_per_second / possible)
        ),
        None => String::new(),
    };
    let goodput = |condition: ConditionRow| rate(condition.goodput_per_second);
    let stuck = row.course.disturbances.iter().filter(|one| one.stuck > 0).max_by_key(|one| one.stuck);
    match (stuck.and_then(|one| Some((one, one.before?, one.after?))), row.course.at_last) {
        (Some((disturbance, before, after)), _) => format!(
            "{} after the end of “{}” goodput is {}/s where it was {}/s, and a call takes {:.2} attempts where it took {:.2}, with \
             first attempts at {}/s as before{servable}",
            seconds(disturbance.seen_seconds.unwrap_or_default()),
            disturbance.what,
            goodput(after),
            goodput(before),
            after.attempts_per_call,
            before.attempts_per_call,
            rate(after.calls_per_second),
        ),
        (None, Some(now)) => format!(
            "goodput is {}/s of {}/s of first attempts; retries, {:.2} attempts a call, keep the backend from \
             serving{servable}",
            goodput(now),
            rate(row.course.wanted_per_second),
            now.attempts_per_call,
        ),
        (None, None) => "it does not come right".into(),
    }
}

fn calm(row: &Row) -> String {
    if row.calls == 0 {
        return "nobody calls".into();
    }
    let mut text = format!(
        "{} of calls succeed, with {:.2} attempts each",
        percent(row.success_share),
        row.attempts_per_call
    );
    if let Some(possible) = row.course.possible_per_second {
        text += &format!(
            "; first attempts need {} of what is possible",
            percent(row.course.wanted_per_second / possible)
        );
    }
    text += "; nothing goes on swinging with a window";
    row.course.disturbances.iter().for_each(|disturbance| text += &settled(disturbance));
    text
}

fn settled(disturbance: &DisturbanceRow) -> String {
    let what = &disturbance.what;
    match (disturbance.settling_seconds, disturbance.seen_seconds) {
        (Some(0.0), None) => format!("; “{what}” leaves no trace"),
        (Some(time), None) => format!("; from “{what}” it has settled after {}", seconds(time)),
        (_, Some(seen)) => format!("; from “{what}” it has not settled after {}", seconds(seen)),
        (None, None) => format!("; of “{what}” too little is seen"),
    }
}
