"""Ibid: the same model, from the same data, bit for bit, and always with its citation."""

__version__ = "0.1.0"
