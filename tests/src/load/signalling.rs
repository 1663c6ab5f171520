//! Caller and callee of many calls, each on one SIP socket. What they say is the least that RFC 3261 asks for.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::phone::{PATIENCE, header, media};

/// Calls that are being set up or ended at the same time.
const WINDOW: usize = 16;

/// One side of a call: its sockets, and where the switch takes its packets.
#[derive(Debug)]
pub struct Leg {
    /// Where it sends from and listens.
    pub socket: UdpSocket,
    /// One port on, so that no other leg gets this one's RTCP. Never read: what comes stays in its buffer.
    pub rtcp: UdpSocket,
    /// Where it sends to, and where packets for it must come from.
    pub relay: SocketAddr,
}

/// A call through whatever is measured.
#[derive(Debug)]
pub struct Call {
    /// The caller's side.
    pub caller: Leg,
    /// The callee's side.
    pub callee: Leg,
    /// What the caller has to say in later requests: its own number and the `To` of the answer.
    dialog: (usize, String),
}

impl Call {
    /// A call set up by other means than SIP.
    pub fn unsignalled(caller: Leg, callee: Leg) -> Self {
        Self { caller, callee, dialog: (0, String::new()) }
    }
}

/// Both sides' signalling.
#[derive(Debug)]
pub struct Signalling {
    caller: UdpSocket,
    callee: UdpSocket,
    switch: SocketAddr,
    placed: usize,
}

impl Leg {
    /// Binds an even port and the odd one after it on loopback, as RFC 3550 §11 has it.
    pub fn bind() -> Self {
        loop {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            if address.port().is_multiple_of(2)
                && let Ok(rtcp) = UdpSocket::bind((address.ip(), address.port() + 1))
            {
                return Self { socket, rtcp, relay: SocketAddr::from(([0, 0, 0, 0], 0)) };
            }
        }
    }
}

/// A call that is not up yet.
struct Pending {
    caller: Leg,
    callee: Leg,
    to_callee: Option<SocketAddr>,
}

impl Signalling {
    /// Binds both sides on loopback; the switch is told of with [`Signalling::toward`].
    pub fn new() -> Self {
        let bind = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        Self { caller: bind(), callee: bind(), switch: SocketAddr::from(([127, 0, 0, 1], 0)), placed: 0 }
    }

    /// The route that brings what the caller dials to the callee.
    pub fn route(&self) -> String {
        let callee = self.callee.local_addr().unwrap();
        format!("[[route]]\nmatch = '^2\\d+$'\nbridge = \"sip:$0@{callee}\"\n")
    }

    /// Names the switch that is called.
    pub fn toward(mut self, switch: SocketAddr) -> Self {
        self.switch = switch;
        self
    }

    /// Places calls and waits until all are up, a few at a time.
    ///
    /// # Panics
    /// When a call is refused or nothing is said for half a minute.
    pub fn place(&mut self, count: usize) -> Vec<Call> {
        let first = self.placed;
        self.placed += count;
        let mut calls: Vec<Option<Pending>> = Vec::with_capacity(count);
        let mut up: Vec<Option<Call>> = (0..count).map(|_| None).collect();
        let mut left = count;
        while left > 0 {
            while calls.len() < count && calls.len() - (count - left) < WINDOW {
                let [caller, callee] = [(); 2].map(|()| Leg::bind());
                self.invite(first + calls.len(), &caller.socket);
                calls.push(Some(Pending { caller, callee, to_callee: None }));
            }
            let message = self.next();
            if message.starts_with("INVITE ") {
                let index = dialled(&message) - first;
                // One that was sent again, for this was late, to a call that is up.
                let Some(pending) = calls[index].as_mut() else { continue };
                pending.to_callee = Some(media(&message));
                let body = description(&pending.callee.socket);
                self.respond(&message, &body);
            } else if message.starts_with("SIP/2.0 200") {
                let number = number(&message);
                let Some(Pending { caller, callee, to_callee }) = calls[number - first].take() else {
                    continue; // A 200 repeated before its ACK arrived.
                };
                let to = header(&message, "To").to_owned();
                self.request("ACK", 1, number, &to, "");
                let caller = Leg { relay: media(&message), ..caller };
                let callee = Leg { relay: to_callee.expect("the callee was asked first"), ..callee };
                up[number - first] = Some(Call { caller, callee, dialog: (number, to) });
                left -= 1;
            } else {
                let expected = ["SIP/2.0 1", "ACK "].iter().any(|begin| message.starts_with(begin));
                assert!(expected, "not what a call begins with:\n{message}");
            }
        }
        up.into_iter().map(|call| call.expect("all are up")).collect()
    }

