"""Task 2-1: the FID of 500 images, from `samples/` or drawn here from a checkpoint by the student's own sampler.

Images are decoded, and checkpoints loaded, in the worker. Only pixels come back; they are written out anew and measured by `python -m fid`
in a process of its own, so that the grader itself needs no torch.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.assignments.image_diffusion.images import FOLDER, Images, Pixels
from autograder.assignments.image_diffusion.rule import Rule
from autograder.errors import UserError
from autograder.grading import memory
from autograder.grading.checks import Carry, Held, Note, WrongAnswer
from autograder.grading.outcome import OutcomeContext
from autograder.places import REPOSITORY
from autograder.regions import shortest
from autograder.report import image_figures
from autograder.submission.rules import listed, shown
from autograder.verdict import Figure, Notice

COPY = re.compile(r"\b(\d{4})\.png")  # the names of the images that are measured
TOO_VARIED = 2.0  # trace ratio: 1.33 after 3000 steps of the laptop preset, 12 after an eighth of the canonical one (docs/reference-scores.md)
UNTRAINED = 0.5  # loss of a checkpoint's network on its own images: 1 without training, 0.02 after an eighth of the canonical one
METHODS = "ddpm.py:DiffusionModule"
TRAINING = (f"{METHODS}.q_sample", f"{METHODS}.compute_loss")  # without which no model is trained
DDPM = (f"{METHODS}.p_sample", f"{METHODS}.p_sample_loop")
DDIM = (f"{METHODS}.ddim_p_sample", f"{METHODS}.ddim_p_sample_loop")
SAMPLERS = (DDPM, DDIM)  # one of the two draws the samples


@dataclass(frozen=True)
class Measured:
    """What `python -m fid measure` found (fid/__init__.py lists the fields), and the images (N, H, W, 3)."""

    summary: dict[str, Any]
    pixels: Pixels
    origin: str  # "samples/", or "your checkpoint" and why
    loss: float | None = None  # of the checkpoint's network on the images that were drawn with it

    @property
    def fid(self) -> float:
        return float(self.summary["fid"]["value"])

    @property
    def error(self) -> float:
        return float(self.summary["fid"]["standard_error"])


class Outcome:
    """Measures once, when the first check asks; the other checks use the same figures."""

    def __init__(self, context: OutcomeContext):
        self.context = context
        self.rule = context.rule(Rule)
        self.images = Images(context, self.rule)
        self.measured: Measured | None = None
        self.failure: Exception | None = None
        self.wrong: frozenset[str] = frozenset()  # regions in which a check has failed

    def start(self) -> None:
        """Nothing runs in the background: the measurement takes as many threads as it gets."""

    def close(self) -> None:
        self.images.close()

    def expect(self, threshold: str, note: Note, carry: Carry) -> None:
        """FID below the manifest's threshold of that name. Raises WrongAnswer, StudentFailure where the code gave no answer, or Held
        where a person must look at the images first.
        """
        self.wrong = carry.wrong
        measured = self.measure()
        limit = self.rule.threshold(threshold)
        note("FID", measured.fid, 0.01)
        note("standard error", measured.error, 0.01)
        if not measured.fid < limit:
            raise WrongAnswer(self._sentence(measured, limit))
        flags = self.flags(measured)
        if reasons := [flags[name] for name in self.context.manifest.policy.hold if name in flags]:
            raise Held(" ".join(reasons))

    def flags(self, measured: Measured) -> dict[str, str]:
        """What a person must look at before points are given, by its name in the policy: a sentence each."""
        found = dict(measured.summary["findings"])
        if sentence := self._cannot_have_drawn():
            found["cannot_have_drawn"] = sentence
        if measured.loss is not None and not measured.loss <= UNTRAINED:
            found["untrained"] = (
                f"The network of the checkpoint does not know the images that your sampler drew: its loss on them is {measured.loss:.2f}, "
                "where 1 is that of a network without any training."
            )
        return found

    def _sentence(self, measured: Measured, limit: float) -> str:
        floor = measured.summary["fid"]["floor"]
        near = (
            " That is within two standard errors of the threshold."
            if abs(measured.fid - limit) < 2 * measured.error
            else ""
        )
        return (
            f"The FID of the images in {measured.origin} must be below {limit:g}; it is {measured.fid:.1f} ± {measured.error:.1f}."
            f"{near} Real images score {floor['mean']:.1f} here. Reference: {measured.summary['reference']['description']}."
            f"{_what_stands_out(measured.summary, len(measured.pixels))}"
        )

    def measure(self) -> Measured:
        if self.failure is not None:
            raise self.failure
        if self.measured is None:
            try:
                pixels, origin = self.images.take()
                self.measured = Measured(self._figures_of(pixels), pixels, origin, self.images.loss)
            except Exception as error:  # the other check asks again, and gets the same answer
                self.failure = error
                raise
        return self.measured

    # FID

    def _figures_of(self, pixels: Pixels) -> dict[str, Any]:
        """What fid says of the images. Raises UserError where the grader's own reference or weights are at fault."""
        from PIL import Image

        self.context.on_progress("measuring FID", 0, 1)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "samples"
            folder.mkdir()
            for index, image in enumerate(pixels):
                Image.fromarray(image).save(folder / f"{index:04d}.png", compress_level=1)
            out = Path(name) / "figures.json"
            thresholds = f"{self.rule.fid_full:g},{self.rule.fid_half:g}"
            command = [
                sys.executable, "-m", "fid", "measure", str(self.rule.reference_path()), str(folder),
                "--json", str(out), "--count", str(len(pixels)), "--thresholds", thresholds,
            ]  # fmt: skip
            for bank in self.rule.bank:
                command += ["--bank", str(REPOSITORY / bank)]
            if self.rule.weights:
                command += ["--weights", str(REPOSITORY / self.rule.weights)]
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, cwd=name, preexec_fn=memory.lift
            )
            if done.returncode:
                raise UserError(f"FID could not be measured: {done.stderr.strip()[-500:] or done.returncode}")
            return self._by_name(json.loads(out.read_text(encoding="utf-8")))

    def _by_name(self, summary: dict[str, Any]) -> dict[str, Any]:
        """The summary with its sentences about files in the names of the student's files, not of the copies that were measured."""
        names = sorted(self.context.images)
        if len(names) != self.images.number:
            return summary

        def original(match: re.Match[str]) -> str:
            return shown(names[int(match[1])], 40) if int(match[1]) < len(names) else match[0]

        look_at = [COPY.sub(original, text) for text in summary["look_at"]]
        return {**summary, "look_at": look_at, "findings": {k: COPY.sub(original, v) for k, v in summary["findings"].items()}}

    # For the report

    def notices(self) -> list[Notice]:
        """What a person should look at; nothing here takes points away."""
        if self.measured is None:
            return []
        flags = self.flags(self.measured)
        texts = list(dict.fromkeys([*flags.values(), *self.measured.summary["look_at"]]))
        if not self.rule.bank:
            texts.append("Copies of training images were not looked for: the manifest names no bank of them.")
        if "stand-in" in self.measured.summary["reference"]["description"]:
            texts.append(
                "FID was measured against a stand-in for the real data, on another scale than the course's thresholds."
            )
        return [Notice("staff", text) for text in texts]

    def _cannot_have_drawn(self) -> str:
        """A sentence where the code beside the images can have trained no model, or has no sampler that works; or "".

        A loss that is wrong may still train a model, and one sampler of the two is enough; what draws from a checkpoint is DDIM.
        """
        undone, wrong = self.context.untouched, self.wrong | self.context.untouched
        missing = [name for name in TRAINING if name in undone]
        samplers = SAMPLERS[1:] if self.measured is not None and self.measured.origin != FOLDER else SAMPLERS
        if all(any(name in wrong for name in sampler) for sampler in samplers):
            missing += [name for sampler in samplers for name in sampler if name in wrong]
        if not missing:
            return ""
        what = [f"{shortest(name)} is {'not done' if name in undone else 'wrong'}" for name in missing]
        return f"The images can hardly have been drawn with the code beside them: {listed(what, most=6)}. Where do they come from?"

    def figures(self) -> list[Figure]:
        if self.measured is None:
            return []
        found = self.measured
        floor = found.summary["fid"]["floor"]
        grid = image_figures.image_grid(found.pixels, f"64 of the {len(found.pixels)} images in {found.origin}.")
        thresholds = {"full": self.rule.fid_full, "half": self.rule.fid_half}
        scale = image_figures.fid_scale(found.fid, found.error, float(floor["mean"]), thresholds, self._caption(found))
        return [grid, scale]

    def _caption(self, found: Measured) -> str:
        reference = found.summary["reference"]["description"]
        return (
            f"FID {found.fid:.1f} with two standard errors of {found.error:.1f} to each side. Reference: {reference}."
        )


def _what_stands_out(summary: dict[str, Any], number: int) -> str:
    """A sentence on what the images have in common that real ones have not, and where to look; or ""."""
    copies, variance = summary["duplicates"]["identical"], summary["trace_ratio"]
    if copies > number / 10:
        return f" {copies} of the {number} are copies of others: look for a seed that your sampler sets, or noise that it draws only once."
    if variance > TOO_VARIED:
        return (
            f" Their features vary {variance:.0f} times as much as those of real images, as with noise and glaring colours: "
            "was the model trained to the end? If it was, look at the factor in front of ε_θ in your sampler."
        )
    return ""
