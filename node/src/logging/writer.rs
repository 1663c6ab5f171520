//! The thread that writes lines, and the bounded queue before it.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait. With SIP trace on, a thousand messages.
const QUEUE: usize = 1024;
/// How long lines may gather: at thousands of calls a second, waking the thread for each costs more than the line.
const GATHER: Duration = Duration::from_millis(1);
/// How long the end waits for a reader that does not read.
const FAREWELL: Duration = Duration::from_millis(500);

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines not written because the reader of the log did not keep up.
pub fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
    End,
}

/// Hands lines to the thread. Never blocks.
#[derive(Clone, Debug)]
pub(super) struct Lines(SyncSender<Message>);

/// Ends the log: dropped, it waits at most half a second for the lines still queued.
#[derive(Debug)]
pub struct Guard {
    lines: SyncSender<Message>,
    ended: Receiver<()>,
}

impl Guard {
    /// Waits, at most half a second, until what was logged before is written: so that what is printed next stands
    /// below it.
    pub fn flush(&self) {
        let (written, wait) = sync_channel(1);
        if self.lines.try_send(Message::Flush(written)).is_ok() {
            // Late or never, the answer changes nothing.
            let _ = wait.recv_timeout(FAREWELL);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A full queue whose reader reads again empties within the wait, a dead one never does.
        for _ in 0..FAREWELL.as_millis() / 10 {
            match self.lines.try_send(Message::End) {
                Ok(()) => break,
                Err(TrySendError::Full(_)) => std::thread::sleep(Duration::from_millis(10)),
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(FAREWELL) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts the thread.
pub(super) fn spawn(mut out: impl Write + Send + 'static) -> (Lines, Guard) {
    let (sender, receiver) = sync_channel(QUEUE);
    let (ended_sender, ended) = sync_channel(1);
    let write = move || {
        let mut told = 0;
        loop {
            let line = match next(&receiver) {
                Ok(Message::Line(line)) => line,
                Ok(Message::Flush(written)) => {
                    let _ = out.flush();
                    let _ = written.try_send(());
                    continue;
                }
                Ok(Message::End) | Err(_) => break,
            };
            let dropped = dropped_lines();
            if dropped > told {
                let _ = writeln!(
                    out,
                    "{{\"message\":\"log lines dropped, the reader is too slow\",\"dropped\":{dropped}}}"
                );
                told = dropped;
            }
            // Nobody can be told that the log cannot be written.
            let _ = out.write_all(&line);
        }
        let _ = out.flush();
        let _ = ended_sender.send(());
    };
    let spawned = std::thread::Builder::new().name("log".to_owned()).stack_size(64 * 1024).spawn(write);
    // Without its thread the queue has no receiver: every line is dropped and counted.
    drop(spawned);
    (Lines(sender.clone()), Guard { lines: sender, ended })
}

/// Waits for the next message; where there is none yet, not before those that follow soon may have come too.
fn next(receiver: &Receiver<Message>) -> Result<Message, RecvError> {
    receiver.try_recv().or_else(|_| {
        std::thread::sleep(GATHER);
        receiver.recv()
    })
}

impl Lines {
    pub(super) fn send(&self, line: Vec<u8>) {
        if self.0.try_send(Message::Line(line)).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Collects one event's text and sends it as a whole.
#[derive(Debug)]
pub(super) struct Line {
    lines: Lines,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.lines.send(std::mem::take(&mut self.text));
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { lines: self.clone(), text: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Instant;

    use super::*;

    /// Takes what it is given once it is let.
    struct Gate(Receiver<()>, std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_stops_nobody_and_is_counted() {
        let (_open, gate) = sync_channel(1);
        let (lines, guard) = spawn(Gate(gate, Default::default()));
        let before = dropped_lines();
        for _ in 0..QUEUE + 100 {
            lines.send(b"line\n".to_vec());
        }
        // One line may be in the thread's hands.
        assert!(dropped_lines() - before >= 99, "{}", dropped_lines() - before);
        let started = Instant::now();
        drop(guard);
        assert!(started.elapsed() < FAREWELL * 6, "{:?}", started.elapsed());
    }

    #[test]
    fn a_flush_waits_for_what_was_sent_before() {
        let (open, gate) = sync_channel(10);
        let written: std::sync::Arc<std::sync::Mutex<Vec<u8>>> = std::sync::Arc::default();
        let (lines, guard) = spawn(Gate(gate, std::sync::Arc::clone(&written)));
        lines.send(b"one\n".to_vec());
        drop(open);
        guard.flush();
        assert_eq!(*written.lock().unwrap(), b"one\n");
    }

    #[test]
    fn the_end_waits_for_what_is_queued() {
        let (open, gate) = sync_channel(10);
        let written = std::sync::Arc::default();
        let (lines, guard) = spawn(Gate(gate, std::sync::Arc::clone(&written)));
        lines.send(b"one\n".to_vec());
        lines.send(b"two\n".to_vec());
        drop(open);
        drop(guard);
        assert!(written.lock().unwrap().ends_with(b"one\ntwo\n"));
    }
}
