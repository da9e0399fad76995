"""Trained models: weights that are handed in, or else short trainings of the student's own code by the recipes of the manifest.

Weights are read as data, in the worker, into the student's own network. Digits drawn by a program stand in for MNIST, unless AUTOGRADER_MNIST
names a folder that holds it; every report says which. Where a file of the student's has a mistake that has cost its own task, the solution's
stands in for it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.mnist_diffusion.interface import ClassConditional
from autograder.assignments.mnist_diffusion.rule import Rule
from autograder.assignments.mnist_diffusion.schedule import COURSE, Betas, own_layouts
from autograder.digits import Digits, Kind, load_digits
from autograder.digits.mnist import mnist_folder
from autograder.digits.samples import NAMES, Judged, judged_samples
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.standing_in import files_replaced
from autograder.grading.trained import TrainedOutcome, trained_by_grader
from autograder.judges.results import images_of
from autograder.judges.times import in_loop
from autograder.report import figures
from autograder.report.image_figures import image_grid
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.proxies import Handle, Student
from autograder.verdict import Notice

_BLOCKS = ("Conv", "DownConv", "UpConv", "Flatten", "Unflatten", "ConvBlock", "DownBlock", "UpBlock")
_UNET = {f"unet.py:{name}": "unet.py" for name in _BLOCKS}
DENOISER = _UNET | {"unet.py:UnconditionalUNet": "unet.py"} | {f"denoising.py:{name}": "denoising.py" for name in ("add_noise", "denoising_loss")}
DIFFUSION = {
    "time_conditional.py:ddpm_schedule": "time_conditional.py",
    "class_conditional.py:ddpm_forward": "class_conditional.py",
    "class_conditional.py:ddpm_sample": "class_conditional.py",
}
GUIDED = _UNET | {f"unet.py:{name}": "unet.py" for name in ("FCBlock", "ClassConditionalUNet")} | DIFFUSION
BETTER = {"better_unet.py:BetterUNet": "better_unet.py"}
DROPPED = 0.1  # p_uncond of the course
IN_ONE_CALL, PAIRS = 64, 2  # images; trainings of a better U-Net and of the given one


@dataclass(frozen=True)
class Trained:
    """A network in a worker. `losses`: of its training, None where its weights were handed in."""

    student: Student
    network: Handle
    losses: Floats | None = None


class Outcome(TrainedOutcome):
    """Trains, or loads, when a check asks; what one check has found the report draws."""

    def __init__(self, context: OutcomeContext) -> None:
        super().__init__(context)
        self.rule = context.rule(Rule)
        self.kind: Kind = "drawn" if mnist_folder() is None else "mnist"

    # The checks

    def expect_denoiser(self, note: Note, carry: Carry) -> None:
        """The error on held-out digits is below the threshold. Raises WrongAnswer, or StudentFailure where the code gave no answer."""
        digits = self._digits(self.rule.held_out, "held out")
        if "denoiser" in self.context.weights:
            trained = self._loaded("denoiser", "UnconditionalUNet", 1)
            error, source = self._denoising_error(trained, digits), "with your weights"
        else:
            replaced = files_replaced(carry, DENOISER)

            def denoiser(index: int) -> tuple[float, Trained]:
                trained = self._train_denoiser(index, replaced)
                return self._denoising_error(trained, digits), trained

            error, trained = self.best(self.rule.max_trainings, self.rule.denoising_error, denoiser, note)
            source = trained_by_grader(self.rule.denoiser, replaced, "D")
        note("denoising error", error, 0.05)
        if trained.losses is not None:
            caption = f"Training of the denoiser, {source}. Data: {digits.name}."
            self.drawn_figures.append(figures.loss_curve(trained.losses, caption, "denoiser_loss"))
        threshold = self.rule.denoising_error
        expect(
            error < threshold,
            f"At σ = {self.rule.sigma:g}, the mean of (D_θ(z) − x)² on {len(digits.images)} digits that it has not seen must be below {threshold:g}, "
            f"{source}; it is {error:.4f}. Data: {digits.name}.",
        )

    def expect_guided(self, note: Note, carry: Carry) -> None:
        """The classifier takes enough guided samples for the digit that was asked for. Raises WrongAnswer, or StudentFailure."""
        labels = np.arange(self.rule.samples) % 10
        if "class" in self.context.weights:
            replaced = files_replaced(carry, DIFFUSION, "sample") if set(DIFFUSION) & (carry.wrong | carry.undone) else frozenset[str]()
            trained = self._loaded("class", "ClassConditionalUNet", 1, 10, replaced=replaced)
            judged, source = self._samples(trained, labels), "drawn with your weights"
        else:
            replaced = files_replaced(carry, GUIDED)

            def guided(index: int) -> tuple[float, tuple[Judged, Trained]]:
                trained = self._train_guided(index, replaced)
                judged = self._samples(trained, labels)
                return judged.wrong, (judged, trained)

            _, (judged, trained) = self.best(self.rule.max_trainings, self.rule.wrong_digits, guided, note)
            source = "drawn after a training " + trained_by_grader(self.rule.guided, replaced, "D")
        note("share of wrong digits", judged.wrong, 0.05)
        note("Fréchet distance", judged.distance, 0.2)
        self._show(judged, trained, source)
        expect(
            judged.wrong < self.rule.wrong_digits,
            f"Of {len(labels)} guided samples {source}, a classifier must take more than {100 * (1 - self.rule.wrong_digits):.0f} % for the digit "
            f"that was asked for; it takes {100 * (1 - judged.wrong):.0f} %. Look at the picture of the samples.",
        )

    def expect_better(self, note: Note, carry: Carry) -> None:
        """BetterUNet has a smaller error than the given U-Net, after as long a training. Raises WrongAnswer, or StudentFailure."""
        files_replaced(carry, BETTER)
        digits = self._digits(self.rule.held_out, "held out")
        everything = frozenset(solution_files(self.context.manifest))
        errors, sizes = [], []
        for replaced, network in ((everything - {"better_unet.py"}, ("better_unet", "BetterUNet")), (everything, ("unet", "UnconditionalUNet"))):
            runs = []
            for index in range(PAIRS):  # each is measured before the next is trained, which takes its place
                trained = self._train_denoiser(index, replaced, *network)
                runs.append((self._denoising_error(trained, digits), trained.network.number_of_weights()))
            errors.append(float(np.mean([error for error, _ in runs])))
            sizes.append(runs[0][1])
        expect(
            sizes[0] <= self.rule.most_weights * sizes[1],
            f"BetterUNet may have {self.rule.most_weights:g} times as many weights as UnconditionalUNet, {int(self.rule.most_weights * sizes[1]):,} "
            f"with D = {self.rule.denoiser.width}; yours has {sizes[0]:,}.",
        )
        note("error relative to the given U-Net", errors[0] / errors[1], 0.05)
        expect(
            errors[0] < self.rule.better_by * errors[1],
            f"After {self.rule.denoiser.steps} steps the error of BetterUNet must be below {self.rule.better_by:g} times that of the given U-Net, "
            f"{errors[1]:.4f}; it is {errors[0]:.4f}. Data: {digits.name}.",
        )

    # Trainings

    def _train_denoiser(self, index: int, replaced: frozenset[str], module: str = "unet", name: str = "UnconditionalUNet") -> Trained:
        recipe, student, draw = self.rule.denoiser, self.student(replaced), self.draw(f"denoiser {index}")
        student.seed = draw.seed()
        digits = load_digits(recipe.pool, 28, draw.seed(), mnist_folder())
        network = student.module(module).new(name, 1, recipe.width)
        loss = student.module("denoising").part("denoising_loss")
        losses = self.fit(network, loss, recipe, [digits.images[:, None]], draw, before=[network], after=[self.rule.sigma], what=name)
        return Trained(student, network, losses)

    def _train_guided(self, index: int, replaced: frozenset[str]) -> Trained:
        recipe, student, draw = self.rule.guided, self.student(replaced), self.draw(f"guided {index}")
        student.seed = draw.seed()
        digits = load_digits(recipe.pool, 28, draw.seed(), mnist_folder())
        network = student.module("unet").new("ClassConditionalUNet", 1, 10, recipe.width)
        module, betas = student.module("class_conditional"), self._betas(self.rule.num_ts)
        tables = student.module("time_conditional").new("ddpm_schedule", betas.first, betas.last, betas.steps)
        data, after = [digits.images[:, None], digits.labels], [DROPPED, betas.steps]
        loss = module.part("ddpm_forward")
        losses = self.fit(network, loss, recipe, data, draw, before=[network, tables], after=after, what="ClassConditionalUNet")
        return Trained(student, network, losses)

    # Weights

    def _loaded(self, model: str, name: str, *settings: int, replaced: frozenset[str] = frozenset()) -> Trained:
        """The student's own network, as wide as the weights want it. Raises WrongAnswer where they do not fit."""
        file = f"{model}.safetensors" if self.context.weights[model][8:9] == b"{" else f"{model}.pt"
        student = self.student(replaced, {file: self.context.weights[model]})
        try:
            shapes = student.weights_in(file)
            width = next((shape[0] for shape in shapes.values() if len(shape) == 4 and shape[1] == 1), 64)
            network = student.module("unet").new(name, *settings, width)
            network.load_weights(file)
        except StudentFailure as failure:
            raise WrongAnswer(
                f"The weights of the model {model} cannot be loaded into {name}: {failure}. Hand in what torch.save(unet.state_dict(), …) wrote."
            ) from None
        return Trained(student, network)

    # Measurements

    def _denoising_error(self, trained: Trained, digits: Digits) -> float:
        """The mean of (D_θ(x + σ ε) − x)² in evaluation mode. x: (N, 1, 28, 28), the same noise for all."""
        noise = np.random.default_rng(0).standard_normal((len(digits.images), 1, 28, 28))
        x = digits.images[:, None].astype(np.float64)
        z = (x + self.rule.sigma * noise).astype(np.float32)
        trained.network.new("eval")
        parts = [slice(start, start + IN_ONE_CALL) for start in range(0, len(z), IN_ONE_CALL)]
        found = [expect_tensor(trained.network.call("", z[part]), z[part].shape, "The output of your denoiser") for part in parts]
        return float(((np.concatenate(found) - x) ** 2).mean())

    def _samples(self, trained: Trained, labels: Any) -> Judged:
        """Guided samples of these labels; in few steps where the network knows the time as a share of T, whichever T it was trained with."""
        student, network = trained.student, trained.network
        few = trained.losses is not None or self._tells_shares_of_T(student)
        network.new("eval")
        betas = self._betas(self.rule.num_ts if few else COURSE.steps)
        tables = student.module("time_conditional").new("ddpm_schedule", betas.first, betas.last, betas.steps)
        student.seed = self.draw("samples").seed()
        self.context.on_progress("drawing guided samples", 0, 1)
        arguments = (network, tables, labels, (28, 28), betas.steps)
        answer = student.module("class_conditional").call("ddpm_sample", *arguments, guidance_scale=self.rule.guidance_scale, seed=1)
        images = expect_tensor(images_of(answer, (len(labels), 1, 28, 28)), (len(labels), 1, 28, 28), "What ddpm_sample returns")
        return judged_samples(images[:, 0], labels, mnist_folder())

    def _tells_shares_of_T(self, student: Student) -> bool:
        draw = self.draw("times")
        betas = Betas.drawn(draw)
        course = ClassConditional(student, betas=betas, layout=own_layouts(student, betas)[0])
        return in_loop(course, draw, Note()).is_usual(course.layout.schedule)

    def _betas(self, steps: int) -> Betas:
        """The course's schedule in fewer steps, with about the same ᾱ at t/T."""
        faster = COURSE.steps / steps
        return Betas(COURSE.first * faster, COURSE.last * faster, steps)

    def _digits(self, count: int, purpose: str) -> Digits:
        digits = load_digits(count, 28, self.draw(purpose).seed(), mnist_folder())
        self._say_what(digits)
        return digits

    def _say_what(self, digits: Digits) -> None:
        if digits.kind == "drawn":
            self.remarks.append(Notice("stand_in", f"Trained models were judged on {digits.name}: their figures are not those of MNIST."))

    # Pictures

    def _show(self, judged: Judged, trained: Trained, source: str) -> None:
        pixels = (255 * np.clip(judged.images, 0, 1)).astype(np.uint8)
        caption = (
            f"Guided samples {source}, γ = {self.rule.guidance_scale:g}: 0 to 9 in a row. {100 * (1 - judged.wrong):.0f} % are what was asked for, "
            f"by a classifier of {judged.classified_as}. Fréchet distance to {NAMES[self.kind]}, in a classifier's scores: {judged.distance:.0f} ± "
            f"{judged.distance_error:.0f}."
        )
        self.drawn_figures.append(image_grid(np.repeat(pixels[..., None], 3, axis=3), caption, columns=10, name="guided_samples"))
        if trained.losses is not None:
            self.drawn_figures.append(figures.loss_curve(trained.losses, f"Training of the class-conditional model, {source}.", "guided_loss"))
        if judged.copies:
            self.remarks.append(Notice("staff", judged.copies))
