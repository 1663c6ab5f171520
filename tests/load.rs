//! Two hundred bridged calls up at once, three times over, and nothing left of them.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use switch_tests::Switch;
use switch_tests::load::{Generator, Kernel, Process, Signalling};

const CALLS: usize = 200;
const ROUNDS: usize = 3;
/// Of the switch alone: below the ports the kernel gives to the generator.
const PORTS: RangeInclusive<u16> = 20_000..=21_999;
/// Kibibytes by which the third round may end above the first.
const GROWTH: u64 = 1024;

/// What the kernel says of a switch at rest.
#[derive(PartialEq, Eq, Debug)]
struct Rest {
    files: usize,
    sockets: usize,
    threads: u64,
    media_sockets: usize,
}

impl Rest {
    fn of(process: &Process) -> Self {
        let (files, sockets) = process.files();
        Self { files, sockets, threads: process.threads(), media_sockets: Kernel::udp(PORTS).0 }
    }
}

#[test]
#[ignore = "needs the release build and the machine to itself: tests/run load"]
fn two_hundred_calls_lose_nothing_and_leave_nothing_three_times() {
    let mut signalling = Signalling::new();
    let config = format!(
        "[sip]\ntimer_t1 = \"50ms\"\n[rtp]\nports = \"{}-{}\"\n[limits]\ncalls_per_second = 1000\n{}",
        PORTS.start(),
        PORTS.end(),
        signalling.route()
    );
    let switch = Switch::start(&config);
    signalling = signalling.toward(switch.sip);
    let process = Process::new(switch.child.id());
    let before = Rest::of(&process);
    assert_eq!(before.media_sockets, 0, "somebody else is in the range");
    let mut resident = Vec::new();
    for round in 1..=ROUNDS {
        let calls = signalling.place(CALLS);
        assert_eq!(Kernel::udp(PORTS).0, CALLS * 4, "two legs a call, RTP and RTCP each");
        let report = Generator::new(&calls).run_patiently(Duration::from_secs(4));
        println!(
            "round {round}: {} of {} arrived, p99 {} µs",
            report.received,
            report.sent,
            report.delay(0.99)
        );
        assert_eq!((report.lost(), report.gaps, report.wrong), (0, 0, 0), "round {round}");
        let legs = calls.iter().flat_map(|call| [&call.caller, &call.callee]);
        let own = legs.map(|leg| leg.socket.local_addr().unwrap().port());
        for range in own.map(|port| port..=port).chain([PORTS]) {
            assert_eq!(Kernel::udp(range.clone()).1, 0, "the kernel dropped packets at {range:?}");
        }
        assert!(report.sent as usize >= CALLS * 2 * 190, "the generator fell behind: {}", report.sent);
        signalling.hang_up(calls);
        switch.until_empty();
        until(|| Rest::of(&process) == before, || format!("{:?}, not {before:?}", Rest::of(&process)));
        switch.until_zero("switch_sip_transactions");
        resident.push(process.resident());
    }
    println!("resident after each round: {resident:?} KiB");
    assert!(resident[ROUNDS - 1] <= resident[0] + GROWTH, "{resident:?} KiB");
}

fn until(done: impl Fn() -> bool, or: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "{}", or());
        std::thread::sleep(Duration::from_millis(50));
    }
}
