"""Look for the learning rate, batch size and backbone that learn best within a budget."""
