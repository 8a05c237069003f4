use super::*;
use crate::nanos::Nanos;
use crate::unit::LimitId;

/// The plans of a text whose top is the table of plans.
fn plans(text: &str) -> Plans {
    toml::from_str(text).unwrap()
}

/// The message with which a value is refused as it is read.
fn misread(text: &str) -> String {
    toml::from_str::<Plans>(text).unwrap_err().message().to_owned()
}

/// The path and the message of a plan that reads well and cannot be made.
fn refused(text: &str) -> (String, String) {
    let error = plans(text).build().unwrap_err();
    let path: Vec<_> = error.path().iter().map(ToString::to_string).collect();
    (path.join("."), error.to_string())
}

#[test]
fn the_common_limits_have_fields_of_their_own() {
    let built = plans(
        "[gold]\nrequests_per_minute = 5_000\ntokens_per_minute = 50_000_000\ntokens_per_day = 7\nburst = 0.5\n[none]",
    )
    .build()
    .unwrap();
    let gold = &built[0];
    assert_eq!(gold.name(), "gold");
    assert_eq!(gold.limit(LimitId::RequestsWindow).unwrap().ceiling(), 7_500);
    assert_eq!(gold.limit(LimitId::TokensWindow).unwrap().ceiling(), 75_000_000);
    assert_eq!(gold.limit(LimitId::TokensDay).unwrap().ceiling(), 7);
    assert_eq!(built[1].limits().count(), 0);
}

#[test]
fn slotted_hints_are_an_option_of_the_plan() {
    let slotted = |text| plans(text).build().unwrap()[0].has_slotted_hints();
    assert!(slotted("[p]\nslotted_hints = true\nrequests_per_minute = 5"));
    assert!(!slotted("[p]\nslotted_hints = false") && !slotted("[p]"));
    assert_eq!(misread("[p]\nslotted_hints = 1"), "invalid type: integer `1`, expected a boolean");
}

#[test]
fn every_other_limit_stands_in_a_list() {
    let text = r#"
        [p]
        burst = 1
        [[p.limits]]
        unit = "tokens"
        amount = 10
        window = "1h"
        burst = 0.1
        mode = "shadow"
        name = "hourly tokens"
        [[p.limits]]
        unit = "requests"
        amount = 10
        window = "500ms"
        [[p.limits]]
        unit = "requests"
        amount = 100
        window = "day"
    "#;
    let built = plans(text).build().unwrap();
    let tokens = built[0].limit(LimitId::TokensWindow).unwrap();
    assert_eq!((tokens.ceiling(), tokens.mode(), &*tokens.name()), (11, Mode::Shadow, "hourly tokens"));
    let requests = built[0].limit(LimitId::RequestsWindow).unwrap();
    // The plan's burst holds where a limit gives none.
    assert_eq!((requests.ceiling(), &*requests.name()), (20, "requests_per_500ms"));
    assert_eq!(built[0].limit(LimitId::RequestsDay).unwrap().ceiling(), 100);
}

#[test]
fn windows_are_spans_of_time_or_the_day() {
    let span = |window: &str| {
        let text = format!("[[p.limits]]\nunit = \"tokens\"\namount = 1\nwindow = \"{window}\"");
        toml::from_str::<Plans>(&text).ok().map(|plans| plans.0["p"].limits[0].window)
    };
    assert_eq!(span("day"), Some(Span::Day));
    for (window, seconds) in [("1s", 1), ("15m", 900), ("15min", 900), ("1h30m", 5_400), ("400d", 34_560_000)]
    {
        assert_eq!(span(window), Some(Span::Window(Nanos::from_secs(seconds))), "{window}");
    }
    assert_eq!(span("1ms"), Some(Span::Window(Nanos::from_millis(1))));
    for window in ["", "60", "0s", "999us", "401d", "1y", "1day"] {
        assert_eq!(span(window), None, "{window}");
    }
}

#[test]
fn a_plan_and_a_limit_are_tables() {
    let plan = "expected a plan: a table with limits such as `requests_per_minute`";
    assert_eq!(misread("p = 3"), format!("invalid type: integer `3`, {plan}"));
    assert_eq!(misread("[[p]]"), format!("invalid type: sequence, {plan}"));
    let limit = "expected a limit: a table with `unit`, `amount` and `window`";
    assert_eq!(misread("[p]\nlimits = [3]"), format!("invalid type: integer `3`, {limit}"));
}

#[test]
fn a_value_that_is_nonsense_is_refused_as_it_is_read() {
    let amount = "expected a whole number of at least 1";
    assert_eq!(misread("[p]\ntokens_per_day = 0"), format!("invalid value: integer `0`, {amount}"));
    assert_eq!(misread("[p]\ntokens_per_day = -5"), format!("invalid value: integer `-5`, {amount}"));
    assert_eq!(misread("[p]\ntokens_per_day = 1.5"), format!("invalid type: floating point `1.5`, {amount}"));
    assert_eq!(misread("[p]\ntokens_per_day = \"1\""), format!("invalid type: string \"1\", {amount}"));
    let burst = "expected a fraction from 0 to 10 (20 % is written 0.20)";
    assert_eq!(misread("[p]\nburst = 20"), format!("invalid value: integer `20`, {burst}"));
    assert_eq!(misread("[p]\nburst = -0.1"), format!("invalid value: floating point `-0.1`, {burst}"));
    assert_eq!(misread("[p]\nburst = nan"), format!("invalid value: floating point `NaN`, {burst}"));
    let limit = |fields: &str| misread(&format!("[[p.limits]]\n{fields}"));
    assert_eq!(limit("unit = \"calls\""), "invalid value: string \"calls\", expected `requests` or `tokens`");
    assert_eq!(limit("mode = \"off\""), "invalid value: string \"off\", expected `enforce` or `shadow`");
    assert_eq!(
        limit("window = \"1y\""),
        "invalid value: string \"1y\", expected `day`, or a window from 1 ms to 400 days such as `500ms`, `60s`, \
         `15min`, `1h30m` or `7d`"
    );
    assert_eq!(limit("unit = \"tokens\"\namount = 1"), "missing field `window`");
    assert!(limit("units = 1").starts_with("unknown field `units`, expected one of `unit`"));
    assert!(misread("[p]\nrequest_per_minute = 1").starts_with("unknown field `request_per_minute`"));
}

