"""Mutants of the day, of every assignment: `autograder validate --generated` with a number that CI can afford."""

import pytest
from scipy.stats import binom

from autograder.grading.generated.campaign import KILLED, LEAST_KILLED, LEAST_RIGHT, run, seed_of_the_day
from autograder.grading.generated.drawing import draw
from autograder.manifest import assignment_ids, load_manifest
from autograder.report.generated import print_campaign

NUMBER = 50  # of each assignment: some five minutes on two processors in all
RISK = 1e-6 / (2 * len(assignment_ids()))  # of each of the two bounds of an assignment


def most_by_chance(number: int, share: float, risk: float) -> int:
    """The smallest k for which more than k of `number` are hit with probability below `risk`, where each is with probability `share`."""
    return int(binom.isf(risk, number, share))


@pytest.mark.proof
@pytest.mark.parametrize("assignment", assignment_ids())
def test_mutants_of_the_day_are_killed_in_their_own_task(assignment: str):
    """Every survivor is printed with its diff. Of so few mutants more may survive by chance than of all: a rubric that kills 99.5 % of
    all, 99 % of them in the right task alone, fails one of the bounds of all assignments together at less than one in a million seeds
    (binomial; drawing without repetition makes it rarer still).
    """
    seed = seed_of_the_day()
    *_, campaign = run(draw(load_manifest(assignment), NUMBER, seed), seed)
    print_campaign(campaign)
    assert len(campaign.outcomes) == NUMBER
    assert campaign.of("grader failed") == []
    killed = len(campaign.of(*KILLED))
    assert len(campaign.of("survivor")) <= most_by_chance(campaign.judged, 1 - LEAST_KILLED, RISK)
    assert len(campaign.of("also elsewhere", "only elsewhere")) <= most_by_chance(killed, 1 - LEAST_RIGHT, RISK)
