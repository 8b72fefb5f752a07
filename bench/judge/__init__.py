"""Compares rules that judge a canary, on the same random traces: `make bench-judge`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
