//! What fails half-way leaves nothing behind: with the real kernel and the real daemon. (That each single step can fail is
//! shown with fakes in src/network/tests.rs.)

use std::time::Instant;

use crate::site::{AT_LAST, IMAGE, Site, failed};

#[test]
fn a_switch_that_ends_at_once_is_taken_back_with_its_last_words() {
    let site = Site::new();
    let before = site.state();
    for net in [
        &["--net", "host"][..],
        &["--net", "bridge"],
        &["--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24"],
    ] {
        let wrong = ["-e", "SWITCH__RTP__GRID=never"];
        let (code, error) =
            failed(site.netctl(&[&["run", "--name", "switch"], net, &wrong, &[IMAGE]].concat()));
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains("what was done is taken back"), "{error}");
        assert!(error.contains("rtp.grid") || error.contains("SWITCH__RTP__GRID"), "its own words: {error}");
        site.is_as(&before);
    }
}

#[test]
fn an_address_that_the_kernel_does_not_take_is_taken_back() {
    let site = Site::new();
    let before = site.state();
    // A subnet's last address is everybody's, so no route leads by it.
    let none =
        ["run", "--name", "switch", "--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24"];
    let (code, error) = failed(site.netctl(&[&none[..], &["--gateway", "198.51.100.255", IMAGE]].concat()));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("cannot route by 198.51.100.255; what was done is taken back"), "{error}");
    site.is_as(&before);
}

#[test]
fn docker_refuses_a_pinned_address_and_all_is_taken_back() {
    let site = Site::new();
    // Docker chooses the subnet, so it pins nothing there.
    site.must_docker(&["network", "create", "auto"]);
    let subnet = site.must_docker(&["network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "auto"]);
    let address = subnet.trim().replace(".0.0/16", ".0.9").replace(".0.0/20", ".0.9");
    let before = site.state();
    let (code, error) =
        failed(site.netctl(&["run", "--name", "switch", "--net", "auto", "--address", &address, IMAGE]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("netctl network create NAME --subnet CIDR"), "{error}");
    site.is_as(&before);
}

/// Ctrl-C while it waits for a switch that never listens where it was told.
#[test]
fn a_signal_takes_all_back() {
    let site = Site::new();
    let before = site.state();
    let mut command = site.on_host(env!("CARGO_BIN_EXE_netctl"));
    command
        .args(["run", "--name", "switch", "--net", "bridge", IMAGE, "help"])
        .env("DOCKER_HOST", site.address());
    let child = command.stderr(std::process::Stdio::piped()).spawn().expect("it was there a moment ago");
    let until = Instant::now() + AT_LAST;
    while site.must_docker(&["ps", "-aq"]).is_empty() && Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .expect("kill")
            .success()
    );
    let output = child.wait_with_output().expect("it is our child");
    // 130, or 1 where the switch had ended before the signal came.
    assert!(matches!(output.status.code(), Some(130 | 1)), "{output:?}");
    site.is_as(&before);
}

/// kill -9 at ten moments; rm sets it right each time.
#[test]
fn what_a_killed_run_left_is_taken_back_by_rm() {
    let site = Site::new();
    let before = site.state();
    let none =
        ["--net", "none", "--bridge", "br0", "--address", "198.51.100.10/24", "--gateway", "198.51.100.1"];
    // Once in peace: how long it takes depends on the machine and what else it does.
    let begin = Instant::now();
    site.must_netctl(&["run", "--name", "switch", "--net", "bridge", "--no-probe", IMAGE]);
    let whole = begin.elapsed();
    site.must_netctl(&["rm", "switch"]);
    let mut left = 0;
    for moment in 0..10 {
        let net = if moment % 2 == 0 { &none[..] } else { &["--net", "bridge"] };
        let mut command = site.on_host(env!("CARGO_BIN_EXE_netctl"));
        command.args(["run", "--name", "switch"]).args(net).arg(IMAGE).env("DOCKER_HOST", site.address());
        let mut child =
            command.stdout(std::process::Stdio::null()).spawn().expect("it was there a moment ago");
        std::thread::sleep(whole * moment / 10);
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
        // What the daemon was asked for it still does.
        site.settled();
        left += usize::from(site.netctl(&["rm", "switch"]).status.success());
        site.is_as(&before);
    }
    assert!(left > 3, "only {left} runs got as far as leaving something");
}
