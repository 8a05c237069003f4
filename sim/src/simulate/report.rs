//! `report.html`: one file that needs no other.
//!
//! A page of a simulation, of a comparison, and of what was tried along a parameter. What they share knows of none of them:
//! charts, words for measures, colours, and the frame of a page.

mod bands;
mod charts;
mod colours;
mod comparison;
pub(crate) mod curve;
pub(crate) mod heat;
mod marks;
pub(crate) mod measure;
mod page;
mod reach;
mod simulation;

pub(crate) use comparison::{Comparison, Side, render as compare};
pub(crate) use simulation::render;
