//! From values to pixels, and which values to write at an axis.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use record::text::grouped;

/// What the values of an axis are, so that they are written as people read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number: `12,000`.
    Count,
    /// A part of a whole, from 0 to 1: `40 %`.
    Share,
    /// Microseconds, as long as they are: `250 ms`.
    Micros,
    /// Microseconds since something began: `1:30` is a minute and a half, `1:30:00` an hour and a half.
    Elapsed,
    /// Microseconds since 1970, in UTC: `12:30`, `5 May`, `2018`.
    Time,
}

/// Where values of an axis are in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    is_log: bool,
    unit: Unit,
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

/// A value that is written at an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// What is written.
    pub label: String,
}

impl Unit {
    /// Writes a value with two digits that matter.
    pub fn write(self, value: f64) -> String {
        let magnitude = value.abs().max(1e-6).log10().floor();
        self.write_to(value, 10_f64.powf(magnitude - 1.0))
    }

    /// Writes a value with as many digits as its step needs.
    fn write_to(self, value: f64, step: f64) -> String {
        match self {
            Unit::Count => grouped(rounded(value, step)),
            Unit::Share => format!("{} %", rounded(value * 100.0, step * 100.0)),
            Unit::Micros => micros(value, step),
            Unit::Elapsed => elapsed(value),
            Unit::Time => moment(value / 1e6, "%Y-%m-%d %H:%M").unwrap_or_default(),
        }
    }

    /// Returns the next round step that is not below `rough`; nothing is counted in halves.
    fn step(self, rough: f64) -> f64 {
        match self {
            Unit::Count => round_step(rough).max(1.0),
            Unit::Share | Unit::Micros | Unit::Time => round_step(rough),
            Unit::Elapsed => {
                let steps = ELAPSED_STEPS.into_iter().map(|it| it * 1e6);
                let step = steps.into_iter().find(|it| *it >= rough * 0.999_999);
                step.unwrap_or_else(|| round_step(rough / (DAY * 1e6)) * DAY * 1e6)
            }
        }
    }
}

impl Scale {
    /// Even steps from the first value to the second, which are made different if they are not.
    pub fn linear(from: f64, to: f64, unit: Unit) -> Scale {
        let (from, to) = ordered(from, to);
        Scale {
            is_log: false,
            unit,
            from,
            to: if to > from { to } else { from + 1.0 },
            start: 0.0,
            end: 1.0,
        }
    }

    /// Even steps from nothing to a round number not below `max`.
    pub fn from_zero(max: f64, unit: Unit) -> Scale {
        let max = if max > 0.0 && max.is_finite() {
            max
        } else {
            1.0
        };
        let step = unit.step(max / 5.0);
        Scale::linear(0.0, (max / step).ceil() * step, unit)
    }

    /// Every power of ten as far from the one before, from a power not above the first value to one not below the
    /// second; both are 1 at least.
    pub fn log(from: f64, to: f64, unit: Unit) -> Scale {
        let (from, to) = ordered(from.max(1.0), to.max(1.0));
        let from = 10_f64.powf(from.log10().floor());
        let to = 10_f64.powf(to.log10().ceil());
        Scale {
            is_log: true,
            ..Scale::linear(from, if to > from { to } else { from * 10.0 }, unit)
        }
    }

