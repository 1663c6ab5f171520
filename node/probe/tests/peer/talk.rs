//! The peer's signalling.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Answer, Behaviour, Seen, media};

pub(crate) struct Phone {
    address: SocketAddr,
    transport: &'static str,
    behaviour: Behaviour,
    seen: Seen,
    deaf_to: u32,
    answer_twice: bool,
    invite: Option<String>,
    answered: Option<String>,
    media: Option<JoinHandle<()>>,
    hang_up_at: Option<Instant>,
}

impl Phone {
    pub(crate) fn new(
        address: SocketAddr,
        transport: &'static str,
        behaviour: Behaviour,
        seen: Seen,
    ) -> Self {
        Self {
            address,
            transport,
            behaviour,
            seen,
            deaf_to: behaviour.deaf_to,
            answer_twice: behaviour.answer_twice,
            invite: None,
            answered: None,
            media: None,
            hang_up_at: None,
        }
    }

    /// Takes a message, gives what to send.
    pub(crate) async fn take(&mut self, message: &str) -> Vec<String> {
        let method = message.split(' ').next().unwrap().to_owned();
        if method.starts_with("SIP/") {
            self.see(message.lines().next().unwrap(), message);
            return vec![];
        }
        self.see(&method, message);
        if self.deaf_to > 0 {
            self.deaf_to -= 1;
            return vec![];
        }
        match method.as_str() {
            "INVITE" => self.invited(message).await,
            "CANCEL" => self.cancelled(message).await,
            "ACK" if self.answer_twice => {
                self.answer_twice = false;
                self.answered.iter().cloned().collect()
            }
            "BYE" => {
                self.stop();
                vec![reply(message, "200 OK", "")]
            }
            "OPTIONS" => match self.behaviour.answer {
                Answer::Nothing => vec![],
                Answer::Refuse(status, reason) => vec![reply(message, &format!("{status} {reason}"), "")],
                _ => vec![reply(message, "200 OK", "Server: a test's telephone\r\n")],
            },
            _ => vec![],
        }
    }

    fn see(&self, what: &str, message: &str) {
        self.seen.lock().unwrap().push((what.to_owned(), message.to_owned()));
    }

    /// Sleeps until this side is to end the call; then gives its BYE.
    pub(crate) async fn hang_up(&mut self) -> String {
        match self.hang_up_at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        self.hang_up_at = None;
        self.stop();
        let invite = self.invite.as_ref().unwrap();
        let contact = header(invite, "Contact").split(['<', '>']).nth(1).unwrap().to_owned();
        format!(
            "BYE {contact} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bKbye\r\nFrom: {};tag=peer\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.transport,
            self.address,
            header(invite, "To"),
            header(invite, "From"),
            header(invite, "Call-ID"),
        )
    }

    async fn invited(&mut self, message: &str) -> Vec<String> {
        if let Some(answered) = &self.answered {
            return vec![answered.clone()];
        }
        self.invite = Some(message.to_owned());
        let trying = reply(message, "100 Trying", "");
        let ringing = reply(message, "180 Ringing", "");
        match self.behaviour.answer {
            Answer::Nothing => vec![],
            Answer::Refuse(status, reason) => vec![trying, reply(message, &format!("{status} {reason}"), "")],
            Answer::Ring | Answer::CrossCancel => vec![trying, ringing],
            Answer::Ok | Answer::OkWithoutAudio => vec![trying, ringing, self.answer().await],
        }
    }

    async fn cancelled(&mut self, message: &str) -> Vec<String> {
        let invite = self.invite.clone().unwrap();
        let ok = reply(message, "200 OK", "");
        match self.behaviour.answer {
            Answer::CrossCancel => vec![ok, self.answer().await],
            _ => vec![ok, reply(&invite, "487 Request Terminated", "")],
        }
    }

    async fn answer(&mut self) -> String {
        let invite = self.invite.clone().unwrap();
        let host = self.address.ip();
        let rtp = UdpSocket::bind((host, 0)).await.unwrap();
        let rtcp = UdpSocket::bind((host, 0)).await.unwrap();
        let family = if host.is_ipv4() { 4 } else { 6 };
        let port = if self.behaviour.answer == Answer::OkWithoutAudio {
            0
        } else {
            rtp.local_addr().unwrap().port()
        };
        let payload_type = self.behaviour.payload_type;
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP{family} {host}\r\ns=-\r\nc=IN IP{family} {host}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {payload_type}\r\na=rtcp:{}\r\n",
            rtcp.local_addr().unwrap().port(),
        );
        let line = |start: &str| {
            let line = invite.lines().find_map(|line| line.strip_prefix(start)).unwrap();
            line.split(' ').collect::<Vec<_>>()
        };
        let remote = SocketAddr::new(line("c=")[2].parse().unwrap(), line("m=audio ")[0].parse().unwrap());
        self.media = Some(tokio::spawn(media::run(rtp, rtcp, remote, self.behaviour)));
        self.hang_up_at = self.behaviour.hang_up_after.map(|after| Instant::now() + after);
        let extra = format!(
            "Contact: <sip:peer@{}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            self.address,
            sdp.len()
        );
        let whole = reply(&invite, "200 OK", &extra);
        let answer = whole.strip_suffix("Content-Length: 0\r\n\r\n").unwrap().to_owned();
        self.answered = Some(answer.clone());
        answer
    }

    fn stop(&mut self) {
        if let Some(media) = self.media.take() {
            media.abort();
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where the first message of `text` ends, once it is there.
pub(crate) fn end_of_message(text: &str) -> Option<usize> {
    let head = text.find("\r\n\r\n")? + 4;
    let length: usize = header(&text[..head], "Content-Length").parse().unwrap();
    (text.len() >= head + length).then_some(head + length)
}

fn reply(request: &str, status: &str, extra: &str) -> String {
    let mut reply = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        reply.push_str(&format!("{name}: {}\r\n", header(request, name)));
    }
    reply.push_str(&format!("To: {};tag=peer\r\n{extra}Content-Length: 0\r\n\r\n", header(request, "To")));
    reply
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {message}"))
}
