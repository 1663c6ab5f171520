//! The machine this runs on: its rules and routes over netlink, the rest of /proc.

use std::fs::File;
use std::io;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::counts::ByFamily;
use super::machine::{Machine, Question, Routing, UdpLosses, Watch};
use super::watch::counts;
use crate::bridge::KernelError;
use crate::firewall::{self, Change, Family, Firewall as _, FirewallError, Step, Table};
use crate::netlink::{self, Nftables, Traces, Wires};
use crate::network::{Interface, Place, Socket, Sockets as _, Wiring as _};
use crate::procfs::{self, Proc};

/// This machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Machine for Local {
    type Watch = Standing;

    fn watch(&self, place: Place, table: Table) -> Result<Standing, FirewallError> {
        let namespace = match place {
            Place::Here => None,
            Place::Process(pid) => {
                Some(File::open(format!("/proc/{pid}/ns/net")).map_err(FirewallError::Socket)?)
            }
        };
        let traces = Traces::open(namespace.as_ref())?;
        let nftables = namespace.as_ref().map_or_else(Nftables::open, Nftables::within)?;
        // What a killed one left is replaced.
        nftables.apply(&[Change::Remove(table.name.clone()), Change::Add(table.clone())])?;
        Ok(Standing { nftables, traces, table })
    }

    fn udp(&self, place: Place) -> io::Result<UdpLosses> {
        procfs::udp_losses(place)
    }

    fn sockets(&self, place: Place) -> io::Result<Vec<Socket>> {
        Proc.bound(place)
    }

    fn setting(&self, place: Place, path: &str) -> Option<String> {
        procfs::setting(place, path)
    }

    fn forward_drops(&self, family: Family) -> bool {
        Nftables::open().is_ok_and(|rules| firewall::forward_drops(&rules, family))
    }

    async fn interfaces(&self, place: Place) -> Result<Vec<Interface>, KernelError> {
        Wires.interfaces(place).await
    }

    async fn routing(&self, question: &Question) -> Result<Routing, KernelError> {
        netlink::routing(question).await
    }

    async fn metrics(&self, place: Place, at: SocketAddr) -> Option<String> {
        let fetch = move || match place {
            Place::Here => fetch(at).ok(),
            Place::Process(pid) => netlink::inside(pid, || fetch(at)).ok()?.ok(),
        };
        tokio::task::spawn_blocking(fetch).await.ok()?
    }
}

/// A page over HTTP; a switch that does not answer at once does not answer.
fn fetch(at: SocketAddr) -> io::Result<String> {
    const PATIENCE: Duration = Duration::from_secs(1);
    /// A page has some ten thousand bytes.
    const LONGEST: u64 = 1 << 20;
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // With HTTP/1.0 the body comes in one piece.
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {at}\r\n\r\n")?;
    let mut page = String::new();
    stream.take(LONGEST).read_to_string(&mut page)?;
    match page.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(io::Error::other("this is not a page of metrics")),
    }
}

/// A table of counters, until it is dropped.
pub struct Standing {
    nftables: Nftables,
    traces: Traces,
    table: Table,
}

impl Watch for Standing {
    fn counts(&self) -> Result<ByFamily, FirewallError> {
        let seen = self.nftables.rules(firewall::Place::Inet, &self.table.name)?;
        counts(&self.table, &seen).ok_or(FirewallError::Changed)
    }

    fn steps(&mut self) -> Vec<Step> {
        self.traces.steps()
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // If the namespace is gone, so is the table.
        let _ = self.nftables.apply(&[Change::Remove(self.table.name.clone())]);
    }
}
