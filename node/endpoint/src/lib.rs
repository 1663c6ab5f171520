//! The SIP endpoint: transports, user agent and legs.
