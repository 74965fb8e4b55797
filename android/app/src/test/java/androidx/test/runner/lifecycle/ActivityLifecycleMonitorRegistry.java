package androidx.test.runner.lifecycle;

/** Stands in for AndroidX. */
public final class ActivityLifecycleMonitorRegistry {
    private static ActivityLifecycleMonitor registered;

    private ActivityLifecycleMonitorRegistry() {}

    public static void registerInstance(ActivityLifecycleMonitor monitor) {
        registered = monitor;
    }

    public static ActivityLifecycleMonitor getInstance() {
        return registered;
    }
}
