//! Responses made from the request they answer (RFC 3261 §8.2.6).

use crate::message::{Headers, Method, Request, Response};

/// Headers most responses have: those taken over, Server, Contact, Allow.
const USUAL: usize = 8;

/// A response with what every response takes over: all Vias in order, From, To, Call-ID, CSeq; for one that
/// can make a dialog (101–299 to INVITE, SUBSCRIBE, REFER …) Record-Route too (§12.1.1), for 100 Timestamp
/// (§8.2.6.1). The To-tag is added where the request's To has none and the status is not 100.
pub fn to(request: &Request, status: u16, to_tag: Option<&str>) -> Response {
    let mut response = Response::new(status);
    response.headers = Headers::with_room(USUAL);
    let makes_dialog = (101..300).contains(&status)
        && !matches!(request.method, Method::Bye | Method::Cancel | Method::Register | Method::Options);
    for header in &request.headers {
        let name = header.name();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" => response.headers.push_parsed(name, header.value().into()),
            "Record-Route" if makes_dialog => response.headers.push_parsed(name, header.value().into()),
            "Timestamp" if status == 100 => response.headers.push_parsed(name, header.value().into()),
            "To" => {
                let mut value = header.value().to_owned();
                if let Some(tag) = to_tag.filter(|_| status != 100)
                    && let Ok(None) = request.headers.to_tag()
                {
                    value.push_str(";tag=");
                    value.push_str(tag);
                }
                response.headers.push(name, value);
            }
            _ => {}
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Uri;

    fn invite() -> Request {
        let mut request = Request::new(Method::Invite, Uri::parse("sip:b@x").unwrap());
        for (name, value) in [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2"),
            ("Record-Route", "<sip:p1;lr>, <sip:p2;lr>"),
            ("Via", "SIP/2.0/UDP c;branch=z9hG4bK3"),
            ("From", "\"A\" <sip:a@x>;tag=1"),
            ("To", "\"x;tag=fake\" <sip:b@x>"),
            ("Call-ID", "c1"),
            ("CSeq", "7 INVITE"),
            ("Timestamp", "54"),
            ("Subject", "not taken over"),
        ] {
            request.headers.push(name, value);
        }
        request
    }

    #[test]
    fn takes_over_what_the_rfc_says() {
        let ringing = to(&invite(), 180, Some("t9"));
        assert_eq!(ringing.headers.list("Via").count(), 3);
        assert_eq!(ringing.headers.list("Record-Route").count(), 2);
        assert_eq!(ringing.headers.to().unwrap().tag(), Some("t9"));
        assert_eq!(ringing.headers.first("CSeq"), Some("7 INVITE"));
        assert!(!ringing.headers.contains("Subject") && !ringing.headers.contains("Timestamp"));
        assert!(!to(&invite(), 486, Some("t9")).headers.contains("Record-Route"));
    }

    #[test]
    fn trying_has_no_tag_and_a_tag_is_never_doubled() {
        let trying = to(&invite(), 100, Some("t9"));
        assert_eq!(trying.headers.to().unwrap().tag(), None);
        assert_eq!(trying.headers.first("Timestamp"), Some("54"));
        let mut tagged = invite();
        tagged.headers.set("To", "<sip:b@x>;tag=has");
        assert_eq!(to(&tagged, 200, Some("t9")).headers.first("To"), Some("<sip:b@x>;tag=has"));
    }
}
