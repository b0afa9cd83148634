"""The effect `deploy`: puts an accepted release where it is to run."""
