//! Telephone-event (RFC 4733 §2.3): the payload, and hearing each event once.

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// One payload: an event's state so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The event code; 0 to 15 are the digits.
    pub code: u8,
    /// Whether the event is over.
    pub end: bool,
    /// How long it lasts so far, in timestamp units.
    pub duration: u16,
}

impl Event {
    /// Reads a payload; `None` if it is too short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[code, flags, high, low] = payload.first_chunk()?;
        Some(Self { code, end: flags & 0x80 != 0, duration: u16::from_be_bytes([high, low]) })
    }

    /// The payload, at a level of -10 dBm0.
    pub fn compose(&self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, (u8::from(self.end) << 7) | 10, high, low]
    }
}

/// The digit an event code stands for.
pub fn digit(code: u8) -> Option<char> {
    DIGITS.get(usize::from(code)).map(|&digit| char::from(digit))
}

/// The event code of a digit; `None` for anything but `0-9 A-D * #`.
pub fn code(digit: char) -> Option<u8> {
    let wanted = u8::try_from(digit.to_ascii_uppercase()).ok()?;
    DIGITS.iter().position(|&known| known == wanted).and_then(|at| u8::try_from(at).ok())
}

/// Hears each event once, although its packets are many and its end is said three times.
#[derive(Debug, Default)]
pub struct Hearing {
    current: Option<Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    timestamp: u32,
    code: u8,
    duration: u16,
    told: bool,
}

impl Hearing {
    /// Takes one payload; the timestamp names the event. Gives code and duration (timestamp units) of an
    /// event that this packet ends: itself, or one before it whose end was lost.
    pub fn take(&mut self, timestamp: u32, event: Event) -> Option<(u8, u16)> {
        let before = self.current;
        if let Some(heard) = before {
            let age = timestamp.wrapping_sub(heard.timestamp);
            if age >= 1 << 31 {
                return None; // A late packet of an event before this one.
            }
            if age == 0 && heard.told {
                return None;
            }
        }
        self.current = Some(Heard { timestamp, code: event.code, duration: event.duration, told: event.end });
        match before {
            Some(heard) if heard.timestamp != timestamp && !heard.told => {
                if let (true, Some(current)) = (event.end, &mut self.current) {
                    current.told = false; // One answer a packet: its next end packet tells.
                }
                Some((heard.code, heard.duration))
            }
            _ => event.end.then_some((event.code, event.duration)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_heard_once() {
        let mut hearing = Hearing::default();
        let event = |end, duration| Event { code: 5, end, duration };
        assert_eq!(hearing.take(100, event(false, 160)), None);
        assert_eq!(hearing.take(100, event(true, 320)), Some((5, 320)));
        assert_eq!(hearing.take(100, event(true, 320)), None);
        assert_eq!(hearing.take(1000, event(false, 160)), None);
        // The end was lost: the next event tells.
        assert_eq!(hearing.take(2000, event(false, 160)), Some((5, 160)));
        assert_eq!(hearing.take(1000, event(true, 400)), None);
    }

    #[test]
    fn digits_and_codes_are_one_to_one() {
        for code in 0..16 {
            assert_eq!(digit(code).and_then(super::code), Some(code));
        }
        assert_eq!((digit(16), code('x'), code('é')), (None, None, None));
        assert_eq!(Event::parse(&[1, 2, 3]), None);
        let event = Event { code: 11, end: true, duration: 800 };
        assert_eq!(Event::parse(&event.compose()), Some(event));
    }
}
