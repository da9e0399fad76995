"""Task 2-1: the FID of 500 images, from `samples/` or drawn here from a checkpoint by the student's own sampler.

Images are decoded, and checkpoints loaded, in the worker. Only pixels come back; they are written out anew and measured by `python -m fid`
in a process of its own, so that the grader itself needs no torch.
"""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.assignments.image_diffusion.rule import Rule
from autograder.errors import UserError
from autograder.grading import memory
from autograder.grading.checks import Carry, Floats, Held, Note, WrongAnswer, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.limits import Limits
from autograder.places import REPOSITORY
from autograder.regions import shortest
from autograder.report import image_figures
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.proxies import Student, from_wire, to_wire
from autograder.submission.rules import listed, shown
from autograder.verdict import Figure, Notice

Pixels = NDArray[np.uint8]
DECODED_AT_ONCE = 50
CHECKPOINT = "checkpoint.ckpt"  # its name in the worker
COPY = re.compile(r"\b(\d{4})\.png")  # the names of the images that are measured
TOO_VARIED = 2.0  # trace ratio: 1.33 after 3000 steps of the laptop preset, 12 after an eighth of the canonical one (docs/reference-scores.md)
UNTRAINED = 0.5  # loss of a checkpoint's network on its own images: 1 without training, 0.02 after an eighth of the canonical one
LOSSES, LOOKED_AT = 8, 4  # draws of it, and images in each
FOLDER = "samples/"
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
        files = context.manifest.files
        assert files.num_samples is not None
        assert files.image_resolution is not None
        self.number, self.side = files.num_samples, files.image_resolution
        self.measured: Measured | None = None
        self.failure: Exception | None = None
        self.lanes: list[Any] = []
        self.wrong: frozenset[str] = frozenset()  # regions in which a check has failed
        self.loss: float | None = None

    def start(self) -> None:
        """Nothing runs in the background: the measurement takes as many threads as it gets."""

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()

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
                pixels, origin = self._images()
                self.measured = Measured(self._figures_of(pixels), pixels, origin, self.loss)
            except Exception as error:  # the other check asks again, and gets the same answer
                self.failure = error
                raise
        return self.measured

    # Where the images come from

    def _images(self) -> tuple[Pixels, str]:
        number, found = self.number, len(self.context.images)
        if found == number:
            return self._decoded(), FOLDER
        if self.context.checkpoint is not None:
            return self._drawn(), f"your checkpoint (samples/ holds {found} images, not {number})"
        if found:
            raise WrongAnswer(
                f"There must be {number} images in samples/; there are {found}. "
                "Draw them again into an empty folder: `python sampling.py --ckpt_path CHECKPOINT --save_dir samples`."
            )
        raise WrongAnswer(
            f"There is no folder samples/ with images. Draw {number} with "
            "`python sampling.py --ckpt_path CHECKPOINT --save_dir samples` and hand the folder in with your code."
        )

    def _lane(self) -> Any:
        lane = self.context.sandbox.lane()
        self.lanes.append(lane)
        return lane

    @property
    def _patience(self) -> Limits:
        """The clock of the drawing also for what it begins with: to import torchvision and to load a model takes long on a busy machine."""
        return dataclasses.replace(self.context.limits, seconds_per_call=self.context.limits.seconds_training)

    def _decoded(self) -> Pixels:
        """The images, in the order of their names. Raises WrongAnswer naming the files that are not what they must be."""
        side = self.side
        names = sorted(self.context.images)
        problems: list[str] = []
        pixels = []
        with self._lane().start({}, self.context.limits) as worker:
            for start in range(0, len(names), DECODED_AT_ONCE):
                batch = names[start : start + DECODED_AT_ONCE]
                self.context.on_progress("reading images", start, len(names))
                files = [np.frombuffer(self.context.images[name], dtype=np.uint8) for name in batch]
                answer = from_wire(worker.request("decode_images", {"images": to_wire(files)}))
                for name, fault, array in _faults(batch, answer, side):
                    if fault:
                        problems.append(f"{shown(name, 40)} {fault}")
                    else:
                        pixels.append(array)
        if problems:
            raise WrongAnswer(f"Every image must be an RGB picture of {side}×{side}: {listed(problems, most=3)}.")
        return np.stack(pixels)

    def _drawn(self) -> Pixels:
        """Images from the checkpoint, by the student's ddim_p_sample_loop, in the worker."""
        assert self.context.checkpoint is not None
        number, side, batch = self.number, self.side, self.rule.batch_size
        draw = Draw(self.context.secret, self.context.digest, "2-1 samples")
        files = {**self.context.files, CHECKPOINT: self.context.checkpoint}
        student = Student(self._lane(), files, self._patience)
        sampling = student.module("sampling")
        model = sampling.new("load_model", CHECKPOINT, "cpu").new("__getitem__", 0)
        resolution = model.get("image_resolution")
        if type(resolution) is not int or resolution != side:
            raise WrongAnswer(
                f"There is no folder samples/, and your checkpoint draws images of another size than {side}×{side}; "
                "only a model of the canonical preset can be graded."
            )
        parts = []
        for start in range(0, number, batch):
            self.context.on_progress("drawing images", start, number)
            count = min(batch, number - start)
            fields = {
                "target": sampling.ref,
                "path": "draw",
                "args": [model.ref, count, draw.seed(), self.rule.num_inference_timesteps],
                "kwargs": {},
            }
            value = sampling.worker.request(
                "call", fields, seconds=self.context.limits.seconds_training, threads=self.context.threads
            )
            x = expect_tensor(from_wire(value), (count, 3, side, side), "The result of ddim_p_sample_loop")
            if start == 0:
                with contextlib.suppress(StudentFailure, WrongAnswer):  # a flag that cannot be looked for costs nobody a grade
                    self.loss = self._loss_of_network(x[:LOOKED_AT], draw)
            parts.append(np.clip((x + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8))
        return np.concatenate(parts).transpose(0, 2, 3, 1)

    def _loss_of_network(self, x: Floats, draw: Draw) -> float:
        """The training loss (DDPM, Eq. 14) of the checkpoint's network on these images, (N, 3, H, W), by the reference's code and in a
        worker where there is none of the student's: mean ‖ε − ε_θ(√ᾱ_t x₀ + √(1−ᾱ_t) ε, t)‖² over random t, about 1 for a network that
        was not trained and below 0.1 for one that was.
        """
        assert self.context.checkpoint is not None
        files = {**solution_files(self.context.manifest), CHECKPOINT: self.context.checkpoint}
        reference = Student(self._lane(), files, self._patience)
        reference.seed = draw.seed()
        model = reference.module("sampling").new("load_model", CHECKPOINT, "cpu").new("__getitem__", 0)
        fields = {"target": model.ref, "path": "compute_loss", "args": [to_wire(np.clip(x, -1, 1).astype(np.float32))], "kwargs": {}}
        seconds = self.context.limits.seconds_training
        losses = [from_wire(model.worker.request("call", fields, seconds=seconds)) for _ in range(LOSSES)]
        return float(np.mean([expect_tensor(loss, (), "The loss") for loss in losses]))

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
        if len(names) != self.number:
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


def _faults(names: list[str], answer: Any, side: int) -> list[tuple[str, str, Pixels]]:
    """(name, what is wrong or "", pixels) of each image. What came from the worker is checked as any answer."""
    if not isinstance(answer, list) or len(answer) != len(names):
        raise WrongAnswer("The images could not be read.")
    rows = []
    for name, item in zip(names, answer):
        fault, pixels = "could not be read", np.zeros((0,), np.uint8)
        if isinstance(item, list) and len(item) == 3 and isinstance(item[0], str) and isinstance(item[2], str):
            mode, pixels, problem = item
            if problem:
                fault = problem[:80]
            elif not isinstance(pixels, np.ndarray):
                fault = f"has the mode {mode[:10]}"
            elif pixels.dtype != np.uint8 or pixels.shape != (side, side, 3):
                fault = f"has {' × '.join(map(str, pixels.shape[1::-1]))} pixels"
            else:
                fault = ""
        rows.append((name, fault, pixels))
    return rows
