//! Media workers, sockets, the port allocator and flows: what runs behind a MediaHandle.
