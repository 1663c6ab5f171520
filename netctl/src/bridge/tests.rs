//! The verbs against a recording fake: what they ask of the kernel, and what they refuse before they ask.

use std::cell::RefCell;
use std::io;

use super::*;

/// Tells of what it was made with, and notes what it was asked to do.
#[derive(Default)]
struct Fake {
    links: Vec<Link>,
    entries: Vec<Entry>,
    /// The errno that every change is answered with.
    refuse: Option<i32>,
    asked: RefCell<Vec<String>>,
}

impl Fake {
    /// br0 (1, up) with the port v0 (3); br1 (2, down); v1 (4) free; v2 (6) enslaved to a bond (5).
    fn new() -> Self {
        let link = |index, name: &str| Link { index, name: name.to_owned(), ..Link::default() };
        let bridge = Some(Bridge { ageing_time: Centiseconds(30_000), ..Bridge::default() });
        let links = vec![
            Link { bridge: bridge.clone(), ..link(2, "br1") },
            Link { bridge, up: true, ..link(1, "br0") },
            Link { master: Some(1), port: Some(Port { number: 1, ..Port::default() }), ..link(3, "v0") },
            link(4, "v1"),
            link(5, "bond0"),
            Link { master: Some(5), ..link(6, "v2") },
        ];
        Self { links, ..Self::default() }
    }

    fn note(&self, asked: String) -> Result<(), KernelError> {
        self.asked.borrow_mut().push(asked);
        self.refuse.map_or(Ok(()), |errno| Err(KernelError::Refused(io::Error::from_raw_os_error(errno))))
    }
}

impl Kernel for Fake {
    async fn links(&self) -> Result<Vec<Link>, KernelError> {
        Ok(self.links.clone())
    }
    async fn forwarding(&self, _bridge: u32) -> Result<Vec<Entry>, KernelError> {
        Ok(self.entries.clone())
    }
    async fn add_bridge(&self, name: &InterfaceName) -> Result<(), KernelError> {
        self.note(format!("add {name}"))
    }
    async fn delete_link(&self, index: u32) -> Result<(), KernelError> {
        self.note(format!("delete {index}"))
    }
    async fn set_master(&self, index: u32, master: Option<u32>) -> Result<(), KernelError> {
        self.note(format!("master of {index}: {master:?}"))
    }
    async fn set_bridge(&self, index: u32, value: BridgeValue) -> Result<(), KernelError> {
        self.note(format!("bridge {index}: {value:?}"))
    }
    async fn set_port(&self, index: u32, value: PortValue) -> Result<(), KernelError> {
        self.note(format!("port {index}: {value:?}"))
    }
}

fn name(text: &str) -> InterfaceName {
    text.parse().unwrap()
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn each_verb_asks_for_one_thing() {
    let kernel = Fake::new();
    wait(async {
        add_bridge(&kernel, &name("new")).await.unwrap();
        delete_bridge(&kernel, &name("br1")).await.unwrap();
        add_interface(&kernel, &name("br1"), &name("v1")).await.unwrap();
        delete_interface(&kernel, &name("br0"), &name("v0")).await.unwrap();
        set_bridge(&kernel, &name("br1"), BridgeValue::Priority(7)).await.unwrap();
        set_port(&kernel, &name("br0"), &name("v0"), PortValue::Hairpin(true)).await.unwrap();
    });
    assert_eq!(
        *kernel.asked.borrow(),
        [
            "add new",
            "delete 2",
            "master of 4: Some(2)",
            "master of 3: None",
            "bridge 2: Priority(7)",
            "port 3: Hairpin(true)"
        ]
    );
}

/// The kernel would do most of these: delete what is up or no bridge at all, take a port from its master.
#[test]
fn refused_before_the_kernel_is_asked() {
    let kernel = Fake::new();
    let errors = wait(async {
        [
            delete_bridge(&kernel, &name("br0")).await,
            delete_bridge(&kernel, &name("v1")).await,
            delete_bridge(&kernel, &name("nope")).await,
            add_interface(&kernel, &name("br1"), &name("v0")).await,
            add_interface(&kernel, &name("br1"), &name("v2")).await,
            add_interface(&kernel, &name("br1"), &name("br0")).await,
            add_interface(&kernel, &name("br1"), &name("nope")).await,
            add_interface(&kernel, &name("nope"), &name("v1")).await,
            delete_interface(&kernel, &name("br1"), &name("v0")).await,
            set_port(&kernel, &name("br1"), &name("v0"), PortValue::PathCost(1)).await,
        ]
        .map(|done| done.unwrap_err().to_string())
    });
    assert_eq!(
        errors,
        [
            "bridge br0 is still up; can't delete it",
            "device v1 is not a bridge!",
            "bridge nope doesn't exist; can't delete it",
            "device v0 is already a member of a bridge; can't add it to bridge br1.",
            "device v2 is already enslaved to bond0; can't add it to bridge br1.",
            "device br0 is a bridge device itself; can't add a bridge device to a bridge device.",
            "interface nope does not exist!",
            "bridge nope does not exist!",
            "device v0 is not a port of br1",
            "device v0 is not a port of br1",
        ]
    );
    assert!(kernel.asked.borrow().is_empty());
}

#[test]
fn a_missing_capability_is_named() {
    let kernel = Fake { refuse: Some(1), ..Fake::new() };
    let error =
        wait(set_bridge(&kernel, &name("br0"), BridgeValue::ForwardDelay(Centiseconds(400)))).unwrap_err();
    let said = crate::error::report(&error);
    assert!(said.starts_with("netctl: set forward delay failed: Operation not permitted\n"), "{said}");
    assert!(said.contains("CAP_NET_ADMIN"), "{said}");
}

#[test]
fn addresses_are_sorted_and_the_outdated_left_out() {
    let entry = |last, age| Entry {
        address: Mac([2, 0, 0, 0, 0, last]),
        index: 3,
        local: false,
        fixed: false,
        external: false,
        age: Centiseconds(age),
    };
    let entries = vec![
        entry(9, 150),
        Entry { local: true, ..entry(5, 99_999) },
        entry(1, 30_000),
        Entry { external: true, ..entry(7, 30_001) },
        // The bridge's own, which brctl doesn't list.
        Entry { index: 1, local: true, ..entry(3, 0) },
    ];
    let kernel = Fake { entries, ..Fake::new() };
    let table = wait(macs(&kernel, &name("br0"))).unwrap().to_string();
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "  1\t02:00:00:00:00:05\tyes\t\t   0.00",
            "  1\t02:00:00:00:00:07\tno\t\t 300.01",
            "  1\t02:00:00:00:00:09\tno\t\t   1.50"
        ]
    );
}
