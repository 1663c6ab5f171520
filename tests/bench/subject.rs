//! What is measured: each starts as a process of its own on core 0 and connects calls.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use switch_tests::Switch;
use switch_tests::load::{Call, Leg, Process, Signalling};

use crate::rtpengine::Rtpengine;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    Bare,
    Switch,
    SwitchWithoutGrid,
    Rtpengine,
}

impl Subject {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Switch, Self::SwitchWithoutGrid, Self::Rtpengine];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Switch => "switch",
            Self::SwitchWithoutGrid => "switch-grid-off",
            Self::Rtpengine => "rtpengine",
        }
    }

    pub(crate) fn start(self) -> Running {
        match self {
            Self::Bare => Running::Bare(None),
            Self::Switch => Running::switch("1ms"),
            Self::SwitchWithoutGrid => Running::switch("off"),
            Self::Rtpengine => Running::Rtpengine(Rtpengine::start()),
        }
    }
}

/// One that runs; its process ends with it.
pub(crate) enum Running {
    /// Knows its calls before it starts.
    Bare(Option<Child>),
    Switch(Box<Switch>, Box<Signalling>),
    Rtpengine(Rtpengine),
}

impl Running {
    fn switch(grid: &str) -> Self {
        let signalling = Signalling::new();
        let config = format!(
            "[rtp]\ngrid = \"{grid}\"\n[limits]\ncalls_per_second = 100000\ncalls_per_source = 4000\n{}",
            signalling.route()
        );
        let switch = Switch::pinned(&config, 0);
        let signalling = signalling.toward(switch.sip);
        Self::Switch(Box::new(switch), Box::new(signalling))
    }

    /// None before its calls are known.
    pub(crate) fn process(&self) -> Option<Process> {
        let child = match self {
            Self::Bare(child) => child.as_ref()?,
            Self::Switch(switch, _) => &switch.child,
            Self::Rtpengine(rtpengine) => &rtpengine.child,
        };
        Some(Process::new(child.id()))
    }

    pub(crate) fn connect(&mut self, count: usize) -> Vec<Call> {
        match self {
            Self::Bare(child) => {
                let pairs: Vec<_> = (0..count).map(|_| pair()).collect();
                let (started, relays) = bare(&pairs);
                *child = Some(started);
                pairs.into_iter().zip(relays).map(|(pair, relay)| call(pair, relay)).collect()
            }
            Self::Switch(_, signalling) => signalling.place(count),
            Self::Rtpengine(rtpengine) => (0..count)
                .map(|number| {
                    let pair = pair();
                    let [caller, callee] = addresses(&pair);
                    let relay = rtpengine.connect(number, caller, callee);
                    call(pair, relay)
                })
                .collect(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let child = match self {
            Self::Bare(Some(child)) => child,
            Self::Rtpengine(rtpengine) => &mut rtpengine.child,
            // Ends with its own value.
            Self::Bare(None) | Self::Switch(..) => return,
        };
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn pair() -> [Leg; 2] {
    [(); 2].map(|()| Leg::bind())
}

fn call([caller, callee]: [Leg; 2], [for_caller, for_callee]: [SocketAddr; 2]) -> Call {
    Call::unsignalled(Leg { relay: for_caller, ..caller }, Leg { relay: for_callee, ..callee })
}

fn addresses(pair: &[Leg; 2]) -> [SocketAddr; 2] {
    pair.each_ref().map(|leg| leg.socket.local_addr().unwrap())
}

fn bare(pairs: &[[Leg; 2]]) -> (Child, Vec<[SocketAddr; 2]>) {
    let mut child = Command::new("taskset")
        .args(["-c", "0"])
        .arg(std::env::current_exe().unwrap())
        .arg("bare")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("taskset");
    let mut orders = child.stdin.take().unwrap();
    for pair in pairs {
        let [caller, callee] = addresses(pair);
        writeln!(orders, "{caller} {callee}").unwrap();
    }
    drop(orders);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(pairs.len());
    let relays = lines
        .map(|line| {
            let line = line.unwrap();
            let (caller, callee) = line.split_once(' ').unwrap();
            [caller, callee].map(|address| address.parse().unwrap())
        })
        .collect();
    (child, relays)
}
