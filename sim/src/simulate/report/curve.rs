//! A measure over a parameter, and the page of such curves.

use super::charts::{self, Of, Whisker};
use super::colours::{ADMITTED, DENIED, FIRST, OTHER};
use super::measure::Words;
use super::page::{self, Fact, Key, figure, legend, nothing};
use maud::{Markup, html};

/// A measure over a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// The parameter.
    pub(crate) parameter: String,
    /// What is measured.
    pub(crate) measure: Words,
    /// Of whom, or where: words that follow the measure's name.
    pub(crate) of: String,
    /// What was measured, in any order.
    pub(crate) points: Vec<Point>,
    /// What the measure should reach, or not exceed.
    pub(crate) target: Option<f64>,
    /// Between which values of the parameter the answer lies.
    pub(crate) bracket: Option<(f64, f64)>,
}

/// What was measured with one value of the parameter.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The value, as it is written.
    pub(crate) value: String,
    /// Its place on the axis; `None` of what is no number. If one point has none, all are set in rows.
    pub(crate) at: Option<f64>,
    /// The mean.
    pub(crate) mean: f64,
    /// How far its interval goes on either side.
    pub(crate) half_width: f64,
    /// From how many replications.
    pub(crate) n: u64,
    /// Whether the target is met, if there is one.
    pub(crate) answer: Option<Answer>,
}

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The whole interval says so.
    Met,
    /// The whole interval says no.
    Missed,
    /// Neither.
    Undecided,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
        }
    }
}

/// A page of curves, or of anything that a parameter was tried for.
pub(crate) struct Page {
    /// What it is about.
    pub(crate) about: String,
    /// What it comes to.
    pub(crate) headline: String,
    /// How it was done: names and values.
    pub(crate) facts: Vec<(String, String)>,
    /// Its sections: each [`Curve::section`], or a [`Heat`](super::heat::Heat) with a heading.
    pub(crate) sections: Vec<Markup>,
    /// What the reader should know of how it was found.
    pub(crate) note: String,
}

impl Page {
    /// The whole page as text.
    pub(crate) fn render(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| Fact::new(name, value));
        let header = html! { (page::heading(&self.about, &self.headline)) (page::facts(facts)) };
        let sections = html! { @for section in &self.sections { (section) } };
        page::page(&self.about, &header, &sections, &html! { p { (page::quoted(&self.note)) } })
    }
}

impl Curve {
    /// A section of its charts and its table.
    pub(crate) fn section(&self) -> anyhow::Result<Markup> {
        if let Some(same) = self.same() {
            return Ok(html! { section { h2 { (self.title()) } (nothing(&same)) } });
        }
        let charts = if self.is_of_numbers() { self.curves()? } else { self.rows()? };
        Ok(html! {
            section {
                h2 { (self.title()) }
                div.pair.top { (charts) (self.table()) }
            }
        })
    }

    /// That it is the same with every value, if it is: a level line would say no more.
    fn same(&self) -> Option<String> {
        let first = self.points.first()?;
        let same = self.points.iter().all(|point| point.mean == first.mean && point.half_width == 0.0);
        let value = self.measure.unit.value(first.mean);
        (same && self.target.is_none()).then(|| format!("{value} with each of {} values.", self.points.len()))
    }

    fn title(&self) -> String {
        format!("{} {}, by {}", capital(&self.measure.name), self.of, self.parameter)
    }

    fn is_of_numbers(&self) -> bool {
        self.points.iter().all(|point| point.at.is_some())
    }

    /// All of it, and what is near the answer by itself where the whole hides that.
    fn curves(&self) -> anyhow::Result<Markup> {
        let whole = charts::swept(self, (f64::MIN, f64::MAX))?;
        let near = match self.near() {
            Some(range) => Some(charts::swept(self, range)?),
            None => None,
        };
        let title = if near.is_some() { "All that was tried".into() } else { capital(&self.measure.name) };
        Ok(html! {
            div.column {
                (figure(&title, &self.explanation(), &self.legend(), &whole))
                @if let Some(near) = near {
                    (figure("Near the answer", "The same, as far as it lies about the bracket.", &Markup::default(), &near))
                }
            }
        })
    }

    /// The part of the axis about the bracket, if it is a small one that has points enough.
    fn near(&self) -> Option<(f64, f64)> {
        let (low, high) = self.bracket?;
        let places = || self.points.iter().filter_map(|point| point.at);
        let (first, last) = (places().fold(f64::MAX, f64::min), places().fold(f64::MIN, f64::max));
        let range = (low * 0.8, high * 1.25);
        let is_small = range.1.min(last) - range.0.max(first) < 0.6 * (last - first);
        let within = places().filter(|at| (range.0..=range.1).contains(at)).count();
        (is_small && within >= 3).then_some(range)
    }

    /// Values that are no numbers, a row each.
    fn rows(&self) -> anyhow::Result<Markup> {
        let whisker = |point: &Point| Whisker {
            name: point.value.clone(),
            centre: point.mean,
            half_width: point.half_width,
            colour: charts::colour_of(point),
            is_sure: point.answer != Some(Answer::Undecided),
        };
        let rows: Vec<Whisker> = self.points.iter().map(whisker).collect();
        let chart = charts::whiskers(&self.measure.name, Of::Values(self.target), self.measure.unit, &rows)?;
        Ok(figure(&capital(&self.measure.name), &self.explanation(), &self.legend(), &chart))
    }

    fn explanation(&self) -> String {
        let bracket =
            if self.bracket.is_some() { " Grey ground: between these two the answer lies." } else { "" };
        format!("Means of replications; whiskers and band: their 95% intervals.{bracket}")
    }

    fn legend(&self) -> Markup {
        let has = |answer| self.points.iter().any(|point| point.answer == Some(answer));
        let answers = [
            (Answer::Met, Key::Point(ADMITTED), "target met"),
            (Answer::Missed, Key::Corners(DENIED), "missed"),
            (Answer::Undecided, Key::Hollow(OTHER), "undecided"),
        ];
        let answers = answers.into_iter().filter(|(answer, ..)| has(*answer));
        let target = self
            .target
            .map(|target| (Key::Line(DENIED), format!("target, {}", self.measure.unit.value(target))));
        let bracket = self.bracket.map(|_| (Key::Area(FIRST), "bracket".to_owned()));
        legend(answers.map(|(_, key, name)| (key, name.to_owned())).chain(target).chain(bracket))
    }

    /// The numbers, in the order of the parameter.
    fn table(&self) -> Markup {
        let mut points: Vec<&Point> = self.points.iter().collect();
        points.sort_by(|a, b| a.at.partial_cmp(&b.at).unwrap_or(std::cmp::Ordering::Equal));
        let answers = points.iter().any(|point| point.answer.is_some());
        html! {
            div.scroll {
                table {
                    thead { tr {
                        th scope="col" { (self.parameter) }
                        th scope="col" { (self.measure.name) }
                        th scope="col" { "± (95%)" }
                        th scope="col" { "replications" }
                        @if answers { th.word scope="col" { "target" } }
                    } }
                    tbody { @for point in points {
                        @let (mean, half_width) = self.measure.unit.with_interval(point.mean, point.half_width);
                        tr {
                            th scope="row" { (point.value) }
                            td { (mean) }
                            td { (half_width) }
                            td { (point.n) }
                            @if answers { td.word { (point.answer.map_or("", Answer::word)) } }
                        }
                    } }
                }
            }
        }
    }
}

/// A text that begins a sentence.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
