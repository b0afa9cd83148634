"""The real data set: the two tarballs of the Oxford-IIIT Pet Dataset, fetched and checked."""
