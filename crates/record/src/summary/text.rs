//! The figures as people like to read them.

use comfy_table::{CellAlignment, Table, presets};
use proto::outcome::Outcome;

use super::times::PhaseTimes;
use super::top::{Count, Top};
use super::{AddressesTold, Figure, Heights, NetworkCount, Pace, Summary};
use crate::text::{escape, grouped, long_time, packed, percent_of, short_time, wrapped};

/// The narrowest text; a narrower terminal breaks its lines.
const MIN_WIDTH: usize = 60;
/// Words that have less room than this beside their row are left out.
const MIN_ROOM: usize = 15;
/// How many user agents are shown.
const N_USER_AGENTS: usize = 8;
/// How many protocol versions are shown.
const N_VERSIONS: usize = 5;
/// How many service bits are shown.
const N_SERVICES: usize = 8;

impl Summary {
    /// Writes all figures with their definitions, `width` columns wide; what peers sent is escaped.
    pub fn to_text(&self, width: usize) -> String {
        let width = width.max(MIN_WIDTH);
        let sections = [
            self.headline(width),
            section(&self.networks, "Networks", width, |it, width| {
                networks(it, width)
            }),
            section(&self.outcomes, "Outcomes", width, |it, width| {
                outcomes(it, &self.not_tried.value, width)
            }),
            maybe(&self.left_out, "Left out", width, |it, width| {
                all(it, it.iter().map(|it| it.n).sum(), width)
            }),
            maybe(&self.addresses_told, "Addresses told", width, told),
            section(&self.transports, "Transports", width, |it, width| {
                all(it, self.reachable.value, width) + &self.v2_tried_first(width)
            }),
            maybe(&self.dialects, "Dialects", width, |it, width| {
                all(it, self.reachable.value, width)
            }),
            section(&self.user_agents, "User agents", width, |it, width| {
                top(&it.cut(N_USER_AGENTS), width)
            }),
            section(
                &self.protocol_versions,
                "Protocol versions",
                width,
                |it, width| top(&it.cut(N_VERSIONS), width),
            ),
            section(&self.services, "Services", width, |it, width| {
                services(it, self.reachable.value, width)
            }),
            section(&self.heights, "Heights", width, |it, width| {
                heights(*it, &self.latest_height, width)
            }),
            section(&self.times, "Times", width, |it, width| times(it, width)),
            self.pace_text(width),
        ];
        let shown = sections.into_iter().filter(|it| !it.is_empty());
        shown.collect::<Vec<_>>().join("\n")
    }

    fn headline(&self, width: usize) -> String {
        let share = percent_of(self.reachable.value, self.tried.value);
        let counts = [
            format!("Addresses: {} known ·", grouped(self.addresses.value)),
            format!("{} called ·", grouped(self.tried.value)),
            format!("{} reachable ({share}) ·", grouped(self.reachable.value)),
            format!("{} complete", grouped(self.complete.value)),
        ];
        packed(counts.iter().map(String::as_str), " ", width).join("\n  ") + "\n"
    }

    fn pace_text(&self, width: usize) -> String {
        match self.is_timed() {
            true => pace(&self.pace, width),
            false => String::new(),
        }
    }

    /// Other observers do not say how long calls took.
    pub(super) fn is_timed(&self) -> bool {
        self.pace.calls_us.value > 0 || self.reachable.value == 0
    }

    fn v2_tried_first(&self, width: usize) -> String {
        let Figure { value, definition } = &self.v2_tried_first;
        match value {
            0 => String::new(),
            n => indented(
                &format!("v2 tried first, {}: {definition}", grouped(*n)),
                width,
            ),
        }
    }
}

/// Writes a figure that is there only where there is something to say.
fn maybe<T>(
    figure: &Option<Figure<T>>,
    title: &str,
    width: usize,
    rows: impl Fn(&T, usize) -> String,
) -> String {
    let shown = figure.as_ref().map(|it| section(it, title, width, rows));
    shown.unwrap_or_default()
}

/// Writes the title with the definition behind it and the rows below; nothing where there are no rows.
fn section<T>(
    figure: &Figure<T>,
    title: &str,
    width: usize,
    rows: impl Fn(&T, usize) -> String,
) -> String {
    let body = rows(&figure.value, width);
    if body.is_empty() {
        return body;
    }
    wrap(&format!("{title}: {}", figure.definition), width) + &body
}

