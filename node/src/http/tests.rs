use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::config::{Http, Secret};

#[derive(Default)]
struct Fake {
    hung_up: Mutex<Vec<String>>,
    drained: Mutex<Vec<String>>,
    leaving: bool,
    wrong: bool,
    draining: bool,
    dead: bool,
}

impl SwitchView for Fake {
    fn calls(&self) -> Vec<CallView> {
        vec![CallView {
            id: "a".into(),
            caller: "1000".into(),
            destination: "9196".into(),
            age_seconds: 1.5,
            answered_seconds: None,
            legs: Vec::new(),
        }]
    }

    fn hang_up(&self, id: &str) -> bool {
        self.hung_up.lock().unwrap().push(id.to_owned());
        id == "a"
    }

    fn readiness(&self) -> Readiness {
        if self.draining { Readiness::NotReady("draining") } else { Readiness::Ready }
    }

    fn liveness(&self) -> Liveness {
        if self.dead { Liveness::Dead("no media worker answers") } else { Liveness::Alive }
    }

    fn drain(&self) -> DrainView {
        let asked = self.drained.lock().unwrap();
        let last = asked.last().is_some_and(|asked| *asked != "take back");
        DrainView {
            draining: last,
            leaving: self.leaving,
            calls: 2,
            deadline: last.then_some(1000.5),
            seconds_left: last.then_some(7.5),
        }
    }

    fn begin_drain(&self, deadline: Option<Duration>) -> DrainView {
        self.drained.lock().unwrap().push(format!("{deadline:?}"));
        self.drain()
    }

    fn take_back_drain(&self) -> Option<DrainView> {
        self.drained.lock().unwrap().push("take back".to_owned());
        (!self.leaving).then(|| self.drain())
    }

    fn reload(&self) -> Result<ReloadView, RefusedView> {
        if self.wrong {
            let at = ProblemView {
                key: "rtp.ports".into(),
                message: "is empty".into(),
                file: Some("a.toml".into()),
                line: Some(3),
                column: Some(1),
                variable: None,
            };
            return Err(RefusedView { error: "it is wrong".into(), problems: vec![at] });
        }
        Ok(ReloadView { changed: Vec::new(), needs_restart: Vec::new() })
    }

    fn metrics(&self) -> Option<String> {
        Some("switch_ready 1\n".into())
    }
}

struct Running {
    address: SocketAddr,
    view: Arc<Fake>,
    counters: Arc<Counters>,
}

fn start(listen: &str, fake: Fake, token: &str) -> Running {
    let server = Server::bind(listen.parse().unwrap()).unwrap();
    let address = server.local_addr().unwrap();
    let (view, counters) = (Arc::new(fake), Arc::new(Counters::default()));
    tokio::spawn(server.serve(
        Arc::clone(&view),
        Token::new(&Http { token: Secret::new(token), ..Http::default() }),
        Arc::clone(&counters),
    ));
    Running { address, view, counters }
}

impl Running {
    async fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    }

    async fn post(&self, path: &str) -> String {
        self.send(&format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    }

    async fn delete(&self, path: &str, header: &str) -> String {
        self.send(&format!("DELETE {path} HTTP/1.1\r\n{header}Connection: close\r\n\r\n")).await
    }
}

