use super::*;
use crate::Boundary;

fn cut(kind: CutKind, head: u64, tail: u64, bytes: u64) -> Cut {
    Cut {
        id: format!("{head}-{bytes}"),
        kind,
        boundary: Boundary { crossing: Vec::new(), head_outputs: Vec::new() },
        multiply_adds: MultiplyAdds { head, tail },
        bytes,
        reply_bytes: 4000,
    }
}

/// Like `AlexNet`: much compute early, a small middle.
fn narrow_waist() -> Vec<Cut> {
    vec![
        cut(CutKind::Inputs, 0, 1_000_000_000, 600_000),
        cut(CutKind::Single, 100_000_000, 900_000_000, 1_000_000),
        cut(CutKind::Single, 400_000_000, 600_000_000, 40_000),
        cut(CutKind::Single, 410_000_000, 590_000_000, 40_000),
        cut(CutKind::Single, 400_000_000, 600_000_000, 40_000),
        cut(CutKind::Several, 900_000_000, 100_000_000, 9000),
    ]
}

#[test]
fn the_waist_is_chosen_first_and_what_is_beaten_never() {
    let cuts = narrow_waist();
    assert_eq!(pareto(&cuts, &shares(&cuts, &[])), [1, 2, 3, 5]);
    let chosen = choose(&cuts, 3, Some(0.2), 1.0, &[]);
    assert_eq!(chosen[0], 2);
    assert!(!chosen.contains(&4) && !chosen.contains(&0), "{chosen:?}");
    assert_eq!(choose(&cuts, 1, Some(0.2), 1.0, &[]), [2]);
    assert_eq!(choose(&cuts, 0, None, 1.0, &[]), [0; 0]);
}

#[test]
fn where_no_cut_saves_time_the_smallest_is_taken() {
    let cuts = narrow_waist();
    assert_eq!(choose(&cuts, 3, Some(1e-6), 1.0, &[]), [5]);
    assert_eq!(choose(&cuts[..1], 3, Some(1.0), 1.0, &[]), [0; 0]);
    // Neither time nor bytes.
    assert_eq!(choose(&cuts[..2], 3, Some(1e-6), 1.0, &[]), [0; 0]);
}

#[test]
fn measured_shares_count_for_more_than_multiply_adds() {
    let cuts = narrow_waist();
    // The waist's head takes nearly all of the time, the cut in front of it next to nothing.
    let heads = [Some(0.0), Some(0.01), Some(0.98), Some(0.98), Some(0.98), Some(0.02)];
    assert_eq!(choose(&cuts, 1, Some(0.2), 1.0, &heads), [5]);
    // What is not known is counted.
    assert_eq!(choose(&cuts, 1, Some(0.2), 1.0, &[None; 6]), [2]);
}
