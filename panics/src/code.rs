//! One function's machine code: where it calls and jumps to, and what in it cannot be followed.
//!
//! All instructions between a function's first byte and its last are read, whether or not anything leads to them:
//! more than can be run, never less.

use crate::flow::{Flow, writes};
use crate::program::{Function, Program, Target};
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use std::ops::Range;

/// What an instruction does that leads out of its function, or that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It calls or jumps to another function.
    To(Target),
    /// It calls or jumps to an address that is worked out as the program runs.
    Anywhere,
    /// It stops the program.
    Trap,
    /// It asks the system for something.
    SystemCall,
    /// It is none that is known.
    Unknown,
    /// It is a jump by a table whose places are all in this function.
    Table,
}

/// Copies from register to register that are followed.
const COPIES: u32 = 4;

/// A function's code.
pub(crate) struct Body<'a> {
    program: &'a Program<'a>,
    flow: Flow,
}

impl<'a> Body<'a> {
    /// Reads the code of a function.
    pub(crate) fn of(program: &'a Program<'a>, start: u64, function: &Function) -> Option<Self> {
        let bytes = program.bytes_at(start)?.get(..usize::try_from(function.size).ok()?)?;
        let instructions: Vec<_> =
            Decoder::with_ip(64, bytes, start, DecoderOptions::NONE).into_iter().collect();
        let range = start..start + function.size;
        let places = |instructions: &[Instruction], at| possible_places(program, &range, instructions, at);
        Some(Self { program, flow: Flow::new(instructions, range.clone(), places) })
    }

    /// How many instructions it has.
    pub(crate) fn len(&self) -> usize {
        self.flow.instructions.len()
    }

    /// The instructions that lead out of it, with their addresses.
    pub(crate) fn steps(&self) -> Vec<(u64, Step)> {
        let instructions = self.flow.instructions.iter().enumerate();
        instructions
            .flat_map(|(at, instruction)| self.step(at).into_iter().map(|step| (instruction.ip(), step)))
            .collect()
    }

    fn step(&self, at: usize) -> Vec<Step> {
        let instruction = &self.flow.instructions[at];
        match instruction.mnemonic() {
            Mnemonic::Syscall | Mnemonic::Sysenter => return vec![Step::SystemCall],
            Mnemonic::INVALID => return vec![Step::Unknown],
            Mnemonic::Hlt | Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2 => return vec![Step::Trap],
            _ => {}
        }
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::Return => Vec::new(),
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch | FlowControl::Call => {
                let target = instruction.near_branch_target();
                let stays = self.flow.range.contains(&target) && !instruction.is_call_near();
                if stays { Vec::new() } else { vec![Step::To(Target::Code(target))] }
            }
            FlowControl::IndirectCall | FlowControl::IndirectBranch => self.indirect(at),
            FlowControl::Interrupt | FlowControl::Exception => vec![Step::Trap],
            FlowControl::XbeginXabortXend => vec![Step::Unknown],
        }
    }

    /// A call or jump whose target stands in a word of memory or in a register.
    fn indirect(&self, at: usize) -> Vec<Step> {
        let instruction = &self.flow.instructions[at];
        if let Some(target) = self.slot_of(instruction) {
            return vec![Step::To(target)];
        }
        if instruction.op0_kind() != OpKind::Register {
            return vec![Step::Anywhere];
        }
        if instruction.code() == Code::Jmp_rm64 && self.is_by_a_table(at) {
            return vec![Step::Table];
        }
        let targets =
            self.held(instruction.op0_register(), at, COPIES).unwrap_or_else(|| vec![Step::Anywhere]);
        if targets.is_empty() { vec![Step::Anywhere] } else { targets }
    }

    /// Where a register that holds a function's address may lead when an instruction is reached: what the loader wrote
    /// into the words that it was loaded from, if it was loaded from such alone.
    fn held(&self, register: Register, at: usize, copies: u32) -> Option<Vec<Step>> {
        let mut targets = Vec::new();
        for origin in self.flow.origins(register, at)? {
            let instruction = &self.flow.instructions[origin];
            if instruction.code() != Code::Mov_r64_rm64 && instruction.code() != Code::Mov_rm64_r64 {
                return None;
            }
            match self.slot_of(instruction) {
                Some(target) => targets.push(Step::To(target)),
                None if instruction.op1_kind() == OpKind::Register => {
                    targets.extend(self.held(instruction.op1_register(), origin, copies.checked_sub(1)?)?);
                }
                None => return None,
            }
        }
        Some(targets)
    }

    /// What the loader writes into the word of memory that an instruction names by its distance.
    fn slot_of(&self, instruction: &Instruction) -> Option<Target> {
        let by_distance = instruction.is_ip_rel_memory_operand();
        by_distance.then(|| self.program.slot(instruction.ip_rel_memory_address()).cloned()).flatten()
    }

    /// Whether a jump goes to a place of this function that a table of the program tells.
    fn is_by_a_table(&self, at: usize) -> bool {
        let Some(load) = table_load(&self.flow.instructions, at) else { return false };
        let base = self.flow.instructions[load].memory_base();
        let origins = self.flow.origins(base, load).unwrap_or_default();
        let is_table = |lea: &usize| {
            table_places(self.program, &self.flow.range, &self.flow.instructions[*lea]).len() >= 2
        };
        !origins.is_empty() && origins.iter().all(is_table)
    }
}

