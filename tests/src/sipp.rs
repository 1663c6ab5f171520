//! SIPp, Debian's `sip-tester`, as a peer: its SIP and its statistics owe nothing to the code under test.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::phone::PATIENCE;

/// One SIPp with one scenario of `tests/fixtures/sipp`, at a loopback address of its own.
pub struct Sipp {
    child: Child,
    scenario: String,
    folder: tempfile::TempDir,
    /// Where it takes SIP.
    pub address: SocketAddr,
}

/// The port of SIP, and the one SIPp echoes RTP on: free, for no other peer has this address.
const SIP: u16 = 5070;
const ECHO: u16 = 6000;

/// An address of loopback that no other peer of any test that runs now has.
pub fn loopback() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, COUNT.fetch_add(1, Ordering::Relaxed), high, low)
}

impl Sipp {
    /// A callee that takes this many calls; with no sound of its own it echoes RTP. `transport` is `udp` or `tcp`.
    pub fn callee(scenario: &str, transport: &str, calls: u32, sounds: &[(&str, &[u8])]) -> Self {
        let echo: &[&str] = if sounds.is_empty() { &["-rtp_echo"] } else { &[] };
        let sipp = Self::spawn(scenario, transport, calls, sounds, echo);
        sipp.until_bound(transport);
        sipp
    }

    /// A caller that dials the number at the switch; `more` are options of SIPp.
    pub fn caller(
        scenario: &str,
        (switch, transport): (SocketAddr, &str),
        number: &str,
        (calls, a_second): (u32, u32),
        sounds: &[(&str, &[u8])],
    ) -> Self {
        let (switch, rate) = (switch.to_string(), a_second.to_string());
        Self::spawn(scenario, transport, calls, sounds, &[&switch, "-s", number, "-r", &rate])
    }

    fn spawn(scenario: &str, transport: &str, calls: u32, sounds: &[(&str, &[u8])], more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, sound) in sounds {
            std::fs::write(folder.path().join(name), sound).unwrap();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/sipp/{scenario}.xml"));
        let address = loopback();
        let ip = address.to_string();
        let child = Command::new("sipp")
            .args(more)
            .arg("-sf")
            .arg(script)
            .args(["-i", &ip, "-mi", &ip, "-p", &SIP.to_string(), "-mp", &ECHO.to_string()])
            .args(["-t", if transport == "tcp" { "t1" } else { "u1" }, "-m", &calls.to_string()])
            .args(["-nostdin", "-trace_err", "-error_file", "errors", "-trace_stat", "-stf", "statistics"])
            .args(["-recv_timeout", "20000", "-timeout", "60", "-timeout_error"])
            .env("TERM", "dumb")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("sipp does not start ({error}); it is in the Debian package sip-tester")
            });
        Self { child, scenario: scenario.to_owned(), folder, address: SocketAddr::from((address, SIP)) }
    }

    /// Waits until its SIP socket is there, as the kernel says.
    fn until_bound(&self, transport: &str) {
        let SocketAddr::V4(address) = self.address else { panic!("IPv4") };
        let octets = u32::from_ne_bytes(address.ip().octets());
        let bound = format!(" {octets:08X}:{:04X} ", address.port());
        let end = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(format!("/proc/net/{transport}")).unwrap().contains(&bound) {
            assert!(Instant::now() < end, "SIPp takes no {transport} at {address}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end; every call has to have gone by its scenario. Gives how many did, as SIPp counts them.
    pub fn succeeded(mut self) -> u32 {
        let end = Instant::now() + Duration::from_secs(70);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "{} does not end", self.scenario);
            std::thread::sleep(Duration::from_millis(20));
        };
        let errors = std::fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default();
        assert_eq!(status.code(), Some(0), "{}: {errors}", self.scenario);
        assert_eq!(self.statistic("FailedCall(C)"), 0, "{}: {errors}", self.scenario);
        self.statistic("SuccessfulCall(C)")
    }

    /// A column of the last line of its statistics.
    fn statistic(&self, column: &str) -> u32 {
        let text = std::fs::read_to_string(self.folder.path().join("statistics")).unwrap();
        let at = text.lines().next().unwrap().split(';').position(|name| name == column);
        let at = at.unwrap_or_else(|| panic!("SIPp has no statistic {column}"));
        text.lines().last().unwrap().split(';').nth(at).unwrap().parse().unwrap()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
