//! Whoever else uses a port of the range gets his answers.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::answer::socket;
use crate::daemon::Daemon;
use crate::host::{HOST, NEIGHBOUR, within};

/// Sends back what it gets, so often.
fn echo(socket: UdpSocket, times: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..times {
            let mut bytes = [0; 100];
            if let Ok((length, from)) = socket.recv_from(&mut bytes) {
                socket.send_to(&bytes[..length], from).expect("it can be sent");
            }
        }
    })
}

fn answered(socket: &UdpSocket, to: &str) -> bool {
    socket.send_to(b"x", to).expect("it can be sent");
    socket.recv_from(&mut [0; 100]).is_ok()
}

#[test]
fn a_process_of_the_host() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let server = echo(socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:53")), 3);
    // Bound to nothing, to the address, and connected, as a resolver asks.
    let wildcard = socket(&daemon.host.namespace(), "0.0.0.0:20002");
    assert!(answered(&wildcard, &format!("{NEIGHBOUR}:53")));
    let bound = socket(&daemon.host.namespace(), &format!("{HOST}:20003"));
    assert!(answered(&bound, &format!("{NEIGHBOUR}:53")));
    let connected = socket(&daemon.host.namespace(), "0.0.0.0:20004");
    connected.connect((NEIGHBOUR, 53)).unwrap();
    connected.send(b"x").unwrap();
    assert!(connected.recv(&mut [0; 100]).is_ok());
    server.join().unwrap();
    // Whoever waits on a port of the range has it, as long as he does.
    let waiting = socket(&daemon.host.namespace(), "0.0.0.0:24000");
    let neighbour = socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:40001"));
    neighbour.send_to(b"x", format!("{HOST}:24000")).unwrap();
    assert!(waiting.recv_from(&mut [0; 100]).is_ok());
    let listening = within(&daemon.host.namespace(), || TcpListener::bind("0.0.0.0:5060"));
    let outside = within(&daemon.host.neighbour(), || TcpStream::connect((HOST, 5060)));
    assert_eq!(listening.accept().unwrap().1, outside.local_addr().unwrap());
    let again = daemon.try_port(&["publish", "switch", "16384-32767/udp", "5060/tcp"]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    // Not the one that is connected.
    assert!(said.contains("wait on 20002-20003/udp 24000/udp 5060/tcp and keep them"), "{said}");
    daemon.answerer("near", &["--network", "voice"]);
    let server = echo(waiting, 1);
    assert!(answered(&socket(&daemon.namespace_of("near"), "0.0.0.0:0"), &format!("{HOST}:24000")));
    server.join().unwrap();
}

/// Both ends on the host: the answer passes the output hook, where there is no telling whose it is but by the question.
#[test]
fn two_processes_of_the_host() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    let server = echo(socket(&daemon.host.namespace(), &format!("{HOST}:53")), 1);
    let asker = socket(&daemon.host.namespace(), &format!("{HOST}:20005"));
    assert!(answered(&asker, &format!("{HOST}:53")));
    server.join().unwrap();
}

/// Docker's masquerade keeps the port where it can, so the answer comes to a published one.
#[test]
fn another_container() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    // A network that is younger than the rules.
    daemon.must(&["network", "create", "--subnet", "172.29.2.0/24", "young"]);
    for (name, options) in
        [("default", &[][..]), ("near", &["--network", "voice"]), ("young", &["--network", "young"])]
    {
        daemon.answerer(name, options);
        let server = echo(socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:53")), 2);
        let asker = socket(&daemon.namespace_of(name), "0.0.0.0:20006");
        assert!(answered(&asker, &format!("{NEIGHBOUR}:53")), "{name}");
        assert!(answered(&asker, &format!("{NEIGHBOUR}:53")), "{name}");
        server.join().unwrap();
    }
    // The switch's own questions from a port that is not published.
    let server = echo(socket(&daemon.host.neighbour(), &format!("{NEIGHBOUR}:53")), 1);
    let asker = socket(&daemon.namespace_of("switch"), "0.0.0.0:15000");
    assert!(answered(&asker, &format!("{NEIGHBOUR}:53")));
    server.join().unwrap();
}

/// Docker's DNS inside a network of the user's own hangs on NAT in the container's namespace.
#[test]
fn dns_within_the_container() {
    let daemon = Daemon::with_switch();
    daemon.publish(&[]);
    // A question for "switch.", type A: RFC 1035, section 4.
    let question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06switch\x00\x00\x01\x00\x01";
    let asker = socket(&daemon.namespace_of("switch"), "0.0.0.0:20007");
    asker.send_to(question, "127.0.0.11:53").unwrap();
    let mut answer = [0; 512];
    let (length, _) = asker.recv_from(&mut answer).expect("an answer");
    assert!(length > question.len() && answer[..2] == question[..2]);
}
