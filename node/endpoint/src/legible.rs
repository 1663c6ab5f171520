//! A message as the trace shows it: as it came, without what would let a reader of the log in elsewhere.
//!
//! Hidden are the credentials of Authorization and Proxy-Authorization (a digest can be tried against a list of
//! passwords, RFC 7616 §5.1), keys of media in SDP (RFC 4568 §9.1) and the `k=` line (RFC 8866 §5.12).

const HIDDEN: &str = "(hidden)";

/// The text of a message, line by line.
pub(crate) fn legible(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut out = String::with_capacity(text.len());
    // A header may go on in lines that begin with white space (RFC 3261 §7.3.1).
    let mut hiding = false;
    for line in text.split_inclusive('\n') {
        let (content, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        hiding = is_credential(content) || (hiding && content.starts_with([' ', '\t']));
        if hiding {
            out += shown_of_credential(content);
            out += HIDDEN;
        } else if let Some(shown) = shown_of_key(content) {
            out += shown;
            out += HIDDEN;
        } else {
            out += content;
        }
        out += end;
    }
    out
}

fn is_credential(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().trim_end();
    ["Authorization", "Proxy-Authorization"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The header's name and the scheme.
fn shown_of_credential(line: &str) -> &str {
    let Some((name, value)) = line.split_once(':') else { return " " };
    let blank = value.len() - value.trim_start().len();
    let scheme = value.trim_start().find([' ', '\t']).map_or(0, |length| blank + length + 1);
    &line[..name.len() + 1 + scheme.max(blank)]
}

/// What stands before a key, if there is one in this line of SDP.
fn shown_of_key(line: &str) -> Option<&str> {
    let key = "inline:";
    if line.starts_with("a=crypto:") {
        return line.find(key).map(|at| &line[..at + key.len()]);
    }
    line.starts_with("k=").then_some("k=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_keys_are_hidden_and_nothing_else() {
        let message = "REGISTER sip:b SIP/2.0\r\nAuthorization: Digest username=\"a\",\r\n response=\"5ec2e7\"\r\n\
                       proxy-authorization :Basic c3dvcmRmaXNo\r\nAuthorization:\r\nAuthorization-Hint: none\r\n\r\n\
                       k=clear:9\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19z|2^20\r\na=sendrecv";
        let shown = "REGISTER sip:b SIP/2.0\r\nAuthorization: Digest (hidden)\r\n (hidden)\r\n\
                     proxy-authorization :Basic (hidden)\r\nAuthorization:(hidden)\r\nAuthorization-Hint: none\r\n\r\n\
                     k=(hidden)\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(hidden)\r\na=sendrecv";
        assert_eq!(legible(message.as_bytes()), shown);
        assert_eq!(legible(b"\xff\n"), "\u{fffd}\n");
    }
}
