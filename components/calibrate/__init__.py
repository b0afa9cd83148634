"""The stage `calibrate`: makes the model's probabilities mean what they say."""
