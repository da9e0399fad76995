"""Right versions of flow_matching.py of many shapes."""
from autograder.grading.mutants import Variant
FLOW: tuple[Variant, ...] = ()
