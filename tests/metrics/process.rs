//! The process itself: what /proc says of it, its HTTP and its log.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use switch_tests::{Switch, binary};

use crate::Moved;

/// From nothing to a switch that runs: what it shows is what the kernel knows.
pub(crate) fn the_start_shows_what_the_kernel_knows() -> Moved {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let asked = now();
    let switch = Switch::start("");
    let first = switch.metrics();
    let version = Command::new(binary("switch-node")).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let (_, version) = version.trim().rsplit_once(' ').unwrap();
    assert_eq!(first[&format!("switch_build_info{{version=\"{version}\"}}")], 1.0);
    assert_eq!(first["switch_ready"], 1.0);
    assert_eq!(first["switch_media_port_pairs_limit"], 8192.0, "16384-32767, two ports a pair");
    // The kernel tells the start in hundredths of a second since a boot it knows to the second.
    let started = first["process_start_time_seconds"];
    assert!((asked - 1.1..=now() + 1.1).contains(&started), "{started}, asked at {asked}");

    let proc = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", switch.child.id())).unwrap();
    let status = |key: &str| {
        let status = proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_start_matches(':').split_whitespace().next().unwrap().parse::<f64>().unwrap()
    };
    let near = |name: &str, known: f64| {
        let shown = switch.metric(name);
        assert!((shown - known).abs() <= known / 10.0, "{name} is {shown}, the kernel says {known}");
    };
    near("process_resident_memory_bytes", status("VmRSS") * 1024.0);
    near("process_virtual_memory_bytes", status("VmSize") * 1024.0);
    near("process_threads", status("Threads"));
    let files = std::fs::read_dir(format!("/proc/{}/fd", switch.child.id())).unwrap().count();
    near("process_open_fds", files as f64);
    let limits = proc("limits");
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    near("process_max_fds", limit.split_whitespace().next().unwrap().parse().unwrap());

    // Answers cost time: a few hundred of them more than a hundredth of a second of CPU.
    let end = Instant::now() + Duration::from_secs(20);
    while switch.metric("process_cpu_seconds_total") < first["process_cpu_seconds_total"] + 0.05 {
        assert!(Instant::now() < end, "the CPU time stands still");
    }
    let last = switch.metrics();
    assert!(last["switch_uptime_seconds"] > first["switch_uptime_seconds"]);
    last.into_iter().filter(|(_, value)| *value != 0.0).collect()
}

pub(crate) fn http_counts_its_answers_and_whom_it_turns_away() -> Moved {
    let switch = Switch::start("");
    let before = switch.metrics();
    for request in
        ["GET /livez", "GET /readyz", "GET /calls", "GET /nothing", "DELETE /calls/nothing", "PUT /x"]
    {
        switch.http(request);
    }
    let answered = switch.metrics();
    let by = |class: &str| {
        let name = format!("switch_http_responses_total{{class=\"{class}\"}}");
        (name.clone(), answered[&name] - before[&name])
    };
    // With the first look at the metrics itself.
    let (answers, refusals) = (by("2xx"), by("4xx"));
    assert_eq!((answers.1, refusals.1), (4.0, 3.0));

    // 64 that ask nothing hold every place.
    let mut held: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(switch.http).unwrap()).collect();
    let mut late = TcpStream::connect(switch.http).unwrap();
    late.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(late.read(&mut [0; 1]).unwrap_or(0), 0, "closed at once");
    held.clear();
    let end = Instant::now() + Duration::from_secs(10);
    let refused = loop {
        // Until a place is free this is turned away itself.
        let mut stream = TcpStream::connect(switch.http).unwrap();
        let mut answer = String::new();
        let _ = std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.0\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
        let line =
            answer.lines().find_map(|line| line.strip_prefix("switch_http_connections_refused_total "));
        if let Some(value) = line {
            break value.parse::<f64>().unwrap();
        }
        assert!(Instant::now() < end, "no place becomes free");
    };
    assert!(refused >= 1.0, "{refused}");
    [answers, refusals, ("switch_http_connections_refused_total".to_owned(), refused)].into()
}

/// Standard error is a pipe that is full, and the switch goes on.
pub(crate) fn lines_of_the_log_that_nobody_reads_are_counted() -> Moved {
    let mut child = Command::new(binary("switch-node"))
        .env_clear()
        .args(["--log-format", "json"])
        .env("SWITCH__HTTP__LISTEN", "127.0.0.1:0")
        .env("SWITCH__SIP__LISTEN", "udp:127.0.0.1:0")
        .env("SWITCH__SIP__TRACE", "true")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut address = |message: &str, key: &str| -> SocketAddr {
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "no line {message}");
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            if value["message"] == message {
                return value[key].as_str().unwrap().parse().unwrap();
            }
        }
    };
    let (http, sip) = (address("HTTP is served", "http"), address("SIP is taken", "address"));
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let me = phone.local_addr().unwrap();
    for count in 0..1500 {
        let options = format!(
            "OPTIONS sip:a@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{count}\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@{sip}>\r\nCall-ID: {count}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        phone.send_to(options.as_bytes(), sip).unwrap();
        let (length, _) = phone.recv_from(&mut [0; 2000]).expect("an answer, whatever becomes of the log");
        assert!(length > 0);
    }
    let mut stream = TcpStream::connect(http).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let name = "switch_log_lines_dropped_total";
    let value = answer.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap();
    // 3,000 lines; the pipe holds 64 KiB, the queue 1,024 lines.
    assert!((1000.0..3000.0).contains(&value), "{value}");
    [(name.to_owned(), value)].into()
}
