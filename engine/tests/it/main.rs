//! The engine's behaviour through its public API.

/// The engine against the oracle, decision by decision.
mod agreement;
/// R14: keys that are forgotten, and keys without room.
mod forgotten;
/// R13: the guard under real clients, attackers and floods.
mod guard;
/// R11 and the IETF fields, byte for byte.
mod headers;
/// Random histories of calls, settles, plan changes and clock steps, and how they shrink and print.
mod history;
/// R15: input that no one should send.
mod hostile;
/// Histories that once failed, or that stand for a rule.
mod kept;
/// What operators are told.
mod observed;
/// The specification in code: a sequential model with a full log and exact fractions.
#[allow(dead_code, reason = "the search for orders and the fuzz targets use other parts of it")]
mod oracle;
/// R4: clients at an even pace.
mod pace;
/// R10s: places in line.
mod slotted;
/// Real threads against R1, R2 and R8.
mod stress;
mod turnover;
