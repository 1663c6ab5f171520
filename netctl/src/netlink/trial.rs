//! Whether the kernel makes an interface of a kind: it is made in a network namespace of its own, which goes at once.

use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkVeth};

use super::{Netlink, apart};

/// Why the kernel makes no interface of this kind (`veth`, `bridge`), if it does not.
pub fn refuses_link(kind: &str) -> Option<String> {
    let message = match kind {
        "veth" => LinkMessageBuilder::<LinkVeth>::new("trial0", "trial1").build(),
        _ => LinkMessageBuilder::<LinkBridge>::new("trial0").build(),
    };
    let made = apart(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let Netlink { handle } = Netlink::open().map_err(std::io::Error::other)?;
            handle.link().add(message).execute().await.map_err(std::io::Error::other)
        })
    });
    made.and_then(|made| made).err().map(|error| error.to_string())
}
