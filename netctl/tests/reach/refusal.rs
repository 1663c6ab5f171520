//! Verbs that change the kernel refuse a daemon that is not beside them, whatever way leads there; and the doctor says
//! which one it asks.

use std::fs;

use crate::sshd::{Sshd, ssh_of};
use crate::world::{World, failed, images, tls_daemon};

#[test]
fn the_kernel_is_left_alone_for_a_daemon_elsewhere() {
    let world = World::new();
    let (daemon, port) = tls_daemon(&world, "one", "server");
    let sshd = Sshd::start(&world, &std::env::var("PATH").unwrap_or_default());
    let ssh = ssh_of(&world, "bin", "key", true);
    let tls = format!("tcp://127.0.0.1:{port}");
    let login = format!("ssh://root@127.0.0.1:{}{}", sshd.port, daemon.path("docker.sock").display());
    let file = world.path("switch.yaml").display().to_string();
    fs::write(&file, "version: 1\nswitches:\n  edge:\n    image: one:1\n    network: host\n")
        .expect("a file");
    let state = world.path("state").display().to_string();
    for (host, way) in [
        (&tls, format!("it is reached over {tls} with TLS (--host)")),
        (&login, format!("it is reached over {login} (--host)")),
    ] {
        let netctl = |arguments: &[&str]| {
            let mut command = world.netctl(arguments);
            command.args(["--host", host]).env("PATH", &ssh).env("DOCKER_TLS_VERIFY", "1");
            command.env("DOCKER_CERT_PATH", world.pki.path("client")).env("NETCTL_STATE_DIR", &state);
            command
        };
        for arguments in [
            &["port", "publish", "edge", "5060/udp"][..],
            &["run", "--name", "edge", "--net", "host", "one:1"],
            &["plan", "-f", &file],
            &["up", "-f", &file],
            &["doctor"],
            &["why", "edge"],
        ] {
            let (code, said) = failed(netctl(arguments));
            assert!(said.contains(&way), "{arguments:?}: {said}");
            assert!(
                said.contains("next: run netctl beside the daemon") || said.contains("own machine"),
                "{said}"
            );
            assert_eq!(code, 1, "{arguments:?}: {said}");
        }
        // The same words bring an image there.
        assert_eq!(images(netctl(&["image", "ls"])), Ok("one:1".to_owned()));
    }
}

#[test]
fn the_doctor_says_which_daemon_it_asks() {
    let world = World::new();
    let daemon = crate::world::daemon("one", &[]);
    let run = |arguments: &[&str], variable: &str| {
        let mut command = world.netctl(&["doctor", "--output", "json"]);
        command.args(arguments).env("DOCKER_HOST", variable);
        // Whatever else it finds on this machine.
        let output = command.output().expect("it was built");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it says JSON");
        let findings = told["findings"].as_array().expect("a list").clone();
        let found = findings.iter().find(|finding| finding["topic"] == "endpoint").expect("it is told");
        found["is"].as_str().expect("text").to_owned()
    };
    let address = daemon.address();
    assert_eq!(run(&[], &address), format!("the daemon is asked at {address} (DOCKER_HOST)"));
    assert_eq!(run(&["-H", &address], ""), format!("the daemon is asked at {address} (--host)"));
    let docker = format!("host={address}");
    let made = world.docker(&["context", "create", "here", "--docker", &docker]).output().expect("docker");
    assert!(made.status.success());
    let told = run(&["-c", "here"], "");
    assert_eq!(told, format!("the daemon is asked at {address} (context here, by --context)"));
}
