//! A length of time as people write it: `500ms`, `8s`, `1h30m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::values::text_form;

/// The longest span taken: a year. What is meant to be longer is meant to be `off`.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Units by falling size, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A length of time with its unit, to the millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Span(Duration);

text_form!(Span, "duration");

impl Span {
    /// `millis` milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// Why a text is no span.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SpanError {
    /// A number without one of the units, or something else altogether.
    #[error("\"{0}\" is no duration: write a number and its unit (ms, s, m, h, d), for instance \"8s\"")]
    Form(String),
    /// Longer than a year.
    #[error("\"{0}\" is longer than a year")]
    TooLong(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let form = || SpanError::Form(text.to_owned());
        let too_long = || SpanError::TooLong(text.to_owned());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(form());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(form)?;
            if number.is_empty() {
                return Err(form());
            }
            let number: u64 = number.parse().map_err(|_| too_long())?;
            total =
                number.checked_mul(*millis).and_then(|part| total.checked_add(part)).ok_or_else(too_long)?;
            rest = tail.trim_start();
        }
        let span = Duration::from_millis(total);
        if span > LONGEST { Err(too_long()) } else { Ok(Self(span)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{name}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// A length of time, or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpanOrOff(Option<Span>);

text_form!(SpanOrOff, "duration or \"off\"");

impl SpanOrOff {
    /// Never.
    pub const OFF: Self = Self(None);

    /// After this long.
    pub const fn after(span: Span) -> Self {
        Self(Some(span))
    }

    /// None when off.
    pub fn duration(self) -> Option<Duration> {
        self.0.map(Span::duration)
    }
}

impl FromStr for SpanOrOff {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        if text.trim() == "off" { Ok(Self::OFF) } else { text.parse().map(|span| Self(Some(span))) }
    }
}

impl fmt::Display for SpanOrOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(span) => span.fmt(f),
            None => f.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_people_write() {
        for (text, millis, written) in [
            ("8s", 8000, "8s"),
            ("500ms", 500, "500ms"),
            ("3h", 10_800_000, "3h"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1h 30m", 5_400_000, "1h30m"),
            ("90s", 90_000, "1m30s"),
            ("2d", 172_800_000, "2d"),
            ("0s", 0, "0s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span, Span::millis(millis), "{text}");
            assert_eq!(span.to_string(), written);
            assert_eq!(written.parse::<Span>().unwrap(), span);
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_no_end() {
        for text in ["", "8", "s", "8 parsecs", "-1s", "1.5s", "8s8", "١s"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::Form(text.into())), "{text}");
        }
        for text in ["366d", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::TooLong(text.into())), "{text}");
        }
    }

    #[test]
    fn off_is_a_word_of_its_own() {
        assert_eq!("off".parse::<SpanOrOff>().unwrap().duration(), None);
        assert_eq!("0s".parse::<SpanOrOff>().unwrap().duration(), Some(Duration::ZERO));
        assert!("off".parse::<Span>().is_err());
    }
}
