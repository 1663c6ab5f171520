//! Docker's own rules go while `netctl watch` runs, elsewhere than in iptables: in ip6tables, of a real daemon; and in
//! the tables of Docker 29 that speaks nftables itself, which are laid by hand here, as it lays them at its start with
//! one network: no daemon of that version ran beside this test.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::site::Site;
use crate::watching::Watching;

/// `{family}` is ip or ip6, `{net}` the network.
const DOCKER_29: &str = r#"
table {family} docker-bridges {
    map filter-forward-in-jumps { type ifname : verdict; }
    map filter-forward-out-jumps { type ifname : verdict; }
    map nat-postrouting-out-jumps { type ifname : verdict; }
    chain filter-FORWARD {
        type filter hook forward priority filter; policy accept;
        oifname vmap @filter-forward-in-jumps
        iifname vmap @filter-forward-out-jumps
    }
    chain nat-POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
        iifname vmap @nat-postrouting-out-jumps
    }
    chain nat-PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local counter jump nat-prerouting-and-output
    }
    chain nat-prerouting-and-output { }
    chain raw-PREROUTING { type filter hook prerouting priority raw; policy accept; }
    chain filter-forward-in__docker0 { counter drop comment "UNPUBLISHED PORT DROP"; }
    chain filter-forward-out__docker0 { counter accept comment "OUTGOING"; }
    chain nat-postrouting-out__docker0 { oifname != "docker0" {family} saddr {net} counter masquerade; }
}
add element {family} docker-bridges filter-forward-in-jumps { "docker0" : jump filter-forward-in__docker0 }
add element {family} docker-bridges filter-forward-out-jumps { "docker0" : jump filter-forward-out__docker0 }
add element {family} docker-bridges nat-postrouting-out-jumps { "docker0" : jump nat-postrouting-out__docker0 }
"#;

/// Longer than rules have to be gone before it is said, and than a look takes.
const LONG: Duration = Duration::from_secs(4);

fn lay(site: &Site, family: &str, network: &str) {
    let table = DOCKER_29.replace("{family}", family).replace("{net}", network);
    fs::write(site.path("docker-29"), table).expect("a file in it");
    site.must(&format!("nft -f {}", site.path("docker-29").display()));
    // It has to have been there when it is looked at, for what never was is not missed.
    thread::sleep(Duration::from_millis(500));
}

#[test]
fn it_is_told_of_ip6tables_and_of_the_tables_of_29_too() {
    let site = Site::with(&["--experimental", "--ip6tables", "--ipv6", "--fixed-cidr-v6", "fd00:6::/64"]);
    let had = site.must("ip6tables-save");
    assert!(had.contains("-j DOCKER"), "the daemon manages ip6tables: {had}");
    let directory = tempfile::tempdir().expect("a directory");
    let watching = Watching::start(&site, directory.path(), &[]);
    let told = |text: &str| watching.said().matches(text).count();

    // A part of it is enough: the way between its bridges and the rest, then the ports.
    for (flush, restore) in [("filter", "-T filter"), ("nat", "-T nat")] {
        let before = (told("gone (ip6tables)"), told("are back"));
        fs::write(site.path("had"), &had).expect("a file in it");
        site.must(&format!("ip6tables -t {flush} -F"));
        thread::sleep(LONG);
        assert_eq!(told("gone (ip6tables)"), before.0 + 1, "{flush}: {}", watching.said());
        site.must(&format!("ip6tables-restore {restore} {}", site.path("had").display()));
        thread::sleep(LONG);
        assert_eq!(told("are back"), before.1 + 1, "{flush}: {}", watching.said());
    }

    for (family, network) in [("ip", "172.17.0.0/16"), ("ip6", "fd00:6::/64")] {
        let gone = format!("gone (table {family} docker-bridges)");
        lay(&site, family, network);
        // Docker lays it anew at its start, in one go or not: that is no reason to say anything.
        site.must(&format!("nft delete table {family} docker-bridges"));
        lay(&site, family, network);
        thread::sleep(LONG);
        assert_eq!(told(&gone), 0, "{}", watching.said());
        // Emptied, and gone as a whole.
        let before = told("are back");
        site.must(&format!("nft flush table {family} docker-bridges"));
        thread::sleep(LONG);
        assert_eq!(told(&gone), 1, "{}", watching.said());
        site.must(&format!("nft delete table {family} docker-bridges"));
        thread::sleep(LONG);
        assert_eq!(told(&gone), 1, "told once: {}", watching.said());
        lay(&site, family, network);
        assert_eq!(told("are back"), before + 1, "{}", watching.said());
    }
    // Nobody's rules of another kind were missed meanwhile.
    assert_eq!(told("are gone"), 4, "{}", watching.said());
    watching.stop();
}

/// A daemon that is to keep its hands off ip6tables has none there to miss.
#[test]
fn what_docker_never_had_is_not_missed() {
    let site = Site::with(&["--ip6tables=false"]);
    // Chains of somebody else's.
    site.must("ip6tables -N mine && ip6tables -A FORWARD -j mine");
    let directory = tempfile::tempdir().expect("a directory");
    let watching = Watching::start(&site, directory.path(), &[]);
    site.must("ip6tables -F && ip6tables -t nat -F");
    thread::sleep(LONG);
    assert!(!watching.said().contains("are gone"), "{}", watching.said());
    watching.stop();
}
