//! Every timer of RFC 3261 table 4 and RFC 6026, to the millisecond, seen from outside: what is sent when.

use crate::pair::*;
use switch_sip::message::Method;
use switch_sip::response;
use switch_sip::transaction::{Event, Transport};

fn silent<'a>(transport: Transport) -> Pair<'a> {
    Pair::new(transport, |_, _| None)
}

fn send(pair: &mut Pair<'_>, method: Method) {
    let flow = pair.flow(Side::Client);
    pair.client.request(pair.now, request(method, 1), flow, address(A)).unwrap();
}

#[test]
fn timers_a_and_b_an_invite_nobody_hears() {
    let mut pair = silent(Transport::Udp);
    send(&mut pair, Method::Invite);
    pair.run_until(ms(120_000), |_, _, _| {});
    assert_eq!(pair.times(Side::Client, "INVITE"), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert!(matches!(&pair.events[..], [(at, Side::Client, Event::Timeout { .. })] if *at == ms(32_000)));
    pair.assert_all_freed();
}

#[test]
fn timer_b_alone_on_tcp() {
    let mut pair = silent(Transport::Tcp);
    send(&mut pair, Method::Invite);
    pair.run_until(ms(120_000), |_, _, _| {});
    assert_eq!(pair.times(Side::Client, "INVITE"), [0]);
    assert!(matches!(&pair.events[..], [(at, _, Event::Timeout { .. })] if *at == ms(32_000)));
    pair.assert_all_freed();
}

#[test]
fn timers_e_and_f_a_bye_nobody_hears() {
    let mut pair = silent(Transport::Udp);
    send(&mut pair, Method::Bye);
    pair.run_until(ms(120_000), |_, _, _| {});
    let expected = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(pair.times(Side::Client, "BYE"), expected);
    assert!(matches!(&pair.events[..], [(at, _, Event::Timeout { .. })] if *at == ms(32_000)));
    pair.assert_all_freed();
}

#[test]
fn timer_e_goes_to_t2_once_something_was_heard() {
    let mut pair = Pair::perfect(Transport::Udp);
    send(&mut pair, Method::Options);
    pair.run_until(ms(120_000), |pair, _, event| {
        if let Event::Request { id, request, .. } = event {
            pair.server.respond(pair.now, id, response::to(&request, 183, None)).unwrap();
        }
    });
    // The interval that runs is not cut short; those after it are T2.
    assert_eq!(pair.times(Side::Client, "OPTIONS")[..4], [0, 500, 4500, 8500]);
}

#[test]
fn timers_g_and_h_a_refusal_nobody_acknowledges() {
    let mut pair = Pair::new(Transport::Udp, |_, message| {
        let is_invite = message.to_bytes().starts_with(b"INVITE");
        is_invite.then_some(ms(0))
    });
    send(&mut pair, Method::Invite);
    let mut first = true;
    pair.run_until(ms(31_000), |pair, _, event| {
        if let Event::Request { id, request, .. } = event {
            assert!(std::mem::take(&mut first), "a retransmission is no new request");
            pair.server.respond(pair.now, id, response::to(&request, 486, None)).unwrap();
        }
    });
    let sent = pair.times(Side::Server, "SIP/2.0 486");
    // By timer G, and at each INVITE that comes again (500, 1500, 3500, 7500, 15500).
    let by_timer = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500];
    for at in by_timer {
        assert!(sent.contains(&at), "{at} in {sent:?}");
    }
    assert_eq!(sent.len(), by_timer.len() + 5);
    assert_eq!(pair.server.counters().servers, 1);
    pair.run_until(ms(32_000), |_, _, _| {});
    assert_eq!(pair.server.counters().servers, 0);
    assert_eq!(pair.server.counters().unacknowledged, 1);
}

