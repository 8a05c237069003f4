//! The walk over a file that finds its sites.

mod calls;
mod control;
mod operators;
mod shown;
mod values;

use crate::mutant::{Change, Form, Kind, Site};
use crate::rules;
use crate::sources::Source;
use crate::worlds::Presence;
use shown::brief;
use std::collections::BTreeSet;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, Expr, ExprBinary, ExprCall, ExprIf, ExprLit, ExprMacro, ExprMethodCall, ExprPath,
    ExprRange, ExprRepeat, ExprStruct, ExprUnary, ExprWhile, ImplItemConst, ImplItemFn, Item, ItemConst,
    ItemFn, ItemImpl, ItemMod, ItemStatic, ItemTrait, Pat, ReturnType, Signature, Stmt, TraitItemFn, Type,
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
        is_unused: false,
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
    /// Whether nobody asks what the method call to come answers.
    is_unused: bool,
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
        if changes.is_empty()
            || !self.presence.is_shipped()
            || range.is_empty() && form != Form::Guard && form != Form::LoopEnd
        {
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
        self.constant += usize::from(
            matches!(&signature.output, ReturnType::Type(_, of) if matches!(**of, Type::ImplTrait(_))),
        );
        self.site(block, Form::Body, changes);
        self.constant = usize::from(is_needed);
        self.visit_block(block);
        self.constant = outside;
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
        let of =
            self.code(&item.self_ty).split('<').next().unwrap_or_default().trim_start_matches('&').to_owned();
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
            Stmt::Local(local) => {
                let value = local.init.as_ref().map(|init| &*init.expr);
                let is_unused =
                    matches!(local.pat, Pat::Wild(_)) && matches!(value, Some(Expr::MethodCall(_)));
                return self.within(&local.attrs, |walk| {
                    walk.is_unused = is_unused;
                    visit::visit_stmt(walk, statement);
                });
            }
            Stmt::Item(_) | Stmt::Macro(_) => return visit::visit_stmt(self, statement),
        };
        let attributes = attributes_of(expression);
        self.within(attributes, |walk| {
            if has_end && attributes.is_empty() {
                walk.statement(statement, expression);
            }
            walk.is_unused = has_end && matches!(expression, Expr::MethodCall(_));
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
        self.choice(choice);
    }

    fn visit_expr_while(&mut self, round: &'ast ExprWhile) {
        self.round(round);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        self.binary(binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        self.unary(unary);
    }

    fn visit_expr_range(&mut self, range: &'ast ExprRange) {
        self.range(range);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.method_call(call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        self.call(call);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.path(path);
    }

    fn visit_expr_lit(&mut self, literal: &'ast ExprLit) {
        self.literal(literal);
    }

    fn visit_expr_struct(&mut self, whole: &'ast ExprStruct) {
        self.fields(whole);
    }

    fn visit_expr_macro(&mut self, call: &'ast ExprMacro) {
        self.macro_call(call);
    }

    fn visit_pat(&mut self, pattern: &'ast Pat) {
        self.pattern(pattern);
    }

    // Types hold no code but the lengths of arrays; lengths are changed where they are defined.
    fn visit_type(&mut self, _: &'ast Type) {}
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
