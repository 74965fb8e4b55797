package androidx.test.runner.lifecycle;

import android.app.Activity;

/** Stands in for AndroidX. */
public interface ActivityLifecycleCallback {
    void onActivityLifecycleChanged(Activity activity, Stage stage);
}
