//! Conditions, loops, statements and the arms of a match.

use super::operators::is_assignment;
use super::shown::brief;
use super::{Walk, range_of};
use crate::mutant::{Change, Form, Kind};
use crate::worlds::{self, World};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Arm, BinOp, Block, Expr, ExprBinary, ExprIf, ExprWhile, Pat, Stmt};

impl Walk<'_> {
    /// Conditions: of `if`, `while` and arms, and each part of a chain with `let`.
    fn condition(&mut self, condition: &Expr, otherwise: &[&str]) {
        match condition {
            Expr::Let(condition) => self.visit_expr(&condition.expr),
            Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) if has_let(condition) => {
                self.condition(left, otherwise);
                self.condition(right, otherwise);
            }
            Expr::Macro(call) if call.mac.path.is_ident("cfg") => {}
            condition => {
                let mut changes: Vec<_> =
                    otherwise.iter().map(|value| self.change(Kind::Condition, condition, *value)).collect();
                let has_operator = matches!(condition, Expr::Unary(_))
                    || matches!(condition, Expr::Binary(binary) if matches!(binary.op, BinOp::Eq(_) | BinOp::Ne(_)));
                if !has_operator {
                    let code = format!("!({})", self.code(condition));
                    changes.push(self.change(Kind::Condition, condition, code));
                }
                self.site(condition, Form::Expression, changes);
                self.visit_expr(condition);
            }
        }
    }

    /// A loop that goes round once, where it goes round for the sake of a swap.
    pub(super) fn once(&mut self, whole: &impl Spanned, body: &Block) {
        let code = self.code(whole);
        let swaps = code.contains("compare_exchange")
            || self.names.attempts.iter().any(|name| code.contains(&format!(".{name}(")));
        if swaps {
            let end = range_of(body).end - 1;
            let change = Change {
                kind: Kind::Retry,
                code: "break;".into(),
                shown: (brief(self.code(whole)), "once".into()),
            };
            self.site_at(end..end, Form::LoopEnd, vec![change]);
        }
    }

    /// Leaves out a statement that is there for its effect.
    pub(super) fn statement(&mut self, statement: &Stmt, expression: &Expr) {
        let leaves_out = match expression {
            Expr::MethodCall(_) | Expr::Call(_) | Expr::Assign(_) | Expr::Break(_) | Expr::Continue(_) => {
                true
            }
            Expr::Binary(binary) => is_assignment(&binary.op),
            _ => false,
        };
        if leaves_out {
            let change = Change {
                kind: Kind::Statement,
                code: String::new(),
                shown: (brief(self.code(statement)), "nothing".into()),
            };
            self.site(statement, Form::Statement, vec![change]);
        }
    }

    pub(super) fn arms(&mut self, arms: &[Arm]) {
        let has_wildcard = arms.last().is_some_and(|arm| arm.guard.is_none() && is_wildcard(&arm.pat));
        for (place, arm) in arms.iter().enumerate() {
            let is_last = place + 1 == arms.len();
            self.within(&arm.attrs, |walk| {
                walk.visit_pat(&arm.pat);
                if let Some((_, guard)) = &arm.guard {
                    walk.condition(guard, &["true", "false"]);
                } else if has_wildcard && !is_last {
                    let end = range_of(&arm.pat).end;
                    let shown = (brief(&format!("{} =>", walk.code(&arm.pat))), "no arm".into());
                    let change = Change { kind: Kind::Arm, code: "false".into(), shown };
                    walk.site_at(end..end, Form::Guard, vec![change]);
                }
                if let Expr::Assign(_) = &*arm.body {
                    let change = Change {
                        kind: Kind::Statement,
                        code: "{}".into(),
                        shown: (brief(walk.code(&arm.body)), "nothing".into()),
                    };
                    walk.site(&arm.body, Form::Expression, vec![change]);
                }
                walk.visit_expr(&arm.body);
            });
        }
    }

    pub(super) fn choice(&mut self, choice: &ExprIf) {
        if let Expr::Macro(call) = &*choice.cond
            && call.mac.path.is_ident("cfg")
        {
            if worlds::cfg_macro(call.mac.tokens.clone(), World::Ships) == Some(true) {
                self.visit_block(&choice.then_branch);
            } else if let Some((_, otherwise)) = &choice.else_branch {
                self.visit_expr(otherwise);
            }
            return;
        }
        self.condition(&choice.cond, &["true", "false"]);
        self.visit_block(&choice.then_branch);
        if let Some((_, otherwise)) = &choice.else_branch {
            self.visit_expr(otherwise);
        }
    }

    pub(super) fn round(&mut self, round: &ExprWhile) {
        self.once(round, &round.body);
        self.condition(&round.cond, &["false"]);
        self.visit_block(&round.body);
    }
}

fn is_wildcard(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        // `None` looks like a name too.
        Pat::Ident(name) => name.subpat.is_none() && name.ident.to_string().starts_with(char::is_lowercase),
        _ => false,
    }
}

/// Whether a condition is a chain with `let`.
pub(super) fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) => has_let(left) || has_let(right),
        _ => false,
    }
}
