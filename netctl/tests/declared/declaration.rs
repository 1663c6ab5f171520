//! What is declared in most of these tests, and who is called then.

use std::fs;
use std::path::Path;

use crate::site::HOST;

/// Published ports on netctl's own network, an address on the host's bridge, and a switch in that one's namespace.
pub(crate) const ALL: &str = "
version: 1
project: test
switches:
  edge:
    image: switch:test
    network: bridge
    ports: [16384-32767/udp, 5060/udp, 5060/tcp]
    environment: {TZ: UTC, API_TOKEN: open-sesame}
    restart: unless-stopped
  lan:
    image: switch:test
    network: none
    bridge: br0
    addresses: [198.51.100.10/24]
    gateways: [198.51.100.1]
    restart: always
  side:
    image: switch:test
    network: container:lan
    ports: [40000-40099/udp, 5070/udp]
    environment: {SWITCH__HTTP__LISTEN: '127.0.0.1:9283'}
    restart: always
";

/// The one that is published.
pub(crate) fn edge() -> String {
    format!("sip:9196@{HOST}")
}

/// The one on the bridge.
pub(crate) const LAN: &str = "sip:9196@198.51.100.10";
/// In the namespace of that one.
pub(crate) const SIDE: &str = "sip:9196@198.51.100.10:5070";

/// The file's path.
pub(crate) fn write(directory: &Path, text: &str) -> String {
    let file = directory.join("switch.yaml");
    fs::write(&file, text).expect("it can be written");
    file.display().to_string()
}
