//! The cases of RFC 4475, in our own bytes: what is odd but legal is taken, what is broken is refused in a way
//! that can be answered.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use switch_sip::frame::{MAX_HEADERS, MAX_MESSAGE, ParseError, ParseReason, parse_datagram};
use switch_sip::message::{FieldError, Message, Method, Request, Response, Scheme, Version};

/// Lines end in CRLF; what follows the empty line is the body.
fn parse(text: &str) -> Result<Message, ParseError> {
    parse_datagram(text.replace('\n', "\r\n").as_bytes())
}

#[track_caller]
fn request(text: &str) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn response(text: &str) -> Response {
    match parse(text) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// Refused, with enough read to send the refusal back.
#[track_caller]
fn refused(text: &str) -> ParseReason {
    let error = parse(text).unwrap_err();
    let partial = error.partial.expect("the request was read as far as it goes");
    assert!(partial.headers.top_via().is_ok(), "{partial:?}");
    error.reason
}

/// An OPTIONS whose headers a case replaces or extends.
fn options(changes: &[(&str, &str)]) -> String {
    let mut lines = vec![
        ("Via", "SIP/2.0/UDP host.example;branch=z9hG4bK1"),
        ("From", "<sip:a@example.com>;tag=1"),
        ("To", "<sip:b@example.com>"),
        ("Call-ID", "x@y"),
        ("CSeq", "8 OPTIONS"),
        ("Content-Length", "0"),
    ];
    lines.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    lines.extend(changes.iter().filter(|(_, value)| *value != "(none)"));
    let headers: String = lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("OPTIONS sip:b@example.com SIP/2.0\n{headers}\n")
}

#[test]
fn a_short_tortuous_invite() {
    let invite = request(
        "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\n\
         TO :\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\n\
         from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\n  ;\n  tag = 98asjd8\n\
         MaX-fOrWaRdS: 0068\n\
         Call-ID: odd.0ha0isndaksdj@192.0.2.1\n\
         Content-Length   : 3\n\
         cseq: 0009\n  INVITE\n\
         Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\n\
         s :\n\
         NewFangledHeader:   newfangled value\n continued newfangled value\n\
         UnknownHeaderWithUnusualValue: ;;,,;;,;\n\
         Content-Type: application/sdp\n\
         Route:\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\n\
         v:  SIP  / 2.0  / TCP     spindle.example.com   ;\n  branch  =   z9hG4bK9ikj8  ,\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bK30239\n\
         m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\n      newvalue ;\n  secondparam ; q = 0.33\n\
         \nabc",
    );
    let headers = &invite.headers;
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(headers.from().unwrap().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(headers.from().unwrap().tag(), Some("98asjd8"));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.cseq().unwrap().number, 9);
    assert_eq!(headers.list("Via").count(), 3);
    assert_eq!(headers.top_via().unwrap().branch(), Some("390skdjuw"));
    assert_eq!(headers.first("Subject"), Some(""));
    assert_eq!(headers.first("newfangledheader"), Some("newfangled value continued newfangled value"));
    assert_eq!(headers.first("UnknownHeaderWithUnusualValue"), Some(";;,,;;,;"));
    assert!(headers.routes("Route").unwrap()[0].uri.has_param("lr"));
    assert_eq!(headers.contact().unwrap().unwrap().params.value("q"), Some("0.33"));
    assert_eq!(invite.body, b"abc");
}

#[test]
fn a_method_and_values_of_every_character_a_token_may_have() {
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    let text = options(&[
        ("CSeq", &format!("139122385 {method}")),
        ("extensionHeader-!.%*+_`'~", "\u{FE}\u{1F}大停電"),
    ])
    .replacen("OPTIONS", method, 1);
    let message = request(&text);
    assert_eq!(message.method, Method::Other(method.into()));
    assert_eq!(message.headers.first("extensionheader-!.%*+_`'~"), Some("\u{FE}\u{1F}大停電"));
}

#[test]
fn escapes_in_uris_stay_and_can_be_undone() {
    let text = options(&[]).replace("sip:b@example.com SIP", "sip:sips%3Auser%40example.com@example.net SIP");
    let message = request(&text);
    assert_eq!(message.uri.as_str(), "sip:sips%3Auser%40example.com@example.net");
    assert_eq!(message.uri.user_unescaped().as_deref(), Some("sips:user@example.com"));
    let null = options(&[]).replace("sip:b@example.com SIP", "sip:null-%00-null@example.com SIP");
    assert_eq!(request(&null).uri.user_unescaped().as_deref(), Some("null-\0-null"));
    // A percent sign that escapes nothing is a character of a method.
    let odd = options(&[("CSeq", "1 RE%47IST%45R")]).replacen("OPTIONS", "RE%47IST%45R", 1);
    assert_eq!(request(&odd).method.as_str(), "RE%47IST%45R");
}

#[test]
fn long_values_pass() {
    let long = "x".repeat(4000);
    let tag = format!("<sip:{long}@example.com>;tag={long}");
    let via = format!(
        "SIP/2.0/UDP {}",
        (0..34).map(|n| format!("h{n};branch=z9hG4bK{n}")).collect::<Vec<_>>().join(", SIP/2.0/UDP ")
    );
    let message = request(&options(&[("From", &tag), ("Via", &via)]));
    assert_eq!(message.headers.from().unwrap().tag().unwrap().len(), 4000);
    assert_eq!(message.headers.list("v").count(), 34);
}

#[test]
fn what_follows_the_body_in_a_datagram_is_ignored() {
    let two = format!("{}INVITE sip:other@example.com SIP/2.0\n\n", options(&[]));
    assert!(request(&two).body.is_empty());
}

#[test]
fn semicolons_and_parameters_in_the_user_part() {
    let text = options(&[]).replace("sip:b@example.com SIP", "sip:user;par=u%40example.net@example.com SIP");
    assert_eq!(request(&text).uri.host(), "example.com");
}

#[test]
fn unknown_transports_pass() {
    let via = "SIP/2.0/UNKNOWN t2;branch=z9hG4bK2, SIP/2.0/TLS t3;branch=z9hG4bK3";
    let message = request(&options(&[("Via", via)]));
    assert_eq!(message.headers.top_via().unwrap().known_transport(), None);
}

#[test]
fn white_space_around_the_start_line_passes() {
    for line in ["OPTIONS sip:b@example.com SIP/2.0  ", "OPTIONS  sip:b@example.com  SIP/2.0"] {
        let text = options(&[]).replace("OPTIONS sip:b@example.com SIP/2.0", line);
        assert_eq!(request(&text).uri.as_str(), "sip:b@example.com");
    }
    let bare = options(&[]);
    assert!(parse_datagram(bare.as_bytes()).is_ok(), "bare LF");
    assert!(parse_datagram(format!("\r\n\r\n{bare}").as_bytes()).is_ok(), "empty lines before it");
}

#[test]
fn odd_responses() {
    let tail = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: c\nCSeq: 1 INVITE\n\n";
    let unusual = response(&format!("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять\n{tail}"));
    assert_eq!(unusual.reason, "= 2**3 * 5**2 но сто девяносто девять");
    assert_eq!(response(&format!("SIP/2.0 100 \n{tail}")).reason, "");
    assert_eq!(response(&format!("SIP/2.0 603\n{tail}")).status, 603);
    for bad in ["SIP/2.0 4294967301 better", "SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 OK", "SIP/7.0 200 OK"]
    {
        let error = parse(&format!("{bad}\n{tail}")).unwrap_err();
        assert!(error.partial.is_none(), "a response is not answered");
    }
}

#[test]
fn nonsense_a_peer_need_not_understand_passes() {
    let message = request(&options(&[
        ("Date", "Fri, 01 Jan 2010 16:00:00 EST"),
        ("Warning", "1812 overture \"In Progress"),
        ("Expires", "0 0l@company.com"),
        ("Authorization", "NoOneKnowsThisScheme opaque-data=here"),
        ("Content-Disposition", ";"),
    ]));
    assert!(message.headers.expires().is_err());
    assert_eq!(message.headers.first("Warning"), Some("1812 overture \"In Progress"));
}

#[test]
fn an_old_request_without_branch_tag_and_max_forwards() {
    let message =
        request(&options(&[("Via", "SIP/2.0/UDP iftgw.example.com"), ("From", "sip:a@example.com")]));
    assert_eq!(message.headers.top_via().unwrap().branch(), None);
    assert_eq!(message.headers.from().unwrap().tag(), None);
    assert_eq!(message.headers.max_forwards(), Ok(None));
}

#[test]
fn unknown_uri_schemes_pass_to_whoever_answers_416() {
    for uri in ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002"] {
        let text =
            options(&[("To", &format!("<{uri}>"))]).replace("sip:b@example.com SIP", &format!("{uri} SIP"));
        assert_eq!(request(&text).uri.scheme(), Scheme::Other);
    }
}

