//! The charts, as SVG text.
//!
//! Axes and grid are drawn in placeholder colours that the page's style sheet replaces, so that one drawing suits
//! light, dark and print; legends are the page's own text, which wraps and scales as text does.

use crate::simulate::format::{count, seconds};
use crate::simulate::measures::{Bin, Tally};
use anyhow::anyhow;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

/// Colours of series, told apart by most eyes and on light and dark ground (Observable 10, reordered,
/// with olive for its grey, which is that of first attempts).
const SERIES: [RGBColor; 10] = [
    RGBColor(0x42, 0x69, 0xd0),
    RGBColor(0xff, 0x72, 0x5c),
    RGBColor(0xa4, 0x63, 0xf2),
    RGBColor(0xef, 0xb1, 0x18),
    RGBColor(0x3c, 0xa9, 0x51),
    RGBColor(0x9c, 0x6b, 0x4e),
    RGBColor(0xff, 0x8a, 0xb7),
    RGBColor(0x6c, 0xc5, 0xb0),
    RGBColor(0x97, 0xbb, 0xf5),
    RGBColor(0x9a, 0xa5, 0x1f),
];
/// What was admitted.
pub(super) const ADMITTED: RGBColor = RGBColor(0x4c, 0xa8, 0x7a);
/// What was denied.
pub(super) const DENIED: RGBColor = RGBColor(0xe4, 0x5f, 0x4f);
/// First attempts: the ground on which the populations' retries stand.
pub(super) const FIRST: RGBColor = RGBColor(0xb4, 0xb9, 0xc2);
/// Placeholders: the style sheet names the same values.
const AXIS: RGBColor = RGBColor(0x80, 0x80, 0x81);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xde);

/// The colour of the population at a place.
pub(super) fn colour(place: usize) -> RGBColor {
    SERIES[place % SERIES.len()]
}

/// A colour as style sheets write it.
pub(super) fn css(colour: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// A drawing's size. Small enough that its text stays readable when a phone shrinks it.
#[derive(Clone, Copy)]
pub(super) struct Size {
    width: u32,
    height: u32,
    labels: u32,
}

/// A chart by itself.
pub(super) const LARGE: Size = Size { width: 500, height: 290, labels: 13 };
/// A chart of many.
pub(super) const SMALL: Size = Size { width: 320, height: 170, labels: 11 };

/// One layer of a stack: what each interval adds to the layers below.
pub(super) struct Layer {
    /// Its colour.
    pub(super) colour: RGBColor,
    /// Attempts in each interval.
    pub(super) counts: Vec<u64>,
}

impl Layer {
    /// A layer of some count of a tally's intervals.
    pub(super) fn new(colour: RGBColor, tally: &Tally, count: fn(Bin) -> u64) -> Self {
        Self { colour, counts: tally.bins.iter().map(|bin| count(*bin)).collect() }
    }
}

/// Attempts a second over time, in layers from the bottom up.
pub(super) fn stack(label: &str, size: Size, layers: &[Layer], bin_seconds: f64) -> anyhow::Result<String> {
    let (unit, unit_seconds) = time_unit(bin_seconds * bins(layers) as f64);
    let tops = cumulative(layers, bin_seconds);
    let highest = tops.last().into_iter().flatten().copied().fold(0.0, f64::max).max(1e-9) * 1.06;
    let end = bin_seconds * bins(layers) as f64 / unit_seconds;
    draw(label, size, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin_top(10)
            .margin_right(14)
            .x_label_area_size(size.labels * 3)
            .y_label_area_size(size.labels * 5)
            .build_cartesian_2d(0.0..end, 0.0..highest)?;
        axes(&mut chart, size, (unit, &number), ("attempts / s", &number))?;
        // The highest first: each next one covers its own part.
        for (layer, tops) in layers.iter().zip(&tops).rev() {
            let points = steps(tops, bin_seconds / unit_seconds);
            chart.draw_series(AreaSeries::new(points, 0.0, layer.colour.filled()))?;
        }
        Ok(())
    })
}

/// A curve on a chart.
pub(super) struct Curve {
    /// Its colour.
    pub(super) colour: RGBColor,
    /// Its points, from left to right.
    pub(super) points: Vec<(f64, f64)>,
}

/// A large chart of curves before its axes: the room around it and for their labels.
fn curves_on<'a, 'b>(root: &'a Root<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(root);
    chart.margin_top(10).margin_right(18).x_label_area_size(40).y_label_area_size(56);
    chart
}

