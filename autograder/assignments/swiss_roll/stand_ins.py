"""For which parts of the pipeline the reference stands in, in task 1-5. Pure functions on what the other tasks have found.

The network (1-1), the loss (1-4, with q_sample of 1-2) and a sampler (1-2 or 1-3), which is a step and a loop around it. Where a part is
wrong, the reference stands in for it, so that a mistake that has cost its own task does not cost this one too, under three conditions:

1. Every part shows work of its own, right or wrong (grading.work). What is not done, or does no work, is not replaced.
2. A sampler is never replaced as a whole: its step, or its loop, is the student's own, and right by its own checks.
3. Something is left to judge: network, loss and sampler are not all three wrong.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from autograder.grading.checks import WrongAnswer
from autograder.regions import shortest
from autograder.submission.rules import listed

Sampler = Literal["ddpm", "ddim"]
SAMPLERS: tuple[Sampler, ...] = ("ddpm", "ddim")
NETWORK = ("network.py:SimpleNet.__init__", "network.py:SimpleNet.forward")
METHODS = "ddpm.py:DiffusionModule"
LOSS = (f"{METHODS}.compute_loss", f"{METHODS}.q_sample")
STEP: dict[Sampler, str] = {"ddpm": "p_sample", "ddim": "ddim_p_sample"}
LOOP: dict[Sampler, str] = {"ddpm": "p_sample_loop", "ddim": "ddim_p_sample_loop"}


@dataclass(frozen=True)
class Plan:
    """What is the student's own. `replaced`: regions that the reference stands in for, for the report."""

    own_network: bool = True
    own_loss: bool = True
    own_step: bool = True
    own_loop: bool = True

    def replaced(self, sampler: Sampler) -> list[str]:
        parts = (
            (self.own_network, "network.py:SimpleNet"),
            (self.own_loss, LOSS[0]),
            (self.own_step, f"{METHODS}.{STEP[sampler]}"),
            (self.own_loop, f"{METHODS}.{LOOP[sampler]}"),
        )
        return [name for is_own, name in parts if not is_own]


def plan_for(sampler: Sampler, wrong: Set[str], undone: Set[str], without_work: Set[str]) -> Plan:
    """Whose parts are used. Raises WrongAnswer with a sentence for the student where the outcome is lost without a training."""
    its_step, its_loop = f"{METHODS}.{STEP[sampler]}", f"{METHODS}.{LOOP[sampler]}"
    needed = (*NETWORK, *LOSS, its_step, its_loop)
    if missing := _called(undone & set(needed)):
        raise WrongAnswer(
            f"This needs {', '.join(missing)}, which {_are(missing)} not done yet, so there is nothing to train or to sample."
        )
    if idle := _called(without_work & wrong & set(needed)):
        raise WrongAnswer(
            f"This needs {listed(idle)}, which {'does' if len(idle) == 1 else 'do'} none of {'its' if len(idle) == 1 else 'their'} work "
            "yet: no check has seen more than code without any work gives. The reference stands in for a part with a mistake, "
            "and not for one that is still to be written."
        )
    step, loop = its_step not in wrong, its_loop not in wrong
    if not (step or loop):
        raise WrongAnswer(
            f"Both {STEP[sampler]} and {LOOP[sampler]} have mistakes, see their task; the reference stands in for one of the two, "
            "and not for a whole sampler."
        )
    plan = Plan(not wrong & set(NETWORK), not wrong & set(LOSS), step, loop)
    if not (plan.own_network or plan.own_loss or (step and loop)):
        raise WrongAnswer(
            "Network, loss and sampler all have mistakes, see their tasks; "
            "with the reference in place of all three too little of yours is left to judge."
        )
    return plan


def _called(regions: Set[str]) -> list[str]:
    return sorted({shortest(region) for region in regions})


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
