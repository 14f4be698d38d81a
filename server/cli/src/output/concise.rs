//! The format `concise`: one line per finding, for quickfix lists and `grep`.

use crate::output::report::Results;
use crate::output::text::{one_line, shown_path};
use std::io::{self, Write};

pub(crate) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    for (file, finding) in results.findings() {
        let (path, start) = (shown_path(&file.path), finding.span.start);
        let (severity, message) = (finding.severity.name(), one_line(&finding.message));
        writeln!(
            out,
            "{path}:{}:{}: {severity}[{}] {message}",
            start.line, start.column, finding.rule
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::output::sample;
    use expect_test::expect;

    #[test]
    fn finding_is_one_line() {
        let mut out = Vec::new();
        super::write(&sample::results(), &mut out).unwrap();
        expect![[r#"
            deploy/shop.yaml:8:13: hint[odd-name] container "wéb" has an odd name
            deploy/shop.yaml:9:14: info[image-without-digest] image nginx:1.27\u{1b}[31m has no digest
            deploy/shop.yaml:11:21: error[privileged-container] privileged is true: full access to the node
            deploy/shop.yaml:12:23: warning[weakened-override] container "wéb" overrides the pod's runAsNonRoot
        "#]]
        .assert_eq(&String::from_utf8(out).unwrap());
    }
}
