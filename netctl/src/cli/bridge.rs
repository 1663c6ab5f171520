//! The verbs of brctl, with its arguments.

use clap::{ArgAction, Subcommand};

use crate::bridge::{Centiseconds, InterfaceName};

pub(super) const HELP: &str = "\
The verbs, their arguments and the columns are those of brctl (bridge-utils 1.7). Where brctl cuts a name that is
too long, wraps a number that is too large, or takes any bridge's name for a port's, this refuses.

Examples:
  netctl bridge addbr br0
  netctl bridge addif br0 veth0
  netctl bridge stp br0 on
  netctl bridge setfd br0 4
  netctl bridge showmacs br0

What changes something needs CAP_NET_ADMIN; what shows needs nothing.";

/// What to do with a bridge.
#[derive(Debug, Subcommand)]
pub enum BridgeVerb {
    /// Add a bridge; it is down until ip link set BRIDGE up
    Addbr {
        /// Its name
        bridge: InterfaceName,
    },
    /// Delete a bridge, which has to be down
    Delbr {
        /// Which one
        bridge: InterfaceName,
    },
    /// Add an interface to a bridge
    Addif {
        /// The bridge
        bridge: InterfaceName,
        /// The interface, which has no master yet
        device: InterfaceName,
    },
    /// Delete an interface from a bridge
    Delif {
        /// The bridge
        bridge: InterfaceName,
        /// One of its ports
        device: InterfaceName,
    },
    /// Turn hairpin on or off: may frames leave by the port they came in
    Hairpin {
        /// The bridge
        bridge: InterfaceName,
        /// One of its ports
        port: InterfaceName,
        /// on or off
        #[arg(value_name = "on|off", action = ArgAction::Set, value_parser = switch)]
        on: bool,
    },
    /// Show a list of bridges
    Show {
        /// Only these; without one, all
        bridges: Vec<InterfaceName>,
    },
    /// Show a bridge's list of hardware addresses
    Showmacs {
        /// The bridge
        bridge: InterfaceName,
    },
    /// Show a bridge's spanning tree
    Showstp {
        /// The bridge
        bridge: InterfaceName,
    },
    /// Turn the spanning tree protocol on or off
    Stp {
        /// The bridge
        bridge: InterfaceName,
        /// on or off
        #[arg(value_name = "on|off", action = ArgAction::Set, value_parser = switch)]
        on: bool,
    },
    /// Set after what silence an address is forgotten
    Setageing {
        /// The bridge
        bridge: InterfaceName,
        /// In seconds
        #[arg(allow_negative_numbers = true)]
        time: Centiseconds,
    },
    /// Set the bridge's priority in the election of the root
    Setbridgeprio {
        /// The bridge
        bridge: InterfaceName,
        /// 0 to 65535; the lowest wins. 0x starts a hexadecimal, 0 an octal number
        #[arg(allow_negative_numbers = true, value_parser = number::<u16>)]
        prio: u16,
    },
    /// Set the forward delay
    Setfd {
        /// The bridge
        bridge: InterfaceName,
        /// In seconds, 2 to 30 while STP is on
        #[arg(allow_negative_numbers = true)]
        time: Centiseconds,
    },
    /// Set the hello time
    Sethello {
        /// The bridge
        bridge: InterfaceName,
        /// In seconds, 1 to 10
        #[arg(allow_negative_numbers = true)]
        time: Centiseconds,
    },
    /// Set the maximum age of a message
    Setmaxage {
        /// The bridge
        bridge: InterfaceName,
        /// In seconds, 6 to 40
        #[arg(allow_negative_numbers = true)]
        time: Centiseconds,
    },
    /// Set what the way over a port costs
    Setpathcost {
        /// The bridge
        bridge: InterfaceName,
        /// One of its ports
        port: InterfaceName,
        /// 1 to 65535
        #[arg(allow_negative_numbers = true, value_parser = number::<u32>)]
        cost: u32,
    },
    /// Set a port's priority
    Setportprio {
        /// The bridge
        bridge: InterfaceName,
        /// One of its ports
        port: InterfaceName,
        /// 0 to 63; the lowest wins
        #[arg(allow_negative_numbers = true, value_parser = number::<u16>)]
        prio: u16,
    },
}

/// brctl's words for it.
fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "yes" | "1" => Ok(true),
        "off" | "no" | "0" => Ok(false),
        _ => Err("expect on/off for argument".to_owned()),
    }
}

/// A number as C writes it, which is how brctl reads it.
fn number<T: TryFrom<i64>>(text: &str) -> Result<T, String> {
    let (radix, digits) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
        None => (10, text),
    };
    let number = i64::from_str_radix(digits, radix).map_err(|_| "not a number".to_owned())?;
    T::try_from(number).map_err(|_| "out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn parse(line: &str) -> Result<BridgeVerb, String> {
        match Cli::try_parse_from(format!("netctl bridge {line}").split(' '))
            .map_err(|e| e.to_string())?
            .command
        {
            Command::Bridge(verb) => Ok(verb),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn numbers_are_written_as_in_c() {
        for (text, value) in [("0x7000", 0x7000), ("010", 8), ("0", 0), ("65535", 65535)] {
            assert_eq!(number::<u16>(text), Ok(value), "{text}");
        }
        for text in ["x", "", "09", "4x", "65536", "-1", "0x"] {
            assert!(number::<u16>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn switches_as_brctl_takes_them() {
        for (text, on) in
            [("on", true), ("yes", true), ("1", true), ("off", false), ("no", false), ("0", false)]
        {
            assert!(
                matches!(parse(&format!("stp br0 {text}")), Ok(BridgeVerb::Stp { on: read, .. }) if read == on)
            );
        }
        for text in ["ON", "2", "maybe"] {
            assert!(
                parse(&format!("hairpin br0 v0 {text}")).unwrap_err().contains("expect on/off"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_refused_says_why() {
        for (line, why) in [
            ("addbr abcdefghijklmnop", "longer than 15 bytes"),
            ("addbr a b", "unexpected argument"),
            ("setfd br0 -1", "out of range"),
            ("setfd br0 4x", "write seconds"),
            ("setbridgeprio br0 65536", "out of range"),
            ("frob", "unrecognized subcommand"),
        ] {
            let said = parse(line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}
