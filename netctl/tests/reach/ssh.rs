//! ssh: the daemon behind a real sshd, by the Docker client that is there.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::sshd::{Sshd, docker_of, program, ssh_of};
use crate::world::{World, all_image_verbs, daemon, failed, images};

fn path() -> String {
    env::var("PATH").unwrap_or_default()
}

#[test]
fn all_image_verbs_over_ssh() {
    let (world, daemon) = (World::new(), daemon("one", &[]));
    let sshd = Sshd::start(&world, &path());
    let ssh = ssh_of(&world, "bin", "key", true);
    let address = format!("ssh://root@127.0.0.1:{}{}", sshd.port, daemon.path("docker.sock").display());
    let netctl = |arguments: &[&str]| {
        let mut command = world.netctl(arguments);
        command.env("PATH", &ssh).env("DOCKER_HOST", &address);
        command
    };
    all_image_verbs(&world, &daemon, netctl);
    sshd.is_left();
}

/// Without a path in the address it is what Docker's client there finds by itself.
#[test]
fn the_daemon_that_dockers_client_finds_there() {
    let (world, daemon) = (World::new(), daemon("one", &[]));
    let sshd = Sshd::start(&world, &docker_of(&world, &daemon));
    let mut ls = world.netctl(&["image", "-H", &format!("ssh://root@127.0.0.1:{}", sshd.port), "ls"]);
    ls.env("PATH", ssh_of(&world, "bin", "key", true));
    assert_eq!(images(ls), Ok("one:1".to_owned()));
}

/// A signal in the middle leaves no ssh, and nobody connected there.
#[test]
fn an_interrupted_save_ends_its_connection() {
    let (world, daemon) = (World::new(), daemon("one", &[]));
    let sshd = Sshd::start(&world, &path());
    let context = world.path("context");
    fs::create_dir(&context).expect("a directory");
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY big /big\n").expect("a file");
    fs::File::create(context.join("big")).and_then(|file| file.set_len(512 << 20)).expect("a file");
    daemon.must(&["build", "-t", "big:1", &context.display().to_string()]);
    let address = format!("ssh://root@127.0.0.1:{}{}", sshd.port, daemon.path("docker.sock").display());
    let mut save = world.netctl(&["image", "-H", &address, "save", "-o", "-", "big:1"]);
    // Nobody reads, so that it does not end by itself.
    let save = save.env("PATH", ssh_of(&world, "bin", "key", true)).stdout(Stdio::piped()).spawn();
    let mut save = save.expect("it was built");
    let until = Instant::now() + Duration::from_secs(60);
    while sshd.connections() == 0 {
        assert!(Instant::now() < until, "it does not begin");
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_secs(1));
    assert!(sshd.connections() > 0, "it is over already");
    let kill = Command::new("kill").args(["-INT", &save.id().to_string()]).status();
    assert!(kill.expect("this test needs kill: apt-get install procps").success());
    assert_eq!(save.wait().expect("it is our child").code(), Some(130));
    sshd.is_left();
}

#[test]
fn what_keeps_ssh_from_coming_through() {
    let (world, daemon) = (World::new(), daemon("one", &[]));
    let sshd = Sshd::start(&world, &path());
    let empty = world.path("empty");
    fs::create_dir(&empty).expect("a directory");
    let without = Sshd::start(&world, &empty.display().to_string());
    let old = world.path("old");
    fs::create_dir(&old).expect("a directory");
    // Docker 18.06's words.
    let words = "docker: 'dial-stdio' is not a docker command.\nSee 'docker --help'";
    program(&old.join("docker"), &format!("#!/bin/sh\necho \"{words}\" >&2\nexit 1\n"));
    let aged = Sshd::start(&world, &format!("{}:/usr/bin:/bin", old.display()));
    let chatty = world.path("chatty");
    fs::create_dir(&chatty).expect("a directory");
    program(&chatty.join("docker"), "#!/bin/sh\necho Welcome to this machine, stranger; read the rules\n");
    let talks = Sshd::start(&world, &format!("{}:/usr/bin:/bin", chatty.display()));
    let good = ssh_of(&world, "good", "key", true);
    let address = |sshd: &Sshd| format!("ssh://root@127.0.0.1:{}", sshd.port);
    let (here, socket) = (address(&sshd), daemon.path("docker.sock").display().to_string());
    let cases = [
        (
            format!("{here}{socket}"),
            ssh_of(&world, "unknown", "key", false),
            5,
            "Host key verification failed",
        ),
        (
            format!("{here}{socket}"),
            ssh_of(&world, "denied", "stranger", true),
            3,
            "was not let in: root@127.0.0.1: P",
        ),
        (
            format!("{here}{socket}"),
            empty.display().to_string(),
            5,
            "there is no ssh to be started: No such file",
        ),
        (address(&without), good.clone(), 5, "found no docker there"),
        (
            address(&aged),
            good.clone(),
            5,
            "found a docker that is too old for it: docker: 'dial-stdio' is not",
        ),
        (format!("{here}/nowhere.sock"), good.clone(), 5, "came through, and docker there failed"),
        (address(&talks), good.clone(), 5, "what came back is not Docker's"),
        (
            "ssh://root@127.0.0.1:9".to_owned(),
            good.clone(),
            5,
            "failed: ssh: connect to host 127.0.0.1 port 9: C",
        ),
    ];
    for (host, path, expected, words) in cases {
        let mut ls = world.netctl(&["image", "-H", &host, "ls"]);
        let began = Instant::now();
        let (code, said) = failed({
            ls.env("PATH", path);
            ls
        });
        assert!(said.contains(words) && said.contains(&host) && said.contains("  next: "), "{host}: {said}");
        assert_eq!(code, expected, "{host}: {said}");
        assert!(began.elapsed() < Duration::from_secs(20), "{host}: it took {:?}", began.elapsed());
    }
    for sshd in [sshd, without, aged, talks] {
        sshd.is_left();
    }
}
