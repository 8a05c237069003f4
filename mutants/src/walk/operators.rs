//! Operators.

use super::Walk;
use super::control::has_let;
use super::shown::{brief, head, tail};
use crate::mutant::{Change, Form, Kind};
use crate::rules;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprBinary, ExprRange, ExprUnary, RangeLimits, UnOp};

impl Walk<'_> {
    pub(super) fn binary(&mut self, binary: &ExprBinary) {
        let [left, right] = [&binary.left, &binary.right].map(|side| self.code(side).to_owned());
        let shown_op = self.code(&binary.op).to_owned();
        let is_cfg = left.contains("cfg!(") || right.contains("cfg!(");
        if !is_cfg && !has_let(&binary.left) && !has_let(&binary.right) {
            let assigns = is_assignment(&binary.op);
            let changes = rules::operators(&binary.op)
                .iter()
                .map(|(kind, op)| Change {
                    kind: *kind,
                    code: if assigns {
                        format!("{left} {op} {right}")
                    } else {
                        format!("({left}) {op} ({right})")
                    },
                    shown: (
                        brief(&format!("{} {shown_op} {}", tail(&left), head(&right))),
                        brief(&format!("{} {op} {}", tail(&left), head(&right))),
                    ),
                })
                .collect();
            self.site(binary, Form::Expression, changes);
        }
        visit::visit_expr_binary(self, binary);
    }

    pub(super) fn unary(&mut self, unary: &ExprUnary) {
        let is_cfg = matches!(&*unary.expr, Expr::Macro(call) if call.mac.path.is_ident("cfg"));
        if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) && !is_cfg {
            let code = self.code(&unary.expr).to_owned();
            let change = self.change(Kind::Logic, unary, code);
            self.site(unary, Form::Expression, vec![change]);
        }
        self.visit_expr(&unary.expr);
    }

    pub(super) fn range(&mut self, range: &ExprRange) {
        if let Some(end) = &range.end {
            let start = range.start.as_ref().map(|start| self.code(start)).unwrap_or_default();
            let end = self.code(end);
            let (code, other) = match range.limits {
                RangeLimits::HalfOpen(_) => (format!("{start}..(({end}) + 1)"), format!("{start}..={end}")),
                RangeLimits::Closed(_) => (format!("{start}..=(({end}) - 1)"), format!("{start}..{end}")),
            };
            let shown = (brief(self.code(range)), brief(&other));
            self.site(range, Form::Expression, vec![Change { kind: Kind::Boundary, code, shown }]);
        }
        visit::visit_expr_range(self, range);
    }
}

pub(super) fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
