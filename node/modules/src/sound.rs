//! What `playback` can play, by the scheme FreeSWITCH names it with.

mod tone_stream;

use std::fmt;

use switch_core::media::{Fill, FrameSource};
use switch_media::hold::HoldMusic;
use switch_media::tune::Tune;
use thiserror::Error;

/// Why a sound cannot be played.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum SoundError {
    /// No such scheme, or a sound it does not have.
    #[error("it plays tone_stream://…, local_stream://moh and tune://ode")]
    Unknown,
    /// `loops` is neither a count nor -1.
    #[error("loops={0} is neither a number from 1 on nor -1")]
    Loops(String),
    /// See [`tone_stream`].
    #[error(transparent)]
    Tone(#[from] tone_stream::ToneError),
}

/// Opens what `name` names: `tone_stream://SCRIPT`, `local_stream://moh` or `tune://ode`. Behind it, for
/// all but the endless music, `;loops=N`: how often it is played, -1 for ever, once unless written.
pub(crate) fn open(name: &str) -> Result<Box<dyn FrameSource>, SoundError> {
    let (scheme, rest) = name.trim().split_once("://").ok_or(SoundError::Unknown)?;
    let (what, rounds) = loops(rest)?;
    match (scheme, what) {
        ("tone_stream", script) => {
            let mut tones = tone_stream::parse(script, rounds)?;
            Ok(Generator::boxed(name, move |rate, pcm| tones.fill(rate, pcm)))
        }
        ("local_stream", "moh" | "default") => {
            let mut music = HoldMusic::new();
            Ok(Generator::boxed(name, move |rate, pcm| music.fill(rate, pcm)))
        }
        ("tune", "ode") => {
            let mut tune = Tune::new(rounds);
            Ok(Generator::boxed(name, move |rate, pcm| tune.fill(rate, pcm)))
        }
        _ => Err(SoundError::Unknown),
    }
}

/// Cuts `;loops=N` off the end. None is for ever.
fn loops(text: &str) -> Result<(&str, Option<u32>), SoundError> {
    let Some((what, count)) = text.rsplit_once(";loops=") else { return Ok((text, Some(1))) };
    match count.trim() {
        "-1" => Ok((what, None)),
        count => match count.parse() {
            Ok(rounds) if rounds > 0 => Ok((what, Some(rounds))),
            _ => Err(SoundError::Loops(count.chars().take(32).collect())),
        },
    }
}

/// A generator of sound, in the media plane's terms.
struct Generator<F> {
    name: String,
    fill: F,
}

impl<F: FnMut(u32, &mut [i16]) -> bool + Send + 'static> Generator<F> {
    fn boxed(name: &str, fill: F) -> Box<dyn FrameSource> {
        Box::new(Self { name: name.to_owned(), fill })
    }
}

impl<F: FnMut(u32, &mut [i16]) -> bool + Send> FrameSource for Generator<F> {
    fn fill(&mut self, rate: u32, pcm: &mut [i16]) -> Fill {
        if (self.fill)(rate, pcm) { Fill::More } else { Fill::Last }
    }
}

impl<F> fmt::Debug for Generator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Generator").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of 20 ms until it ends, at most `limit`.
    fn frames(name: &str, limit: usize) -> usize {
        let mut sound = open(name).unwrap();
        let mut pcm = [0; 160];
        (1..=limit).find(|_| sound.fill(8000, &mut pcm) == Fill::Last).unwrap_or(limit)
    }

    #[test]
    fn loops_are_counted_and_minus_one_is_for_ever() {
        assert_eq!(frames("tone_stream://%(100,100,440)", 1000), 10);
        assert_eq!(frames("tone_stream://%(100,100,440);loops=3", 1000), 30);
        assert_eq!(frames("tone_stream://%(100,100,440);loops=-1", 1000), 1000);
        assert_eq!(frames("tune://ode;loops=-1", 5000), 5000);
        assert_eq!(frames("tune://ode", 5000), 1600);
        assert_eq!(frames("local_stream://moh", 5000), 5000);
    }

    #[test]
    fn what_cannot_be_played_is_refused() {
        for name in ["", "moh", "local_stream://other", "tune://other", "file:///etc/passwd", "/tmp/a.wav"] {
            assert_eq!(open(name).unwrap_err(), SoundError::Unknown, "{name}");
        }
        for count in ["0", "-2", "x", ""] {
            assert!(
                matches!(open(&format!("tune://ode;loops={count}")), Err(SoundError::Loops(_))),
                "{count}"
            );
        }
        assert!(matches!(open("tone_stream://%(a)"), Err(SoundError::Tone(_))));
    }
}
