//! The few cuts that are worth a deployed tail.

#[cfg(test)]
mod tests;

use crate::cuts::{Cut, CutKind};
use crate::manifest::MultiplyAdds;

/// Uplink and downlink, in bits a second.
const RATES: [f64; 5] = [0.5e6, 2e6, 10e6, 50e6, 200e6];
/// Times that the server is faster than the device.
const SPEED_RATIOS: [f64; 4] = [0.5, 2.0, 8.0, 32.0];
/// Round-trip times, in seconds.
const ROUND_TRIPS: [f64; 3] = [0.005, 0.04, 0.15];
/// Times that the device is slower than the machine that splits.
const SLOWDOWNS: [f64; 2] = [1.0, 4.0];
/// What is gained at least, over the grid's geometric mean, for a further tail.
const LEAST_GAIN: f64 = 1.001;
/// Multiply-adds a second of the machine that splits, where it was not measured.
const TYPICAL_RATE: f64 = 5e9;

/// One place of the grid.
#[derive(Clone, Copy)]
struct World {
    /// Seconds that the whole model takes on the device.
    device: f64,
    speed_ratio: f64,
    rate: f64,
    round_trip: f64,
}

impl World {
    fn all() -> impl Iterator<Item = (f64, f64, f64, f64)> {
        RATES.into_iter().flat_map(|rate| {
            SPEED_RATIOS.into_iter().flat_map(move |ratio| {
                ROUND_TRIPS.into_iter().flat_map(move |round_trip| {
                    SLOWDOWNS.into_iter().map(move |slowdown| (rate, ratio, round_trip, slowdown))
                })
            })
        })
    }

    fn seconds(self, cut: &Cut, [head, tail]: [f64; 2], shrink: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (up, down) = (cut.bytes as f64 / shrink, cut.reply_bytes as f64);
        self.device * (head + tail / self.speed_ratio) + self.round_trip + (up + down) * 8.0 / self.rate
    }
}

/// The cuts worth a deployed tail: at most `most` of `cuts`, best first.
///
/// Left out first is every cut that another one matches or beats in compute on the device, bytes and compute on
/// the server. Of the rest, one after the other is taken that saves the most time over a grid of links (0.5 to
/// 200 Mbit/s, 5 to 150 ms), servers (half to 32 times as fast) and devices (as fast as this machine and a
/// quarter of that), against what is there already: the whole model on the device or in the cloud, and the cuts
/// taken before. It ends where nothing is saved. Where not even one cut saves time, the one with the fewest bytes is
/// taken if they are fewer than the inputs'.
///
/// `whole` is the measured time of the whole model here, in seconds; `shrink` says by how much the smallest wire
/// form is smaller than f32. `heads` are the shares of that time that the cuts' heads take, by a profile; a cut that
/// has none there, or none that is known, is taken for as long as its multiply-adds are.
pub fn choose(
    cuts: &[Cut],
    most: usize,
    whole: Option<f64>,
    shrink: f64,
    heads: &[Option<f64>],
) -> Vec<usize> {
    let shares = shares(cuts, heads);
    let tails: Vec<usize> = pareto(cuts, &shares);
    if most == 0 || tails.is_empty() {
        return Vec::new();
    }
    let estimated = || cuts.first().map_or(0.0, |cut| sum(cut.multiply_adds) / TYPICAL_RATE);
    let whole = whole.unwrap_or_else(estimated);
    let worlds: Vec<World> = World::all()
        .map(|(rate, speed_ratio, round_trip, slowdown)| World {
            device: whole * slowdown,
            speed_ratio,
            rate,
            round_trip,
        })
        .collect();
    let in_cloud = cuts.iter().find(|cut| cut.kind == CutKind::Inputs);
    let mut best: Vec<f64> = worlds
        .iter()
        .map(|world| {
            in_cloud.map_or(f64::INFINITY, |cut| world.seconds(cut, [0.0, 1.0], 1.0)).min(world.device)
        })
        .collect();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < most {
        let gain = |&cut: &usize| -> f64 {
            let saved = worlds.iter().zip(&best).map(|(world, best)| {
                (best / world.seconds(&cuts[cut], shares[cut], shrink).max(f64::MIN_POSITIVE)).max(1.0).ln()
            });
            #[expect(clippy::cast_precision_loss, reason = "a count of some hundred")]
            (saved.sum::<f64>() / worlds.len() as f64).exp()
        };
        let left = tails.iter().filter(|cut| !chosen.contains(cut));
        let Some((cut, gain)) =
            left.map(|&cut| (cut, gain(&cut))).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
        else {
            break;
        };
        if gain < LEAST_GAIN {
            break;
        }
        for (world, best) in worlds.iter().zip(&mut best) {
            *best = best.min(world.seconds(&cuts[cut], shares[cut], shrink));
        }
        chosen.push(cut);
    }
    if chosen.is_empty() {
        let inputs = in_cloud.map_or(u64::MAX, |cut| cut.bytes);
        let smaller = tails.into_iter().filter(|&cut| cuts[cut].bytes < inputs);
        chosen.extend(smaller.min_by_key(|&cut| (cuts[cut].bytes, cut)));
    }
    chosen
}

/// How much of the whole model each cut's head and tail are.
fn shares(cuts: &[Cut], heads: &[Option<f64>]) -> Vec<[f64; 2]> {
    let share = |(place, cut): (usize, &Cut)| {
        let measured = heads.get(place).copied().flatten();
        measured.map_or_else(|| counted(cut.multiply_adds), |head| [head, 1.0 - head])
    };
    cuts.iter().enumerate().map(share).collect()
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn counted(compute: MultiplyAdds) -> [f64; 2] {
    let whole = sum(compute).max(1.0);
    [compute.head as f64 / whole, compute.tail as f64 / whole]
}

/// The cuts with a head that no other one matches or beats in compute on both sides and bytes.
fn pareto(cuts: &[Cut], shares: &[[f64; 2]]) -> Vec<usize> {
    #[expect(clippy::cast_precision_loss, reason = "bytes are fewer than a float has digits")]
    let key = |place: usize| [shares[place][0], cuts[place].bytes as f64, shares[place][1]];
    let beaten = |place: usize| {
        cuts.iter().enumerate().any(|(other, it)| {
            let (mine, its) = (key(place), key(other));
            let matches = its.iter().zip(&mine).all(|(its, mine)| its <= mine);
            let beats = its.iter().zip(&mine).any(|(its, mine)| its < mine);
            it.kind != CutKind::Inputs && other != place && matches && (beats || other < place)
        })
    };
    (0..cuts.len()).filter(|&place| cuts[place].kind != CutKind::Inputs && !beaten(place)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn sum(compute: MultiplyAdds) -> f64 {
    compute.head as f64 + compute.tail as f64
}
