//! Texts, their lines, and positions in the encodings of the Language Server Protocol.
//!
//! Lines end with `\n`, `\r\n`, or a lone `\r`, as in the Language Server Protocol, and with nothing else.

mod lines;
mod position;
#[cfg(feature = "rope")]
mod rope;

pub use lines::{BYTE_ORDER_MARK, LineIndex, count_line_breaks, line_break, line_ends};
pub use position::{Encoding, Position};
#[cfg(feature = "rope")]
pub use rope::Text;
