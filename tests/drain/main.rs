//! Leaving without cutting a call: what is refused, what goes on, what ends and how, and how it is taken back.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

mod command;
mod container;
mod deadline;
mod load;
mod replaces;

use switch_tests::{Phone, Switch, header};

/// A phone whose call was refused because the switch drains, and was told when to ask again.
fn is_refused(switch: &Switch, number: &str) {
    let mut phone = Phone::new(switch);
    phone.request("INVITE", 1, number, "", &phone.sdp("0"));
    let answer = phone.finally();
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    assert_eq!(header(&answer, "Retry-After"), "10");
    phone.request("ACK", 1, number, "", "");
}

/// What a proxy that asks whether the switch is there is told.
fn options(switch: &Switch) -> String {
    let mut phone = Phone::new(switch);
    phone.request("OPTIONS", 1, "switch", "", "");
    phone.finally()
}

/// A whole echo call.
fn is_taken(switch: &Switch) {
    let mut phone = Phone::new(switch);
    phone.call("9196");
    phone.request("BYE", 2, "9196", "", "");
    phone.expect("SIP/2.0 200");
}
