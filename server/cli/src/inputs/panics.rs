//! Panics while a file is processed. A panic costs the result of one file, or of one rule, and is reported as a bug.

use crate::console::Console;
use crate::inputs::files::{FileError, Source};
use crate::output::text::one_line;
use linter::analysis::{self, RulePanic};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

/// Runs the work on a file, and turns a panic into an error for that file.
pub(crate) fn catch<T>(source: &Source, work: impl FnOnce() -> T) -> Result<T, FileError> {
    // Nothing that the work changed is used after a panic.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| FileError {
        path: source.path.clone(),
        reason: bug(&analysis::panic_message(&*panic)),
    })
}

/// Returns the message that asks the user to report a panic.
pub(crate) fn bug(what: &str) -> String {
    format!(
        "a bug in kubeharden ({}); please report it with the file at {}",
        one_line(what),
        analysis::ISSUES
    )
}

/// Reports the rules that panicked on a file.
pub(crate) fn report_rule_panics(panics: &[RulePanic], path: &Path, console: &mut Console) {
    for RulePanic { rule, message } in panics {
        console.error(format_args!(
            "{}: rule {rule} panicked; other rules are unaffected: {}",
            path.display(),
            bug(message)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::files::Origin;

    #[test]
    fn panic_is_an_error_of_its_file() {
        let source = Source {
            path: "a.yaml".into(),
            origin: Origin::File,
            is_excludable: false,
            is_excluded: false,
            may_be_empty: true,
        };
        assert_eq!(catch(&source, || 1).unwrap(), 1);
        let error = catch::<()>(&source, || panic!("no\nsuch key"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!(
                "a.yaml: a bug in kubeharden (no\\nsuch key); please report it with the file at {}",
                analysis::ISSUES
            )
        );
    }
}