fn networks(networks: &[NetworkCount], width: usize) -> String {
    let most = networks.iter().map(|it| it.reachable).max().unwrap_or(0);
    let mut table = new_table();
    table.set_header(["", "known", "called", "reachable", "", ""]);
    for it in networks.iter().filter(|it| it.addresses > 0) {
        table.add_row([
            it.network.to_owned(),
            grouped(it.addresses),
            grouped(it.tried),
            grouped(it.reachable),
            percent_of(it.reachable, it.tried),
            bar(it.reachable, most, width),
        ]);
    }
    align_right(&mut table, 1..=4);
    laid_out(&table)
}

fn outcomes(outcomes: &[Count], not_tried: &[Count], width: usize) -> String {
    let total = outcomes.iter().map(|it| it.n).sum();
    let most = outcomes.iter().map(|it| it.n).max().unwrap_or(0);
    let mut table = new_table();
    let mut meanings = Vec::new();
    for (outcome, count) in Outcome::ALL.into_iter().zip(outcomes) {
        if count.n > 0 {
            table.add_row([
                outcome.code().to_owned(),
                grouped(count.n),
                percent_of(count.n, total),
                bar(count.n, most, width),
            ]);
            meanings.push(meaning(outcome, not_tried));
        }
    }
    align_right(&mut table, 1..=2);
    beside(&table, width, |row, room| wrapped(&meanings[row], room))
}

fn meaning(outcome: Outcome, not_tried: &[Count]) -> String {
    if super::is_not_tried(outcome) {
        return format!("{}: {}", outcome.meaning(), listed(not_tried));
    }
    outcome.meaning().to_owned()
}

fn top(top: &Top, width: usize) -> String {
    let others = Count {
        name: Some(format!("{} others", grouped(top.n_other_names as u64))),
        n: top.n_others,
    };
    ranked(&top.rows, Some(others), top.total(), width)
}

fn told(told: &AddressesTold, width: usize) -> String {
    let peers = format!(
        "{} addresses, told by {} of {} peers that were asked",
        grouped(told.total),
        grouped(told.n_told),
        grouped(told.n_asked)
    );
    all(&told.networks, told.total, width) + &indented(&peers, width)
}

fn all(counts: &[Count], total: u64, width: usize) -> String {
    ranked(counts, None, total, width)
}

fn services(services: &[Count], total: u64, width: usize) -> String {
    let (shown, others) = services.split_at(services.len().min(N_SERVICES));
    let mut text = ranked(shown, None, total, width);
    if !others.is_empty() {
        text.push_str(&indented(&format!("others: {}", listed(others)), width));
    }
    text
}

