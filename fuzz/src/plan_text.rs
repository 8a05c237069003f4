//! A plans file read once more, plainly: what it says of each plan that was accepted.

use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, Span, Unit};
use toml::{Table, Value};

/// Every plan is what the text says.
///
/// # Panics
///
/// If one is not.
pub fn assert_as_written(text: &str, plans: &[Plan]) {
    let file: Table = text.parse().expect("what was read as plans is TOML");
    let written = file["plans"].as_table().expect("a table of plans");
    for (name, table) in written {
        let plan = plans.iter().find(|plan| plan.name() == name).unwrap_or_else(|| panic!("no plan {name}"));
        let table = table.as_table().expect("a table for a plan");
        assert_eq!(plan.limits().count(), assert_limits(plan, table), "{name}");
        let slotted = table.get("slotted_hints").is_some_and(|slotted| slotted.as_bool() == Some(true));
        assert_eq!(plan.has_slotted_hints(), slotted, "{name}");
    }
}

/// How many limits a plan should have; each is compared.
fn assert_limits(plan: &Plan, table: &Table) -> usize {
    let mut count = 0;
    let mut same = |id: LimitId, expected: Limit| {
        count += 1;
        assert_eq!(plan.limit(id), Some(&expected), "{table}");
    };
    let burst = table.get("burst").map_or(Burst::DEFAULT, fraction);
    for (field, id, span) in [
        ("requests_per_minute", LimitId::RequestsWindow, Span::Window(Nanos::MINUTE)),
        ("tokens_per_minute", LimitId::TokensWindow, Span::Window(Nanos::MINUTE)),
        ("tokens_per_day", LimitId::TokensDay, Span::Day),
    ] {
        if let Some(amount) = table.get(field) {
            same(id, limit(id.unit(), whole(amount), span).with_burst(burst));
        }
    }
    let listed = table.get("limits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for entry in listed {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        let unit = if text("unit") == Some("tokens") { Unit::Tokens } else { Unit::Requests };
        let span = match text("window").expect("a limit has a window") {
            "day" => Span::Day,
            window => Span::Window(Nanos::new(time_span(window))),
        };
        let id = if span == Span::Day { LimitId::day(unit) } else { LimitId::window(unit) };
        let mode = if text("mode") == Some("shadow") { Mode::Shadow } else { Mode::Enforce };
        let expected = limit(unit, whole(&entry["amount"]), span)
            .with_burst(entry.get("burst").map_or(burst, fraction))
            .with_mode(mode);
        same(id, text("name").map_or(expected.clone(), |name| expected.with_name(name)));
    }
    count
}

fn limit(unit: Unit, amount: u64, span: Span) -> Limit {
    match span {
        Span::Window(window) => Limit::window(unit, amount, window),
        Span::Day => Limit::day(unit, amount),
    }
}

fn whole(value: &Value) -> u64 {
    value.as_integer().and_then(|number| number.try_into().ok()).expect("an amount is a whole number")
}

fn fraction(value: &Value) -> Burst {
    let number = value.as_float().or(value.as_integer().map(|whole| whole as f64));
    number.and_then(Burst::fraction).expect("a burst is a fraction in range")
}

/// `1h30m` in nanoseconds, of a text that was accepted: every number, digit by digit, times its unit.
fn time_span(text: &str) -> u64 {
    let mut sum = 0;
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches(' ');
        let number_ends = rest.find(|c: char| c.is_ascii_alphabetic()).expect("a unit");
        let unit_ends = rest[number_ends..].find(|c: char| !c.is_ascii_alphabetic());
        let unit_ends = unit_ends.map_or(rest.len(), |length| number_ends + length);
        let mut scale: u128 = match &rest[number_ends..unit_ends] {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            unit => panic!("`{unit}` is no unit"),
        };
        let (whole, decimals) = rest[..number_ends].split_once('.').unwrap_or((&rest[..number_ends], ""));
        sum += whole.parse::<u128>().expect("digits") * scale;
        for digit in decimals.chars() {
            let digit = u128::from(digit.to_digit(10).expect("a digit"));
            assert!(digit == 0 || scale.is_multiple_of(10), "parts of a nanosecond in {text}");
            scale /= 10;
            sum += digit * scale;
        }
        rest = &rest[unit_ends..];
    }
    sum.try_into().expect("at most 400 days")
}
