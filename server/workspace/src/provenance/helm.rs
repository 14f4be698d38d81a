//! Maps a line that Helm rendered back to the line of the template that produced it.
//!
//! `helm template` names only the template of each object. Literal lines are matched by their text;
//! the lines between two of them come from the actions between them.

use super::{Origin, lines, written};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use yaml::ActionKind;

/// Returns the template that a rendered document names: the chart's name, then the path inside the
/// chart.
pub fn template_name(document: &str) -> Option<&Path> {
    document
        .lines()
        .find_map(|line| line.strip_prefix("# Source: "))
        .map(|name| Path::new(name.trim()))
}

/// Returns the file of a template below the folder of its chart.
pub fn template_file(chart: &Path, source: &Path) -> PathBuf {
    let way = source
        .components()
        .skip(1)
        .filter(|part| matches!(part, Component::Normal(_)));
    way.fold(chart.to_owned(), |folder, part| folder.join(part))
}

/// A rendered document and its template.
pub struct Template<'t> {
    file: PathBuf,
    lines: Vec<(usize, &'t str)>,
    rendered: Vec<(usize, &'t str)>,
    /// For each rendered line, the template's line with the same text, if the order of both agrees.
    same: Vec<Option<usize>>,
}

impl<'t> Template<'t> {
    pub fn new(file: PathBuf, text: &'t str, rendered: &'t str) -> Self {
        let (lines, rendered) = (lines(text), lines(rendered));
        let trimmed = |lines: &[(usize, &'t str)]| {
            lines
                .iter()
                .map(|(_, line)| line.trim())
                .collect::<Vec<_>>()
        };
        let (ours, theirs) = (trimmed(&lines), trimmed(&rendered));
        let mut same = vec![None; rendered.len()];
        for op in capture_diff_slices(Algorithm::Patience, &ours, &theirs) {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = op
            {
                (0..len).for_each(|step| same[new_index + step] = Some(old_index + step));
            }
        }
        Template {
            file,
            lines,
            rendered,
            same,
        }
    }

    /// Returns where a range of the rendered document comes from.
    pub fn origin(&self, range: Range<usize>) -> Origin {
        let line = self
            .rendered
            .partition_point(|(start, _)| *start <= range.start)
            .saturating_sub(1);
        let place = self.rendered.get(line).and_then(|rendered| {
            let ours = self.lines[self.line(line)?];
            let indent = |(_, line): (usize, &str)| line.len() - line.trim_start().len();
            let is_same = ours.1.trim() == rendered.1.trim();
            // In a literal line the columns agree; otherwise the whole line of the template counts.
            let moved = |at: usize| {
                (at + ours.0 + indent(ours)).checked_sub(rendered.0 + indent(*rendered))
            };
            let exact = moved(range.start)
                .zip(moved(range.end))
                .map(|(start, end)| start..end);
            Some(
                exact
                    .filter(|range| is_same && range.end <= ours.0 + ours.1.len())
                    .unwrap_or_else(|| written(ours)),
            )
        });
        Origin {
            file: self.file.clone(),
            range: place,
        }
    }

    /// The template's line that produced a rendered line.
    fn line(&self, rendered: usize) -> Option<usize> {
        if let Some(same) = self.same[rendered] {
            return Some(same);
        }
        let text = self.rendered[rendered].1.trim();
        let before = self.same[..rendered].iter().rev().find_map(|line| *line);
        let behind = self.same[rendered..].iter().find_map(|line| *line);
        let gap = before.map_or(0, |line| line + 1)..behind.unwrap_or(self.lines.len());
        let all = 0..self.lines.len();
        let one = |lines: Range<usize>, wanted: &dyn Fn(&str) -> bool| {
            let mut found = lines.filter(|line| wanted(self.lines[*line].1.trim()));
            found.next().filter(|_| found.next().is_none())
        };
        let begins_so = |line: &str| {
            line.split_once("{{")
                .is_some_and(|(plain, _)| plain.len() > 1 && text.starts_with(plain))
        };
        one(gap.clone(), &begins_so)
            .or_else(|| one(gap, &writes_lines))
            // A loop renders one line of the template several times.
            .or_else(|| one(all.clone(), &|line| line == text))
            .or_else(|| one(all, &begins_so))
    }
}

/// Whether a line of a template is only an action that writes something.
fn writes_lines(line: &str) -> bool {
    line.strip_prefix("{{")
        .and_then(|line| line.strip_suffix("}}"))
        .is_some_and(|action| ActionKind::of(action) == ActionKind::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
kind: Pod
metadata:
  name: {{ .Release.Name }}
spec:
  {{- if .Values.host }}
  hostNetwork: true
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    {{- range .Values.containers }}
    - name: {{ .name }}
      image: busybox
      securityContext:
        runAsUser: {{ .user }}
        {{- include \"a\" . | nindent 8 }}
        {{- include \"b\" . | nindent 8 }}
    {{- end }}
";

    const RENDERED: &str = "\
---
# Source: shop/templates/pod.yaml
kind: Pod
metadata:
  name: release
spec:
  hostNetwork: true
  securityContext:
    runAsUser: 0
    fsGroup: 0
  containers:
    - name: one
      image: busybox
      securityContext:
        runAsUser: 0
        privileged: true
    - name: two
      image: busybox
      securityContext:
        runAsUser: 7
";

    /// Returns the template's text that produced the match of `text` at an index in the rendered
    /// document.
    fn made(text: &str, index: usize) -> Option<&'static str> {
        let template = Template::new("pod.yaml".into(), TEMPLATE, RENDERED);
        let (at, _) = RENDERED
            .match_indices(text)
            .nth(index)
            .expect("it is there");
        template
            .origin(at..at + text.len())
            .range
            .map(|range| &TEMPLATE[range])
    }

    #[test]
    fn literal_lines_map_exactly() {
        assert_eq!(made("true", 0), Some("true"));
        assert_eq!(made("busybox", 0), Some("busybox"));
        assert_eq!(made("busybox", 1), Some("busybox"));
    }

    #[test]
    fn rendered_values_map_to_the_action() {
        assert_eq!(made("release", 0), Some("name: {{ .Release.Name }}"));
        assert_eq!(
            made("fsGroup", 0),
            Some("{{- toYaml .Values.podSecurityContext | nindent 4 }}")
        );
        assert_eq!(made("7", 0), Some("runAsUser: {{ .user }}"));
        assert_eq!(made("name: two", 0), Some("- name: {{ .name }}"));
    }

    #[test]
    fn ambiguous_lines_have_no_origin() {
        assert_eq!(made("privileged", 0), None);
    }

    #[test]
    fn template_path_stays_inside_the_chart() {
        let source = template_name(RENDERED).expect("a name");
        assert_eq!(source, Path::new("shop/templates/pod.yaml"));
        assert_eq!(
            template_file(Path::new("charts/x"), source),
            Path::new("charts/x/templates/pod.yaml")
        );
        assert_eq!(
            template_file(Path::new("x"), Path::new("shop/../../etc/passwd")),
            Path::new("x/etc/passwd")
        );
    }
}
