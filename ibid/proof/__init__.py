"""Where an output comes from, and what differs between two. It reads the store and runs nothing."""
