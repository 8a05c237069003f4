//! The run as a graph: memory, latency beside the control, keys, errors.
//!
//! Axes and text are drawn in placeholder colours that a style sheet within the drawing replaces, so that it can be
//! read on light and on dark ground.

use super::sample::Sample;
use anyhow::anyhow;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

const WIDTH: u32 = 860;
const PANEL: u32 = 210;
const DECISION: RGBColor = RGBColor(0x42, 0x69, 0xd0);
const TAIL: RGBColor = RGBColor(0xff, 0x72, 0x5c);
const CONTROL: RGBColor = RGBColor(0x3c, 0xa9, 0x51);
const MEDIAN: RGBColor = RGBColor(0xa4, 0x63, 0xf2);
/// Placeholders: the style sheet names the same values.
const AXIS: RGBColor = RGBColor(0x80, 0x80, 0x81);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xde);

const STYLE: &str = r##"<style>
svg { background: #fff; }
svg text { fill: #39424e; font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg [stroke="#808081"] { stroke: #8a919c; }
svg [stroke="#DDDDDE"] { stroke: #e6e8ec; }
@media (prefers-color-scheme: dark) {
svg { background: #14171c; }
svg text { fill: #c3cad4; }
svg [stroke="#808081"] { stroke: #7c8694; }
svg [stroke="#DDDDDE"] { stroke: #2c323c; }
}
</style>"##;

type Panel<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type DrawError = DrawingAreaErrorKind<std::io::Error>;

/// A curve: its name, its colour, and what it shows of a sample.
type Curve = (&'static str, RGBColor, fn(&Sample) -> f64);

/// The whole graph, as SVG text.
pub(super) fn draw(samples: &[Sample]) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, 4 * PANEL)).into_drawing_area();
        panels(&root, samples)
            .and_then(|()| root.present())
            .map_err(|error| anyhow!("the graph: {error}"))?;
    }
    let label = "Resident size, latency, keys and errors over the run";
    let svg = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1);
    let body = svg.find('>').map_or(0, |end| end + 1);
    Ok(format!("{}\n{STYLE}{}", &svg[..body], &svg[body..]))
}

fn panels(root: &Panel<'_>, samples: &[Sample]) -> Result<(), DrawError> {
    let panels = root.split_evenly((4, 1));
    let mebibytes: Curve =
        ("resident size, MiB", DECISION, |sample| sample.resident_bytes as f64 / 1_048_576.0);
    let latency: [Curve; 4] = [
        ("control p99.9, ns", CONTROL, |sample| sample.control.p99_9 as f64),
        ("decision p99.9, ns", TAIL, |sample| sample.decisions.p99_9 as f64),
        ("p99", DECISION, |sample| sample.decisions.p99 as f64),
        ("p50", MEDIAN, |sample| sample.decisions.p50 as f64),
    ];
    let keys: [Curve; 2] = [
        ("keys known, millions", DECISION, |sample| sample.keys as f64 / 1e6),
        ("keys forgotten, millions", TAIL, |sample| sample.forgotten as f64 / 1e6),
    ];
    let errors: Curve = ("errors so far", TAIL, |sample| sample.errors.sum() as f64);
    let end = samples.last().map_or(1.0, |sample| sample.seconds) / 60.0;
    let highest = |curves: &[Curve]| {
        let values = curves.iter().flat_map(|curve| samples.iter().map(curve.2));
        values.fold(1.0, f64::max)
    };
    let lowest = |curves: &[Curve]| {
        let values = curves.iter().flat_map(|curve| samples.iter().map(curve.2));
        values.fold(f64::MAX, f64::min).max(1.0)
    };
    let linear = |curves: &[Curve]| 0.0..highest(curves) * 1.15;
    panel(&panels[0], samples, &[mebibytes], end, linear(&[mebibytes]), false)?;
    let range = (lowest(&latency) * 0.6..highest(&latency) * 2.5).log_scale();
    panel(&panels[1], samples, &latency, end, range, false)?;
    panel(&panels[2], samples, &keys, end, linear(&keys), false)?;
    panel(&panels[3], samples, &[errors], end, linear(&[errors]), true)
}

/// Curves over minutes, each named in its colour above the plot.
fn panel<Y>(
    area: &Panel<'_>,
    samples: &[Sample],
    curves: &[Curve],
    end: f64,
    range: Y,
    is_last: bool,
) -> Result<(), DrawError>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_top(26)
        .margin_right(18)
        .x_label_area_size(if is_last { 42 } else { 26 })
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .x_labels(8)
        .y_labels(5)
        .label_style(("sans-serif", 13))
        .x_label_formatter(&|minutes| format!("{minutes}"))
        .y_label_formatter(&|value| number(*value))
        .x_desc(if is_last { "minutes by the wall" } else { "" })
        .draw()?;
    let mut at = 70;
    for (name, colour, figure) in curves {
        let points = samples.iter().map(|sample| (sample.seconds / 60.0, figure(sample)));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        area.draw(&Rectangle::new([(at, 9), (at + 11, 20)], colour.filled()))?;
        area.draw(&Text::new(*name, (at + 17, 8), ("sans-serif", 13)))?;
        at += 40 + 8 * name.len() as i32;
    }
    Ok(())
}

fn number(value: f64) -> String {
    match value {
        _ if value >= 1e6 => format!("{:.1} M", value / 1e6),
        _ if value >= 1e4 => format!("{:.0} k", value / 1e3),
        _ => format!("{}", (value * 100.0).round() / 100.0),
    }
}
