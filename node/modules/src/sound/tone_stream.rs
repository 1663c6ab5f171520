//! FreeSWITCH's tone scripts (TGML), the part that dialplans use.
//!
//! A script is a list of commands, separated by semicolons where that helps:
//! - `%(ON,OFF,HZ[,HZ])` sounds for ON milliseconds, then is silent for OFF;
//! - `v=DB` is the level of what follows, in dBm0, -63 to 0; -7 unless written;
//! - `l=N` plays each tone that follows N times.

use std::time::Duration;

use switch_media::tone::{Tone, ToneSequence};
use thiserror::Error;

/// Most tones of a script, repetitions included; a script comes from a configuration, yet has its bound.
const MAX_TONES: usize = 1024;
/// Longest tone or pause, in milliseconds: a day.
const MAX_MILLISECONDS: u64 = 86_400_000;
/// dBm0 of each sine, unless the script says otherwise.
const DEFAULT_LEVEL: f32 = -7.0;
const MIN_LEVEL: f32 = -63.0;

/// Why a script cannot be played.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum ToneError {
    /// Nothing in it sounds.
    #[error("the tone script is empty")]
    Empty,
    /// A command that is not known.
    #[error("a tone script has %(ON,OFF,HZ[,HZ]), v=DB and l=N, not {0:?}")]
    Command(String),
    /// A tone that cannot be made.
    #[error("a tone is %(ON,OFF,HZ[,HZ]), milliseconds and hertz, not %({0})")]
    Tone(String),
    /// A level or a count out of bounds.
    #[error("{0:?} is out of bounds")]
    Value(String),
    /// See [`MAX_TONES`].
    #[error("the tone script has more than {MAX_TONES} tones")]
    TooMany,
}

/// Reads a script, to be played `rounds` times; for ever with none.
pub(crate) fn parse(script: &str, rounds: Option<u32>) -> Result<ToneSequence, ToneError> {
    let mut tones = Vec::new();
    let (mut level, mut repeat) = (DEFAULT_LEVEL, 1);
    let mut rest = script.trim();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix([';', ' ']) {
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("%(") {
            let (inside, tail) = tail.split_once(')').ok_or_else(|| ToneError::Tone(short(tail)))?;
            let pair = tone(inside, level).ok_or_else(|| ToneError::Tone(short(inside)))?;
            for _ in 0..repeat {
                tones.extend(pair);
            }
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("v=") {
            let (value, tail) = number(tail);
            level = value
                .parse()
                .ok()
                .filter(|level| (MIN_LEVEL..=0.0).contains(level))
                .ok_or_else(|| ToneError::Value(short(rest)))?;
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("l=") {
            let (value, tail) = number(tail);
            repeat = value
                .parse()
                .ok()
                .filter(|count| (1..=MAX_TONES).contains(count))
                .ok_or_else(|| ToneError::Value(short(rest)))?;
            rest = tail;
        } else {
            return Err(ToneError::Command(short(rest)));
        }
        if tones.len() > 2 * MAX_TONES {
            return Err(ToneError::TooMany);
        }
    }
    if tones.is_empty() { Err(ToneError::Empty) } else { Ok(ToneSequence::new(tones, rounds)) }
}

/// The tone and the pause behind it.
fn tone(inside: &str, level: f32) -> Option<[Tone; 2]> {
    let mut parts = inside.split(',').map(str::trim);
    let mut milliseconds =
        || parts.next()?.parse().ok().filter(|ms| *ms <= MAX_MILLISECONDS).map(Duration::from_millis);
    let (on, off) = (milliseconds()?, milliseconds()?);
    let mut frequencies = [0.0; 2];
    let mut sines = 0;
    for part in parts {
        let hertz = part.parse().ok().filter(|hertz| (0.0..=24_000.0).contains(hertz))?;
        *frequencies.get_mut(sines)? = hertz;
        sines += 1;
    }
    if sines == 0 || on + off == Duration::ZERO {
        return None;
    }
    Some([Tone { frequencies, level, duration: Some(on) }, Tone::pause(off)])
}

/// Splits behind the number that `text` begins with.
fn number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '-' | '.')).unwrap_or(text.len());
    text.split_at(end)
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use switch_media::detect;

    use super::*;

    fn play(script: &str, milliseconds: usize) -> Vec<i16> {
        let mut pcm = vec![0; milliseconds * 8];
        parse(script, None).unwrap().fill(8000, &mut pcm);
        pcm
    }

    #[test]
    fn a_ringing_tone_rings_and_pauses() {
        let pcm = play("%(200,400,440,480)", 600);
        for hertz in [440.0, 480.0] {
            let heard = detect::level_at(8000, hertz, &pcm[..1600]);
            assert!((heard + 7.0).abs() < 0.3, "{hertz}: {heard}");
        }
        assert!(pcm[1600..].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn the_level_and_the_repetition_hold_for_what_follows() {
        let pcm = play("v=0;%(100,0,1000);v=-20;l=2;%(100,100,500)", 500);
        assert!(detect::level_at(8000, 1000.0, &pcm[..800]).abs() < 0.1);
        for start in [800, 2400] {
            assert!((detect::level_at(8000, 500.0, &pcm[start..start + 800]) + 20.0).abs() < 0.1);
            assert!(pcm[start + 800..start + 1600].iter().all(|&sample| sample == 0));
        }
    }

    #[test]
    fn what_it_does_not_know_it_refuses() {
        for script in ["", ";;", "v=-10"] {
            assert_eq!(parse(script, None).unwrap_err(), ToneError::Empty, "{script}");
        }
        for script in ["%(1,2", "%()", "%(1,2)", "%(0,0,440)", "%(1,2,3,4,5)", "%(-1,0,3)", "%(1,0,nan)"] {
            assert!(matches!(parse(script, None), Err(ToneError::Tone(_))), "{script}");
        }
        for script in ["v=1;%(1,0,3)", "v=-64", "l=0", "l=2000", "v=x"] {
            assert!(matches!(parse(script, None), Err(ToneError::Value(_))), "{script}");
        }
        assert!(matches!(parse("path=/etc/passwd", None), Err(ToneError::Command(_))));
        assert_eq!(parse(&"l=1024;%(1,0,3)".repeat(3), None).unwrap_err(), ToneError::TooMany);
    }
}
