//! Ports that somebody has already: who keeps them, who is refused, and who is called.

use super::wait;
use crate::docker::Container;
use crate::network::fake::{Fake, order, socket};
use crate::network::order::HOST;
use crate::network::{Order, Protocol, RunError, probe, run};

fn published() -> Order {
    let ports = ["16384-32767/udp", "5060/udp"].map(|text| text.parse().unwrap());
    Order { name: "edge".to_owned(), ports: ports.to_vec(), ..order("voice") }
}

fn refused(fake: &Fake, order: &Order) -> String {
    let before = fake.snapshot();
    let failures = wait(run(&fake.world(), order, std::future::pending())).unwrap_err();
    assert_eq!(fake.snapshot(), before);
    failures[0].to_string()
}

#[test]
fn a_port_that_is_published_is_not_taken_from_the_container() {
    let fake = Fake::new();
    wait(run(&fake.world(), &published(), std::future::pending())).unwrap();
    assert_eq!(
        refused(&fake, &order("host")),
        "SIP 5060/udp is taken: 5060/udp at 192.0.2.5 is published for the container edge; \
         media 16384-32767/udp is taken: 16384-32767/udp at 192.0.2.5 is published for the container edge"
    );
    // Elsewhere it may.
    let aside = Order {
        ports: ["40000-40100/udp", "5070/udp"].map(|text| text.parse().unwrap()).to_vec(),
        environment: vec!["SWITCH__HTTP__LISTEN=127.0.0.1:9299".to_owned()],
        ..order("host")
    };
    wait(run(&fake.world(), &aside, std::future::pending())).unwrap();
}

#[test]
fn what_the_host_keeps_is_not_published() {
    let fake = Fake::new();
    fake.0.sockets.borrow_mut().push(socket(Protocol::Udp, "0.0.0.0", 5060));
    assert_eq!(
        refused(&fake, &published()),
        "SIP 5060/udp at 192.0.2.5 is taken: 0.0.0.0:5060 udp is held by a process that only root may see"
    );
    // At an address that nothing is published at, and one port of the range, which is said.
    for (ip, port) in [("127.0.0.1", 5060), ("0.0.0.0", 20_000)] {
        let fake = Fake::new();
        fake.0.sockets.borrow_mut().push(socket(Protocol::Udp, ip, port));
        wait(run(&fake.world(), &published(), std::future::pending())).unwrap();
    }
    // A switch in host mode opens its media ports only as calls come.
    let fake = Fake::new();
    fake.0.containers.borrow_mut().push(Container {
        name: "old".to_owned(),
        pid: Some(78),
        network_mode: HOST.to_owned(),
        environment: vec!["SWITCH__SIP__LISTEN=udp:*:5070".to_owned()],
        ..Container::default()
    });
    assert_eq!(
        refused(&fake, &published()),
        "media 16384-32767/udp at 192.0.2.5 is taken: the container old has media 16384-32767/udp"
    );
}

/// Whoever has the port would answer, and the call would prove nothing.
#[test]
fn a_call_is_not_placed_to_somebody_else() {
    let fake = Fake::new();
    wait(run(&fake.world(), &published(), std::future::pending())).unwrap();
    fake.0.sockets.borrow_mut().push(socket(Protocol::Udp, "0.0.0.0", 5060));
    let error = wait(probe(&fake.world(), "edge")).unwrap_err();
    assert!(matches!(error, RunError::Shadowed { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "SIP 5060/udp at 192.0.2.5 is published for edge, but 0.0.0.0:5060 udp is held by a process that only root \
         may see, and would answer in its place: no call was placed"
    );
}

#[test]
fn what_a_call_needs_and_is_not_published_is_said() {
    let told = |ports: &[&str]| {
        let ports = ports.iter().map(|text| text.parse().unwrap()).collect();
        let ran = wait(run(&Fake::new().world(), &Order { ports, ..published() }, std::future::pending()));
        ran.unwrap().to_string()
    };
    assert!(told(&["5060/udp"]).contains("media 16384-32767/udp is not published"));
    assert!(told(&["16384-32767/udp"]).contains("SIP 5060/udp is not published, so nobody outside can call"));
    assert!(!told(&["16384-32767/udp", "5060/udp"]).contains("is not published"));
}
