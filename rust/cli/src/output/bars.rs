//! A plan as a picture: a bar for each candidate, its parts in colour.

use std::fmt::Write;
use std::time::Duration;

use tandem::{Candidate, Plan, PredictedParts};

const WIDTH: f64 = 1060.0;
const LABELS: f64 = 250.0;
const FIGURES: f64 = 320.0;
const ROW: f64 = 34.0;
const TOP: f64 = 56.0;
const FOOT: f64 = 58.0;

/// The parts of a predicted time: name, colour, and their seconds.
type Part = (&'static str, &'static str, fn(&PredictedParts) -> f64);

const PARTS: [Part; 8] = [
    ("on device", "#4e79a7", |parts| parts.on_device),
    ("head", "#76b7b2", |parts| parts.head),
    ("encode", "#bab0ac", |parts| parts.encode),
    ("set up", "#edc948", |parts| parts.setup),
    ("upload", "#f28e2b", |parts| parts.upload),
    ("wait", "#d4a6c8", |parts| parts.wait),
    ("server", "#59a14f", |parts| parts.server),
    ("download", "#e15759", |parts| parts.download),
];

/// The picture, as SVG: bars on one scale of time, a line from the 5th to the 95th percentile, energy and bytes beside
/// them, the chosen candidate marked. Candidates without a prediction have words instead of a bar.
pub(crate) fn bars(plan: &Plan) -> String {
    let ends = plan.candidates.iter().filter_map(|candidate| candidate.predicted);
    let longest = ends.map(|predicted| predicted.latency.p95().as_secs_f64()).fold(0.0, f64::max).max(1e-6);
    let scale = (WIDTH - LABELS - FIGURES) / longest;
    #[expect(clippy::cast_precision_loss, reason = "a picture has few rows")]
    let height = TOP + ROW * plan.candidates.len() as f64 + FOOT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
        escape(&title(plan))
    );
    let mut top = TOP;
    for candidate in &plan.candidates {
        row(&mut svg, plan, candidate, top, scale);
        top += ROW;
    }
    legend(&mut svg, top + 24.0);
    axis(&mut svg, top + 4.0, longest, scale);
    svg.push_str("</svg>\n");
    svg
}

fn title(plan: &Plan) -> String {
    match plan.chosen() {
        Some(chosen) => format!("{}: {}", chosen.placement, chosen.reason.sentence()),
        None => "nowhere".to_owned(),
    }
}

fn row(svg: &mut String, plan: &Plan, candidate: &Candidate, top: f64, scale: f64) {
    let chosen = plan.order.first() == Some(&candidate.placement);
    if chosen {
        let _ = writeln!(
            svg,
            "<rect x=\"4\" y=\"{:.1}\" width=\"{:.1}\" height=\"{ROW}\" fill=\"#eef4fb\" stroke=\"#4e79a7\"/>",
            top - 3.0,
            WIDTH - 8.0
        );
    }
    let weight = if chosen { " font-weight=\"bold\"" } else { "" };
    let name = escape(&candidate.placement.to_string());
    let _ = writeln!(svg, "<text x=\"12\" y=\"{:.1}\"{weight}>{name}</text>", top + 18.0);
    let Some(predicted) = candidate.predicted else {
        let why = escape(candidate.reason.sentence());
        let _ = writeln!(svg, "<text x=\"{LABELS}\" y=\"{:.1}\" fill=\"#777\">{why}</text>", top + 18.0);
        return;
    };
    let mut from = LABELS;
    for (name, colour, part) in PARTS {
        let width = part(&predicted.parts) * scale;
        if width > 0.0 {
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.2}\" y=\"{:.1}\" width=\"{width:.2}\" height=\"16\" fill=\"{colour}\"><title>{name} {}</title></rect>",
                top + 4.0,
                millis(Duration::from_secs_f64(part(&predicted.parts)))
            );
            from += width;
        }
    }
    let at = |time: Duration| LABELS + time.as_secs_f64() * scale;
    let (low, high) = (at(predicted.latency.p05()), at(predicted.latency.p95()));
    let _ = writeln!(
        svg,
        "<path d=\"M{low:.2} {y:.1} H{high:.2} M{low:.2} {up:.1} V{down:.1} M{high:.2} {up:.1} V{down:.1}\" stroke=\"#222\" fill=\"none\"/>",
        y = top + 24.0,
        up = top + 21.0,
        down = top + 27.0
    );
    let figures = WIDTH - FIGURES + 12.0;
    let _ = writeln!(
        svg,
        "<text x=\"{figures}\" y=\"{:.1}\"{weight}>{}, p90 {}</text>",
        top + 12.0,
        millis(predicted.latency.p50()),
        millis(predicted.latency.p90())
    );
    let _ = writeln!(
        svg,
        "<text x=\"{figures}\" y=\"{:.1}\" font-size=\"11\" fill=\"#555\">{:.3} J, {} B up, {} B down: {}</text>",
        top + 26.0,
        predicted.energy_joules,
        predicted.bytes_up,
        predicted.bytes_down,
        escape(candidate.reason.as_str())
    );
}

