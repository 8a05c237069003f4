//! A copy of the workspace with the engine alone, to be changed and built.

use crate::worlds::World;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use toml::{Table, Value};
use walkdir::WalkDir;

/// The profile of the builds: quick to build, with the checks of a debug build, and quick enough to run.
const PROFILE: &str = r#"
inherits = "dev"
debug = 0
incremental = true
codegen-units = 16
"#;

/// How much a copy's code is optimized.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effort {
    /// Built once, run often.
    Run,
    /// Built often, run once.
    Build,
}

/// A copy in a folder of its own.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: PathBuf,
    /// Where its builds go, by world.
    builds: PathBuf,
    effort: Effort,
}

/// What a build has come to.
#[derive(Debug)]
pub(crate) enum Built {
    /// The programs that hold tests.
    Programs(Vec<Program>),
    /// The compiler's errors.
    Not(Vec<CompilerError>),
}

/// A program that holds tests.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// `tidegate` for the unit tests, else the name of the file.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// An error of the compiler.
#[derive(Clone, Debug)]
pub(crate) struct CompilerError {
    pub(crate) code: Option<String>,
    pub(crate) text: String,
    /// The file, such as `engine/src/unit.rs`, and the bytes that it is about.
    pub(crate) places: Vec<(String, std::ops::Range<usize>)>,
}

impl Copy {
    /// Copies the workspace `root`; builds of the copy go to `builds`.
    pub(crate) fn of(root: &Path, folder: PathBuf, builds: PathBuf, effort: Effort) -> Result<Self> {
        let copy = Self { folder, builds, effort };
        let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
        copy.write("Cargo.toml", &engine_alone(&manifest)?)?;
        for file in ["Cargo.lock", "README.md"] {
            copy.write(file, &fs::read_to_string(root.join(file))?)?;
        }
        for entry in WalkDir::new(root.join("engine")) {
            let entry = entry?;
            if entry.file_type().is_file() {
                let path = entry.path().strip_prefix(root)?.to_string_lossy().into_owned();
                copy.write(&path, &fs::read_to_string(entry.path())?)?;
            }
        }
        Ok(copy)
    }

    /// Writes a file of the copy, if it is not what it is already: cargo goes by times.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// The engine's folder, in which its tests run.
    pub(crate) fn engine(&self) -> PathBuf {
        self.folder.join("engine")
    }

    /// Builds tests; `what` is such as `--lib`.
    pub(crate) fn build(&self, world: World, what: &[&str]) -> Result<Built> {
        self.cargo(world, &["test", "--no-run"], what)
    }

    /// Has the compiler look at all that is built, and build nothing.
    pub(crate) fn check(&self, world: World) -> Result<Built> {
        self.cargo(world, &["check"], &["--lib"])
    }

    fn cargo(&self, world: World, command: &[&str], what: &[&str]) -> Result<Built> {
        let (folder, flags) = match world {
            World::Ships => ("ships", ""),
            World::Portable => ("portable", " --cfg tidegate_portable -C target-feature=+cmpxchg16b"),
            World::Loom => ("loom", " --cfg tidegate_loom"),
        };
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(command).args(["--profile", "mutants", "-p", "tidegate", "--all-features"]);
        cargo.args(what).args(["--message-format", "json"]).current_dir(&self.folder);
        let level = match self.effort {
            Effort::Run => "3",
            Effort::Build => "1",
        };
        cargo.env("CARGO_PROFILE_MUTANTS_OPT_LEVEL", level);
        cargo.env("CARGO_TARGET_DIR", self.builds.join(folder));
        cargo.env("RUSTFLAGS", format!("--cap-lints=allow{flags}"));
        if world == World::Loom {
            // As `cargo x loom` builds it.
            cargo.env("CARGO_PROFILE_MUTANTS_DEBUG_ASSERTIONS", "false");
            cargo.env("CARGO_PROFILE_MUTANTS_OVERFLOW_CHECKS", "false");
        }
        let output =
            cargo.stdin(Stdio::null()).stderr(Stdio::piped()).output().context("cargo does not start")?;
        let messages: Vec<Message> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let errors: Vec<_> = messages.iter().filter_map(Message::error).collect();
        if !output.status.success() && errors.is_empty() {
            bail!("cargo failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        if !errors.is_empty() {
            return Ok(Built::Not(errors));
        }
        Ok(Built::Programs(messages.into_iter().filter_map(Message::program).collect()))
    }
}

/// The workspace's manifest with the engine as its only member.
fn engine_alone(manifest: &str) -> Result<String> {
    let mut manifest: Table = manifest.parse()?;
    let workspace = manifest.get_mut("workspace").and_then(Value::as_table_mut).context("no workspace")?;
    workspace.insert("members".into(), Value::Array(vec!["engine".into()]));
    workspace.remove("default-members");
    if let Some(dependencies) = workspace.get_mut("dependencies").and_then(Value::as_table_mut) {
        dependencies.retain(|_, dependency| {
            dependency.get("path").is_none_or(|path| path.as_str() == Some("engine"))
        });
    }
    let profiles = manifest.entry("profile").or_insert_with(|| Value::Table(Table::new()));
    let profiles = profiles.as_table_mut().context("`profile` is no table")?;
    profiles.insert("mutants".into(), Value::Table(PROFILE.parse()?));
    Ok(toml::to_string(&manifest)?)
}

/// What cargo says, as far as it matters.
#[derive(Debug, Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
    message: Option<Diagnostic>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    code: Option<Code>,
    spans: Vec<Span>,
    rendered: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Code {
    code: String,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
}

impl Message {
    fn error(&self) -> Option<CompilerError> {
        let message = self.message.as_ref().filter(|message| message.level == "error")?;
        if message.spans.is_empty() && message.message.starts_with("aborting due to") {
            return None;
        }
        let primary = message.spans.iter().filter(|span| span.is_primary);
        Some(CompilerError {
            code: message.code.as_ref().map(|code| code.code.clone()),
            text: message.rendered.clone().unwrap_or_else(|| message.message.clone()),
            places: primary.map(|span| (span.file_name.clone(), span.byte_start..span.byte_end)).collect(),
        })
    }

    fn program(self) -> Option<Program> {
        Some(Program { path: self.executable?, name: self.target?.name })
    }
}
