"""The table `[outcome]` of a manifest, as a record that each assignment declares for itself.

    # autograder/assignments/<id>/rule.py
    @dataclass(frozen=True)
    class Rule(OutcomeRule):
        loss_threshold: float

        def measures(self) -> tuple[Measure, ...]:
            return (Measure("5.the_loss_falls", "loss", self.loss_threshold),)

It is checked when the manifest is loaded, by everybody who loads it, so `rule.py` imports nothing but this.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Measure:
    """A figure that decides a check of an outcome; the first of an assignment is its headline, in tables and on the class page."""

    check: str  # "1-5.ddpm_samples_the_swiss_roll"
    figure: str  # under which the check notes it: "Chamfer distance"
    threshold: float  # it must stay below
    which: str = ""  # of several with this figure: "DDPM"
    near: float = 0.1  # so near to the threshold, as a share of it, another seed might decide otherwise
    error: str = ""  # under which the check notes its standard error, where it has one: near is then within two of it

    @property
    def title(self) -> str:
        return f"{self.figure}, {self.which}" if self.which else self.figure


@dataclass(frozen=True)
class OutcomeRule:
    """What the rest of the grader asks of the rule of any outcome. An assignment without one has this."""

    starts: ClassVar[tuple[str, ...]] = ()  # modules that the outcome starts as processes of their own, so that no import leads there

    def measures(self) -> tuple[Measure, ...]:
        """The figures that decide its checks, the headline first."""
        return ()

    def files(self) -> Iterator[Path]:
        """Files that it reads beside the assignment's folders: a grade depends on them, and a bundle must hold them.

        Raises UserError where one is not there, or cannot be taken along.
        """
        return iter(())


@dataclass(frozen=True)
class Recipe:
    """A short training of the grader's: Adam on `pool` digits for `steps` batches; the rate falls evenly in its logarithm to a tenth. `width`: of
    the network's first level.
    """

    width: int
    steps: int
    batch_size: int
    learning_rate: float
    pool: int

    @property
    def rates(self) -> NDArray[np.float64]:
        """(steps,)."""
        return self.learning_rate * 0.1 ** (np.arange(self.steps) / self.steps)
