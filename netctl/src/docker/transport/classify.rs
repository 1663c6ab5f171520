//! What rustls says of a handshake, in words of ours where they are better.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::error::{TransportError, Untrusted};

impl TransportError {
    /// What it means.
    pub(super) fn tls(error: rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(why) => Self::Certificate(untrusted(why)),
            E::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            E::AlertReceived(alert) if is_about_us(alert) => Self::Unwelcome(format!("{alert:?}")),
            other => Self::Tls(other.to_string()),
        }
    }
}

fn untrusted(why: CertificateError) -> Untrusted {
    use CertificateError as C;
    match why {
        C::Expired => Untrusted::Expired(String::new()),
        C::ExpiredContext { time, not_after } => Untrusted::Expired(since(time, not_after)),
        C::NotValidYet | C::NotValidYetContext { .. } => Untrusted::Early,
        C::NotValidForName => Untrusted::OtherName(String::new()),
        C::NotValidForNameContext { expected, presented } => {
            let names = if presented.is_empty() { "none".to_owned() } else { presented.join(", ") };
            Untrusted::OtherName(format!(" than {}; it has {names}", expected.to_str()))
        }
        C::UnknownIssuer => Untrusted::Issuer,
        other => Untrusted::Other(other.to_string()),
    }
}

fn since(now: UnixTime, then: UnixTime) -> String {
    match now.as_secs().saturating_sub(then.as_secs()) / 86_400 {
        0 => " today".to_owned(),
        1 => " a day ago".to_owned(),
        days => format!(" {days} days ago"),
    }
}

/// Whether the daemon speaks of the certificate that it was shown, or was not.
fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::CertificateRequired
            | A::UnknownCA
            | A::AccessDenied
    )
}
