//! The messages of yaml-rust2 that recovery relies on, and ours for them. A test provokes each one, so that an upgrade which
//! changes a message does not go unnoticed.

pub(super) const TEMPLATE: &str = "template syntax is not YAML";
pub(super) const TAB: &str = "tabs are not allowed in indentation: use spaces";
pub(super) const INDENTATION: &str = "inconsistent indentation";
pub(super) const UNKNOWN: &str = "not valid YAML";

// Parts of messages that decide which candidates are tried.
pub(super) const QUOTED_INDENTATION: &str = "invalid indentation in quoted scalar";
pub(super) const FLOW_INDENTATION: &str = "invalid indentation in flow construct";
pub(super) const ANY_INDENTATION: &str = "invalid indentation";
pub(super) const TAB_INDENTATION: &str = "tab cannot be used as indentation";
pub(super) const ANY_TAB: &str = "tab";
pub(super) const TAB_AFTER_COLON: &str = "':' must be followed by a valid YAML whitespace";
pub(super) const UNKNOWN_ANCHOR: &str = "unknown anchor";
pub(super) const MAPPING_VALUES: &str = "mapping values";
pub(super) const BLOCK_SEQUENCE: &str = "block sequence entries";

/// Returns our message for one of yaml-rust2.
pub(super) fn message(info: &str) -> &'static str {
    PARSER_MESSAGES
        .iter()
        .find(|(part, _)| info.contains(part))
        .map_or(UNKNOWN, |(_, message)| message)
}

/// Parts of messages, and our messages for them. The first match counts.
const PARSER_MESSAGES: &[(&str, &str)] = &[
    ("simple key expect", "missing `:` after the key"),
    ("recursion limit", "brackets are nested too deeply"),
    ("mapping values are not allowed", INDENTATION),
    ("mapping keys are not allowed", INDENTATION),
    ("did not find expected key", INDENTATION),
    ("did not find expected '-' indicator", INDENTATION),
    (QUOTED_INDENTATION, "unclosed quote"),
    ("found unexpected document indicator", "unclosed quote"),
    ("found unexpected end of stream", "unclosed quote"),
    (
        "wrongly indented line in block scalar",
        "this line is indented less than the first line of its block",
    ),
    (ANY_INDENTATION, INDENTATION),
    ("block sequence entries are not allowed", INDENTATION),
    (
        "is only valid inside a block",
        "a list with `-` is not allowed in brackets",
    ),
    (
        "cannot start with '-' followed by",
        "a list with `-` is not allowed in brackets",
    ),
    (
        "invalid trailing content",
        "unexpected text after the closing quote",
    ),
    ("expected ',' or '}'", "missing `,` or `}`"),
    ("expected ',' or ']'", "missing `,` or `]`"),
    (
        "did not find expected node content",
        "missing value before this",
    ),
    (
        "unknown escape character",
        "unknown escape: write a backslash as `\\\\` in double quotes",
    ),
    (
        "hexadecimal number",
        "escape with too few hexadecimal digits",
    ),
    ("Unicode character escape", "escape of an invalid character"),
    (
        "unexpected character: `%'",
        "a value cannot start with `%`: put it in quotes",
    ),
    (
        "unexpected character: `@'",
        "a value cannot start with `@`: put it in quotes",
    ),
    (
        "unexpected character: ``'",
        "a value cannot start with a backtick: put it in quotes",
    ),
    (
        "did not find expected comment or line break",
        "only `+`, `-` and a digit may follow `|` and `>`",
    ),
    (
        "indentation indicator equal to 0",
        "a block cannot be indented by 0",
    ),
    (
        "comments must be separated",
        "missing space before the `#` of a comment",
    ),
    (UNKNOWN_ANCHOR, "unknown anchor"),
    (
        "the handle wasn't declared",
        "no `%TAG` line declares this tag's prefix",
    ),
    ("directive", "unreadable directive"),
    ("document end marker", "unexpected text after the `...`"),
    (
        "expected <document start>",
        "unexpected text after the end of the document",
    ),
    (
        "illegal placement of ':'",
        "missing `,`, or the key spans two lines",
    ),
    ("tag", "unreadable tag"),
    ("anchor or alias", "missing name of an anchor or alias"),
    (ANY_TAB, TAB),
];

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_rust2::parser::Parser;

    /// Parts of messages, and texts that provoke them.
    const EXAMPLES: &[(&str, &str)] = &[
        ("simple key expect", "a: 1\nb\n"),
        ("recursion limit", "RECURSION"),
        (MAPPING_VALUES, "a: b: c"),
        ("mapping values are not allowed", "a: b: c"),
        ("mapping keys are not allowed", "a: ? b"),
        ("did not find expected key", "a: 1\n- b"),
        ("did not find expected '-' indicator", "- a\n? b\n"),
        (QUOTED_INDENTATION, "a:\n  b: \"c\nd\""),
        ("found unexpected document indicator", "a: \"b\n---\n"),
        ("found unexpected end of stream", "a: \"b"),
        ("wrongly indented line in block scalar", "a: |\n    \n  b\n"),
        (ANY_INDENTATION, "a:\n  [b,\nc]"),
        (FLOW_INDENTATION, "a:\n  [b,\nc]"),
        (BLOCK_SEQUENCE, "a: - b"),
        ("block sequence entries are not allowed", "a: - b"),
        ("is only valid inside a block", "[- a]"),
        ("cannot start with '-' followed by", "[-]"),
        ("invalid trailing content", "a: \"b\" c"),
        ("expected ',' or '}'", "{a: b]"),
        ("expected ',' or ']'", "[a}"),
        ("did not find expected node content", "[a, , b]"),
        ("unknown escape character", "\"\\y\""),
        ("hexadecimal number", "\"\\xg\""),
        ("Unicode character escape", "\"\\uD800\""),
        ("unexpected character: `%'", "a: %b"),
        ("unexpected character: `@'", "a: @b"),
        ("unexpected character: ``'", "a: `b"),
        ("did not find expected comment or line break", "a: |x\n"),
        ("indentation indicator equal to 0", "a: |0\n"),
        ("comments must be separated", "a: \"b\"#c"),
        (UNKNOWN_ANCHOR, "a: *b"),
        ("the handle wasn't declared", "a: !b!c d"),
        ("directive", "%YAML x\n---\n"),
        ("document end marker", "a\n... b"),
        ("expected <document start>", "%YAML 1.2\na: 1\n"),
        ("illegal placement of ':'", "[a\n: b]"),
        ("tag", "a: !<b c"),
        ("anchor or alias", "a: & b"),
        (TAB_AFTER_COLON, "a:\tb"),
        (TAB_INDENTATION, "a: \"b\n\tc\""),
        (ANY_TAB, "a:\n\tb: c"),
    ];

    #[test]
    fn yaml_rust2_still_reports_these() {
        let mut missing = Vec::new();
        for (part, text) in EXAMPLES {
            let text = if *text == "RECURSION" {
                "[".repeat(20_000)
            } else {
                (*text).to_owned()
            };
            let mut parser = Parser::new_from_str(&text);
            let error = loop {
                match parser.next_token() {
                    Ok((yaml_rust2::parser::Event::StreamEnd, _)) => break None,
                    Ok(_) => {}
                    Err(error) => break Some(error.info().to_owned()),
                }
            };
            if !error.as_ref().is_some_and(|info| info.contains(part)) {
                missing.push((part, error));
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
        for (part, _) in PARSER_MESSAGES {
            assert!(EXAMPLES.iter().any(|(known, _)| known == part), "{part}");
        }
    }
}
