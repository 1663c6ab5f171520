//! The order in which the targets of a service are tried (RFC 2782). Pure: randomness comes in.

/// One SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) name: String,
    pub(super) port: u16,
}

/// By rising priority; within one priority drawn by weight, so that over many calls each target is first as
/// often as its weight says. `random` is asked for a number for each draw.
pub(super) fn order(mut targets: Vec<Target>, mut random: impl FnMut() -> u64) -> Vec<Target> {
    // Those of no weight stand first, so that a draw of zero finds them.
    targets.sort_by_key(|target| (target.priority, target.weight));
    let mut ordered = Vec::with_capacity(targets.len());
    while let Some(first) = targets.first() {
        let same = targets.iter().take_while(|target| target.priority == first.priority);
        let sum: u64 = same.map(|target| u64::from(target.weight)).sum();
        let drawn = random() % (sum + 1);
        let mut running = 0;
        let at = targets.iter().position(|target| {
            running += u64::from(target.weight);
            running >= drawn
        });
        ordered.push(targets.remove(at.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Vec<Target> {
        [(20, 0, "last"), (10, 60, "often"), (10, 20, "seldom"), (10, 0, "hardly")]
            .map(|(priority, weight, name)| Target { priority, weight, name: name.into(), port: 5060 })
            .to_vec()
    }

    fn names(draws: &[u64]) -> Vec<String> {
        let mut draws = draws.iter().copied();
        order(targets(), || draws.next().unwrap()).into_iter().map(|target| target.name).collect()
    }

    #[test]
    fn priority_first_then_weight() {
        assert_eq!(names(&[0, 0, 0, 0]), ["hardly", "seldom", "often", "last"]);
        assert_eq!(names(&[80, 20, 0, 7]), ["often", "seldom", "hardly", "last"]);
        assert_eq!(names(&[20, 60, 0, 0]), ["seldom", "often", "hardly", "last"]);
        assert!(order(Vec::new(), || 0).is_empty());
    }

    #[test]
    fn each_is_first_as_often_as_its_weight_says() {
        let mut next = 0;
        let firsts = (0..81).map(|draw| {
            next = draw;
            order(targets(), || next)[0].name.clone()
        });
        let firsts: Vec<String> = firsts.collect();
        let count = |name: &str| firsts.iter().filter(|first| *first == name).count();
        assert_eq!((count("often"), count("seldom"), count("hardly")), (60, 20, 1));
    }
}
