//! What a change does, in plain words.

use super::changed::changes;
use crate::simulate::report::measure::{Unit, plus_minus, words};
use crate::simulate::{Difference, Differences, Scenario};

/// More changes than these are not told one by one.
const FEW: usize = 2;

/// What was changed, what that does to all together, and to whom it does most.
pub(super) fn headline(
    (before, after): (&Scenario, &Scenario),
    total: &Differences,
    backend: &Differences,
    populations: &[(&str, &Differences)],
) -> String {
    let effects = effects(total, backend);
    let does = match effects.split_last() {
        None => "no difference that is sure in calls served, retries or time".to_owned(),
        Some((one, [])) => one.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    };
    format!(
        "{}: {does}.{}",
        capital(&what(before, after)),
        most_of_all(total, populations).unwrap_or_default()
    )
}

/// The changes, or where there are none that have words, or many, the scenarios' names.
fn what(before: &Scenario, after: &Scenario) -> String {
    match changes(before, after) {
        few if (1..=FEW).contains(&few.len()) => few.join(" and "),
        _ if before.name != after.name => format!("`{}` instead of `{}`", after.name, before.name),
        _ => "the second instead of the first".to_owned(),
    }
}

/// What surely differs, of that which matters most.
fn effects(total: &Differences, backend: &Differences) -> Vec<String> {
    let sure = |measures: &Differences, field| measures.get(field).filter(|found| found.differs).cloned();
    let mut effects = Vec::new();
    if let Some(served) = sure(total, "success_share") {
        effects.push(amount(&served, "success_share", "calls served"));
    }
    if let Some(retries) = sure(total, "retries_per_call") {
        effects.push(amount(&retries, "retries_per_call", "retries a call"));
    }
    if let Some(loss) = sure(backend, "loss") {
        effects.push(amount(&loss, "loss", "calls turned away by the backend"));
    }
    if let Some(slowest) = sure(total, "seconds_to_success_p99") {
        let [after, before] = [slowest.after, slowest.before].map(|time| Unit::Seconds.value(time));
        // Where both read the same, the difference is not worth a word.
        if after != before {
            effects.push(format!("of those served, 99% within {after} instead of {before}"));
        }
    }
    effects
}

/// `18.6 points more calls served (± 0.2)`.
fn amount(difference: &Difference, field: &str, what: &str) -> String {
    let change = &difference.change;
    let (size, half_width) = words(field).unit.size_of_change(change.mean, change.half_width);
    let more = if change.mean > 0.0 { "more" } else { "fewer" };
    format!("{size} {more} {what} ({})", plus_minus(&half_width))
}

/// The population whose calls gain or lose most, if that is more than all together do.
fn most_of_all(total: &Differences, populations: &[(&str, &Differences)]) -> Option<String> {
    const MORE: f64 = 1.2;
    let served =
        |measures: &Differences| measures.get("success_share").filter(|found| found.differs).cloned();
    let of_each = populations.iter().filter_map(|(name, measures)| Some((*name, served(measures)?)));
    let size = |difference: &Difference| difference.change.mean.abs();
    let (name, most) = of_each.max_by(|(_, a), (_, b)| size(a).total_cmp(&size(b)))?;
    let all = total.get("success_share").map_or(0.0, size);
    (populations.len() > 1 && size(&most) > all * MORE).then(|| {
        let more = if most.change.mean > 0.0 { "gain" } else { "lose" };
        let (size, half_width) = Unit::Share.size_of_change(most.change.mean, most.change.half_width);
        format!(" `{name}` {more} most: {size} of calls served ({}).", plus_minus(&half_width))
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
