//! The ways through one function's code, and what is in a register when an instruction is reached.

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register};
use std::collections::HashMap;
use std::ops::Range;

/// Registers that a called function may leave as it likes.
const CLOBBERED: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];

/// The instructions of a function, and from which others each may be reached.
pub(crate) struct Flow {
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) range: Range<u64>,
    numbers: HashMap<u64, usize>,
    before: Vec<Vec<usize>>,
}

impl Flow {
    /// The flow of a function that lies at these addresses. `places` tells where a jump by a table may go: all places
    /// of it, or more.
    pub(crate) fn new(
        instructions: Vec<Instruction>,
        range: Range<u64>,
        places: impl Fn(&[Instruction], usize) -> Vec<u64>,
    ) -> Self {
        let numbers =
            instructions.iter().enumerate().map(|(at, instruction)| (instruction.ip(), at)).collect();
        let before = vec![Vec::new(); instructions.len()];
        let mut flow = Self { instructions, range, numbers, before };
        for at in 0..flow.instructions.len() {
            let instruction = flow.instructions[at];
            let (falls_through, targets) = match instruction.flow_control() {
                FlowControl::UnconditionalBranch => (false, vec![instruction.near_branch_target()]),
                FlowControl::ConditionalBranch => (true, vec![instruction.near_branch_target()]),
                FlowControl::IndirectBranch => (false, places(&flow.instructions, at)),
                FlowControl::Return => (false, Vec::new()),
                _ => (true, Vec::new()),
            };
            let next = falls_through.then_some(at + 1).filter(|next| *next < flow.instructions.len());
            let targets = targets.iter().filter_map(|target| flow.numbers.get(target).copied());
            for after in targets.chain(next).collect::<Vec<_>>() {
                flow.before[after].push(at);
            }
        }
        flow
    }

    /// The numbers of the instructions that a register may have its value from, when another is reached. `None` if it may have it from
    /// before the function.
    pub(crate) fn origins(&self, register: Register, at: usize) -> Option<Vec<usize>> {
        let (mut origins, mut seen) = (Vec::new(), vec![false; self.instructions.len()]);
        let mut next = vec![at];
        while let Some(reached) = next.pop() {
            if reached == 0 {
                return None;
            }
            for earlier in &self.before[reached] {
                if std::mem::replace(&mut seen[*earlier], true) {
                    continue;
                }
                if writes(&self.instructions[*earlier], register) {
                    origins.push(*earlier);
                } else {
                    next.push(*earlier);
                }
            }
        }
        Some(origins).filter(|origins| !origins.is_empty())
    }
}

/// Whether an instruction may change a register.
pub(crate) fn writes(instruction: &Instruction, register: Register) -> bool {
    let register = register.full_register();
    if matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
        return CLOBBERED.contains(&register);
    }
    let mut factory = InstructionInfoFactory::new();
    factory.info(instruction).used_registers().iter().any(|used| {
        let changes = !matches!(
            used.access(),
            OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
        );
        changes && used.register().full_register() == register
    })
}