#[test]
fn another_version_passes_to_whoever_answers_505() {
    let text =
        options(&[("Via", "SIP/7.0/UDP c.example.com;branch=z9hG4bKkdj")]).replace("SIP/2.0\n", "SIP/7.0\n");
    assert_eq!(request(&text).version, Version::Other("SIP/7.0".into()));
}

#[test]
fn broken_values_are_refused() {
    use FieldError as F;
    for (changes, reason) in [
        (vec![("CSeq", "8 INVITE")], ParseReason::MethodMismatch),
        (vec![("CSeq", "36893488147419103232 OPTIONS")], F::Number("CSeq").into()),
        (vec![("CSeq", "(none)")], F::Missing("CSeq").into()),
        (vec![("Call-ID", "(none)")], F::Missing("Call-ID").into()),
        (vec![("From", "(none)")], F::Missing("From").into()),
        (vec![("To", "(none)")], F::Missing("To").into()),
        (vec![("Content-Length", "-999")], F::Number("Content-Length").into()),
        (vec![("Content-Length", "9999")], ParseReason::Truncated),
        (vec![("l", "5")], F::Repeated("Content-Length").into()),
        (vec![("f", "<sip:mallory@example.com>;tag=9")], F::Repeated("From").into()),
        (vec![("i", "other@call")], F::Repeated("Call-ID").into()),
    ] {
        assert_eq!(refused(&options(&changes)), reason, "{changes:?}");
    }
    let unclosed = options(&[("To", "\"Mr. J. User <sip:j.user@example.com>")]);
    assert!(matches!(refused(&unclosed), ParseReason::Field(F::Address("To", _))));
}

