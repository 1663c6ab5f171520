//! Codecs, tones and music: pure functions over frames of sound.
