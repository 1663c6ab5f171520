//! Random-looking names: branches, tags, Call-IDs. Randomness comes in once, as a seed.

use sha2::{Digest, Sha256};

/// Gives names that nobody without the seed can guess (RFC 3261 §19.3 asks for 32 bits; these have 100).
#[derive(Clone)]
pub struct Tokens {
    seed: u128,
    next: u64,
}

impl Tokens {
    /// The seed must come from the system's randomness and be used once.
    pub fn new(seed: u128) -> Self {
        Self { seed, next: 0 }
    }

    /// A name never given before, of 20 letters and digits.
    pub fn token(&mut self) -> String {
        self.next += 1;
        self.hash(&[b"n", &self.next.to_be_bytes()])
    }

    /// The same name for the same text, as a stateless answer needs (RFC 3261 §8.2.7).
    pub fn of(&self, text: &str) -> String {
        self.hash(&[b"t", text.as_bytes()])
    }

    fn hash(&self, parts: &[&[u8]]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        for part in parts {
            hash.update(part);
        }
        let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
        hash.finalize().iter().take(20).map(|byte| char::from(alphabet[usize::from(byte & 31)])).collect()
    }
}

impl std::fmt::Debug for Tokens {
    /// The seed stays secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_can_be_repeated() {
        let mut tokens = Tokens::new(7);
        let (one, two) = (tokens.token(), tokens.token());
        assert_ne!(one, two);
        assert_eq!(one.len(), 20);
        assert_eq!(tokens.of("x"), Tokens::new(7).of("x"));
        assert_ne!(tokens.of("x"), Tokens::new(8).of("x"));
        assert!(!format!("{:?}", Tokens::new(123_456)).contains("123456"));
    }
}
