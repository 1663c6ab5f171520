//! Ports that somebody has are named with the process that holds them, and nothing is started.

use std::process::{Child, Stdio};

use crate::site::{IMAGE, Site, failed};

/// A process of the host's that holds ports until it is dropped.
struct Squatter(Child);

impl Squatter {
    fn new(site: &Site) -> Self {
        let program = "use IO::Socket::INET; $| = 1;\
            @s = map { IO::Socket::INET->new(Proto => 'udp', LocalPort => $_) or die $! } 5060, 20001;\
            push @s, IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 9282) or die $!;\
            print \"ready\\n\"; sleep 600";
        let mut command = site.on_host("perl");
        let mut child =
            command.args(["-e", program]).stdout(Stdio::piped()).spawn().expect("perl is essential");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("it is piped"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("it says that it is ready");
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_conflict_is_named_before_the_start() {
    let site = Site::new();
    let squatter = Squatter::new(&site);
    let before = site.state();
    let (code, error) = failed(site.netctl(&["run", "--name", "switch", "--net", "host", IMAGE]));
    assert_eq!(code, Some(1));
    let holder = format!("is held by process {} (perl)", squatter.0.id());
    for conflict in [
        format!("SIP 5060/udp is taken: 0.0.0.0:5060 udp {holder}"),
        format!("HTTP 9282/tcp at 127.0.0.1 is taken: 127.0.0.1:9282 tcp {holder}"),
        format!("media 16384-32767/udp is taken: 0.0.0.0:20001 udp {holder}"),
        "next: end what holds them, or choose others".to_owned(),
    ] {
        assert!(error.contains(&conflict), "{conflict} in {error}");
    }
    site.is_as(&before);
    // With others it runs, and a second one with the same media range, whose ports no socket shows, does not.
    let others = ["--net", "host", "-p", "40000-40099/udp", "-p", "5070/udp"];
    let http = |port: u16| format!("SWITCH__HTTP__LISTEN=127.0.0.1:{port}");
    site.must_netctl(
        &[&["run", "--name", "switch"], &others[..], &["-e", &http(9290), "--no-probe", IMAGE]].concat(),
    );
    let second = ["--net", "host", "-p", "40090-40199/udp", "-p", "5071/udp"];
    let (_, error) =
        failed(site.netctl(&[&["run", "--name", "two"], &second[..], &["-e", &http(9291), IMAGE]].concat()));
    assert!(
        error.contains("media 40090-40199/udp is taken: the container switch has media 40000-40099/udp"),
        "{error}"
    );
    site.must_netctl(&["rm", "switch"]);
    site.is_as(&before);
}
