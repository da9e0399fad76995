"""The rule of task 2-1, as the table [outcome] of the manifest. docs/fid.md; docs/reference-scores.md says what known samples score."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from autograder.errors import UserError
from autograder.outcome_rule import Measure, OutcomeRule
from autograder.places import REPOSITORY


@dataclass(frozen=True)
class Rule(OutcomeRule):
    reference: str  # of fid/references, or a path seen from the repository
    weights: str  # of the reference's network, where it is not in this repository: a path, or ""
    bank: tuple[str, ...]  # folders of training images, in which copies are looked for
    fid_full: float  # below it: all points
    fid_half: float  # below it: half of them
    num_inference_timesteps: int  # of DDIM, where samples are drawn from a checkpoint
    batch_size: int  # of drawing

    starts: ClassVar[tuple[str, ...]] = ("fid.__main__",)

    def threshold(self, name: str) -> float:
        return {"fid_full": self.fid_full, "fid_half": self.fid_half}[name]

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(f"2-1.fid_{which}", "FID", self.threshold(f"fid_{which}"), which, error="standard error")
            for which in ("full", "half")
        )

    def files(self) -> Iterator[Path]:
        yield self.reference_path()
        yield from sorted((REPOSITORY / "fid" / "weights").glob("*.safetensors"))
        for name in filter(None, (self.weights, *self.bank)):
            yield from _below(name)

    def reference_path(self) -> Path:
        """The file of the reference. Raises UserError where there is none."""
        for path in (REPOSITORY / "fid" / "references" / f"{self.reference}.npz", REPOSITORY / self.reference):
            if path.is_file():
                return path
        raise UserError(f"There is no reference {self.reference}; make it with `python -m fid reference DIR -o FILE`.")


def _below(name: str) -> list[Path]:
    """The files of a path that the manifest names. Raises UserError where it is not there, or outside of the repository."""
    path = REPOSITORY / name
    if not path.exists():
        raise UserError(f"image_diffusion names {name} in its outcome, which is not there; put it there, or take it out.")
    if not path.resolve().is_relative_to(REPOSITORY):
        raise UserError(
            f"{name} lies outside of the repository, so a bundle cannot hold it; copy it into the repository."
        )
    return sorted(inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else [path]
