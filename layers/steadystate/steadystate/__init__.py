"""Steadystate: proves that a service keeps its steady state under faults and under change."""
