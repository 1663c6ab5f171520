//! A switch under test and a peer whose SIP is written by hand: what it says owes nothing to the code it tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// A running switch; killed with the test, whatever happened.
pub(crate) struct Switch {
    pub(crate) child: Child,
    pub(crate) sip: SocketAddr,
    pub(crate) tcp: SocketAddr,
    pub(crate) http: SocketAddr,
    log: Receiver<String>,
    _config: tempfile::NamedTempFile,
}

impl Switch {
    /// Starts one with these further lines of configuration.
    pub(crate) fn start(config: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_switch-node"))
            .env_clear()
            .args(["--log-format", "json", "--config"])
            .arg(file.path())
            .env("SWITCH__HTTP__LISTEN", "127.0.0.1:0")
            .env("SWITCH__SIP__LISTEN", "udp:127.0.0.1:0,tcp:127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = sync_channel(10_000);
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut switch = Self { child, sip: nowhere, tcp: nowhere, http: nowhere, log, _config: file };
        switch.http = switch.logged("HTTP is served")["http"].as_str().unwrap().parse().unwrap();
        for _ in 0..2 {
            let line = switch.logged("SIP is taken");
            let address = line["address"].as_str().unwrap().parse().unwrap();
            if line["transport"] == "udp" { switch.sip = address } else { switch.tcp = address }
        }
        switch.logged("ready: calls are taken");
        switch
    }

    /// The next line of the log with this message.
    pub(crate) fn logged(&self, message: &str) -> serde_json::Value {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left).unwrap_or_else(|_| panic!("no line {message:?}"));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            if value["message"] == message {
                return value;
            }
        }
    }

    pub(crate) fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The value of one line of `/metrics`, name and labels as it stands there; zero where it does not.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.http("GET /metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until every session has ended.
    pub(crate) fn until_empty(&self) {
        self.until_zero("switch_sessions");
    }

    /// Waits until a gauge is back to nothing: what ends, ends on tasks and workers of its own.
    pub(crate) fn until_zero(&self, gauge: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.metric(gauge) > 0.0 {
            assert!(Instant::now() < end, "{gauge} stays above zero: {}", self.http("GET /calls"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A telephone: one SIP socket, one for sound.
pub(crate) struct Phone {
    pub(crate) sip: UdpSocket,
    pub(crate) rtp: UdpSocket,
    switch: SocketAddr,
    call_id: String,
    /// The peer's To value with its tag, once known.
    pub(crate) to: String,
}

impl Phone {
    pub(crate) fn new(switch: &Switch) -> Self {
        let bind = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            socket
        };
        let sip = bind();
        let call_id = format!("{}-{}", std::process::id(), sip.local_addr().unwrap().port());
        Self { sip, rtp: bind(), switch: switch.sip, call_id, to: String::new() }
    }

    /// A description of this phone's sound; the formats as in an m-line.
    pub(crate) fn sdp(&self, formats: &str) -> String {
        let port = self.rtp.local_addr().unwrap().port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
        )
    }

    /// Sends a request to the switch; `more` are whole header lines.
    pub(crate) fn request(&self, method: &str, cseq: u32, user: &str, more: &str, body: &str) {
        let me = self.sip.local_addr().unwrap();
        let to = if self.to.is_empty() { format!("<sip:{user}@{}>", self.switch) } else { self.to.clone() };
        let (number, named) = if method == "CANCEL" { (cseq, "INVITE") } else { (cseq, method) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} sip:{user}@{switch} SIP/2.0\r\nVia: SIP/2.0/UDP {me};rport;branch=z9hG4bK{number}{named}\r\n\
             From: <sip:phone@{me}>;tag=phone\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:phone@{me}>\r\n{forwards}{more}{kind}Content-Length: {length}\r\n\r\n{body}",
            switch = self.switch,
            id = self.call_id,
            forwards = if more.contains("Max-Forwards") { "" } else { "Max-Forwards: 70\r\n" },
            length = body.len(),
        );
        self.sip.send_to(text.as_bytes(), self.switch).unwrap();
    }

    pub(crate) fn receive(&self) -> String {
        let mut buffer = [0; 65_535];
        let (length, _) = self.sip.recv_from(&mut buffer).expect("a message in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that begins like this; others are passed over.
    pub(crate) fn expect(&mut self, begin: &str) -> String {
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
    pub(crate) fn finally(&mut self) -> String {
        loop {
            let message = self.receive();
            if message.starts_with("SIP/2.0 ") && !message.starts_with("SIP/2.0 1") {
                self.to = header(&message, "To").to_owned();
                return message;
            }
        }
    }

    /// Calls, and acknowledges the answer.
    pub(crate) fn call(&mut self, user: &str) -> String {
        self.request("INVITE", 1, user, "", &self.sdp("0 101\r\na=rtpmap:101 telephone-event/8000"));
        let answer = self.expect("SIP/2.0 200");
        self.request("ACK", 1, user, "", "");
        answer
    }

    /// Answers a request that came.
    pub(crate) fn respond(&self, request: &str, status: &str, tag: &str, body: &str) {
        let me = self.sip.local_addr().unwrap();
        let vias: String = request
            .lines()
            .filter(|line| line.starts_with("Via:"))
            .map(|line| format!("{}\r\n", line.trim_end()))
            .collect();
        let to = header(request, "To");
        let to = if to.contains("tag=") { to.to_owned() } else { format!("{to};tag={tag}") };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:callee@{me}>\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            body.len(),
        );
        self.sip.send_to(text.as_bytes(), self.switch).unwrap();
    }

    /// One packet of PCMU.
    pub(crate) fn speak(&self, to: SocketAddr, sequence: u16, payload: [u8; 160]) {
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.to_be_bytes());
        packet.extend((u32::from(sequence) * 160).to_be_bytes());
        packet.extend(0x1234_5678_u32.to_be_bytes());
        packet.extend(payload);
        self.rtp.send_to(&packet, to).unwrap();
    }

    /// The next RTP packet: its SSRC and its payload.
    pub(crate) fn hear(&self) -> (u32, Vec<u8>) {
        let mut buffer = [0; 2048];
        let (length, _) = self.rtp.recv_from(&mut buffer).expect("a packet in time");
        (u32::from_be_bytes(buffer[8..12].try_into().unwrap()), buffer[12..length].to_vec())
    }
}

/// A header's value, by its name as it is written.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let value = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {message}")).trim()
}

/// Where the description in a message wants sound.
pub(crate) fn media(message: &str) -> SocketAddr {
    let line = message.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("audio");
    SocketAddr::from(([127, 0, 0, 1], line.split(' ').next().unwrap().parse().unwrap()))
}