    /// The moments between two, microseconds since 1970.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a pixel is more than a microsecond"
    )]
    pub fn time(from_us: i64, to_us: i64) -> Scale {
        let scale = Scale::linear(from_us as f64, to_us as f64, Unit::Time);
        match to_us > from_us {
            true => scale,
            // A moment stands in the middle of two seconds.
            false => Scale::linear(scale.from - 1e6, scale.from + 1e6, Unit::Time),
        }
    }

    /// The same between two pixels; the second may be the smaller one.
    pub fn over(self, start: f64, end: f64) -> Scale {
        Scale { start, end, ..self }
    }

    /// Returns where a value is; one outside of the scale is at its end.
    pub fn at(&self, value: f64) -> f64 {
        let (value, from, to) = match self.is_log {
            true => (value.max(1.0).log10(), self.from.log10(), self.to.log10()),
            false => (value, self.from, self.to),
        };
        let part = ((value - from) / (to - from)).clamp(0.0, 1.0);
        self.start + part * (self.end - self.start)
    }

    /// Returns round values from its start to its end, about as many as `n` at most.
    pub fn ticks(&self, n: usize) -> Vec<Tick> {
        let n = n.clamp(1, 50);
        if self.is_log {
            return self.log_ticks(n);
        }
        if self.unit == Unit::Time {
            return time_ticks(self.from, self.to, n);
        }
        let at_most = f64::from(u32::try_from(n).expect("50 at most"));
        let step = self.unit.step((self.to - self.from) / at_most);
        let first = (self.from / step - 1e-9).ceil();
        let values = (0..60).map(|i| (first + f64::from(i)) * step);
        let values = values.take_while(|it| *it <= self.to + step * 1e-9);
        values.map(|it| self.tick(it, step)).collect()
    }

    fn log_ticks(&self, n: usize) -> Vec<Tick> {
        let n_decades = (self.to / self.from).log10().round().max(1.0);
        let decade = |i: u32| self.from * 10_f64.powf(f64::from(i));
        let decades: Vec<f64> = (0..40)
            .map(decade)
            .take_while(|it| *it <= self.to * 1.001)
            .collect();
        let n_decades_written = decades.len();
        // With room for three a decade, 1, 2 and 5 are written; with little room not even every decade.
        let every = n_decades_written.div_ceil(n);
        let factors: &[f64] = match n_decades * 3.0 <= f64::from(u32::try_from(n).unwrap_or(50)) {
            true => &[1.0, 2.0, 5.0],
            false => &[1.0],
        };
        let values = decades.iter().step_by(every);
        let values = values.flat_map(|it| factors.iter().map(move |factor| it * factor));
        let values = values.filter(|it| *it <= self.to * 1.001);
        values.map(|it| self.tick(it, it)).collect()
    }

    fn tick(&self, value: f64, step: f64) -> Tick {
        let label = self.unit.write_to(value, step);
        Tick { value, label }
    }
}

fn ordered(a: f64, b: f64) -> (f64, f64) {
    let finite = |it: f64| if it.is_finite() { it } else { 0.0 };
    let (a, b) = (finite(a), finite(b));
    (a.min(b), a.max(b))
}

/// Returns the next of 1, 2, 5, 10, … that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    let rough = if rough > 0.0 && rough.is_finite() {
        rough
    } else {
        1.0
    };
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|it| it * power);
    let fits = step.into_iter().find(|it| *it >= rough * 0.999_999);
    fits.unwrap_or(power * 10.0)
}

/// Writes a value with as many digits as its step needs.
fn rounded(value: f64, step: f64) -> String {
    let digits = [0, 1, 2, 3]
        .into_iter()
        .find(|it| step * 10_f64.powi(*it) >= 0.999);
    let digits = usize::try_from(digits.unwrap_or(4)).unwrap_or(4);
    let text = format!("{value:.digits$}");
    match text.trim_start_matches(['-', '0', '.']).is_empty() {
        true => "0".to_owned(),
        false => text,
    }
}

fn micros(value: f64, step: f64) -> String {
    let (unit, name) = match value.abs() {
        it if it >= 999_999.5 => (1e6, "s"),
        it if it >= 999.5 => (1e3, "ms"),
        0.0 => return "0".to_owned(),
        _ => (1.0, "µs"),
    };
    format!("{} {name}", grouped(rounded(value / unit, step / unit)))
}

