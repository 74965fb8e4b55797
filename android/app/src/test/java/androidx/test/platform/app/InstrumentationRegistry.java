package androidx.test.platform.app;

import android.app.Instrumentation;
import android.os.Bundle;

/** Stands in for AndroidX: what Robolectric registers. */
public final class InstrumentationRegistry {
    private static Instrumentation registered;
    private static Bundle arguments;

    private InstrumentationRegistry() {}

    public static void registerInstance(Instrumentation instrumentation, Bundle bundle) {
        registered = instrumentation;
        arguments = bundle;
    }

    public static Instrumentation getInstrumentation() {
        if (registered == null) throw new IllegalStateException("no instrumentation");
        return registered;
    }

    public static Bundle getArguments() {
        return arguments;
    }
}
