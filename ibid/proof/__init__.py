"""Where an output comes from, what differs between two, and whether it can be had again."""
