//! Means or changes with their intervals, a row each.

use super::{FINE, GRID, Size, chart_on, draw, shortened, stroke};
use crate::simulate::report::colours::{AXIS, DENIED};
use crate::simulate::report::measure::Unit;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A mean and its interval.
pub(in super::super) struct Whisker {
    /// Whose it is.
    pub(in super::super) name: String,
    /// How much.
    pub(in super::super) centre: f64,
    /// How far its interval goes on either side.
    pub(in super::super) half_width: f64,
    /// What is made of it.
    pub(in super::super) colour: RGBColor,
    /// Whether it is sure; what is not is drawn hollow.
    pub(in super::super) is_sure: bool,
}

/// What whiskers are of.
#[derive(Clone, Copy)]
pub(in super::super) enum Of {
    /// Changes: around the line of none.
    Changes,
    /// Values, and a target for them.
    Values(Option<f64>),
}

const LABELS: u32 = 11;
/// The height of a row, in labels.
const ROW: f64 = 1.9;
/// The most letters of a name.
const LETTERS: usize = 22;

/// Draws the rows from the top down.
pub(in super::super) fn whiskers(
    label: &str,
    of: Of,
    unit: Unit,
    rows: &[Whisker],
) -> anyhow::Result<Markup> {
    let height = ((rows.len() as f64 * ROW + 4.6) * f64::from(LABELS)) as u32;
    let size = Size { width: super::SMALL.width, height, labels: LABELS };
    let (low, high) = span(rows, of);
    let largest = low.abs().max(high.abs());
    let factor = unit.on_an_axis(largest);
    let (low, high) = (low * factor, high * factor);
    let letters = rows.iter().map(|row| row.name.chars().count().min(LETTERS)).max().unwrap_or_default();
    let is_points = unit == Unit::Share && matches!(of, Of::Changes);
    let tick = |value: f64| {
        let tick = unit.tick(value / factor, largest);
        if is_points { tick.replace('%', "") } else { tick }
    };
    let axis = match of {
        Of::Changes if is_points => "change, in points",
        Of::Changes => "change",
        Of::Values(_) => label,
    };
    let (bottom, line) = (rows.len() as f64, if let Of::Values(target) = of { target } else { Some(0.0) });
    let line = line.map(|at| at * factor);
    draw(label, size, |root| {
        let mut chart = chart_on(root, size)
            .y_label_area_size(size.lines(1.5 + letters as f64 * 0.47))
            .build_cartesian_2d(low..high, bottom..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(FINE))
            .axis_style(AXIS.stroke_width(FINE))
            .set_all_tick_mark_size(size.lines(0.3))
            .x_labels(5)
            .label_style(size.font())
            .x_label_formatter(&|value| tick(*value))
            .x_desc(axis)
            .draw()?;
        if let Some(at) = line {
            let colour = if matches!(of, Of::Changes) { AXIS } else { DENIED };
            chart.draw_series([PathElement::new([(at, 0.0), (at, bottom)], stroke(colour, 1.5))])?;
        }
        for (place, row) in rows.iter().enumerate() {
            let y = place as f64 + 0.5;
            let (centre, half_width) = (row.centre * factor, row.half_width * factor);
            let ends = [(centre - half_width, y), (centre + half_width, y)];
            chart.draw_series([PathElement::new(ends, stroke(row.colour, 2.5))])?;
            let style = if row.is_sure { row.colour.filled() } else { stroke(row.colour, 1.5) };
            chart.draw_series([Circle::new((centre, y), size.lines(0.38), style)])?;
            let (_, height) = chart.backend_coord(&(low, y));
            let left = chart.plotting_area().get_pixel_range().0.start - size.lines(0.8) as i32;
            let style = TextStyle::from(size.font().into_font())
                .pos(Pos::new(HPos::Right, VPos::Center))
                .color(&AXIS);
            root.draw(&Text::new(shortened(&row.name, LETTERS), (left, height), style))?;
        }
        Ok(())
    })
}

/// From the lowest to the highest with some room, and of changes with 0.
fn span(rows: &[Whisker], of: Of) -> (f64, f64) {
    let also = if let Of::Values(target) = of { target } else { Some(0.0) };
    let low = rows.iter().map(|row| row.centre - row.half_width).chain(also).fold(f64::MAX, f64::min);
    let high = rows.iter().map(|row| row.centre + row.half_width).chain(also).fold(f64::MIN, f64::max);
    match (high - low) * 0.08 {
        room if room > 0.0 => (low - room, high + room),
        _ if low > high => (-1.0, 1.0),
        _ => (low - 1.0, high + 1.0),
    }
}
