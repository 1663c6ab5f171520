//! The modules a switch loads: one folder a kind, one file a module.
