"""Components of the pipeline `words`."""
