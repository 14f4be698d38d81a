//! Reads a node into a Kubernetes type: a serde `Deserializer` over the YAML tree. The result is
//! what the API server would decode, in bounded time.
//!
//! Every `k8s_openapi` type calls `deserialize_struct` with its name and its fields. This shows
//! which type each mapping is, and which of its keys the type does not have. serde stops at the
//! first wrong value; it is recorded, left out, and reading starts again.

use super::parse_quantity;
use serde::Deserialize;
use serde::de::value::{
    BorrowedStrDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer,
};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Visitor};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;
use yaml::{Entry, Node, NodeId, NodeKind, Resolved};

/// What reading an object found, apart from the values.
#[derive(Debug, Clone, Default)]
pub struct Reading<'y> {
    /// Keys that the type does not have.
    pub unknown: Vec<UnknownField<'y>>,
    /// Values that do not fit their field. They are left out of the result.
    pub wrong: Vec<WrongShape<'y>>,
    /// The type of each mapping.
    pub types: Vec<(Node<'y>, &'static str)>,
    left_out: HashSet<NodeId>,
}

/// A key that the Kubernetes type of its mapping does not have; the API server drops it.
#[derive(Debug, Clone)]
pub struct UnknownField<'y> {
    pub key: Node<'y>,
    pub value: Node<'y>,
    /// The type's name in Kubernetes: `SecurityContext`.
    pub type_name: &'static str,
    /// The fields that the type has.
    pub fields: &'static [&'static str],
}

/// A value that the API server would reject.
#[derive(Debug, Clone)]
pub struct WrongShape<'y> {
    pub node: Node<'y>,
    /// The expected shape, if there is only one.
    pub expected: Option<Expected>,
}

/// The shapes of values in Kubernetes types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Bool,
    Integer,
    Number,
    Text,
    Base64,
    Time,
    Quantity,
    Sequence,
    Mapping,
}

impl<'y> Reading<'y> {
    /// The items of the sequence at `key` that were read, in the order of the typed list.
    pub fn items_read(&self, node: Node<'y>, key: &str) -> impl Iterator<Item = Node<'y>> {
        let items = node.get(key).map(|list| list.items());
        items
            .into_iter()
            .flatten()
            .filter(|item| !self.left_out.contains(&item.id()))
            .filter_map(present)
    }
}

impl<'y> Reading<'y> {
    /// Adds what reading another part of the same object found.
    pub(super) fn absorb(&mut self, other: Reading<'y>) {
        self.unknown.extend(other.unknown);
        self.wrong.extend(other.wrong);
        self.types.extend(other.types);
        self.left_out.extend(other.left_out);
    }
}

/// Reads a `T` from a node. `identity` replaces `apiVersion` and `kind` for types that check them.
pub(super) fn read<'y, T: DeserializeOwned>(
    node: Node<'y>,
    identity: Option<Identity>,
) -> (Option<T>, Reading<'y>) {
    let mut wrong = Vec::new();
    let mut left_out = HashSet::new();
    for _ in 0..MAX_WRONG_SHAPES {
        let pass = Pass {
            seen: RefCell::default(),
            left_out,
            steps: Cell::new(0),
        };
        let result = T::deserialize(Reader {
            pass: &pass,
            node,
            identity,
            depth: 0,
            wrapper: "",
            around: None,
        });
        let mut seen = pass.seen.into_inner();
        left_out = pass.left_out;
        match result {
            Ok(value) => {
                (seen.wrong, seen.left_out) = (wrong, left_out);
                return (Some(value), seen);
            }
            Err(Error {
                node: place,
                expected: wanted,
                ..
            }) => {
                let at = place.map_or(node, |id| node.yaml().node(id));
                wrong.push(WrongShape {
                    node: at,
                    expected: wanted,
                });
                if at == node || !left_out.insert(at.id()) {
                    break;
                }
            }
        }
    }
    (
        None,
        Reading {
            wrong,
            left_out,
            ..Reading::default()
        },
    )
}

