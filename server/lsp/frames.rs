//! Messages as bytes, before the library reads them.
//!
//! Knows headers and lengths, and what JSON the library can read: at the first message that it cannot, it stops for good.
//! Promise: every message that it can read goes through as it is; half a character, which editors that count in UTF-16 can cut
//! out of a text, becomes U+FFFD; anything else is left out, and the next message is found again.

use std::borrow::Cow;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tower_lsp::jsonrpc::{Request, Response};

/// Passes a client's messages on until its input ends; `lost` hears of each that is left out.
pub(super) async fn forward(
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    lost: impl Fn(),
) -> io::Result<()> {
    let mut input = BufReader::new(input);
    while let Some(body) = next(&mut input).await? {
        match readable(&body) {
            Some(body) => {
                output.write_all(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await?;
                output.write_all(&body).await?;
                output.flush().await?;
            }
            None => lost(),
        }
    }
    Ok(())
}

/// The body of the next message; `None` where the input ends, be it within a message.
async fn next(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let Some(length) = length(input).await? else { return Ok(None) };
    // The body grows as it comes: a length alone, however large, claims no memory.
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body).await?;
    Ok((body.len() as u64 == length).then_some(body))
}

/// Reads past the next header. Lines that belong to none are skipped.
async fn length(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<u64>> {
    let mut length = None;
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).await? > 0 {
        let text = String::from_utf8_lossy(&line);
        match (text.trim(), length) {
            ("", Some(length)) => return Ok(Some(length)),
            (field, _) => length = content_length(field).or(length),
        }
        line.clear();
    }
    Ok(None)
}

fn content_length(field: &str) -> Option<u64> {
    let (name, value) = field.split_once(':')?;
    name.eq_ignore_ascii_case("Content-Length").then(|| value.trim().parse().ok()).flatten()
}

/// A message as the library can read it; `None` where there is no making it so.
fn readable(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    if is_message(body) {
        return Some(Cow::Borrowed(body));
    }
    let whole = whole_characters(&String::from_utf8_lossy(body)).into_bytes();
    is_message(&whole).then_some(Cow::Owned(whole))
}

fn is_message(body: &[u8]) -> bool {
    serde_json::from_slice::<Request>(body).is_ok() || serde_json::from_slice::<Response>(body).is_ok()
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
        result.push_str(if is_whole { &escape[..length] } else { "\\ufffd" });
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

    const MESSAGE: &str = r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    async fn forwarded(input: &[u8]) -> (String, usize) {
        let (mut output, lost) = (Vec::new(), std::cell::Cell::new(0));
        forward(input, &mut output, || lost.set(lost.get() + 1)).await.expect("memory never fails");
        (String::from_utf8(output).expect("messages are text"), lost.get())
    }

    #[tokio::test]
    async fn messages_go_through_as_they_are() {
        let response = r#"{"jsonrpc":"2.0","id":1,"result":[{"é":"\"\\u\ud83d\ude00"}]}"#;
        let both = framed(MESSAGE) + &framed(response);
        assert_eq!(forwarded(both.as_bytes()).await, (both, 0));
    }

    #[tokio::test]
    async fn what_is_no_message_is_left_out() {
        for nonsense in ["", "{", "[]", "null", "{\"jsonrpc\":\"1.0\",\"method\":\"a\"}"] {
            let input = framed(nonsense) + &framed(MESSAGE);
            assert_eq!(forwarded(input.as_bytes()).await, (framed(MESSAGE), 1), "{nonsense:?}");
        }
    }

    #[tokio::test]
    async fn lines_that_belong_to_no_message_are_skipped() {
        let input = format!("\r\nhello\r\n\r\ncontent-length: x\r\n\r\n{}", framed(MESSAGE).to_lowercase());
        assert_eq!(forwarded(input.as_bytes()).await, (framed(&MESSAGE.to_lowercase()), 0));
        let input = format!("Content-Type: application/vscode-jsonrpc\nContent-Length:{}\n\n{MESSAGE}", MESSAGE.len());
        assert_eq!(forwarded(input.as_bytes()).await, (framed(MESSAGE), 0));
    }

    #[tokio::test]
    async fn a_message_that_is_cut_off_is_left_out() {
        let whole = framed(MESSAGE);
        for end in 0..whole.len() {
            assert_eq!(forwarded(&whole.as_bytes()[..end]).await, (String::new(), 0));
        }
        assert_eq!(forwarded(b"Content-Length: 18446744073709551615\r\n\r\n{").await, (String::new(), 0));
    }

    #[tokio::test]
    async fn half_a_character_becomes_a_whole_one() {
        let with = |text: &str| MESSAGE.replace("{}", &format!("{{\"a\":\"{text}\"}}"));
        let cut = with(r"\ud83d \\\ude00 \\ud83d \ud83d\ud83d\ude00");
        let whole = with(r"\ufffd \\\ufffd \\ud83d \ufffd\ud83d\ude00");
        assert_eq!(forwarded(framed(&cut).as_bytes()).await, (framed(&whole), 0));
        let bytes = [&b"Content-Length: 51\r\n\r\n"[..], &MESSAGE.as_bytes()[..30], b"\xff", &MESSAGE.as_bytes()[32..]].concat();
        let (passed, lost) = forwarded(&bytes).await;
        assert!(lost == 0 && passed.contains('\u{fffd}'), "{passed}");
    }
}
