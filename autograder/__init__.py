"""Autograder for assignments on diffusion models. The pieces are described in docs/architecture.md."""

__version__ = "0.1.0"
