package androidx.test.runner.intent;

/** Stands in for AndroidX. */
public interface IntentMonitor {}
