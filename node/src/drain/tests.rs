use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::*;

/// Calls that end when told, or do not.
struct Calls {
    up: watch::Sender<usize>,
    obey: bool,
    since: Instant,
    told: Mutex<Vec<(&'static str, u64)>>,
}

impl Calls {
    fn new(up: usize, obey: bool) -> Arc<Drain<Self>> {
        let calls = Self { up: watch::Sender::new(up), obey, since: Instant::now(), told: Mutex::default() };
        Arc::new(Drain::new(calls))
    }

    fn note(&self, what: &'static str) {
        self.told.lock().unwrap().push((what, self.since.elapsed().as_secs()));
    }
}

impl Drainable for Calls {
    fn set_draining(&self, draining: bool) {
        self.note(if draining { "stop" } else { "go on" });
    }

    fn calls(&self) -> usize {
        *self.up.borrow()
    }

    async fn until_empty(&self) {
        let _ = self.up.subscribe().wait_for(|up| *up == 0).await;
    }

    fn end_calls(&self) {
        self.note("end");
        if self.obey {
            self.up.send_replace(0);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Runs it with signals at these seconds, then none, and a deadline of eight seconds.
async fn run(drain: &Drain<Calls>, at: &[u32]) -> Ended {
    let (sender, mut signals) = mpsc::channel(8);
    let at = at.to_vec();
    let since = Instant::now();
    tokio::spawn(async move {
        for second in at {
            sleep_until(since + SECOND * second).await;
            sender.send(()).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    drain.until_ended(|| SECOND * 8, async || signals.recv().await.unwrap()).await
}

fn told(drain: &Drain<Calls>) -> Vec<(&'static str, u64)> {
    drain.calls.told.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn without_calls_it_ends_at_once() {
    let (drain, since) = (Calls::new(0, true), Instant::now());
    assert_eq!(run(&drain, &[3]).await, Ended::Empty);
    assert_eq!((since.elapsed().as_secs(), told(&drain)), (3, vec![("stop", 3)]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_time_is_left_alone() {
    let (drain, since) = (Calls::new(1, true), Instant::now());
    let hang_up = async {
        sleep(SECOND * 5).await;
        drain.calls.up.send_replace(0);
    };
    let (ended, ()) = tokio::join!(run(&drain, &[1]), hang_up);
    assert_eq!(ended, Ended::Empty);
    assert_eq!((since.elapsed().as_secs(), told(&drain)), (5, vec![("stop", 1)]));
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_calls_are_ended() {
    let (drain, since) = (Calls::new(2, true), Instant::now());
    assert_eq!(run(&drain, &[1]).await, Ended::Empty);
    assert_eq!((since.elapsed().as_secs(), told(&drain)), (9, vec![("stop", 1), ("end", 9)]));
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_obey_hold_nobody_up() {
    let (drain, since) = (Calls::new(2, false), Instant::now());
    assert_eq!(run(&drain, &[0]).await, Ended::Late);
    assert_eq!(since.elapsed(), SECOND * 8 + FAREWELL);
    // Docker's ten seconds are not reached with the default deadline.
    assert!(since.elapsed() < SECOND * 10);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_at_once() {
    let (drain, since) = (Calls::new(2, true), Instant::now());
    assert_eq!(run(&drain, &[1, 2]).await, Ended::Forced);
    assert_eq!((since.elapsed().as_secs(), told(&drain)), (2, vec![("stop", 1)]));
}

#[tokio::test(start_paused = true)]
async fn asked_for_it_ends_no_process_and_is_taken_back() {
    let drain = Calls::new(2, true);
    let maintenance = async {
        sleep(SECOND).await;
        let status = drain.begin(SECOND * 100);
        assert_eq!((status.draining, status.leaving, status.calls), (true, false, 2));
        assert_eq!(status.left, Some(SECOND * 100));
        sleep(SECOND * 30).await;
        assert_eq!(drain.status().left, Some(SECOND * 70));
        // Another deadline; and no call is left.
        assert_eq!(drain.begin(SECOND * 10).left, Some(SECOND * 10));
        drain.calls.up.send_replace(0);
        sleep(SECOND * 5).await;
        let status = drain.take_back().unwrap();
        assert_eq!((status.draining, status.deadline, status.left), (false, None, None));
        // Asked for once more, its deadline comes.
        sleep(SECOND).await;
        drain.calls.up.send_replace(3);
        drain.begin(SECOND * 10);
        sleep(SECOND * 20).await;
        let status = drain.status();
        assert_eq!((status.draining, status.calls, status.left), (true, 0, Some(Duration::ZERO)));
    };
    let (ended, ()) = tokio::join!(run(&drain, &[100]), maintenance);
    assert_eq!(ended, Ended::Empty);
    let expected = [("stop", 1), ("stop", 31), ("go on", 36), ("stop", 37), ("end", 47), ("stop", 100)];
    assert_eq!(told(&drain), expected);
}

#[tokio::test(start_paused = true)]
async fn a_signal_is_not_taken_back_and_its_deadline_stands() {
    let drain = Calls::new(1, true);
    let meddle = async {
        drain.begin(SECOND * 100);
        sleep(SECOND * 3).await;
        assert_eq!(drain.take_back(), Err(Leaving));
        let status = drain.begin(SECOND * 100);
        assert_eq!((status.leaving, status.left), (true, Some(SECOND * 7)));
        assert_eq!(drain.take_back(), Err(Leaving));
    };
    let since = Instant::now();
    let (ended, ()) = tokio::join!(run(&drain, &[2]), meddle);
    assert_eq!((ended, since.elapsed().as_secs()), (Ended::Empty, 10));
    assert_eq!(told(&drain), [("stop", 0), ("stop", 2), ("end", 10)]);
}
