"""Count the words of texts."""
