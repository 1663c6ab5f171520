//! Names this switch gives itself: addresses of record, tags, Call-IDs.

use std::net::IpAddr;

use switch_sip::message::Uri;

/// A SIP URI of ours.
pub(crate) fn address(user: Option<&str>, host: IpAddr) -> Uri {
    let host = host.to_string();
    Uri::sip(user, &host, None)
        .or_else(|_| Uri::sip(None, &host, None))
        .expect("an IP address is a host, and a URI needs no more")
}

/// A tag or a Call-ID: 122 random bits.
pub(crate) fn token() -> String {
    switch_core::SessionId::random().to_string()
}
