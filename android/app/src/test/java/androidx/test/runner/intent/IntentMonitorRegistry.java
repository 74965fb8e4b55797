package androidx.test.runner.intent;

/** Stands in for AndroidX: nobody watches intents. */
public final class IntentMonitorRegistry {
    private IntentMonitorRegistry() {}

    public static void registerInstance(IntentMonitor monitor) {}
}
