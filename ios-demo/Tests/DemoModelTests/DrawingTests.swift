import XCTest

@testable import DemoModel

/// What a finger draws, and the picture that the network gets.
@MainActor
final class DrawingTests: XCTestCase {
    func testDigitsDrawnByHandAreRead() async throws {
        let session = try await DemoSession.started(in: try temporaryFolder(self))
        let digits = try session.digits()
        for (drawing, digit) in [(Drawing.nought, 0), (.one, 1), (.four, 4), (.seven, 7)] {
            let reading = try await digits.read(drawing.picture)
            XCTAssertEqual(reading.digit, digit, "\(reading.probabilities)")
            XCTAssertEqual(reading.probabilities.reduce(0, +), 1, accuracy: 1e-4)
        }
    }

    nonisolated func testWhereAndHowLargeADigitIsDrawnDoesNotMatter() {
        for (scale, x, y) in [(1.0, 0.0, 0.0), (0.5, 0.1, 0.4), (0.25, 0.7, 0.05)] {
            let moved = Drawing(Drawing.four.strokes.map { $0.map { ($0.x * scale + x, $0.y * scale + y) } })
            let pairs = zip(moved.picture.pixels, Drawing.four.picture.pixels)
            // A cell at the edge of the pen may fall on either side of it.
            XCTAssert(pairs.allSatisfy { abs($0 - $1) <= 2.0 / 16 }, "\(scale)")
        }
    }

    nonisolated func testPixelsAreCountsOfInkAndNothingIsNothing() {
        XCTAssertEqual(Set(Drawing().picture.pixels), [0])
        for drawing in [Drawing.nought, .one, Drawing([[(0.5, 0.5)]]), Drawing([[(0, 0), (1, 0)]])] {
            let pixels = drawing.picture.pixels
            XCTAssertEqual(pixels.count, 64)
            XCTAssert(pixels.allSatisfy { (0...1).contains($0) })
            XCTAssertGreaterThan(pixels.max() ?? 0, 0)
        }
    }

    nonisolated func testPointsBesideTheSquareAreMovedOntoIt() {
        let point = Drawing.Point(x: -3, y: .nan)
        XCTAssertEqual([point.x, point.y], [0, 0])
        XCTAssertEqual(Drawing.Point(x: .infinity, y: 7).y, 1)
    }

    nonisolated func testARestingFingerAddsNothingAndALostStartIsAStart() {
        var drawing = Drawing()
        drawing.extend(to: .init(x: 0.5, y: 0.5))
        drawing.extend(to: .init(x: 0.5, y: 0.5))
        XCTAssertEqual(drawing.strokes.map(\.count), [1])
        drawing.clear()
        XCTAssert(drawing.isEmpty)
    }

    nonisolated func testBundledPicturesAreReadAndWrongOnesRefused() throws {
        let pictures = try Places.assets.pictures()
        XCTAssertEqual(pictures.count, 40)
        XCTAssertEqual(Set(pictures.map(\.digit)), Set(0...9))
        let folder = try temporaryFolder(self)
        for text in ["[]", "[{\"digit\": 3, \"pixels\": \"AAAA\"}]", "[{\"digit\": 12, \"pixels\": \"\"}]", "{"] {
            let file = folder.appending(path: "pictures.json")
            try Data(text.utf8).write(to: file)
            let assets = DemoAssets(digits: Places.digits, planning: Places.planning, pictures: file)
            XCTAssertThrowsError(try assets.pictures(), text)
        }
    }
}
