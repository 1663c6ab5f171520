//! What a container says of how netctl made it. By these `rm` knows what to take back, whoever started this process.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use super::order::Order;
use super::ports::{Claim, Ports, Purpose};
use crate::docker::Container;
use crate::publish::{Request, Via};

/// Which run made it: a container, a network or an interface with this label or alias is netctl's.
pub(crate) const RUN: &str = "io.switch.netctl.run";
/// Ports the switch listens on: `sip 5060/udp *, media 16384-32767/udp *`.
pub(super) const CLAIMS: &str = "io.switch.netctl.claims";
/// The outer end of its pair of interfaces.
pub(crate) const INTERFACE: &str = "io.switch.netctl.interface";
/// Addresses that netctl gave it.
pub(crate) const ADDRESSES: &str = "io.switch.netctl.addresses";
/// The network of netctl's own that it is on.
pub(super) const NETWORK: &str = "io.switch.netctl.network";
/// On a network: the container it was made for.
pub(super) const FOR: &str = "io.switch.netctl.for";
/// The bridge that the outer end is a port of.
pub(crate) const BRIDGE: &str = "io.switch.netctl.bridge";
/// Its ways out.
pub(crate) const GATEWAYS: &str = "io.switch.netctl.gateways";
/// Ports that are to be published, on anybody's container: `16384-32767/udp,5060/udp`.
pub(crate) const PUBLISH: &str = "io.switch.publish";
/// At which of the host's addresses.
pub(super) const HOST_IP: &str = "io.switch.host-ip";
/// For whom.
pub(super) const ALLOWED: &str = "io.switch.from";
/// The variable by which a switch is told its address, with the sign before the value.
pub(crate) const ADVERTISE: &str = "SWITCH__SIP__ADVERTISE=";
/// Whether a text is such a mark as [`run_id`] makes.
pub(super) fn is_run_id(text: &str) -> bool {
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once('-').is_some_and(|(time, process)| time.len() > 12 && is_hex(time) && is_hex(process))
}

/// Different for each run, so that nobody else's is ever taken away.
pub(super) fn run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

pub(super) fn write_claims(claims: &[Claim]) -> String {
    let one = |claim: &Claim| {
        let purpose = claim.purpose.to_string().to_lowercase();
        let address = claim.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        format!("{purpose} {} {address}", claim.ports)
    };
    claims.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What cannot be read is left out: somebody else wrote it.
pub(super) fn read_claims(labels: &BTreeMap<String, String>) -> Option<Vec<Claim>> {
    let one = |text: &str| {
        let mut words = text.split(' ');
        let purpose = match words.next()? {
            "sip" => Purpose::Sip,
            "http" => Purpose::Http,
            "media" => Purpose::Media,
            _ => return None,
        };
        let ports: Ports = words.next()?.parse().ok()?;
        let address = words.next()?.parse().ok();
        Some(Claim { purpose, ports, address })
    };
    labels.get(CLAIMS).map(|text| text.split(", ").filter_map(one).collect())
}

pub(super) fn made(
    run: &str,
    claims: &[Claim],
    further: &BTreeMap<String, String>,
) -> HashMap<String, String> {
    let own = [(RUN.to_owned(), run.to_owned()), (CLAIMS.to_owned(), write_claims(claims))];
    further.clone().into_iter().chain(own).collect()
}

/// What says on a container that ports are to be published.
pub(super) fn published(order: &Order) -> impl Iterator<Item = (String, String)> {
    let list = |values: Vec<String>| values.join(",");
    let labels = [
        (PUBLISH, list(order.ports.iter().map(ToString::to_string).collect())),
        (HOST_IP, list(order.host_ips.iter().map(ToString::to_string).collect())),
        (ALLOWED, list(order.from.iter().map(ToString::to_string).collect())),
    ];
    labels.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), text))
}

/// What is to be published for a container by its labels.
///
/// # Errors
/// The label and its text, where that is not understood: anybody may have written it.
pub(crate) fn request(container: &Container) -> Option<Result<Request, LabelError>> {
    fn list<T: FromStr>(container: &Container, label: &'static str) -> Result<Vec<T>, LabelError> {
        let text = container.labels.get(label).map_or("", String::as_str);
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().map_err(|_| LabelError { label, text: part.to_owned() })).collect()
    }
    let read = || {
        Ok(Request {
            container: container.name.clone(),
            ports: list(container, PUBLISH)?,
            host_ips: list(container, HOST_IP)?,
            from: list(container, ALLOWED)?,
            via: Via::Auto,
        })
    };
    container.labels.contains_key(PUBLISH).then(read)
}

/// A label that is not understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the label {label} has '{text}', which means nothing there")]
pub struct LabelError {
    label: &'static str,
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Settings;

    #[test]
    fn a_runs_mark_is_known() {
        assert!(is_run_id(&run_id()));
        assert!(!is_run_id("uplink") && !is_run_id("dead-beef") && !is_run_id(""));
    }

    #[test]
    fn claims_are_read_as_written() {
        let variables = "SWITCH__SIP__LISTEN=udp:[::1]:5060,tcp:*:5070".to_owned();
        let settings = Settings::read(&super::super::settings::environment([&variables])).unwrap();
        let labels = BTreeMap::from([(CLAIMS.to_owned(), write_claims(&settings.claims))]);
        assert_eq!(read_claims(&labels), Some(settings.claims));
        assert_eq!(read_claims(&BTreeMap::new()), None);
    }
}
