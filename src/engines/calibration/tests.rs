use super::*;
use super::generated::*;
use std::collections::BTreeMap;
#[test]
fn calibration_variants() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut total = 0u64;
    for (threads, ops, vars, n) in [(3,2,1,300),(3,2,2,300),(2,4,1,300),(2,4,2,300),(4,2,1,20)] {
        let mut r = Random::new(7);
        let (mut missed, mut inv) = (0, 0);
        for _ in 0..n {
            let p = Generated::variant2(&mut r, threads, ops, vars, 3);
            let truth = p.outcomes();
            let run = raw::loom(&p, |b| b.max_duration = None);
            total += run.executions;
            if !truth.is_subset(&run.observed.outcomes) { missed += 1; }
            if !run.observed.outcomes.is_subset(&truth) { inv += 1; }
            if run.ended != raw::Ended::Passed { let k = format!("{:?}", run.ended); if seen.get(&k).is_none() { println!("{k} {p:?}"); } *seen.entry(k).or_default() += 1; }
        }
        println!("{threads}x{ops} vars {vars}: missed {missed} invented {inv} of {n}; executions so far {total}");
    }
    println!("{seen:?}");
}
