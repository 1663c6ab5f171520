//! What cannot be done is refused in words, with an exit code, before anything is started.

use crate::site::{IMAGE, Site, failed};

#[test]
fn each_refusal_has_its_words_and_its_code() {
    let site = Site::new();
    site.must_docker(&["create", "--name", "taken", IMAGE]);
    let before = site.state();
    let none = ["--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24"];
    for (arguments, code, words) in [
        (&["--name", "taken", "--net", "host", IMAGE][..], 1, "there is a container taken already"),
        (&["--name", "x", "--net", "host", IMAGE], 2, "'x' cannot be a container's name"),
        (&["--name", "xx", "--net", "host", "gone:v1"], 4, "no such image: gone:v1"),
        (&["--name", "xx", "--net", "gone", IMAGE], 4, "no such network: gone"),
        (&["--name", "xx", "--net", "host", "-v", "./no/such:/srv", IMAGE], 4, "/no/such, which '"),
        (&["--name", "xx", "--net", "container:gone", IMAGE], 4, "no such container: gone"),
        (&["--name", "xx", "--net", "container:taken", IMAGE], 1, "the container taken does not run"),
        (&["--name", "xx", "--net", "none", IMAGE], 2, "--net none needs --bridge NAME"),
        (
            &["--name", "xx", "--net", "bridge", "-p", "5060/udp", "--host-ip", "192.0.2.9", IMAGE],
            1,
            "the ports cannot be published: 192.0.2.9 is not an address of this host",
        ),
        (&["--name", "xx", "--net", "host", "--from", "10.0.0.0/8", IMAGE], 2, "--from has no meaning"),
        (
            &["--name", "xx", "--net", "host", "-p", "5060:5061/udp", IMAGE],
            2,
            "the port inside is the port outside",
        ),
    ] {
        let (ended, error) = failed(site.netctl(&[&["run"], arguments].concat()));
        assert_eq!(ended, Some(code), "{error}");
        assert!(error.contains(words), "{words} in {error}");
        site.is_as(&before);
    }
    // Without capabilities, said before anything is made. (setpriv is part of util-linux.)
    let mut command = site.on_host("setpriv");
    command.args([
        "--bounding-set",
        "-net_admin",
        "--inh-caps",
        "-net_admin",
        env!("CARGO_BIN_EXE_netctl"),
        "run",
        "--name",
        "xx",
    ]);
    let (ended, error) =
        failed(command.args(none).arg(IMAGE).env("DOCKER_HOST", site.address()).output().expect("setpriv"));
    assert_eq!((ended, error.lines().next()), (Some(3), Some("netctl: CAP_NET_ADMIN is missing")), "{error}");
    // From another namespace the daemon's kernel is not this one.
    let mut outside = std::process::Command::new(env!("CARGO_BIN_EXE_netctl"));
    outside.args(["run", "--name", "xx", "--net", "host", IMAGE]).env("DOCKER_HOST", site.address());
    let (ended, error) = failed(outside.output().expect("it was there a moment ago"));
    assert_eq!(ended, Some(1));
    assert!(error.contains("the daemon runs elsewhere: it is in another network namespace"), "{error}");
    site.is_as(&before);
    let (ended, error) = failed(site.netctl(&["rm", "taken"]));
    assert_eq!(ended, Some(1));
    assert!(error.contains("the container taken was not made by netctl run"), "{error}");
}
