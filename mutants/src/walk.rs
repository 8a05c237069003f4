//! The walk over a file that finds its sites.

use crate::mutant::{Change, Form, Kind, Site};
use crate::rules::{self, Call};
use crate::sources::Source;
use crate::worlds::{self, Presence, World};
use std::collections::BTreeSet;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprBinary, ExprCall, ExprIf, ExprLit, ExprMacro, ExprMethodCall, ExprPath,
    ExprRange, ExprRepeat, ExprStruct, ExprUnary, ExprWhile, ImplItemConst, ImplItemFn, Item, ItemConst,
    ItemFn, ItemImpl, ItemMod, ItemStatic, ItemTrait, Lit, Pat, RangeLimits, ReturnType, Signature, Stmt, TraitItemFn, Type,
    UnOp,
};

/// The bytes of a piece of syntax.
fn range_of(piece: &impl Spanned) -> Range<usize> {
    piece.span().byte_range()
}

/// What is the same for all files.
pub(crate) struct Names {
    /// Functions that constants call.
    pub(crate) needed_by_constants: BTreeSet<String>,
    /// Functions that answer by `bool` whether a swap succeeded.
    pub(crate) attempts: BTreeSet<String>,
}

/// What a file has to offer.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) sites: Vec<Site>,
    /// Bytes that the copy leaves out: `const` before functions.
    pub(crate) left_out: Vec<Range<usize>>,
}

/// Finds the sites of a file that is in these builds.
pub(crate) fn find(file: usize, source: &Source, presence: Presence, names: &Names) -> Found {
    let mut walk = Walk {
        file,
        text: &source.text,
        names,
        presence,
        items: Vec::new(),
        constant: 0,
        found: Found::default(),
    };
    walk.visit_file(&source.syntax);
    walk.found
}

/// The modules of a file that stand in files of their own, with the builds they are in.
pub(crate) fn modules(source: &Source) -> Vec<(String, Presence)> {
    let of = |item: &Item| match item {
        Item::Mod(module) if module.content.is_none() => {
            Some((module.ident.to_string(), Presence::EVERYWHERE.within(&module.attrs)))
        }
        _ => None,
    };
    source.syntax.items.iter().filter_map(of).collect()
}

struct Walk<'a> {
    file: usize,
    text: &'a str,
    names: &'a Names,
    presence: Presence,
    items: Vec<String>,
    /// How many constants we are within.
    constant: usize,
    found: Found,
}

