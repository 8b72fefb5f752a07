"""The report of a run in words: composed from its evidence, and checked against it."""
