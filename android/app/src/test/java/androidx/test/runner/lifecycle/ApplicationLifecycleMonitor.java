package androidx.test.runner.lifecycle;

/** Stands in for AndroidX. */
public interface ApplicationLifecycleMonitor {}
