// The few classes of androidx.test that Robolectric itself calls, which Maven Central does not have.
package androidx.test.platform.app

import android.app.Instrumentation
import android.os.Bundle

class InstrumentationRegistry private constructor() {
    companion object {
        private var instrumentation: Instrumentation? = null
        private var arguments: Bundle? = null

        @JvmStatic
        fun registerInstance(
            instrumentation: Instrumentation?,
            arguments: Bundle?,
        ) {
            this.instrumentation = instrumentation
            this.arguments = arguments
        }

        @JvmStatic
        fun getInstrumentation(): Instrumentation = checkNotNull(instrumentation)

        @JvmStatic
        fun getArguments(): Bundle = checkNotNull(arguments)
    }
}
