//! The file of plans of keys' own: TOML, replaced as a whole.

use super::OwnPlan;
use crate::serve::plan_names;
use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use tidegate::Plan;
use tidegate::config::{PathPart, PlanConfig};
use tidegate_faults::{TomlError, TomlText};
use toml::{Table, Value};

const HEAD: &str = "# Plans of keys' own, as the admin API was told. Written by tidegate-gateway at each change, and read at its start.\n";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    keys: BTreeMap<String, RawOwnPlan>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOwnPlan {
    plan: Option<String>,
    limits: Option<PlanConfig>,
}

/// What a file holds; nothing if there is none yet.
pub(super) fn read(path: &Path, plans: &[Plan]) -> anyhow::Result<BTreeMap<String, OwnPlan>> {
    match path.try_exists() {
        Ok(false) => Ok(BTreeMap::new()),
        _ => Ok(parse(&path.display().to_string(), &tidegate_faults::read(path)?, plans)?),
    }
}

fn parse(file: &str, text: &str, plans: &[Plan]) -> Result<BTreeMap<String, OwnPlan>, TomlError> {
    let text_of = TomlText::new(file, text);
    let raw: RawFile = text_of.parse()?;
    // Once more as it stands, to be written again as it was given.
    let mut whole: Table = text_of.parse()?;
    let mut given = |key: &str| match whole.get_mut("keys")?.get_mut(key)?.as_table_mut()?.remove("limits")? {
        Value::Table(limits) => Some(limits),
        _ => None,
    };
    let own = raw.keys.into_iter().map(|(key, raw)| {
        let at = |field: &[PathPart], problem: String| {
            let path = [PathPart::Name("keys".into()), PathPart::Name(key.clone())];
            text_of.error_of(&[&path, field].concat(), problem)
        };
        let own = match raw {
            RawOwnPlan { plan: Some(plan), limits: None } => {
                let field = [PathPart::Name("plan".into())];
                plan_names::check(&plan, plans).map_err(|problem| at(&field, problem))?;
                OwnPlan::Named(plan)
            }
            RawOwnPlan { plan: None, limits: Some(limits) } => {
                limits.build(&key).map_err(|error| {
                    let field = error.path().into_iter().skip(2);
                    let field: Vec<_> = [PathPart::Name("limits".into())].into_iter().chain(field).collect();
                    at(&field, error.to_string())
                })?;
                OwnPlan::Limits { given: given(&key).unwrap_or_default(), limits }
            }
            _ => return Err(at(&[], "expected either `plan`, a name, or `limits`".into())),
        };
        Ok((key, own))
    });
    own.collect()
}

/// Puts a file of these plans into the place of the one before: whoever reads it, also after a crash, finds one or the other.
pub(super) fn write(path: &Path, plans: &BTreeMap<String, OwnPlan>) -> anyhow::Result<()> {
    let text = text(plans)?;
    let name = path.file_name().context("expected the name of a file")?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let next = folder.join(format!(".{}.new", name.to_string_lossy()));
    let written = write_and_sync(&next, &text).and_then(|()| std::fs::rename(&next, path));
    written.or_else(|error| {
        // What there is of it is of no use.
        let _ = std::fs::remove_file(&next);
        Err(error).context("it cannot be written")
    })?;
    sync(folder).context("its folder cannot be written")
}

fn text(plans: &BTreeMap<String, OwnPlan>) -> anyhow::Result<String> {
    let of = |own: &OwnPlan| match own {
        OwnPlan::Named(plan) => ("plan", Value::String(plan.clone())),
        OwnPlan::Limits { given, .. } => ("limits", Value::Table(given.clone())),
    };
    let table =
        |own| Value::Table(Table::from_iter([of(own)].map(|(field, value)| (field.to_owned(), value))));
    let keys: Table = plans.iter().map(|(key, own)| (key.clone(), table(own))).collect();
    let whole = Table::from_iter([("keys".to_owned(), Value::Table(keys))]);
    let text = format!("{HEAD}\n{}", toml::to_string(&whole)?);
    // Better that a change is refused now than the file at the next start.
    toml::from_str::<RawFile>(&text).context("what would be written could not be read again")?;
    Ok(text)
}

fn write_and_sync(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes sure that a name in a folder stays, where the system can be asked to.
fn sync(folder: &Path) -> std::io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => Ok(()),
        Err(error) if cfg!(windows) && error.kind() == ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<BTreeMap<String, OwnPlan>, String> {
        parse("plans.toml", text, &Plan::built_in()).map_err(|error| error.to_string())
    }

    const GOOD: &str = r#"
[keys."team/a b"]
plan = "pro"

[keys.team-b.limits]
requests_per_minute = 500
burst = 0.5

[[keys.team-b.limits.limits]]
unit = "tokens"
amount = 10
window = "1h30m"
mode = "shadow"
"#;

    #[test]
    fn what_is_written_is_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plans.toml");
        assert!(read(&path, &[]).unwrap().is_empty(), "none is written yet");
        let plans = parsed(GOOD).unwrap();
        for _ in 0..2 {
            write(&path, &plans).unwrap();
            let again = read(&path, &Plan::built_in()).unwrap();
            assert!(matches!(&again["team/a b"], OwnPlan::Named(plan) if plan == "pro"));
            let build = |plans: &BTreeMap<String, OwnPlan>| match &plans["team-b"] {
                OwnPlan::Limits { limits, .. } => limits.build("team-b").unwrap(),
                OwnPlan::Named(plan) => panic!("{plan}"),
            };
            assert_eq!((build(&again), again.len()), (build(&plans), 2));
            assert_eq!(build(&again).limits().count(), 2);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        write(&path, &BTreeMap::new()).unwrap();
        assert!(read(&path, &[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        for (from, to, expected) in [
            ("\"pro\"", "\"por\"", "line 3, `keys.team/a b.plan`: unknown plan `por`"),
            ("\"pro\"", "\"por\"", "did you mean `pro`?"),
            ("\"pro\"", "7", "line 3, `keys.team/a b.plan`: invalid type"),
            ("= 500", "= 0", "line 6, `keys.team-b.limits.requests_per_minute`"),
            ("burst", "brust", "did you mean `burst`?"),
            ("window = \"1h30m\"", "window = \"1\"", "`keys.team-b.limits.limits.0.window`"),
            ("plan = \"pro\"", "", "line 2, `keys.team/a b`: expected either `plan`"),
            ("[keys.team-b", "[kyes.team-b", "unknown field `kyes`"),
            (
                "\"tokens\"\namount = 10\nwindow = \"1h30m\"",
                "\"requests\"\namount = 10\nwindow = \"60s\"",
                "`keys.team-b.limits.limits.0`",
            ),
        ] {
            assert_ne!(GOOD.replacen(from, to, 1), GOOD);
            let error = parsed(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(error.starts_with("plans.toml, line ") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        // Its place is taken by a folder that is not empty: nothing can be renamed to it.
        let path = folder.path().join("plans.toml");
        std::fs::create_dir_all(path.join("within")).unwrap();
        let error = format!("{:#}", write(&path, &BTreeMap::new()).unwrap_err());
        assert!(error.starts_with("it cannot be written: "), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(write(&folder.path().join("no/such/folder"), &BTreeMap::new()).is_err());
    }
}
