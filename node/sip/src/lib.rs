//! SIP without sockets: framing, transactions, dialogs, digest, SDP.
