//! Digest access (RFC 7616, RFC 8760, RFC 3261 §22): challenges, answers and their check; MD5 and SHA-256,
//! `qop=auth` or none.
//!
//! Refuses to know who has which password and which nonce is still good: those are the caller's.

use std::fmt::{self, Write};

use md5::Md5;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::message::{Headers, Method};

/// The hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// `MD5`, what is meant where none is named.
    #[default]
    Md5,
    /// `SHA-256`.
    Sha256,
}

impl Algorithm {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn parse(text: Option<&str>) -> Result<Self, AuthError> {
        match text {
            None => Ok(Self::Md5),
            Some(text) if text.eq_ignore_ascii_case("MD5") => Ok(Self::Md5),
            Some(text) if text.eq_ignore_ascii_case("SHA-256") => Ok(Self::Sha256),
            Some(text) => Err(AuthError::Algorithm(text.to_owned())),
        }
    }

    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

/// What a user proves to know. Not shown by Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(SecretKind);

#[derive(Clone, PartialEq, Eq)]
enum SecretKind {
    Password(String),
    Ha1(String),
}

impl Secret {
    /// A password.
    pub fn password(password: impl Into<String>) -> Self {
        Self(SecretKind::Password(password.into()))
    }

    /// The hex hash of `user:realm:password`, of the algorithm that will be used.
    pub fn ha1(hash: impl Into<String>) -> Self {
        Self(SecretKind::Ha1(hash.into()))
    }

