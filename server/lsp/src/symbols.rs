//! The objects of a document and their containers, as an outline.
//!
//! Promise: it is made of what is known already, and costs no reading.

use super::analysis;
use super::capabilities::Capabilities;
use super::extras::Extra;
use super::state::{Analysed, State};
use super::to_proto;
use linter::analysis::{ContainerInfo, ObjectInfo, Range};
use std::sync::Arc;
use tower_lsp::ls_types::{self as lsp, SymbolKind, Uri};

/// An entry of the outline, with those below it.
struct Symbol {
    name: String,
    detail: Option<String>,
    kind: SymbolKind,
    range: lsp::Range,
    name_range: lsp::Range,
    children: Vec<Symbol>,
}

/// The outline of a document; nothing where nobody turned it on.
pub(super) async fn symbols(state: &Arc<State>, url: &Uri) -> Option<lsp::DocumentSymbolResponse> {
    if !Extra::DocumentSymbols.is_on(state.configuration.settings()) {
        return None;
    }
    let analysed = analysis::latest(state, url).await?;
    let client = state.capabilities();
    let symbols = outline(&analysed, &client);
    Some(match client.nested_symbols {
        true => lsp::DocumentSymbolResponse::Nested(symbols.into_iter().map(nested).collect()),
        false => lsp::DocumentSymbolResponse::Flat(
            symbols
                .into_iter()
                .flat_map(|symbol| flat(symbol, url))
                .collect(),
        ),
    })
}

fn outline(analysed: &Analysed, client: &Capabilities) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for part in analysed.report.chunks() {
        let place = |range: Range| {
            to_proto::range(part.place(range), &analysed.snapshot.text, client.encoding)
        };
        let mut of_part: Vec<Symbol> = Vec::new();
        for object in &part.analysis.objects {
            let containers = object
                .containers
                .iter()
                .map(|container| of_container(container, place));
            match of_part.last_mut().filter(|_| object.repeated) {
                Some(same) => same.children.extend(containers),
                None => of_part.push(Symbol {
                    children: containers.collect(),
                    ..of_object(object, place)
                }),
            }
        }
        symbols.extend(of_part);
    }
    symbols
}

fn of_object(object: &ObjectInfo, place: impl Fn(Range) -> lsp::Range) -> Symbol {
    Symbol {
        name: format!(
            "{} {}",
            object.kind,
            object.name.as_deref().unwrap_or_default()
        )
        .trim_end()
        .to_owned(),
        detail: object.namespace.clone(),
        kind: SymbolKind::OBJECT,
        range: place(object.range),
        name_range: place(object.name_range),
        children: Vec::new(),
    }
}

fn of_container(container: &ContainerInfo, place: impl Fn(Range) -> lsp::Range) -> Symbol {
    // An outline shows no entry without a name.
    let name = if container.name.is_empty() {
        container.kind
    } else {
        &container.name
    };
    Symbol {
        name: name.to_owned(),
        detail: Some(container.kind.to_owned()),
        kind: SymbolKind::MODULE,
        range: place(container.range),
        name_range: place(container.name_range),
        children: Vec::new(),
    }
}

fn nested(
    Symbol {
        name,
        detail,
        kind,
        range,
        name_range,
        children,
    }: Symbol,
) -> lsp::DocumentSymbol {
    #[expect(
        deprecated,
        reason = "the type has the field, and no other way to be made"
    )]
    lsp::DocumentSymbol {
        name,
        detail,
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range: name_range,
        children: (!children.is_empty()).then(|| children.into_iter().map(nested).collect()),
    }
}

fn flat(mut symbol: Symbol, url: &Uri) -> Vec<lsp::SymbolInformation> {
    let below = std::mem::take(&mut symbol.children);
    let around = symbol.name.clone();
    let information = |symbol: Symbol, container_name: Option<String>| {
        #[expect(
            deprecated,
            reason = "the type has the field, and no other way to be made"
        )]
        lsp::SymbolInformation {
            name: symbol.name,
            kind: symbol.kind,
            tags: None,
            deprecated: None,
            location: lsp::Location {
                uri: url.clone(),
                range: symbol.range,
            },
            container_name,
        }
    };
    let own = information(symbol, None);
    std::iter::once(own)
        .chain(
            below
                .into_iter()
                .map(|child| information(child, Some(around.clone()))),
        )
        .collect()
}
