//! Times as the bridge code of the kernel counts them: in hundredths of a second (USER_HZ).

use std::fmt;
use std::str::FromStr;

/// A time in hundredths of a second; shown in seconds with two digits, as brctl does.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Centiseconds(pub u32);

/// Why a text is no time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TimeError {
    /// Not a number.
    #[error("not a time; write seconds, for instance 15 or 1.5")]
    NotANumber,
    /// Below zero, or more than the kernel's 32 bits of hundredths.
    #[error("out of range: 0 to 42949672.95 seconds")]
    OutOfRange,
}

impl Centiseconds {
    /// In seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl FromStr for Centiseconds {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let seconds: f64 = text.parse().map_err(|_| TimeError::NotANumber)?;
        if seconds.is_nan() {
            return Err(TimeError::NotANumber);
        }
        // brctl cuts what is below a hundredth; the tiny part more keeps 0.29 from becoming 0.28.
        let hundredths = (seconds * 100.0 + 1e-6).floor();
        if (0.0..=f64::from(u32::MAX)).contains(&hundredths) {
            // In range and whole, as was just seen.
            Ok(Self(hundredths as u32))
        } else {
            Err(TimeError::OutOfRange)
        }
    }
}

impl fmt::Display for Centiseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_in_hundredths_out() {
        for (text, hundredths) in [
            ("15", 1500),
            ("1.5", 150),
            ("0.29", 29),
            ("123.456", 12345),
            ("0", 0),
            ("42949672.95", u32::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Centiseconds(hundredths)), "{text}");
        }
        for text in ["x", "4x", "", "nan"] {
            assert_eq!(text.parse::<Centiseconds>(), Err(TimeError::NotANumber), "{text}");
        }
        for text in ["-1", "1e9", "inf", "42949672.96"] {
            assert_eq!(text.parse::<Centiseconds>(), Err(TimeError::OutOfRange), "{text}");
        }
        assert_eq!(format!("{:>7}", Centiseconds(205)), "   2.05");
    }
}
