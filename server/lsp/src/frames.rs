//! What a client sends, from bytes to messages.
//!
//! Knows headers and lengths, and what JSON a message is. Promise: every message of up to [`LONGEST`] bytes is read as it is; half a
//! character, which editors that count in UTF-16 can cut out of a text, becomes U+FFFD; anything else is left out, and the next message is
//! found again. Of what is left out nothing is kept, however long it is.

use std::fmt;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use tower_lsp::jsonrpc::{Request, Response};

#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// A notification is a request that nobody answers.
    Request(Request),
    Response(Response),
}

/// No message is longer that is read, in bytes. One that opens a document holds all of it, and a `List` may be of any length; so this is
/// far beyond what anybody edits, and still what a machine has to spare a few times over.
pub(super) const LONGEST: u64 = 256 << 20;

/// No field of a header is longer that is read, in bytes.
const LONGEST_FIELD: usize = 1 << 10;

/// Why a message is left out, in words for a client's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Unreadable,
    /// Its length, in bytes.
    TooLong(u64),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Unreadable => write!(f, "kubeharden cannot read a message"),
            Lost::TooLong(length) => {
                write!(
                    f,
                    "kubeharden leaves out a message of {length} bytes: it reads none of more than {} MiB",
                    LONGEST >> 20
                )
            }
        }
    }
}

/// The next message; `None` where the input ends, be it within one. `lost` hears of each that is left out.
pub(super) async fn next(
    input: &mut (impl AsyncBufRead + Unpin),
    lost: impl Fn(Lost),
) -> Option<Message> {
    while let Some(length) = length(input).await.ok()? {
        let mut body = input.take(length);
        if length > LONGEST {
            // Said before all of it is there: it may never be.
            lost(Lost::TooLong(length));
            tokio::io::copy_buf(&mut body, &mut tokio::io::sink())
                .await
                .ok()?;
            continue;
        }
        // What is read grows as it comes: a length alone claims no memory.
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).await.ok()?;
        match (bytes.len() as u64 == length).then(|| message(&bytes))? {
            Some(message) => return Some(message),
            None => lost(Lost::Unreadable),
        }
    }
    None
}

/// Reads past the next header. Lines that belong to none are skipped.
async fn length(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<u64>> {
    let mut length = None;
    while let Some(line) = line(input).await? {
        let text = String::from_utf8_lossy(&line);
        match (text.trim(), length) {
            ("", Some(length)) => return Ok(Some(length)),
            (field, _) => length = content_length(field).or(length),
        }
    }
    Ok(None)
}

/// The next line with its end; of one that is longer than a field no more than would show that.
async fn line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let read = input.fill_buf().await?;
        if read.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = read.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(read.len(), |end| end + 1);
        line.extend_from_slice(&read[..length.min(LONGEST_FIELD.saturating_sub(line.len()))]);
        input.consume(length);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

fn content_length(field: &str) -> Option<u64> {
    let (name, value) = field.split_once(':')?;
    name.trim_end()
        .eq_ignore_ascii_case("Content-Length")
        .then(|| value.trim().parse().ok())
        .flatten()
}

fn message(body: &[u8]) -> Option<Message> {
    let whole = || whole_characters(&String::from_utf8_lossy(body)).into_bytes();
    parse(body).or_else(|| parse(&whole()))
}

fn parse(body: &[u8]) -> Option<Message> {
    // A response can be read as a request of no method.
    match serde_json::from_slice::<Request>(body) {
        Ok(request) if !request.method().is_empty() => Some(Message::Request(request)),
        request => match serde_json::from_slice(body) {
            Ok(response) => Some(Message::Response(response)),
            Err(_) => request.ok().map(Message::Request),
        },
    }
}

/// JSON with U+FFFD for every escaped half of a character whose other half is missing. Both are one unit in UTF-16, so that
/// the positions of such a client stay right.
fn whole_characters(json: &str) -> String {
    let mut result = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        result.push_str(before);
        let (length, is_whole) = match (half(escape), escape.get(6..).and_then(half)) {
            (Some(Half::First), Some(Half::Second)) => (12, true),
            (Some(_), _) => (6, false),
            // Whatever is escaped, it does not begin another escape.
            (None, _) => (escape.chars().take(2).map(char::len_utf8).sum(), true),
        };
        result.push_str(if is_whole {
            &escape[..length]
        } else {
            "\\ufffd"
        });
        rest = &escape[length..];
    }
    result + rest
}

/// A half of a character beyond U+FFFF.
enum Half {
    First,
    Second,
}

