//! The changes put in the code: all of them at once, each chosen at run time by its number, or a single one.

use crate::mutant::{Form, Site};
use crate::plan::Plan;
use std::collections::BTreeSet;
use std::ops::Range;

/// A file with all changes that can be chosen at run time.
#[derive(Debug, Default)]
pub(crate) struct Spliced {
    pub(crate) text: String,
    /// Where each change stands in the text.
    pub(crate) changes: Vec<(u32, Range<usize>)>,
    /// Where each site stands: the number of its first change.
    pub(crate) sites: Vec<(u32, Range<usize>)>,
}

/// Splices all changes of a file but those of these numbers.
pub(crate) fn all(plan: &Plan, file: usize, without: &BTreeSet<u32>) -> Spliced {
    let sites: Vec<_> = plan.sites.iter().filter(|site| site.file == file && !site.constant).collect();
    let mut splicer = Splicer {
        text: &plan.sources[file].text,
        left_out: &plan.left_out[file],
        without,
        to: Spliced::default(),
    };
    splicer.range(0..splicer.text.len(), &sites);
    splicer.to
}

/// The text of a file with one change.
pub(crate) fn single(plan: &Plan, id: u32) -> String {
    let site = plan.site_of(id);
    let code = &site.changes[(id - site.first) as usize].code;
    let text = &plan.sources[site.file].text;
    let code = match site.form {
        Form::Body => format!("{{ {code} }}"),
        Form::Statement => "{}".to_owned(),
        Form::Expression => format!("({code})"),
        Form::Guard => format!(" if {code}"),
        Form::LoopEnd => format!("; {code}"),
        Form::Text => code.clone(),
    };
    format!("{}{code}{}", &text[..site.range.start], &text[site.range.end..])
}

struct Splicer<'a> {
    text: &'a str,
    left_out: &'a [Range<usize>],
    without: &'a BTreeSet<u32>,
    to: Spliced,
}

impl Splicer<'_> {
    /// Writes a range of the text with the changes of the sites in it, which are sorted, outer ones first.
    fn range(&mut self, range: Range<usize>, mut sites: &[&Site]) {
        let mut at = range.start;
        while let Some((site, rest)) = sites.split_first() {
            let within = rest
                .iter()
                .take_while(|inner| inner.range.end <= site.range.end && !starts_after(inner, site));
            let within = within.count();
            self.plain(at..site.range.start);
            let start = self.to.text.len();
            self.site(site, &rest[..within]);
            self.to.sites.push((site.first, start..self.to.text.len()));
            at = site.range.end;
            sites = &rest[within..];
        }
        self.plain(at..range.end);
    }

    /// Text without changes, less what is left out.
    fn plain(&mut self, range: Range<usize>) {
        let mut at = range.start;
        for gap in self.left_out.iter().filter(|gap| range.start <= gap.start && gap.end <= range.end) {
            self.to.text.push_str(&self.text[at..gap.start]);
            at = gap.end;
        }
        self.to.text.push_str(&self.text[at..range.end]);
    }

    fn site(&mut self, site: &Site, within: &[&Site]) {
        let ids: Vec<_> = site.ids().filter(|id| !self.without.contains(id)).collect();
        if ids.is_empty() {
            return self.range(site.range.clone(), within);
        }
        let Range { start: first, end } = site.ids();
        let others = format!("..{first} | {end}..");
        let left_out = site.ids().filter(|id| self.without.contains(id)).map(|id| format!(" | {id}"));
        let others = others + &left_out.collect::<String>();
        match site.form {
            Form::Body => {
                self.to.text.push_str(&format!("{{ match crate::mutant::chosen({first}) {{"));
                self.arms(site, &ids, |code| format!("return {code}"));
                self.to.text.push_str(&format!("{others} => {{}} }} "));
                self.range(site.range.start + 1..site.range.end - 1, within);
                self.to.text.push('}');
            }
            Form::Statement => {
                self.to.text.push_str(&format!("match crate::mutant::chosen({first}) {{ {others} => {{ "));
                self.range(site.range.clone(), within);
                self.to.text.push_str(" }");
                self.arms(site, &ids, |_| "{}".to_owned());
                self.to.text.push('}');
            }
            Form::Expression => {
                self.to.text.push_str(&format!("(match crate::mutant::chosen({first}) {{ {others} => "));
                self.range(site.range.clone(), within);
                self.to.text.push(',');
                self.arms(site, &ids, str::to_owned);
                self.to.text.push_str("})");
            }
            Form::Guard => {
                let start = self.to.text.len();
                self.to.text.push_str(&format!(" if crate::mutant::chosen({first}) != {first}"));
                self.to.changes.push((first, start..self.to.text.len()));
            }
            Form::LoopEnd => {
                let start = self.to.text.len();
                self.to
                    .text
                    .push_str(&format!("; if crate::mutant::chosen({first}) == {first} {{ break; }}"));
                self.to.changes.push((first, start..self.to.text.len()));
            }
            Form::Text => unreachable!("a text is never chosen at run time"),
        }
    }

    fn arms(&mut self, site: &Site, ids: &[u32], arm: impl Fn(&str) -> String) {
        for id in ids {
            let start = self.to.text.len();
            let code = arm(&site.changes[(id - site.first) as usize].code);
            self.to.text.push_str(&format!(" {id} => {code},"));
            self.to.changes.push((*id, start..self.to.text.len()));
        }
    }
}

/// Whether a place, which has no length, stands behind a site that ends there.
fn starts_after(inner: &Site, outer: &Site) -> bool {
    inner.range.is_empty() && inner.range.start >= outer.range.end
}

/// The module by which the copy knows which change is chosen, read before anything else runs; or notes, where no change is
/// chosen and it is asked to, which sites it comes by.
pub(crate) const CHOICE: &str = include_str!("choice.rs.in");
