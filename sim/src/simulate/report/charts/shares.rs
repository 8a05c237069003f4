//! Shares of calls by the time that they took, and of successes by clients.

use super::{BAND, LARGE, Size, axes, between, chart_on, draw, percent, stroke};
use crate::simulate::format::seconds;
use crate::simulate::report::bands::Series;
use crate::simulate::report::colours::{AXIS, OTHER};
use maud::Markup;
use plotters::prelude::*;

/// A curve of a Lorenz chart.
pub(in super::super) struct Curve {
    /// Its colour.
    pub(in super::super) colour: RGBColor,
    /// Its points, from left to right, as parts.
    pub(in super::super) points: Vec<(f64, f64)>,
}

/// What share of calls is served within each time.
pub(in super::super) struct Reach {
    /// Its colour.
    pub(in super::super) colour: RGBColor,
    /// The times, in seconds.
    pub(in super::super) times: Vec<f64>,
    /// The share at each, in per cent.
    pub(in super::super) shares: Series,
}

/// The share of calls served within a time, time on a logarithmic scale from the first of `times` to the last.
pub(in super::super) fn served_within(
    label: &str,
    size: Size,
    (from, to): (f64, f64),
    curves: &[Reach],
) -> anyhow::Result<Markup> {
    let (from, to) = (from * 0.8, to.max(from * 100.0) * 1.3);
    draw(label, size, |root| {
        let mut chart = chart_on(root, size).build_cartesian_2d((from..to).log_scale(), 0.0..103.0)?;
        let time = "time to success (logarithmic)";
        axes(&mut chart, size, (time, &tick_seconds), ("calls served so far", &percent))?;
        for curve in curves {
            let points = match &curve.shares.band {
                Some(band) => {
                    let edges = joined(&curve.times, band, (0.0, 0.0), to);
                    chart.draw_series([between(&edges, curve.colour, BAND)])?;
                    joined(&curve.times, &curve.shares.middle, 0.0, to)
                }
                None => stairs(&curve.times, &curve.shares.middle, 0.0, to),
            };
            chart.draw_series(LineSeries::new(points, stroke(curve.colour, width_of(curve.colour))))?;
        }
        Ok(())
    })
}

/// From each time on the value that it has, up to the end.
fn stairs<A: Copy>(times: &[f64], values: &[A], zero: A, end: f64) -> Vec<(f64, A)> {
    let (mut points, mut last) = (Vec::new(), zero);
    for (time, value) in times.iter().zip(values) {
        points.extend([(*time, last), (*time, *value)]);
        last = *value;
    }
    points.push((end, last));
    points
}

/// From the first time to the last in a line: these times are chosen, so that stairs would show the choice.
fn joined<A: Copy>(times: &[f64], values: &[A], zero: A, end: f64) -> Vec<(f64, A)> {
    let points = || times.iter().copied().zip(values.iter().copied());
    let first = points().next().map(|(time, _)| (time, zero));
    let last = points().next_back().map(|(_, value)| (end, value));
    first.into_iter().chain(points()).chain(last).collect()
}

/// Lorenz curves, and the diagonal on which all clients have the same.
pub(in super::super) fn lorenz(label: &str, curves: &[Curve]) -> anyhow::Result<Markup> {
    draw(label, LARGE, |root| {
        let mut chart = chart_on(root, LARGE).build_cartesian_2d(0.0..100.0, 0.0..100.0)?;
        axes(
            &mut chart,
            LARGE,
            ("clients, from the worst served to the best", &percent),
            ("their share of successes", &percent),
        )?;
        chart.draw_series(LineSeries::new([(0.0, 0.0), (100.0, 100.0)], stroke(AXIS, 1.0)))?;
        for curve in curves {
            let points = curve.points.iter().map(|(x, y)| (x * 100.0, y * 100.0));
            chart.draw_series(LineSeries::new(points, stroke(curve.colour, width_of(curve.colour))))?;
        }
        Ok(())
    })
}

/// What has no colour of its own stays in the background.
fn width_of(colour: RGBColor) -> f64 {
    if colour == OTHER { 1.0 } else { 2.0 }
}

/// A tick of a logarithmic axis is a power of ten, or one of few digits.
fn tick_seconds(value: f64) -> String {
    match value {
        _ if value < 0.000_999 => format!("{:.0} µs", value * 1e6),
        _ if value < 0.999 => format!("{:.0} ms", value * 1e3),
        _ if value < 10_000.0 => format!("{value:.0} s"),
        _ => seconds(value),
    }
}
