//! Splits the client's bytes into messages.
//!
//! Reads every message of up to [`LONGEST`] bytes. Replaces half a surrogate pair, which editors that count in UTF-16 can cut out
//! of a text, with U+FFFD. Skips anything else, without keeping it in memory, and finds the next message again.

use std::fmt;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use tower_lsp::jsonrpc::{Request, Response};

#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// A request, or a notification: a request without an id.
    Request(Request),
    Response(Response),
}

/// The longest message that is read, in bytes. `textDocument/didOpen` contains the whole document, so the limit is far above the
/// size of any file that people edit.
pub(crate) const LONGEST: u64 = 256 << 20;

/// The longest header field that is read, in bytes.
const LONGEST_FIELD: usize = 1 << 10;

/// Why a message is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipped {
    Unreadable,
    /// Its length, in bytes.
    TooLong(u64),
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skipped::Unreadable => write!(f, "cannot parse a message"),
            Skipped::TooLong(length) => {
                write!(
                    f,
                    "skipped a message of {length} bytes: the limit is {} MiB",
                    LONGEST >> 20
                )
            }
        }
    }
}

/// Returns the next message; `None` at the end of the input. Calls `skipped` for each message that is skipped.
pub(crate) async fn next(
    input: &mut (impl AsyncBufRead + Unpin),
    skipped: impl Fn(Skipped),
) -> Option<Message> {
    while let Some(length) = length(input).await.ok()? {
        let mut body = input.take(length);
        if length > LONGEST {
            // Reported before the rest arrives, which may never happen.
            skipped(Skipped::TooLong(length));
            tokio::io::copy_buf(&mut body, &mut tokio::io::sink())
                .await
                .ok()?;
            continue;
        }
        // The buffer grows with the input: a length alone allocates nothing.
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).await.ok()?;
        match (bytes.len() as u64 == length).then(|| message(&bytes))? {
            Some(message) => return Some(message),
            None => skipped(Skipped::Unreadable),
        }
    }
    None
}

/// Reads the next header and returns the length of its message. Skips unknown lines.
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

/// Returns the next line with its line break, cut after [`LONGEST_FIELD`] bytes.
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
    // A response also parses as a request with an empty method.
    match serde_json::from_slice::<Request>(body) {
        Ok(request) if !request.method().is_empty() => Some(Message::Request(request)),
        request => match serde_json::from_slice(body) {
            Ok(response) => Some(Message::Response(response)),
            Err(_) => request.ok().map(Message::Request),
        },
    }
}

/// Replaces each escaped lone surrogate with U+FFFD. Both are one unit in UTF-16, so the client's positions stay right.
fn whole_characters(json: &str) -> String {
    let mut result = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        result.push_str(before);
        let (length, is_whole) = match (half(escape), escape.get(6..).and_then(half)) {
            (Some(Half::First), Some(Half::Second)) => (12, true),
            (Some(_), _) => (6, false),
            // Skip the escaped character too: it may be a backslash.
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

/// A half of a surrogate pair.
enum Half {
    First,
    Second,
}

/// Returns the surrogate that is escaped at the start of a text.
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
    async fn messages_are_parsed() {
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
    async fn invalid_messages_are_skipped() {
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
    async fn unknown_header_lines_are_skipped() {
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
    async fn truncated_message_is_skipped() {
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
    fn too_long_message_is_reported() {
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
                );
            });
            assert_eq!(lost.get(), Some(Skipped::TooLong(length)));
            assert_eq!(
                read.take().is_some(),
                length == count,
                "the next message is found where the one before it ends"
            );
            assert!(used.bytes_max < 1 << 20, "{used:?}");
        }
        assert!(Skipped::TooLong(1).to_string().contains("256 MiB"));
    }

    #[test]
    fn endless_line_is_skipped() {
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
    async fn lone_surrogates_are_replaced() {
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
