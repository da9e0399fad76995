"""Which files of the solution stand in where an outcome is made with a student's code: a mistake that has cost its own task costs no other."""

from collections.abc import Mapping

from autograder.grading.checks import Carry, WrongAnswer
from autograder.submission.rules import listed


def files_replaced(carry: Carry, file_of: Mapping[str, str], goal: str = "train") -> frozenset[str]:
    """The files with a mistake in them, by the regions that are needed. `goal`: what for.

    Raises WrongAnswer where something is not done, or nothing of the student's would be left.
    """
    if missing := sorted({file_of[region] for region in file_of if region in carry.undone}):
        raise WrongAnswer(f"This needs the TODOs of {listed(missing)}, which are not done yet, so there is nothing to {goal}.")
    if idle := sorted({file_of[region] for region in file_of if region in carry.without_work & carry.wrong}):
        raise WrongAnswer(f"This needs {listed(idle)}, where no check has seen any work yet; the solution stands in for mistakes only.")
    wrong = frozenset(file_of[region] for region in file_of if region in carry.wrong)
    if wrong >= set(file_of.values()) and len(wrong) > 1:
        raise WrongAnswer(f"{listed(sorted(wrong))} have mistakes, see their tasks; with the solution for all of them nothing of yours is left.")
    carry.stood_in.update(region for region in file_of if region in carry.wrong)
    return wrong
