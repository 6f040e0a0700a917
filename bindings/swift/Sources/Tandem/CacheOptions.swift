import Foundation

internal import TandemGenerated

/// A folder in which compiled models are kept, so that their next load takes a fraction of the time: at the next start of the
/// app, most of all. Answers are the same bit for bit.
///
/// ```swift
/// var configuration = RuntimeConfiguration()
/// let caches = FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask)[0]
/// configuration.cache = CacheOptions(folder: caches.appending(path: "tandem"))
/// let runtime = try Runtime(configuration)
/// ```
///
/// Of each model and set of input shapes one file is kept, with the graph as it was compiled and the weights as the kernels
/// want them; no inputs and no outputs. A model with weights in files of its own, or with an operator that has no such form, is
/// compiled at each load as without a cache. Loading and first runs take longer, by the writing, where nothing is kept yet.
///
/// Files may be removed at any time, as iOS does in the Caches folder where storage is short. What is damaged, or was written by
/// another version of Tandem, is compiled and written anew. A folder that cannot be made, read or written fails nothing: every
/// load then takes as long as without a cache.
///
/// Files are mapped while a model that was loaded from them is open. Nobody may shorten them in place, and they must stay
/// readable: a folder of the protection class `complete`, which closes when the device is locked, is no place for them.
///
/// Whoever can write to the folder decides what models answer: it belongs in the app's own container.
public struct CacheOptions: Sendable, Hashable {
    /// The folder, made where it is missing; on Apple's systems one in the Caches folder, which is in no backup.
    public var folder: URL
    /// How many bytes the files may take together; those that were used least recently go first. `nil` is 1 GiB.
    public var maxBytes: UInt64?

    /// A cache in that folder.
    ///
    /// - Parameters:
    ///   - folder: A file URL.
    ///   - maxBytes: How many bytes the files may take together.
    public init(folder: URL, maxBytes: UInt64? = nil) {
        self.folder = folder
        self.maxBytes = maxBytes
    }

    func raw() throws -> TandemGenerated.CacheOptions {
        guard folder.isFileURL else {
            throw TandemError(.invalidArgument, "a cache is a folder, \(folder.absoluteString) is none")
        }
        return TandemGenerated.CacheOptions(folder: folder.path(percentEncoded: false), maxBytes: maxBytes)
    }
}
