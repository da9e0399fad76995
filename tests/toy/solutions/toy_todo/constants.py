"""Given."""

SIZE = 0.125
