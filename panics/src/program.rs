//! A program as the system loads it: its functions, and what the slots hold through which it calls others.

use anyhow::{Context, ensure};
use object::read::elf::ElfFile64;
use object::{
    Architecture, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget,
    SectionKind, SymbolKind, elf,
};
use std::collections::{BTreeMap, HashMap};

/// Where a call or a jump goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To code of the program.
    Code(u64),
    /// To a function of a library, by its name.
    Import(String),
}

/// A function of the program.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) size: u64,
    /// As it is written in the source, without the compiler's hash.
    pub(crate) name: String,
}

/// The code of a program, and what is known of it.
pub(crate) struct Program<'a> {
    functions: BTreeMap<u64, Function>,
    /// What the loader writes into which word.
    slots: HashMap<u64, Target>,
    /// All that is loaded and never written by the program: code and constants, by where they begin.
    constants: BTreeMap<u64, &'a [u8]>,
}

impl<'a> Program<'a> {
    /// Reads an ELF program of an x86-64 processor that has its symbols.
    pub(crate) fn read(bytes: &'a [u8]) -> anyhow::Result<Self> {
        let file = ElfFile64::<object::Endianness>::parse(bytes)?;
        ensure!(file.architecture() == Architecture::X86_64, "it is not for x86-64");
        let mut functions = BTreeMap::new();
        for symbol in
            file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        {
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
            let function = Function { size: symbol.size(), name };
            let known = functions.entry(symbol.address()).or_insert_with(|| function.clone());
            if known.size < function.size {
                *known = function;
            }
        }
        ensure!(!functions.is_empty(), "it has no symbols");
        let mut constants = BTreeMap::new();
        for section in file.sections() {
            use SectionKind::{ReadOnlyData, ReadOnlyString, Text};
            if matches!(section.kind(), Text | ReadOnlyData | ReadOnlyString) {
                constants.insert(section.address(), section.data()?);
            }
        }
        Ok(Self { functions, slots: slots(&file)?, constants })
    }

    /// The functions whose names begin with this, by name.
    pub(crate) fn functions_in(&self, path: &str) -> Vec<(u64, &str)> {
        let within = self.functions.iter().filter(|(_, function)| function.name.starts_with(path));
        let mut within: Vec<_> = within.map(|(start, function)| (*start, function.name.as_str())).collect();
        within.sort_by_key(|(_, name)| *name);
        within
    }

    /// The function that holds an address, and where it begins.
    pub(crate) fn function_at(&self, address: u64) -> Option<(u64, &Function)> {
        let (start, function) = self.functions.range(..=address).next_back()?;
        (address < start + function.size).then_some((*start, function))
    }

    /// What the loader writes into the word at an address.
    pub(crate) fn slot(&self, address: u64) -> Option<&Target> {
        self.slots.get(&address)
    }

    /// The bytes from an address on, as far as they are known and constant.
    pub(crate) fn bytes_at(&self, address: u64) -> Option<&'a [u8]> {
        let (start, bytes) = self.constants.range(..=address).next_back()?;
        bytes.get(usize::try_from(address - start).ok()?..)
    }
}

/// The words that the loader fills, and with what.
fn slots(file: &ElfFile64<'_>) -> anyhow::Result<HashMap<u64, Target>> {
    let symbols = file.dynamic_symbol_table().context("it is not linked dynamically")?;
    let mut slots = HashMap::new();
    for (address, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
        let target = match (r_type, relocation.target()) {
            (elf::R_X86_64_RELATIVE, _) => Target::Code(relocation.addend() as u64),
            (
                elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT | elf::R_X86_64_64,
                RelocationTarget::Symbol(index),
            ) => {
                let symbol = symbols.symbol_by_index(index)?;
                if symbol.is_definition() {
                    Target::Code(symbol.address())
                } else {
                    Target::Import(symbol.name()?.to_owned())
                }
            }
            _ => continue,
        };
        slots.insert(address, target);
    }
    Ok(slots)
}
