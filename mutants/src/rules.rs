//! What an operator, a method or a function's result is changed to.

use crate::mutant::Kind;
use syn::{BinOp, GenericArgument, PathArguments, ReturnType, Type};

/// Operators that stand in an operator's place.
pub(crate) fn operators(op: &BinOp) -> &'static [(Kind, &'static str)] {
    use Kind::{Arithmetic, Boundary, Comparison, Logic};
    match op {
        BinOp::Lt(_) => &[(Boundary, "<="), (Comparison, ">"), (Comparison, "==")],
        BinOp::Le(_) => &[(Boundary, "<"), (Comparison, ">")],
        BinOp::Gt(_) => &[(Boundary, ">="), (Comparison, "<"), (Comparison, "==")],
        BinOp::Ge(_) => &[(Boundary, ">"), (Comparison, "<")],
        BinOp::Eq(_) => &[(Boundary, "!=")],
        BinOp::Ne(_) => &[(Boundary, "==")],
        BinOp::And(_) => &[(Logic, "||")],
        BinOp::Or(_) => &[(Logic, "&&")],
        BinOp::Add(_) => &[(Arithmetic, "-"), (Arithmetic, "*")],
        BinOp::Sub(_) => &[(Arithmetic, "+"), (Arithmetic, "/")],
        BinOp::Mul(_) => &[(Arithmetic, "/"), (Arithmetic, "+")],
        BinOp::Div(_) => &[(Arithmetic, "*"), (Arithmetic, "%")],
        BinOp::Rem(_) => &[(Arithmetic, "/"), (Arithmetic, "+")],
        BinOp::BitAnd(_) => &[(Arithmetic, "|"), (Arithmetic, "^")],
        BinOp::BitOr(_) => &[(Arithmetic, "&"), (Arithmetic, "^")],
        BinOp::BitXor(_) => &[(Arithmetic, "&"), (Arithmetic, "|")],
        BinOp::Shl(_) => &[(Arithmetic, ">>")],
        BinOp::Shr(_) => &[(Arithmetic, "<<")],
        BinOp::AddAssign(_) => &[(Arithmetic, "-="), (Arithmetic, "*=")],
        BinOp::SubAssign(_) => &[(Arithmetic, "+="), (Arithmetic, "/=")],
        BinOp::MulAssign(_) => &[(Arithmetic, "/="), (Arithmetic, "+=")],
        BinOp::DivAssign(_) => &[(Arithmetic, "*="), (Arithmetic, "%=")],
        BinOp::BitAndAssign(_) => &[(Arithmetic, "|="), (Arithmetic, "^=")],
        BinOp::BitOrAssign(_) => &[(Arithmetic, "&="), (Arithmetic, "^=")],
        BinOp::ShlAssign(_) => &[(Arithmetic, ">>=")],
        BinOp::ShrAssign(_) => &[(Arithmetic, "<<=")],
        _ => &[],
    }
}

