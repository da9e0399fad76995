"""Wisconsin's names: DDPM with labels, t beside its own integer, and a loss that is given t or, in the edition of 2025, draws it.

The schedule is secret: it takes the place of what makes tables for the constructor, in every edition, and of the tables that it has made. So code
that derives tables of its own from them is right, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.interface import Form, Interface, Names
from autograder.judges.network import Network, as_timesteps
from autograder.judges.signature import Signature
from autograder.oracles.schedule import Schedule
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student, describe

CLASSES = 7  # of the checks; not that of the digits
SIZE = (2, 3, 4)  # of the images in the checks, not square
WIDTH = 8  # of a U-Net that is built and never run
EDITIONS = ("p_sample_loop", "generate")  # what the loop is called, and was called later


def labels_of(rows: int) -> NDArray[np.int64]:
    """(rows,), all of them, and not in their order."""
    return (5 * np.arange(rows) + 3) % CLASSES


@dataclass(frozen=True)
class Wisconsin(Interface):
    """libs/ddpm.py."""

    sample_shape: tuple[int, ...] = SIZE

    few_steps: ClassVar[dict[str, Any]] = {}  # as an option of the loop, where it takes one
    file: ClassVar[str] = "libs.ddpm"
    kind: ClassVar[str] = "DDPM"
    names = Names(network="self.model(x, label, t)")
    forms: ClassVar[tuple[Form, ...]] = (lambda t, rows: np.full(rows, t),)
    network_arguments: ClassVar[Signature] = Signature(("x", "label", "t"), aliases={"time": "t", "labels": "label"})
    classes = CLASSES

    def build(self, schedule: Schedule, network: Network) -> Handle:
        lay_in_place_of_makers(self.student, schedule)
        model = made(self.student.module(self.file), self.kind, self.sample_shape, schedule.num_timesteps)
        model.set("model", self.student.network(network))
        for name, table in tables(schedule).items():
            model.set(name, table)
        return model

    def network_gradient(self, model: Any) -> Any:
        return model.get("model.scale.grad")

    # The labels: known by how many there are, wherever a function is called

    def labels(self, draw: Draw, rows: int) -> Any:
        return labels_of(rows)

    def labels_of_step(self, rows: int) -> Any:
        return labels_of(rows)

    # The functions of the course

    def region_of(self, name: str) -> str:
        return f"{self.file.replace('.', '/')}.py:{self.kind}.{name}"

    def p_sample(self, model: Any, xt: Any, t: Any) -> Any:
        index = t.call("tolist") if isinstance(t, Handle) else t
        return model.call("p_sample", xt, labels_of(rows_of(xt)), t, int(index[0]))

    def p_sample_loop(self, model: Any, shape: tuple[int, ...], labels: Any = None) -> Any:
        """The samples as they come from the last step, before they are made images of."""
        model.set("postprocess", self.student.function(lambda images: images))
        return self.drawn(model, shape)

    def drawn(self, model: Any, shape: tuple[int, ...], **options: Any) -> Any:
        """What the loop returns, by the name that it has. The shape is that of the diffusion; of a model with an autoencoder, of latents."""
        model.set("img_shape", shape[1:])
        return in_an_edition(EDITIONS, lambda name: model.call(name, labels_of(shape[0]), **options))

    def compute_loss(self, model: Any, x0: Any, labels: Any = None) -> Handle:
        return self.loss_at(model, x0, self.some_times(model, len(x0)))[0]

    def loss_at(self, model: Any, x0: Any, t: Any, *noise: Any) -> tuple[Handle, bool]:
        """The loss, and whether it was given t: in the edition of 2025 it takes none."""
        told = self.student.once(f"{self.kind} takes t", lambda: takes_t(self.student, model))
        loss: Handle = model.new("compute_loss", x0, labels_of(len(x0)), *([t] if told else []), *noise)
        return loss, told

    def some_times(self, model: Any, rows: int) -> NDArray[np.int64]:
        """Rows of the schedule, (rows,), anew with every seed."""
        return np.random.default_rng(self.student.next_seed()).integers(0, int(model.get("timesteps")), rows)

    def replace(self, model: Any, name: str, function: Callable[..., Any]) -> None:
        """Of p_sample, the stand-in is given x and t; the labels and t_index must be those that belong to them, and t_index only missing where
        the student's own does without.
        """
        alone = name != self.names.p_sample or takes_by_position(self.student, model, name, 3)

        def p_sample(x: Any, label: Any, t: Any, t_index: Any = None) -> Any:
            expect_told(label, x, f"{self.names.p_sample_loop} must give {self.names.p_sample}")
            expect(alone or t_index is not None, f"{self.names.p_sample_loop} must give {self.names.p_sample} t_index, too, which yours takes.")
            if t_index is not None:
                rows = len(x) if isinstance(x, np.ndarray) and x.ndim else 1
                times, index = (as_timesteps(value, rows, "The time that the step is given") for value in (t, t_index))
                expect(
                    np.array_equal(times, index),
                    f"{self.names.p_sample_loop} must give {self.names.p_sample} one time, as t and as t_index; at t = {times[0]:g}, yours "
                    f"gives it t_index = {index[0]:g}.",
                )
            return function(x, t)

        super().replace(model, name, p_sample if name == self.names.p_sample else function)


@dataclass(frozen=True)
class WisconsinDDIM(Wisconsin):
    """libs/ddim.py, whose step and loop have the names of those of DDPM."""

    few_steps: ClassVar[dict[str, Any]] = {"num_steps": 5}
    clean_times = (-1,)
    file = "libs.ddim"
    kind = "DDIM"
    names = Names(ddim_p_sample="p_sample", ddim_p_sample_loop="p_sample_loop", network="self.model(x, label, t)")

    def ddim_p_sample(self, model: Any, xt: Any, t: Any, t_prev: Any, eta: float) -> Any:
        return model.call("p_sample", xt, labels_of(rows_of(xt)), t, t_prev, eta)

    def ddim_p_sample_loop(self, model: Any, shape: tuple[int, ...], steps: int, **eta: float) -> Any:
        model.set("postprocess", self.student.function(lambda images: images))
        return self.drawn(model, shape, num_steps=steps, **eta)

    def replace(self, model: Any, name: str, function: Callable[..., Any]) -> None:
        def p_sample(x: Any, label: Any, t: Any, t_prev: Any, eta: Any = 0.0) -> Any:
            expect_told(label, x, "p_sample_loop must give p_sample")
            return function(x, t, t_prev, eta)

        Interface.replace(self, model, name, p_sample)


def made(module: Handle, kind: str, sample_shape: tuple[int, ...], timesteps: int) -> Handle:
    """The student's class around a U-Net that is as small as it can be; also of the first edition, which knows no attn_levels."""
    sizes: dict[str, Any] = {"dim": WIDTH, "context_dim": WIDTH, "num_classes": CLASSES, "dim_mults": (1,)}
    try:
        return module.new(kind, img_shape=sample_shape, timesteps=timesteps, **sizes, attn_levels=())
    except Raised as error:
        if error.type_name != "TypeError" or "attn_levels" not in error.text:
            raise
        return module.new(kind, img_shape=sample_shape, timesteps=timesteps, **sizes)


