import Foundation

internal import TandemGenerated

/// Where a model comes from.
public struct ModelSource: Sendable {
    private let place: Place

    private enum Place: Sendable {
        case file(URL)
        case bytes(Data)
        case asset(name: String, bundle: URL)
    }

    /// An ONNX file. External data files are read only from inside its folder.
    ///
    /// - Parameter url: A file URL.
    /// - Returns: The source.
    public static func file(_ url: URL) -> ModelSource {
        ModelSource(place: .file(url))
    }

    /// An ONNX file in memory. External data is refused: there is no folder to read it from.
    ///
    /// - Parameter data: The file's bytes.
    /// - Returns: The source.
    public static func bytes(_ data: Data) -> ModelSource {
        ModelSource(place: .bytes(data))
    }

    /// A resource of a bundle.
    ///
    /// - Parameters:
    ///   - name: The resource's name with its ending: `digits.onnx`.
    ///   - bundle: The bundle; a package's own is `Bundle.module`.
    /// - Returns: The source. Whether the resource is there shows when the model is loaded.
    public static func asset(_ name: String, in bundle: Bundle = .main) -> ModelSource {
        ModelSource(place: .asset(name: name, bundle: bundle.bundleURL))
    }

    /// Loads the model. Blocks until it is there or `cancel` ends it.
    func load(
        in runtime: TandemGenerated.Runtime, _ options: TandemGenerated.LoadOptions, _ cancel: CancelToken
    ) throws -> TandemGenerated.Model {
        switch place {
        case .file(let url):
            return try runtime.loadFile(path: try Self.path(of: url), options: options, cancel: cancel)
        case .bytes(let data):
            try checkCrossing(data.count)
            return try runtime.loadBytes(data: data, options: options, cancel: cancel)
        case .asset(let name, let bundle):
            let path = try Self.path(ofAsset: name, in: bundle)
            return try runtime.loadFile(path: path, options: options, cancel: cancel)
        }
    }

    private static func path(of url: URL) throws -> String {
        guard url.isFileURL else {
            throw TandemError(.invalidArgument, "a model is loaded from a file, \(url.absoluteString) is none")
        }
        return url.path
    }

    private static func path(ofAsset name: String, in bundle: URL) throws -> String {
        guard let url = Bundle(url: bundle)?.url(forResource: name, withExtension: nil) else {
            throw TandemError(.modelNotFound, "no resource \"\(name)\" in the bundle \(bundle.lastPathComponent)")
        }
        return url.path
    }
}
