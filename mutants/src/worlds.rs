//! Which code is compiled in which build: the attributes `cfg` of the engine, evaluated.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// The builds that mutants are run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// What ships on x86-64.
    Ships,
    /// The same with the swap of other processors.
    Portable,
    /// The models.
    Loom,
}

/// In which of the builds something is, tests aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) ships: bool,
    pub(crate) portable: bool,
    pub(crate) loom: bool,
}

impl Presence {
    pub(crate) const EVERYWHERE: Self = Self { ships: true, portable: true, loom: true };

    /// What is left of this inside of something with these attributes.
    pub(crate) fn within(self, attributes: &[Attribute]) -> Self {
        let has = |world| attributes.iter().all(|attribute| holds(attribute, world));
        Self {
            ships: self.ships && has(World::Ships),
            portable: self.portable && has(World::Portable),
            loom: self.loom && has(World::Loom),
        }
    }

    /// Whether any build but loom's has it: its stand-ins are not mutated.
    pub(crate) fn is_shipped(self) -> bool {
        self.ships || self.portable
    }
}

fn holds(attribute: &Attribute, world: World) -> bool {
    if !attribute.path().is_ident("cfg") {
        return true;
    }
    attribute.parse_args::<Meta>().map_or(true, |meta| meets(&meta, world))
}

/// Whether `cfg!(…)` of these tokens is true.
pub(crate) fn cfg_macro(tokens: proc_macro2::TokenStream, world: World) -> Option<bool> {
    syn::parse2::<Meta>(tokens).ok().map(|meta| meets(&meta, world))
}

fn meets(meta: &Meta, world: World) -> bool {
    let value_is = |wanted: &str| match meta {
        Meta::NameValue(pair) => matches!(
            &pair.value,
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value() == wanted
        ),
        Meta::Path(_) | Meta::List(_) => false,
    };
    let name = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
    match name.as_str() {
        "all" => parts(meta).iter().all(|part| meets(part, world)),
        "any" => parts(meta).iter().any(|part| meets(part, world)),
        "not" => parts(meta).iter().all(|part| !meets(part, world)),
        "tidegate_loom" => world == World::Loom,
        "tidegate_portable" => world == World::Portable,
        "target_os" => value_is("linux"),
        "target_arch" => value_is("x86_64"),
        "feature" => true,
        // Some of what ships is in loom's build for models of it alone.
        "test" => world == World::Loom,
        // `doctest`, `fuzzing`.
        _ => false,
    }
}

fn parts(meta: &Meta) -> Vec<Meta> {
    let Meta::List(list) = meta else { return Vec::new() };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    parts.map(|parts| parts.into_iter().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn code_is_where_its_attributes_say() {
        let within = |attribute: Attribute| Presence::EVERYWHERE.within(&[attribute]);
        let at = |ships, portable, loom| Presence { ships, portable, loom };
        assert_eq!(within(parse_quote!(#[cfg(test)])), at(false, false, true));
        assert_eq!(within(parse_quote!(#[cfg(not(tidegate_loom))])), at(true, true, false));
        assert_eq!(
            within(
                parse_quote!(#[cfg(all(not(tidegate_loom), any(tidegate_portable, not(target_arch = "x86_64"))))])
            ),
            at(false, true, false)
        );
        assert_eq!(within(parse_quote!(#[cfg(any(test, tidegate_loom))])), at(false, false, true));
        assert_eq!(within(parse_quote!(#[cfg(target_os = "linux")])), at(true, true, true));
        assert_eq!(within(parse_quote!(#[inline])), Presence::EVERYWHERE);
    }
}
