//! How many calls the switch takes: in all, from one source, in one second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

/// The bounds. Zero means none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Inbound calls up at once.
    pub calls: usize,
    /// Inbound calls up at once from one address.
    pub calls_per_source: usize,
    /// Inbound calls taken in any second.
    pub calls_per_second: usize,
}

/// Why a call was not taken. Each is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// The switch drains.
    #[error("the switch is draining")]
    Draining,
    /// [`Limits::calls`].
    #[error("too many calls")]
    Calls,
    /// [`Limits::calls_per_source`].
    #[error("too many calls from this source")]
    Source,
    /// [`Limits::calls_per_second`].
    #[error("too many calls in this second")]
    Rate,
}

/// Every reason, in the order of [`Gate::refused`].
pub const REFUSALS: [Refusal; 4] = [Refusal::Draining, Refusal::Calls, Refusal::Source, Refusal::Rate];

/// Lets calls in, within the limits.
#[derive(Debug)]
pub struct Gate {
    draining: AtomicBool,
    inside: Mutex<Inside>,
    refused: [AtomicU64; 4],
}

#[derive(Debug)]
struct Inside {
    limits: Limits,
    calls: usize,
    sources: HashMap<IpAddr, usize>,
    second: Option<Instant>,
    in_second: usize,
}

impl Gate {
    /// With these limits.
    pub fn new(limits: Limits) -> Arc<Self> {
        let inside = Inside { limits, calls: 0, sources: HashMap::new(), second: None, in_second: 0 };
        Arc::new(Self {
            draining: AtomicBool::new(false),
            inside: Mutex::new(inside),
            refused: Default::default(),
        })
    }

    /// Takes no further calls, or takes them again.
    pub fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Relaxed);
    }

    /// Counts by these limits from now on. Calls that are up stay, however many they are.
    pub fn set_limits(&self, limits: Limits) {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).limits = limits;
    }

    /// Whether the switch takes no further calls.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Lets one call in; it counts until the permit is dropped.
    ///
    /// # Errors
    /// [`Refusal`], counted.
    pub fn admit(self: &Arc<Self>, source: IpAddr) -> Result<Permit, Refusal> {
        let result = self.try_admit(source.to_canonical());
        if let Err(refusal) = result {
            self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
        }
        result.map(|()| Permit { gate: Arc::clone(self), source: source.to_canonical() })
    }

    fn try_admit(&self, source: IpAddr) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        let limit = |limit: usize, count: usize, refusal| {
            if limit > 0 && count >= limit { Err(refusal) } else { Ok(()) }
        };
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        limit(inside.limits.calls, inside.calls, Refusal::Calls)?;
        let here = inside.sources.get(&source).copied().unwrap_or(0);
        limit(inside.limits.calls_per_source, here, Refusal::Source)?;
        let now = Instant::now();
        if inside.second.is_none_or(|second| now - second >= Duration::from_secs(1)) {
            inside.second = Some(now);
            inside.in_second = 0;
        }
        limit(inside.limits.calls_per_second, inside.in_second, Refusal::Rate)?;
        inside.in_second += 1;
        inside.calls += 1;
        inside.sources.insert(source, here + 1);
        Ok(())
    }

    /// Inbound calls up now.
    pub fn calls(&self) -> usize {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).calls
    }

    /// Calls refused so far, by reason, in the order of [`REFUSALS`].
    pub fn refused(&self) -> [u64; 4] {
        std::array::from_fn(|reason| self.refused[reason].load(Ordering::Relaxed))
    }
}

/// One call's place inside the gate.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    source: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.gate.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.calls -= 1;
        if let Some(count) = inside.sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                inside.sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test(start_paused = true)]
    async fn each_limit_refuses_and_a_dropped_permit_makes_room() {
        let gate = Gate::new(Limits { calls: 3, calls_per_source: 2, calls_per_second: 0 });
        let first = gate.admit(A).unwrap();
        let _second = gate.admit(A).unwrap();
        assert_eq!(gate.admit(A).unwrap_err(), Refusal::Source);
        let _third = gate.admit(B).unwrap();
        assert_eq!(gate.admit(B).unwrap_err(), Refusal::Calls);
        drop(first);
        let _again = gate.admit(A).unwrap();
        gate.set_draining(true);
        assert_eq!(gate.admit(B).unwrap_err(), Refusal::Draining);
        assert_eq!(gate.refused(), [1, 1, 1, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_opens_again_after_a_second() {
        let gate = Gate::new(Limits { calls_per_second: 2, ..Limits::default() });
        let _calls = [gate.admit(A).unwrap(), gate.admit(B).unwrap()];
        assert_eq!(gate.admit(B).unwrap_err(), Refusal::Rate);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(gate.admit(B).is_ok());
    }

    #[tokio::test]
    async fn new_limits_count_the_calls_that_are_up() {
        let gate = Gate::new(Limits { calls: 3, ..Limits::default() });
        let _calls = [gate.admit(A).unwrap(), gate.admit(B).unwrap()];
        gate.set_limits(Limits { calls: 1, ..Limits::default() });
        assert_eq!(gate.admit(B).unwrap_err(), Refusal::Calls);
        assert_eq!(gate.calls(), 2, "those that are up stay");
        gate.set_limits(Limits { calls: 3, ..Limits::default() });
        assert!(gate.admit(B).is_ok());
    }

    #[tokio::test]
    async fn an_empty_gate_remembers_no_source() {
        let gate = Gate::new(Limits::default());
        drop(gate.admit(A).unwrap());
        assert!(gate.inside.lock().unwrap().sources.is_empty());
        assert_eq!(gate.calls(), 0);
    }
}
