//! Places one real call and judges what came back.
