"""Runs told in Korean."""
