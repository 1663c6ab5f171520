//! The network verbs against a recording fake.

use std::cell::RefCell;

use super::*;
use crate::docker::Network;
use crate::docker::{DockerError, Member, NetworkOrder, Networks, Pool};

#[derive(Default)]
struct Fake {
    networks: Vec<Network>,
    asked: RefCell<Vec<String>>,
    ordered: RefCell<Vec<NetworkOrder>>,
}

impl Fake {
    fn new() -> Self {
        let pool = |subnet: &str| vec![Pool { subnet: Some(subnet.to_owned()), ..Pool::default() }];
        let network = |name: &str, driver: &str| Network {
            id: "c531a28c22210000".to_owned(),
            name: name.to_owned(),
            driver: driver.to_owned(),
            scope: "local".to_owned(),
            ..Network::default()
        };
        let member = Member { name: "one".to_owned(), ..Member::default() };
        let networks = vec![
            network("none", "null"),
            Network { pools: pool("172.17.0.0/16"), ..network("bridge", "bridge") },
            Network { pools: pool("10.5.0.0/24"), members: vec![member], ..network("used", "bridge") },
            network("free", "bridge"),
        ];
        Self { networks, ..Self::default() }
    }
}

impl Networks for Fake {
    async fn networks(&self) -> Result<Vec<Network>, DockerError> {
        Ok(self.networks.clone())
    }
    async fn network(&self, name: &str) -> Result<Option<Network>, DockerError> {
        Ok(self.networks.iter().find(|network| network.name == name).cloned())
    }
    async fn create_network(&self, order: &NetworkOrder) -> Result<String, DockerError> {
        self.ordered.borrow_mut().push(order.clone());
        Ok("id".to_owned())
    }
    async fn remove_network(&self, name: &str) -> Result<(), DockerError> {
        self.asked.borrow_mut().push(format!("remove {name}"));
        Ok(())
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn the_list_has_the_columns_of_docker() {
    let shown = wait(list(&Fake::new())).unwrap().to_string();
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NETWORK", "ID", "NAME", "DRIVER", "SCOPE", "SUBNET"]);
    assert_eq!(lines[1], ["c531a28c2221", "bridge", "bridge", "local", "172.17.0.0/16"]);
    assert_eq!(lines[3], ["c531a28c2221", "none", "null", "local"]);
}

#[test]
fn what_is_in_use_or_dockers_own_stays() {
    let fake = Fake::new();
    assert!(matches!(wait(remove(&fake, "bridge")), Err(NetworkError::BuiltIn(_))));
    assert!(matches!(wait(remove(&fake, "gone")), Err(NetworkError::NoSuchNetwork(_))));
    let error = wait(remove(&fake, "used")).unwrap_err();
    assert_eq!(error.to_string(), "the network used is in use by one");
    assert!(fake.asked.borrow().is_empty());
    wait(remove(&fake, "free")).unwrap();
    assert_eq!(*fake.asked.borrow(), ["remove c531a28c22210000"]);
}

#[test]
fn each_gateway_and_range_goes_to_its_subnet() {
    let wanted = CreateNetwork {
        name: "new".to_owned(),
        driver: "bridge".to_owned(),
        subnets: vec!["10.9.0.0/24".parse().unwrap(), "fd00:9::/64".parse().unwrap()],
        gateways: vec!["fd00:9::1".parse().unwrap(), "10.9.0.1".parse().unwrap()],
        ranges: vec!["10.9.0.128/25".parse().unwrap()],
        ipv6: true,
        ..CreateNetwork::default()
    };
    let fake = Fake::new();
    wait(create(&fake, wanted.clone())).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        fake.ordered.borrow()[0].pools,
        [
            Pool { subnet: text("10.9.0.0/24"), ip_range: text("10.9.0.128/25"), gateway: text("10.9.0.1") },
            Pool { subnet: text("fd00:9::/64"), ip_range: None, gateway: text("fd00:9::1") },
        ]
    );
    let refused = |change: &dyn Fn(&mut CreateNetwork)| {
        let mut wanted = wanted.clone();
        change(&mut wanted);
        wait(create(&fake, wanted)).unwrap_err().to_string()
    };
    assert_eq!(refused(&|w| w.name = "free".to_owned()), "there is a network free already");
    assert_eq!(
        refused(&|w| w.gateways[1] = "10.8.0.1".parse().unwrap()),
        "the gateway 10.8.0.1 is in none of the subnets given"
    );
    assert_eq!(
        refused(&|w| w.ranges[0] = "10.8.0.0/25".parse().unwrap()),
        "the range 10.8.0.0/25 is in none of the subnets given"
    );
    assert_eq!(refused(&|w| w.ipv6 = false), "the subnet fd00:9::/64 is IPv6, and --ipv6 is not given");
    assert_eq!(
        refused(&|w| w.gateways.push("10.9.0.2".parse().unwrap())),
        "the subnet 10.9.0.0/24 has two gateways"
    );
    assert_eq!(
        refused(&|w| {
            w.ranges.clear();
            w.subnets[0] = "10.0.0.0/8".parse().unwrap();
        }),
        "the subnet 10.0.0.0/8 overlaps with 10.5.0.0/24 of the network used"
    );
    assert_eq!(fake.ordered.borrow().len(), 1);
}
