//! The host's addresses come, go and are others while something is published.

use super::*;

#[tokio::test]
async fn the_hosts_addresses_change() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let published =
        async |asked: &Request| publish(&docker, &machine, &journal, asked).await.unwrap().publication;
    let asked = request(&["5060/udp"]);
    let follows = published(&asked).await;
    let record = || journal.read("switch").unwrap().unwrap();
    let stands =
        |asked: &Request| steps::stands_as(&machine, &record(), asked, Some(&docker.container)).unwrap();
    let address = |last| IpAddr::from([192, 0, 2, last]);
    assert_eq!(astray::astray(&machine, &follows), []);
    // Between two leases nothing moves.
    machine.facing.set(None);
    assert_eq!(astray::astray(&machine, &follows), []);
    assert!(stands(&asked));
    machine.facing.set(Some(address(9)));
    let moved = Astray::Moved { from: address(1), to: address(9) };
    assert_eq!(astray::astray(&machine, &follows), [moved]);
    assert!(!stands(&asked));
    let follows = published(&asked).await;
    assert_eq!((astray::astray(&machine, &follows), stands(&asked)), (vec![], true));
    // One that was asked for stays, and its rules with it.
    let asked = Request { host_ips: vec![address(9)], ..asked };
    assert!(!stands(&asked), "it would go away with the route");
    let named = published(&asked).await;
    machine.facing.set(Some(address(1)));
    assert_eq!(astray::astray(&machine, &named), []);
    machine.lost.set(Some(address(9)));
    assert_eq!(astray::astray(&machine, &named), [Astray::Lost(address(9))]);
    assert!(stands(&asked));
}

#[tokio::test]
async fn a_family_that_had_no_default_route_gets_one() {
    let (machine, journal) = (Computer::new(), Memory::default());
    let mut docker = Docker::default();
    let published = async |docker: &Docker, asked: &Request| {
        publish(docker, &machine, &journal, asked).await.map(|done| done.publication)
    };
    let asked = request(&["5060/udp"]);
    let (former, address): (IpAddr, IpAddr) =
        ("2001:db8::1".parse().unwrap(), "2001:db8::9".parse().unwrap());
    let four = IpAddr::from([192, 0, 2, 1]);
    // One that cannot be reached by it has nothing to gain.
    machine.facing6.set(Some(former));
    let only = published(&docker, &asked).await.unwrap();
    assert_eq!((only.paths.len(), astray::astray(&machine, &only)), (1, vec![]));
    machine.facing6.set(None);

    docker.container.endpoints.get_mut("voice").unwrap().ipv6 = Some("fd00:29::2".parse().unwrap());
    let waits = published(&docker, &asked).await.unwrap();
    assert_eq!(waits.hosts().collect::<Vec<_>>(), [four]);
    assert_eq!(astray::astray(&machine, &waits), []);
    // Chosen by the kernel while the interface there has none yet.
    for nobody_reaches in ["fe80::1", "fd00:29::1"] {
        machine.facing6.set(nobody_reaches.parse().ok());
        assert_eq!(astray::astray(&machine, &waits), []);
    }
    machine.facing6.set(Some(former));
    assert_eq!(astray::astray(&machine, &waits), [Astray::Gained(former)]);
    let record = || journal.read("switch").unwrap().unwrap();
    let stands =
        |docker: &Docker| steps::stands_as(&machine, &record(), &asked, Some(&docker.container)).unwrap();
    assert!(!stands(&docker));
    let both = published(&docker, &asked).await.unwrap();
    assert_eq!((both.hosts().collect::<Vec<_>>(), stands(&docker)), (vec![four, former], true));

    // It goes, and stays published, also while the other family's is another one.
    machine.facing6.set(None);
    assert_eq!((astray::astray(&machine, &both), stands(&docker)), (vec![], true));
    let other = IpAddr::from([192, 0, 2, 9]);
    machine.facing.set(Some(other));
    assert!(!stands(&docker));
    let kept = published(&docker, &asked).await.unwrap();
    assert_eq!(kept.hosts().collect::<Vec<_>>(), [other, former]);
    machine.facing.set(None);
    assert_eq!(published(&docker, &asked).await.unwrap(), kept, "a second time changes nothing");
    // Both change at once.
    machine.facing.set(Some(four));
    machine.facing6.set(Some(address));
    let moved = [Astray::Moved { from: other, to: four }, Astray::Moved { from: former, to: address }];
    assert_eq!(astray::astray(&machine, &kept), moved);
    published(&docker, &asked).await.unwrap();

    // Another container's are not kept for this one.
    machine.facing6.set(None);
    docker.container.id = "another".to_owned();
    let anew = published(&docker, &asked).await.unwrap();
    assert_eq!(anew.hosts().collect::<Vec<_>>(), [four]);
    machine.facing.set(None);
    docker.container.id = "a third".to_owned();
    assert!(matches!(published(&docker, &asked).await, Err(PublishError::NoAddress)));
}
