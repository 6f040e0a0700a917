//! One run, in full.

use std::io::{self, Write};
use std::time::Duration;

use tandem::{DType, RemoteTiming, Tensor, Timing};

use super::{Align, Answer, Scores, Table, bytes, printable, significant, time};
use crate::compare::Difference;
use crate::labels::ClassNames;

/// How many elements are shown of an output that is no classifier's.
const FIRST: usize = 8;

/// Writes one run: where it ran and why, its outputs, and the time of each phase.
pub(crate) fn write_answer(
    writer: &mut impl Write,
    answer: &Answer,
    model: &str,
    top: usize,
    names: &ClassNames,
) -> io::Result<()> {
    let decision = &answer.prediction.decision;
    let file = answer.file.as_ref().map(|file| format!(" on {file}")).unwrap_or_default();
    writeln!(writer, "{}", printable(&format!("{model}{file}")))?;
    let place = printable(&decision.placement.to_string()).into_owned();
    writeln!(writer, "  ran {place}: {} ({})", decision.reason.sentence(), decision.reason)?;
    if let Some(cause) = &decision.fallback_cause {
        writeln!(writer, "  first tried elsewhere: {}", printable(cause))?;
    }
    let best = answer.scores().map(|(name, ..)| name);
    for (name, tensor) in answer.prediction.outputs.iter() {
        writeln!(writer)?;
        writeln!(writer, "{} {} {:?}", printable(name), tensor.dtype(), tensor.shape())?;
        match Scores::new(tensor).filter(|_| best == Some(name)) {
            Some(scores) => write_scores(writer, &scores, top, names)?,
            None => write_elements(writer, tensor)?,
        }
    }
    writeln!(writer)?;
    write_times(writer, &answer.prediction.timing)?;
    write_differences(writer, answer)?;
    for path in &answer.written {
        writeln!(writer, "wrote {}", printable(path))?;
    }
    Ok(())
}

fn write_scores(writer: &mut impl Write, scores: &Scores, top: usize, names: &ClassNames) -> io::Result<()> {
    let score = if scores.are_probabilities() { "probability" } else { "score" };
    let mut table = Table::new([("class", Align::Right), ("name", Align::Left), (score, Align::Right)]);
    for (class, score) in scores.top(top) {
        table.row([class.to_string().as_str(), names.name(class).unwrap_or("-"), &significant(score)]);
    }
    table.write(writer, 2)
}

/// The beginning of a tensor, and for numbers what range they have.
fn write_elements(writer: &mut impl Write, tensor: &Tensor) -> io::Result<()> {
    let count = tensor.element_count();
    let (first, range) = if let Some(strings) = tensor.strings() {
        (strings.iter().take(FIRST).map(|text| format!("{text:?}")).collect(), None)
    } else if tensor.dtype() == DType::Bool {
        (tensor.to_bools().unwrap_or_default().iter().take(FIRST).map(bool::to_string).collect(), None)
    } else {
        let values = numbers(tensor);
        let first: Vec<String> = values.iter().take(FIRST).map(|&value| significant(value)).collect();
        (first, Range::of(&values))
    };
    let rest = if count > FIRST { format!(", … {count} in all") } else { String::new() };
    writeln!(writer, "  {}{rest}", printable(&first.join(", ")))?;
    if let Some(Range { least, most, mean }) = range.filter(|_| count > 1) {
        let (least, most, mean) = (significant(least), significant(most), significant(mean));
        writeln!(writer, "  from {least} to {most}, mean {mean}")?;
    }
    Ok(())
}

/// The elements as they are shown; an integer beyond 2^53 is rounded.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    macro_rules! collect {
        ($type:ty, $convert:expr) => {
            tensor.values::<$type>().map(|values| values.iter().map($convert).collect()).unwrap_or_default()
        };
    }
    #[expect(clippy::cast_precision_loss, reason = "it is shown with six digits")]
    match tensor.dtype() {
        DType::U8 => collect!(u8, |&value| f64::from(value)),
        DType::U16 => collect!(u16, |&value| f64::from(value)),
        DType::U32 => collect!(u32, |&value| f64::from(value)),
        DType::U64 => collect!(u64, |&value| value as f64),
        DType::I8 => collect!(i8, |&value| f64::from(value)),
        DType::I16 => collect!(i16, |&value| f64::from(value)),
        DType::I32 => collect!(i32, |&value| f64::from(value)),
        DType::I64 => collect!(i64, |&value| value as f64),
        DType::F16 => collect!(half::f16, |value| value.to_f64()),
        DType::F32 => collect!(f32, |&value| f64::from(value)),
        DType::F64 => collect!(f64, |&value| value),
        _ => Vec::new(),
    }
}

/// What the values of a tensor span.
struct Range {
    least: f64,
    most: f64,
    mean: f64,
}

impl Range {
    fn of(values: &[f64]) -> Option<Self> {
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        #[expect(clippy::cast_precision_loss, reason = "it is shown with six digits")]
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(Self { least, most, mean })
    }
}

fn write_times(writer: &mut impl Write, timing: &Timing) -> io::Result<()> {
    let total = time(timing.total);
    let mut table = Table::new([("time", Align::Left), (total.as_str(), Align::Right), ("", Align::Left)]);
    let mut row = |name: &str, duration: Duration, note: &str| {
        table.row([format!("  {name}").as_str(), &time(duration), note]);
    };
    if let Some(device) = timing.device {
        row("device", device, "");
    }
    if let Some(remote) = &timing.remote {
        row("encode", remote.encode, "");
        row("connect", remote.connect, if remote.connect.is_zero() { "a connection was open" } else { "" });
        row("upload", remote.upload, &bytes(remote.request_bytes));
        let server = remote.server.map(|server| format!("the server computed for {}", time(server)));
        row("wait", remote.wait, &server.unwrap_or_default());
        row("download", remote.download, &bytes(remote.answer_bytes));
        row("decode", remote.decode, "");
        row(
            "other",
            timing.total.saturating_sub(phases(timing, remote)),
            "asking once what the endpoint takes, among others",
        );
    }
    table.write(writer, 0)
}

/// All that was measured of a run with an exchange.
fn phases(timing: &Timing, remote: &RemoteTiming) -> Duration {
    let exchange =
        [remote.encode, remote.connect, remote.upload, remote.wait, remote.download, remote.decode];
    exchange.iter().sum::<Duration>() + timing.device.unwrap_or_default()
}

fn write_differences(writer: &mut impl Write, answer: &Answer) -> io::Result<()> {
    for (name, difference) in answer.differences.iter().flatten() {
        let name = printable(name);
        match difference {
            None => writeln!(writer, "{name}: device and endpoint give other types or shapes")?,
            Some(Difference { differing: 0, .. }) => {
                writeln!(writer, "{name}: device and endpoint give the same")?;
            }
            Some(Difference { largest, differing, .. }) => {
                let largest = significant(*largest);
                writeln!(
                    writer,
                    "{name}: device and endpoint differ by at most {largest}, in {differing} elements"
                )?;
            }
        }
    }
    Ok(())
}
