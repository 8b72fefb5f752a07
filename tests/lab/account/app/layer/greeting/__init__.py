"""A layer's package, used in place."""

WORD = "안녕"
