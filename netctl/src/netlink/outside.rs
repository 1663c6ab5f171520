//! A network namespace beyond this host: a thread in a namespace of its own, joined to the host by a pair of
//! interfaces. When the thread ends, or the whole process is killed, the namespace goes, and with it the pair.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use ipnet::{IpNet, Ipv4Net};
use rtnetlink::{AddressMessageBuilder, LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::{Netlink, Wires, apart, refused};
use crate::bridge::{InterfaceName, KernelError};
use crate::network::{Place, Wiring as _};
use netlink_packet_route::link::{InfoData, InfoVeth};

/// Such a namespace, until it is dropped.
pub struct Outside {
    /// The thread in it.
    thread: u32,
    /// Its address.
    pub address: IpAddr,
    end: Option<SyncSender<()>>,
    held: Option<JoinHandle<io::Result<()>>>,
}

impl Outside {
    /// Makes one, with an address that no route here leads to, and a default route by this host.
    ///
    /// # Errors
    /// Where the kernel does not let us.
    pub async fn make() -> Result<Self, KernelError> {
        let (tell, told) = sync_channel(1);
        let (end, ended) = sync_channel::<()>(0);
        let hold = move || {
            apart(move || {
                let own = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get());
                // Whoever waits for it is there still, or has gone and this thread ends.
                let _ = tell.send(own);
                let _ = ended.recv();
            })
        };
        let held = std::thread::spawn(hold);
        let gone =
            || KernelError::Socket(io::Error::other("no network namespace could be made (CAP_SYS_ADMIN)"));
        let thread = told.recv().ok().and_then(Result::ok).ok_or_else(gone)?;
        let net = free().await?;
        let mut hosts = net.hosts();
        let (own, far) = hosts.next().zip(hosts.next()).ok_or_else(gone)?;
        let outside = Self { thread, address: far.into(), end: Some(end), held: Some(held) };
        outside.join(own, far, net.prefix_len()).await?;
        Ok(outside)
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place::Process(self.thread)
    }

    async fn join(&self, own: Ipv4Addr, far: Ipv4Addr, prefix: u8) -> Result<(), KernelError> {
        let name = format!("nctl{:x}", self.thread);
        let Netlink { handle } = Netlink::open()?;
        let inside = LinkMessageBuilder::<LinkUnspec>::new().name("eth0").setns_by_pid(self.thread).build();
        let pair = LinkMessageBuilder::<LinkVeth>::new(&name, "eth0")
            .set_info_data(InfoData::Veth(InfoVeth::Peer(inside)))
            .up()
            .build();
        handle.link().add(pair).execute().await.map_err(refused)?;
        let index =
            Wires.interfaces(Place::Here).await?.iter().find(|its| its.name == name).map(|its| its.index);
        let index = index.ok_or_else(|| KernelError::Refused(io::Error::other("the pair is gone")))?;
        let message = AddressMessageBuilder::<Ipv4Addr>::new().address(own, prefix).index(index).build();
        let mut request = handle.address().add(index, own.into(), prefix);
        *request.message_mut() = message;
        request.execute().await.map_err(refused)?;
        let eth0: InterfaceName =
            "eth0".parse().map_err(|_| KernelError::Protocol("eth0 is no name".to_owned()))?;
        let address = Ipv4Net::new(far, prefix).map_err(|error| KernelError::Protocol(error.to_string()))?;
        Wires.add_addresses(self.thread, &eth0, &[IpNet::V4(address)]).await?;
        Wires.add_gateway(self.thread, own.into()).await
    }
}

/// Four addresses of those that are for measuring (RFC 2544), to which no route leads but the default one.
async fn free() -> Result<Ipv4Net, KernelError> {
    let routes = Wires.routes(Place::Here).await?;
    let taken = |net: &Ipv4Net| {
        let its = |route: &IpNet| match route {
            IpNet::V4(route) => route.prefix_len() > 0 && (route.contains(net) || net.contains(route)),
            IpNet::V6(_) => false,
        };
        routes.iter().any(|route| its(&route.destination))
    };
    let first = (std::process::id() % 64) as u8;
    let nets =
        (0..64).filter_map(|step| Ipv4Net::new([198, 19, 255, (first + step) % 64 * 4].into(), 30).ok());
    let full = || KernelError::Refused(io::Error::other("all of 198.19.255.0/24 is in use"));
    nets.into_iter().find(|net| !taken(net)).ok_or_else(full)
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.end.take();
        if let Some(held) = self.held.take() {
            // It has nothing to say.
            let _ = held.join();
        }
    }
}