    /// Ends calls from the caller's side and waits until the callee knows too.
    ///
    /// # Panics
    /// When nothing is said for half a minute.
    pub fn hang_up(&mut self, calls: Vec<Call>) {
        let (mut answered, mut told, mut asked) = (0, HashSet::new(), 0);
        let mut rest = calls.iter();
        while answered < calls.len() || told.len() < calls.len() {
            while asked - answered.min(told.len()) < WINDOW
                && let Some(call) = rest.next()
            {
                let (number, to) = &call.dialog;
                self.request("BYE", 2, *number, to, "");
                asked += 1;
            }
            let message = self.next();
            if message.starts_with("BYE ") {
                self.respond(&message, "");
                told.insert(header(&message, "Call-ID").to_owned());
            } else if message.starts_with("SIP/2.0 200") && header(&message, "CSeq").ends_with("BYE") {
                answered += 1;
            } else {
                // What began the call comes again where this was late to answer.
                let expected =
                    ["ACK ", "INVITE ", "SIP/2.0 200"].iter().any(|begin| message.starts_with(begin));
                assert!(expected, "not what a call ends with:\n{message}");
            }
        }
    }

    fn next(&self) -> String {
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 4096];
        loop {
            for socket in [&self.callee, &self.caller] {
                if let Ok(length) = socket.recv(&mut buffer) {
                    return String::from_utf8_lossy(&buffer[..length]).into_owned();
                }
            }
            assert!(Instant::now() < end, "nothing was said for {PATIENCE:?}");
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn invite(&self, number: usize, rtp: &UdpSocket) {
        let to = format!("<sip:2{number}@{}>", self.switch);
        self.request("INVITE", 1, number, &to, &description(rtp));
    }

    fn request(&self, method: &str, cseq: u32, number: usize, to: &str, body: &str) {
        let me = self.caller.local_addr().unwrap();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} sip:2{number}@{} SIP/2.0\r\nVia: SIP/2.0/UDP {me};rport;branch=z9hG4bK{number}.{method}\r\n\
             From: <sip:load@{me}>;tag=load{number}\r\nTo: {to}\r\nCall-ID: {number}@load\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:load@{me}>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.switch,
            body.len(),
        );
        self.caller.send_to(text.as_bytes(), self.switch).unwrap();
    }

    fn respond(&self, request: &str, body: &str) {
        let me = self.callee.local_addr().unwrap();
        let vias: Vec<&str> =
            request.lines().filter(|line| line.starts_with("Via:")).map(str::trim).collect();
        let to = header(request, "To");
        let to = if to.contains("tag=") { to.to_owned() } else { format!("{to};tag=callee") };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 200 OK\r\n{}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:callee@{me}>\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            vias.join("\r\n"),
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            body.len(),
        );
        self.callee.send_to(text.as_bytes(), self.switch).unwrap();
    }
}

impl Default for Signalling {
    fn default() -> Self {
        Self::new()
    }
}

fn description(rtp: &UdpSocket) -> String {
    let port = rtp.local_addr().unwrap().port();
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    )
}

/// The number in `INVITE sip:2NUMBER@…`.
fn dialled(invite: &str) -> usize {
    let user = invite.split_once("sip:2").unwrap().1.split_once('@').unwrap().0;
    user.parse().unwrap()
}

/// The number in our own Call-ID.
fn number(response: &str) -> usize {
    header(response, "Call-ID").split_once('@').unwrap().0.parse().unwrap()
}