#[tokio::test]
async fn each_path_answers_what_the_switch_says() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    let metrics = running.get("/metrics").await;
    assert!(
        metrics.starts_with("HTTP/1.1 200") && metrics.contains("text/plain; version=0.0.4"),
        "{metrics}"
    );
    assert!(metrics.ends_with("switch_ready 1\n"), "{metrics}");
    assert!(running.get("/livez").await.ends_with(r#"{"live":true}"#));
    assert!(running.get("/readyz").await.ends_with(r#"{"ready":true}"#));
    assert!(running.get("/calls").await.contains(r#""destination":"9196""#));
    assert!(running.get("/call").await.starts_with("HTTP/1.1 404"));
    assert!(running.get("/calls/a").await.starts_with("HTTP/1.1 405"));
    assert_eq!(running.counters.responses(), [0, 4, 0, 2, 0]);
}

#[tokio::test]
async fn draining_and_dead_are_503_with_the_reason() {
    let running = start("[::1]:0", Fake { draining: true, dead: true, ..Fake::default() }, "");
    let ready = running.get("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("draining"), "{ready}");
    let live = running.get("/livez").await;
    assert!(live.starts_with("HTTP/1.1 503") && live.contains("no media worker answers"), "{live}");
}

#[tokio::test]
async fn hanging_up_needs_the_token_where_one_is_set() {
    let running = start("127.0.0.1:0", Fake::default(), "secret");
    let without = running.delete("/calls/a", "Host: localhost\r\n").await;
    assert!(without.starts_with("HTTP/1.1 401") && without.contains("www-authenticate: Bearer"), "{without}");
    assert!(running.delete("/calls/a", "Authorization: Bearer wrong\r\n").await.starts_with("HTTP/1.1 401"));
    assert!(running.view.hung_up.lock().unwrap().is_empty());
    assert!(running.delete("/calls/a", "Authorization: Bearer secret\r\n").await.starts_with("HTTP/1.1 204"));
    assert!(running.delete("/calls/b", "Authorization: Bearer secret\r\n").await.starts_with("HTTP/1.1 404"));
    assert_eq!(*running.view.hung_up.lock().unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn hanging_up_from_this_machine_needs_none() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    assert!(running.delete("/calls/a", "Host: localhost\r\n").await.starts_with("HTTP/1.1 204"));
    assert!(running.delete("/calls/a", "Host: evil.example\r\n").await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn too_many_connections_are_closed_and_counted_and_room_comes_back() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        held.push(TcpStream::connect(running.address).await.unwrap());
    }
    let mut one_more = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(one_more.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(running.counters.refused(), 1);
    drop(held);
    for _ in 0..3000 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n").await;
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).await.is_ok() && answer.starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no room came back");
}

#[tokio::test(start_paused = true)]
async fn half_a_request_holds_a_connection_only_so_long() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /livez HTT").await.unwrap();
    let started = tokio::time::Instant::now();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(started.elapsed() <= HEAD_TIMEOUT * 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let mut answer = Vec::new();
    let line = format!("X: {}\r\n", "x".repeat(1000));
    let _ = stream.write_all(b"GET /livez HTTP/1.1\r\n").await;
    for _ in 0..100 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_drain_is_begun_looked_at_and_taken_back() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    let before = running.get("/drain").await;
    assert!(before.ends_with(
        "{\"draining\":false,\"leaving\":false,\"calls\":2,\"deadline\":null,\"seconds_left\":null}"
    ));
    let begun = running.post("/drain?deadline=1h30m").await;
    assert!(begun.starts_with("HTTP/1.1 200") && begun.contains("\"seconds_left\":7.5"), "{begun}");
    running.post("/drain").await;
    for wrong in ["?deadline=soon", "?deadline=", "?until=3h", "?deadline=1h&deadline=2h"] {
        let answer = running.post(&format!("/drain{wrong}")).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("deadline"), "{answer}");
    }
    assert!(running.delete("/drain", "Host: localhost\r\n").await.starts_with("HTTP/1.1 200"));
    let asked = running.view.drained.lock().unwrap().clone();
    assert_eq!(asked, ["Some(5400s)", "None", "take back"]);
}

#[tokio::test]
async fn a_signal_is_not_taken_back() {
    let running = start("127.0.0.1:0", Fake { leaving: true, ..Fake::default() }, "");
    let answer = running.delete("/drain", "Host: localhost\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("a signal"), "{answer}");
}

#[tokio::test]
async fn a_reload_tells_what_it_changed_or_where_it_is_wrong() {
    let running = start("127.0.0.1:0", Fake::default(), "");
    let answer = running.post("/reload").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("{\"changed\":[],\"needs_restart\":[]}"), "{answer}");
    let running = start("127.0.0.1:0", Fake { wrong: true, ..Fake::default() }, "");
    let answer = running.post("/reload").await;
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains("\"line\":3,\"column\":1") && answer.contains("it is wrong"), "{answer}");
}

#[tokio::test]
async fn whatever_changes_something_needs_the_token() {
    let running = start("127.0.0.1:0", Fake::default(), "secret");
    for request in ["POST /drain", "DELETE /drain", "POST /reload", "DELETE /calls/a"] {
        let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let answer = running.send(&format!("{head}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{request}: {answer}");
        let answer = running.send(&format!("{head}Authorization: Bearer secret\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{request}: {answer}");
    }
    assert!(running.get("/drain").await.starts_with("HTTP/1.1 200"), "looking changes nothing");
}
