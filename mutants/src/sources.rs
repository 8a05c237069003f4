//! The engine's code: its files, parsed, and which of its constant functions the compiler itself must call.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprCall, ExprConst, ExprMethodCall, ExprRepeat, ImplItemConst, ImplItemFn, ItemConst,
    ItemFn, ItemStatic, ReturnType, Signature, Type, TypeArray,
};
use walkdir::WalkDir;

/// A file of the engine.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path from the engine's folder, such as `src/table/slot.rs`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

/// All files of the engine below one of its folders.
pub(crate) fn read(engine: &Path, folder: &str) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for entry in WalkDir::new(engine.join(folder)).sort_by_file_name() {
        let entry = entry?;
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let path = entry.path().strip_prefix(engine)?.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(entry.path())?;
        let syntax = syn::parse_file(&text).with_context(|| format!("{path} does not parse"))?;
        sources.push(Source { path, text, syntax });
    }
    Ok(sources)
}

/// The names of the functions that constants need.
///
/// The others lose their `const` in the copy, so that a choice at run time can stand in them. Names are all there is
/// to go by: of two functions with one name, both are kept if one is needed.
pub(crate) fn needed_by_constants<'a>(sources: impl Iterator<Item = &'a Source>) -> BTreeSet<String> {
    let mut calls = Calls::default();
    for source in sources {
        calls.visit_file(&source.syntax);
    }
    let mut needed = calls.by_constants;
    loop {
        let more: Vec<_> = calls
            .by_functions
            .iter()
            .filter(|(caller, called)| needed.contains(caller) && !needed.contains(called))
            .map(|(_, called)| called.clone())
            .collect();
        if more.is_empty() {
            return needed;
        }
        needed.extend(more);
    }
}

/// Who calls which function, by name.
#[derive(Default)]
struct Calls {
    /// Within constants, lengths and statics.
    by_constants: BTreeSet<String>,
    /// By constant functions: caller and called.
    by_functions: Vec<(String, String)>,
    in_constant: usize,
    in_function: Vec<String>,
}

impl Calls {
    fn note(&mut self, called: String) {
        if self.in_constant > 0 {
            self.by_constants.insert(called);
        } else if let Some(caller) = self.in_function.last() {
            self.by_functions.push((caller.clone(), called));
        }
    }

    /// Looks at what the compiler evaluates.
    fn evaluated(&mut self, look: impl FnOnce(&mut Self)) {
        self.in_constant += 1;
        look(self);
        self.in_constant -= 1;
    }

    /// What has a type and a value that the compiler evaluates.
    fn constant<'ast>(&mut self, of: &'ast Type, value: &'ast Expr) {
        self.visit_type(of);
        self.evaluated(|calls| calls.visit_expr(value));
    }

    fn function<'ast>(&mut self, signature: &'ast Signature, block: &'ast Block) {
        if signature.constness.is_some() {
            self.in_function.push(signature.ident.to_string());
            self.visit_block(block);
            self.in_function.pop();
        } else {
            let outside = std::mem::take(&mut self.in_function);
            self.visit_signature(signature);
            self.visit_block(block);
            self.in_function = outside;
        }
    }
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        self.constant(&item.ty, &item.expr);
    }

    fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
        self.constant(&item.ty, &item.expr);
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        self.constant(&item.ty, &item.expr);
    }

    fn visit_type_array(&mut self, array: &'ast TypeArray) {
        self.constant(&array.elem, &array.len);
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast ExprRepeat) {
        self.visit_expr(&repeat.expr);
        self.evaluated(|calls| calls.visit_expr(&repeat.len));
    }

    fn visit_expr_const(&mut self, block: &'ast ExprConst) {
        self.evaluated(|calls| visit::visit_expr_const(calls, block));
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            self.note(last.ident.to_string());
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.note(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }
}

/// The functions that say by `bool` whether a swap succeeded: those that swap, and those that ask them.
pub(crate) fn attempts(sources: &[Source]) -> BTreeSet<String> {
    let mut answers = Answers::default();
    for source in sources {
        answers.text = &source.text;
        answers.visit_file(&source.syntax);
    }
    let mut attempts = BTreeSet::new();
    loop {
        let swaps = |body: &&str| {
            body.contains("compare_exchange")
                || body.contains("cmpxchg")
                || attempts.iter().any(|name| body.contains(&format!(".{name}(")))
        };
        let found: BTreeSet<_> =
            answers.bodies.iter().filter(|(_, body)| swaps(body)).map(|(name, _)| name.clone()).collect();
        if found.len() == attempts.len() {
            return attempts;
        }
        attempts = found;
    }
}

/// The functions that give a `bool`, and their bodies.
#[derive(Default)]
struct Answers<'a> {
    text: &'a str,
    bodies: Vec<(String, &'a str)>,
}

impl<'ast> Visit<'ast> for Answers<'_> {
    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if let ReturnType::Type(_, of) = &item.sig.output
            && matches!(&**of, Type::Path(path) if path.path.is_ident("bool"))
        {
            let body = &self.text[item.block.span().byte_range()];
            self.bodies.push((item.sig.ident.to_string(), body));
        }
    }
}
