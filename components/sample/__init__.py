"""Sample: a synthetic data set in Oxford's layout, so that the first run needs no network."""