def lay_in_place_of_makers(student: Student, schedule: Schedule) -> None:
    """What the constructor makes its tables with gives the schedule: of the handout, and of the course's earlier editions."""
    module, found = student.module("libs.ddpm"), tables(schedule)
    module.set("schedule", student.function(lambda *arguments, **options: found))
    for name in ("linear_beta_schedule", "quadratic_beta_schedule"):
        module.part("DDPM").set(name, student.function(lambda *arguments: found["betas"]))


def tables(schedule: Schedule) -> dict[str, NDArray[np.float32]]:
    """By the names of the course, each (T,)."""
    found = {
        "betas": schedule.betas,
        "sqrt_recip_alphas": 1 / np.sqrt(schedule.alphas),
        "sqrt_alphas_cumprod": np.sqrt(schedule.alphas_cumprod),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - schedule.alphas_cumprod),
        "posterior_variance": schedule.posterior_variance,
    }
    return {name: table.astype(np.float32) for name, table in found.items()}


def reference_q_sample(schedule: Schedule, generator: np.random.Generator) -> Callable[..., Any]:
    """In the place of the student's."""

    def q_sample(x_start: Any, t: Any, noise: Any = None) -> Any:
        rows = np.clip(np.broadcast_to(np.asarray(t).ravel(), len(x_start)), 0, schedule.last).astype(np.int64)
        noise = generator.standard_normal(x_start.shape) if noise is None else noise.astype(np.float64)
        return schedule.q_sample(x_start.astype(np.float64), rows, noise).astype(np.float32)

    return q_sample


def rows_of(x: Any) -> int:
    """Of a batch, here or in the worker."""
    return int(x.call("__len__")) if isinstance(x, Handle) else len(x)


def takes_by_position(student: Student, model: Handle, name: str, count: int) -> bool:
    """Whether a method can be called with so many arguments; true where that cannot be told."""
    try:
        signature = student.module("inspect").new("signature", model.part(name))
    except Raised:
        return True
    try:
        signature.new("bind", *range(count))
    except Raised:
        return False
    return True


def takes_t(student: Student, model: Handle) -> bool:
    """Whether compute_loss is (x_start, label, t, noise=None), or in the edition of 2025, which draws its own t, (x_start, label, noise=None)."""
    try:
        signature = student.module("inspect").new("signature", model.part("compute_loss"))
        told = student.module("builtins").call("str", signature)
    except Raised:
        return True
    names = told.strip("()").split(", ") if isinstance(told, str) else []
    return "*" in str(told) or len(names) > 3 or (len(names) == 3 and "=" not in names[2] and not names[2].startswith("noise"))


def in_an_edition(names: tuple[str, ...], call: Callable[[str], Any]) -> Any:
    """Of the first of these names that the model has. Raises what comes of the first where it has none."""
    missing: list[Raised] = []
    for name in names:
        try:
            return call(name)
        except Raised as error:
            if error.type_name != "AttributeError" or f"'{name}'" not in error.text:
                raise
            missing.append(error)
    raise missing[0]


def expect_told(label: Any, x: Any, who: str) -> None:
    """Raises WrongAnswer unless the labels are those of the samples x."""
    expected = labels_of(len(x)) if isinstance(x, np.ndarray) and x.ndim else labels_of(1)
    got = np.asarray(label) if isinstance(label, (list, tuple, np.ndarray)) else None
    if got is None or got.shape != expected.shape:
        raise WrongAnswer(f"{who} the labels, {len(expected)} whole numbers; yours gives it {describe(label)}.")
    first = ", ".join(map(str, expected[:7]))
    expect(np.array_equal(got, expected), f"{who} the labels of the samples, {first}, …; yours gives it {', '.join(f'{v:g}' for v in got[:7])}, ….")

