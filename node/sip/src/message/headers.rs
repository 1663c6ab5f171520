//! Headers: in order, values verbatim, found without regard to case or compact form (RFC 3261 §7.3).

use std::borrow::Cow;

use super::list::split_list;

/// One header line, unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: Cow<'static, str>,
    value: String,
}

impl Header {
    /// The name in full and in its usual case where it is a known one, else as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, verbatim but for surrounding white space and folds.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether this is that header; compact names and any case are understood on both sides.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(full_name(name))
    }
}

/// How many headers room is made for at once.
const STEP: usize = 4;

/// The headers of a message, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// With room for so many.
    pub fn with_room(headers: usize) -> Self {
        Self(Vec::with_capacity(headers))
    }

    /// The value of the first header of that name.
    pub fn first(&self, name: &str) -> Option<&str> {
        let name = full_name(name);
        let found = self.0.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.as_str())
    }

    /// Whether there is one.
    pub fn contains(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The values of all headers of that name, one for each line.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let name = full_name(name);
        let is_it = move |header: &&Header| header.name.eq_ignore_ascii_case(name);
        self.0.iter().filter(is_it).map(|header| header.value.as_str())
    }

    /// The elements of all comma-separated headers of that name, in order.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.all(name).flat_map(split_list)
    }

    /// Whether a comma-separated header of that name has this token, in any case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.list(name).any(|have| have.eq_ignore_ascii_case(token))
    }

    /// Appends a header. CR and LF in the value would be a header of their own: they become spaces.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.grow();
        self.0.push(header(name, value.into()));
    }

    /// Puts a header before all others.
    pub fn insert_front(&mut self, name: &str, value: impl Into<String>) {
        self.grow();
        self.0.insert(0, header(name, value.into()));
    }

    /// Replaces the first header of that name where it stands and drops the others; appends if there is none.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let new = header(name, value.into());
        match self.0.iter().position(|have| have.name.eq_ignore_ascii_case(&new.name)) {
            Some(at) => {
                let name = new.name.clone();
                self.0[at] = new;
                let mut index = 0;
                self.0.retain(|have| {
                    index += 1;
                    index - 1 <= at || !have.name.eq_ignore_ascii_case(&name)
                });
            }
            None => {
                self.grow();
                self.0.push(new);
            }
        }
    }

    /// Drops all headers of that name; tells how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|header| !header.is(name));
        before - self.0.len()
    }

    /// Replaces the first element of a comma-separated header, leaving the others as they are.
    pub(crate) fn replace_first_element(&mut self, name: &str, element: &str) {
        let Some(header) = self.0.iter_mut().find(|header| header.is(name)) else { return };
        let Some(first) = split_list(&header.value).next() else { return };
        let start = first.as_ptr() as usize - header.value.as_ptr() as usize;
        let end = start + first.len();
        header.value.replace_range(start..end, element);
    }

    /// How many header lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// Bytes on the wire.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(|header| header.name.len() + header.value.len() + 4).sum()
    }

    /// For the parser: neither name nor value needs a check any more.
    pub(crate) fn push_parsed(&mut self, name: &str, value: String) {
        self.grow();
        self.0.push(Header { name: canonical(name), value });
    }

    /// Room for a few more: messages are kept, and doubling would keep as much for nothing.
    fn grow(&mut self) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(STEP);
        }
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn header(name: &str, mut value: String) -> Header {
    if value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        value = value.replace(['\r', '\n', '\0'], " ");
    }
    Header { name: canonical(name), value }
}

fn canonical(name: &str) -> Cow<'static, str> {
    match known(name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.chars().filter(|c| !matches!(c, '\r' | '\n' | ':' | '\0')).collect()),
    }
}

/// The name to look for: headers are compared without case, so only a compact one differs from what is kept.
fn full_name(name: &str) -> &str {
    match name.as_bytes() {
        [letter] => compact(letter.to_ascii_lowercase()).unwrap_or(name),
        _ => name,
    }
}

/// The usual spelling of a known name, compact or in full.
fn known(name: &str) -> Option<&'static str> {
    if let [letter] = name.as_bytes() {
        return compact(letter.to_ascii_lowercase());
    }
    FULL.iter().find(|full| full.len() == name.len() && full.eq_ignore_ascii_case(name)).copied()
}

/// Compact forms of the IANA registry.
fn compact(letter: u8) -> Option<&'static str> {
    Some(match letter {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => return None,
    })
}

/// Names written in one spelling; most frequent first. Others are kept as they came.
const FULL: &[&str] = &[
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Content-Length",
    "Max-Forwards",
    "Content-Type",
    "Allow",
    "Supported",
    "User-Agent",
    "Record-Route",
    "Route",
    "Require",
    "Expires",
    "Session-Expires",
    "Min-SE",
    "Server",
    "Reason",
    "Accept",
    "Authorization",
    "Proxy-Authorization",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Unsupported",
    "Retry-After",
    "Warning",
    "Content-Disposition",
    "Content-Encoding",
    "Proxy-Require",
    "Accept-Encoding",
    "Accept-Language",
    "Allow-Events",
    "Event",
    "Date",
    "Subject",
    "P-Asserted-Identity",
    "Remote-Party-ID",
    "Privacy",
    "Replaces",
    "Refer-To",
    "Referred-By",
    "RSeq",
    "RAck",
    "Timestamp",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_and_odd_case_are_one_name() {
        let mut headers = Headers::default();
        headers.push("i", "a@b");
        headers.push("VIA", "1, 2");
        headers.push("X-Mine", "3");
        headers.push("v", "3");
        assert_eq!(headers.first("call-id"), Some("a@b"));
        assert_eq!(headers.list("Via").collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(headers.list("v").count(), 3);
        assert_eq!(headers.first("x-mine"), Some("3"));
        assert_eq!(headers.iter().map(Header::name).collect::<Vec<_>>(), ["Call-ID", "Via", "X-Mine", "Via"]);
        headers.replace_first_element("Via", "one");
        assert_eq!(headers.list("Via").collect::<Vec<_>>(), ["one", "2", "3"]);
    }

    #[test]
    fn set_replaces_in_place_and_drops_the_rest() {
        let mut headers = Headers::default();
        for (name, value) in [("Route", "1"), ("To", "x"), ("Route", "2"), ("Route", "3")] {
            headers.push(name, value);
        }
        headers.set("route", "new");
        let all: Vec<_> = headers.iter().map(|h| (h.name(), h.value())).collect();
        assert_eq!(all, [("Route", "new"), ("To", "x")]);
        assert_eq!(headers.remove("ROUTE"), 1);
    }

    #[test]
    fn a_value_cannot_smuggle_a_header() {
        let mut headers = Headers::default();
        headers.push("Subject", "a\r\nEvil: b");
        assert_eq!(headers.first("Subject"), Some("a  Evil: b"));
    }
}
