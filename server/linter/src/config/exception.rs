//! Exceptions: rules that are suppressed for some files, objects or containers.
//!
//! A [`Pattern`] or [`Date`] is always valid; errors are reported when the configuration is read.

use globset::{Glob, GlobBuilder, GlobSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use workspace::exclude::MAX_BRACES;

/// An exception. A finding matches if every pattern list matches; an empty list matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// Rule ids.
    pub rules: Vec<String>,
    /// Relative to the folder of the configuration file.
    pub path: Vec<Pattern>,
    pub kind: Vec<Pattern>,
    pub namespace: Vec<Pattern>,
    /// Names of objects.
    pub name: Vec<Pattern>,
    pub container: Vec<Pattern>,
    pub image: Vec<Pattern>,
    pub reason: Option<String>,
    /// The last day on which the exception applies.
    pub until: Option<Date>,
    /// Whether `until` was in the past when the configuration was read.
    pub expired: bool,
}

/// A glob pattern: `*`, `?`, `[ab]` and `{a,b}`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    matcher: GlobSet,
}

impl Pattern {
    /// Parses a pattern for names, in which `*` matches anything.
    pub fn of_words(text: &str) -> Result<Self, String> {
        Self::new(text, false)
    }

    /// Parses a pattern for paths, in which `*` matches anything except `/`, and `**` matches anything. A final `/`
    /// matches everything below.
    pub fn of_paths(text: &str) -> Result<Self, String> {
        if text.starts_with('/') || text.starts_with("./") || text.starts_with("../") {
            return Err(
                "write a path relative to the folder of this file, such as `deploy/**`".to_owned(),
            );
        }
        Self::new(text, true)
    }

    fn new(text: &str, is_path: bool) -> Result<Self, String> {
        let glob = if is_path && text.ends_with('/') {
            format!("{text}**")
        } else {
            text.to_owned()
        };
        let built = GlobBuilder::new(&glob)
            .literal_separator(is_path)
            .backslash_escape(true)
            .build();
        match built.ok().and_then(matcher) {
            Some(matcher) if !text.is_empty() => Ok(Pattern {
                text: text.to_owned(),
                matcher,
            }),
            _ => {
                let shown: String = text.chars().take(40).collect();
                Err(format!("`{shown}` is not a valid pattern, such as `web-*`"))
            }
        }
    }

    pub fn meets(&self, word: &str) -> bool {
        self.matcher.is_match(word)
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Compiles a pattern; `None` if its braces are nested too deeply.
fn matcher(glob: Glob) -> Option<GlobSet> {
    if glob.glob().matches('{').count() > MAX_BRACES {
        return None;
    }
    // A set reports a pattern that it cannot compile; a single matcher panics.
    GlobSet::builder().add(glob).build().ok()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Exception {
    /// Whether the exception applies to a file; `None` is a text without a path.
    pub(super) fn applies_to(&self, path: Option<&Path>) -> bool {
        self.path.is_empty()
            || path.is_some_and(|path| {
                self.path
                    .iter()
                    .any(|pattern| pattern.matcher.is_match(path))
            })
    }
}

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Returns today's date in UTC, so that every machine uses the same date.
    #[expect(
        clippy::disallowed_methods,
        reason = "who reads a configuration asks for the day; nothing below does"
    )]
    pub fn today() -> Date {
        Date::of(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO),
        )
    }

    /// Returns the date at a time since 1970-01-01.
    fn of(since: Duration) -> Date {
        let mut days = since.as_secs() / 86_400;
        let mut date = Date {
            year: 1970,
            month: 1,
            day: 1,
        };
        while days >= u64::from(days_in_month(date.year, date.month)) {
            days -= u64::from(days_in_month(date.year, date.month));
            (date.year, date.month) = if date.month == 12 {
                (date.year + 1, 1)
            } else {
                (date.year, date.month + 1)
            };
        }
        date.day += u8::try_from(days).unwrap_or_default();
        date
    }
}

/// Returns the number of days in a month.
fn days_in_month(year: u16, month: u8) -> u8 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Date, String> {
        let invalid = || format!("invalid date `{text}`; expected YYYY-MM-DD");
        let digits = |part: &str, count: usize| {
            part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else {
            return Err(invalid());
        };
        if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
            return Err(invalid());
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
            return Err(invalid());
        };
        if (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day) {
            Ok(Date { year, month, day })
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_calendars_do() {
        let on = |days: u64| Date::of(Duration::from_secs(days * 86_400 + 86_399)).to_string();
        for (days, date) in [
            (0, "1970-01-01"),
            (30, "1970-01-31"),
            (31, "1970-02-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_454, "2026-01-01"),
        ] {
            assert_eq!(on(days), date);
        }
    }

    #[test]
    fn a_day_is_one_that_there_is() {
        for text in ["2026-12-31", "2024-02-29", "9999-01-01"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "31.12.2026",
            "tomorrow",
            "",
            "2026-12-31T00:00:00Z",
            "+026-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2026-01-31".parse::<Date>() < "2026-02-01".parse::<Date>());
    }

    #[test]
    fn a_star_stops_at_a_slash_in_paths_alone() {
        let path = |pattern: &str, path: &str| Pattern::of_paths(pattern).unwrap().meets(path);
        assert!(
            path("deploy/*.yaml", "deploy/a.yaml") && !path("deploy/*.yaml", "deploy/b/a.yaml")
        );
        assert!(
            path("deploy/**", "deploy/b/a.yaml")
                && path("deploy/", "deploy/b/a.yaml")
                && path("**/a.yaml", "a.yaml")
        );
        let word = |pattern: &str, word: &str| Pattern::of_words(pattern).unwrap().meets(word);
        assert!(word("ghcr.io/*", "ghcr.io/team/app:1") && !word("ghcr.io", "ghcr.io/team"));
        assert!(
            Pattern::of_words("[a").is_err()
                && Pattern::of_words("").is_err()
                && Pattern::of_paths("/etc").is_err()
        );
    }
}
