use super::*;
#[test]
fn calibration_explore() {
    for p in calibrate() {
        println!("{} [{}]", p.id, p.semantics);
        for a in p.answers { println!("   {:15} {} {}", a.who.to_string(), a.judgement.mark(), a.says); }
    }
}
