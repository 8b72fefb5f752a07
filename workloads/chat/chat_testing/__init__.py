"""Real processes and clients for the chat's tests."""
