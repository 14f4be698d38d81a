//! One small text for each fact about parsing and ranges.

use super::show;

/// Compares the parsed text with the expected output, without the indentation of the code.
#[track_caller]
fn reads(text: &str, expected: &str) {
    let lines: Vec<&str> = expected
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let indent = lines
        .first()
        .map_or(0, |line| line.len() - line.trim_start().len());
    let expected: String = lines
        .iter()
        .map(|line| format!("{}\n", &line[indent..]))
        .collect();
    let shown = show::document(text);
    assert!(
        shown == expected,
        "{text:?} is read as\n{shown}and not as\n{expected}"
    );
}

#[test]
fn blank_documents_have_no_root() {
    reads("", "");
    reads("# only a comment", "comment [# only a comment]");
    reads("# c\n---\n...\n", "comment [# c]");
}

#[test]
fn plain_scalar_ranges() {
    reads(
        "a: b c  # d\n",
        r#"
            mapping [a: b c]
              key plain [a]
              plain [b c]
            comment [# d]
        "#,
    );
    reads(
        "a: b\n   c\n\n   d\n",
        r#"
            mapping [a: b\n   c\n\n   d]
              key plain [a]
              plain [b\n   c\n\n   d] says "b c\nd"
        "#,
    );
    reads(
        "- a#b\n- http://c:8\n",
        r#"
            sequence [- a#b\n- http://c:8]
              - plain [a#b]
              - plain [http://c:8]
        "#,
    );
}

#[test]
fn quoted_scalar_ranges() {
    reads(
        "a: \"b\\\"c\" # d\n",
        r#"
            mapping [a: "b\\"c"]
              key plain [a]
              quoted ["b\\"c"] says "b\"c"
            comment [# d]
        "#,
    );
    reads(
        "'it''s': \"b\n  c\"\n",
        r#"
            mapping ['it''s': "b\n  c"]
              key quoted ['it''s'] says "it's"
              quoted ["b\n  c"] says "b c"
        "#,
    );
}

#[test]
fn quotes_and_brackets_need_no_indentation() {
    reads(
        "a: \"b\nc\"\nd: [e,\nf\n]\ng: h\n",
        r#"
            mapping [a: "b\nc"\nd: [e,\nf\n]\ng: h]
              key plain [a]
              quoted ["b\nc"] says "b c"
              key plain [d]
              flow sequence [[e,\nf\n]]
                - plain [e]
                - plain [f]
              key plain [g]
              plain [h]
        "#,
    );
    reads(
        "a: [ \"b\",\n\"c\nd\", # e\n\"f\" ]\n",
        r#"
            mapping [a: [ "b",\n"c\nd", # e\n"f" ]]
              key plain [a]
              flow sequence [[ "b",\n"c\nd", # e\n"f" ]]
                - quoted ["b"] says "b"
                - quoted ["c\nd"] says "c d"
                - quoted ["f"] says "f"
            comment [# e]
        "#,
    );
}

#[test]
fn block_scalar_ranges() {
    reads(
        "a: | # b\n  c\n   d\n\n# e\nf: g\n",
        r#"
            mapping [a: | # b\n  c\n   d\n\n# e\nf: g]
              key plain [a]
              literal [| # b\n  c\n   d] says "c\n d\n"
              key plain [f]
              plain [g]
            comment [# b]
            comment [# e]
        "#,
    );
    reads(
        "a: >-\n  b\n  c\n",
        r#"
            mapping [a: >-\n  b\n  c]
              key plain [a]
              folded [>-\n  b\n  c] says "b c"
        "#,
    );
    reads(
        "a: |+\n  b\n\n\nc: d\n",
        r#"
            mapping [a: |+\n  b\n\n\nc: d]
              key plain [a]
              literal [|+\n  b\n\n] says "b\n\n\n"
              key plain [c]
              plain [d]
        "#,
    );
    reads(
        "a: |2-\n   b\n",
        r#"
            mapping [a: |2-\n   b]
              key plain [a]
              literal [|2-\n   b] says " b"
        "#,
    );
    reads(
        "a: |\nb: c\n",
        r#"
            mapping [a: |\nb: c]
              key plain [a]
              literal [|] says ""
              key plain [b]
              plain [c]
        "#,
    );
}

#[test]
fn collection_ranges() {
    reads(
        "a:\n- b\n- c: d\n  e:\n\nf: g\n",
        r#"
            mapping [a:\n- b\n- c: d\n  e:\n\nf: g]
              key plain [a]
              sequence [- b\n- c: d\n  e:]
                - plain [b]
                - mapping [c: d\n  e:]
                  key plain [c]
                  plain [d]
                  key plain [e]
                  empty []
              key plain [f]
              plain [g]
        "#,
    );
    reads(
        "- - a\n  - b\n-\n- c\n",
        r#"
            sequence [- - a\n  - b\n-\n- c]
              - sequence [- a\n  - b]
                - plain [a]
                - plain [b]
              - empty []
              - plain [c]
        "#,
    );
}

#[test]
fn flow_collection_ranges() {
    reads(
        "a: [b, {c: d, e}, [], ] # f\n",
        r#"
            mapping [a: [b, {c: d, e}, [], ]]
              key plain [a]
              flow sequence [[b, {c: d, e}, [], ]]
                - plain [b]
                - flow mapping [{c: d, e}]
                  key plain [c]
                  plain [d]
                  key plain [e]
                  empty []
                - flow sequence [[]]
            comment [# f]
        "#,
    );
    reads(
        "[a: b, ? c : d]\n",
        r#"
            flow sequence [[a: b, ? c : d]]
              - mapping [a: b]
                key plain [a]
                plain [b]
              - mapping [? c : d]
                key plain [c]
                plain [d]
        "#,
    );
    reads(
        "{\"a\":b, : c}\n",
        r#"
            flow mapping [{"a":b, : c}]
              key quoted ["a"] says "a"
              plain [b]
              key empty []
              plain [c]
        "#,
    );
}

#[test]
fn missing_value_ranges() {
    reads(
        "a:   # b\nc:\n",
        r#"
            mapping [a:   # b\nc:]
              key plain [a]
              empty []
              key plain [c]
              empty []
            comment [# b]
        "#,
    );
    reads(
        " - \n - # a\n",
        r#"
            sequence [- \n -]
              - empty []
              - empty []
            comment [# a]
        "#,
    );
}

#[test]
fn anchors_tags_and_aliases() {
    reads(
        "a: &b !!str c\nd: *b\n",
        r#"
            mapping [a: &b !!str c\nd: *b]
              key plain [a]
              plain with [&b !!str] [c]
              key plain [d]
              alias [*b] is [c]
        "#,
    );
    reads(
        "&a b: &c\n  d: e\nf:\n  <<: *c\n",
        r#"
            mapping [&a b: &c\n  d: e\nf:\n  <<: *c]
              key plain with [&a] [b]
              mapping with [&c] [d: e]
                key plain [d]
                plain [e]
              key plain [f]
              mapping [<<: *c]
                key plain [<<]
                alias [*c] is [d: e]
        "#,
    );
    reads(
        "a: &b\n  c: *b\n",
        r#"
            mapping [a: &b\n  c: *b]
              key plain [a]
              mapping with [&b] [c: *b]
                key plain [c]
                alias [*b] is nothing
        "#,
    );
}

#[test]
fn explicit_keys_are_keys() {
    reads(
        "? a\n: b\n? - c\n: - d\n? e\n",
        r#"
            mapping [? a\n: b\n? - c\n: - d\n? e]
              key plain [a]
              plain [b]
              key sequence [- c]
                - plain [c]
              sequence [- d]
                - plain [d]
              key plain [e]
              empty []
        "#,
    );
}

#[test]
fn ranges_count_bytes() {
    reads(
        "é: \"日本\" # 🙂\n🙂: b\n",
        r#"
            mapping [é: "日本" # 🙂\n🙂: b]
              key plain [é]
              quoted ["日本"] says "日本"
              key plain [🙂]
              plain [b]
            comment [# 🙂]
        "#,
    );
}

#[test]
fn all_line_breaks_work() {
    reads(
        "a: b\r\nc: |\r\n  d\r\n# e\r\n",
        r#"
            mapping [a: b\r\nc: |\r\n  d]
              key plain [a]
              plain [b]
              key plain [c]
              literal [|\r\n  d] says "d\n"
            comment [# e]
        "#,
    );
    reads(
        "a: b\rc: d # e\r",
        r#"
            mapping [a: b\rc: d]
              key plain [a]
              plain [b]
              key plain [c]
              plain [d]
            comment [# e]
        "#,
    );
}

#[test]
fn byte_order_mark_is_not_in_the_first_key() {
    reads(
        "\u{feff}a: b\n",
        r#"
            mapping [a: b]
              key plain [a]
              plain [b]
        "#,
    );
    reads(
        "\u{feff}# a\nb: c",
        r#"
            mapping [b: c]
              key plain [b]
              plain [c]
            comment [# a]
        "#,
    );
}

#[test]
fn tabs_separate_but_do_not_indent() {
    reads(
        "a:\tb\t# c\n",
        r#"
            mapping [a:\tb]
              key plain [a]
              plain [b]
            comment [# c]
        "#,
    );
    reads(
        "a:\n\tb: 1\n\tc: 2\nd: 3\n",
        r#"
            mapping [a:\n\tb: 1\n\tc: 2\nd: 3]
              key plain [a]
              mapping [b: 1\n\tc: 2]
                key plain [b]
                plain [1]
                key plain [c]
                plain [2]
              key plain [d]
              plain [3]
            error [\t] tabs are not allowed in indentation: use spaces
            error [\t] tabs are not allowed in indentation: use spaces
            repaired [\tb: 1\n]
            repaired [\tc: 2\n]
        "#,
    );
}

#[test]
fn tab_error_is_on_its_own_line() {
    let yaml =
        yaml::parse("spec:\n  containers:\n    - name: a\n      image: x\n\tsecurityContext:\n");
    let errors: Vec<_> = yaml
        .errors()
        .iter()
        .map(|error| (&yaml.text()[error.range], error.message.as_str()))
        .collect();
    assert_eq!(
        errors,
        [("\t", "tabs are not allowed in indentation: use spaces")]
    );
    let containers = yaml
        .root()
        .and_then(|root| root.get("spec")?.get("containers"))
        .unwrap();
    assert_eq!(containers.source(), "- name: a\n      image: x");
}

#[test]
fn recovers_key_without_colon() {
    reads(
        "spec:\n  securityContext\n  replicas: 1\n",
        r#"
            mapping [spec:\n  securityContext\n  replicas: 1]
              key plain [spec]
              mapping [securityContext\n  replicas: 1]
                key plain [securityContext]
                empty []
                key plain [replicas]
                plain [1]
            error [securityContext] missing `:` after the key
            repaired [  securityContext\n]
        "#,
    );
    reads(
        "- nam\n  image: b\n",
        r#"
            sequence [- nam\n  image: b]
              - mapping [nam\n  image: b]
                key plain [nam]
                empty []
                key plain [image]
                plain [b]
            error [nam] missing `:` after the key
            repaired [- nam\n]
        "#,
    );
    reads(
        "a:1\nb: 2\n",
        r#"
            mapping [a:1\nb: 2]
              key plain [a]
              plain [1]
              key plain [b]
              plain [2]
            error [a:1] missing space after the `:`
            repaired [a:1\n]
        "#,
    );
}

#[test]
fn recovers_unclosed_quotes_and_brackets() {
    reads(
        "a: \"b\nc: d\n",
        r#"
            mapping [a: "b\nc: d]
              key plain [a]
              quoted ["b] says "b"
              key plain [c]
              plain [d]
            error ["b] unclosed quote
            repaired [a: "b\n]
        "#,
    );
    reads(
        "a: [b, 'c\nd: e\n",
        r#"
            mapping [a: [b, 'c\nd: e]
              key plain [a]
              flow sequence [[b, 'c]
                - plain [b]
                - quoted ['c] says "c"
              key plain [d]
              plain [e]
            error [[b, 'c] unclosed `[`
            repaired [a: [b, 'c\n]
        "#,
    );
    reads(
        "a: {b: c\nd: e\n",
        r#"
            mapping [a: {b: c\nd: e]
              key plain [a]
              flow mapping [{b: c]
                key plain [b]
                plain [c]
              key plain [d]
              plain [e]
            error [{b: c] unclosed `{`
            repaired [a: {b: c\n]
        "#,
    );
}

#[test]
fn recovers_invalid_values() {
    reads(
        "a: b: c\nd: e\n",
        r#"
            mapping [a: b: c\nd: e]
              key plain [a]
              plain [b: c]
              key plain [d]
              plain [e]
            error [b: c] a value with `: ` in it needs quotes
            repaired [a: b: c\n]
        "#,
    );
    reads(
        "a: @b\nc: d\n",
        r#"
            mapping [a: @b\nc: d]
              key plain [a]
              plain [@b]
              key plain [c]
              plain [d]
            error [@b] a value cannot start with `@`: put it in quotes
            repaired [a: @b\n]
        "#,
    );
    reads(
        "a: \"b\" c\nd: e\n",
        r#"
            mapping [a: "b" c\nd: e]
              key plain [a]
              plain ["b" c]
              key plain [d]
              plain [e]
            error ["b" c] unexpected text after the closing quote
            repaired [a: "b" c\n]
        "#,
    );
}

#[test]
fn recovers_unknown_alias() {
    reads(
        "a: *b\nc: d\n",
        r#"
            mapping [a: *b\nc: d]
              key plain [a]
              alias [*b] is nothing
              key plain [c]
              plain [d]
            error [*b] unknown anchor `b`
            repaired [a: *b\n]
        "#,
    );
}

#[test]
fn recovers_misplaced_lines() {
    reads(
        "a:\n    b: 1\n  c: 2\nd: 3\n",
        r#"
            mapping [a:\n    b: 1\n  c: 2\nd: 3]
              key plain [a]
              mapping [b: 1]
                key plain [b]
                plain [1]
              key empty []
              mapping [c: 2]
                key plain [c]
                plain [2]
              key plain [d]
              plain [3]
            error [c: 2] inconsistent indentation
            repaired [  c: 2\n]
        "#,
    );
    reads(
        "kind: Pod\n\n  name: a\nspec: b\n",
        r#"
            mapping [kind: Pod\n\n  name: a\nspec: b]
              key plain [kind]
              plain [Pod]
              key empty []
              mapping [name: a]
                key plain [name]
                plain [a]
              key plain [spec]
              plain [b]
            error [name: a] missing key above this line
            repaired [\n]
        "#,
    );
}

#[test]
fn recovers_missing_block_header() {
    reads(
        "- sh\n\n  for i in a; do\n    echo \"a: $i\"; b: c\n  done\n- d\n",
        r#"
            sequence [- sh\n\n  for i in a; do\n    echo "a: $i"; b: c\n  done\n- d]
              - plain [sh]
              - literal [for i in a; do\n    echo "a: $i"; b: c\n  done] says "for i in a; do\n  echo \"a: $i\"; b: c\ndone\n"
              - plain [d]
            error [for i in a; do] missing `- |` above this line
            repaired [\n]
        "#,
    );
}

#[test]
fn recovers_item_without_colon() {
    reads(
        "- command\n    - sh\n    - |\n      a\n  image: b\n",
        r#"
            sequence [- command\n    - sh\n    - |\n      a\n  image: b]
              - mapping [command\n    - sh\n    - |\n      a\n  image: b]
                key plain [command]
                sequence [- sh\n    - |\n      a]
                  - plain [sh]
                  - literal [|\n      a] says "a\n"
                key plain [image]
                plain [b]
            error [command] missing `:` after the key
            repaired [- command\n]
        "#,
    );
}

#[test]
fn list_below_word_is_not_a_block() {
    reads(
        "- command\n\n  - sh\n  image: b\n",
        r#"
            sequence [- command\n\n  - sh\n  image: b]
              - mapping [command\n\n  - sh\n  image: b]
                key plain [command]
                sequence [- sh]
                  - plain [sh]
                key plain [image]
                plain [b]
            error [command] missing `:` after the key
            repaired [- command\n]
        "#,
    );
}

#[test]
fn recovers_conflict_markers() {
    reads(
        "a: 1\n<<<<<<< ours\nb: 2\n=======\nb: 3\n>>>>>>> theirs\nc: 4\n",
        r#"
            mapping [a: 1\n<<<<<<< ours\nb: 2\n=======\nb: 3\n>>>>>>> theirs\nc: 4]
              key plain [a]
              plain [1]
              key plain [b]
              plain [2]
              key plain [b]
              plain [3]
              key plain [c]
              plain [4]
            error [<<<<<<< ours] merge conflict marker
            error [=======] merge conflict marker
            error [>>>>>>> theirs] merge conflict marker
            repaired [<<<<<<< ours\n]
            repaired [=======\n]
            repaired [>>>>>>> theirs\n]
        "#,
    );
}

#[test]
fn recovers_templates() {
    reads(
        "a: {{ .a }}-{{ .b }}:{{ .c }}\n{{- if .d }}\nb: c\n{{- end }}\n",
        r#"
            mapping [a: {{ .a }}-{{ .b }}:{{ .c }}\n{{- if .d }}\nb: c]
              key plain [a]
              plain [{{ .a }}-{{ .b }}:{{ .c }}]
              key plain [b]
              plain [c]
            error [a: {{ .a }}-{{ .b }}:{{ .c }}] template syntax is not YAML
            error [{{- if .d }}] template syntax is not YAML
            error [{{- end }}] template syntax is not YAML
            repaired [a: {{ .a }}-{{ .b }}:{{ .c }}\n]
            repaired [{{- if .d }}\n]
            repaired [{{- end }}\n]
        "#,
    );
}

#[test]
fn recovers_half_a_document() {
    reads(
        "apiVersion: v1\nspec:\n  containers:\n  - name: a\n    ima",
        r#"
            mapping [apiVersion: v1\nspec:\n  containers:\n  - name: a\n    ima]
              key plain [apiVersion]
              plain [v1]
              key plain [spec]
              mapping [containers:\n  - name: a\n    ima]
                key plain [containers]
                sequence [- name: a\n    ima]
                  - mapping [name: a\n    ima]
                    key plain [name]
                    plain [a]
                    key plain [ima]
                    empty []
            error [ima] missing `:` after the key
            repaired [    ima]
        "#,
    );
    reads(
        "a: |",
        r#"
            mapping [a: |]
              key plain [a]
              literal [|] says ""
        "#,
    );
    reads(
        "a: \"",
        r#"
            mapping [a: "]
              key plain [a]
              quoted ["] says ""
            error ["] unclosed quote
            repaired [a: "]
        "#,
    );
    reads(
        "a: [",
        r#"
            mapping [a: []
              key plain [a]
              flow sequence [[]
            error [[] unclosed `[`
            repaired [a: []
        "#,
    );
}

#[test]
fn reads_only_the_first_document() {
    reads(
        "a: b\n---\nc: d\n",
        r#"
            mapping [a: b]
              key plain [a]
              plain [b]
        "#,
    );
}

#[test]
fn control_characters_are_errors() {
    reads(
        "a: b\0c\n",
        r#"
            mapping [a: b\0c]
              key plain [a]
              plain [b\0c] says "b�c"
            error [\0] control characters are not allowed
        "#,
    );
}

#[test]
fn documents_split_at_markers() {
    let text = "# a\n---\nb: c\n--- d\n...\n# e\n%YAML 1.2\n---\nf\n";
    let documents: Vec<&str> = yaml::chunks::documents(text)
        .into_iter()
        .map(|range| &text[range])
        .collect();
    assert_eq!(
        documents,
        [
            "# a\n---\nb: c\n",
            "--- d\n...\n",
            "# e\n%YAML 1.2\n---\nf\n"
        ]
    );
    assert_eq!(yaml::chunks::documents("").len(), 1);
}

#[test]
fn byte_order_mark_before_marker_starts_document() {
    let text = "\u{feff}a: 1\n\u{feff}---\nb: \u{feff}---\n---\nc\n";
    let documents: Vec<&str> = yaml::chunks::documents(text)
        .into_iter()
        .map(|range| &text[range])
        .collect();
    assert_eq!(
        documents,
        [
            "\u{feff}a: 1\n",
            "\u{feff}---\nb: \u{feff}---\n",
            "---\nc\n"
        ]
    );
    assert!(
        documents
            .iter()
            .all(|document| yaml::parse(document).errors().is_empty())
    );
}

#[test]
fn starred_key_is_one_error() {
    for text in ["a: 1\n*b:\n  c: 1\n  d: 2\ne: 3\n", "a: 1\n*b: [c]\ne: 3\n"] {
        let yaml = yaml::parse(text);
        let errors: Vec<&str> = yaml
            .errors()
            .iter()
            .map(|error| error.message.as_str())
            .collect();
        assert_eq!(
            errors,
            ["a key that begins with `*` needs quotes"],
            "{text}"
        );
        let root = yaml.root().expect("a mapping");
        assert_eq!(root.get("e").is_some(), text.contains("e:"), "{text}");
    }
}
