//! An authority and what it has signed, by openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dockerd::succeeded;

/// From when to when, as openssl writes it.
const NOW: (&str, &str) = ("20240101000000Z", "20490101000000Z");
const OVER: (&str, &str) = ("20240101000000Z", "20240201000000Z");

/// In its directory: `ca.pem`, and each certificate as `NAME.pem` and `NAME-key.pem`.
pub(crate) struct Pki(PathBuf);

impl Pki {
    /// With a daemon's certificate for localhost (`server`), one for another name (`other`), one that has expired
    /// (`expired`), and a client's (`client`, as Docker names its files in `client/`).
    pub(crate) fn new(directory: &Path) -> Self {
        fs::create_dir(directory).expect("a directory");
        let pki = Self(directory.to_owned());
        pki.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=authority",
        );
        let here = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";
        pki.sign("server", here, NOW);
        pki.sign("other", "subjectAltName=DNS:elsewhere.example\nextendedKeyUsage=serverAuth\n", NOW);
        pki.sign("expired", here, OVER);
        pki.sign("client", "extendedKeyUsage=clientAuth\n", NOW);
        let client = directory.join("client");
        fs::create_dir(&client).expect("a directory");
        for (from, to) in [("ca.pem", "ca.pem"), ("client.pem", "cert.pem"), ("client-key.pem", "key.pem")] {
            fs::copy(directory.join(from), client.join(to)).expect("it was made");
        }
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// One for localhost that is its own authority; `stale` has expired.
    pub(crate) fn sign_itself(&self, name: &str) {
        let extensions = "basicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:localhost\n";
        let by = format!("-selfsign -keyfile {name}-key.pem");
        self.make(name, extensions, if name == "stale" { OVER } else { NOW }, &by);
    }

    fn sign(&self, name: &str, extensions: &str, valid: (&str, &str)) {
        self.make(name, extensions, valid, "-cert ca.pem -keyfile ca-key.pem");
    }

    /// By `ca`: `x509` of openssl 3.0 signs from now on only.
    fn make(&self, name: &str, extensions: &str, (from, to): (&str, &str), by: &str) {
        let config = "[ca]\ndefault_ca=it\n[it]\nnew_certs_dir=.\ndatabase=index\nserial=number\n\
                      unique_subject=no\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n";
        fs::write(self.path("ca.conf"), config).expect("a file");
        fs::write(self.path(&format!("{name}.ext")), extensions).expect("a file");
        if !self.path("index").exists() {
            fs::write(self.path("index"), "").expect("a file");
            fs::write(self.path("number"), "4242\n").expect("a file");
        }
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -keyout {name}-key.pem -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -in {name}.csr {by} -startdate {from} -enddate {to} \
             -extfile {name}.ext -out {name}.pem"
        ));
    }

    /// What is typed behind `openssl`.
    pub(crate) fn openssl(&self, line: &str) {
        let output = Command::new("openssl").args(line.split_whitespace()).current_dir(&self.0).output();
        succeeded(
            output
                .unwrap_or_else(|error| panic!("this test needs openssl ({error}): apt-get install openssl")),
        );
    }
}
