"""Real processes and a scratch database for the bank's tests."""
