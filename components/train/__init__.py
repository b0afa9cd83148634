"""Train a network on the training split; the pipelines `train` and `model` both run it."""
