//! A measure over a parameter: means with their intervals, and a target.

use super::{BAND, LARGE, On, axes, between, chart_on, draw, stroke};
use crate::simulate::report::colours::{ADMITTED, AXIS, DENIED, OTHER};
use crate::simulate::report::curve::{Answer, Curve, Point};
use crate::simulate::report::measure::{Unit, number};
use maud::Markup;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

type DrawError = super::DrawError;

/// From this ratio of the largest value to the smallest on the parameter's scale is logarithmic.
const LOGARITHMIC: f64 = 30.0;

/// A point that has a place on the axis.
struct Placed<'a> {
    at: f64,
    point: &'a Point,
}

/// Draws those points of a curve that lie between two values of its parameter.
pub(in super::super) fn swept(curve: &Curve, (from, to): (f64, f64)) -> anyhow::Result<Markup> {
    let (factor, curve) = in_its_unit(curve);
    let curve = &curve;
    let mut placed: Vec<Placed<'_>> = curve
        .points
        .iter()
        .filter_map(|point| point.at.map(|at| Placed { at, point }))
        .filter(|placed| (from..=to).contains(&placed.at))
        .collect();
    placed.sort_by(|a, b| a.at.total_cmp(&b.at));
    let label = format!("{} by {}", curve.measure.name, curve.parameter);
    let ends = placed.first().zip(placed.last()).map_or((0.0, 1.0), |(first, last)| (first.at, last.at));
    let range = range(curve, &placed);
    draw(&label, LARGE, |root| {
        let mut chart = chart_on(root, LARGE);
        if ends.0 > 0.0 && ends.1 / ends.0 >= LOGARITHMIC {
            let x = (ends.0 / 1.15..ends.1 * 1.15).log_scale();
            let name = format!("{} (logarithmic)", curve.parameter);
            on(&mut chart.build_cartesian_2d(x, range.0..range.1)?, (curve, factor), &placed, &name, range)
        } else {
            let room = ((ends.1 - ends.0) * 0.05).max(ends.1.abs() * 0.002).max(1e-9);
            let x = ends.0 - room..ends.1 + room;
            on(
                &mut chart.build_cartesian_2d(x, range.0..range.1)?,
                (curve, factor),
                &placed,
                &curve.parameter,
                range,
            )
        }
    })
}

/// What the measure is multiplied with to be drawn, and the curve so.
fn in_its_unit(curve: &Curve) -> (f64, Curve) {
    let values = curve.points.iter().map(|point| point.mean).chain(curve.target);
    let factor = curve.measure.unit.on_an_axis(values.fold(0.0, |most, value| value.abs().max(most)));
    let mut curve = curve.clone();
    for point in &mut curve.points {
        point.mean *= factor;
        point.half_width *= factor;
    }
    curve.target = curve.target.map(|target| target * factor);
    (factor, curve)
}

fn on<X>(
    chart: &mut On<'_, '_, X, plotters::coord::types::RangedCoordf64>,
    (curve, factor): (&Curve, f64),
    placed: &[Placed<'_>],
    name: &str,
    range: (f64, f64),
) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let unit = curve.measure.unit;
    let tick = |value| unit.tick(value / factor, range.1.abs().max(range.0.abs()) / factor);
    axes(chart, LARGE, (name, &number), (&curve.measure.name, &tick))?;
    let (left, right) = {
        let range = chart.x_range();
        (range.start, range.end)
    };
    if let Some((from, to)) = curve.bracket {
        let (from, to) = (from.max(left), to.min(right));
        if from < to {
            chart.draw_series([Rectangle::new([(from, range.0), (to, range.1)], AXIS.mix(0.22).filled())])?;
        }
    }
    if let Some(target) = curve.target.filter(|target| (range.0..=range.1).contains(target)) {
        chart.draw_series([PathElement::new([(left, target), (right, target)], stroke(DENIED, 1.4))])?;
    }
    let ends = |point: &Point| (point.mean - point.half_width, point.mean + point.half_width);
    let cut = |(low, high): (f64, f64)| (low.max(range.0), high.min(range.1));
    let edges: Vec<_> = placed.iter().map(|Placed { at, point }| (*at, cut(ends(point)))).collect();
    chart.draw_series([between(&edges, ADMITTED, BAND * 0.8)])?;
    let means = placed.iter().map(|Placed { at, point }| (*at, point.mean));
    chart.draw_series(LineSeries::new(means, stroke(ADMITTED, 1.2)))?;
    for (Placed { at, point }, (_, (low, high))) in placed.iter().zip(edges) {
        chart.draw_series([PathElement::new([(*at, low), (*at, high)], stroke(colour_of(point), 1.8))])?;
        let (middle, radius) = ((*at, point.mean), LARGE.lines(0.28));
        match point.answer {
            Some(Answer::Missed) => {
                let mark = TriangleMarker::new(middle, radius * 5 / 4, colour_of(point).filled());
                chart.draw_series([mark])?;
            }
            Some(Answer::Undecided) => {
                chart.draw_series([Circle::new(middle, radius, stroke(colour_of(point), 1.6))])?;
            }
            Some(Answer::Met) | None => {
                chart.draw_series([Circle::new(middle, radius, colour_of(point).filled())])?;
            }
        }
    }
    Ok(())
}

/// The colour of what is made of a point.
pub(in super::super) fn colour_of(point: &Point) -> RGBColor {
    match point.answer {
        Some(Answer::Met) | None => ADMITTED,
        Some(Answer::Missed) => DENIED,
        Some(Answer::Undecided) => OTHER,
    }
}

/// The measure's axis: intervals and target, from 0 where that does not flatten the curve.
fn range(curve: &Curve, placed: &[Placed<'_>]) -> (f64, f64) {
    let points = || placed.iter().map(|placed| placed.point);
    let half = |point: &Point| if point.half_width.is_finite() { point.half_width } else { 0.0 };
    let lows = points().map(|point| point.mean - half(point)).chain(curve.target);
    let highs = points().map(|point| point.mean + half(point)).chain(curve.target);
    let (low, high) = (lows.fold(f64::MAX, f64::min), highs.fold(f64::MIN, f64::max));
    if low > high {
        return (0.0, 1.0);
    }
    let room = ((high - low) * 0.07).max(high.abs() * 1e-3).max(1e-9);
    let is_part = points().all(|point| point.mean >= 0.0);
    let bottom = if is_part && low < 0.4 * high { 0.0 } else { low - room };
    let top = high + room;
    (bottom, if curve.measure.unit == Unit::Share && high <= 1.0 { top.min(1.02) } else { top })
}
