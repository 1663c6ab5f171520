//! brctl's columns, to the tab: scripts cut them apart.

use std::fmt::{self, Display, Formatter};

use super::super::model::{Bridge, Port, Stp};
use super::{Bridges, Macs, SpanningTree};

impl Display for Bridges {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // brctl writes the header with the first bridge, so nothing where there is none.
        if self.rows.is_empty() {
            return Ok(());
        }
        writeln!(f, "bridge name\tbridge id\t\tSTP enabled\tinterfaces")?;
        for row in &self.rows {
            let stp = if row.bridge.stp == Stp::Off { "no" } else { "yes" };
            write!(f, "{}\t\t{}\t{stp}\t\t", row.name, row.bridge.id)?;
            let mut ports = row.ports.iter();
            writeln!(f, "{}", ports.next().map_or("", String::as_str))?;
            for port in ports {
                writeln!(f, "\t\t\t\t\t\t\t{port}")?;
            }
        }
        Ok(())
    }
}

impl Display for Macs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "port no\tmac addr\t\tis local?\tageing timer")?;
        for row in &self.0 {
            let local = if row.local { "yes" } else { "no" };
            writeln!(f, "{:>3}\t{}\t{local}\t\t{:>7}", row.port, row.address, row.age)?;
        }
        Ok(())
    }
}

impl Display for SpanningTree {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Bridge {
            id,
            root,
            root_port,
            root_path_cost,
            max_age,
            hello_time,
            forward_delay,
            ageing_time,
            hello_timer,
            tcn_timer,
            topology_change_timer,
            gc_timer,
            topology_change,
            topology_change_detected,
            stp: _,
        } = &self.bridge;
        writeln!(f, "{}", self.name)?;
        writeln!(f, " bridge id\t\t{id}")?;
        writeln!(f, " designated root\t{root}")?;
        writeln!(f, " root port\t\t{root_port:>4}\t\t\tpath cost\t\t{root_path_cost:>4}")?;
        writeln!(f, " max age\t\t{max_age:>7}\t\t\tbridge max age\t\t{max_age:>7}")?;
        writeln!(f, " hello time\t\t{hello_time:>7}\t\t\tbridge hello time\t{hello_time:>7}")?;
        writeln!(f, " forward delay\t\t{forward_delay:>7}\t\t\tbridge forward delay\t{forward_delay:>7}")?;
        writeln!(f, " ageing time\t\t{ageing_time:>7}")?;
        writeln!(f, " hello timer\t\t{hello_timer:>7}\t\t\ttcn timer\t\t{tcn_timer:>7}")?;
        writeln!(f, " topology change timer\t{topology_change_timer:>7}\t\t\tgc timer\t\t{gc_timer:>7}")?;
        flags(
            f,
            &[
                (*topology_change, "TOPOLOGY_CHANGE "),
                (*topology_change_detected, "TOPOLOGY_CHANGE_DETECTED "),
            ],
        )?;
        writeln!(f, "\n")?;
        self.ports.iter().try_for_each(|(name, port)| one_port(f, name, port))
    }
}

fn one_port(f: &mut Formatter<'_>, name: &str, port: &Port) -> fmt::Result {
    let Port {
        number,
        id,
        state,
        path_cost,
        designated_root,
        designated_bridge,
        designated_port,
        designated_cost,
        message_age_timer,
        forward_delay_timer,
        hold_timer,
        config_pending,
        topology_change_ack,
        hairpin,
    } = port;
    writeln!(f, "{name} ({number})")?;
    writeln!(f, " port id\t\t{id:04x}\t\t\tstate\t\t{state:>15}")?;
    writeln!(f, " designated root\t{designated_root}\tpath cost\t\t{path_cost:>4}")?;
    writeln!(f, " designated bridge\t{designated_bridge}\tmessage age timer\t{message_age_timer:>7}")?;
    writeln!(
        f,
        " designated port\t{designated_port:04x}\t\t\tforward delay timer\t{forward_delay_timer:>7}"
    )?;
    writeln!(f, " designated cost\t{designated_cost:>4}\t\t\thold timer\t\t{hold_timer:>7}")?;
    flags(f, &[(*config_pending, "CONFIG_PENDING "), (*topology_change_ack, "TOPOLOGY_CHANGE_ACK ")])?;
    if *hairpin {
        writeln!(f, " hairpin mode\t\t{:>4}", 1)?;
    }
    writeln!(f)
}

fn flags(f: &mut Formatter<'_>, flags: &[(bool, &str)]) -> fmt::Result {
    let set: String = flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
    writeln!(f, " flags\t\t\t{set}")
}
