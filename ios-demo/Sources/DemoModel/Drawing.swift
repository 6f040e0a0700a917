/// What a finger drew: strokes of points on a square whose sides are 1, with the origin at the top left.
public struct Drawing: Codable, Sendable, Hashable {
    /// A place on the square.
    public struct Point: Codable, Sendable, Hashable {
        /// From left, 0, to right, 1.
        public let x: Double
        /// From top, 0, to bottom, 1.
        public let y: Double

        /// The place, moved onto the square where it lies beside it.
        public init(x: Double, y: Double) {
            self.x = x.isFinite ? min(max(x, 0), 1) : 0
            self.y = y.isFinite ? min(max(y, 0), 1) : 0
        }
    }

    /// The strokes, each with at least one point.
    public private(set) var strokes: [[Point]] = []

    /// Nothing drawn.
    public init() {}

    /// Whether nothing was drawn.
    public var isEmpty: Bool { strokes.isEmpty }

    /// A new stroke from that place.
    public mutating func begin(at point: Point) {
        strokes.append([point])
    }

    /// The last stroke, on to that place.
    public mutating func extend(to point: Point) {
        guard let last = strokes.indices.last else { return begin(at: point) }
        // A resting finger repeats itself.
        if strokes[last].last != point { strokes[last].append(point) }
    }

    /// Nothing drawn any more.
    public mutating func clear() {
        strokes = []
    }

    /// The drawing as the network's training pictures were made: ink moved and scaled to fill a bitmap of 32 by 32,
    /// then counted in blocks of 4 by 4. Where and how large it was drawn does not matter.
    public var picture: Picture {
        let bitmap = Bitmap(strokes)
        return Picture(pixels: bitmap.counts.map { Float($0) / Float(Bitmap.block * Bitmap.block) })
    }
}

/// The bitmap that a drawing is counted in.
private struct Bitmap {
    static let block = 4
    static let side = Picture.side * block
    /// Half the width of the pen, in cells.
    private static let pen = 2.2
    /// A dot is not blown up to the whole bitmap.
    private static let leastExtent = 0.05

    /// Inked cells in each block, row by row.
    private(set) var counts = [Int](repeating: 0, count: Picture.side * Picture.side)
    private let place: (Drawing.Point) -> (x: Double, y: Double)

    init(_ strokes: [[Drawing.Point]]) {
        let (xs, ys) = (strokes.joined().map(\.x), strokes.joined().map(\.y))
        guard let left = xs.min(), let right = xs.max(), let top = ys.min(), let bottom = ys.max() else {
            place = { ($0.x, $0.y) }
            return
        }
        let extent = max(right - left, bottom - top, Self.leastExtent)
        let scale = (Double(Self.side) - 2 * Self.pen) / extent
        let (middleX, middleY, middle) = ((left + right) / 2, (top + bottom) / 2, Double(Self.side) / 2)
        place = { (($0.x - middleX) * scale + middle, ($0.y - middleY) * scale + middle) }
        ink(strokes)
    }

    private mutating func ink(_ strokes: [[Drawing.Point]]) {
        var cells = [Bool](repeating: false, count: Self.side * Self.side)
        for stroke in strokes {
            let points = stroke.map(place)
            for (index, from) in points.enumerated() {
                let to = index + 1 < points.count ? points[index + 1] : from
                Self.ink(&cells, from, to)
            }
        }
        for (index, inked) in cells.enumerated() where inked {
            let (row, column) = (index / Self.side / Self.block, index % Self.side / Self.block)
            counts[row * Picture.side + column] += 1
        }
    }

    /// Inks the cells whose middle the pen covers on its way.
    private static func ink(
        _ cells: inout [Bool], _ from: (x: Double, y: Double), _ to: (x: Double, y: Double)
    ) {
        let (dx, dy) = (to.x - from.x, to.y - from.y)
        let square = dx * dx + dy * dy
        func range(_ low: Double, _ high: Double) -> Range<Int> {
            max(0, Int(low - pen))..<min(side, Int(high + pen) + 1)
        }
        for row in range(min(from.y, to.y), max(from.y, to.y)) {
            for column in range(min(from.x, to.x), max(from.x, to.x)) {
                let (x, y) = (Double(column) + 0.5 - from.x, Double(row) + 0.5 - from.y)
                let along = square > 0 ? min(max((x * dx + y * dy) / square, 0), 1) : 0
                let (offX, offY) = (x - along * dx, y - along * dy)
                if offX * offX + offY * offY <= pen * pen { cells[row * side + column] = true }
            }
        }
    }
}
