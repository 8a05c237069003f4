//! A scenario as its file has it: what it takes over from others, and what a command sets otherwise.

use super::files::Files;
use super::{Scenario, resolve};
use anyhow::{Context, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tidegate_faults::{TomlError, TomlText, did_you_mean, excerpt, nearest};
use toml::{Table, Value};

/// A scenario's fields, before they are checked.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Those of its own, of what it extends, and of what a command has set.
    table: Table,
    /// The files that they are from, the scenario's own first, with their texts.
    sources: Vec<(PathBuf, String)>,
    /// Whether the table is other than the first of the texts.
    is_changed: bool,
}

/// A field that a command sets: where it is, and what a number becomes there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// As it was named.
    pub(crate) name: String,
    path: Vec<String>,
}

impl Document {
    /// Reads a file, and those that it extends.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut sources: Vec<(PathBuf, String)> = Vec::new();
        let mut tables: Vec<Table> = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let text = match (tidegate_faults::read(&path), sources.last()) {
                (Ok(text), _) => text,
                (Err(error), None) => return Err(error),
                // Whoever names it has to mend it.
                (Err(error), Some((child, text))) => {
                    bail!(extends(child, text, excerpt(&format!("{error:#}"))))
                }
            };
            let named = path.display().to_string();
            let mut table: Table = TomlText::new(&named, &text).parse()?;
            next = match table.remove("extends") {
                Some(Value::String(parent)) => Some(beside(&path, &parent)),
                Some(_) => {
                    bail!(extends(&path, &text, "expected the name of a file, in quotes".into()))
                }
                None => None,
            };
            sources.push((path, text));
            tables.push(table);
            if let Some(parent) = &next
                && sources.iter().any(|(path, _)| is_same(path, parent))
            {
                let chain = sources.iter().map(|(path, _)| path).chain([parent]);
                let chain: Vec<_> = chain.map(|path| path.display().to_string()).collect();
                let (path, text) = &sources[sources.len() - 1];
                bail!(extends(path, text, format!("a cycle: {}", chain.join(" → "))));
            }
        }
        let is_changed = tables.len() > 1;
        if is_changed {
            tables.iter_mut().zip(&sources).for_each(|(table, (path, _))| place_files(table, path));
        }
        let table = tables.into_iter().rev().reduce(merged).unwrap_or_default();
        Ok(Self { table, sources, is_changed })
    }

    /// The scenario that its fields make.
    pub(crate) fn scenario(&self) -> Result<Scenario, TomlError> {
        let (path, text) = &self.sources[0];
        let file = path.display().to_string();
        if !self.is_changed {
            return Scenario::resolved(&file, text, Files::Beside(path.parent().unwrap_or(Path::new(""))));
        }
        let text = self.table.to_string();
        let text = TomlText::new(&file, &text);
        let scenario = text.parse().and_then(|raw| {
            // Every name of a file has been made one from here.
            resolve::scenario(raw, Files::Beside(Path::new(""))).map_err(|fault| fault.within(text))
        });
        scenario.map_err(|error| self.told_in_a_file(self.with_the_population_meant(error)))
    }

    /// An error about the merged text, told where one of its files has the field.
    fn told_in_a_file(&self, error: TomlError) -> TomlError {
        let parts: Vec<String> = error.field().split('.').map(str::to_owned).collect();
        let files: Vec<(String, Option<String>)> = self
            .sources
            .iter()
            .map(|(path, text)| (path.display().to_string(), self.as_called_in(text, &parts)))
            .collect();
        let texts = files
            .iter()
            .zip(&self.sources)
            .filter_map(|((file, field), (_, text))| Some((TomlText::new(file, text), field.clone()?)));
        error.within(texts.collect::<Vec<_>>())
    }

    /// A population of another name than one that is extended begins anew, and lacks what that has.
    fn with_the_population_meant(&self, error: TomlError) -> TomlError {
        let place = error.field().strip_prefix("population.").and_then(|place| place.parse().ok());
        let name = place.and_then(|place: usize| population_name(self.populations().get(place)?));
        match name {
            Some(name) if error.problem().starts_with("missing field") => {
                let others =
                    self.populations().iter().filter_map(population_name).filter(|other| *other != name);
                error.suggesting(name, others)
            }
            _ => error,
        }
    }

    /// The path of a field as a file has it: populations have their places there.
    fn as_called_in(&self, text: &str, parts: &[String]) -> Option<String> {
        let mut parts = parts.to_vec();
        if let [list, place, ..] = parts.as_mut_slice()
            && list == "population"
        {
            let name = population_name(self.populations().get(place.parse::<usize>().ok()?)?)?.to_owned();
            let table: Table = text.parse().ok()?;
            let there = table.get("population")?.as_array()?;
            *place = there.iter().position(|other| population_name(other) == Some(&*name))?.to_string();
        }
        Some(parts.join("."))
    }

    /// What may be a slip: a plan that nobody is on, with a name like that of one that somebody is on. It was meant to define that one, which is
    /// another now.
    pub(crate) fn notes(&self) -> Vec<String> {
        let lists = ["population", "event"].map(|list| self.table.get(list).and_then(Value::as_array));
        let named = lists.into_iter().flatten().flatten().filter_map(|one| one.get("plan")?.as_str());
        let used: BTreeSet<&str> = named.collect();
        let own = self.table.get("plans").and_then(Value::as_table).into_iter().flat_map(Table::keys);
        let file = self.sources[0].0.display();
        own.filter(|own| !used.contains(own.as_str()))
            .filter_map(|own| {
                let meant = nearest(own, used.iter().copied())?;
                Some(format!("{file}: nobody is on the plan `{own}`; did you mean `{meant}`?"))
            })
            .collect()
    }

    /// The files that it is made of: its own, those it extends, and the traces it names.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut table = self.table.clone();
        if !self.is_changed {
            place_files(&mut table, &self.sources[0].0);
        }
        let populations = table.get("population").and_then(Value::as_array);
        let traces = populations.into_iter().flatten().flat_map(|population| {
            FILES.map(|path| path.iter().try_fold(population, |value, name| value.get(*name)))
        });
        let traces = traces.flatten().filter_map(Value::as_str).map(PathBuf::from);
        self.sources.iter().map(|(path, _)| path.clone()).chain(traces).collect()
    }

    fn populations(&self) -> &[Value] {
        self.table.get("population").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The directory that its names of files are relative to, made part of them, and another value in a field. An error if
    /// there is no such place.
    pub(crate) fn with(&self, setting: &Setting, value: Value) -> anyhow::Result<Self> {
        self.has_the_place(setting)?;
        let mut changed = self.clone();
        if !changed.is_changed {
            place_files(&mut changed.table, &changed.sources[0].0);
            changed.is_changed = true;
        }
        let (last, path) = setting.path.split_last().context("an empty path names no field")?;
        let mut at = &mut changed.table;
        let mut rest = path;
        while let Some((name, next)) = rest.split_first() {
            let is_list = at.get(name).is_some_and(Value::is_array);
            let value = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
            let (value, next) = match (value, is_list) {
                (Value::Array(list), true) => {
                    let (place, next) = next.split_first().with_context(|| format!("`{name}` is a list"))?;
                    let place = place_in(list, name, place)?;
                    (&mut list[place], next)
                }
                (value, _) => (value, next),
            };
            at = value
                .as_table_mut()
                .with_context(|| format!("`{}`: `{name}` has no fields", setting.name))?;
            rest = next;
        }
        at.insert(last.clone(), value);
        Ok(changed)
    }

    /// Refuses a setting that would make a plan, a population or an event which the scenario does not have: nobody would be on that plan, and
    /// of a built-in one all other limits would be gone.
    fn has_the_place(&self, setting: &Setting) -> anyhow::Result<()> {
        let [list, name, fields @ ..] = setting.path.as_slice() else { return Ok(()) };
        let told = &setting.name;
        match (list.as_str(), self.table.get(list)) {
            ("plans", plans) => {
                let plans = plans.and_then(Value::as_table);
                let own = || plans.into_iter().flat_map(Table::keys).map(String::as_str);
                if !own().any(|own| own == name) {
                    let meant = did_you_mean(name, own());
                    bail!(
                        "`{told}`: the scenario defines no plan `{name}`: expected one with `[plans.{name}]` in it{meant}"
                    );
                }
            }
            ("population" | "event", None) => bail!("`{told}`: there is no {list} `{name}`"),
            ("population" | "event", Some(_)) if fields.is_empty() => {
                bail!(
                    "`{told}` is a whole {list}: expected a field of it, such as `{told}.{}`",
                    if list == "event" { "at" } else { "clients" }
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// A field by its path, such as `population.pro.clients` or `backend.servers`.
    pub(crate) fn setting(&self, name: &str) -> anyhow::Result<Setting> {
        let names: Vec<&str> = self.populations().iter().filter_map(population_name).collect();
        let path = split(name, &names);
        let [first, ..] = path.as_slice() else { bail!("an empty path names no field") };
        const FIRST: [&str; 8] =
            ["population", "backend", "plans", "guard", "gateways", "event", "duration", "warm_up"];
        if !FIRST.contains(&first.as_str()) {
            let meant = did_you_mean(first, FIRST);
            bail!("`{name}` names no field of a scenario: expected one of {} first{meant}", FIRST.join(", "));
        }
        Ok(Setting { name: name.to_owned(), path })
    }

    /// What stands in a field, if anything does.
    pub(crate) fn value(&self, setting: &Setting) -> Option<&Value> {
        let (first, rest) = setting.path.split_first()?;
        let mut value = self.table.get(first)?;
        let mut above = first;
        for name in rest {
            value = match value {
                Value::Table(table) => table.get(name)?,
                Value::Array(list) => list.get(place_in(list, above, name).ok()?)?,
                _ => return None,
            };
            above = name;
        }
        Some(value)
    }
}

/// The place of an element of a list: of a population by its name, of others by its number.
fn place_in(list: &[Value], of: &str, name: &str) -> anyhow::Result<usize> {
    let names = || list.iter().filter_map(population_name);
    if of == "population"
        && let Some(place) = names().position(|known| known == name)
    {
        return Ok(place);
    }
    let number = name.parse::<usize>().ok().filter(|place| *place < list.len());
    number.with_context(|| format!("there is no {of} `{name}`{}", did_you_mean(name, names())))
}

/// The parts of a path; a population's name may have dots and spaces in it.
fn split(path: &str, populations: &[&str]) -> Vec<String> {
    if let Some(rest) = path.strip_prefix("population.") {
        let rest = rest.trim();
        let named = populations
            .iter()
            .filter(|name| rest.strip_prefix(**name).is_some_and(|rest| rest.starts_with('.')))
            .max_by_key(|name| name.len());
        if let Some(name) = named {
            let fields = rest[name.len() + 1..].split('.').map(|part| part.trim().to_owned());
            return ["population".into(), (*name).to_owned()].into_iter().chain(fields).collect();
        }
    }
    path.split('.').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn population_name(population: &Value) -> Option<&str> {
    population.get("name").and_then(Value::as_str)
}

/// What is wrong with `extends`, in the last file read.
fn extends(path: &Path, text: &str, problem: String) -> TomlError {
    let file = path.display().to_string();
    let at = text.find("extends").unwrap_or(0);
    TomlText::new(&file, text).error_at(at, problem)
}

fn beside(path: &Path, file: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

/// Where a population names files.
const FILES: [&[&str]; 2] = [&["arrivals", "trace", "file"], &["tokens", "trace"]];

/// Makes the names of files in a table, which are looked for beside it, names from here.
fn place_files(table: &mut Table, path: &Path) {
    let populations = table.get_mut("population").and_then(Value::as_array_mut);
    for population in populations.into_iter().flatten() {
        for name in FILES {
            let found = name.iter().try_fold(&mut *population, |value, name| value.get_mut(*name));
            if let Some(Value::String(file)) = found {
                *file = beside(path, file).display().to_string();
            }
        }
    }
}

/// A table with what another sets otherwise: populations of the same name field by field, the other's events besides, of all else
/// that is a table the fields, of anything else the other's.
fn merged(mut into: Table, from: Table) -> Table {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(more)) if name == "population" => {
                more.into_iter().for_each(|population| add_population(list, population));
            }
            (Some(Value::Array(list)), Value::Array(more)) if name == "event" => list.extend(more),
            (Some(Value::Table(fields)), Value::Table(others)) if name == "plans" => {
                others.into_iter().for_each(|(plan, others)| put(fields, plan, others));
            }
            (Some(_), value) => put(&mut into, name, value),
            (None, value) => _ = into.insert(name, value),
        }
    }
    into
}

fn add_population(list: &mut Vec<Value>, population: Value) {
    let name = population_name(&population).map(str::to_owned);
    let known = list.iter_mut().find(|known| name.is_some() && population_name(known) == name.as_deref());
    match (known, population) {
        (Some(Value::Table(known)), Value::Table(others)) => known.extend(others),
        (_, population) => list.push(population),
    }
}

/// A table takes the fields of another, anything else its place.
fn put(into: &mut Table, name: String, value: Value) {
    match (into.get_mut(&name), value) {
        (Some(Value::Table(fields)), Value::Table(others)) => fields.extend(others),
        (_, value) => _ = into.insert(name, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "duration = \"1h\"\n[plans.team]\nrequests_per_minute = 20\nburst = 0.1\n[backend]\nservers = 3\n\
                          [[population]]\nname = \"a.b c\"\nplan = \"team\"\nclients = 5\n\
                          arrivals = { poisson = \"10/min\" }\nretry = \"none\"\n";

    fn read(files: &[(&str, &str)]) -> anyhow::Result<Document> {
        let directory = tempfile::tempdir()?;
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text)?;
        }
        Document::read(&directory.path().join(files[0].0))
    }

    #[test]
    fn a_scenario_takes_over_what_it_does_not_set() {
        let child = "extends = \"parent.toml\"\n[plans.team]\nrequests_per_minute = 30\n[[population]]\nname = \"a.b c\"\nclients = 7\n\
                     [[population]]\nname = \"more\"\nplan = \"free\"\nclients = 1\narrivals = { paced = \"1/min\" }\nretry = \"none\"\n";
        let scenario = read(&[("child.toml", child), ("parent.toml", PARENT)]).unwrap().scenario().unwrap();
        let clients: Vec<u32> = scenario.populations.iter().map(|population| population.clients).collect();
        assert_eq!(clients, [7, 1]);
        let limit = scenario.populations[0].plan.limits().next().unwrap().1.clone();
        assert_eq!((limit.amount(), limit.burst().as_f64()), (30, 0.1));
        assert_eq!(scenario.backend.map(|backend| backend.servers), Some(3));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        let told = |child: &str| {
            let error = read(&[("child.toml", child), ("parent.toml", PARENT)])
                .and_then(|document| Ok(document.scenario()?))
                .unwrap_err()
                .to_string();
            error[error.rfind('/').unwrap() + 1..].to_owned()
        };
        let child = "extends = \"parent.toml\"\n\n[[population]]\nname = \"a.b c\"\nclients = 0\n";
        assert!(
            told(child).starts_with("child.toml, line 5, `population.0.clients`: expected 1 to"),
            "{}",
            told(child)
        );
        let child = "extends = \"parent.toml\"\n[plans.team]\nrequests_per_minit = 3\n";
        assert!(
            told(child).contains("child.toml, line 3, `plans.team.requests_per_minit`: unknown field"),
            "{}",
            told(child)
        );
        let child = "extends = \"parent.toml\"\nduration = \"1ms\"\n";
        assert!(told(child).starts_with("child.toml, line 2, `duration`"), "{}", told(child));
        let child = "extends = \"parent.toml\"\nplans = { other = {} }\nbackend = { servers = 1, queue = 1, failure = 0.0 }\n\
                     [[population]]\nname = \"a.b c\"\nplan = \"teem\"\n";
        assert!(
            told(child).starts_with("child.toml, line 6, `population.0.plan`: unknown plan `teem`"),
            "{}",
            told(child)
        );
    }

    #[test]
    fn a_population_whose_name_is_misspelt_is_not_taken_for_a_new_one() {
        let child = "extends = \"parent.toml\"\n[[population]]\nname = \"a.b d\"\nclients = 7\n";
        let error = read(&[("child.toml", child), ("parent.toml", PARENT)])
            .unwrap()
            .scenario()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("child.toml, line 2, `population.0`: missing field `plan`; did you mean `a.b c`?"),
            "{error}"
        );
    }

    #[test]
    fn a_fault_of_the_parent_is_told_there() {
        let child = "extends = \"parent.toml\"\nname = \"x\"\n";
        let parent = PARENT.replace("\"none\"", "\"nonne\"");
        let error = read(&[("child.toml", child), ("parent.toml", &parent)])
            .unwrap()
            .scenario()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("parent.toml, line 12, `population.0.retry`: unknown retry policy `nonne`"),
            "{error}"
        );
    }

    #[test]
    fn a_cycle_and_a_missing_parent_are_told() {
        let error = read(&[("a.toml", "extends = \"b.toml\"\n"), ("b.toml", "\nextends = \"a.toml\"\n")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("b.toml, line 2, `extends`: a cycle: ") && error.matches("a.toml").count() == 2,
            "{error}"
        );
        let error = format!("{:#}", read(&[("a.toml", "extends = \"no.toml\"\n")]).unwrap_err());
        assert!(error.contains("no.toml"), "{error}");
    }

    #[test]
    fn a_field_is_set_by_its_path() {
        let document = read(&[("parent.toml", PARENT)]).unwrap();
        let set = |name: &str, value: Value| {
            let setting = document.setting(name).unwrap();
            document.with(&setting, value).unwrap().scenario().unwrap()
        };
        assert_eq!(set("population.a.b c.clients", Value::Integer(9)).populations[0].clients, 9);
        assert_eq!(set("population.0.clients", Value::Integer(8)).populations[0].clients, 8);
        assert_eq!(
            set("backend.queue", Value::Integer(4)).backend.and_then(|backend| backend.queue),
            Some(4)
        );
        let rate = set("population.a.b c.arrivals.poisson", Value::String("1/s".into()));
        assert!(format!("{:?}", rate.populations[0].arrivals).contains("1000000"));
        let limit = set("plans.team.requests_per_minute", Value::Integer(99));
        assert_eq!(limit.populations[0].plan.limits().next().map(|(_, limit)| limit.amount()), Some(99));
        assert_eq!(
            document.value(&document.setting("population.a.b c.clients").unwrap()),
            Some(&Value::Integer(5))
        );
        let unknown = document.setting("bakcend.servers").unwrap_err().to_string();
        assert!(unknown.contains("did you mean `backend`?"), "{unknown}");
        let nobody = document.setting("population.nobody.clients").unwrap();
        assert!(
            document
                .with(&nobody, Value::Integer(1))
                .unwrap_err()
                .to_string()
                .contains("no population `nobody`")
        );
    }
}