/// Which half is escaped at the start of a text, if one is.
fn half(escape: &str) -> Option<Half> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..0xDC00 => Some(Half::First),
        0xDC00..0xE000 => Some(Half::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;
    use futures_util::FutureExt;
    use serde_json::Value;
    use std::cell::Cell;
    use tokio::io::BufReader;

    const MESSAGE: &str = r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// The messages of an input, as JSON, and how many were left out.
    async fn read(mut input: &[u8]) -> (Vec<Value>, usize) {
        let (mut messages, lost) = (Vec::new(), Cell::new(0));
        while let Some(message) = next(&mut input, |_| lost.set(lost.get() + 1)).await {
            messages.push(match message {
                Message::Request(request) => serde_json::to_value(request).unwrap(),
                Message::Response(response) => serde_json::to_value(response).unwrap(),
            });
        }
        (messages, lost.get())
    }

    fn values(messages: &[&str]) -> Vec<Value> {
        messages
            .iter()
            .map(|message| serde_json::from_str(message).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn messages_are_read_as_they_are() {
        let response = r#"{"jsonrpc":"2.0","id":1,"result":[{"é":"\"\\u\ud83d\ude00"}]}"#;
        let failure = r#"{"jsonrpc":"2.0","id":"a","error":{"code":-32603,"message":"no"}}"#;
        let all = [MESSAGE, response, failure, MESSAGE];
        assert_eq!(
            read(all.map(framed).concat().as_bytes()).await,
            (values(&all), 0)
        );
        assert!(matches!(
            next(&mut framed(response).as_bytes(), |_| ()).await,
            Some(Message::Response(_))
        ));
    }

    #[tokio::test]
    async fn what_is_no_message_is_left_out() {
        for nonsense in [
            "",
            "{",
            "[]",
            "null",
            "{\"jsonrpc\":\"1.0\",\"method\":\"a\"}",
        ] {
            let input = framed(nonsense) + &framed(MESSAGE);
            assert_eq!(
                read(input.as_bytes()).await,
                (values(&[MESSAGE]), 1),
                "{nonsense:?}"
            );
        }
    }

    #[tokio::test]
    async fn lines_that_belong_to_no_message_are_skipped() {
        let input = format!(
            "\r\nhello\r\n\r\ncontent-length: x\r\n\r\n{}",
            framed(MESSAGE).to_lowercase()
        );
        assert_eq!(
            read(input.as_bytes()).await,
            (values(&[&MESSAGE.to_lowercase()]), 0)
        );
        let input = format!(
            "Content-Type: application/vscode-jsonrpc\nContent-Length :{}\n\n{MESSAGE}",
            MESSAGE.len()
        );
        assert_eq!(read(input.as_bytes()).await, (values(&[MESSAGE]), 0));
    }

    #[tokio::test]
    async fn a_message_that_is_cut_off_is_left_out() {
        let whole = framed(MESSAGE);
        for end in 0..whole.len() {
            assert_eq!(read(&whole.as_bytes()[..end]).await, (Vec::new(), 0));
        }
        let long = format!("Content-Length: {LONGEST}\r\n\r\n{{");
        let used =
            measure(|| assert_eq!(read(long.as_bytes()).now_or_never(), Some((Vec::new(), 0))));
        assert!(used.bytes_max < 1 << 20, "{used:?}");
    }

    /// An input that goes on for so many bytes.
    fn endless(count: u64) -> impl AsyncBufRead + Unpin {
        BufReader::new(tokio::io::repeat(b'x').take(count))
    }

    #[test]
    fn a_message_that_is_too_long_is_skipped_and_told_of() {
        for (length, count) in [(LONGEST + 1, LONGEST + 1), (u64::MAX, LONGEST / 4)] {
            let header = format!("Content-Length: {length}\r\n\r\n");
            let next_one = framed(MESSAGE);
            let mut input = BufReader::new(header.as_bytes())
                .chain(endless(count))
                .chain(next_one.as_bytes());
            let (lost, read) = (Cell::new(None), Cell::new(None));
            let used = measure(|| {
                read.set(
                    next(&mut input, |why| lost.set(Some(why)))
                        .now_or_never()
                        .flatten(),
                )
            });
            assert_eq!(lost.get(), Some(Lost::TooLong(length)));
            assert_eq!(
                read.take().is_some(),
                length == count,
                "the next message is found where the one before it ends"
            );
            assert!(used.bytes_max < 1 << 20, "{used:?}");
        }
        assert!(Lost::TooLong(1).to_string().contains("256 MiB"));
    }

    #[test]
    fn a_line_without_an_end_is_skipped() {
        for noise in [1, LONGEST / 16] {
            let rest = format!("Content-Length: 5\r\n{}", framed(MESSAGE));
            let mut input = endless(noise).chain(rest.as_bytes());
            let (read, lost) = (Cell::new(None), Cell::new(0));
            let used =
                measure(|| read.set(next(&mut input, |_| lost.set(1)).now_or_never().flatten()));
            assert!(read.take().is_some() && lost.get() == 0, "{noise}");
            assert!(used.bytes_max < 1 << 20, "{used:?}");
        }
    }

    #[tokio::test]
    async fn half_a_character_becomes_a_whole_one() {
        let with = |text: &str| MESSAGE.replace("{}", &format!("{{\"a\":\"{text}\"}}"));
        let cut = with(r"\ud83d \\\ude00 \\ud83d \ud83d\ud83d\ude00");
        let whole = with(r"\ufffd \\\ufffd \\ud83d \ufffd\ud83d\ude00");
        assert_eq!(read(framed(&cut).as_bytes()).await, (values(&[&whole]), 0));
        let bytes = [
            &b"Content-Length: 51\r\n\r\n"[..],
            &MESSAGE.as_bytes()[..30],
            b"\xff",
            &MESSAGE.as_bytes()[32..],
        ]
        .concat();
        let (read, lost) = read(&bytes).await;
        assert!(
            lost == 0 && read[0]["method"].as_str().unwrap().contains('\u{fffd}'),
            "{read:?}"
        );
    }
}
