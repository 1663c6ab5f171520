//! What is mounted into a switch's container, in Docker's words: a path of the host or a volume, and the path inside.

use std::path::Path;

use super::error::CheckError;

/// The mount with a path that the daemon takes: one that begins with a dot lies in this directory.
pub(crate) fn absolute(mount: &str, directory: &Path) -> String {
    let (path, inside) = match mount.split_once(':') {
        Some((path, inside)) => (path, format!(":{inside}")),
        None => (mount, String::new()),
    };
    match path.strip_prefix('.') {
        Some(rest) if ["", "."].contains(&rest) || rest.starts_with('/') || rest.starts_with("./") => {
            let path = path.strip_prefix("./").unwrap_or(path);
            format!("{}{inside}", directory.join(path).display())
        }
        _ => mount.to_owned(),
    }
}

/// A path of the host has to be there. Docker would make an empty directory of it, in which the switch finds nothing
/// and which stays when the switch is taken away.
pub(super) fn look(mounts: &[String]) -> Result<(), CheckError> {
    for (mount, path) in mounts.iter().filter_map(|mount| Some((mount, mount.split_once(':')?.0))) {
        // What may not be looked at from here the daemon may still reach.
        if path.starts_with('/') && matches!(Path::new(path).try_exists(), Ok(false)) {
            return Err(CheckError::NothingToMount { mount: mount.clone(), path: path.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_a_dot_lies_in_the_directory() {
        for (given, meant) in [
            ("./conf:/etc/switch:ro", "/srv/conf:/etc/switch:ro"),
            ("../conf:/etc/switch", "/srv/../conf:/etc/switch"),
            (".:/etc/switch", "/srv/.:/etc/switch"),
            ("..:/etc/switch", "/srv/..:/etc/switch"),
            ("/conf:/etc/switch", "/conf:/etc/switch"),
            ("conf:/etc/switch", "conf:/etc/switch"),
            (".conf:/etc/switch", ".conf:/etc/switch"),
            ("/etc/switch", "/etc/switch"),
        ] {
            assert_eq!(absolute(given, Path::new("/srv")), meant);
        }
    }

    #[test]
    fn only_a_path_of_the_host_has_to_be_there() {
        for fine in ["/:/host:ro", "volume:/etc/switch", "/not/there"] {
            look(&[fine.to_owned()]).unwrap();
        }
        let error = look(&["/:/host".to_owned(), "/not/there:/etc/switch".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "/not/there, which '/not/there:/etc/switch' mounts, is not there");
    }
}