fn elapsed(us: f64) -> String {
    let seconds = (us / 1e6).round();
    let (hours, minutes) = ((seconds / 3_600.0).floor(), (seconds / 60.0).floor() % 60.0);
    let seconds = seconds % 60.0;
    match hours > 0.0 {
        true => format!("{hours:.0}:{minutes:02.0}:{seconds:02.0}"),
        false => format!("{minutes:.0}:{seconds:02.0}"),
    }
}

/// Steps of an axis of time that went by, in seconds.
const ELAPSED_STEPS: [f64; 18] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    14_400.0, 21_600.0, 43_200.0, DAY,
];

/// Steps of a time axis, in seconds, and how their moments are written.
const TIME_STEPS: [(f64, &str); 20] = [
    (1.0, "%H:%M:%S"),
    (2.0, "%H:%M:%S"),
    (5.0, "%H:%M:%S"),
    (10.0, "%H:%M:%S"),
    (30.0, "%H:%M:%S"),
    (60.0, "%H:%M"),
    (120.0, "%H:%M"),
    (300.0, "%H:%M"),
    (600.0, "%H:%M"),
    (1_800.0, "%H:%M"),
    (3_600.0, "%H:%M"),
    (7_200.0, "%H:%M"),
    (14_400.0, "%e %b %H:%M"),
    (43_200.0, "%e %b %H:%M"),
    (DAY, "%e %b"),
    (2.0 * DAY, "%e %b"),
    (7.0 * DAY, "%e %b"),
    (14.0 * DAY, "%e %b"),
    (30.5 * DAY, "%b %Y"),
    (91.5 * DAY, "%b %Y"),
];

const DAY: f64 = 86_400.0;

fn time_ticks(from_us: f64, to_us: f64, n: usize) -> Vec<Tick> {
    let (from, to) = (from_us / 1e6, to_us / 1e6);
    let at_most = f64::from(u32::try_from(n).unwrap_or(50));
    let rough = (to - from) / at_most;
    let tick = |seconds: f64, format: &str| {
        let (value, label) = (seconds * 1e6, moment(seconds, format)?);
        Some(Tick { value, label })
    };
    if let Some((step, format)) = TIME_STEPS.into_iter().find(|(step, _)| *step >= rough) {
        if step < 30.0 * DAY {
            let first = (from / step).ceil();
            let ticks = (0..60).map(|i| (first + f64::from(i)) * step);
            let ticks = ticks.take_while(|it| *it <= to);
            return ticks.filter_map(|it| tick(it, format)).collect();
        }
        let months = if step < 60.0 * DAY { 1 } else { 3 };
        return firsts(from, to, months)
            .filter_map(|it| tick(it, format))
            .collect();
    }
    let years = (rough / (365.25 * DAY)).ceil().clamp(1.0, 1_000.0);
    let months = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]
        .into_iter()
        .find(|it| f64::from(*it) >= years)
        .map_or(12_000, |it| it * 12);
    firsts(from, to, months)
        .filter_map(|it| tick(it, "%Y"))
        .collect()
}

/// Returns the first moments of every so many months, in seconds since 1970.
fn firsts(from: f64, to: f64, months: i32) -> impl Iterator<Item = f64> {
    let years = zoned(from)
        .zip(zoned(to))
        .map(|(from, to)| (from.year(), to.year()));
    let (first, last) = years.unwrap_or((1, 0));
    let all =
        (i32::from(first) * 12..=i32::from(last) * 12 + 11).filter(move |it| it % months == 0);
    let seconds = all.filter_map(|month| {
        let year = i16::try_from(month / 12).ok()?;
        let month = i8::try_from(month % 12 + 1).ok()?;
        let date = jiff::civil::Date::new(year, month, 1).ok()?;
        let zoned = date.to_zoned(TimeZone::UTC).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
        let seconds = zoned.timestamp().as_second() as f64;
        Some(seconds)
    });
    seconds.filter(move |it| (from..=to).contains(it)).take(60)
}

fn moment(seconds: f64, format: &str) -> Option<String> {
    let text = zoned(seconds)?.strftime(format).to_string();
    Some(text.trim().to_owned())
}

