//! The tables of the configuration file. Each key is documented here and nowhere else: docs/configuration.md
//! is made from these comments.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::advertise::Advertise;
use super::dscp::Dscp;
use super::secret::Secret;
use super::span::{Span, SpanOrOff};
use super::target::Target;
use super::values::{Listen, Pattern, PortRange, Transport, Workers};

/// Everything the switch can be told. Every key has a default: no file is needed.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Config {
    /// Signalling.
    pub sip: Sip,
    /// Media.
    pub rtp: Rtp,
    /// Health, metrics and the list of calls, for people and machines beside the switch.
    pub http: Http,
    /// What the switch takes on. A call beyond a limit is refused with 503 and counted.
    pub limits: Limits,
    /// How the switch leaves without cutting a call, on SIGTERM, SIGINT or `POST /drain`: new calls get 503,
    /// calls that are up go on until the deadline, then they are ended with BYE. After a signal the process ends
    /// with the last call, and a second signal ends it at once.
    pub drain: Drain,
    /// What the switch writes to standard error.
    pub log: Log,
    /// What can be dialled without any configuration.
    pub builtin: Builtin,
    /// Which modules are loaded.
    pub modules: Modules,
    /// A number or pattern and where it leads. Routes are tried in the order written, after the built-in
    /// numbers; the first that matches and whose `from` holds the caller's address takes the call.
    pub route: Vec<Route>,
}

/// `[sip]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// Where SIP is listened for: `udp:ADDRESS:PORT` or `tcp:ADDRESS:PORT`. The address `*` is every address
    /// of the host, IPv4 and IPv6; IPv6 addresses stand in brackets; port 0 lets the kernel choose.
    pub listen: Vec<Listen>,
    /// The address peers are told, the same in Via, Contact and SDP. `"auto"` takes, for each peer, the
    /// kernel's source address toward it. An address is told to everybody. A list tells each network its own:
    /// `[{ network = "10.0.0.0/8", address = "10.1.2.3" }]`; the longest matching network counts, and a peer
    /// in none of them gets `"auto"`.
    pub advertise: Advertise,
    /// Writes every SIP message to the log, as it came or went. Messages hold numbers, names and addresses.
    pub trace: bool,
    /// What stands in the User-Agent and Server headers.
    pub user_agent: String,
    /// T1 of RFC 3261: what a round trip is taken to last. A message that may be lost is sent again after this
    /// long, then at doubled intervals; a request without any answer is given up after 64 times as long.
    pub timer_t1: Span,
    /// A TCP connection on which nothing has come or gone for this long is closed. Keep-alives of RFC 5626 come
    /// every two minutes; a peer that sends none may want longer, a host with many peers shorter.
    pub tcp_idle: Span,
    /// The session interval of RFC 4028 that is asked for in calls to and from peers that support it: a peer
    /// that vanished without BYE is noticed within it. `"off"` asks for none; what a peer asks for is agreed to.
    pub session_expires: SpanOrOff,
    /// The shortest session interval that is taken; a shorter one is refused with 422. RFC 4028 wants at least
    /// 90 s.
    pub min_session_expires: Span,
    /// What signalling is marked with.
    pub dscp: Dscp,
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            listen: [Transport::Udp, Transport::Tcp]
                .map(|transport| Listen { transport, address: None, port: 5060 })
                .to_vec(),
            advertise: Advertise::Auto,
            trace: false,
            user_agent: concat!("switch/", env!("CARGO_PKG_VERSION")).to_owned(),
            timer_t1: Span::millis(500),
            tcp_idle: Span::seconds(300),
            session_expires: SpanOrOff::after(Span::seconds(1800)),
            min_session_expires: Span::seconds(90),
            dscp: Dscp::CS3,
        }
    }
}

/// `[rtp]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rtp {
    /// The UDP ports media may use, both ends included. A leg takes an even one for RTP and the odd one after
    /// it for RTCP, so a bridged call takes four.
    pub ports: PortRange,
    /// Packets wait for the next point of this grid and are then forwarded together: less CPU a packet, at
    /// most this much delay. `"off"` forwards each at once.
    pub grid: SpanOrOff,
    /// Threads that carry media.
    pub workers: Workers,
    /// A call whose peer should be sending and has sent neither RTP nor RTCP for this long is hung up.
    pub silence_timeout: SpanOrOff,
    /// The same for a call on hold, whose peer need not send.
    pub held_timeout: SpanOrOff,
    /// How long a port rests after a call before another call gets it, so that late packets of the old call
    /// do not reach the new one.
    pub rest: Span,
    /// What media is marked with, RTP and RTCP.
    pub dscp: Dscp,
}

