//! The same words to Docker's own client and to netctl lead to the same daemon, or to none.

use std::fs;
use std::process::Command;

use crate::dockerd::{succeeded, text};
use crate::sshd::{Sshd, docker_of, ssh_of};
use crate::world::{World, daemon, images, tls_daemon};

/// Variables, flags, and what both must find.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], Option<&'a str>);

#[test]
fn the_daemon_that_dockers_client_finds() {
    let world = World::new();
    let (one, port) = tls_daemon(&world, "one", "server");
    let (two, three) = (daemon("two", &[]), daemon("three", &[]));
    let sshd = Sshd::start(&world, &docker_of(&world, &three));
    let path = ssh_of(&world, "bin", "key", true);
    let text_of = |name: &str| world.pki.path(name).display().to_string();
    let (certificates, ca) = (text_of("client"), text_of("ca.pem"));
    let (cert, key) = (text_of("client.pem"), text_of("client-key.pem"));
    let make = |name: &str, docker: &str| {
        succeeded(world.docker(&["context", "create", name, "--docker", docker]).output().expect("docker"));
    };
    make("one", &format!("host=tcp://127.0.0.1:{port},ca={ca},cert={cert},key={key}"));
    make("shy", &format!("host=tcp://127.0.0.1:{port},ca={ca}"));
    make("two", &format!("host={}", two.address()));
    let login = format!("ssh://root@127.0.0.1:{}", sshd.port);
    make("three", &format!("host={login}"));
    succeeded(world.docker(&["context", "use", "two"]).output().expect("docker"));
    let elsewhere = world.path("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    fs::write(elsewhere.join("config.json"), "{").expect("a file");
    let elsewhere = elsewhere.display().to_string();

    let (tcp, unix_two, unix_three) = (format!("tcp://127.0.0.1:{port}"), two.address(), three.address());
    let bare = format!("127.0.0.1:{port}");
    let slash = format!("{tcp}/");
    let verify = ("DOCKER_TLS_VERIFY", "1");
    let paths = ("DOCKER_CERT_PATH", certificates.as_str());
    let at_one = ("DOCKER_HOST", tcp.as_str());
    let cases: &[Case] = &[
        // Who has the last word.
        (&[], &[], Some("two")),
        (&[("DOCKER_CONTEXT", "three")], &[], Some("three")),
        (&[("DOCKER_CONTEXT", "three"), ("DOCKER_HOST", &unix_two)], &[], Some("two")),
        (&[("DOCKER_HOST", &unix_three)], &[], Some("three")),
        (&[("DOCKER_HOST", &unix_three)], &["--context", "two"], Some("two")),
        (&[("DOCKER_HOST", &unix_three)], &["-c", "one"], Some("one")),
        (
            &[("DOCKER_HOST", &unix_three), ("DOCKER_CONTEXT", "one")],
            &["--context", "default"],
            Some("three"),
        ),
        (&[("DOCKER_HOST", &unix_three)], &["--context", ""], Some("three")),
        (&[("DOCKER_HOST", &unix_three)], &["--host", &unix_two], Some("two")),
        (&[("DOCKER_CONTEXT", "one")], &["-H", &unix_three], Some("three")),
        (&[("DOCKER_HOST", " "), ("DOCKER_CONTEXT", "three")], &["-c", "two"], Some("two")),
        (&[("DOCKER_HOST", &login)], &[], Some("three")),
        // TLS.
        (&[verify, paths, at_one], &[], Some("one")),
        (&[verify, paths, ("DOCKER_HOST", &bare)], &[], Some("one")),
        (&[verify, paths, ("DOCKER_HOST", &slash)], &[], Some("one")),
        (&[("DOCKER_TLS_VERIFY", "0"), paths, at_one], &[], Some("one")),
        (&[("DOCKER_TLS", "yes"), paths, at_one], &[], Some("one")),
        (&[paths, at_one], &["--tls"], Some("one")),
        (&[paths, at_one], &["--tlsverify"], Some("one")),
        (&[paths, at_one], &["--tlsverify=false"], Some("one")),
        (&[verify, paths, at_one], &["--tls=false"], Some("one")),
        (&[at_one], &["--tls", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key], Some("one")),
        (&[verify, paths], &["--context", "two"], Some("two")),
        (&[verify, paths], &["--context", "three"], Some("three")),
        (&[("DOCKER_CONTEXT", "one")], &["--tls=false"], Some("one")),
        (&[("DOCKER_CONFIG", &elsewhere), ("DOCKER_HOST", &unix_two)], &[], Some("two")),
        // What leads nowhere.
        (&[at_one], &[], None),
        (&[at_one, paths, ("DOCKER_TLS", "1")], &["--tls=false"], None),
        (&[at_one, verify], &[], None),
        (&[at_one, paths], &["--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key], None),
        (&[at_one], &["--tlsverify", "--tlscacert", &ca], None),
        (&[at_one], &["--tlsverify", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", "/nowhere"], None),
        (&[verify, paths], &["--context", "shy"], None),
        (&[], &["--context", "two", "--host", &unix_two], None),
        (&[], &["--context", "nope"], None),
        (&[("DOCKER_CONTEXT", "nope")], &[], None),
        (&[("DOCKER_CONFIG", &elsewhere)], &["--context", "two"], None),
        (&[("DOCKER_HOST", "fd://")], &[], None),
        (&[("DOCKER_HOST", "npipe:////./pipe/docker_engine")], &[], None),
        (&[("DOCKER_HOST", "foo://bar")], &[], None),
        (&[("DOCKER_HOST", "ssh://root:secret@127.0.0.1")], &[], None),
        (&[("DOCKER_HOST", "ssh://")], &[], None),
        (&[("DOCKER_HOST", "tcp://127.0.0.1:0")], &[], None),
    ];
    // What 20.10's client stumbles over, and later ones do; netctl does as these.
    let later: &[Case] = &[
        (&[verify, paths, ("DOCKER_HOST", &unix_two)], &[], Some("two")),
        (&[("DOCKER_CONTEXT", "")], &[], Some("two")),
    ];
    let is_later = major(&world) > 20;
    let mut wrong = Vec::new();
    for (variables, flags, wanted) in cases.iter().copied().chain(later.iter().copied()) {
        let told = |mut command: Command| {
            command.envs(variables.iter().copied()).env("PATH", &path);
            command
        };
        let mut docker = told(world.docker(flags));
        docker.args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        let output = docker.output().expect("this test needs docker: apt-get install docker.io");
        let theirs = output.status.success().then(|| text(&output.stdout).trim().to_owned());
        let mut ours = told(world.netctl(&["image"]));
        ours.args(flags).arg("ls");
        let ours = images(ours);
        let expected = wanted.map(|name| format!("{name}:1"));
        let case = format!("{variables:?} {flags:?}");
        let stumbles = !is_later && later.contains(&(variables, flags, wanted));
        if theirs != expected && !stumbles {
            wrong.push(format!("{case}: docker finds {theirs:?}: {}", text(&output.stderr)));
        }
        if ours.as_ref().ok() != expected.as_ref() {
            wrong.push(format!("{case}: netctl finds {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    drop(one);
}

/// The first number of the version of Docker's client.
fn major(world: &World) -> u32 {
    let told = succeeded(world.docker(&["--version"]).output().expect("docker"));
    let version = told.split_whitespace().nth(2).and_then(|version| version.split('.').next());
    version.and_then(|major| major.parse().ok()).expect("it says: Docker version 28.2.2, build ...")
}
