"""Folders that running an assignment's code leaves in it: nobody's work, and no part of a handout. .gitignore names them too."""

PICTURES = "check_pictures"  # of `check`
LEFTOVERS = frozenset({"__pycache__", PICTURES, "data", "data_stand_in", "data_stand_in.partial", "page", "results", "samples"})
