//! rtpengine as a peer: its ng protocol, bencoded dictionaries over UDP.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CONTROL: &str = "127.0.0.1:22222";

pub(crate) struct Rtpengine {
    pub(crate) child: Child,
    control: UdpSocket,
    asked: u64,
}

impl Rtpengine {
    /// Starts one in user space on core 0, with one media thread as everybody here.
    pub(crate) fn start() -> Self {
        let child = Command::new("taskset")
            .args(["-c", "0", "rtpengine", "--config-file=none", "--foreground", "--log-stderr"])
            .args(["--log-level=3", "--table=-1", "--interface=127.0.0.1", "--num-threads=1"])
            .args([&format!("--listen-ng={CONTROL}"), "--port-min=40000", "--port-max=49999"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("taskset");
        let control = UdpSocket::bind("127.0.0.1:0").unwrap();
        control.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut started = Self { child, control, asked: 0 };
        for _ in 0..50 {
            if started.ask(&[("command", "ping")]).is_some() {
                return started;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("rtpengine does not answer at {CONTROL}; tests/bench/run installs Debian's rtpengine-daemon");
    }

    /// Sets one call up. Gives where it takes the caller's and the callee's packets.
    pub(crate) fn connect(
        &mut self,
        number: usize,
        caller: SocketAddr,
        callee: SocketAddr,
    ) -> [SocketAddr; 2] {
        let id = number.to_string();
        let common = [("call-id", id.as_str()), ("from-tag", "a"), ("ICE", "remove")];
        let mut offer = vec![("command", "offer")];
        offer.extend(common);
        let sdp = description(caller);
        offer.push(("sdp", &sdp));
        let for_callee = self.ask(&offer).expect("an answer to an offer");
        let mut answer = vec![("command", "answer"), ("to-tag", "b")];
        answer.extend(common);
        let sdp = description(callee);
        answer.push(("sdp", &sdp));
        let for_caller = self.ask(&answer).expect("an answer to an answer");
        [for_caller, for_callee].map(|sdp| switch_tests::media(&sdp))
    }

    /// Asks, and gives the description in the reply (empty where there is none).
    fn ask(&mut self, fields: &[(&str, &str)]) -> Option<String> {
        self.asked += 1;
        // Keys of a dictionary are sorted.
        let fields: BTreeMap<&str, &str> = fields.iter().copied().collect();
        let body: String =
            fields.iter().map(|(key, value)| format!("{}:{key}{}:{value}", key.len(), value.len())).collect();
        self.control.send_to(format!("{} d{body}e", self.asked).as_bytes(), CONTROL).ok()?;
        let mut buffer = [0; 8192];
        let (length, _) = self.control.recv_from(&mut buffer).ok()?;
        let reply = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(reply.contains("6:result2:ok") || reply.contains("6:result4:pong"), "rtpengine: {reply}");
        Some(reply)
    }
}

fn description(at: SocketAddr) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n",
        at.port()
    )
}
