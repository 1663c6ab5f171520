//! The verbs against a recording fake: what reaches the daemon, and above all what does not.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::docker::{BuildEvent, BuildOrder, Chunks, DockerError, Engine, Image, Platform};

/// Knows one image, one:1, and notes what it was asked to do.
#[derive(Default)]
struct Fake {
    /// What it answers `save` with.
    chunks: Vec<Bytes>,
    /// `save` ends with an error instead of an end.
    breaks: bool,
    asked: RefCell<Vec<String>>,
    loaded: RefCell<Vec<u8>>,
}

impl Engine for Fake {
    async fn platform(&self) -> Result<Platform, DockerError> {
        Ok(Platform { os: "linux".to_owned(), architecture: "amd64".to_owned() })
    }
    fn build(&self, order: BuildOrder, _: Chunks) -> BoxStream<'_, Result<BuildEvent, DockerError>> {
        self.asked.borrow_mut().push(format!("build {} as {:?}", order.dockerfile, order.tag));
        let text = format!("Step 1/1 : RUN {}\n", order.target);
        let last = match order.target.as_str() {
            "fails" => Err(DockerError::Failed("it returned 3".to_owned())),
            _ => Ok(BuildEvent::Built("sha256:1".to_owned())),
        };
        stream::iter([Ok(BuildEvent::Output(text)), last]).boxed()
    }
    async fn tag(&self, image: &str, name: &str) -> Result<(), DockerError> {
        self.asked.borrow_mut().push(format!("tag {image} {name}"));
        Ok(())
    }
    fn save(&self, names: &[String]) -> BoxStream<'_, Result<Bytes, DockerError>> {
        self.asked.borrow_mut().push(format!("save {}", names.join(" ")));
        let end = self.breaks.then(|| Err(DockerError::Failed("gone".to_owned())));
        stream::iter(self.chunks.iter().cloned().map(Ok).chain(end)).boxed()
    }
    async fn load(&self, archive: Chunks) -> Result<Vec<String>, DockerError> {
        self.asked.borrow_mut().push("load".to_owned());
        let chunks: Vec<Bytes> = archive.try_collect().await.unwrap();
        *self.loaded.borrow_mut() = chunks.concat();
        Ok(Vec::new())
    }
    async fn image(&self, name: &str) -> Result<Image, DockerError> {
        match name {
            "one:1" => Ok(Image { size: 10, ..Image::default() }),
            _ => Err(DockerError::NoSuchImage(name.to_owned())),
        }
    }
    async fn images(&self) -> Result<Vec<Image>, DockerError> {
        let image = |id: &str, tags: &[&str]| Image {
            id: format!("sha256:{id}"),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            created: 0,
            size: 1_234_567,
        };
        Ok(vec![image("0123456789abcdef", &["one:1", "registry:5000/two:2"]), image("fedcba9876543210", &[])])
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn configuration(architecture: &str, layer: &[u8]) -> String {
    let digest = hex(layer);
    format!(
        r#"{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{digest}"]}}}}"#
    )
}

/// An archive of one image with one layer, in the form of Docker 20.
fn archive(architecture: &str) -> Vec<u8> {
    let layer = vec![7; 3000];
    let config = configuration(architecture, &layer);
    let config_name = format!("{}.json", hex(config.as_bytes()));
    let manifest = format!(r#"[{{"Config":"{config_name}","RepoTags":["one:1"],"Layers":["x/layer.tar"]}}]"#);
    tar_of(&[
        ("x/layer.tar", &layer),
        (&config_name, config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ])
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Tries to load these bytes; what it says, after it was seen that the daemon got nothing.
fn refused(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    fs::write(&path, bytes).unwrap();
    let engine = Fake::default();
    let error = wait(load(&engine, &path)).unwrap_err();
    assert!(engine.asked.borrow().is_empty(), "{name}");
    crate::error::report(&error)
}

#[test]
fn whole_archives_are_loaded_plain() {
    let directory = tempfile::tempdir().unwrap();
    let plain = archive("amd64");
    for (name, bytes) in
        [("a.tar", plain.clone()), ("a.tar.zst", zstd::encode_all(plain.as_slice(), 0).unwrap())]
    {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        let engine = Fake::default();
        let loaded = wait(load(&engine, &path)).unwrap();
        assert!(loaded.to_string().ends_with("\nnamed one:1\n"), "{loaded}");
        assert_eq!(*engine.loaded.borrow(), plain, "{name}");
    }
}

/// What stands in a file that is no archive is nobody's business, and a name of two megabytes is none.
#[test]
fn a_file_that_is_no_archive_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let text = "root:x:0:0:root:/root:/bin/bash\n".repeat(64);
    assert_eq!(
        refused(directory.path(), "passwd", text.as_bytes()),
        format!(
            "netctl: {} is refused, nothing was loaded: it is no archive of docker save: neither tar nor zstd\n  \
             next: name a file that netctl image save or docker save wrote\n",
            directory.path().join("passwd").display()
        )
    );
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(2 << 20);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.resize(512 + (2 << 20), b'a');
    tar.extend(archive("amd64"));
    for bytes in [tar.clone(), zstd::encode_all(tar.as_slice(), 0).unwrap()] {
        let said = refused(directory.path(), "long", &bytes);
        assert!(said.contains("a header is larger than anything Docker writes"), "{said}");
    }
}

/// As sha256sum writes and reads it, so that a name cannot be taken for a line of its own.
#[test]
fn the_sum_of_a_file_with_an_odd_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("two\nlines\\.tar");
    let engine = Fake { chunks: vec![Bytes::from(archive("amd64"))], ..Fake::default() };
    wait(save(&engine, &["one:1".to_owned()], &path)).unwrap().unwrap();
    let line = fs::read_to_string(directory.path().join("two\nlines\\.tar.sha256")).unwrap();
    assert!(line.starts_with('\\') && line.ends_with("  two\\nlines\\\\.tar\n"), "{line}");
    wait(load(&engine, &path)).unwrap();
}

#[test]
fn nothing_of_a_damaged_archive_reaches_the_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| refused(directory.path(), name, bytes);
    let plain = archive("amd64");
    // At every length: wherever a copy may have stopped.
    for length in (0..plain.len() - 1024).step_by(512).chain([5, 600, plain.len() - 1030]) {
        refused("short.tar", &plain[..length]);
    }
    assert!(refused("short.tar", &plain[..plain.len() - 1024]).contains("truncated"));
    let packed = zstd::encode_all(plain.as_slice(), 0).unwrap();
    for length in 1..packed.len() {
        refused("short.tar.zst", &packed[..length]);
    }
    // A bit in the layer, and one in the configuration.
    for (position, said) in [(600, "x/layer.tar is damaged"), (512 + 3072 + 512 + 20, ".json is damaged")] {
        let mut flipped = plain.clone();
        flipped[position] ^= 4;
        let error = refused("flipped.tar", &flipped);
        assert!(error.contains(said), "{error}");
    }
    assert!(
        refused("arm.tar", &archive("arm64")).contains("is for linux/arm64, the daemon runs on linux/amd64")
    );
    assert!(refused("a.tar.gz", &[0x1f, 0x8b, 8, 0, 0]).contains("gunzip"));
    assert!(refused("text", b"this is no archive").contains("is refused, nothing was loaded"));
}

/// The OCI layout, which Docker writes since 25: layers may be compressed, and are then known by their blob's name.
#[test]
fn the_oci_layout_is_checked_by_its_blobs() {
    let directory = tempfile::tempdir().unwrap();
    let layer = vec![7; 3000];
    let packed = zstd::encode_all(layer.as_slice(), 0).unwrap();
    let config = configuration("amd64", &layer);
    let blob = |content: &[u8]| format!("blobs/sha256/{}", hex(content));
    for stored in [&layer, &packed] {
        let (config_name, layer_name) = (blob(config.as_bytes()), blob(stored));
        let manifest = format!(r#"[{{"Config":"{config_name}","RepoTags":null,"Layers":["{layer_name}"]}}]"#);
        let mut unnamed = b"{}".to_vec();
        let unnamed_name = blob(&unnamed);
        let whole = |unnamed: &[u8]| {
            tar_of(&[
                (&unnamed_name, unnamed),
                (&config_name, config.as_bytes()),
                (&layer_name, stored),
                ("manifest.json", manifest.as_bytes()),
            ])
        };
        let path = directory.path().join("oci.tar");
        fs::write(&path, whole(&unnamed)).unwrap();
        let loaded = wait(load(&Fake::default(), &path)).unwrap();
        assert_eq!(loaded.to_string(), format!("loaded sha256:{}\n", hex(config.as_bytes())));
        unnamed[0] ^= 1;
        let said = refused(directory.path(), "oci.tar", &whole(&unnamed));
        assert!(said.contains("is damaged"), "{said}");
        let mut flipped = stored.clone();
        flipped[stored.len() / 2] ^= 1;
        let without = tar_of(&[(&config_name, config.as_bytes()), ("manifest.json", manifest.as_bytes())]);
        assert!(refused(directory.path(), "oci.tar", &without).contains("it lacks blobs/sha256/"));
        let wrong = tar_of(&[
            (&config_name, config.as_bytes()),
            (&layer_name, &flipped),
            ("manifest.json", manifest.as_bytes()),
        ]);
        assert!(refused(directory.path(), "oci.tar", &wrong).contains("is damaged"));
    }
}

#[test]
fn the_sum_beside_the_file_is_looked_at_first() {
    let directory = tempfile::tempdir().unwrap();
    let sum = directory.path().join("a.tar.sha256");
    let plain = archive("amd64");
    for (text, said) in [
        (format!("{}  a.tar\n", hex(b"another")), "is not what"),
        ("nonsense\n".to_owned(), "holds no SHA-256 sum"),
        (String::new(), "holds no SHA-256 sum"),
    ] {
        fs::write(&sum, text).unwrap();
        let error = refused(directory.path(), "a.tar", &plain);
        assert!(error.contains(said), "{error}");
    }
    fs::write(&sum, format!("{}  a.tar\n", hex(&plain))).unwrap();
    wait(load(&Fake::default(), &directory.path().join("a.tar"))).unwrap();
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    names.sort();
    names
}

#[test]
fn what_is_saved_has_its_sum_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine =
        Fake { chunks: vec![Bytes::from_static(b"some "), Bytes::from_static(b"bytes")], ..Fake::default() };
    for name in ["a.tar", "a.tar.zst"] {
        let path = directory.path().join(name);
        wait(save(&engine, &["one:1".to_owned()], &path)).unwrap();
        let bytes = fs::read(&path).unwrap();
        let sum = fs::read_to_string(directory.path().join(format!("{name}.sha256"))).unwrap();
        assert_eq!(sum, format!("{}  {name}\n", hex(&bytes)));
        let plain = if name.ends_with("zst") { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes };
        assert_eq!(plain, b"some bytes");
    }
    assert_eq!(files(directory.path()).len(), 4);
}

/// Neither an unknown name nor a daemon that breaks off leaves a file, or harms the one that was there.
#[test]
fn a_file_is_whole_or_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    fs::write(&path, "the old one").unwrap();
    let engine = Fake { chunks: vec![Bytes::from_static(b"half")], breaks: true, ..Fake::default() };
    assert!(wait(save(&engine, &["one:1".to_owned(), "nope".to_owned()], &path)).is_err());
    assert!(engine.asked.borrow().is_empty());
    assert!(wait(save(&engine, &["one:1".to_owned()], &path)).is_err());
    assert_eq!(files(directory.path()), [PathBuf::from("a.tar")]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "the old one");
}

#[test]
fn a_build_names_its_result_and_its_failing_step() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("Dockerfile"), "FROM scratch").unwrap();
    let order = |target: &str| Build {
        directory: directory.path().to_owned(),
        tags: vec!["one:1".to_owned(), "two:2".to_owned()],
        target: Some(target.to_owned()),
        ..Build::default()
    };
    let engine = Fake::default();
    let built = wait(build(&engine, order("works"))).unwrap();
    assert_eq!(built.to_string(), "built sha256:1\nnamed one:1\nnamed two:2\n");
    assert_eq!(*engine.asked.borrow(), ["build Dockerfile as Some(\"one:1\")", "tag sha256:1 two:2"]);
    let error = wait(build(&engine, order("fails"))).unwrap_err();
    assert_eq!(error.to_string(), "step 1/1 RUN fails failed: it returned 3");
}

#[test]
fn images_are_listed_in_dockers_columns() {
    let text = wait(list(&Fake::default())).unwrap().to_string();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]);
    assert_eq!(rows[1][..3], ["<none>", "<none>", "fedcba987654"]);
    assert_eq!(rows[3][..3], ["registry:5000/two", "2", "0123456789ab"]);
    assert_eq!(rows[3].last(), Some(&"1.2MB"));
}
