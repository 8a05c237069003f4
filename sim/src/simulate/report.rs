//! `report.html`: one file that needs no other.

mod charts;
mod page;

pub(crate) use page::render;
