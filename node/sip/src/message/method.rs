//! Methods (RFC 3261 §7.1 and the IANA registry), case-sensitive tokens.

use std::fmt;

macro_rules! methods {
    ($($name:ident = $text:literal, $rfc:literal;)*) => {
        /// What a request asks for.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Method {
            $(#[doc = concat!("`", $text, "` (", $rfc, ").")] $name,)*
            /// A token no RFC we know defines; passed on unchanged.
            Other(Box<str>),
        }

        impl Method {
            /// Every method with a name of its own.
            pub const KNOWN: &[Method] = &[$(Method::$name,)*];

            /// Any token is a method. The caller has checked that it is a token.
            pub fn from_token(token: &str) -> Self {
                match token {
                    $($text => Self::$name,)*
                    other => Self::Other(other.into()),
                }
            }

            /// As written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(token) => token,
                }
            }
        }
    };
}

methods! {
    Invite = "INVITE", "RFC 3261";
    Ack = "ACK", "RFC 3261";
    Bye = "BYE", "RFC 3261";
    Cancel = "CANCEL", "RFC 3261";
    Options = "OPTIONS", "RFC 3261";
    Register = "REGISTER", "RFC 3261";
    Prack = "PRACK", "RFC 3262";
    Subscribe = "SUBSCRIBE", "RFC 6665";
    Notify = "NOTIFY", "RFC 6665";
    Publish = "PUBLISH", "RFC 3903";
    Info = "INFO", "RFC 6086";
    Refer = "REFER", "RFC 3515";
    Message = "MESSAGE", "RFC 3428";
    Update = "UPDATE", "RFC 3311";
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Self {
        Self::from_token(&method.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_is_rsips_and_no_smaller() {
        let theirs = rsip::Method::all();
        assert_eq!(theirs.len(), Method::KNOWN.len());
        for method in theirs {
            assert!(Method::KNOWN.contains(&Method::from(method)), "{method}");
        }
    }

    #[test]
    fn methods_are_case_sensitive() {
        assert_eq!(Method::from_token("INVITE"), Method::Invite);
        assert_eq!(Method::from_token("invite").as_str(), "invite");
        assert_ne!(Method::from_token("invite"), Method::Invite);
    }
}
