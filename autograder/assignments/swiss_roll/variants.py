"""Right solutions: those of the network, and those of ddpm.py, which both KAIST tasks share."""

from autograder.assignments.kaist import variants as of_ddpm
from autograder.assignments.swiss_roll import network_variants as of_network

VARIANTS = (*of_network.VARIANTS, *of_ddpm.VARIANTS)
