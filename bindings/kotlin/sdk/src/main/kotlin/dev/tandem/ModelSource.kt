package dev.tandem

import java.nio.ByteBuffer

/** Where a model comes from. */
public sealed interface ModelSource {
    /**
     * An ONNX file. External data files are read only from inside its folder.
     *
     * @property file the file.
     */
    public class File(
        public val file: java.io.File,
    ) : ModelSource {
        /** The file at this path. */
        public constructor(path: String) : this(java.io.File(path))

        override fun toString(): String = "ModelSource.File($file)"
    }

    /**
     * An ONNX file in memory. External data is refused: there is no folder to read it from.
     *
     * @property bytes the file's bytes, which must not change while the model is loaded.
     */
    public class Bytes(
        public val bytes: ByteArray,
    ) : ModelSource {
        override fun toString(): String = "ModelSource.Bytes(${bytes.size} bytes)"
    }

    /**
     * An ONNX file that comes with the app. Implemented by the platform's part of Tandem, or by you for a place of your own.
     */
    public interface Asset : ModelSource {
        /**
         * The whole file: all that remains in the buffer. Called once for each loading, on a worker thread.
         *
         * A direct buffer, such as a mapped file, is read where it lies; any other is copied.
         *
         * @throws java.io.IOException where the asset cannot be read; loading then fails with
         *   [TandemException.ModelNotFound].
         */
        public fun read(): ByteBuffer
    }
}
