//! Sections as text for a terminal.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, Table as Grid, Width, presets,
};

use super::section::{Cell, Section, Table};
use crate::text::{escape, grouped, wrapped};

/// The narrowest text; a narrower terminal breaks its lines.
const MIN_WIDTH: usize = 60;
/// The columns to the left and to the right of a cell.
const PADDING: u16 = 2;
/// The most characters of one cell.
const MAX_CELL: usize = 160;
/// The most rows of one table; those that come last say least.
const MAX_ROWS: usize = 20;

/// Writes sections below each other, `width` columns wide; those without rows are left out, and hostile text is escaped.
pub fn to_text(sections: &[Section], width: usize) -> String {
    let width = width.max(MIN_WIDTH);
    let shown = sections.iter().filter(|it| !it.table.rows.is_empty());
    let texts: Vec<String> = shown.map(|it| section_to_text(it, width)).collect();
    texts.join("\n")
}

fn section_to_text(section: &Section, width: usize) -> String {
    let mut text = section.title.clone();
    let indent = width.saturating_sub(2);
    for line in wrapped(&section.definition, indent) {
        text.push_str(&format!("\n  {line}"));
    }
    for line in lines(&section.table, width) {
        text.push_str(&format!("\n {}", line.trim_end()));
    }
    let n_more = section.table.rows.len().saturating_sub(MAX_ROWS);
    if n_more > 0 {
        text.push_str(&format!("\n  … and {} more rows", grouped(n_more)));
    }
    text.push('\n');
    text
}

/// Lays a table out; numbers and the words of headings are broken only where there is no other way.
fn lines(table: &Table, width: usize) -> Vec<String> {
    let whole: Vec<String> = grid(table, width, true).lines().collect();
    match whole.iter().all(|it| it.trim_end().chars().count() < width) {
        true => whole,
        false => grid(table, width, false).lines().collect(),
    }
}

fn grid(table: &Table, width: usize, is_whole: bool) -> Grid {
    let mut grid = Grid::new();
    grid.load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width.saturating_sub(1)).unwrap_or(u16::MAX));
    if table.columns.iter().any(|it| !it.is_empty()) {
        grid.set_header(table.columns.iter());
    }
    for row in table.rows.iter().take(MAX_ROWS) {
        grid.add_row(row.iter().map(shown));
    }
    for (n, column) in grid.column_iter_mut().enumerate() {
        let is_words = |row: &Vec<Cell>| matches!(row.get(n), Some(Cell::Text(_)));
        if !table.rows.iter().any(is_words) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if is_whole {
            let least = Width::Fixed(least_width(table, n));
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
        }
    }
    grid
}
/// Returns the least width of a column: headings are broken between words alone, and numbers nowhere.
fn least_width(table: &Table, column: usize) -> u16 {
    let heading = table.columns.get(column).copied().unwrap_or_default();
    let words = heading.split(' ').map(|it| it.chars().count());
    let numbers = table.rows.iter().filter_map(|row| match row.get(column)? {
        Cell::Text(_) => None,
        number => Some(number.to_string().chars().count()),
    });
    let longest = words.chain(numbers).max().unwrap_or(0);
    u16::try_from(longest).map_or(u16::MAX, |it| it.saturating_add(PADDING))
}

/// Words are a peer's until somebody knows better.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Cell::Text(text) => without_turns(&escape(text, MAX_CELL)),
        cell => cell.to_string(),
    }
}

/// Writes letters that run from right to left by their numbers: they would turn the rest of their line around.
fn without_turns(text: &str) -> String {
    let write = |it: char| match it {
        '\u{590}'..='\u{8ff}'
        | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}' => it.escape_unicode().to_string(),
        _ => it.to_string(),
    };
    text.chars().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stands_below_its_title_and_its_definition() {
        let section = Section {
            key: "user_agents",
            title: "User agents".to_owned(),
            definition: "reachable addresses by the user agent that they announce".to_owned(),
            table: Table {
                columns: vec!["nodes", "share", "age", "user agent"],
                rows: vec![
                    vec![
                        1_234.into(),
                        Cell::Share(0.5),
                        Cell::Micros(81_234),
                        "/a/".into(),
                    ],
                    vec![
                        Cell::Empty,
                        Cell::Empty,
                        Cell::Empty,
                        "\u{202e}/\u{5d0}\x1b[2J".into(),
                    ],
                    vec![7.into(), Cell::Share(0.00061), Cell::Seconds(-3), "".into()],
                ],
            },
        };
        let empty = Section {
            table: Table::default(),
            ..section.clone()
        };
        check(
            &[section.clone(), empty, section],
            "\
User agents
  reachable addresses by the user agent that they announce
  nodes   share    age  user agent
  1,234  50.0 %  81 ms  /a/
      -       -      -  \\u{202e}/\\u{5d0}\\u{1b}[2J
      7   0.1 %   -3 s  (empty)
",
        );
    }

    #[test]
    fn neither_headings_nor_numbers_are_broken() {
        let observer = "we, from a place with a rather long name";
        let section = Section {
            key: "trends",
            title: "Trends".to_owned(),
            definition: "as they are".to_owned(),
            table: Table {
                columns: vec!["observer", "reachable", "median height", "by", "software"],
                rows: vec![vec![
                    observer.into(),
                    466.into(),
                    967_000.into(),
                    "everybody, all in all".into(),
                    "Bitcoin Core and others like it".into(),
                ]],
            },
        };
        let text = to_text(&[section], 60);
        let expected = "\
Trends
  as they are
  observer     reachable   median  by           software
                           height
  we, from a         466  967,000  everybody,   Bitcoin
  place with                       all in all   Core and
  a rather                                      others like
  long name                                     it
";
        assert_eq!(text, expected, "{text}");
    }

    #[track_caller]
    fn check(sections: &[Section], expected: &str) {
        let text = to_text(sections, 60);
        assert_eq!(text, [expected, expected].join("\n"), "{text}");
    }
}
