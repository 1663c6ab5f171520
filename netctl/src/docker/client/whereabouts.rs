//! Whether the daemon runs beside this process: a socket can be forwarded from anywhere.

use std::fs;
use std::path::Path;

use bollard::models::SystemInfo;
use tokio::net::UnixStream;

use crate::docker::containers::Whereabouts;
use crate::docker::endpoint::Endpoint;
use crate::docker::host::Host;

pub(super) async fn judge(endpoint: &Endpoint, info: &SystemInfo) -> Whereabouts {
    let Host::Unix(socket) = &endpoint.host else {
        return Whereabouts::Elsewhere(format!("it is reached over {endpoint}"));
    };
    let options = info.security_options.iter().flatten();
    if options.into_iter().any(|option| option.contains("name=rootless")) {
        return Whereabouts::Rootless;
    }
    // A machine's name can be the same by chance, a namespace's identity cannot.
    let own = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    for (what, theirs, ours) in [
        ("kernel", info.kernel_version.as_deref(), own("/proc/sys/kernel/osrelease")),
        ("host name", info.name.as_deref(), own("/proc/sys/kernel/hostname")),
    ] {
        match theirs {
            Some(theirs) if !theirs.is_empty() && !ours.is_empty() && theirs != ours => {
                return Whereabouts::Elsewhere(format!("its {what} is {theirs}, this machine's is {ours}"));
            }
            _ => {}
        }
    }
    namespace(socket).await
}

/// Who listens there: the kernel knows the process. With systemd it is the one that made the socket.
async fn namespace(socket: &Path) -> Whereabouts {
    let Ok(stream) = UnixStream::connect(socket).await else { return Whereabouts::Here };
    let Some(peer) = stream.peer_cred().ok().and_then(|peer| peer.pid()) else { return Whereabouts::Here };
    if peer == 0 {
        return Whereabouts::Elsewhere("its processes are not seen from here".to_owned());
    }
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
    match (namespace(&peer.to_string()), namespace("self")) {
        (Ok(theirs), Ok(ours)) if theirs != ours => {
            Whereabouts::Elsewhere("it is in another network namespace".to_owned())
        }
        // Not told without rights; then nothing can be changed either.
        _ => Whereabouts::Here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(host: &str, info: &SystemInfo) -> Whereabouts {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let endpoint = Endpoint { host: host.parse().unwrap(), ..Endpoint::default() };
        runtime.block_on(judge(&endpoint, info))
    }

    #[test]
    fn what_is_told_against_what_is_here() {
        let local = "unix:///nowhere";
        assert_eq!(judged(local, &SystemInfo::default()), Whereabouts::Here);
        let rootless =
            SystemInfo { security_options: Some(vec!["name=rootless".to_owned()]), ..SystemInfo::default() };
        assert_eq!(judged(local, &rootless), Whereabouts::Rootless);
        let far = SystemInfo { kernel_version: Some("1.0".to_owned()), ..SystemInfo::default() };
        assert!(
            matches!(judged(local, &far), Whereabouts::Elsewhere(why) if why.contains("its kernel is 1.0"))
        );
        for (far, way) in [
            ("tcp://127.0.0.1", "tcp://127.0.0.1:2375"),
            ("https://192.0.2.1", "https://192.0.2.1:2376"),
            ("ssh://me@localhost", "ssh://me@localhost"),
        ] {
            let told = judged(far, &SystemInfo::default());
            assert_eq!(told, Whereabouts::Elsewhere(format!("it is reached over {way} (the default)")));
        }
    }
}