impl Default for Rtp {
    fn default() -> Self {
        Self {
            ports: PortRange::DEFAULT,
            grid: SpanOrOff::after(Span::millis(1)),
            workers: Workers::Auto,
            silence_timeout: SpanOrOff::after(Span::seconds(60)),
            held_timeout: SpanOrOff::OFF,
            rest: Span::seconds(2),
            dscp: Dscp::EF,
        }
    }
}

/// `[http]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where `/metrics`, `/livez`, `/readyz` and `/calls` are served. Whoever reaches it can read which
    /// numbers talk to each other.
    pub listen: SocketAddr,
    /// What a request that changes something (`DELETE /calls/ID`, `POST /drain`, `POST /reload`) has to show as
    /// `Authorization: Bearer TOKEN`. While neither this nor `token_file` is set, such requests are taken from
    /// this machine only.
    pub token: Secret,
    /// A file that holds the token, instead of `token`. Read at the start, at each reload, and when another one is
    /// shown than it held: a new one counts as soon as it is used.
    pub token_file: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9282)), token: Secret::default(), token_file: None }
    }
}

/// `[limits]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls that may be up at once. A bridged call is one call.
    #[schemars(range(min = 1))]
    pub calls: u32,
    /// Calls that may be up at once from one source address.
    #[schemars(range(min = 1))]
    pub calls_per_source: u32,
    /// New calls that are taken within one second.
    #[schemars(range(min = 1))]
    pub calls_per_second: u32,
    /// How long a call may last; then it is hung up.
    pub duration: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 4000,
            calls_per_source: 1000,
            calls_per_second: 100,
            duration: Span::seconds(12 * 3600),
        }
    }
}

/// `[drain]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// How long calls may go on after the first signal, or after `POST /drain` unless that says otherwise. Docker
    /// kills a container 10 s after the signal, Kubernetes a pod 30 s after it, unless told otherwise: stay below.
    pub deadline: Span,
    /// What Retry-After says, in whole seconds, where a call or an OPTIONS is refused with 503: while the switch
    /// drains, and at a limit.
    pub retry_after: Span,
}

impl Default for Drain {
    fn default() -> Self {
        Self { deadline: Span::seconds(8), retry_after: Span::seconds(10) }
    }
}

/// `[log]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least level written: `error`, `warn`, `info`, `debug`, `trace` or `off`; one for everything, or a
    /// list with a level for a part of the switch: `info,switch_endpoint=debug`.
    pub level: String,
    /// `text` for people, `json` for machines (one object a line).
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// `[builtin]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Builtin {
    /// The numbers that need no route: 9195 delayed echo, 9196 echo, 9197 milliwatt tone, 9198 a tune, 9664
    /// music on hold. They answer anybody, within the limits.
    pub numbers: bool,
}

impl Default for Builtin {
    fn default() -> Self {
        Self { numbers: true }
    }
}

/// `[modules]`
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Modules {
    /// Modules that must load, by name: where one cannot, the switch does not start and says which and why.
    /// Empty means every module that is built in and not named under `optional`.
    pub required: Vec<String>,
    /// Modules that may fail to load: the failure is reported and the switch runs without them.
    pub optional: Vec<String>,
}

/// `[[route]]`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The dialled number has to match this. Without `^` and `$` a part of the number is enough.
    pub r#match: Pattern,
    /// The SIP URI that is called and joined with the caller. `$1` or `${1}` is the pattern's first group,
    /// `$0` all it matched, `$$` a dollar sign.
    pub bridge: Target,
    /// Who may use the route: the networks the caller's packets come from. Nothing is an open relay, so unless
    /// written this is the machine itself.
    #[serde(default = "loopback")]
    #[schemars(with = "Vec<String>")]
    pub from: Vec<IpNet>,
    /// How long the called side may ring.
    #[serde(default = "ring")]
    pub timeout: Span,
}

fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("two networks written here")).to_vec()
}

fn ring() -> Span {
    Span::seconds(60)
}