/// What a method call becomes.
pub(crate) enum Call {
    /// One of another method with the same arguments.
    Other(&'static str),
    /// Its receiver.
    Receiver,
    /// Its opposite.
    Not,
    /// The same in a `Some`, by a method that wraps.
    SomeOf(&'static str),
    /// The receiver divided, rounded down.
    Quotient,
}

/// What a call of a method is changed to.
pub(crate) fn methods(name: &str) -> &'static [Call] {
    use Call::{Not, Other, Quotient, Receiver, SomeOf};
    match name {
        "min" => &[Other("max"), Receiver],
        "max" => &[Other("min"), Receiver],
        "clamp" | "rev" | "skip" | "take_while" | "filter" | "next_multiple_of" | "next_power_of_two" => {
            &[Receiver]
        }
        "saturating_add" => &[Other("saturating_sub"), Other("wrapping_add")],
        "saturating_sub" => &[Other("saturating_add"), Other("wrapping_sub")],
        "saturating_mul" => &[Other("wrapping_mul"), Other("saturating_add")],
        "wrapping_add" => &[Other("wrapping_sub"), Other("saturating_add")],
        "wrapping_sub" => &[Other("wrapping_add"), Other("saturating_sub")],
        "wrapping_mul" => &[Other("wrapping_add"), Other("saturating_mul")],
        "checked_add" => &[SomeOf("wrapping_add")],
        "checked_sub" => &[SomeOf("wrapping_sub")],
        "checked_mul" => &[SomeOf("wrapping_mul")],
        "checked_shr" => &[SomeOf("wrapping_shr")],
        "checked_shl" => &[SomeOf("wrapping_shl")],
        "div_ceil" => &[Quotient],
        "is_some" => &[Other("is_none")],
        "is_none" => &[Other("is_some")],
        "is_ok" => &[Other("is_err")],
        "is_err" => &[Other("is_ok")],
        "any" => &[Other("all")],
        "all" => &[Other("any")],
        "is_empty" => &[Not],
        "fetch_add" => &[Other("fetch_sub")],
        "fetch_sub" => &[Other("fetch_add")],
        "fetch_max" => &[Other("fetch_min")],
        "fetch_min" => &[Other("fetch_max")],
        "fetch_or" => &[Other("fetch_and")],
        "fetch_and" => &[Other("fetch_or")],
        "trailing_ones" => &[Other("trailing_zeros")],
        "leading_zeros" => &[Other("trailing_zeros")],
        _ => &[],
    }
}

/// Constants that a function of this type could give instead of what it gives.
pub(crate) fn constants(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec!["()".into()],
        ReturnType::Type(_, of) => values(of),
    }
}

fn values(of: &Type) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match of {
        Type::Tuple(tuple) if tuple.elems.is_empty() => texts(&["()"]),
        Type::Tuple(tuple) => {
            let first: Vec<_> =
                tuple.elems.iter().filter_map(|part| values(part).into_iter().next()).collect();
            if first.len() == tuple.elems.len() {
                vec![format!("({},)", first.join(", "))]
            } else {
                Vec::new()
            }
        }
        Type::Reference(reference) if is_named(&reference.elem, "str") => texts(&["\"\"", "\"xyzzy\""]),
        Type::Array(array) => {
            let values = values(&array.elem).into_iter().filter(|value| !value.contains("Default"));
            values.map(|value| format!("std::array::from_fn(|_| {value})")).collect()
        }
        Type::ImplTrait(_) => texts(&["std::iter::empty()"]),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return Vec::new() };
            let inner = || match &last.arguments {
                PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
                    Some(GenericArgument::Type(of)) => values(of),
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            match last.ident.to_string().as_str() {
                "bool" => texts(&["true", "false"]),
                "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => texts(&["0", "1"]),
                "i8" | "i16" | "i32" | "i64" | "isize" => texts(&["0", "1", "-1"]),
                "f32" | "f64" => texts(&["0.0", "1.0"]),
                "String" => texts(&["String::new()"]),
                "Option" => {
                    let some = inner().into_iter().map(|value| format!("Some({value})"));
                    std::iter::once("None".to_owned()).chain(some).collect()
                }
                "Result" if last.arguments.is_none() => texts(&["Ok(())"]),
                "Result" => inner().into_iter().map(|value| format!("Ok({value})")).collect(),
                "Nanos" => texts(&["Default::default()", "crate::nanos::Nanos::new(1)"]),
                _ => texts(&["Default::default()"]),
            }
        }
        _ => Vec::new(),
    }
}

fn is_named(of: &Type, name: &str) -> bool {
    matches!(of, Type::Path(path) if path.path.is_ident(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_function_gives_constants_of_its_type() {
        assert_eq!(constants(&parse_quote!()), ["()"]);
        assert_eq!(constants(&parse_quote!(-> bool)), ["true", "false"]);
        assert_eq!(constants(&parse_quote!(-> Option<u64>)), ["None", "Some(0)", "Some(1)"]);
        assert_eq!(constants(&parse_quote!(-> (u64, bool))), ["(0, true,)"]);
        assert_eq!(constants(&parse_quote!(-> &'static str)), ["\"\"", "\"xyzzy\""]);
        assert_eq!(constants(&parse_quote!(-> fmt::Result)), ["Ok(())"]);
        assert!(constants(&parse_quote!(-> &Plan)).is_empty());
    }
}