impl Walk<'_> {
    fn code(&self, piece: &impl Spanned) -> &str {
        &self.text[range_of(piece)]
    }

    /// Notes the changes of a site.
    fn site(&mut self, piece: &impl Spanned, form: Form, changes: Vec<Change>) {
        self.site_at(range_of(piece), form, changes);
    }

    fn site_at(&mut self, range: Range<usize>, form: Form, changes: Vec<Change>) {
        if changes.is_empty() || !self.presence.is_shipped() || range.is_empty() && form != Form::Guard && form != Form::LoopEnd {
            return;
        }
        let before = &self.text[..range.start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        self.found.sites.push(Site {
            file: self.file,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            range,
            form,
            item: if self.items.is_empty() { "file".into() } else { self.items.join("::") },
            changes,
            first: 0,
            constant: self.constant > 0 || form == Form::Text,
            portable_only: !self.presence.ships,
            in_loom: self.presence.loom,
        });
    }

    /// A change of a whole expression, shown whole.
    fn change(&self, kind: Kind, piece: &impl Spanned, code: impl Into<String>) -> Change {
        let code = code.into();
        Change { kind, shown: (brief(self.code(piece)), brief(&code)), code }
    }

    fn within(&mut self, attributes: &[Attribute], look: impl FnOnce(&mut Self)) {
        let outside = self.presence;
        self.presence = outside.within(attributes);
        if self.presence.is_shipped() {
            look(self);
        }
        self.presence = outside;
    }

    fn item(&mut self, name: String, attributes: &[Attribute], look: impl FnOnce(&mut Self)) {
        self.within(attributes, |walk| {
            walk.items.push(name);
            look(walk);
            walk.items.pop();
        });
    }

    fn constant(&mut self, look: impl FnOnce(&mut Self)) {
        self.constant += 1;
        look(self);
        self.constant -= 1;
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let is_constant = signature.constness.is_some();
        let is_needed = is_constant && self.names.needed_by_constants.contains(&signature.ident.to_string());
        if let Some(constness) = signature.constness
            && !is_needed
        {
            self.found.left_out.push(range_of(&constness));
        }
        let outside = self.constant;
        self.constant = usize::from(is_needed);
        let body = brief(self.code(block).trim_matches(|edge| matches!(edge, '{' | '}')));
        let changes = rules::constants(&signature.output)
            .into_iter()
            .filter(|value| *value != body && !(value == "()" && body.is_empty()))
            .filter(|value| !(value == "Default::default()" && body == "Self::default()"))
            .map(|value| Change { kind: Kind::Body, shown: ("the body".into(), value.clone()), code: value })
            .collect();
        // One type stands behind `impl Trait`: another needs a build of its own.
        self.constant += usize::from(matches!(&signature.output, ReturnType::Type(_, of) if matches!(**of, Type::ImplTrait(_))));
        self.site(block, Form::Body, changes);
        self.constant = usize::from(is_needed);
        self.visit_block(block);
        self.constant = outside;
    }

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
    fn once(&mut self, whole: &impl Spanned, body: &Block) {
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

    /// Leaves out a statement that is there for its effect.
    fn statement_change(&mut self, statement: &Stmt, expression: &Expr) {
        let leaves_out = match expression {
            Expr::MethodCall(_) | Expr::Call(_) | Expr::Assign(_) | Expr::Break(_) | Expr::Continue(_) => true,
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

    fn arms(&mut self, arms: &[Arm]) {
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
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let name = module.ident.to_string();
        // Two modules with the name `imp` are two builds of one thing: the name tells nothing.
        if name == "imp" {
            self.within(&module.attrs, |walk| visit::visit_item_mod(walk, module));
        } else {
            self.item(name, &module.attrs, |walk| visit::visit_item_mod(walk, module));
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let of = self.code(&item.self_ty).split('<').next().unwrap_or_default().trim_start_matches('&').to_owned();
        let name = match &item.trait_ {
            Some((_, of_trait, _)) => {
                let last = of_trait.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
                format!("{last} for {of}")
            }
            None => of,
        };
        self.item(name, &item.attrs, |walk| visit::visit_item_impl(walk, item));
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.item(item.ident.to_string(), &item.attrs, |walk| visit::visit_item_trait(walk, item));
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.item(item.sig.ident.to_string(), &item.attrs, |walk| walk.function(&item.sig, &item.block));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.item(item.sig.ident.to_string(), &item.attrs, |walk| walk.function(&item.sig, &item.block));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.item(item.sig.ident.to_string(), &item.attrs, |walk| walk.function(&item.sig, block));
        }
    }

    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        self.item(item.ident.to_string(), &item.attrs, |walk| {
            walk.constant(|walk| walk.visit_expr(&item.expr));
        });
    }

    fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
        self.item(item.ident.to_string(), &item.attrs, |walk| {
            walk.constant(|walk| walk.visit_expr(&item.expr));
        });
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        self.item(item.ident.to_string(), &item.attrs, |walk| {
            walk.constant(|walk| walk.visit_expr(&item.expr));
        });
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast ExprRepeat) {
        self.visit_expr(&repeat.expr);
        self.constant(|walk| walk.visit_expr(&repeat.len));
    }

    fn visit_expr_const(&mut self, block: &'ast syn::ExprConst) {
        self.constant(|walk| visit::visit_expr_const(walk, block));
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let (expression, has_end) = match statement {
            Stmt::Expr(expression, end) => (expression, end.is_some()),
            Stmt::Local(local) => return self.within(&local.attrs, |walk| visit::visit_stmt(walk, statement)),
            Stmt::Item(_) | Stmt::Macro(_) => return visit::visit_stmt(self, statement),
        };
        let attributes = attributes_of(expression);
        self.within(attributes, |walk| {
            if has_end && attributes.is_empty() {
                walk.statement_change(statement, expression);
            }
            visit::visit_stmt(walk, statement);
        });
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        self.within(attributes_of(expression), |walk| match expression {
            Expr::If(choice) => walk.visit_expr_if(choice),
            Expr::Match(choice) => {
                walk.visit_expr(&choice.expr);
                walk.arms(&choice.arms);
            }
            Expr::Loop(endless) => {
                walk.once(endless, &endless.body);
                walk.visit_block(&endless.body);
            }
            _ => visit::visit_expr(walk, expression),
        });
    }

    fn visit_expr_if(&mut self, choice: &'ast ExprIf) {
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

    fn visit_expr_while(&mut self, round: &'ast ExprWhile) {
        self.once(round, &round.body);
        self.condition(&round.cond, &["false"]);
        self.visit_block(&round.body);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let [left, right] = [&binary.left, &binary.right].map(|side| self.code(side).to_owned());
        let shown_op = self.code(&binary.op).to_owned();
        let is_cfg = left.contains("cfg!(") || right.contains("cfg!(");
        if !is_cfg && !has_let(&binary.left) && !has_let(&binary.right) {
            let assigns = is_assignment(&binary.op);
            let changes = rules::operators(&binary.op)
                .iter()
                .map(|(kind, op)| Change {
                    kind: *kind,
                    code: if assigns { format!("{left} {op} {right}") } else { format!("({left}) {op} ({right})") },
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

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        let is_cfg = matches!(&*unary.expr, Expr::Macro(call) if call.mac.path.is_ident("cfg"));
        if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) && !is_cfg {
            let code = self.code(&unary.expr).to_owned();
            let change = self.change(Kind::Logic, unary, code);
            self.site(unary, Form::Expression, vec![change]);
        }
        self.visit_expr(&unary.expr);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let changes = self.method_changes(call);
        self.site(call, Form::Expression, changes);
        self.visit_expr(&call.receiver);
        for argument in &call.args {
            self.visit_expr(argument);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
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

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
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
        let changes = weaker.iter().map(|weaker| self.change(kind, path, format!("{start}{weaker}"))).collect();
        self.site(path, Form::Expression, changes);
    }

    fn visit_expr_range(&mut self, range: &'ast ExprRange) {
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

    fn visit_expr_lit(&mut self, literal: &'ast ExprLit) {
        let changes = match &literal.lit {
            Lit::Int(number) => {
                let (Ok(value), suffix) = (number.base10_parse::<u128>(), number.suffix()) else { return };
                let suffix = if suffix.is_empty() { String::new() } else { format!("_{suffix}") };
                let less = value.checked_sub(1);
                let values = [value.checked_add(1), less].into_iter().flatten();
                values
                    .map(|value| self.change(Kind::Literal, literal, format!("{value}{suffix}")))
                    .collect()
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

    fn visit_expr_struct(&mut self, whole: &'ast ExprStruct) {
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

    fn visit_expr_macro(&mut self, call: &'ast ExprMacro) {
        if call.mac.path.is_ident("matches") {
            let code = format!("!{}", self.code(call));
            let change = self.change(Kind::Logic, call, code);
            self.site(call, Form::Expression, vec![change]);
        }
    }

    fn visit_pat(&mut self, pattern: &'ast Pat) {
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
                let other = if code.contains("..=") { code.replace("..=", "..") } else { code.replace("..", "..=") };
                let change = self.change(Kind::Boundary, pattern, other);
                self.site(pattern, Form::Text, vec![change]);
            }
            _ => visit::visit_pat(self, pattern),
        }
    }

    // Types hold no code but the lengths of arrays; lengths are changed where they are defined.
    fn visit_type(&mut self, _: &'ast syn::Type) {}
}

fn is_assignment(op: &BinOp) -> bool {
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

fn is_wildcard(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        // `None` looks like a name too.
        Pat::Ident(name) => name.subpat.is_none() && name.ident.to_string().starts_with(char::is_lowercase),
        _ => false,
    }
}

/// Whether a condition is a chain with `let`.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) => has_let(left) || has_let(right),
        _ => false,
    }
}

fn attributes_of(expression: &Expr) -> &[Attribute] {
    match expression {
        Expr::Block(piece) => &piece.attrs,
        Expr::Call(piece) => &piece.attrs,
        Expr::If(piece) => &piece.attrs,
        Expr::Loop(piece) => &piece.attrs,
        Expr::Macro(piece) => &piece.attrs,
        Expr::Match(piece) => &piece.attrs,
        Expr::MethodCall(piece) => &piece.attrs,
        Expr::Unsafe(piece) => &piece.attrs,
        Expr::While(piece) => &piece.attrs,
        _ => &[],
    }
}

/// Code in one line, cut in the middle where it is long.
fn brief(code: &str) -> String {
    const LONGEST: usize = 90;
    let line = code.lines().map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= LONGEST {
        return line;
    }
    let start: String = line.chars().take(LONGEST / 2).collect();
    let end: String = line.chars().skip(length - LONGEST / 2).collect();
    format!("{start} … {end}")
}

/// The last of a long operand.
fn tail(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= 40 { line } else { format!("…{}", line.chars().skip(length - 36).collect::<String>()) }
}

/// The first of one.
fn head(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 40 { line } else { format!("{}…", line.chars().take(36).collect::<String>()) }
}
