//! Literals, orderings, fields beside `..base`, and patterns.

use super::Walk;
use super::shown::brief;
use crate::mutant::{Change, Form, Kind};
use syn::visit;
use syn::{ExprLit, ExprMacro, ExprPath, ExprStruct, Lit, Pat};

impl Walk<'_> {
    pub(super) fn path(&mut self, path: &ExprPath) {
        let names: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let weaker: &[&str] = match names.as_slice() {
            [.., "Ordering", "Acquire" | "Release"] => &["Relaxed"],
            [.., "Ordering", "AcqRel"] => &["Relaxed", "Acquire", "Release"],
            [.., "Ordering", "SeqCst"] => &["Relaxed", "Acquire", "Release", "AcqRel"],
            ["u64" | "usize" | "u32", "min"] => &["max"],
            ["u64" | "usize" | "u32", "max"] => &["min"],
            _ => return,
        };
        let code = self.code(path).to_owned();
        let start = code.rfind(':').map_or("", |end| &code[..=end]);
        let kind = if names.contains(&"Ordering") { Kind::Ordering } else { Kind::Method };
        let changes =
            weaker.iter().map(|weaker| self.change(kind, path, format!("{start}{weaker}"))).collect();
        self.site(path, Form::Expression, changes);
    }

    pub(super) fn literal(&mut self, literal: &ExprLit) {
        let changes = match &literal.lit {
            Lit::Int(number) => {
                let (Ok(value), suffix) = (number.base10_parse::<u128>(), number.suffix()) else { return };
                let suffix = if suffix.is_empty() { String::new() } else { format!("_{suffix}") };
                let less = value.checked_sub(1);
                let values = [value.checked_add(1), less].into_iter().flatten();
                values.map(|value| self.change(Kind::Literal, literal, format!("{value}{suffix}"))).collect()
            }
            Lit::Float(number) => {
                let Ok(value) = number.base10_parse::<f64>() else { return };
                vec![self.change(Kind::Literal, literal, format!("{:?}", value + 1.0))]
            }
            Lit::Bool(value) => vec![self.change(Kind::Value, literal, (!value.value).to_string())],
            _ => return,
        };
        self.site(literal, Form::Expression, changes);
    }

    pub(super) fn fields(&mut self, whole: &ExprStruct) {
        if let Some(rest) = &whole.rest {
            for (place, field) in whole.fields.iter().enumerate() {
                let others = whole.fields.iter().enumerate().filter(|(other, _)| *other != place);
                let others: Vec<_> = others.map(|(_, field)| self.code(field)).collect();
                let (path, rest) = (self.code(&whole.path), self.code(rest));
                let fields = others.iter().map(|field| format!("{field}, ")).collect::<String>();
                let change = Change {
                    kind: Kind::Arm,
                    code: format!("{path} {{ {fields}..{rest} }}"),
                    shown: (brief(self.code(field)), "no field".into()),
                };
                self.site(whole, Form::Expression, vec![change]);
            }
        }
        visit::visit_expr_struct(self, whole);
    }

    pub(super) fn macro_call(&mut self, call: &ExprMacro) {
        if call.mac.path.is_ident("matches") {
            let code = format!("!{}", self.code(call));
            let change = self.change(Kind::Logic, call, code);
            self.site(call, Form::Expression, vec![change]);
        }
    }

    pub(super) fn pattern(&mut self, pattern: &Pat) {
        match pattern {
            Pat::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
                let Ok(value) = number.base10_parse::<u128>() else { return };
                let values = [value.checked_add(1), value.checked_sub(1)].into_iter().flatten();
                let changes =
                    values.map(|value| self.change(Kind::Literal, pattern, value.to_string())).collect();
                self.site(pattern, Form::Text, changes);
            }
            Pat::Lit(ExprLit { lit: Lit::Bool(value), .. }) => {
                let change = self.change(Kind::Value, pattern, (!value.value).to_string());
                self.site(pattern, Form::Text, vec![change]);
            }
            Pat::Range(range) => {
                let code = self.code(range);
                let other =
                    if code.contains("..=") { code.replace("..=", "..") } else { code.replace("..", "..=") };
                let change = self.change(Kind::Boundary, pattern, other);
                self.site(pattern, Form::Text, vec![change]);
            }
            _ => visit::visit_pat(self, pattern),
        }
    }
}
