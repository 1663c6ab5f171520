//! A peer whose SIP is written by hand: what it says owes nothing to the code it tests.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::Switch;

/// How long what has to come may take on a busy machine; only what never comes waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Calls made by this process.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// A telephone: one SIP socket, one for sound. Whoever answers half a second late is sent the same once more
/// (RFC 3261 §17): that is passed over, except where a test asks for it.
pub struct Phone {
    /// Its signalling.
    pub sip: UdpSocket,
    /// Its sound.
    pub rtp: UdpSocket,
    switch: SocketAddr,
    /// Its call's Call-ID.
    pub call_id: String,
    /// The peer's To value with its tag, once known.
    pub to: String,
    /// Where it says it can be reached: its Contact, without the brackets.
    pub contact: String,
    heard: RefCell<HashSet<String>>,
}

impl Phone {
    /// A phone on loopback that calls this switch.
    pub fn new(switch: &Switch) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), switch.sip)
    }

    /// A phone at this address of our own that calls there.
    pub fn at(local: IpAddr, switch: SocketAddr) -> Self {
        let bind = || {
            let socket = UdpSocket::bind((local, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let sip = bind();
        // The kernel may give a port again, and a branch names a transaction for half a minute.
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let call_id = format!("{}-{call}", std::process::id());
        let contact = format!("sip:phone@{}", sip.local_addr().unwrap());
        let heard = RefCell::default();
        Self { sip, rtp: bind(), switch, call_id, to: String::new(), contact, heard }
    }

    /// A description of this phone's sound; the formats as in an m-line.
    pub fn sdp(&self, formats: &str) -> String {
        let (here, port) = (self.rtp.local_addr().unwrap().ip(), self.rtp.local_addr().unwrap().port());
        let here = format!("IN IP{} {here}", if here.is_ipv4() { 4 } else { 6 });
        format!("v=0\r\no=- 1 1 {here}\r\ns=-\r\nc={here}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n")
    }

    /// Sends a request to the switch; `more` are whole header lines.
    pub fn request(&self, method: &str, cseq: u32, user: &str, more: &str, body: &str) {
        self.send(&self.compose(method, cseq, user, more, body));
    }

    /// Sends bytes to the switch as they are.
    pub fn send(&self, text: &str) {
        self.sip.send_to(text.as_bytes(), self.switch).unwrap();
    }

    /// What `request` sends.
    pub fn compose(&self, method: &str, cseq: u32, user: &str, more: &str, body: &str) -> String {
        let me = self.sip.local_addr().unwrap();
        let to = if self.to.is_empty() { format!("<sip:{user}@{}>", self.switch) } else { self.to.clone() };
        let (number, named) = if method == "CANCEL" { (cseq, "INVITE") } else { (cseq, method) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:{user}@{switch} SIP/2.0\r\nVia: SIP/2.0/UDP {me};rport;branch=z9hG4bK{number}{named}{id}\r\n\
             From: <sip:phone@{me}>;tag=phone\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\n\
             Contact: <{contact}>\r\n{forwards}{more}{kind}Content-Length: {length}\r\n\r\n{body}",
            switch = self.switch,
            contact = self.contact,
            id = self.call_id,
            forwards = if more.contains("Max-Forwards") { "" } else { "Max-Forwards: 70\r\n" },
            length = body.len(),
        )
    }

    /// The next message that did not come before.
    pub fn receive(&self) -> String {
        loop {
            let message = self.next().expect("a message in time");
            if self.heard.borrow_mut().insert(message.clone()) {
                return message;
            }
        }
    }

    /// Waits until this message, which came before, comes once more.
    pub fn again(&self, message: &str) {
        while self.next().expect("the message again, in time") != message {}
    }

    /// Nothing that did not come before comes for a while.
    pub fn is_quiet(&self) -> bool {
        let (patience, end) = (self.sip.read_timeout().unwrap(), Instant::now() + Duration::from_millis(200));
        self.sip.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut quiet = true;
        while quiet && Instant::now() < end {
            quiet = self.next().is_none_or(|message| self.heard.borrow().contains(&message));
        }
        self.sip.set_read_timeout(patience).unwrap();
        quiet
    }

    fn next(&self) -> Option<String> {
        let mut buffer = [0; 65_535];
        let (length, _) = self.sip.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// The next message that begins like this; others are passed over.
    pub fn expect(&mut self, begin: &str) -> String {
        for _ in 0..20 {
            let message = self.receive();
            if message.starts_with(begin) {
                if begin.starts_with("SIP/2.0") {
                    self.to = header(&message, "To").to_owned();
                }
                return message;
            }
        }
        panic!("nothing begins with {begin}");
    }

    /// The first final response.
    pub fn finally(&mut self) -> String {
        loop {
            let message = self.receive();
            if message.starts_with("SIP/2.0 ") && !message.starts_with("SIP/2.0 1") {
                self.to = header(&message, "To").to_owned();
                return message;
            }
        }
    }

    /// Calls, and acknowledges the answer.
    pub fn call(&mut self, user: &str) -> String {
        self.request("INVITE", 1, user, "", &self.sdp("0 101\r\na=rtpmap:101 telephone-event/8000"));
        let answer = self.expect("SIP/2.0 200");
        self.request("ACK", 1, user, "", "");
        answer
    }

    /// Calls the callee behind number 2100, with these formats; its INVITE.
    pub fn dial(&self, callee: &mut Phone, formats: &str) -> String {
        self.request("INVITE", 1, "2100", "", &self.sdp(formats));
        callee.expect("INVITE")
    }

    /// Calls it and hears it ring; its INVITE.
    pub fn ring(&mut self, callee: &mut Phone) -> String {
        let invite = self.dial(callee, "0");
        callee.respond(&invite, "180 Ringing", "callee", "");
        self.expect("SIP/2.0 180");
        invite
    }

    /// Calls it and is answered; its INVITE and our answer. Both have their ACK.
    pub fn connect(&mut self, callee: &mut Phone, formats: &str) -> (String, String) {
        let invite = self.dial(callee, formats);
        callee.respond(&invite, "200 OK", "callee", &callee.sdp(formats));
        callee.expect("ACK");
        let answer = self.expect("SIP/2.0 200");
        self.request("ACK", 1, "2100", "", "");
        (invite, answer)
    }

    /// The first final response to the INVITE for `user` has this status, and is acknowledged.
    pub fn fails(&mut self, user: &str, status: &str) -> String {
        let answer = loop {
            let answer = self.finally();
            if header(&answer, "CSeq").ends_with("INVITE") {
                break answer;
            }
        };
        assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{answer}");
        self.request("ACK", 1, user, "", "");
        answer
    }

    /// Refuses a call with this status, and has its ACK.
    pub fn refuse(&mut self, invite: &str, status: &str) {
        self.respond(invite, status, "callee", "");
        self.expect("ACK");
    }

    /// Ends the call to `user`.
    pub fn hang_up(&mut self, cseq: u32, user: &str) {
        self.request("BYE", cseq, user, "", "");
        let answer = self.expect("SIP/2.0 200");
        assert_eq!(header(&answer, "CSeq"), format!("{cseq} BYE"));
    }

    /// The switch ends the call; its BYE, which is answered.
    pub fn is_ended(&mut self) -> String {
        let bye = self.expect("BYE");
        self.respond(&bye, "200 OK", "callee", "");
        bye
    }

    /// Answers a request that came.
    pub fn respond(&self, request: &str, status: &str, tag: &str, body: &str) {
        let contact = format!("Contact: <sip:callee@{}>\r\n", self.sip.local_addr().unwrap());
        self.respond_with(request, status, tag, &contact, body);
    }

    /// The same with other header lines in the place of Contact.
    pub fn respond_with(&self, request: &str, status: &str, tag: &str, more: &str, body: &str) {
        let vias: String = request
            .lines()
            .filter(|line| line.starts_with("Via:"))
            .map(|line| format!("{}\r\n", line.trim_end()))
            .collect();
        let to = header(request, "To");
        let to = if to.contains("tag=") { to.to_owned() } else { format!("{to};tag={tag}") };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             {more}{kind}Content-Length: {}\r\n\r\n{body}",
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            body.len(),
        );
        self.send(&text);
    }

    /// One packet of PCMU.
    pub fn speak(&self, to: SocketAddr, sequence: u16, payload: [u8; 160]) {
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.to_be_bytes());
        packet.extend((u32::from(sequence) * 160).to_be_bytes());
        packet.extend(0x1234_5678_u32.to_be_bytes());
        packet.extend(payload);
        self.rtp.send_to(&packet, to).unwrap();
    }

    /// Speaks until `listener` hears it: what is joined after the answer is joined on tasks of its own. Gives how
    /// many packets it took; their sequence numbers begin with zero. None of them is still on its way then.
    pub fn open(&self, to: SocketAddr, listener: &Phone) -> u16 {
        let patience = listener.rtp.read_timeout().unwrap();
        listener.rtp.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        for sequence in 0..60 {
            self.speak(to, sequence, [sequence as u8; 160]);
            let mut heard = [0; 2048];
            // One that was late comes before this one.
            while listener.rtp.recv_from(&mut heard).is_ok() {
                if heard[12..172] == [sequence as u8; 160] {
                    listener.rtp.set_read_timeout(patience).unwrap();
                    return sequence + 1;
                }
            }
        }
        panic!("the sound does not arrive");
    }

    /// The next RTP packet: its SSRC and its payload.
    pub fn hear(&self) -> (u32, Vec<u8>) {
        let mut buffer = [0; 2048];
        let (length, _) = self.rtp.recv_from(&mut buffer).expect("a packet in time");
        (u32::from_be_bytes(buffer[8..12].try_into().unwrap()), buffer[12..length].to_vec())
    }
}

/// A switch whose numbers 2000 to 2999 lead to a callee that is there, with these further lines of
/// configuration; and a caller.
pub fn bridged(config: &str) -> (Switch, Phone, Phone) {
    // The callee's port has to be known before the switch, and the phone after it.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let switch = Switch::start(&format!(
        "{config}\n[[route]]\nmatch = \"^2(\\\\d{{3}})$\"\nbridge = \"sip:$1@{address}\"\n"
    ));
    let mut callee = Phone::new(&switch);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    callee.sip = socket;
    let caller = Phone::new(&switch);
    (switch, caller, callee)
}

/// A header's value, by its name as it is written.
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let value = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {message}")).trim()
}

/// Where the description in a message wants sound.
pub fn media(message: &str) -> SocketAddr {
    let line = |begin: &str| message.lines().find_map(|line| line.strip_prefix(begin)).expect("audio");
    let address: IpAddr = line("c=IN IP").split_once(' ').unwrap().1.parse().unwrap();
    SocketAddr::new(address, line("m=audio ").split(' ').next().unwrap().parse().unwrap())
}
