//! The report: the curve of all that was tried.

use super::search::Bracket;
use super::{Answer, Field, Found, Look, MOST_ROUNDS, Target};
use crate::simulate::report::curve::{self, Curve};
use crate::simulate::report::measure::words;

pub(super) fn render(
    found: &Found,
    field: &Field,
    target: &Target,
    bracket: Bracket,
    replications: u32,
) -> anyhow::Result<String> {
    let measure = words(&target.subject.measure);
    let is = format!("{} {}", target.direction(), measure.unit.value(target.bound));
    let of = target.subject.whose();
    let facts = [
        ("measure", format!("{} {of}", measure.name)),
        ("target", is.clone()),
        ("numbers tried", found.looks.len().to_string()),
        ("seed", found.seed.to_string()),
    ];
    let curve = Curve {
        parameter: field.name.clone(),
        of: of.clone(),
        points: found.looks.iter().map(|look| point(look, field)).collect(),
        target: Some(target.bound),
        bracket: bracket.met.zip(bracket.missed),
        measure,
    };
    let page = curve::Page {
        about: found.scenario.clone(),
        headline: conclusion(field, bracket, &format!("{} {of}, {is}", curve.measure.name)),
        facts: facts.map(|(name, value)| (name.into(), value)).into(),
        sections: vec![curve.section()?],
        note: format!(
            "The number was doubled until the target was missed, and then bisected. At each number there are {replications} replications, and as \
             many more, up to {MOST_ROUNDS} times, until the 95% interval lies on one side of the target; what stays undecided counts as \
             not met. All numbers share their random draws. That more makes it worse is taken for granted."
        ),
    };
    Ok(page.render())
}

fn point(look: &Look, field: &Field) -> curve::Point {
    curve::Point {
        value: label(look.number, field),
        at: Some(look.number),
        mean: look.mean,
        half_width: look.half_width,
        n: look.n,
        answer: Some(match look.answer {
            Answer::Met => curve::Answer::Met,
            Answer::Missed => curve::Answer::Missed,
            Answer::Undecided => curve::Answer::Undecided,
        }),
    }
}

/// A number as people read it.
fn label(number: f64, field: &Field) -> String {
    match field.unit.as_str() {
        "" if field.range.is_whole => crate::text::grouped(number as u64),
        _ => field.point(number).label,
    }
}

/// What was found, in a sentence or two.
fn conclusion(field: &Field, bracket: Bracket, target: &str) -> String {
    let name = &field.name;
    let label = |number| label(number, field);
    match (bracket.met.map(label), bracket.missed.map(label)) {
        (Some(met), Some(not)) => {
            format!("At most {met} `{name}`, for {target}. {not} do not meet that, or not surely.")
        }
        (Some(met), None) => format!("{met} `{name}`, the most that were tried, meet the target: {target}."),
        (None, _) => {
            format!("Not even the fewest `{name}` that were to be tried meet the target: {target}.")
        }
    }
}