    fn to_ha1(&self, algorithm: Algorithm, user: &str, realm: &str) -> String {
        match &self.0 {
            SecretKind::Password(password) => algorithm.hash(&[user, realm, password]),
            SecretKind::Ha1(hash) => hash.to_ascii_lowercase(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a challenge or credentials cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// Not `Digest`.
    #[error("the scheme is not Digest")]
    Scheme,
    /// A parameter without which nothing can be computed.
    #[error("no {0}")]
    Missing(&'static str),
    /// Neither MD5 nor SHA-256.
    #[error("the algorithm {0} is not supported")]
    Algorithm(String),
    /// Only qualities we do not know, such as auth-int.
    #[error("no quality of protection we know")]
    Quality,
}

/// What a server asks: the value of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Whose passwords.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be given back.
    pub opaque: Option<String>,
    /// The hash.
    pub algorithm: Algorithm,
    /// Whether `qop=auth` is offered; without it RFC 2069's shorter hash is used.
    pub qop_auth: bool,
    /// The credentials were right but for an old nonce: try again without asking the user.
    pub stale: bool,
}

impl Challenge {
    /// A challenge with `qop=auth`.
    pub fn new(realm: &str, nonce: &str, algorithm: Algorithm) -> Self {
        Self {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: None,
            algorithm,
            qop_auth: true,
            stale: false,
        }
    }

    /// Reads a header value.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub fn parse(value: &str) -> Result<Self, AuthError> {
        let fields = Fields::parse(value)?;
        let qop_auth = match fields.get("qop") {
            None => false,
            Some(qop) if qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => true,
            Some(_) => return Err(AuthError::Quality),
        };
        Ok(Self {
            realm: fields.need("realm")?,
            nonce: fields.need("nonce")?,
            opaque: fields.get("opaque").map(str::to_owned),
            algorithm: Algorithm::parse(fields.get("algorithm"))?,
            qop_auth,
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The first challenge we can answer of a 401 (`WWW-Authenticate`) or 407 (`Proxy-Authenticate`): the server
    /// names its favourite first (RFC 8760 §2.4).
    ///
    /// # Errors
    /// That of the last one, or [`AuthError::Missing`] if there is none.
    pub fn choose(headers: &Headers, name: &'static str) -> Result<Self, AuthError> {
        let mut last = AuthError::Missing(name);
        for value in headers.all(name) {
            match Self::parse(value) {
                Ok(challenge) => return Ok(challenge),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Answers it. `uri` is the Request-URI as sent; `cnonce` is random; `count` is 1 at the nonce's first use.
    pub fn answer(
        &self,
        user: &str,
        secret: &Secret,
        method: &Method,
        uri: &str,
        cnonce: &str,
        count: u32,
    ) -> Credentials {
        let mut credentials = Credentials {
            username: user.to_owned(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri: uri.to_owned(),
            response: String::new(),
            algorithm: self.algorithm,
            opaque: self.opaque.clone(),
            quality: self.qop_auth.then(|| Quality { count, cnonce: cnonce.to_owned() }),
        };
        credentials.response = credentials.expected(secret, method);
        credentials
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", Quoted(&self.realm), Quoted(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        if self.qop_auth { f.write_str(", qop=\"auth\"") } else { Ok(()) }
    }
}

/// What a client answers: the value of Authorization or Proxy-Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub username: String,
    /// Of the challenge.
    pub realm: String,
    /// Of the challenge.
    pub nonce: String,
    /// What is asked for; whoever checks compares it with the Request-URI.
    pub uri: String,
    /// The proof, in hex.
    pub response: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// Of the challenge.
    pub opaque: Option<String>,
    /// `qop=auth`; none with RFC 2069.
    pub quality: Option<Quality>,
}

/// What `qop=auth` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    /// How often the nonce was used, this time included; whoever checks wants it to rise.
    pub count: u32,
    /// The client's nonce.
    pub cnonce: String,
}

impl Credentials {
    /// Reads a header value.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub fn parse(value: &str) -> Result<Self, AuthError> {
        let fields = Fields::parse(value)?;
        let quality = match fields.get("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(Quality {
                count: fields
                    .get("nc")
                    .and_then(|nc| u32::from_str_radix(nc, 16).ok())
                    .ok_or(AuthError::Missing("nc"))?,
                cnonce: fields.need("cnonce")?,
            }),
            Some(_) => return Err(AuthError::Quality),
        };
        Ok(Self {
            username: fields.need("username")?,
            realm: fields.need("realm")?,
            nonce: fields.need("nonce")?,
            uri: fields.need("uri")?,
            response: fields.need("response")?,
            algorithm: Algorithm::parse(fields.get("algorithm"))?,
            opaque: fields.get("opaque").map(str::to_owned),
            quality,
        })
    }

    /// Whether the proof is right for that secret and method. Takes as long for a wrong one as for a right one.
    pub fn verify(&self, secret: &Secret, method: &Method) -> bool {
        let expected = self.expected(secret, method);
        let given = self.response.to_ascii_lowercase();
        expected.len() == given.len()
            && expected.bytes().zip(given.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }

    /// RFC 7616 §3.4.1.
    fn expected(&self, secret: &Secret, method: &Method) -> String {
        let ha1 = secret.to_ha1(self.algorithm, &self.username, &self.realm);
        let ha2 = self.algorithm.hash(&[method.as_str(), &self.uri]);
        match &self.quality {
            Some(quality) => {
                let count = format!("{:08x}", quality.count);
                self.algorithm.hash(&[&ha1, &self.nonce, &count, &quality.cnonce, "auth", &ha2])
            }
            None => self.algorithm.hash(&[&ha1, &self.nonce, &ha2]),
        }
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest username={}, realm={}, nonce={}, uri={}, response={}, algorithm={}",
            Quoted(&self.username),
            Quoted(&self.realm),
            Quoted(&self.nonce),
            Quoted(&self.uri),
            Quoted(&self.response),
            self.algorithm.as_str()
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if let Some(quality) = &self.quality {
            write!(f, ", qop=auth, nc={:08x}, cnonce={}", quality.count, Quoted(&quality.cnonce))?;
        }
        Ok(())
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            if matches!(letter, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(letter)?;
        }
        f.write_char('"')
    }
}

/// `name=value` and `name="value"`, separated by commas.
struct Fields<'a>(Vec<(&'a str, String)>);

impl<'a> Fields<'a> {
    fn parse(value: &'a str) -> Result<Self, AuthError> {
        let value = value.trim_start();
        let (scheme, mut rest) = value.split_once([' ', '\t']).ok_or(AuthError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(AuthError::Scheme);
        }
        let mut fields = Vec::new();
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim_matches([' ', '\t', ',']);
            let (value, after) = value_of(after.trim_start());
            fields.push((name, value));
            rest = after;
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &'static str) -> Result<String, AuthError> {
        self.get(name).map(str::to_owned).ok_or(AuthError::Missing(name))
    }
}

/// One value, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1.
    fn example(algorithm: Algorithm) -> Credentials {
        let challenge = Challenge {
            realm: "http-auth@example.org".into(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".into(),
            opaque: Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS".into()),
            algorithm,
            qop_auth: true,
            stale: false,
        };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let get = Method::from_token("GET");
        challenge.answer("Mufasa", &Secret::password("Circle of Life"), &get, "/dir/index.html", cnonce, 1)
    }

    #[test]
    fn the_examples_of_rfc_7616() {
        assert_eq!(example(Algorithm::Md5).response, "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            example(Algorithm::Sha256).response,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn the_example_of_rfc_2069_as_corrected() {
        let challenge = Challenge::parse(
            "Digest realm=\"testrealm@host.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
        )
        .unwrap();
        let get = Method::from_token("GET");
        let secret = Secret::password("CircleOfLife");
        let credentials = challenge.answer("Mufasa", &secret, &get, "/dir/index.html", "unused", 1);
        assert_eq!(credentials.response, "1949323746fe6a43ef61f9606e7febea");
        assert!(!credentials.to_string().contains("qop"));
    }

    #[test]
    fn what_is_written_can_be_read_and_checked() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let mut challenge = Challenge::new("a \"realm\"", "n1", algorithm);
            challenge.opaque = Some("o, p=q".into());
            let challenge = Challenge::parse(&challenge.to_string()).unwrap();
            assert_eq!(challenge.realm, "a \"realm\"");
            let secret = Secret::password("s3cret");
            let sent = challenge.answer("bob", &secret, &Method::Invite, "sip:x@y;a=b", "c1", 2);
            let read = Credentials::parse(&sent.to_string()).unwrap();
            assert_eq!(read, sent);
            assert!(read.verify(&secret, &Method::Invite));
            let ha1 = Secret::ha1(algorithm.hash(&["bob", "a \"realm\"", "s3cret"]));
            assert!(read.verify(&ha1, &Method::Invite));
            assert!(!read.verify(&secret, &Method::Bye));
            assert!(!read.verify(&Secret::password("s3creT"), &Method::Invite));
        }
    }

    #[test]
    fn the_first_usable_challenge_is_chosen() {
        let mut headers = Headers::default();
        headers.push("WWW-Authenticate", "Basic realm=\"x\"");
        headers
            .push("WWW-Authenticate", "Digest realm=\"x\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"");
        headers.push("WWW-Authenticate", "Digest realm=\"x\" , nonce=\"2\",qop=\"auth-int,auth\",stale=TRUE");
        let chosen = Challenge::choose(&headers, "WWW-Authenticate").unwrap();
        assert_eq!((chosen.nonce.as_str(), chosen.qop_auth, chosen.stale), ("2", true, true));
        assert_eq!(
            Challenge::choose(&headers, "Proxy-Authenticate"),
            Err(AuthError::Missing("Proxy-Authenticate"))
        );
    }

    #[test]
    fn secrets_stay_out_of_logs() {
        assert!(!format!("{:?}", Secret::password("hunter2")).contains("hunter2"));
    }
}
