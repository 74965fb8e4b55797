//! Exhaustive bounded models of the protocols. They are tests: see `tests/sensor_leg` and `tests/handover`.