#[expect(clippy::cast_possible_truncation, reason = "out of range is no time")]
fn zoned(seconds: f64) -> Option<jiff::Zoned> {
    let timestamp = Timestamp::from_second(seconds.floor() as i64).ok()?;
    Some(timestamp.to_zoned(TimeZone::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_steps_are_round() {
        check(Scale::from_zero(0.0, Unit::Count), 4, "0 1");
        check(Scale::from_zero(1.0, Unit::Count), 4, "0 1");
        check(Scale::from_zero(3.0, Unit::Count), 4, "0 1 2 3");
        check(
            Scale::from_zero(14_410.0, Unit::Count),
            4,
            "0 5,000 10,000 15,000",
        );
        check(
            Scale::from_zero(100_000.0, Unit::Count),
            4,
            "0 50,000 100,000",
        );
        check(Scale::from_zero(f64::NAN, Unit::Count), 4, "0 1");
        check(
            Scale::linear(0.0, 1.0, Unit::Share),
            5,
            "0 % 20 % 40 % 60 % 80 % 100 %",
        );
        check(
            Scale::from_zero(0.003, Unit::Share),
            4,
            "0 % 0.1 % 0.2 % 0.3 %",
        );
        check(
            Scale::linear(-20.0, 20.0, Unit::Count),
            4,
            "-20 -10 0 10 20",
        );
        check(
            Scale::from_zero(4_000_000.0, Unit::Micros),
            4,
            "0 1 s 2 s 3 s 4 s",
        );
    }

    #[test]
    fn powers_are_as_far_from_each_other() {
        let scale = Scale::log(900.0, 2e6, Unit::Micros);
        check(scale, 6, "100 µs 1 ms 10 ms 100 ms 1 s 10 s");
        check(scale, 3, "100 µs 10 ms 1 s");
        check(Scale::log(0.0, 0.0, Unit::Count), 6, "1 2 5 10");
        let scale = Scale::log(1.0, 100.0, Unit::Count).over(0.0, 200.0);
        assert_eq!(
            [0.0, 1.0, 10.0, 1e9].map(|it| scale.at(it)),
            [0.0, 0.0, 100.0, 200.0]
        );
    }

    #[test]
    fn moments_are_those_of_a_clock_and_a_calendar() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let from = at("2018-08-06T12:00:03Z");
        check(Scale::time(from, from), 2, "12:00:02 12:00:03 12:00:04");
        check(
            Scale::time(from, at("2018-08-06T12:00:09Z")),
            3,
            "12:00:04 12:00:06 12:00:08",
        );
        check(
            Scale::time(from, at("2018-08-06T15:10:00Z")),
            4,
            "13:00 14:00 15:00",
        );
        check(
            Scale::time(from, at("2018-08-09T15:10:00Z")),
            4,
            "7 Aug 8 Aug 9 Aug",
        );
        check(
            Scale::time(from, at("2018-12-09T15:10:00Z")),
            6,
            "Sep 2018 Oct 2018 Nov 2018 Dec 2018",
        );
        check(
            Scale::time(from, at("2022-09-14T00:00:00Z")),
            6,
            "2019 2020 2021 2022",
        );
        check(Scale::time(i64::MIN, i64::MAX), 6, "");
    }

    #[test]
    fn the_second_pixel_may_be_the_smaller_one() {
        let scale = Scale::from_zero(10.0, Unit::Count).over(100.0, 0.0);
        assert_eq!(
            [0.0, 5.0, 10.0, 20.0].map(|it| scale.at(it)),
            [100.0, 50.0, 0.0, 0.0]
        );
    }

    #[track_caller]
    fn check(scale: Scale, n: usize, expected: &str) {
        let labels: Vec<String> = scale.ticks(n).into_iter().map(|it| it.label).collect();
        assert_eq!(labels.join(" "), expected);
    }
}
