"""The stage `evaluate`: says how good the model is, on photos that no stage has seen."""
