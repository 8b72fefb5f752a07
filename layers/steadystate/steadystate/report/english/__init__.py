"""Runs told in English."""
