"""Carries out the FIS experiments of the account for real."""
