//! Which capabilities this process has: CapEff of /proc/self/status.

use std::fs;

use crate::network::Capability;

/// Whether it is known to be missing.
pub(super) fn lacks(capability: Capability) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).is_some_and(|set| set >> number(capability) & 1 == 0)
}

fn effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// The bit, as include/uapi/linux/capability.h has it.
fn number(capability: Capability) -> u32 {
    match capability {
        Capability::NetAdmin => 12,
        Capability::SysAdmin => 21,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_set_counts() {
        let status = "CapPrm:\t000001ffffffffff\nCapEff:\t0000000000201000\nCapBnd:\t000001ffffffffff\n";
        let set = effective(status).unwrap();
        assert_eq!(
            (set >> number(Capability::NetAdmin) & 1, set >> number(Capability::SysAdmin) & 1),
            (1, 1)
        );
        assert_eq!(effective("CapEff: none"), None);
    }
}
