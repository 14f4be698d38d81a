//! What a scalar means to the API server, which reads YAML through sigs.k8s.io/yaml: YAML 1.1 as go-yaml v2 has it.
//!
//! Knows the text of one scalar, its style and its tag. Promise: the same type and value as the API server's.

use super::Style;

/// A scalar as the API server takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'y> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'y str),
}

/// Resolves one scalar. Only a plain one can be anything but a string, unless a tag says so.
pub fn resolve<'y>(text: &'y str, style: Style, tag: Option<&str>) -> Resolved<'y> {
    if style != Style::Plain || tag == Some("!!str") || tag == Some("!") {
        return Resolved::Str(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Resolved::Bool(false),
        _ => text.parse().map(Resolved::Int).unwrap_or(Resolved::Str(text)),
    }
}
