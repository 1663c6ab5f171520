//! Reason phrases, from rsip's table of status codes.

/// The RFC's phrase for a status, or that of its class for one no RFC defines.
pub fn reason_phrase(status: u16) -> String {
    let phrase = match status {
        // Those whose punctuation rsip's names have lost.
        302 => "Moved Temporarily",
        414 => "Request-URI Too Long",
        416 => "Unsupported URI Scheme",
        417 => "Unknown Resource-Priority",
        423 => "Interval Too Brief",
        428 => "Use Identity Header",
        481 => "Call/Transaction Does Not Exist",
        504 => "Server Time-out",
        606 => "Not Acceptable",
        _ => return from_rsip(status),
    };
    phrase.to_owned()
}

fn from_rsip(status: u16) -> String {
    let named = rsip::StatusCode::from(status);
    if matches!(named, rsip::StatusCode::Other(..)) {
        return class(status).to_owned();
    }
    let text = named.to_string();
    spaced(text.split_once(' ').map_or("", |(_, name)| name))
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "Session Progress",
        200..=299 => "OK",
        300..=399 => "Redirection",
        400..=499 => "Request Failure",
        500..=599 => "Server Failure",
        _ => "Global Failure",
    }
}

/// `BusyHere` is "Busy Here"; "OK" stays.
fn spaced(name: &str) -> String {
    let mut phrase = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && lower {
            phrase.push(' ');
        }
        lower = letter.is_ascii_lowercase();
        phrase.push(letter);
    }
    phrase
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_read_as_in_the_rfc() {
        for (status, phrase) in [
            (100, "Trying"),
            (180, "Ringing"),
            (183, "Session Progress"),
            (200, "OK"),
            (404, "Not Found"),
            (407, "Proxy Authentication Required"),
            (481, "Call/Transaction Does Not Exist"),
            (486, "Busy Here"),
            (487, "Request Terminated"),
            (488, "Not Acceptable Here"),
            (505, "Version Not Supported"),
            (603, "Decline"),
            (499, "Request Failure"),
        ] {
            assert_eq!(reason_phrase(status), phrase);
        }
    }
}
