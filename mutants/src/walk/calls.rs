//! Calls: of methods, of functions that answer whether a swap succeeded, of `Some`.

use super::Walk;
use super::shown::brief;
use crate::mutant::{Change, Form, Kind};
use crate::rules::{self, Call};
use syn::visit::Visit;
use syn::{Expr, ExprCall, ExprMethodCall};

impl Walk<'_> {
    pub(super) fn method_call(&mut self, call: &ExprMethodCall) {
        let is_unused = std::mem::take(&mut self.is_unused);
        let mut changes = self.method_changes(call);
        if is_unused {
            changes.retain(|change| change.kind != Kind::Retry);
        }
        self.site(call, Form::Expression, changes);
        self.visit_expr(&call.receiver);
        for argument in &call.args {
            self.visit_expr(argument);
        }
    }

    pub(super) fn call(&mut self, call: &ExprCall) {
        if let Expr::Path(path) = &*call.func {
            if path.path.is_ident("Some") {
                let change = self.change(Kind::Value, call, "None");
                self.site(call, Form::Expression, vec![change]);
            }
        } else {
            self.visit_expr(&call.func);
        }
        for argument in &call.args {
            self.visit_expr(argument);
        }
    }

    fn method_changes(&self, call: &ExprMethodCall) -> Vec<Change> {
        let name = call.method.to_string();
        let receiver = self.code(&call.receiver);
        let arguments = call.args.iter().map(|argument| self.code(argument)).collect::<Vec<_>>().join(", ");
        let mut changes: Vec<_> = rules::methods(&name)
            .iter()
            .map(|change| {
                let code = match change {
                    Call::Other(other) => format!("{receiver}.{other}({arguments})"),
                    Call::Receiver => receiver.to_owned(),
                    Call::Not => format!("!{}", self.code(call)),
                    Call::SomeOf(other) => format!("Some({receiver}.{other}({arguments}))"),
                    Call::Quotient => format!("({receiver}) / ({arguments})"),
                };
                self.change(Kind::Method, call, code)
            })
            .collect();
        if matches!(name.as_str(), "then" | "then_some") {
            for value in ["true", "false"] {
                changes.push(self.change(Kind::Condition, call, format!("({value}).{name}({arguments})")));
            }
        }
        let whole = self.code(call);
        let told = |code: &str| Change {
            kind: Kind::Retry,
            shown: (brief(whole), code.to_owned()),
            code: code.replace("it", whole),
        };
        if name.starts_with("compare_exchange") {
            let mut change = told("taken for success");
            change.code = format!("match {whole} {{ Ok(value) | Err(value) => Ok(value) }}");
            changes.push(change);
        } else if self.names.attempts.contains(&name) && !call.args.is_empty() {
            for value in ["true", "false"] {
                let mut change = told(&format!("taken for {value}"));
                change.code = format!("{{ let _: bool = {whole}; {value} }}");
                changes.push(change);
                if value == "true" {
                    let mut change = told("left out, taken for true");
                    change.code = "true".into();
                    changes.push(change);
                }
            }
        }
        changes
    }
}