/// The instruction by which a jump loads its place from a table, if it looks like that:
///
/// ```text
/// lea    base, [rip + table]
/// movsxd place, dword ptr [base + 4 * number]
/// add    place, base
/// jmp    place
/// ```
///
/// with other instructions between. The number was compared before, or cannot be larger; the compiler makes the table as
/// long as that.
fn table_load(instructions: &[Instruction], at: usize) -> Option<usize> {
    let jump = &instructions[at];
    let place = (jump.op0_kind() == OpKind::Register).then(|| jump.op0_register())?;
    let add = (0..at).rev().find(|earlier| writes(&instructions[*earlier], place))?;
    let sum = &instructions[add];
    let offset_or_base = [sum.op0_register(), sum.op1_register()];
    let load = (0..add).rev().find(|earlier| writes(&instructions[*earlier], place))?;
    let loaded = &instructions[load];
    let is_one = sum.mnemonic() == Mnemonic::Add
        && loaded.mnemonic() == Mnemonic::Movsxd
        && loaded.memory_index_scale() == 4
        && offset_or_base.contains(&loaded.memory_base());
    // In a row: nothing leads into the middle.
    let in_a_row =
        at - load <= 8 && instructions[load..at].iter().all(|one| one.flow_control() == FlowControl::Next);
    (is_one && in_a_row).then_some(load)
}

/// Where a jump by a table may go: the places of all tables that the function names in the base register.
fn possible_places(
    program: &Program<'_>,
    range: &Range<u64>,
    instructions: &[Instruction],
    at: usize,
) -> Vec<u64> {
    let Some(load) = table_load(instructions, at) else { return Vec::new() };
    let base = instructions[load].memory_base();
    let named =
        instructions.iter().filter(|lea| lea.mnemonic() == Mnemonic::Lea && lea.op0_register() == base);
    named.flat_map(|lea| table_places(program, range, lea)).collect()
}

/// The places of the table whose address an instruction makes. The table ends where a place is not in the function.
fn table_places(program: &Program<'_>, range: &Range<u64>, lea: &Instruction) -> Vec<u64> {
    if lea.mnemonic() != Mnemonic::Lea || !lea.is_ip_rel_memory_operand() {
        return Vec::new();
    }
    let table = lea.ip_rel_memory_address();
    let (offsets, _) = program.bytes_at(table).unwrap_or_default().as_chunks();
    let places = offsets.iter().map(|offset| table.wrapping_add_signed(i32::from_le_bytes(*offset).into()));
    places.take_while(|place| range.contains(place)).collect()
}