/// The `apiVersion` and `kind` that a type requires. Older versions of a kind are read as the
/// current one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
}

/// An object with more wrong values than this is something else.
const MAX_WRONG_SHAPES: usize = 64;
/// Kubernetes types nest less. Aliases can make a small text arbitrarily deep.
const MAX_DEPTH: u16 = 256;
/// How many values are read for each node of the document. Aliases can make a small text
/// arbitrarily large.
const MAX_STEPS_PER_NODE: usize = 8;

/// One attempt to read.
struct Pass<'y> {
    seen: RefCell<Reading<'y>>,
    left_out: HashSet<NodeId>,
    steps: Cell<usize>,
}

#[derive(Debug)]
struct Error {
    node: Option<NodeId>,
    expected: Option<Expected>,
    message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error {
            node: None,
            expected: None,
            message: message.to_string(),
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'p, 'y> {
    pass: &'p Pass<'y>,
    node: Node<'y>,
    identity: Option<Identity>,
    depth: u16,
    /// The name of the newtype around this value, if any: `Quantity`, `Time`.
    wrapper: &'static str,
    /// The innermost type around this value.
    around: Option<Fields>,
}

impl<'y> Reader<'_, 'y> {
    fn below(self, node: Node<'y>) -> Self {
        Reader {
            node,
            identity: None,
            depth: self.depth + 1,
            wrapper: "",
            ..self
        }
    }

    /// Adds the node to an error without one. The innermost node wins.
    fn with_node<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| Error {
            node: error.node.or(Some(self.node.id())),
            ..error
        })
    }

    /// Follows an alias, and counts the step against the limits.
    fn resolve(&self) -> Result<Node<'y>, Error> {
        let steps = self.pass.steps.get() + 1;
        self.pass.steps.set(steps);
        let bound = self
            .node
            .yaml()
            .nodes()
            .len()
            .saturating_mul(MAX_STEPS_PER_NODE);
        if self.depth > MAX_DEPTH || steps > bound {
            return Err(de::Error::custom(
                "the aliases in this value make it too large to read",
            ));
        }
        self.node
            .resolve()
            .ok_or_else(|| de::Error::custom("this alias has no anchor before it"))
    }

    /// Visits the value, whatever it is.
    fn any<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        let node = self.resolve()?;
        match node.kind() {
            NodeKind::Mapping => visitor.visit_map(MapDeserializer::<_, Error>::new(
                std::iter::empty::<((), ())>(),
            )),
            NodeKind::Sequence => {
                visitor.visit_seq(SeqDeserializer::<_, Error>::new(std::iter::empty::<()>()))
            }
            NodeKind::Scalar(_) | NodeKind::Empty | NodeKind::Alias => match node.resolved() {
                None | Some(Resolved::Null) => visitor.visit_unit(),
                Some(Resolved::Str(text)) => visitor.visit_str(text),
                Some(Resolved::Bool(value)) => visitor.visit_bool(value),
                Some(Resolved::Int(value)) => visitor.visit_i64(value),
                Some(Resolved::Float(value)) => match integer(value) {
                    Some(value) => visitor.visit_i64(value),
                    None => visitor.visit_f64(value),
                },
            },
        }
    }

    /// Visits the value as one shape.
    fn expect<'de, V: Visitor<'de>>(
        &self,
        wanted: Expected,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let result = match wanted {
            Expected::Base64 => self.bytes(visitor),
            Expected::Quantity => self.quantity(visitor),
            _ => self.any(visitor),
        };
        self.with_node(result.map_err(|error| Error {
            expected: error.expected.or(Some(wanted)),
            ..error
        }))
    }

    /// Visits a quantity, quoted or not. A number is passed as written if that is a quantity:
    /// `0x10` is not.
    fn quantity<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        let node = self.resolve()?;
        let is_quantity = |text: &str| parse_quantity(text.trim()).is_some();
        match node.resolved() {
            Some(Resolved::Str(text)) if is_quantity(text) => visitor.visit_str(text.trim()),
            Some(Resolved::Int(value)) => visitor.visit_string(value.to_string()),
            Some(Resolved::Float(_)) if is_quantity(node.source()) => {
                visitor.visit_str(node.source())
            }
            Some(Resolved::Float(value)) if value.is_finite() => {
                visitor.visit_string(value.to_string())
            }
            _ => Err(de::Error::custom("not a quantity")),
        }
    }

    /// Visits bytes as an empty string: their content is not needed, and Go's decoder is less
    /// strict than the type's own.
    fn bytes<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        match self.resolve()?.resolved() {
            Some(Resolved::Str(text)) if is_base64(text) => visitor.visit_str(""),
            _ => Err(de::Error::custom("not base64")),
        }
    }

    fn entries(&self, mapping: Node<'y>, fields: Option<Fields>) -> Entries<'_, 'y> {
        let reader = Reader {
            around: fields.or(self.around),
            ..*self
        };
        Entries {
            reader,
            mapping,
            next: 0,
            merged: merged_beside(mapping).into_iter(),
            value: None,
            fields,
        }
    }
}

