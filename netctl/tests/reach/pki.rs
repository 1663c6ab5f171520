//! An authority and what it has signed, by openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dockerd::succeeded;

/// In its directory: `ca.pem`, and each certificate as `NAME.pem` and `NAME-key.pem`.
pub(crate) struct Pki(PathBuf);

impl Pki {
    /// With a daemon's certificate for localhost (`server`), one for another name (`other`), one that has expired
    /// (`expired`), and a client's (`client`, as Docker names its files in `client/`).
    pub(crate) fn new(directory: &Path) -> Self {
        fs::create_dir(directory).expect("a directory");
        let pki = Self(directory.to_owned());
        pki.openssl(
            &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-out", "ca.pem"]
                .into_iter()
                .chain(["-days", "30", "-subj", "/CN=the authority"])
                .collect::<Vec<_>>(),
        );
        let here = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";
        pki.sign("server", here, None);
        pki.sign("other", "subjectAltName=DNS:elsewhere.example\nextendedKeyUsage=serverAuth\n", None);
        pki.sign("expired", here, Some(("20240101000000Z", "20240201000000Z")));
        pki.sign("client", "extendedKeyUsage=clientAuth\n", None);
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

    fn sign(&self, name: &str, extensions: &str, valid: Option<(&str, &str)>) {
        let [key, request, certificate, extension] =
            ["-key.pem", ".csr", ".pem", ".ext"].map(|end| format!("{name}{end}"));
        fs::write(self.path(&extension), extensions).expect("a file");
        self.openssl(&[
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &request, "-subj", "/CN=it",
        ]);
        // `x509` of openssl 3.0 signs from now on only; `ca` signs for any time.
        match valid {
            None => self.openssl(&[
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca-key.pem",
                "-CAcreateserial",
                "-days",
                "30",
                "-extfile",
                &extension,
                "-out",
                &certificate,
            ]),
            Some((from, to)) => {
                let config = "[ca]\ndefault_ca=it\n[it]\nnew_certs_dir=.\ndatabase=index\nserial=number\n\
                              default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n";
                fs::write(self.path("ca.conf"), config).expect("a file");
                fs::write(self.path("index"), "").expect("a file");
                fs::write(self.path("number"), "4242\n").expect("a file");
                self.openssl(&[
                    "ca",
                    "-batch",
                    "-config",
                    "ca.conf",
                    "-in",
                    &request,
                    "-cert",
                    "ca.pem",
                    "-keyfile",
                    "ca-key.pem",
                    "-startdate",
                    from,
                    "-enddate",
                    to,
                    "-extfile",
                    &extension,
                    "-out",
                    &certificate,
                    "-notext",
                ]);
            }
        }
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(&self.0).output();
        succeeded(
            output
                .unwrap_or_else(|error| panic!("this test needs openssl ({error}): apt-get install openssl")),
        );
    }
}
