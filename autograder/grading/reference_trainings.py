"""Weights of trainings of the solution, made once, around which the samplers of many submissions are judged.

Where the checks have proved that a submission's network and loss are the reference's, its training has the distribution of the reference's:
another of its trainings says nothing new of the code, and brings luck into the grade. Which of the two an outcome does is the policy `outcome`
of a manifest, or `autograder grade --outcome`; docs/outcome-rule.md has the measurements.

The file lies beside the code of an assignment and says what it was made from; the assignment's `make_reference_trainings.py` makes it anew.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from autograder.manifest import Manifest
from autograder.verdict import write_atomically


@dataclass(frozen=True)
class ReferenceTraining:
    """One training. `weights`: by the names that the assignment gives them; `losses`: (steps,); `figures`: what the reference's own samplers
    reach with these weights, by the figure's name.
    """

    weights: Mapping[str, NDArray[np.float16]]
    losses: NDArray[np.floating[Any]]
    figures: Mapping[str, float]


def made_from(manifest: Manifest, recipe: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, of all that a training of the solution follows from: its files and the recipe, plain data."""
    total = hashlib.sha256()
    for name in (*manifest.files.todo, *manifest.files.given):
        content = (manifest.solution / name).read_bytes()
        total.update(f"{name} {len(content)}\n".encode() + content)
    total.update(json.dumps(recipe, sort_keys=True).encode())
    return total.hexdigest()


def write(
    path: Path, manifest: Manifest, recipe: Mapping[str, Any], torch_version: str, trainings: Sequence[ReferenceTraining]
) -> None:
    """All trainings as one file of data."""
    arrays: dict[str, NDArray[Any]] = {}
    for index, training in enumerate(trainings):
        arrays |= {f"{index}/{name}": values.astype(np.float16) for name, values in training.weights.items()}
        arrays[f"{index}/losses"] = training.losses.astype(np.float16)
    figures = json.dumps([dict(training.figures) for training in trainings])
    write_atomically(path, save(arrays, {"made_from": made_from(manifest, recipe), "torch": torch_version, "figures": figures}))


def read(path: Path, manifest: Manifest, recipe: Mapping[str, Any]) -> tuple[ReferenceTraining, ...]:
    """The trainings in a file; none where it is not there, is damaged, or was made from another solution or recipe."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("made_from") != made_from(manifest, recipe):
                return ()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return ()
    found = []
    for index, figures in enumerate(json.loads(metadata["figures"])):
        own = {name.partition("/")[2]: values for name, values in arrays.items() if name.startswith(f"{index}/")}
        found.append(ReferenceTraining(weights=own, losses=own.pop("losses"), figures=figures))
    return tuple(found)
