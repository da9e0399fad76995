"""Where the images of task 2-1 come from: `samples/`, or drawn from a checkpoint by the student's own sampler. All of it runs in workers."""

import contextlib
import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.assignments.image_diffusion.rule import Rule
from autograder.grading.checks import Floats, WrongAnswer, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.limits import Limits
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.proxies import Student, from_wire, to_wire
from autograder.submission.rules import listed, shown

Pixels = NDArray[np.uint8]
DECODED_AT_ONCE = 50
CHECKPOINT = "checkpoint.ckpt"  # its name in the worker
LOSSES, LOOKED_AT = 8, 4  # draws of the loss, and images in each
FOLDER = "samples/"


class Images:
    """Of one submission, (N, H, W, 3) in bytes; `loss`: of the checkpoint's network on the images that were drawn with it, where some were."""

    def __init__(self, context: OutcomeContext, rule: Rule):
        files = context.manifest.files
        assert files.num_samples is not None
        assert files.image_resolution is not None
        self.context, self.rule = context, rule
        self.number, self.side = files.num_samples, files.image_resolution
        self.loss: float | None = None
        self.lanes: list[Any] = []

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()

    def take(self) -> tuple[Pixels, str]:
        """The images, and where they are from. Raises WrongAnswer where there are none, or not those asked for."""
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
