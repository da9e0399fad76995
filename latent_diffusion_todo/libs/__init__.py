"""The models of the assignment, and what train.py needs for them."""