#[test]
fn broken_start_lines_are_refused() {
    for target in ["<sip:b@example.com>", "sip:b@example.com; lr", "sip:b@example.com:99999", "sip:", "b"] {
        let text = options(&[]).replace("sip:b@example.com SIP/2.0", &format!("{target} SIP/2.0"));
        assert!(matches!(refused(&text), ParseReason::RequestUri(_)), "{target}");
    }
    for line in ["OPTIONS sip:b@example.com", "OPTIONS", "GET / HTTP/1.1", "OPT(IONS sip:b@c SIP/2.0", " "] {
        let text = options(&[]).replace("OPTIONS sip:b@example.com SIP/2.0", line);
        let error = parse(&text).unwrap_err();
        assert_eq!((error.reason, error.partial), (ParseReason::StartLine, None), "{line}");
    }
}

#[test]
fn a_line_that_is_no_header_is_refused_and_the_rest_is_read() {
    let text = options(&[]).replacen("Via", "garbage without colon\nb@d name: x\nVia", 1);
    assert_eq!(refused(&text), ParseReason::HeaderLine);
    assert_eq!(refused(&options(&[]).replacen("Via", " folded nothing\nVia", 1)), ParseReason::HeaderLine);
}

#[test]
fn too_much_is_refused_with_513() {
    let many = options(&[]).replacen("Content", &format!("{}Content", "X: y\n".repeat(MAX_HEADERS)), 1);
    let error = parse(&many).unwrap_err();
    assert_eq!((error.status(), &error.reason), (513, &ParseReason::TooManyHeaders));
    let large = options(&[("X", &"y".repeat(MAX_MESSAGE))]);
    assert_eq!(parse(&large).unwrap_err().status(), 513);
    assert_eq!(parse("\n\n").unwrap_err().reason, ParseReason::Empty);
    let open = options(&[]);
    assert_eq!(refused(open.trim_end()), ParseReason::Truncated);
}

#[test]
fn bytes_that_are_no_text_break_nothing() {
    let mut bytes = options(&[]).into_bytes();
    let at = bytes.windows(3).position(|w| w == b"x@y").unwrap();
    bytes[at] = 0xC3;
    let message = parse_datagram(&bytes).unwrap();
    assert_eq!(message.headers().call_id(), Ok("\u{FFFD}@y"));
}
