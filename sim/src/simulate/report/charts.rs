//! The charts, as SVG.
//!
//! Axes and grid are drawn in placeholder colours that the page's style sheet replaces, so that one drawing suits
//! light, dark and print; legends are the page's own text, which wraps and scales as text does.

mod over_time;
mod shares;
mod swept;
mod whiskers;

pub(super) use over_time::{Counted, Layer, Line, OverTime, Time, highest};
pub(super) use shares::{Curve, Reach, lorenz, served_within};
pub(super) use swept::{colour_of, swept};
pub(super) use whiskers::{Of, Whisker, whiskers};

use super::colours::{AXIS, GRID};
use anyhow::anyhow;
use maud::{Markup, PreEscaped, html};
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

/// Coordinates are whole numbers: drawings are so many times as large as they are shown, or lines would have stairs.
const FINE: u32 = 4;

/// A drawing's size. Small enough that its text stays readable when a phone shrinks it.
#[derive(Clone, Copy)]
pub(super) struct Size {
    width: u32,
    height: u32,
    labels: u32,
}

/// A chart by itself.
pub(super) const LARGE: Size = Size { width: 460, height: 270, labels: 13 };
/// A chart of many.
pub(super) const SMALL: Size = Size { width: 320, height: 170, labels: 11 };

impl Size {
    /// So many labels' heights, in the drawing's units.
    fn lines(self, lines: f64) -> u32 {
        (f64::from(self.labels * FINE) * lines) as u32
    }

    /// The font of labels.
    fn font(self) -> (&'static str, u32) {
        ("sans-serif", self.labels * FINE)
    }
}

/// What an axis shows, and how its ticks are written.
type Axis<'a> = (&'a str, &'a dyn Fn(f64) -> String);
type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type DrawError = DrawingAreaErrorKind<std::io::Error>;
type On<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

/// A chart before its axes: the room around it and for their labels.
fn chart_on<'a, 'b>(root: &'a Root<'b>, size: Size) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(root);
    chart
        .margin_top(size.lines(0.8))
        .margin_right(size.lines(1.3))
        .x_label_area_size(size.lines(3.0))
        .y_label_area_size(size.lines(4.8));
    chart
}

/// Draws axes and grid.
fn axes<X, Y>(
    chart: &mut On<'_, '_, X, Y>,
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
        .bold_line_style(GRID.stroke_width(FINE))
        .axis_style(AXIS.stroke_width(FINE))
        .set_all_tick_mark_size(size.lines(0.3))
        .x_labels(6)
        .y_labels(6)
        .label_style(size.font())
        .x_label_formatter(&|value| x_tick(*value))
        .y_label_formatter(&|value| y_tick(*value))
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()
}

/// A line of so many parts of a pixel.
fn stroke(colour: RGBColor, pixels: f64) -> ShapeStyle {
    colour.stroke_width((pixels * f64::from(FINE)) as u32)
}

/// The area between two edges.
fn between(edges: &[(f64, (f64, f64))], colour: RGBColor, opacity: f64) -> Polygon<(f64, f64)> {
    let lower = edges.iter().map(|(x, (low, _))| (*x, *low));
    let upper = edges.iter().rev().map(|(x, (_, high))| (*x, *high));
    Polygon::new(lower.chain(upper).collect::<Vec<_>>(), colour.mix(opacity).filled())
}

/// The band around a line.
const BAND: f64 = 0.22;

/// A drawing, which is called so for who does not see it.
fn draw(
    label: &str,
    size: Size,
    chart: impl FnOnce(&Root<'_>) -> Result<(), DrawError>,
) -> anyhow::Result<Markup> {
    let (width, height) = (size.width * FINE, size.height * FINE);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        chart(&root)
            .and_then(|()| root.present())
            .map_err(|error| anyhow!("the chart “{label}”: {error}"))?;
    }
    // Within a page a drawing needs no name space, which looks like an address; its size is the style sheet's to say.
    let inner = svg.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>"));
    let inner = inner.map_or("", |(inner, _)| inner);
    Ok(
        html! { svg role="img" aria-label=(label) viewBox={ "0 0 " (width) " " (height) } { (PreEscaped(inner)) } },
    )
}

/// A text that is at most so many letters long.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn percent(value: f64) -> String {
    format!("{value:.0}%")
}
