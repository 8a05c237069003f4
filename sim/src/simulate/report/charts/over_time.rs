//! What happens over time, or is there: in layers upon each other, as lines with their bands, or both.

use super::{BAND, DrawError, FINE, On, Root, Size, axes, between, chart_on, draw, shortened, stroke};
use crate::simulate::measures::{Bin, Tally};
use crate::simulate::report::bands::Series;
use crate::simulate::report::colours::AXIS;
use crate::simulate::report::marks::Mark;
use crate::simulate::report::measure::number;
use crate::simulate::run::Outcome;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// The time axis that charts of a run share.
#[derive(Clone, Debug)]
pub(in super::super) struct Time {
    /// The length of an interval, in seconds.
    pub(in super::super) bin: f64,
    /// How many there are.
    pub(in super::super) bins: usize,
    /// What happens on the way.
    pub(in super::super) marks: Vec<Mark>,
}

impl Time {
    /// The time of a run.
    pub(in super::super) fn new(outcome: &Outcome, marks: Vec<Mark>) -> Self {
        Self { bin: outcome.bin.as_secs_f64(), bins: outcome.all.total.bins.len(), marks }
    }
}

/// One layer of a stack: what each interval adds to the layers below.
pub(in super::super) struct Layer {
    /// Its colour.
    pub(in super::super) colour: RGBColor,
    /// How many a second, or at a time, in each interval.
    pub(in super::super) rates: Vec<f64>,
}

impl Layer {
    /// A layer of some count of a tally that is the sum of so many runs.
    pub(in super::super) fn new(
        colour: RGBColor,
        tally: &Tally,
        count: fn(Bin) -> u64,
        seconds: f64,
    ) -> Self {
        Self { colour, rates: tally.bins.iter().map(|bin| count(*bin) as f64 / seconds).collect() }
    }
}

/// A line, with its band if it is the middle of many.
pub(in super::super) struct Line {
    /// Its colour.
    pub(in super::super) colour: RGBColor,
    /// How many a second, or at a time, in each interval.
    pub(in super::super) rates: Series,
}

/// What a chart counts.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Counted<'a> {
    /// What happens: so many a second.
    Events(&'a str),
    /// What is there: so many at a time.
    Present(&'a str),
}

impl Counted<'_> {
    /// The axis' name, and the number of seconds by which values up to this one are told.
    fn axis(self, highest: f64) -> (String, f64) {
        match self {
            Self::Events(name) => {
                let (per, rate) = rate_unit(highest);
                (format!("{name} / {per}"), rate)
            }
            Self::Present(name) => (name.to_owned(), 1.0),
        }
    }
}

/// A chart over time.
pub(in super::super) struct OverTime<'a> {
    /// What it is called for who does not see it.
    pub(in super::super) label: &'a str,
    /// How large it is.
    pub(in super::super) size: Size,
    /// What is counted.
    pub(in super::super) counted: Counted<'a>,
    /// Upon each other, from the bottom up.
    pub(in super::super) layers: &'a [Layer],
    /// On top of these, each by itself.
    pub(in super::super) lines: &'a [Line],
    /// The highest value for which there must be room.
    pub(in super::super) highest: f64,
}

/// The highest value of layers and lines.
pub(in super::super) fn highest(layers: &[Layer], lines: &[Line]) -> f64 {
    let tops = cumulative(layers).pop().unwrap_or_default();
    lines.iter().map(|line| line.rates.highest()).chain(tops).fold(0.0, f64::max)
}