/// How long each side keeps a transaction after a final response that arrives at once.
fn lifetimes(transport: Transport, method: Method, status: u16) -> (u64, u64) {
    let mut pair = Pair::new(transport, |_, _| Some(ms(0)));
    let number = 1;
    send(&mut pair, method);
    let (mut client, mut server) = (0, 0);
    for at in 0..40_000 {
        pair.run_until(ms(at), |pair, _, event| match event {
            Event::Request { id, request, .. } => {
                let mut response = response::to(&request, status, Some("b1"));
                response.headers.push("Contact", "<sip:bob@192.0.2.2>");
                pair.server.respond(pair.now, id, response).unwrap();
            }
            Event::Response { id, response, .. }
                if response.is_success() && response.headers.cseq().unwrap().method == Method::Invite =>
            {
                let flow = pair.flow(Side::Client);
                let ack = ack(response.headers.first("To").unwrap(), number);
                pair.client.acknowledge(id, ack, flow, address(A));
            }
            _ => {}
        });
        client += u64::from(pair.client.counters().clients > 0);
        server += u64::from(pair.server.counters().servers > 0);
    }
    pair.assert_all_freed();
    (client, server)
}

#[test]
fn timers_d_and_i() {
    assert_eq!(lifetimes(Transport::Udp, Method::Invite, 486), (32_000, 5_000));
    assert_eq!(lifetimes(Transport::Tcp, Method::Invite, 486), (0, 0));
}

#[test]
fn timers_j_and_k() {
    assert_eq!(lifetimes(Transport::Udp, Method::Bye, 200), (5_000, 32_000));
    assert_eq!(lifetimes(Transport::Tcp, Method::Bye, 200), (0, 0));
}

#[test]
fn timers_l_and_m() {
    assert_eq!(lifetimes(Transport::Udp, Method::Invite, 200), (32_000, 32_000));
    assert_eq!(lifetimes(Transport::Tcp, Method::Invite, 200), (32_000, 32_000));
}

#[test]
fn a_200_is_sent_again_until_its_ack_or_64_t1_on_any_transport() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = Pair::new(transport, |_, message| {
            let is_invite = message.to_bytes().starts_with(b"INVITE");
            is_invite.then_some(ms(0))
        });
        send(&mut pair, Method::Invite);
        pair.run_until(ms(120_000), |pair, side, event| {
            if let (Side::Server, Event::Request { id, request, .. }) = (side, event) {
                pair.server.respond(pair.now, id, response::to(&request, 200, None)).unwrap();
            }
        });
        let expected = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        assert_eq!(pair.times(Side::Server, "SIP/2.0 200"), expected, "{transport:?}");
        let missing: Vec<_> =
            pair.events.iter().filter(|(_, _, event)| matches!(event, Event::AckMissing { .. })).collect();
        assert!(matches!(missing[..], [(at, Side::Server, _)] if *at == ms(32_000)));
        pair.assert_all_freed();
    }
}

#[test]
fn trying_is_sent_for_a_user_that_takes_its_time_and_only_then() {
    let mut pair = Pair::perfect(Transport::Udp);
    send(&mut pair, Method::Invite);
    pair.run_until(ms(10_000), |_, _, _| {});
    assert_eq!(pair.times(Side::Server, "SIP/2.0 100"), [110]);
    // The client heard it: no INVITE came again.
    assert_eq!(pair.times(Side::Client, "INVITE"), [0]);

    let mut quick = Pair::perfect(Transport::Udp);
    send(&mut quick, Method::Invite);
    quick.run_until(ms(10_000), |pair, _, event| {
        if let Event::Request { id, request, .. } = event {
            pair.server.respond(pair.now, id, response::to(&request, 180, None)).unwrap();
        }
    });
    assert!(quick.times(Side::Server, "SIP/2.0 100").is_empty());
}

#[test]
fn a_cancelled_invite_nobody_ends_times_out() {
    let mut pair = Pair::perfect(Transport::Udp);
    let flow = pair.flow(Side::Client);
    let id = pair.client.request(pair.now, request(Method::Invite, 1), flow, address(A)).unwrap();
    pair.run_until(ms(1_000), |_, _, _| {});
    pair.client.cancel(pair.now, id, None);
    pair.run_until(ms(120_000), |_, _, _| {});
    let timeout = pair.events.iter().find(|(_, _, event)| matches!(event, Event::Timeout { .. })).unwrap();
    assert_eq!(timeout.0, ms(33_000));
    assert_eq!(pair.client.counters().clients, 0);
}

#[test]
fn a_user_that_never_answers_keeps_nothing() {
    let mut pair = Pair::perfect(Transport::Udp);
    send(&mut pair, Method::Options);
    pair.run_until(ms(120_000), |_, _, _| {});
    pair.assert_all_freed();
}
