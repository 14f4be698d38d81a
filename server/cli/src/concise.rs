//! The format `concise`: a line for each finding, as editors' quickfix lists and `grep` like it.

use super::check::Results;
use super::problem::one_line;
use std::io::{self, Write};

pub(super) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    for (file, problem) in results.problems() {
        let (path, start) = (one_line(&file.path.to_string_lossy()), problem.span.start);
        let (severity, message) = (problem.severity.name(), one_line(&problem.message));
        writeln!(
            out,
            "{path}:{}:{}: {severity}[{}] {message}",
            start.line, start.column, problem.rule
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use expect_test::expect;

    #[test]
    fn a_finding_is_a_line() {
        let mut out = Vec::new();
        super::write(&sample::results(), &mut out).unwrap();
        expect![[r#"
            deploy/shop.yaml:8:13: hint[odd-name] container "wéb" has an odd name
            deploy/shop.yaml:9:14: info[image-without-digest] image nginx:1.27␛[31m has no digest
            deploy/shop.yaml:11:21: error[privileged-container] privileged is true: full access to the node
            deploy/shop.yaml:12:23: warning[weakened-override] container "wéb" overrides the pod's runAsNonRoot
        "#]]
        .assert_eq(&String::from_utf8(out).unwrap());
    }
}