fn listed(counts: &[Count]) -> String {
    let item = |it: &Count| format!("{} {}", name(it, usize::MAX), grouped(it.n));
    counts.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// Names stand last in their lines: a text that runs from right to left can then turn nothing but itself.
fn ranked(counts: &[Count], others: Option<Count>, total: u64, width: usize) -> String {
    let most = counts.iter().map(|it| it.n).max().unwrap_or(0);
    let mut table = new_table();
    for count in counts {
        table.add_row([
            grouped(count.n),
            percent_of(count.n, total),
            bar(count.n, most, width),
        ]);
    }
    let others = others.filter(|it| it.n > 0);
    if let Some(others) = &others {
        table.add_row([
            grouped(others.n),
            percent_of(others.n, total),
            String::new(),
        ]);
    }
    align_right(&mut table, 0..=1);
    let named: Vec<&Count> = counts.iter().chain(&others).collect();
    beside(&table, width, |row, room| vec![name(named[row], room)])
}

fn name(count: &Count, max: usize) -> String {
    match &count.name {
        Some(name) if name.is_empty() => "(empty)".to_owned(),
        Some(name) => escape(name, max),
        None => "(none)".to_owned(),
    }
}

fn heights(heights: Option<Heights>, latest: &Figure<Option<i32>>, width: usize) -> String {
    let Some(heights) = heights else {
        return String::new();
    };
    let Heights {
        n: _,
        min,
        p10,
        median,
        p90,
        max,
    } = heights;
    let chain = latest.value.map_or("-".to_owned(), grouped);
    let claims = [min, p10, median, p90, max].map(grouped);
    let mut table = new_table();
    table.set_header([
        "lowest",
        "10 % below",
        "median",
        "90 % below",
        "highest",
        "the chain",
    ]);
    table.add_row(claims.into_iter().chain([chain]));
    align_right(&mut table, 0..=5);
    laid_out(&table) + &indented(&format!("the chain: {}", latest.definition), width)
}

fn times(phases: &[PhaseTimes], width: usize) -> String {
    if phases.iter().all(|it| it.n == 0) {
        return String::new();
    }
    let mut table = new_table();
    table.set_header(["", "visits", "median", "9 in 10", "99 in 100", "longest"]);
    for phase in phases {
        let took = [phase.p50_us, phase.p90_us, phase.p99_us, phase.max_us];
        let took = took.map(|it| it.map_or("-".to_owned(), short_time));
        let n = grouped(phase.n as u64);
        table.add_row([phase.phase.to_owned(), n].into_iter().chain(took));
    }
    align_right(&mut table, 1..=5);
    beside(&table, width, |row, room| match row.checked_sub(1) {
        Some(row) => wrapped(phases[row].definition, room),
        None => Vec::new(), // The line of headings.
    })
}

fn pace(pace: &Pace, width: usize) -> String {
    if pace.calls.value == 0 {
        return String::new();
    }
    let mut table = new_table();
    let mut definitions = Vec::new();
    let mut row = |name: &str, value: Option<String>, definition| {
        if let Some(value) = value {
            table.add_row([name, &value]);
            definitions.push(definition);
        }
    };
    let it = &pace.calls;
    row("calls", Some(grouped(it.value)), it.definition);
    let it = &pace.wall_us;
    row("the crawl took", it.value.map(long_time), it.definition);
    let it = &pace.calls_us;
    row("the calls took", Some(long_time(it.value)), it.definition);
    let it = &pace.calls_per_second;
    row("calls a second", it.value.map(tenths), it.definition);
    let it = &pace.calls_in_flight;
    row("calls at once", it.value.map(tenths), it.definition);
    let it = &pace.waited_share;
    let share = it.value.map(|it| format!("{:.2} %", it * 100.0));
    row("spent waiting", share, it.definition);
    align_right(&mut table, 1..=1);
    let rows = beside(&table, width, |row, room| wrapped(definitions[row], room));
    format!("Pace\n{rows}")
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table
}

fn align_right(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Returns the lines of a table, each with its end.
fn laid_out(table: &Table) -> String {
    beside(table, 0, |_, _| Vec::new())
}

/// Returns the lines of a table, each with its end and with words beside it: for a row, and for the room that is left.
fn beside(table: &Table, width: usize, words: impl Fn(usize, usize) -> Vec<String>) -> String {
    let mut text = String::new();
    if table.is_empty() {
        return text; // Headings alone say nothing.
    }
    for (row, line) in table.lines().enumerate() {
        // The cells of a table are ours, with no wide characters in them.
        let indent = 2 + line.chars().count();
        let room = width.saturating_sub(indent);
        let words = if room < MIN_ROOM {
            Vec::new()
        } else {
            words(row, room)
        };
        let mut words = words.into_iter();
        let first = format!(" {line} {}", words.next().unwrap_or_default());
        text.push_str(first.trim_end());
        for more in words {
            text.push_str(&format!("\n{:indent$}{more}", ""));
        }
        text.push('\n');
    }
    text
}

/// Returns a bar as long as `n` is of `most`, in eighths of a column.
fn bar(n: u64, most: u64, width: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = bar_width(width) * 8;
    let filled = (u128::from(n) * eighths as u128)
        .checked_div(u128::from(most))
        .map_or(0, |it| usize::try_from(it).unwrap_or(eighths));
    // Whoever is there is seen.
    let filled = filled.max(usize::from(n > 0));
    "█".repeat(filled / 8) + PARTS[filled % 8]
}

/// Narrow pages need their room for words.
fn bar_width(width: usize) -> usize {
    (width.saturating_sub(40) / 4).min(20)
}

/// Breaks `text` into lines that stand below a title.
fn indented(text: &str, width: usize) -> String {
    let lines = wrapped(text, width.saturating_sub(2)).into_iter();
    lines.map(|it| format!("  {it}\n")).collect()
}

/// Breaks `text` into lines; all but the first are indented.
fn wrap(text: &str, width: usize) -> String {
    wrapped(text, width.saturating_sub(2)).join("\n  ") + "\n"
}

fn tenths(it: f64) -> String {
    grouped(format_args!("{it:.1}"))
}