/// A type's name and its fields.
type Fields = (&'static str, &'static [&'static str]);

/// The entries that `<<` adds to a mapping.
fn merged_beside(mapping: Node<'_>) -> Vec<Entry<'_>> {
    if !mapping.entries().any(Entry::is_merge) {
        return Vec::new();
    }
    let own = mapping.entries().filter(|entry| !entry.is_merge());
    let mut known: HashSet<&str> = own.filter_map(|entry| entry.key.as_str()).collect();
    mapping
        .merged_entries()
        .filter(|entry| entry.key.as_str().is_none_or(|key| known.insert(key)))
        .collect()
}

/// Returns the node unless it is null: the API server's decoder ignores a null field.
fn present(node: Node<'_>) -> Option<Node<'_>> {
    (!node.is_null()).then_some(node)
}

/// The entries of a mapping as the API server sees them: its own, then those that `<<` adds.
struct Entries<'p, 'y> {
    reader: Reader<'p, 'y>,
    mapping: Node<'y>,
    /// The index of the next own entry.
    next: usize,
    merged: std::vec::IntoIter<Entry<'y>>,
    value: Option<Entry<'y>>,
    fields: Option<Fields>,
}

impl<'y> Entries<'_, 'y> {
    fn next(&mut self) -> Option<Entry<'y>> {
        while let Some(entry) = self.mapping.entries().nth(self.next) {
            self.next += 1;
            if !entry.is_merge() {
                return Some(entry);
            }
        }
        self.merged.next()
    }

    fn note_unknown(&self, entry: &Entry<'_>, key: &str) -> bool {
        let Some((type_name, fields)) = self.fields else {
            return false;
        };
        if fields.contains(&key) {
            return false;
        }
        let yaml = self.reader.node.yaml();
        let unknown = UnknownField {
            key: yaml.node(entry.key.id()),
            value: yaml.node(entry.value.id()),
            type_name,
            fields,
        };
        self.reader.pass.seen.borrow_mut().unknown.push(unknown);
        true
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        while let Some(entry) = self.next() {
            let Some(key) = entry.key.as_str() else {
                continue;
            };
            let left_out = self.reader.pass.left_out.contains(&entry.value.id());
            if self.note_unknown(&entry, key) || left_out || present(entry.value).is_none() {
                continue;
            }
            self.value = Some(entry);
            return seed
                .deserialize(StrDeserializer::<Error>::new(key))
                .map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value without its key"));
        };
        let insisted = self
            .reader
            .identity
            .and_then(|identity| match entry.key.as_str() {
                Some("apiVersion") => Some(identity.api_version),
                Some("kind") => Some(identity.kind),
                _ => None,
            });
        if let Some(text) = insisted {
            return seed.deserialize(BorrowedStrDeserializer::new(text));
        }
        let reader = self.reader.below(entry.value);
        reader.with_node(seed.deserialize(reader))
    }
}

struct Items<'p, 'y, I> {
    reader: Reader<'p, 'y>,
    rest: I,
}

impl<'de, 'y, I: Iterator<Item = Node<'y>>> de::SeqAccess<'de> for Items<'_, 'y, I> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        for item in self.rest.by_ref() {
            if self.reader.pass.left_out.contains(&item.id()) || present(item).is_none() {
                continue;
            }
            let reader = self.reader.below(item);
            return reader.with_node(seed.deserialize(reader)).map(Some);
        }
        Ok(None)
    }
}