fn legend(svg: &mut String, y: f64) {
    let mut x = LABELS;
    for (name, colour, _) in PARTS {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>",
            y + 10.0
        );
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" font-size=\"11\">{name}</text>", x + 14.0, y + 19.0);
        x += 80.0;
    }
}

fn axis(svg: &mut String, y: f64, longest: f64, scale: f64) {
    let step = round_step(longest / 4.0);
    let mut time = 0.0;
    while time <= longest * 1.001 {
        let x = LABELS + time * scale;
        let label = millis(Duration::from_secs_f64(time));
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"11\" text-anchor=\"middle\">{label}</text>",
            y + 14.0
        );
        let _ = writeln!(svg, "<path d=\"M{x:.1} {:.1} V{y:.1}\" stroke=\"#ddd\" fill=\"none\"/>", TOP - 8.0);
        time += step;
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let magnitude = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= least)
        .unwrap_or(least)
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis >= 100.0 || millis == 0.0 { format!("{millis:.0} ms") } else { format!("{millis:.2} ms") }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use tandem::{LatencyBand, Placement, Predicted, Reason};

    use super::*;

    fn plan() -> Plan {
        let latency = LatencyBand::lognormal(Duration::from_millis(10), 0.25);
        let parts = PredictedParts { on_device: 0.01, ..PredictedParts::default() };
        let predicted = Predicted { latency, parts, energy_joules: 0.02, bytes_up: 0, bytes_down: 0 };
        let device = Candidate {
            placement: Placement::OnDevice,
            allowed: true,
            reason: Reason::Best,
            predicted: Some(predicted),
        };
        let cloud = Placement::InCloud { endpoint: "<cloud> & co".into() };
        let cloud = Candidate {
            placement: cloud,
            allowed: false,
            reason: Reason::SensitivityForbids,
            predicted: None,
        };
        Plan { order: vec![Placement::OnDevice], candidates: vec![device, cloud], hedge_after: None }
    }

    #[test]
    fn every_candidate_has_its_row_and_names_are_escaped() {
        let svg = bars(&plan());
        assert!(svg.contains("10.00 ms, p90 13.78 ms"), "{svg}");
        assert!(svg.contains("&lt;cloud&gt; &amp; co"), "{svg}");
        assert!(svg.contains("the sensitivity label forbids it"), "{svg}");
        assert_eq!(svg.matches("fill=\"#eef4fb\"").count(), 1);
    }

    #[test]
    fn a_plan_without_predictions_is_a_picture_too() {
        let mut plan = plan();
        for candidate in &mut plan.candidates {
            candidate.predicted = None;
        }
        assert!(bars(&plan).ends_with("</svg>\n"));
    }

    #[test]
    fn steps_are_round_and_not_too_small() {
        for (least, step) in [(0.0011, 0.002), (0.3, 0.5), (7.0, 10.0), (2.0, 2.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}");
        }
    }
}
