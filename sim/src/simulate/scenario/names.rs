//! What things may be called: names stand in tables, in charts, and on the command line.

use super::fault::{Fault, Resolved};
use toml::Spanned;

/// No name is longer: more would fit no table and no legend.
const LONGEST: usize = 100;

/// Of whom a measure may be asked for besides the populations.
const TAKEN: [&str; 2] = ["total", "backend"];

/// Whether a population may be called so.
pub(super) fn of_a_population(name: &Spanned<String>) -> Resolved<()> {
    fit(name)?;
    if TAKEN.contains(&name.get_ref().as_str()) {
        let problem = format!(
            "`{}` is what all together, or the backend, are called; expected another name",
            name.get_ref()
        );
        return Err(Fault::new(name.span(), problem));
    }
    Ok(())
}

/// Whether a name can be shown.
pub(super) fn fit(name: &Spanned<String>) -> Resolved<()> {
    let (text, length) = (name.get_ref(), name.get_ref().chars().count());
    if text.trim().is_empty() || length > LONGEST || text.chars().any(char::is_control) {
        let problem =
            format!("expected a name of 1 to {LONGEST} characters, of which none is a control character");
        return Err(Fault::new(name.span(), problem));
    }
    Ok(())
}
