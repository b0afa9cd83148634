"""The stage `release`: decides whether a model may be served, and says why."""
