//! The outline: the objects of a document and their containers.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto;
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use linter::analysis::{ContainerInfo, ObjectInfo, Range};
use tower_lsp::ls_types::{self as lsp, SymbolKind, Uri};

/// An entry of the outline with its children.
struct Symbol {
    name: String,
    detail: Option<String>,
    kind: SymbolKind,
    range: lsp::Range,
    name_range: lsp::Range,
    children: Vec<Symbol>,
}

/// Returns the outline of a document.
pub(crate) async fn symbols(
    analyzer: &Analyzer,
    client: &Capabilities,
    url: &Uri,
) -> Option<lsp::DocumentSymbolResponse> {
    let analyzed = analyzer.latest(url).await?;
    let symbols = outline(&analyzed, client).into_iter();
    Some(if client.nested_symbols {
        lsp::DocumentSymbolResponse::Nested(symbols.map(nested).collect())
    } else {
        lsp::DocumentSymbolResponse::Flat(symbols.flat_map(|symbol| flat(symbol, url)).collect())
    })
}

fn outline(analyzed: &Analyzed, client: &Capabilities) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for chunk in analyzed.report.chunks() {
        let place = |range: Range| {
            to_proto::range(chunk.place(range), &analyzed.snapshot.text, client.encoding)
        };
        let mut of_chunk: Vec<Symbol> = Vec::new();
        for object in &chunk.analysis.objects {
            let containers = object
                .containers
                .iter()
                .map(|container| of_container(container, place));
            match of_chunk.last_mut().filter(|_| object.repeated) {
                Some(same) => same.children.extend(containers),
                None => of_chunk.push(Symbol {
                    children: containers.collect(),
                    ..of_object(object, place)
                }),
            }
        }
        symbols.extend(of_chunk);
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
    // Outlines do not show entries without a name.
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
    #[expect(deprecated, reason = "the type has no other constructor")]
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
        #[expect(deprecated, reason = "the type has no other constructor")]
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
