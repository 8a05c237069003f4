//! All code that can be reached from some functions, and what is found there.

use crate::code::{Body, Step};
use crate::explained::explanation;
use crate::harmless::{is_an_end, is_harmless};
use crate::program::{Program, Target};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call of a function that ends the program or allocates, or that is explained.
    End(u64),
    /// A call of a library's function that is not known to be harmless.
    Import(String),
    /// A call of what is no function of the program.
    Nowhere(u64),
    /// An instruction that cannot be followed or that ends the program.
    Instruction(Step),
}

impl Kind {
    /// What is called, or done.
    pub(crate) fn in_words(&self, program: &Program<'_>) -> String {
        match self {
            Self::End(address) => {
                program.function_at(*address).map_or_else(String::new, |(_, function)| function.name.clone())
            }
            Self::Import(name) => format!("{name} of a library"),
            Self::Nowhere(address) => format!("code at {address:#x} that no symbol names"),
            Self::Instruction(Step::Anywhere) => "a call or jump to an address worked out at run time".into(),
            Self::Instruction(Step::SystemCall) => "a system call".into(),
            Self::Instruction(Step::Trap) => "an instruction that ends the program".into(),
            Self::Instruction(step) => format!("an instruction that is not understood ({step:?})"),
        }
    }
}

/// Something found.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The address of the instruction.
    pub(crate) site: u64,
    /// Where the function begins that it is in.
    pub(crate) function: u64,
    pub(crate) kind: Kind,
}

/// What was reached.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Functions, and from which each was reached first; `None` for those that were begun at.
    pub(crate) reached: HashMap<u64, Option<u64>>,
    pub(crate) findings: Vec<Finding>,
    /// Instructions looked at.
    pub(crate) instructions: usize,
    /// Jumps by a table that were followed.
    pub(crate) tables: usize,
    /// Harmless functions of libraries that are called.
    pub(crate) imports: BTreeSet<String>,
}

impl Walk {
    /// Goes from these functions on to all that they can reach.
    pub(crate) fn from(program: &Program<'_>, entries: &[u64]) -> Self {
        let mut walk =
            Self { reached: entries.iter().map(|entry| (*entry, None)).collect(), ..Self::default() };
        let mut next: VecDeque<u64> = entries.iter().copied().collect();
        while let Some(start) = next.pop_front() {
            walk.look_at(program, start, &mut next);
        }
        walk
    }

    fn look_at(&mut self, program: &Program<'_>, start: u64, next: &mut VecDeque<u64>) {
        let body = program.function_at(start).and_then(|(_, function)| Body::of(program, start, function));
        let Some(body) = body else {
            return self.findings.push(Finding { site: start, function: start, kind: Kind::Nowhere(start) });
        };
        self.instructions += body.len();
        for (site, step) in body.steps() {
            let kind = match step {
                Step::To(Target::Code(to)) => match program.function_at(to) {
                    None => Kind::Nowhere(to),
                    Some((to, function))
                        if is_an_end(&function.name) || explanation(&function.name).is_some() =>
                    {
                        Kind::End(to)
                    }
                    Some((to, _)) => {
                        self.reached.entry(to).or_insert_with(|| {
                            next.push_back(to);
                            Some(start)
                        });
                        continue;
                    }
                },
                Step::To(Target::Import(name)) if is_harmless(&name) => {
                    self.imports.insert(name);
                    continue;
                }
                Step::To(Target::Import(name)) => Kind::Import(name),
                Step::Table => {
                    self.tables += 1;
                    continue;
                }
                step => Kind::Instruction(step),
            };
            self.findings.push(Finding { site, function: start, kind });
        }
    }

    /// The functions by which one was reached, from where the walk began.
    pub(crate) fn way_to(&self, function: u64) -> Vec<u64> {
        let mut way = vec![function];
        while let Some(Some(from)) = way.last().and_then(|last| self.reached.get(last)) {
            way.push(*from);
        }
        way.reverse();
        way
    }
}
