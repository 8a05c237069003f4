//! The contenders, one file each.

pub mod floor;
pub mod governor;
pub mod pingora;
pub mod throttlecrab;
pub mod tidegate;
