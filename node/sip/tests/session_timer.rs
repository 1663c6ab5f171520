//! Session timers on a clock that nobody waits for: RFC 4028, both roles.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use switch_sip::message::{Method, Request, Response, SessionExpires, Uri};
use switch_sip::session_timer::{Action, Policy, SessionTimer, TooBrief, glare_delay};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The origin of virtual time.
#[allow(clippy::disallowed_methods, reason = "nothing waits for it")]
fn start() -> Instant {
    Instant::now()
}

fn request(headers: &[(&str, &str)]) -> Request {
    let mut request = Request::new(Method::Invite, Uri::parse("sip:a@b").unwrap());
    headers.iter().for_each(|(name, value)| request.headers.push(name, *value));
    request
}

fn response(status: u16, headers: &[(&str, &str)]) -> Response {
    let mut response = Response::new(status);
    headers.iter().for_each(|(name, value)| response.headers.push(name, *value));
    response
}

fn agreed(text: &str) -> SessionExpires {
    request(&[("Session-Expires", text)]).headers.session_expires().unwrap().unwrap()
}

const TIMER: (&str, &str) = ("Supported", "timer");

#[test]
fn what_a_callee_agrees_to() {
    let policy = Policy { interval: Some(seconds(600)), shortest: seconds(90) };
    let answer = |headers: &[(&str, &str)]| {
        policy.answer(&request(headers)).map(|agreed| agreed.map(|agreed| agreed.to_string()))
    };
    let some = |text: &str| Ok(Some(text.to_owned()));
    // Nobody asks: we do, where the caller can.
    assert_eq!(answer(&[]), Ok(None));
    assert_eq!(answer(&[TIMER]), some("600;refresher=uac"));
    assert_eq!(answer(&[TIMER, ("Min-SE", "900")]), some("900;refresher=uac"));
    // It asks: shortened to ours but not below its Min-SE, never lengthened, its choice of refresher kept.
    assert_eq!(answer(&[TIMER, ("Session-Expires", "300")]), some("300;refresher=uac"));
    assert_eq!(answer(&[TIMER, ("Session-Expires", "1800;refresher=uas")]), some("600;refresher=uas"));
    assert_eq!(answer(&[TIMER, ("Session-Expires", "1800"), ("Min-SE", "700")]), some("700;refresher=uac"));
    assert_eq!(answer(&[TIMER, ("Session-Expires", "300"), ("Min-SE", "700")]), some("300;refresher=uac"));
    // A proxy asks for a caller that cannot: we refresh.
    assert_eq!(answer(&[("Session-Expires", "300;refresher=uac")]), some("300;refresher=uas"));
    // Too short: 422, but only to those who know it.
    assert_eq!(answer(&[TIMER, ("Session-Expires", "89")]), Err(TooBrief(seconds(90))));
    assert_eq!(answer(&[("Session-Expires", "89")]), Ok(None));
    assert_eq!(answer(&[TIMER, ("Session-Expires", "soon")]), some("600;refresher=uac"));
    let off = Policy { interval: None, ..policy };
    assert_eq!(off.answer(&request(&[TIMER])), Ok(None));
    assert_eq!(
        off.answer(&request(&[TIMER, ("Session-Expires", "900")])),
        Ok(Some(agreed("900;refresher=uac")))
    );
}

#[test]
fn a_peer_that_does_not_refresh_is_given_up_shortly_before_the_end() {
    let now = start();
    // 32 s before, or a third of the interval where that is less (§10).
    for (text, end) in [("1800;refresher=uac", 1768), ("90;refresher=uac", 60), ("96;refresher=uac", 64)] {
        let mut timer = SessionTimer::new(Policy::default());
        timer.answered(now, Some(&agreed(text)));
        assert_eq!(timer.next_timeout(), Some(now + seconds(end)), "{text}");
        assert_eq!(timer.handle_timeout(now + seconds(end - 1)), None);
        assert_eq!(timer.handle_timeout(now + seconds(end)), Some(Action::End));
        assert_eq!(timer.next_timeout(), None);
    }
    let mut timer = SessionTimer::new(Policy::default());
    timer.answered(now, Some(&agreed("90;refresher=uac")));
    timer.answered(now + seconds(50), Some(&agreed("90;refresher=uac")));
    assert_eq!(timer.next_timeout(), Some(now + seconds(110)));
}

