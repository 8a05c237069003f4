//! Colours, and whose they are.
//!
//! No two things are told apart by red against green; lines differ by their dashes too, which the style sheet gives by colour.

use crate::simulate::summary::Row;
use plotters::style::RGBColor;

/// Colours of populations, told apart by most eyes and on light and dark ground (Observable 10, reordered, with olive for its
/// grey, which is that of first attempts). The style sheet dashes the lines of the second five.
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
/// All attempts. The style sheet makes it light on dark ground.
pub(super) const OFFERED: RGBColor = RGBColor(0x4d, 0x57, 0x66);
/// What was admitted; what is better.
pub(super) const ADMITTED: RGBColor = RGBColor(0x2f, 0x7f, 0xc1);
/// What was denied; what is worse.
pub(super) const DENIED: RGBColor = RGBColor(0xee, 0x8b, 0x3d);
/// Attempts after a call's first.
pub(super) const RETRIES: RGBColor = RGBColor(0xc0, 0x47, 0x9a);
/// Calls that had their answer.
pub(super) const SERVED: RGBColor = RGBColor(0x2b, 0x9e, 0x7c);
/// First attempts: the ground on which the populations' retries stand.
pub(super) const FIRST: RGBColor = RGBColor(0xb4, 0xb9, 0xc2);
/// Populations without a colour of their own; what nothing is sure of; how it was before.
pub(super) const OTHER: RGBColor = RGBColor(0x8d, 0x94, 0xa0);
/// Placeholders: the style sheet names the same values.
pub(super) const AXIS: RGBColor = RGBColor(0x80, 0x80, 0x81);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xde);

/// A colour as style sheets write it.
pub(super) fn css(colour: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// Which population has which colour.
#[derive(Clone, Debug)]
pub(super) struct Palette {
    colours: Vec<Option<RGBColor>>,
}

impl Palette {
    /// A colour for each; if there are more populations than colours, for those that are denied most.
    pub(super) fn new(rows: &[Row]) -> Self {
        let mut places: Vec<usize> = (0..rows.len()).collect();
        if rows.len() > SERIES.len() {
            places.sort_by_key(|place| std::cmp::Reverse((rows[*place].denied, rows[*place].offered)));
            places.truncate(SERIES.len() - 1);
            places.sort_unstable();
        }
        let mut colours = vec![None; rows.len()];
        for (place, colour) in places.into_iter().zip(SERIES) {
            colours[place] = Some(colour);
        }
        Self { colours }
    }

    /// The colour of the population at a place.
    pub(super) fn of(&self, place: usize) -> RGBColor {
        self.own(place).unwrap_or(OTHER)
    }

    /// The same, if it has one of its own.
    pub(super) fn own(&self, place: usize) -> Option<RGBColor> {
        self.colours.get(place).copied().flatten()
    }
}
