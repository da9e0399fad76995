"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.assignments.kaist.accepted import ACCEPTED

__all__ = ["ACCEPTED"]
