use super::*;
use tidegate::LimitId;

fn refused(text: &str) -> String {
    PlanSet::parse("plans.toml", text).unwrap_err().to_string()
}

#[test]
fn a_file_adds_plans_and_may_define_a_built_in_one_anew() {
    let text = "[plans.free]\nrequests_per_minute = 5\n[plans.gold]\nrequests_per_minute = 7\n";
    let set = PlanSet::parse("plans.toml", text).unwrap();
    let amount = |name| {
        let plan = set.plan(set.find(name).unwrap());
        plan.limit(LimitId::RequestsWindow).map(|limit| limit.amount())
    };
    assert_eq!(set.len(), 4);
    assert_eq!((amount("free"), amount("pro"), amount("gold")), (Some(5), Some(1_000), Some(7)));
    assert_eq!(amount("enterprise"), None);
    let unknown = set.find("silver").unwrap_err().to_string();
    assert_eq!(unknown, "no plan is named `silver`; known are `free`, `pro`, `enterprise`, `gold`");
}

#[test]
fn errors_name_the_line_and_the_field() {
    assert_eq!(
        refused("[plans.p]\n\ntokens_per_day = 0\n"),
        "plans.toml, line 3, `plans.p.tokens_per_day`: invalid value: integer `0`, expected a whole number of at least 1"
    );
    assert_eq!(
        refused("[plans.a]\n[[plans.p.limits]]\nunit = \"tokens\"\namount = 1\nwindow = 60\n"),
        "plans.toml, line 5, `plans.p.limits.0.window`: invalid type: integer `60`, expected `day`, or a window \
         from 1 ms to 400 days such as `500ms`, `60s`, `15min`, `1h30m` or `7d`"
    );
    let missing = refused("[plans.a]\n[[plans.p.limits]]\nunit = \"tokens\"\namount = 1\n");
    assert_eq!(missing, "plans.toml, line 2, `plans.p.limits.0`: missing field `window`");
    // What only the whole plan shows is found after reading, and located all the same.
    let too_much = refused("[plans.p]\nburst = 0.1\nrequests_per_minute = 100_000_000\n");
    assert!(
        too_much.starts_with("plans.toml, line 3, `plans.p.requests_per_minute`: plan `p`:"),
        "{too_much}"
    );
    let twice = refused(
        "[plans.p]\nrequests_per_minute = 1\n[[plans.p.limits]]\nunit = \"requests\"\namount = 2\nwindow = \"1h\"\n",
    );
    assert!(
        twice.starts_with("plans.toml, line 3, `plans.p.limits.0`: plan `p`: `requests_per_hour`"),
        "{twice}"
    );
    assert!(refused("[plans.\"\"]\n").contains("must not be empty"));
}

#[test]
fn a_misspelt_field_is_answered_with_the_nearest_name() {
    let message = refused("[plans.p]\nrequest_per_minute = 5\n");
    assert!(
        message.starts_with("plans.toml, line 2, `plans.p.request_per_minute`: unknown field"),
        "{message}"
    );
    assert!(message.ends_with("did you mean `requests_per_minute`?"), "{message}");
    let message = refused("[plan.p]\nrequests_per_minute = 5\n");
    assert!(message.ends_with("did you mean `plans`?"), "{message}");
    assert!(!refused("[plans.p]\ncolour = 5\n").contains("did you mean"));
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let message = refused("[plans.p]\nburst = = 5\n");
    assert!(message.starts_with("plans.toml, line 2: "), "{message}");
    assert!(message.ends_with("in `burst = = 5`"), "{message}");
    let message = refused("[plans.p]\nburst = 1\nburst = 2\n");
    assert_eq!(message, "plans.toml, line 3: duplicate key in `burst = 2`");
    assert!(refused("").contains("missing field `plans`"));
}