#[test]
fn the_refresher_refreshes_at_half_the_interval_for_ever() {
    let mut now = start();
    let mut timer = SessionTimer::new(Policy::default());
    assert_eq!(timer.ask(), Some((agreed("1800"), None)));
    // A careless callee names no refresher: the caller is.
    for text in ["200", "200;refresher=uac", "200;refresher=uac"] {
        timer.refreshed(now, &response(200, &[("Session-Expires", text)]));
        now += seconds(100);
        assert_eq!(timer.next_timeout(), Some(now));
        assert_eq!(timer.handle_timeout(now), Some(Action::Refresh));
        assert_eq!(timer.ask(), Some((agreed("200;refresher=uac"), None)));
        // Told once; then the end is what remains.
        assert_eq!(timer.handle_timeout(now), None);
        assert_eq!(timer.next_timeout(), Some(now + seconds(68)));
    }
    timer.refreshed(now, &response(200, &[("Session-Expires", "200;refresher=uas")]));
    assert_eq!(timer.next_timeout(), Some(now + seconds(168)));
    timer.refreshed(now, &response(200, &[]));
    assert_eq!(timer.next_timeout(), None, "an answer without it turns it off");
}

#[test]
fn a_callee_that_refreshes_says_so_in_its_own_request() {
    let now = start();
    let mut timer = SessionTimer::new(Policy::default());
    timer.answered(now, Some(&agreed("200;refresher=uas")));
    assert_eq!(timer.handle_timeout(now + seconds(100)), Some(Action::Refresh));
    assert_eq!(timer.ask().unwrap().0.to_string(), "200;refresher=uac");
}

#[test]
fn a_422_raises_what_is_asked_for_and_is_not_asked_for_ever() {
    let mut timer = SessionTimer::new(Policy { interval: Some(seconds(100)), shortest: seconds(90) });
    assert!(timer.too_brief(&response(422, &[("Min-SE", "300")])));
    assert_eq!(timer.ask(), Some((agreed("300"), Some(seconds(300)))));
    assert!(!timer.too_brief(&response(422, &[("Min-SE", "300")])));
    assert!(!timer.too_brief(&response(422, &[])));
}

#[test]
fn a_refresh_that_fails_ends_the_session_or_is_tried_again_in_time() {
    let now = start();
    let refreshing = || {
        let mut timer = SessionTimer::new(Policy::default());
        timer.refreshed(now, &response(200, &[("Session-Expires", "90")]));
        assert_eq!(timer.handle_timeout(now + seconds(45)), Some(Action::Refresh));
        timer
    };
    let at = now + seconds(45);
    assert_eq!(refreshing().failed(at, 481, None), Some(Action::End));
    assert_eq!(refreshing().failed(at, 408, None), Some(Action::End));
    let mut busy = refreshing();
    assert_eq!(busy.failed(at, 491, Some(seconds(3))), None);
    assert_eq!(busy.next_timeout(), Some(at + seconds(3)));
    let mut refused = refreshing();
    let mut clock = at;
    let mut tries = 0;
    while refused.failed(clock, 500, None).is_none() {
        clock = refused.next_timeout().unwrap();
        match refused.handle_timeout(clock) {
            Some(Action::Refresh) => tries += 1,
            action => {
                assert_eq!(action, Some(Action::End));
                break;
            }
        }
    }
    assert_eq!((clock, tries), (now + seconds(60), 4));
    assert_eq!(SessionTimer::new(Policy::default()).failed(at, 481, None), None, "nothing was timed");
}

#[test]
fn after_glare_the_two_sides_do_not_meet_again() {
    for random in [0, 1, 190, 191, 200, 201, u64::MAX] {
        let (owner, other) = (glare_delay(true, random), glare_delay(false, random));
        assert!((Duration::from_millis(2100)..=seconds(4)).contains(&owner), "{owner:?}");
        assert!(other <= seconds(2), "{other:?}");
        assert_eq!((owner.as_millis() % 10, other.as_millis() % 10), (0, 0));
    }
}
