//! What a container says of how netctl made it. By these `rm` knows what to take back, whoever started this process.

use std::collections::{BTreeMap, HashMap};

use super::ports::{Claim, Ports, Purpose};

/// Which run made it: a container, a network or an interface with this label or alias is netctl's.
pub(super) const RUN: &str = "io.switch.netctl.run";
/// Ports the switch listens on: `sip 5060/udp *, media 16384-32767/udp *`.
pub(super) const CLAIMS: &str = "io.switch.netctl.claims";
/// The outer end of its pair of interfaces.
pub(super) const INTERFACE: &str = "io.switch.netctl.interface";
/// Addresses that netctl gave it.
pub(super) const ADDRESSES: &str = "io.switch.netctl.addresses";
/// The network of netctl's own that it is on.
pub(super) const NETWORK: &str = "io.switch.netctl.network";
/// On a network: the container it was made for.
pub(super) const FOR: &str = "io.switch.netctl.for";
/// Whether ports are published.
pub(super) const PUBLISHED: &str = "io.switch.netctl.published";

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

pub(super) fn made(run: &str, claims: &[Claim]) -> HashMap<String, String> {
    HashMap::from([(RUN.to_owned(), run.to_owned()), (CLAIMS.to_owned(), write_claims(claims))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Settings;

    #[test]
    fn claims_are_read_as_written() {
        let variables = "SWITCH__SIP__LISTEN=udp:[::1]:5060,tcp:*:5070".to_owned();
        let settings = Settings::read(&super::super::settings::environment([&variables])).unwrap();
        let labels = BTreeMap::from([(CLAIMS.to_owned(), write_claims(&settings.claims))]);
        assert_eq!(read_claims(&labels), Some(settings.claims));
        assert_eq!(read_claims(&BTreeMap::new()), None);
    }
}