impl OverTime<'_> {
    /// Draws it.
    pub(in super::super) fn draw(&self, time: &Time) -> anyhow::Result<Markup> {
        let (unit, unit_seconds) = time_unit(time.bin * time.bins as f64);
        let (counted, rate) = self.counted.axis(self.highest);
        let end = time.bin * time.bins as f64 / unit_seconds;
        let top = (self.highest * rate).max(1e-9) * 1.06;
        let labels = self.labels(&time.marks, end * unit_seconds);
        let rows = labels.iter().map(|label| label.row + 1).max().unwrap_or_default();
        draw(self.label, self.size, |root| {
            let mut chart = chart_on(root, self.size)
                .margin_top(self.size.lines(0.8 + rows as f64))
                .build_cartesian_2d(0.0..end, 0.0..top)?;
            axes(&mut chart, self.size, (unit, &number), (&counted, &number))?;
            let width = time.bin / unit_seconds;
            self.draw_layers(&mut chart, width, rate)?;
            draw_marks(&mut chart, &time.marks, unit_seconds, (end, top))?;
            self.draw_lines(&mut chart, width, rate)?;
            let area = chart.plotting_area().get_pixel_range();
            labels.iter().try_for_each(|label| self.draw_label(root, area.clone(), label, end * unit_seconds))
        })
    }

    fn draw_label(
        &self,
        root: &Root<'_>,
        (across, down): (Range<i32>, Range<i32>),
        label: &Label<'_>,
        end: f64,
    ) -> Result<(), DrawError> {
        let x = across.start + (label.mark.from / end * f64::from(across.end - across.start)) as i32;
        let y = down.start - self.size.lines(0.2 + label.row as f64) as i32;
        let font = TextStyle::from(self.size.font().into_font());
        let style = font.pos(Pos::new(label.side, VPos::Bottom)).color(&AXIS);
        root.draw(&Text::new(shortened(&label.mark.name, LETTERS), (x, y), style))
    }

    /// The marks that get a name above the plot, each where it meets no other.
    fn labels<'m>(&self, marks: &'m [Mark], end: f64) -> Vec<Label<'m>> {
        let mut labels: Vec<Label<'_>> = Vec::new();
        if self.size.width < super::LARGE.width {
            return labels;
        }
        // What room and margins leave, in pixels; a letter is half as wide as a label is high.
        let plot = f64::from(self.size.width) - f64::from(self.size.labels) * 6.1;
        for mark in marks {
            let at = mark.from / end * plot;
            let letters = mark.name.chars().count().min(LETTERS) as f64 + 1.5;
            let width = letters * f64::from(self.size.labels) * 0.5;
            let (side, span) = match at + width <= plot + f64::from(self.size.labels) {
                true => (HPos::Left, (at, at + width)),
                false => (HPos::Right, (at - width, at)),
            };
            let meets = |row: usize| {
                labels.iter().any(|other| other.row == row && other.span.0 < span.1 && span.0 < other.span.1)
            };
            if let Some(row) = (0..ROWS).find(|row| !meets(*row)) {
                labels.push(Label { mark, row, side, span });
            }
        }
        labels
    }

    fn draw_layers<X, Y>(&self, chart: &mut On<'_, '_, X, Y>, width: f64, rate: f64) -> Result<(), DrawError>
    where
        X: Ranged<ValueType = f64>,
        Y: Ranged<ValueType = f64>,
    {
        // The highest first: each next one covers its own part.
        for (layer, tops) in self.layers.iter().zip(cumulative(self.layers)).rev() {
            let points = steps(&tops, width, |value| value * rate);
            chart.draw_series(AreaSeries::new(points, 0.0, layer.colour.filled()))?;
        }
        Ok(())
    }

    fn draw_lines<X, Y>(&self, chart: &mut On<'_, '_, X, Y>, width: f64, rate: f64) -> Result<(), DrawError>
    where
        X: Ranged<ValueType = f64>,
        Y: Ranged<ValueType = f64>,
    {
        for Line { colour, rates } in self.lines {
            if let Some(band) = &rates.band {
                let edges = steps(band, width, |(low, high)| (low * rate, high * rate));
                chart.draw_series([between(&edges, *colour, BAND)])?;
            }
            let points = steps(&rates.middle, width, |value| value * rate);
            chart.draw_series(LineSeries::new(points, stroke(*colour, 1.6)))?;
        }
        Ok(())
    }
}

/// Rows for the names of marks, and the most letters of a name.
const ROWS: usize = 3;
const LETTERS: usize = 34;

/// The name of a mark above the plot.
struct Label<'a> {
    mark: &'a Mark,
    row: usize,
    /// On which side of the text the mark is.
    side: HPos,
    /// From and to, in pixels of the plot.
    span: (f64, f64),
}

/// What lasts as ground, what happens as a line from top to bottom.
fn draw_marks<X, Y>(
    chart: &mut On<'_, '_, X, Y>,
    marks: &[Mark],
    unit_seconds: f64,
    (end, top): (f64, f64),
) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    for mark in marks {
        let from = mark.from / unit_seconds;
        if let Some(to) = mark.to.map(|to| (to / unit_seconds).min(end)) {
            chart.draw_series([Rectangle::new([(from, 0.0), (to, top)], AXIS.mix(0.16).filled())])?;
        }
        if from > 0.0 {
            chart.draw_series([PathElement::new([(from, 0.0), (from, top)], AXIS.stroke_width(FINE))])?;
        }
    }
    Ok(())
}

/// The upper edge of each layer.
fn cumulative(layers: &[Layer]) -> Vec<Vec<f64>> {
    let mut sum = vec![0.0; layers.first().map_or(0, |layer| layer.rates.len())];
    let top = |layer: &Layer| {
        for (sum, rate) in sum.iter_mut().zip(&layer.rates) {
            *sum += rate;
        }
        sum.clone()
    };
    layers.iter().map(top).collect()
}

/// A value for each interval as the corners of its steps.
fn steps<A: Copy, B: Copy>(values: &[A], width: f64, show: impl Fn(A) -> B) -> Vec<(f64, B)> {
    let corner = |(bin, value): (usize, &A)| {
        let (from, value) = (bin as f64 * width, show(*value));
        [(from, value), (from + width, value)]
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

/// The unit that makes numbers of rates up to this one a second, and its seconds.
fn rate_unit(highest: f64) -> (&'static str, f64) {
    match highest {
        _ if highest >= 1.0 || highest == 0.0 => ("s", 1.0),
        _ if highest >= 1.0 / 60.0 => ("min", 60.0),
        _ if highest >= 1.0 / 3_600.0 => ("h", 3_600.0),
        _ => ("day", 86_400.0),
    }
}
