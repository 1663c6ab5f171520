//! RTP without sockets: headers, streams, RTCP, latching, telephone-event.
