//! Cuts as a table and as JSON: what `inspect --cuts` shows.

use std::io::{self, Write};

use serde::Serialize;
use tandem::split::{Boundary, CrossingTensor, CutKind, Cuts, MultiplyAdds};

use crate::output::{Align, Table, bytes};

/// A cut for scripts.
#[derive(Debug, Serialize)]
pub(super) struct CutDocument<'a> {
    id: &'a str,
    kind: &'static str,
    chosen: bool,
    boundary: &'a Boundary,
    multiply_adds: MultiplyAdds,
    bytes: u64,
    reply_bytes: u64,
}

/// All cuts for scripts.
#[derive(Debug, Serialize)]
pub(super) struct CutsDocument<'a> {
    sizes: &'a std::collections::BTreeMap<String, usize>,
    cuts: Vec<CutDocument<'a>>,
    /// The values that cannot cross, and why.
    refused: Vec<String>,
}

impl<'a> CutsDocument<'a> {
    pub(super) fn new(cuts: &'a Cuts, chosen: &[usize]) -> Self {
        let document = |(place, cut): (usize, &'a tandem::split::Cut)| CutDocument {
            id: &cut.id,
            kind: kind(cut.kind),
            chosen: chosen.contains(&place),
            boundary: &cut.boundary,
            multiply_adds: cut.multiply_adds,
            bytes: cut.bytes,
            reply_bytes: cut.reply_bytes,
        };
        Self {
            sizes: &cuts.sizes,
            cuts: cuts.cuts.iter().enumerate().map(document).collect(),
            refused: cuts.refused.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Writes the cuts as a table, those that are chosen with a star.
pub(super) fn write(cuts: &Cuts, chosen: &[usize], out: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new([
        ("", Align::Left),
        ("cut", Align::Left),
        ("on device", Align::Right),
        ("multiply-adds", Align::Right),
        ("behind it", Align::Right),
        ("crosses", Align::Right),
        ("kind", Align::Left),
        ("tensors", Align::Left),
    ]);
    for (place, cut) in cuts.cuts.iter().enumerate() {
        let MultiplyAdds { head, tail } = cut.multiply_adds;
        let tensors: Vec<String> = cut.boundary.crossing.iter().map(tensor).collect();
        table.row([
            if chosen.contains(&place) { "*" } else { "" },
            &cut.id,
            &format!("{:.1} %", percent(head, tail)),
            &count(head),
            &count(tail),
            &bytes(cut.bytes),
            kind(cut.kind),
            &tensors.join(", "),
        ]);
    }
    table.write(out, 0)?;
    writeln!(out)?;
    writeln!(out, "* is what `tandem split` would choose")?;
    if !cuts.sizes.is_empty() {
        let sizes: Vec<String> =
            cuts.sizes.iter().map(|(symbol, size)| format!("{symbol} = {size}")).collect();
        writeln!(out, "compute and bytes are for {}", crate::output::printable(&sizes.join(", ")))?;
    }
    for refused in &cuts.refused {
        writeln!(out, "no cut: {}", crate::output::printable(&refused.to_string()))?;
    }
    Ok(())
}

fn tensor(tensor: &CrossingTensor) -> String {
    let info = tensor.info();
    format!("{} {} {}", info.name, info.dtype, info.shape_text())
}

const fn kind(kind: CutKind) -> &'static str {
    match kind {
        CutKind::Inputs => "inputs",
        CutKind::Single => "single",
        CutKind::Several => "several",
        CutKind::MinCut => "min-cut",
    }
}

/// The share of the head, from 0 to 100.
#[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
pub(super) fn percent(head: u64, tail: u64) -> f64 {
    100.0 * head as f64 / (head.saturating_add(tail)).max(1) as f64
}

/// A count with three digits: `12.3 M`.
#[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
pub(super) fn count(count: u64) -> String {
    let (value, unit) = match count {
        0..1_000 => return count.to_string(),
        1_000..1_000_000 => (count as f64 / 1e3, "k"),
        1_000_000..1_000_000_000 => (count as f64 / 1e6, "M"),
        _ => (count as f64 / 1e9, "G"),
    };
    format!("{value:.1} {unit}")
}
