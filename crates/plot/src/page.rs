//! One HTML file with everything inside: tables, definitions and pictures; no script, and nothing is loaded.

use askama::Template;
use data_encoding::BASE64;
use record::figures::{Cell, Section};
use record::text::escape;

/// The most characters shown of one cell.
const MAX_CELL: usize = 300;
/// The most characters without a space that stand in one line: those of any address with its port.
const MAX_NAME: usize = 70;
/// The most characters shown of a sentence.
const MAX_WORDS: usize = 2_000;

/// What a page says, from its title to its last line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// The same in a sentence.
    pub lead: String,
    /// Names and values that stand above all else.
    pub facts: Vec<(String, String)>,
    /// Its chapters, in order.
    pub chapters: Vec<Chapter>,
    /// Where it comes from.
    pub footer: String,
}

/// A part of a page: pictures, and the tables below them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chapter {
    /// Its name in links: small letters and underscores.
    pub key: &'static str,
    /// What stands above it.
    pub title: String,
    /// Its pictures.
    pub pictures: Vec<Illustration>,
    /// Its tables; those without rows are left out.
    pub sections: Vec<Section>,
}

/// A picture in a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Illustration {
    /// What it shows, for those who do not see it.
    pub alt: String,
    /// The picture, as SVG.
    pub svg: String,
}

impl Page {
    /// Writes the page; whatever is in it is escaped.
    pub fn html(&self) -> String {
        let shown = self.chapters.iter().filter(|it| !it.is_empty());
        let page = Html {
            title: &self.title,
            lead: &self.lead,
            facts: &self.facts,
            chapters: &shown.collect::<Vec<_>>(),
            footer: &self.footer,
            style: include_str!("page.css").trim_end(),
        };
        page.render()
            .expect("writing to memory does not fail, and nothing in the page can")
    }
}

impl Chapter {
    fn is_empty(&self) -> bool {
        let has_rows = |it: &Section| !it.table.rows.is_empty();
        self.pictures.is_empty() && !self.sections.iter().any(has_rows)
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct Html<'a> {
    title: &'a str,
    lead: &'a str,
    facts: &'a [(String, String)],
    chapters: &'a [&'a Chapter],
    footer: &'a str,
    style: &'a str,
}

impl Illustration {
    /// Returns the picture as something that an `img` shows: so nothing in it can ever run.
    fn data_url(&self) -> String {
        format!(
            "data:image/svg+xml;base64,{}",
            BASE64.encode(self.svg.as_bytes())
        )
    }
}

/// Words that are ours may have somebody else's in them: file names, names of observers.
fn clean(words: &str) -> String {
    escape(words, MAX_WORDS)
}

/// What a template asks of a cell.
trait Shown {
    fn shown(&self) -> String;
}

impl Shown for Cell {
    fn shown(&self) -> String {
        match self {
            Cell::Text(text) if text.is_empty() => "(empty)".to_owned(),
            Cell::Text(text) => escape(text, MAX_CELL),
            cell => cell.to_string(),
        }
    }
}

/// What a template asks of a section.
trait Headed {
    fn has_headings(&self) -> bool;
    fn column_class(&self, n: &usize) -> &'static str;
    fn cell_class(&self, cell: &Cell, n: &usize) -> &'static str;
}

impl Headed for Section {
    fn has_headings(&self) -> bool {
        self.table.columns.iter().any(|it| !it.is_empty())
    }

    /// Numbers stand below each other, with their heading; a column that has words has words alone.
    fn column_class(&self, n: &usize) -> &'static str {
        let is_words = |row: &Vec<Cell>| matches!(row.get(*n), Some(Cell::Text(_)));
        match self.table.rows.iter().any(is_words) {
            true => "words",
            false => "number",
        }
    }

    fn cell_class(&self, cell: &Cell, n: &usize) -> &'static str {
        match cell {
            Cell::Text(text) if is_name(text) => "name",
            Cell::Empty if self.column_class(n) == "words" => "name",
            _ => self.column_class(n),
        }
    }
}

/// Whether a text is kept in one piece: what has no spaces, such as an address or a date, or is short.
fn is_name(text: &str) -> bool {
    let longest = if text.contains(' ') { 24 } else { MAX_NAME };
    text.chars().count() <= longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::figures::Table;

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "<script>alert(1)</script>\u{202e}\"'&\x1b";
        let page = Page {
            title: hostile.to_owned(),
            lead: hostile.to_owned(),
            facts: vec![(hostile.to_owned(), hostile.to_owned())],
            chapters: vec![Chapter {
                key: "what",
                title: "What".to_owned(),
                pictures: vec![Illustration {
                    alt: hostile.to_owned(),
                    svg: format!("<svg>{hostile}</svg>"),
                }],
                sections: vec![section(vec![hostile.into(), 7.into()])],
            }],
            footer: hostile.to_owned(),
        };
        let html = page.html();
        for forbidden in ["<script", "\u{1b}", "\"'&"] {
            assert!(!html.contains(forbidden), "{html}");
        }
        let cell = "<td class=\"name\">&#60;script&#62;alert(1)&#60;/script&#62;\\u{202e}&#34;&#39;&#38;\\u{1b}</td>\
                    <td class=\"number\">7</td>";
        assert!(html.contains(cell), "{html}");
        for loaded in ["http://", "https://", "url(", "@import"] {
            assert!(!html.contains(loaded), "{html}");
        }
    }

    #[test]
    fn headings_stand_above_what_they_head() {
        let mut section = section(vec![
            "a sentence of words that is longer than a name".into(),
            Cell::Empty,
        ]);
        section.table.rows.push(vec!["2015-01-12".into(), 7.into()]);
        let page = Page {
            chapters: vec![Chapter {
                sections: vec![section],
                ..Chapter::default()
            }],
            ..Page::default()
        };
        let html = page.html();
        for expected in [
            "<th scope=\"col\" class=\"words\">agent</th><th scope=\"col\" class=\"number\">nodes</th>",
            "<td class=\"words\">a sentence of words that is longer than a name</td><td class=\"number\">-</td>",
            "<td class=\"name\">2015-01-12</td><td class=\"number\">7</td>",
        ] {
            assert!(html.contains(expected), "{html}");
        }
    }

    #[test]
    fn what_has_nothing_to_show_is_left_out() {
        let mut empty = section(Vec::new());
        empty.table.rows = Vec::new();
        let page = Page {
            chapters: vec![
                Chapter {
                    key: "gone",
                    sections: vec![empty.clone()],
                    ..Chapter::default()
                },
                Chapter {
                    key: "here",
                    sections: vec![empty, section(vec![Cell::Empty])],
                    ..Chapter::default()
                },
            ],
            ..Page::default()
        };
        let html = page.html();
        assert!(!html.contains("gone"), "{html}");
        assert_eq!(html.matches("<table>").count(), 1, "{html}");
    }

    fn section(row: Vec<Cell>) -> Section {
        Section {
            key: "agents",
            title: "Agents".to_owned(),
            definition: "who they say they are".to_owned(),
            table: Table {
                columns: vec!["agent", "nodes"],
                rows: vec![row],
            },
        }
    }
}
