"""Compute of the lab: runs as real processes what the account says should run."""
