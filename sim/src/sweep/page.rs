//! The report of a sweep: a curve for each measure, or a table of two fields.

use super::{Outcome, Swept};
use crate::simulate::report::curve::{self, Curve};
use crate::simulate::report::heat::{Cell, Heat};
use crate::simulate::report::measure::{Words, words};
use crate::subject::Subject;
use crate::vary::quantity;

/// The whole page as text.
pub(super) fn render(swept: &Swept, subjects: &[Subject]) -> anyhow::Result<String> {
    let mut sections = Vec::new();
    for subject in subjects {
        sections.push(match swept.fields.as_slice() {
            [field] => curve(swept, &field.field, subject).section()?,
            _ => heat(swept, subject).section(&subject.whose()),
        });
    }
    let fields = swept.fields.iter().map(|field| {
        let own = field.own.as_ref().map_or(String::new(), |own| format!(" ({own} in the scenario)"));
        (format!("{}{own}", field.field), format!("{} values", field.values.len()))
    });
    let facts = [
        ("replications of each".to_owned(), swept.replications.to_string()),
        ("seed of all".to_owned(), swept.seed.to_string()),
    ];
    let page = curve::Page {
        about: swept.scenario.clone(),
        headline: subjects.first().and_then(|subject| headline(swept, subject)).unwrap_or_else(|| {
            format!("Nothing to measure by {}.", swept.fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>().join(" and "))
        }),
        facts: fields.chain(facts).collect(),
        sections,
        note: "All values ran on the same random numbers, so that neighbours differ by the value and not by luck. ± is half of the 95% \
               interval of the mean of the replications (Student’s t)."
            .into(),
    };
    Ok(page.render())
}

/// Where a measure is least, and where most.
fn headline(swept: &Swept, subject: &Subject) -> Option<String> {
    let Words { name, unit, .. } = words(&subject.measure);
    let mean = |point: &&Outcome| point.measures.get(&subject.measure).map(|estimate| estimate.mean);
    let measured = || swept.points.iter().filter(|point| mean(point).is_some());
    let least =
        measured().min_by(|a, b| mean(a).partial_cmp(&mean(b)).unwrap_or(std::cmp::Ordering::Equal))?;
    let most =
        measured().max_by(|a, b| mean(a).partial_cmp(&mean(b)).unwrap_or(std::cmp::Ordering::Equal))?;
    let told = |point: &Outcome| {
        let values =
            swept.fields.iter().zip(&point.values).map(|(field, value)| format!("`{}` {value}", field.field));
        let value = unit.value(mean(&point).unwrap_or_default());
        format!("{value} with {}", values.collect::<Vec<_>>().join(" and "))
    };
    Some(format!("{} {}: from {} to {}.", curve::capital(&name), subject.whose(), told(least), told(most)))
}

fn curve(swept: &Swept, field: &str, subject: &Subject) -> Curve {
    let unit = common_unit(swept);
    let point = |point: &Outcome| {
        let estimate = point.measures.get(&subject.measure)?;
        let value = point.values.first()?;
        Some(curve::Point {
            value: value.clone(),
            at: unit.as_ref().and_then(|_| quantity(value)).map(|(number, _)| number),
            mean: estimate.mean,
            half_width: estimate.half_width,
            n: estimate.n,
            answer: None,
        })
    };
    let in_unit =
        unit.as_ref().filter(|unit| !unit.is_empty()).map_or(String::new(), |unit| format!(", {unit}"));
    Curve {
        parameter: format!("{field}{in_unit}"),
        measure: words(&subject.measure),
        of: subject.whose(),
        points: swept.points.iter().filter_map(point).collect(),
        target: None,
        bracket: None,
    }
}

/// The unit of all values, if they are numbers of one: others have no place on one axis.
fn common_unit(swept: &Swept) -> Option<String> {
    let mut units = swept.points.iter().map(|point| Some(quantity(point.values.first()?)?.1.to_owned()));
    let first = units.next()??;
    units.all(|unit| unit.as_ref() == Some(&first)).then(|| first.trim_start_matches('/').to_owned())
}

fn heat(swept: &Swept, subject: &Subject) -> Heat {
    let axis = |place: usize| {
        let field = swept.fields.get(place);
        field.map_or_else(Default::default, |field| (field.field.clone(), field.values.clone()))
    };
    let (rows, columns) = (axis(0), axis(1));
    let cell = |point: &Outcome| {
        let estimate = point.measures.get(&subject.measure)?;
        Some(Cell { mean: estimate.mean, half_width: estimate.half_width })
    };
    let cells =
        swept.points.chunks(columns.1.len().max(1)).map(|row| row.iter().map(cell).collect()).collect();
    Heat { measure: words(&subject.measure), rows, columns, cells }
}
