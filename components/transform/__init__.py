"""Transform: pets become photos and masks of one size, split into four partitions."""
