//! Contexts that `docker context create` made, found by netctl.

use std::fs;

use crate::dockerd::{succeeded, text};
use crate::sshd::{Sshd, docker_of, ssh_of};
use crate::world::{World, daemon, failed, images, tls_daemon};

#[test]
fn what_docker_context_made() {
    let world = World::new();
    let (one, port) = tls_daemon(&world, "one", "other");
    let two = daemon("two", &[]);
    let sshd = Sshd::start(&world, &docker_of(&world, &two));
    let ssh = ssh_of(&world, "bin", "key", true);
    let file = |name: &str| world.pki.path(name).display().to_string();
    let certificates =
        format!("ca={},cert={},key={}", file("ca.pem"), file("client.pem"), file("client-key.pem"));
    let skip = format!("host=tcp://127.0.0.1:{port},{certificates},skip-tls-verify=true");
    let strict = format!("host=tcp://127.0.0.1:{port},{certificates}");
    for (name, docker) in [
        ("skip", skip),
        ("strict", strict),
        ("socket", format!("host={}", two.address())),
        ("far", format!("host=ssh://root@127.0.0.1:{}", sshd.port)),
    ] {
        succeeded(world.docker(&["context", "create", name, "--docker", &docker]).output().expect("docker"));
    }
    let ls = |arguments: &[&str], context: &str| {
        let mut command = world.netctl(&["image", "ls"]);
        command.args(arguments).env("DOCKER_CONTEXT", context).env("PATH", &ssh);
        command
    };
    assert_eq!(images(ls(&[], "socket")), Ok("two:1".to_owned()));
    assert_eq!(images(ls(&[], "far")), Ok("two:1".to_owned()));
    assert_eq!(images(ls(&["--context", "skip"], "socket")), Ok("one:1".to_owned()));
    let (code, said) = failed(ls(&["-c", "strict"], ""));
    assert!(
        said.contains("is for another name") && said.contains("(context strict, by --context)"),
        "{said}"
    );
    assert_eq!(code, 5, "{said}");
    let (code, said) = failed(ls(&[], "nope"));
    assert!(said.contains(
        "no context nope, which DOCKER_CONTEXT names; there are: default, far, skip, socket, strict"
    ));
    assert_eq!(code, 4, "{said}");

    // Chosen for good.
    succeeded(world.docker(&["context", "use", "skip"]).output().expect("docker"));
    assert_eq!(images(ls(&[], "")), Ok("one:1".to_owned()));
    // In use and gone.
    let store = world.path("home/.docker/contexts/meta");
    fs::remove_dir_all(&store).expect("it was made");
    let (code, said) = failed(ls(&[], ""));
    assert!(
        said.contains("no context skip, which currentContext in") && said.contains("there are: default"),
        "{said}"
    );
    assert_eq!(code, 4, "{said}");
    // A configuration that breaks off is passed over, as Docker's client does, and said.
    fs::write(world.path("home/.docker/config.json"), "{").expect("a file");
    let output = ls(&["--output", "json"], "").output().expect("it was built");
    let said = text(&output.stderr);
    let words = "config.json is not as Docker's client writes it";
    assert!(said.contains("netctl: warning: ") && said.contains(words), "{said}");
    drop((one, two));
}
