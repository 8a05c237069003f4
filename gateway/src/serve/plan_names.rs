//! Names of plans, as files of the gateway's give them.

use tidegate::Plan;
use tidegate_faults::{did_you_mean, excerpt};

/// Whether one of these plans has the name; what is wrong if none has.
pub(crate) fn check(name: &str, plans: &[Plan]) -> Result<(), String> {
    let known = || plans.iter().map(Plan::name);
    if known().any(|known| known == name) {
        return Ok(());
    }
    let names: Vec<_> = known().map(|name| format!("`{name}`")).collect();
    let meant = did_you_mean(name, known());
    Err(format!("unknown plan `{}`, expected one of {}{meant}", excerpt(name), names.join(", ")))
}
