//! The table as a page.

use super::case::Found;
use crate::simulate::report::curve::Page;
use maud::html;

pub(super) fn render(rows: &[Found], held: usize, seed: u64) -> String {
    let table = html! {
        section {
            h2 { "Expected beside found" }
            div.scroll {
                table {
                    thead { tr {
                        @for name in ["set-up", "measure", "expected", "found", "±, 99%", "may be", "n", ""] {
                            th scope="col" { (name) }
                        }
                    } }
                    tbody {
                        @for row in rows {
                            tr {
                                th scope="row" { (row.set_up) }
                                td.word { (row.measure) }
                                td { (row.expected_text) }
                                td { (row.found_text()) }
                                td { @if let Some(half_width) = row.half_width { (format!("{half_width:.2}%")) } }
                                td { @if let Some(allowed) = row.allowed { (format!("{allowed:.1}%")) } }
                                td { @if row.n > 0 { (row.n) } }
                                td { @if row.holds { "holds" } @else { strong { "MISSED" } } }
                            }
                        }
                    }
                }
            }
        }
    };
    let page = Page {
        about: "Validation of the simulator".into(),
        headline: format!("{held} of {} known values are found.", rows.len()),
        facts: vec![("seed".into(), seed.to_string())],
        sections: vec![table],
        note: "A simulated value holds if the known one lies in the 99% interval of its replications (Student’s t) and the interval is no \
               wider than it may be. Of a hundred such intervals one misses by chance: another seed tells."
            .into(),
    };
    page.render()
}
