//! Compute and bytes along a graph as a picture: SVG, written by hand.

use std::fmt::Write as _;

use tandem::split::Place;

/// A cut to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// Compute of the head.
    pub(crate) multiply_adds: u64,
    /// Bytes that cross.
    pub(crate) bytes: u64,
    /// What stands beside it, where it is chosen.
    pub(crate) label: Option<String>,
}

const WIDTH: f64 = 960.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
/// Top and bottom of the panel of bytes.
const BYTES: (f64, f64) = (64.0, 304.0);
/// Top and bottom of the panel of compute.
const COMPUTE: (f64, f64) = (352.0, 472.0);
/// The first line of the list of chosen cuts, and the height of a line.
const LIST: (f64, f64) = (536.0, 20.0);
/// Characters of a label.
const LABEL: usize = 110;

const BLUE: &str = "#2563a8";
const RED: &str = "#c2410c";
const GRAY: &str = "#5b6470";

struct Picture<'a> {
    places: &'a [Place],
    /// The fewest and the most bytes of the axis, as powers of ten.
    decades: (i32, i32),
    total: u64,
    text: String,
}

/// The picture of the graph of `name`: what would cross behind each node, compute up to it, and the cuts.
pub(crate) fn plot(name: &str, places: &[Place], marks: &[Mark]) -> String {
    let all = || places.iter().map(|place| place.bytes).chain(marks.iter().map(|mark| mark.bytes));
    let decade = |bytes: u64| i32::try_from(bytes.max(1).ilog10()).unwrap_or(0);
    let least = all().filter(|&bytes| bytes > 0).map(decade).min().unwrap_or(0);
    let most = all().map(decade).max().unwrap_or(0) + 1;
    let mut picture = Picture {
        places,
        decades: (least, most),
        total: places.last().map_or(1, |place| place.multiply_adds.max(1)),
        text: String::new(),
    };
    let chosen = marks.iter().filter(|mark| mark.label.is_some()).count();
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    let height = LIST.0 + LIST.1 * chosen as f64 + 8.0;
    picture.line(&format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#1c2330">"##
    ));
    picture.line(&format!(r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##));
    let title = format!("Where {name} may be cut");
    picture.text((LEFT, 26.0), "start", "font-size=\"17\" font-weight=\"bold\"", &title);
    picture.text((LEFT, 50.0), "start", "", "bytes that cross behind each node, as they are in the graph");
    picture.text((LEFT, COMPUTE.0 - 12.0), "start", "", "compute on the device, of all multiply-adds");
    picture.grid();
    picture.curves();
    picture.marks(marks);
    picture.line("</svg>");
    picture.text
}

impl Picture<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, style: &str, text: &str) {
        let text = escaped(text);
        self.line(&format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" {style}>{text}</text>"#));
    }

