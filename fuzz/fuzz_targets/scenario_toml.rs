//! Scenario files: never a panic; what is wrong is told with the file's name and a line that it has; a sample of what is
//! accepted runs, is the same again, and comes to a table, a JSON object and a page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::assert_place;
use tidegate_sim::simulate::Scenario;

const NAME: &str = "scenario.toml";
const CLIENTS: u32 = 4;
const EVENTS: u64 = 200;

/// Numbers of an object that must add up.
fn assert_sums(json: &str) {
    let object: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let has_warm_up = object["scenario"]["warm_up_seconds"].as_f64() != Some(0.0);
    let rows = object["populations"].as_array().expect("populations");
    for row in rows.iter().chain([&object["total"]]) {
        let count = |name: &str| row[name].as_u64().unwrap_or_else(|| panic!("no count {name} in {row}"));
        assert_eq!(count("offered"), count("admitted") + count("denied") + count("blocked"), "{row}");
        let ended = count("succeeded") + count("given_up") + count("out_of_patience") + count("unfinished");
        assert_eq!(count("calls"), ended, "{row}");
        let (attempts, gone) =
            (count("calls") + count("retries"), count("turned_away") + count("failed") + count("timed_out"));
        if has_warm_up {
            // Calls that were under way at its end are counted, their attempts until then are not.
            assert!(count("offered") <= attempts, "{row}");
        } else {
            assert_eq!(count("offered") + count("held_back"), attempts, "{row}");
            assert!(gone <= count("admitted"), "{row}");
        }
    }
}

fuzz_target!(|text: &str| {
    match Scenario::parse(NAME, text) {
        Ok(scenario) => {
            let sample = scenario.sample(CLIENTS, EVENTS).expect("a sample has few calls");
            assert!(!sample.table.is_empty() && sample.page.ends_with("</html>"));
            assert_sums(&sample.json);
            let again = scenario.sample(CLIENTS, EVENTS).expect("a sample has few calls");
            assert_eq!(sample.json, again.json);
        }
        Err(error) => assert_place(&error.to_string(), NAME, text),
    }
});
