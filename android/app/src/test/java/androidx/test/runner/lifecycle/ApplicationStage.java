package androidx.test.runner.lifecycle;

/** Stands in for AndroidX. */
public enum ApplicationStage {
    PRE_ON_CREATE,
    CREATED
}