/// The share of calls served within a time, time on a logarithmic scale.
pub(super) fn served_within(label: &str, curves: &[Curve]) -> anyhow::Result<String> {
    let times = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.0);
    let from = times().fold(f64::MAX, f64::min).min(1.0) * 0.8;
    let to = times().fold(1.0, f64::max).max(from * 100.0) * 1.3;
    draw(label, LARGE, |root| {
        let mut chart = curves_on(root).build_cartesian_2d((from..to).log_scale(), 0.0..103.0)?;
        axes(
            &mut chart,
            LARGE,
            ("time to success (logarithmic)", &tick_seconds),
            ("calls served so far", &percent),
        )?;
        for curve in curves {
            let (mut points, mut last) = (Vec::new(), 0.0);
            for (time, share) in &curve.points {
                points.extend([(*time, last), (*time, *share)]);
                last = *share;
            }
            points.push((to, last));
            chart.draw_series(LineSeries::new(points, curve.colour.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// Lorenz curves, and the diagonal on which all clients have the same.
pub(super) fn lorenz(label: &str, curves: &[Curve]) -> anyhow::Result<String> {
    draw(label, LARGE, |root| {
        let mut chart = curves_on(root).build_cartesian_2d(0.0..100.0, 0.0..100.0)?;
        axes(
            &mut chart,
            LARGE,
            ("clients, from the worst served to the best", &percent),
            ("their share of successes", &percent),
        )?;
        chart.draw_series(LineSeries::new([(0.0, 0.0), (100.0, 100.0)], AXIS.stroke_width(1)))?;
        for curve in curves {
            let points = curve.points.iter().map(|(x, y)| (x * 100.0, y * 100.0));
            chart.draw_series(LineSeries::new(points, curve.colour.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// What an axis shows, and how its ticks are written.
type Axis<'a> = (&'a str, &'a dyn Fn(f64) -> String);

/// Draws axes and grid.
fn axes<X, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
    size: Size,
    (x_name, x_tick): Axis<'_>,
    (y_name, y_tick): Axis<'_>,
) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .x_labels(6)
        .y_labels(6)
        .label_style(("sans-serif", size.labels))
        .x_label_formatter(&|value| x_tick(*value))
        .y_label_formatter(&|value| y_tick(*value))
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()
}

type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type DrawError = DrawingAreaErrorKind<std::io::Error>;

fn draw(
    label: &str,
    size: Size,
    chart: impl FnOnce(&Root<'_>) -> Result<(), DrawError>,
) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        chart(&root)
            .and_then(|()| root.present())
            .map_err(|error| anyhow!("the chart “{label}”: {error}"))?;
    }
    // The label is one of the page's own words, free of markup.
    Ok(svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1))
}

fn bins(layers: &[Layer]) -> usize {
    layers.first().map_or(0, |layer| layer.counts.len())
}

/// The upper edge of each layer, in attempts a second.
fn cumulative(layers: &[Layer], bin_seconds: f64) -> Vec<Vec<f64>> {
    let mut sum = vec![0_u64; bins(layers)];
    let top = |layer: &Layer| {
        for (sum, count) in sum.iter_mut().zip(&layer.counts) {
            *sum += count;
        }
        sum.iter().map(|sum| *sum as f64 / bin_seconds).collect()
    };
    layers.iter().map(top).collect()
}

/// A value for each interval as the corners of its steps.
fn steps(values: &[f64], width: f64) -> Vec<(f64, f64)> {
    let corner = |(bin, value): (usize, &f64)| {
        let from = bin as f64 * width;
        [(from, *value), (from + width, *value)]
    };
    values.iter().enumerate().flat_map(corner).collect()
}

/// The unit of a time axis of this length, and its seconds.
fn time_unit(seconds: f64) -> (&'static str, f64) {
    match seconds {
        _ if seconds <= 180.0 => ("time, seconds", 1.0),
        _ if seconds <= 3.0 * 3_600.0 => ("time, minutes", 60.0),
        _ if seconds <= 3.0 * 86_400.0 => ("time, hours", 3_600.0),
        _ => ("time, days", 86_400.0),
    }
}

fn percent(value: f64) -> String {
    format!("{value:.0}%")
}

fn number(value: f64) -> String {
    if value >= 1_000.0 { count(value as u64) } else { format!("{}", (value * 100.0).round() / 100.0) }
}

/// A tick of a logarithmic axis is a power of ten, or one of few digits.
fn tick_seconds(value: f64) -> String {
    match value {
        _ if value < 1.0 => format!("{:.0} ms", value * 1e3),
        _ if value < 10_000.0 => format!("{value:.0} s"),
        _ => seconds(value),
    }
}
