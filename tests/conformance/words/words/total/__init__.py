"""Add counts up."""