impl<'de> de::Deserializer<'de> for Reader<'_, '_> {
    type Error = Error;

    /// A type asks for "any" if it accepts several shapes. A type that accepts every shape has a
    /// newtype: its content has no Kubernetes type, so collections are passed as empty. A quantity
    /// may be a number. A mapping without a newtype has the type around it again, as the schema
    /// below `items` and `additionalProperties` of a schema; no other type has such a field.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let node = self.resolve()?;
        match (self.wrapper, node.kind(), self.around) {
            ("Quantity", ..) => self.expect(Expected::Quantity, visitor),
            ("", NodeKind::Mapping, Some(around)) => {
                self.pass.seen.borrow_mut().types.push((node, around.0));
                self.with_node(visitor.visit_map(self.entries(node, Some(around))))
            }
            ("", NodeKind::Sequence, _) => self.with_node(visitor.visit_seq(Items {
                reader: self,
                rest: node.items(),
            })),
            _ => self.with_node(self.any(visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let node = self.resolve()?;
        match node.kind() {
            NodeKind::Mapping => self.with_node(visitor.visit_map(self.entries(node, None))),
            _ => self.expect(Expected::Mapping, visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let node = self.resolve()?;
        match node.kind() {
            NodeKind::Sequence => self.with_node(visitor.visit_seq(Items {
                reader: self,
                rest: node.items(),
            })),
            _ => self.expect(Expected::Sequence, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.resolve()?.is_null() {
            visitor.visit_none()
        } else {
            self.with_node(visitor.visit_some(self))
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let node = self.resolve()?;
        if node.kind() != NodeKind::Mapping {
            return self.expect(Expected::Mapping, visitor);
        }
        self.pass.seen.borrow_mut().types.push((node, name));
        self.with_node(visitor.visit_map(self.entries(node, Some((name, fields)))))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.with_node(visitor.visit_newtype_struct(Reader {
            wrapper: name,
            ..self
        }))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect(Expected::Bool, visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect(Expected::Integer, visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect(Expected::Integer, visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect(Expected::Number, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // Only these two types ask for a borrowed string.
        let is_time = matches!(self.wrapper, "Time" | "MicroTime");
        self.expect(
            if is_time {
                Expected::Time
            } else {
                Expected::Base64
            },
            visitor,
        )
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect(Expected::Text, visitor)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

/// Converts a float that JSON writes as an integer: the API server converts YAML to JSON first.
fn integer(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64)
}

/// Whether Go's `base64.StdEncoding` accepts a text. It ignores line breaks.
fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\n' | b'\r'))
        .collect();
    let padding = digits
        .iter()
        .rev()
        .take_while(|&&byte| byte == b'=')
        .count();
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    digits.len().is_multiple_of(4)
        && padding <= 2
        && digits.iter().take(digits.len() - padding).all(is_digit)
}

/// Returns the fields of a Kubernetes type, as they are written in manifests.
pub(crate) fn fields_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &[&str] = &[];
    let _stopped = T::deserialize(FieldProbe(&mut fields));
    fields
}

/// A deserializer that keeps the fields of the first struct that it is asked for, and stops.
struct FieldProbe<'f>(&'f mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only the fields are wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
