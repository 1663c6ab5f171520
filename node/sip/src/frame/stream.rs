//! Messages on a stream, cut by Content-Length (RFC 3261 §18.3).

use super::{MAX_MESSAGE, ParseError, ParseReason, finish, head};
use crate::message::Message;

/// What a stream brought.
#[derive(Clone, Debug)]
pub enum Framed {
    /// A message.
    Message(Message),
    /// A keep-alive; answer it with one CRLF (RFC 5626 §4.4.1).
    Ping,
    /// A message that is none, but whose end was found: refuse it, the stream goes on.
    Invalid(ParseError),
}

/// Cuts one stream into messages. Holds no more than one message beyond what was pushed last.
#[derive(Clone, Debug, Default)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    /// Where the message being read begins.
    start: usize,
    /// How far from `start` the end of the head has been looked for.
    searched: usize,
    /// Length of the message being read, once its head is known; 0 before.
    needed: usize,
    /// What broke the stream; nothing is read after it.
    broken: Option<ParseError>,
}

impl StreamFramer {
    /// A framer for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes. Call [`StreamFramer::next`] until it gives `None` before the next ones: what is left
    /// over is bounded by one message.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > 16 * 1024 {
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or keep-alive; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be cut any more and must be closed; every later call says so again.
    // Not an iterator: `None` is no end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Framed>, ParseError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let result = self.cut();
        if let Err(error) = &result {
            self.broken = Some(error.clone());
            self.buffer = Vec::new();
            self.start = 0;
        }
        result
    }

    /// Whether a message has begun and not ended: a peer may not stay there for long.
    pub fn is_mid_message(&self) -> bool {
        self.buffer[self.start..].iter().any(|b| !matches!(b, b'\r' | b'\n'))
    }

    fn cut(&mut self) -> Result<Option<Framed>, ParseError> {
        match self.skip_line_ends() {
            Before::Ping => return Ok(Some(Framed::Ping)),
            Before::Unsure => return Ok(None),
            Before::Message => {}
        }
        let bytes = &self.buffer[self.start..];
        if bytes.len() < self.needed {
            return Ok(None);
        }
        let Some(head_end) = head::end(bytes, self.searched) else {
            self.searched = bytes.len();
            if bytes.len() > MAX_MESSAGE {
                return Err(refuse_unread(&bytes[..MAX_MESSAGE], ParseReason::TooLarge));
            }
            return Ok(None);
        };
        let head = head::parse(&bytes[..head_end])?;
        if head_end > MAX_MESSAGE {
            return Err(head.refuse(ParseReason::TooLarge));
        }
        let length = match head.headers.content_length() {
            Ok(Some(length)) => length,
            Ok(None) if !head.headers.contains("Content-Type") => 0,
            Ok(None) => return Err(head.refuse(ParseReason::NoLength)),
            Err(error) => return Err(head.refuse(error.into())),
        };
        if length > MAX_MESSAGE - head_end {
            return Err(head.refuse(ParseReason::TooLarge));
        }
        let Some(body) = bytes.get(head_end..head_end + length) else {
            self.needed = head_end + length;
            return Ok(None);
        };
        let framed = match finish(head, body) {
            Ok(message) => Framed::Message(message),
            Err(error) => Framed::Invalid(error),
        };
        self.start += head_end + length;
        self.searched = 0;
        self.needed = 0;
        Ok(Some(framed))
    }

    /// Drops line ends before a message.
    fn skip_line_ends(&mut self) -> Before {
        loop {
            match self.buffer[self.start..] {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.start += 4;
                    return Before::Ping;
                }
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Before::Unsure,
                [b'\r' | b'\n', ..] => self.start += 1,
                _ => return Before::Message,
            }
        }
    }
}

/// What stands before a message.
enum Before {
    Ping,
    /// Nothing, or what may yet become a ping.
    Unsure,
    Message,
}

fn refuse_unread(bytes: &[u8], reason: ParseReason) -> ParseError {
    match head::parse(bytes) {
        Ok(head) => head.refuse(reason),
        Err(error) => error,
    }
}
