"""A small text-conditioned pixel model of 64 × 64 pictures that a program draws, with the interface of DeepFloyd IF's first stage (given)."""
