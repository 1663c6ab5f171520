//! A switch under test: the real binary, and what is asked of it from outside.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use crate::Namespace;
use crate::phone::PATIENCE;

/// One port of each transport, whichever is free.
const ANY_PORT: &str = "udp:127.0.0.1:0,tcp:127.0.0.1:0";

/// A running switch; killed with the test, whatever happened.
pub struct Switch {
    /// Its process.
    pub child: Child,
    /// Where it takes SIP over UDP.
    pub sip: SocketAddr,
    /// Where it takes SIP over TCP.
    pub tcp: SocketAddr,
    /// Where it serves HTTP.
    pub http: SocketAddr,
    log: Receiver<String>,
    passed: RefCell<Vec<serde_json::Value>>,
    config: tempfile::NamedTempFile,
}

impl Switch {
    /// Starts one with these further lines of configuration.
    pub fn start(config: &str) -> Self {
        Self::listening(ANY_PORT, config)
    }

    /// Starts one that takes SIP at these places: the first of a transport is the one that is called.
    pub fn listening(listen: &str, config: &str) -> Self {
        Self::launch(Command::new(crate::binary("switch-node")), config, listen)
    }

    /// Starts one on one core.
    pub fn pinned(config: &str, core: usize) -> Self {
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(crate::binary("switch-node"));
        Self::launch(command, config, ANY_PORT)
    }

    /// Starts one in a namespace that the calling thread is in.
    pub fn start_in(namespace: &Namespace, config: &str, listen: &str) -> Self {
        Self::launch(namespace.command(crate::binary("switch-node")), config, listen)
    }

    fn launch(mut command: Command, config: &str, listen: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let mut child = command
            .env_clear()
            .args(["--log-format", "json", "--config"])
            .arg(file.path())
            .env("SWITCH__HTTP__LISTEN", "127.0.0.1:0")
            .env("SWITCH__SIP__LISTEN", listen)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = sync_channel(100_000);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Read on when nobody asks any more: the switch must not be held up by its log.
                let _ = lines.try_send(line);
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut switch = Self {
            child,
            sip: nowhere,
            tcp: nowhere,
            http: nowhere,
            log,
            passed: RefCell::default(),
            config: file,
        };
        switch.http = switch.logged("HTTP is served")["http"].as_str().unwrap().parse().unwrap();
        for _ in listen.split(',') {
            let line = switch.logged("SIP is taken");
            let address = line["address"].as_str().unwrap().parse().unwrap();
            let known = if line["transport"] == "udp" { &mut switch.sip } else { &mut switch.tcp };
            if *known == nowhere {
                *known = address;
            }
        }
        switch.logged("ready: calls are taken");
        switch
    }

    /// The next line of the log with this message.
    pub fn logged(&self, message: &str) -> serde_json::Value {
        let end = Instant::now() + Duration::from_secs(50);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left).unwrap_or_else(|_| panic!("no line {message:?}"));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            self.passed.borrow_mut().push(value.clone());
            if value["message"] == message {
                return value;
            }
        }
    }

    /// The lines of the log that were read so far.
    pub fn read(&self) -> Vec<serde_json::Value> {
        self.passed.borrow().clone()
    }

    /// The whole answer to a request such as `GET /calls`.
    pub fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The value of one line of `/metrics`, name and labels as it stands there; zero where it does not.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.http("GET /metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// How many legs were answered: inbound, outbound.
    pub fn answered(&self) -> (f64, f64) {
        self.by_direction("switch_sessions_answered_total", "")
    }

    /// How many legs ended with this cause: inbound, outbound.
    pub fn ended(&self, cause: &str) -> (f64, f64) {
        self.by_direction("switch_sessions_ended_total", &format!(",cause=\"{cause}\""))
    }

    fn by_direction(&self, name: &str, more: &str) -> (f64, f64) {
        let of = |direction: &str| self.metric(&format!("{name}{{direction=\"{direction}\"{more}}}"));
        (of("inbound"), of("outbound"))
    }

    /// Ends the first call that is up, as an operator does.
    pub fn hang_up(&self) {
        let answer = self.http("GET /calls");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let calls: serde_json::Value = serde_json::from_str(body).unwrap();
        let id = calls["calls"][0]["id"].as_str().unwrap();
        self.http(&format!("DELETE /calls/{id}"));
    }

    /// Every line of `/metrics`, name and labels as they stand there.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.http("GET /metrics");
        let lines = text.split_once("\r\n\r\n").unwrap().1.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| line.rsplit_once(' '));
        samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
    }

    /// Waits until nothing of any call is left: sessions end on tasks, streams on workers of their own.
    pub fn until_empty(&self) {
        self.until_zero("switch_sessions");
        self.until_zero("switch_media_streams");
    }

    /// Waits until a gauge is back to nothing.
    pub fn until_zero(&self, gauge: &str) {
        self.until(gauge, |value| value == 0.0);
    }

    /// Waits until one line of `/metrics` has come up to this value.
    pub fn until_reached(&self, name: &str, value: f64) {
        self.until(name, |now| now >= value);
    }

    fn until(&self, name: &str, reached: impl Fn(f64) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name);
            if reached(value) {
                return;
            }
            assert!(Instant::now() < end, "{name} stays at {value}: {}", self.http("GET /calls"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal of this name.
    pub fn signal(&self, name: &str) {
        let (name, process) = (format!("-{name}"), self.child.id().to_string());
        assert!(Command::new("kill").args([name, process]).status().unwrap().success());
    }

    /// Writes its file of configuration anew; it is not told.
    pub fn rewrite(&self, config: &str) {
        std::fs::write(self.config.path(), config).unwrap();
    }

    /// The body of an answer, as JSON.
    pub fn json(&self, request: &str) -> serde_json::Value {
        let answer = self.http(request);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// A command of the switch's own, with the configuration that this one runs with.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::binary("switch-node"));
        command
            .env_clear()
            .args(arguments)
            .arg("--config")
            .arg(self.config.path())
            .env("SWITCH__HTTP__LISTEN", self.http.to_string())
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