    /// The middle of the node at `place`.
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn x(&self, place: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / self.places.len().max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn y_of_bytes(&self, bytes: u64) -> f64 {
        let (least, most) = (f64::from(self.decades.0), f64::from(self.decades.1));
        let part = ((bytes.max(1) as f64).log10() - least) / (most - least).max(1.0);
        BYTES.1 - (BYTES.1 - BYTES.0) * part.clamp(0.0, 1.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn y_of_compute(&self, multiply_adds: u64) -> f64 {
        COMPUTE.1 - (COMPUTE.1 - COMPUTE.0) * (multiply_adds as f64 / self.total as f64).clamp(0.0, 1.0)
    }

    fn grid(&mut self) {
        let rule = |y: f64| {
            let end = WIDTH - RIGHT;
            format!(r##"<line x1="{LEFT}" y1="{y:.1}" x2="{end}" y2="{y:.1}" stroke="#e3e7ec"/>"##)
        };
        for decade in self.decades.0..=self.decades.1 {
            let value = 10_u64.saturating_pow(u32::try_from(decade).unwrap_or(0));
            let y = self.y_of_bytes(value);
            self.line(&rule(y));
            self.text((LEFT - 8.0, y + 4.0), "end", &fill(GRAY), &decimal(decade));
        }
        for percent in [0_u64, 50, 100] {
            let share = u64::try_from(u128::from(self.total) * u128::from(percent) / 100).unwrap_or(0);
            let y = self.y_of_compute(share);
            self.line(&rule(y));
            self.text((LEFT - 8.0, y + 4.0), "end", &fill(GRAY), &format!("{percent} %"));
        }
        let note = format!("{} nodes in topological order", self.places.len());
        self.text((WIDTH - RIGHT, COMPUTE.1 + 20.0), "end", &fill(GRAY), &note);
    }

    /// A step for each node.
    fn curves(&mut self) {
        let path = |y: &dyn Fn(&Place) -> f64, base: f64| {
            let (mut path, mut place) = (format!("M{LEFT:.1} {base:.1}"), 0.0);
            for it in self.places {
                let (left, right, y) = (self.x(place - 0.5), self.x(place + 0.5), y(it));
                // Writing to a string cannot fail.
                let _ = write!(path, "L{left:.1} {y:.1}L{right:.1} {y:.1}");
                place += 1.0;
            }
            let _ = write!(path, "L{:.1} {base:.1}Z", self.x(place - 0.5));
            path
        };
        let bytes = path(&|place| self.y_of_bytes(place.bytes), BYTES.1);
        let compute = path(&|place| self.y_of_compute(place.multiply_adds), COMPUTE.1);
        for path in [bytes, compute] {
            self.line(&format!(
                r#"<path d="{path}" fill="{BLUE}" fill-opacity="0.14" stroke="{BLUE}" stroke-width="1"/>"#
            ));
        }
    }

    fn marks(&mut self, marks: &[Mark]) {
        for mark in marks.iter().filter(|mark| mark.label.is_none()) {
            let (x, y) = (self.place_of(mark), self.y_of_bytes(mark.bytes));
            self.line(&format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="2" fill="{BLUE}"/>"#));
        }
        let mut y = LIST.0;
        let chosen = marks.iter().filter_map(|mark| Some((mark, mark.label.as_deref()?)));
        for ((mark, label), letter) in chosen.zip('A'..='Z') {
            let (x, dot) = (self.place_of(mark), self.y_of_bytes(mark.bytes));
            let (top, bottom) = (BYTES.0, COMPUTE.1);
            self.line(&format!(
                r#"<line x1="{x:.1}" y1="{top}" x2="{x:.1}" y2="{bottom}" stroke="{RED}" stroke-dasharray="5 4"/>"#
            ));
            self.line(&format!(r#"<circle cx="{x:.1}" cy="{dot:.1}" r="5" fill="{RED}"/>"#));
            let style = format!("fill=\"{RED}\" font-weight=\"bold\"");
            self.text((x, BYTES.0 - 3.0), "middle", &style, &letter.to_string());
            self.text((LEFT, y), "start", &style, &letter.to_string());
            self.text((LEFT + 20.0, y), "start", "", &shortened(label));
            y += LIST.1;
        }
        if y > LIST.0 {
            let head = "cuts that `tandem split` would choose; blue dots are the others";
            self.text((LEFT, LIST.0 - 24.0), "start", &fill(GRAY), head);
        }
    }

    /// Behind the node up to which there is as much compute; of several such, the one whose bytes are nearest.
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn place_of(&self, mark: &Mark) -> f64 {
        let off = |(_, place): &(usize, &Place)| {
            (place.multiply_adds.abs_diff(mark.multiply_adds), place.bytes.abs_diff(mark.bytes))
        };
        if mark.multiply_adds == 0 && self.places.first().is_none_or(|first| first.bytes != mark.bytes) {
            return LEFT;
        }
        let nearest = self.places.iter().enumerate().min_by_key(off);
        nearest.map_or(LEFT, |(place, _)| self.x(place as f64 + 0.5))
    }
}

fn fill(colour: &str) -> String {
    format!("fill=\"{colour}\"")
}

/// A power of ten bytes: `10 kB`.
fn decimal(decade: i32) -> String {
    let unit = ["B", "kB", "MB", "GB", "TB"].get(usize::try_from(decade / 3).unwrap_or(0));
    format!("1{} {}", "0".repeat(usize::try_from(decade % 3).unwrap_or(0)), unit.copied().unwrap_or("PB"))
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL {
        return label.to_owned();
    }
    label.chars().take(LABEL - 1).chain(['…']).collect()
}

/// Text for XML, without characters that XML cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(multiply_adds: u64, bytes: u64) -> Place {
        Place { node: "n".to_owned(), operator: "Add".to_owned(), multiply_adds, bytes }
    }

    #[test]
    fn foreign_text_stays_text() {
        let mark = Mark { multiply_adds: 5, bytes: 100, label: Some("<script>&\u{1b}".to_owned()) };
        let svg = plot("a<b", &[place(5, 100), place(10, 0)], &[mark]);
        assert!(svg.contains("Where a&lt;b may be cut"), "{svg}");
        assert!(svg.contains("&lt;script&gt;&amp;\u{fffd}") && !svg.contains("<script"), "{svg}");
    }

    #[test]
    fn bytes_stand_on_their_decades() {
        assert_eq!(["1 B", "100 B", "10 kB", "1 MB"].map(str::to_owned), [0, 2, 4, 6].map(decimal));
        assert_eq!(shortened(&"x".repeat(200)).chars().count(), LABEL);
    }

    #[test]
    fn nothing_to_draw_is_drawn() {
        assert!(plot("empty", &[], &[]).ends_with("</svg>\n"));
    }
}
