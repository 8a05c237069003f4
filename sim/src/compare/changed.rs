//! What was changed from one scenario to another, in words.

use crate::simulate::Scenario;
use tidegate::Plan;

/// Each change that has words, once; what has none is not told.
pub(super) fn changes(before: &Scenario, after: &Scenario) -> Vec<String> {
    let mut changes = Vec::new();
    for new in &after.populations {
        let Some(old) = before.populations.iter().find(|old| old.name == new.name) else {
            changes.push(format!("with `{}`", new.name));
            continue;
        };
        plans(&old.plan, &new.plan, &new.name, &mut changes);
        if old.clients != new.clients {
            changes.push(format!("{} clients of `{}` instead of {}", new.clients, new.name, old.clients));
        }
        if old.policy_name != new.policy_name {
            changes.push(format!(
                "`{}` retries by {} instead of {}",
                new.name, new.policy_name, old.policy_name
            ));
        }
    }
    let is_gone = |name: &str| after.populations.iter().all(|new| new.name != name);
    let gone = before.populations.iter().filter(|old| is_gone(&old.name));
    changes.extend(gone.map(|old| format!("without `{}`", old.name)));
    match (&before.guard, &after.guard) {
        (None, Some(_)) => changes.push("with a guard".into()),
        (Some(_), None) => changes.push("without a guard".into()),
        _ => {}
    }
    match (&before.backend, &after.backend) {
        (None, Some(_)) => changes.push("with a backend".into()),
        (Some(_), None) => changes.push("without a backend".into()),
        (Some(old), Some(new)) if old.servers != new.servers => {
            changes.push(format!("{} servers instead of {}", new.servers, old.servers));
        }
        _ => {}
    }
    let mut seen = Vec::new();
    changes.retain(|change| {
        !seen.contains(change) && {
            seen.push(change.clone());
            true
        }
    });
    changes
}

/// What two plans of a population differ in.
fn plans(old: &Plan, new: &Plan, population: &str, changes: &mut Vec<String>) {
    if old.name() != new.name() {
        changes.push(format!("`{population}` on `{}` instead of `{}`", new.name(), old.name()));
        return;
    }
    for (id, limit) in new.limits() {
        match old.limit(id) {
            Some(was) if was.amount() != limit.amount() => {
                let before = crate::text::grouped(was.amount());
                changes.push(format!("`{}` at {} instead of {before}", new.name(), per(limit)));
            }
            Some(was) if was.burst() != limit.burst() => {
                let (now, before) = (limit.burst().as_f64(), was.burst().as_f64());
                changes.push(format!("`{}` with a burst of {now} instead of {before}", new.name()));
            }
            Some(_) => {}
            None => changes.push(format!("`{}` with {}", new.name(), limit.name())),
        }
    }
    let gone = old.limits().filter(|(id, _)| new.limit(*id).is_none());
    changes.extend(gone.map(|(_, limit)| format!("`{}` without {}", old.name(), limit.name())));
    match (old.has_slotted_hints(), new.has_slotted_hints()) {
        (false, true) => changes.push(format!("`{}` with slotted hints", new.name())),
        (true, false) => changes.push(format!("`{}` without slotted hints", new.name())),
        _ => {}
    }
}

/// A limit as people say it: `30 requests/min`.
fn per(limit: &tidegate::Limit) -> String {
    let amount = crate::text::grouped(limit.amount());
    match limit.name().split_once("_per_") {
        Some((unit, "minute")) => format!("{amount} {unit}/min"),
        Some((unit, time)) => format!("{amount} {unit}/{time}"),
        None => format!("{amount} by {}", limit.name()),
    }
}
