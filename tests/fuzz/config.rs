//! Any configuration file can be read: each error has a range, and the rest is a configuration that
//! can be written and read again.

use super::halves;
use linter::config;
use linter::rules::{Rule, Severity};

pub fn run(data: &[u8]) {
    let (text, _) = halves(data);
    let names = Rule::names();
    let today = "2026-01-31".parse().expect("a day");
    let reading = config::read(&text, &names, today);
    let mut last = 0;
    for problem in &reading.problems {
        assert!(
            text.get(problem.range.clone()).is_some(),
            "{problem:?} is not in {text:?}"
        );
        assert!(
            problem.range.start >= last,
            "{problem:?} is out of order, in {text:?}"
        );
        assert!(
            !problem.message.is_empty() && !problem.message.contains('\n'),
            "{problem:?} of {text:?}"
        );
        last = problem.range.start;
    }
    let written = config::yaml(&reading.config);
    let again = config::read(&written, &names, today);
    // An expired exception is reported in both readings.
    let is_mistake = |problem: &&config::ConfigError| problem.severity == Severity::Error;
    assert_eq!(
        again.problems.iter().find(is_mistake),
        None,
        "{written}\nof {text:?}"
    );
    assert_eq!(again.config, reading.config, "{written}\nof {text:?}");
}
