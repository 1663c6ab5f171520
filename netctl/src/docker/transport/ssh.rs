//! ssh to the daemon's machine: a child for each connection, as Docker's own client has it.
//!
//! ssh's configuration, keys and agent are the user's; nothing of them is read here. It is not let ask: several
//! connections would ask at once, and a program without a terminal would wait for nobody.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::error::{SshTrouble, TransportError};
use crate::docker::host::Ssh;

/// What of ssh's own words is kept, in bytes: the last ones tell why it ended.
const SAID: usize = 4096;
/// How long ssh may take to end once its output has.
const ENDING: Duration = Duration::from_secs(3);

/// Its arguments, those of Docker's client; and `BatchMode`, by which it does not ask.
fn arguments(to: &Ssh) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    if let Some(user) = &to.user {
        words.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = to.port {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    words.extend(["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T", "--"].map(str::to_owned));
    words.push(to.host.clone());
    words.push("docker".to_owned());
    if let Some(socket) = &to.socket {
        words.push(quoted(&format!("--host=unix://{socket}")));
    }
    words.extend(["system", "dial-stdio"].map(str::to_owned));
    words
}

/// The shell there reads what ssh is given.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=:/.,+@%".contains(letter);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Starts it. Whether it comes through, the first answer shows.
pub(super) fn open(to: &Ssh) -> Result<Dialed, TransportError> {
    let mut command = Command::new("ssh");
    command.args(arguments(to)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.kill_on_drop(true).spawn().map_err(|error| TransportError::NoSsh(Arc::new(error)))?;
    let (Some(input), Some(output), Some(said)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(TransportError::Other("ssh has no standard input or output".to_owned()));
    };
    let said = tokio::spawn(listen(said));
    let ending = Ending::Running(Box::new((child, said)));
    Ok(Dialed { to: to.clone(), input: Some(input), output, ending })
}

/// All that ssh says, of which the end is kept.
async fn listen(mut from: ChildStderr) -> String {
    let mut said = Vec::new();
    let mut some = [0; 1024];
    while let Ok(read @ 1..) = from.read(&mut some).await {
        said.extend_from_slice(&some[..read]);
        let over = said.len().saturating_sub(SAID);
        said.drain(..over);
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// A connection, and the ssh that is it: it ends with the connection.
pub(super) struct Dialed {
    to: Ssh,
    /// None once nothing more is to be sent.
    input: Option<ChildStdin>,
    output: ChildStdout,
    ending: Ending,
}

/// How far ssh is.
enum Ending {
    Running(Box<(Child, JoinHandle<String>)>),
    Asked(Pin<Box<dyn Future<Output = Option<TransportError>> + Send>>),
    Told(Option<TransportError>),
}

impl Dialed {
    /// Why it has ended; nothing if it ended well.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<TransportError>> {
        loop {
            match &mut self.ending {
                Ending::Running(_) => {
                    let Ending::Running(running) = std::mem::replace(&mut self.ending, Ending::Told(None))
                    else {
                        continue;
                    };
                    // With its input closed it has nothing to wait for.
                    self.input = None;
                    self.ending = Ending::Asked(Box::pin(end(self.to.clone(), running)));
                }
                Ending::Asked(asked) => {
                    let told = ready!(asked.as_mut().poll(cx));
                    self.ending = Ending::Told(told);
                }
                Ending::Told(told) => return Poll::Ready(told.clone()),
            }
        }
    }
}

async fn end(to: Ssh, running: Box<(Child, JoinHandle<String>)>) -> Option<TransportError> {
    let (mut child, said) = *running;
    let ended = tokio::time::timeout(ENDING, async { (child.wait().await, said.await) }).await;
    let (status, said) = match ended {
        Ok((Ok(status), said)) if status.success() => {
            let said = said.unwrap_or_default();
            return (!said.is_empty()).then(|| trouble(&to, Some(0), said));
        }
        Ok((status, said)) => (status.ok().and_then(|status| status.code()), said.unwrap_or_default()),
        Err(_) => (None, String::new()),
    };
    Some(trouble(&to, status, said))
}

/// By ssh's own words (OpenSSH) and those of the shell and of Docker there.
fn trouble(to: &Ssh, status: Option<i32>, said: String) -> TransportError {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let why = if has(&["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        SshTrouble::HostKey
    } else if status == Some(127) || has(&["command not found", "docker: not found"]) {
        SshTrouble::NoDocker
    } else if has(&["dial-stdio' is not a docker command", "is not a docker command", "unknown command"]) {
        SshTrouble::OldDocker
    } else if status == Some(255) && has(&["Permission denied", "Too many authentication failures"]) {
        SshTrouble::Login
    } else if status == Some(255) {
        SshTrouble::Connection
    } else if has(&["permission denied while trying to connect", "connect: permission denied"]) {
        SshTrouble::Socket
    } else {
        SshTrouble::Daemon
    };
    TransportError::Ssh { to: to.to_string(), why, status, said }
}

impl AsyncRead for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        if let Ending::Running(_) = self.ending {
            ready!(Pin::new(&mut self.output).poll_read(cx, to))?;
            if to.filled().len() > before || to.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        match ready!(self.poll_end(cx)) {
            Some(trouble) => Poll::Ready(Err(io::Error::other(trouble))),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.input {
            Some(input) => ready!(Pin::new(input).poll_write(cx, from)),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                let told = ready!(self.poll_end(cx));
                Poll::Ready(Err(told.map_or(error, io::Error::other)))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().map_or(Poll::Ready(Ok(())), |input| Pin::new(input).poll_flush(cx))
    }

    /// A pipe is shut by letting go of it.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(address: &str) -> String {
        let Ok(crate::docker::Host::Ssh(ssh)) = address.parse() else { panic!("{address}") };
        arguments(&ssh).join(" ")
    }

    #[test]
    fn what_ssh_is_called_with() {
        let own = "-o ConnectTimeout=30 -o BatchMode=yes -T --";
        assert_eq!(line("ssh://h"), format!("{own} h docker system dial-stdio"));
        assert_eq!(
            line("ssh://me@[2001:db8::1]:2222/run/d.sock"),
            format!("-l me -p 2222 {own} 2001:db8::1 docker --host=unix:///run/d.sock system dial-stdio")
        );
        // What the shell there would take for more than a word.
        assert_eq!(
            line("ssh://h/a; it's"),
            format!(r"{own} h docker '--host=unix:///a; it'\''s' system dial-stdio")
        );
    }

    #[test]
    fn what_its_words_mean() {
        let to = Ssh { host: "h".to_owned(), ..Ssh::default() };
        for (status, said, expected) in [
            (255, "Host key verification failed.", SshTrouble::HostKey),
            (255, "me@h: Permission denied (publickey,password).", SshTrouble::Login),
            (255, "ssh: connect to host h port 22: Connection refused", SshTrouble::Connection),
            (127, "bash: line 1: docker: command not found", SshTrouble::NoDocker),
            (1, "docker: 'dial-stdio' is not a docker command.", SshTrouble::OldDocker),
            (1, "dial unix /var/run/docker.sock: connect: permission denied", SshTrouble::Socket),
            (1, "Cannot connect to the Docker daemon at unix:///x.", SshTrouble::Daemon),
        ] {
            let TransportError::Ssh { why, .. } = trouble(&to, Some(status), said.to_owned()) else {
                panic!()
            };
            assert_eq!(why, expected, "{said}");
        }
    }
}
