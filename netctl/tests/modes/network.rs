//! `network`: Docker's client and netctl see the same, and what does not fit is refused.

use crate::site::{IMAGE, Site, failed};

#[test]
fn what_docker_has_and_what_it_gets() {
    let site = Site::new();
    let before = site.state();
    let listed = site.must_netctl(&["network", "ls"]);
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["NETWORK", "ID", "NAME", "DRIVER"]);
    let theirs = site.must_docker(&["network", "ls", "--format", "{{.ID}} {{.Name}} {{.Driver}}"]);
    for line in theirs.lines() {
        assert!(rows.iter().any(|row| row[..3].join(" ") == line), "{line} in {listed}");
    }
    site.must_netctl(&[
        "network",
        "create",
        "voice",
        "--subnet",
        "10.77.0.0/24",
        "--gateway",
        "10.77.0.1",
        "--ip-range",
        "10.77.0.128/25",
        "--opt",
        "com.docker.network.bridge.name=voice0",
        "--label",
        "a=b",
    ]);
    let format = "{{.Driver}} {{(index .IPAM.Config 0).IPRange}} {{.Options}} {{.Labels}}";
    assert_eq!(
        site.must_docker(&["network", "inspect", "-f", format, "voice"]).trim(),
        "bridge 10.77.0.128/25 map[com.docker.network.bridge.name:voice0] map[a:b]"
    );
    site.must_docker(&["run", "-d", "--name", "one", "--network", "voice", IMAGE]);
    let shown = site.must_netctl(&["network", "inspect", "voice"]);
    assert!(shown.contains("10.77.0.128/25") && shown.contains("one"), "{shown}");
    let (code, error) = failed(site.netctl(&["network", "rm", "voice"]));
    assert_eq!((code, error.lines().next()), (Some(1), Some("netctl: the network voice is in use by one")));
    let (code, _) = failed(site.netctl(&["network", "create", "voice"]));
    assert_eq!(code, Some(1));
    let (code, _) = failed(site.netctl(&["network", "inspect", "gone"]));
    assert_eq!(code, Some(4));
    site.must_docker(&["rm", "-f", "one"]);
    site.must_netctl(&["network", "rm", "voice"]);
    site.is_as(&before);
}
