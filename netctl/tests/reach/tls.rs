//! TLS: a daemon that wants a certificate, and what goes wrong with certificates.

use std::fs;
use std::process::Command;

use crate::dockerd::text;
use crate::world::{World, all_image_verbs, daemon, failed, images, readable_by_all, tls_daemon};

#[test]
fn all_image_verbs_over_tls() {
    let world = World::new();
    let (daemon, port) = tls_daemon(&world, "one", "server");
    let address = format!("tcp://127.0.0.1:{port}");
    let netctl = |arguments: &[&str]| {
        let mut command = world.netctl(arguments);
        command.env("DOCKER_HOST", &address).env("DOCKER_TLS_VERIFY", "1");
        command.env("DOCKER_CERT_PATH", world.pki.path("client"));
        command
    };
    all_image_verbs(&world, &daemon, netctl);
    // The same by flags, by name, and with an address that asks for TLS by itself.
    let file = |name: &str| world.pki.path(name).display().to_string();
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client-key.pem"));
    let files = ["--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key];
    for host in [format!("tcp://localhost:{port}"), format!("https://localhost:{port}")] {
        let mut arguments = vec!["image", "--host", &host, "ls"];
        arguments.extend(files);
        if host.starts_with("tcp") {
            arguments.push("--tlsverify");
        }
        let found = images(world.netctl(&arguments)).expect("it comes through");
        assert!(found.contains("one:1"), "{host}: {found}");
    }
}

/// What is not believed is not spoken to, unless nobody wants to know who it is.
#[test]
fn a_daemon_with_a_certificate_that_is_not_its() {
    let world = World::new();
    for (certificate, words, next) in [
        ("expired", "the daemon's certificate expired", "give the daemon a new one"),
        (
            "other",
            "is for another name than 127.0.0.1; it has DnsName(\"elsewhere.example\")",
            "subjectAltName",
        ),
    ] {
        let (_daemon, port) = tls_daemon(&world, certificate, certificate);
        let address = format!("tcp://127.0.0.1:{port}");
        let netctl = |flag: &str| {
            let mut command = world.netctl(&["image", "--host", &address, flag, "ls"]);
            command.env("DOCKER_CERT_PATH", world.pki.path("client"));
            command
        };
        let (code, said) = failed(netctl("--tlsverify"));
        assert!(said.contains(words) && said.contains(next) && said.contains(&address), "{said}");
        assert_eq!(code, 5, "{said}");
        assert_eq!(images(netctl("--tls")), Ok(format!("{certificate}:1")));
    }
}

/// A certificate that was made in one step is its own authority: Docker's client takes it while its time is not over.
#[test]
fn a_daemon_that_vouches_for_itself() {
    let world = World::new();
    for (name, expected) in [("own", true), ("stale", false), ("strange", false)] {
        let certificate = world.pki.path(&format!("{name}.pem")).display().to_string();
        world.pki.sign_itself(name);
        let (_daemon, port) = tls_daemon(&world, name, name);
        // The one that is another's by name has the wrong address.
        let address = format!("tcp://{}:{port}", if name == "strange" { "127.0.0.1" } else { "localhost" });
        let flags = |mut command: Command| {
            command.env("DOCKER_CERT_PATH", world.pki.path("client")).env("DOCKER_HOST", &address);
            command.args(["--tlsverify", "--tlscacert", &certificate]);
            command
        };
        let mut docker = flags(world.docker(&[]));
        let theirs = docker.args(["image", "ls"]).output().expect("docker").status.success();
        let ours = images(flags(world.netctl(&["image", "ls"])));
        assert_eq!((theirs, ours.is_ok()), (expected, expected), "{name}: {ours:?}");
        let words = if name == "stale" { "expired" } else { "is for another name" };
        assert!(expected || ours.as_ref().is_err_and(|said| said.contains(words)), "{name}: {ours:?}");
    }
}

#[test]
fn what_is_shown_and_what_answers() {
    let world = World::new();
    let (daemon, port) = tls_daemon(&world, "one", "server");
    let (secure, plain) =
        (format!("tcp://127.0.0.1:{port}"), format!("tcp://127.0.0.1:{}", daemon.plain_port()));
    let file = |name: &str| world.pki.path(name).display().to_string();
    let ls = |host: &str, flags: &[&str]| {
        let mut command = world.netctl(&["image", "--host", host]);
        command.args(flags).arg("ls");
        command
    };
    world.pki.openssl("req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x");
    world.pki.openssl("pkey -in client-key.pem -aes256 -passout pass:a -out locked.pem");
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client-key.pem"));
    let (stranger, strangers_key, locked) = (file("c"), file("k"), file("locked.pem"));
    let cases: [(&str, &[&str], i32, &str); 11] = [
        (&secure, &[], 5, "the daemon there speaks TLS, and was spoken to without\n  next: --tlsverify"),
        (
            &plain,
            &["--tls"],
            5,
            "what answers there does not speak TLS\n  next: Docker's port with TLS is 2376",
        ),
        (&secure, &["--tlsverify", "--tlscacert", &ca], 3, "the daemon wants a certificate to be shown"),
        (
            &secure,
            &["--tlsverify", "--tlscacert", &ca, "--tlscert", &stranger, "--tlskey", &strangers_key],
            3,
            "the daemon does not take our certificate",
        ),
        (&secure, &["--tlsverify", "--tlscacert", &stranger], 5, "is signed by nobody who is believed"),
        (&secure, &["--tlsverify", "--tlscacert", ""], 5, "is signed by nobody who is believed"),
        (&secure, &["--tlsverify"], 4, "/home/.docker/ca.pem: No such file or directory"),
        (
            &secure,
            &["--tls", "--tlscert", &cert, "--tlskey", "no/key"],
            4,
            "no/key: No such file or directory",
        ),
        (&secure, &["--tls", "--tlscert", &cert, "--tlskey", &cert], 6, "there is no private key in it"),
        (&secure, &["--tls", "--tlscert", &cert, "--tlskey", &locked], 6, "encrypted, and nobody is asked"),
        (&secure, &["--tls", "--tlscert", &cert, "--tlskey", &strangers_key], 6, "it cannot be used"),
    ];
    for (host, flags, expected, words) in cases {
        let (code, said) = failed(ls(host, flags));
        assert!(
            said.contains(words) && said.contains(host) && said.contains("  next: "),
            "{flags:?}: {said}"
        );
        assert_eq!(code, expected, "{flags:?}: {said}");
    }
    // The key is good, and comes through.
    let good = ["--tlsverify", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key];
    assert_eq!(images(ls(&secure, &good)), Ok("one:1".to_owned()));
}

/// Whoever may not read the key is told its name and nothing of what is in it.
#[test]
fn a_key_that_may_not_be_read_or_is_damaged_is_not_shown() {
    let world = World::new();
    let daemon = daemon("one", &[]);
    let address = format!("tcp://127.0.0.1:{}", daemon.plain_port());
    readable_by_all(world.directory.path());
    let key = world.pki.path("client-key.pem");
    let secret = fs::read_to_string(&key).expect("it was made");
    let line = secret.lines().nth(1).expect("it has lines").to_owned();
    let ls = |by: &[&str], key: &str| {
        let mut command = world.command(by.first().copied().unwrap_or(env!("CARGO_BIN_EXE_netctl")));
        command.args(by.iter().skip(1)).args(["image", "--host", &address, "--tls", "ls"]);
        command.arg("--tlscert").arg(world.pki.path("client.pem")).args(["--tlskey", key]);
        failed(command)
    };
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
    let netctl = world.path("netctl");
    fs::copy(env!("CARGO_BIN_EXE_netctl"), &netctl).expect("it was built");
    let nobody =
        ["setpriv", "--reuid", "65534", "--clear-groups", &netctl.display().to_string()].map(str::to_owned);
    let nobody: Vec<&str> = nobody.iter().map(String::as_str).collect();
    let (code, said) = ls(&nobody, &key.display().to_string());
    assert!(
        said.contains("client-key.pem: Permission denied") && said.contains("next: see who may read it"),
        "{said}"
    );
    assert_eq!(code, 3, "{said}");
    // Its second half is missing; its first line is; a letter in it is none of its alphabet.
    let half: String = secret.lines().take(14).map(|line| format!("{line}\n")).collect();
    let half = format!("{half}-----END PRIVATE KEY-----\n");
    let bare = secret.split_once('\n').expect("it has lines").1.to_owned();
    for (content, words) in [
        (half, "it cannot be used"),
        (bare, "no private key"),
        (secret.replacen(&line, "?", 1), "no private key"),
    ] {
        let damaged = world.path("damaged.pem");
        fs::write(&damaged, content).expect("a file");
        let (code, said) = ls(&[], &damaged.display().to_string());
        assert!(said.contains("damaged.pem") && said.contains(words), "{said}");
        let shown = secret.lines().filter(|line| !line.starts_with('-')).find(|line| said.contains(line));
        assert_eq!((code, shown), (6, None), "{said}");
    }
}

/// The daemon's own word for it is the last one: openssl says the same of the expired certificate.
#[test]
fn the_expired_certificate_has_expired() {
    let world = World::new();
    let output = Command::new("openssl")
        .args(["x509", "-checkend", "0", "-noout", "-in"])
        .arg(world.pki.path("expired.pem"))
        .output()
        .expect("this test needs openssl: apt-get install openssl");
    assert!(!output.status.success(), "{}", text(&output.stdout));
}