#[test]
fn numbers_are_taken_as_a_format_gives_them() {
    use serde::de::IntoDeserializer;
    use serde::de::value::Error;
    // TOML has signed integers alone; JSON's are unsigned where they can be.
    let burst = |fraction| Ok(Some(Burst::fraction(fraction).unwrap()));
    let unsigned = |number: u64| field::burst(IntoDeserializer::<Error>::into_deserializer(number));
    let signed = |number: i64| field::burst(IntoDeserializer::<Error>::into_deserializer(number));
    let float = |number: f64| field::burst(IntoDeserializer::<Error>::into_deserializer(number));
    assert_eq!([0, 2, 10].map(unsigned), [0.0, 2.0, 10.0].map(burst));
    assert_eq!([0, 2, 10].map(signed), [0.0, 2.0, 10.0].map(burst));
    assert_eq!([0.0, 0.25, 10.0].map(float), [0.0, 0.25, 10.0].map(burst));
    let expected = "expected a fraction from 0 to 10 (20 % is written 0.20)";
    for (refused, found) in [
        (unsigned(11), "integer `11`"),
        (unsigned(u64::MAX), "integer `18446744073709551615`"),
        (signed(-1), "integer `-1`"),
        (float(10.1), "floating point `10.1`"),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), format!("invalid value: {found}, {expected}"));
    }
    let amount = |number: u64| Amount::deserialize(IntoDeserializer::<Error>::into_deserializer(number));
    assert_eq!([1, u64::MAX].map(|number| amount(number).unwrap().get()), [1, u64::MAX]);
    let zero = amount(0).unwrap_err().to_string();
    assert_eq!(zero, "invalid value: integer `0`, expected a whole number of at least 1");
    let status = |number: u64| {
        field::whole::<_, u16>(IntoDeserializer::<Error>::into_deserializer(number))
            .map_err(|error| error.to_string())
    };
    assert_eq!([0, 65_535].map(status), [Ok(0), Ok(65_535)]);
    let expected = "expected a whole number from 0 to 65535";
    assert_eq!(status(65_536), Err(format!("invalid value: integer `65536`, {expected}")));
}

#[test]
fn a_limit_is_enforced_unless_it_is_to_watch_alone() {
    let mode = |line: &str| {
        let text = format!("[[p.limits]]\nunit = \"tokens\"\namount = 1\nwindow = \"day\"\n{line}");
        plans(&text).build().unwrap()[0].limit(LimitId::TokensDay).unwrap().mode()
    };
    assert_eq!(["", "mode = \"enforce\""].map(mode), [Mode::Enforce; 2]);
    assert_eq!(mode("mode = \"shadow\""), Mode::Shadow);
}

#[test]
fn a_name_must_fit_into_a_header() {
    for name in ["\"\"", "' '", "'a\"b'", "'a\\b'", "\"a\\n\"", "\"a\\u001f\"", "\"a\\u007f\"", "\"Grüße\""]
    {
        let message = misread(&format!("[[p.limits]]\nname = {name}"));
        assert!(message.contains("expected a name of printable ASCII characters"), "{message}");
    }
    for name in ["a", "~", "per hour", " !#[]{}~"] {
        let text =
            format!("[[p.limits]]\nunit = \"tokens\"\namount = 1\nwindow = \"day\"\nname = \"{name}\"");
        assert_eq!(&*plans(&text).build().unwrap()[0].limits().next().unwrap().1.name(), name);
    }
}

#[test]
fn what_only_the_plan_can_judge_is_refused_with_the_path_of_its_field() {
    assert_eq!(
        refused("[p]\nrequests_per_minute = 100_000_000"),
        (
            "plans.p.requests_per_minute".into(),
            "plan `p`: `requests_per_minute` must be an amount from 1 to 15252014, found 100000000".into()
        )
    );
    let second =
        "[p]\nrequests_per_minute = 1\n[[p.limits]]\nunit = \"requests\"\namount = 2\nwindow = \"1h\"";
    let (path, message) = refused(second);
    assert_eq!(path, "plans.p.limits.0");
    assert!(message.starts_with("plan `p`: `requests_per_hour` is a second limit of its kind"), "{message}");
    let same = "[p]\nrequests_per_minute = 1\n[[p.limits]]\nunit = \"tokens\"\namount = 2\nwindow = \"1h\"\n\
                name = \"requests_per_minute\"";
    assert_eq!(refused(same).0, "plans.p.limits.0");
    assert_eq!(
        refused(same).1,
        "plan `p`: two limits are called `requests_per_minute`; answers could not tell which of them denied"
    );
    assert_eq!(refused("[\"\"]\nburst = 1"), ("plans.".into(), "a plan's `name` must not be empty".into()));
}
