"""An assignment of another shape than those of the repository: see tests/test_toy.py."""
