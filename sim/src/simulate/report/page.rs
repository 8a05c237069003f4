//! What every page is made of: its frame, facts, figures, legends.

use super::colours::css;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use plotters::style::RGBColor;

const STYLE: &str = include_str!("style.css");

/// A whole page as text. It refers to nothing outside of itself.
pub(super) fn page(title: &str, header: &Markup, sections: &Markup, footer: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Tidegate" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (header) }
                main { (sections) }
                footer { (footer) }
            }
        }
    };
    page.into_string()
}

/// The top of a page: what it is about, and what it comes to.
pub(super) fn heading(about: &str, headline: &str) -> Markup {
    html! {
        p.kicker { (about) }
        h1 { (quoted(headline)) }
    }
}

/// A number with its name.
pub(super) struct Fact {
    /// Its name.
    pub(super) name: String,
    /// The number.
    pub(super) value: String,
    /// How far its interval goes, if it has one.
    pub(super) interval: Option<String>,
}

impl Fact {
    /// One without an interval.
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), interval: None }
    }
}

/// Facts in a row.
pub(super) fn facts(facts: impl IntoIterator<Item = Fact>) -> Markup {
    html! {
        dl.facts {
            @for fact in facts {
                div {
                    dt { (fact.name) }
                    dd { (fact.value) @if let Some(interval) = fact.interval { " " small { (interval) } } }
                }
            }
        }
    }
}

/// A text whose names, in back quotes, are set as such.
pub(super) fn quoted(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { span.name { (part) } } @else { (part) }
        }
    }
}

/// What stands for a colour in a text.
pub(super) fn swatch(colour: RGBColor) -> Markup {
    html! { span.swatch style={ "background:" (css(colour)) } {} }
}

/// What a legend explains.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// An area of this colour.
    Area(RGBColor),
    /// A line of this colour.
    Line(RGBColor),
    /// A filled point.
    Point(RGBColor),
    /// A hollow one.
    Hollow(RGBColor),
    /// A point with three corners.
    Corners(RGBColor),
}

impl Render for Key {
    fn render(&self) -> Markup {
        // Written as the drawings are, so that the style sheet dashes the same lines here.
        let hex = |colour: RGBColor| css(colour).to_uppercase();
        let small = |inner: Markup| html! { svg.key viewBox="0 0 96 48" aria-hidden="true" { (inner) } };
        match *self {
            Self::Area(colour) => swatch(colour),
            Self::Line(colour) => small(html! {
                polyline fill="none" stroke=(hex(colour)) stroke-width="8" points="0,24 96,24" {}
            }),
            Self::Point(colour) => small(html! { circle cx="48" cy="24" r="18" fill=(hex(colour)) {} }),
            Self::Hollow(colour) => small(html! {
                circle cx="48" cy="24" r="15" fill="none" stroke=(hex(colour)) stroke-width="7" {}
            }),
            Self::Corners(colour) => small(html! { polygon points="48,2 70,42 26,42" fill=(hex(colour)) {} }),
        }
    }
}

/// What the colours of a chart stand for.
pub(super) fn legend<N: AsRef<str>>(entries: impl IntoIterator<Item = (Key, N)>) -> Markup {
    html! { ul.legend { @for (key, name) in entries { li { (key) (name.as_ref()) } } } }
}

/// A chart with its title, what it shows, and its legend.
pub(super) fn figure(title: &str, explanation: &str, legend: &Markup, chart: &Markup) -> Markup {
    html! {
        figure {
            figcaption { h3 { (title) } p { (explanation) } }
            (legend)
            (chart)
        }
    }
}

/// In the place of a chart that would show nothing.
pub(super) fn nothing(why: &str) -> Markup {
    html! { p.nothing { (why) } }
}
