"""Where the parts of this repository lie."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ASSIGNMENTS = REPOSITORY / "autograder" / "assignments"
SOLUTIONS = REPOSITORY / "solutions"
