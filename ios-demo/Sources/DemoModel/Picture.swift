import Foundation
import Tandem

/// A grey picture of one digit, as the network takes it.
public struct Picture: Sendable, Hashable {
    /// Pixels of a side.
    public static let side = 8
    /// The pixels row by row: 0 is ground, 1 is ink.
    public let pixels: [Float]

    init(pixels: [Float]) {
        self.pixels = pixels
    }

    var tensor: Tensor {
        get throws { try Tensor(pixels, shape: [1, 1, Self.side, Self.side]) }
    }
}

/// A bundled picture and the digit that it shows.
public struct LabelledPicture: Sendable, Hashable {
    /// The picture.
    public let picture: Picture
    /// From 0 to 9.
    public let digit: Int
}

/// What the app ships beside its code.
public struct DemoAssets: Sendable {
    /// A network, an ONNX file, and where it may be cut; without the latter it runs whole.
    public struct Network: Sendable {
        let model: URL
        let manifest: URL?

        /// Files that lie anywhere.
        public init(_ model: URL, cuts manifest: URL?) {
            self.model = model
            self.manifest = manifest
        }

        func load(in runtime: Runtime) async throws -> Model {
            var options = LoadOptions()
            options.splits = manifest.map { SplitManifest(file: $0) }
            return try await runtime.load(.file(model), options: options)
        }
    }

    /// The network that reads digits.
    let digits: Network
    /// The network that the screen Plan is about.
    let planning: Network
    private let pictureFile: URL

    /// Files that lie anywhere.
    public init(digits: Network, planning: Network, pictures: URL) {
        self.digits = digits
        self.planning = planning
        self.pictureFile = pictures
    }

    /// The resources of a bundle.
    ///
    /// - Parameter bundle: The app's.
    public init(in bundle: Bundle) {
        func find(_ name: String) -> URL? { bundle.url(forResource: name, withExtension: nil) }
        // What is missing is so at the place where it should be, for the error to name.
        func resource(_ name: String) -> URL { find(name) ?? bundle.bundleURL.appending(path: name) }
        func network(_ name: String) -> Network {
            Network(resource("\(name).onnx"), cuts: find("\(name).tandem.json"))
        }
        self.init(digits: network("digits"), planning: network("planning"), pictures: resource("pictures.json"))
    }

    private struct Entry: Decodable {
        let digit: Int
        let pixels: Data
    }

    /// The bundled pictures.
    ///
    /// - Throws: What reading the file throws, and ``DemoError/badPictures(_:)`` where it holds no such pictures.
    public func pictures() throws -> [LabelledPicture] {
        let entries = try JSONDecoder().decode([Entry].self, from: Data(contentsOf: pictureFile))
        guard !entries.isEmpty else { throw DemoError.badPictures("there are none") }
        return try entries.enumerated().map { index, entry in
            guard entry.pixels.count == Picture.side * Picture.side, (0...9).contains(entry.digit) else {
                throw DemoError.badPictures("picture \(index): digit \(entry.digit), \(entry.pixels.count) pixels")
            }
            let pixels = entry.pixels.map { Float($0) / 255 }
            return LabelledPicture(picture: Picture(pixels: pixels), digit: entry.digit)
        }
    }
}

/// What goes wrong in the app itself.
public enum DemoError: LocalizedError, Sendable, Equatable {
    /// The bundled pictures cannot be used.
    case badPictures(String)
    /// What was typed as an endpoint is none.
    case badEndpoint(String)
    /// The network gave something else than ten probabilities.
    case badAnswer(String)
    /// The model is not loaded.
    case notReady
    /// The keychain refused.
    case keychain(Int)

    /// A sentence for people.
    public var errorDescription: String? {
        switch self {
        case .badPictures(let what): "The bundled pictures cannot be read: \(what)."
        case .badEndpoint(let what): what
        case .badAnswer(let what): "The network did not answer with ten probabilities: \(what)."
        case .notReady: "The model is still loading."
        case .keychain(let status): "The keychain refused the token (status \(status))."
        }
    }
}
