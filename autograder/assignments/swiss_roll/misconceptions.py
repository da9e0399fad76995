"""Known mistakes of this assignment: those of its network, and those of ddpm.py, which both KAIST tasks share."""

from autograder.assignments.kaist import misconceptions as of_ddpm
from autograder.assignments.kaist.misconceptions import ALGORITHMS as ALGORITHMS
from autograder.assignments.kaist.misconceptions import RIGHT_FORMS as RIGHT_FORMS
from autograder.assignments.swiss_roll import network_misconceptions as of_network

MISCONCEPTIONS = (*of_network.MISCONCEPTIONS, *of_ddpm.MISCONCEPTIONS)
COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("silu-for-relu", "noise-at-t-0"),
    ("activation-after-last-layer", "loss-against-x0"),
    ("layers-in-a-plain-list", "loop-stops-at-t-1"),
    ("plain-linear-last", "start-from-zeros", "ddim-start-from-zeros"),
    ("t-ignored", "network-fed-constant-t"),
    ("hidden-sizes-reversed", "output-of-input-size"),
    ("silu-for-relu", "activation-after-last-layer"),
    ("t-ignored", "no-activation"),
    *of_ddpm.COMBINATIONS,
)
