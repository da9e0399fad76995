"""Durham's names: a schedule at module level, DDPM with the loss in `forward` and the sampler in `sample`, and a network without t."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, any_form
from autograder.grading.seeds import Draw
from autograder.judges.interface import Interface, Names
from autograder.judges.network import Network
from autograder.judges.signature import Signature
from autograder.oracles.schedule import Schedule
from autograder.sandbox.failures import Raised, StudentFailure
from autograder.sandbox.proxies import Handle, Student

CLASSES = 10
SCHEDULE = "ddpm.py:schedule"
FOR_IMAGES = ("sqrtab", "sqrtmab")  # of shape (T + 1, 1, 1, 1)
SIZE = (3, 2, 2)  # of the images in the checks of the loss and of the sampler


class Tables(Schedule):
    """The schedule of β_0 … β_T; t counts from 1, and β_0 is in ᾱ_t too."""

    def __init__(self, betas: Floats):
        super().__init__(betas, first=1)

    @cached_property
    def by_name(self) -> dict[str, Floats]:
        bar = self.alphas_cumprod
        return {
            "beta_t": self.betas,
            "alpha_t": self.alphas,
            "alphabar_t": bar,
            "sqrtab": np.sqrt(bar),
            "sqrtmab": np.sqrt(1 - bar),
            "oneover_sqrta": 1 / np.sqrt(self.alphas),
            "mab_over_sqrtmab_inv": self.betas / np.sqrt(1 - bar),
            "sigma_t": np.sqrt(self.betas),
        }


COURSE = Tables((0.02 - 1e-4) * np.arange(401) / 400 + 1e-4)


def drawn_tables(draw: Draw) -> Tables:
    """A short secret schedule, whose neighbours differ enough that every index mistake shows. As in the course's own, there is hardly any
    noise in x_0.
    """
    steps, first, last = draw.integer(13, 17), float(draw.uniform(1e-4, 2e-4)), float(draw.uniform(0.2, 0.28))
    return Tables((last - first) * np.arange(steps + 1) / steps + first)


@dataclass(frozen=True)
class Durham(Interface):
    """`tables`: the schedule that is in place."""

    sample_shape: tuple[int, ...] = SIZE
    tables: Tables = COURSE

    file: ClassVar[str] = "ddpm"
    names = Names(q_sample="", p_sample_loop="DDPM.sample", compute_loss="DDPM.forward", network="self.net(x_t)")
    network_arguments = Signature(("x", "beside"), defaults={"beside": None})  # whatever else it is given, such as t

    def schedule(self, draw: Draw, num_timesteps: int | None = None) -> Schedule:
        return self.tables

    def build(self, schedule: Schedule, network: Network) -> Handle:
        """DDPM around the network, whether its constructor takes one or makes its own."""
        module, remote = self.student.module(self.file), self.student.network(network)
        try:
            model = module.new("DDPM", remote)
        except Raised as error:
            if error.type_name != "TypeError":
                raise
            model = module.new("DDPM")
        model.set("net", remote)
        return model

    def network_gradient(self, model: Any) -> Any:
        return model.get("net.scale.grad")

    def compute_loss(self, model: Any, x0: Any, labels: Any = None) -> Handle:
        loss: Handle = model.new("", x0, *([] if labels is None else [labels]))
        return loss

    def p_sample_loop(self, model: Any, shape: tuple[int, ...], labels: Any = None) -> Any:
        """With the labels as an argument where it wants them."""
        try:
            return model.call("sample", shape[0], shape[1:])
        except Raised as error:
            if labels is None or error.type_name != "TypeError" or "missing 1 required" not in error.text:
                raise
            return model.call("sample", shape[0], shape[1:], labels)


class Conditional(Durham):
    """conditional.py, whose network takes labels."""

    file = "conditional"
    names = Names(
        q_sample="",
        p_sample_loop="DDPM.sample",
        compute_loss="DDPM.forward",
        network="self.net(x_t, c)",
        labels_of_samples=f"image i must have the label i modulo {CLASSES}: 0, …, 9, 0, 1, …",
    )
    network_arguments = Signature(("x", "c", "beside"), defaults={"c": None, "beside": None})
    classes = CLASSES

    def labels_of_samples(self, draw: Draw, rows: int) -> Any:
        return np.arange(rows) % CLASSES


Judge = Callable[[Interface, Draw, Note], None]


def judged(course: type[Durham], student: Student, draw: Draw, note: Note, carry: Carry, *judges: Judge) -> None:
    """With a short secret schedule in place of the tables of ddpm.py; or, where the code keeps its tables elsewhere, with the course's own.

    Where the student's schedule is known to be wrong, the right one stands in for it in both.
    """
    short, replace = drawn_tables(draw), supplied(student, carry)

    def with_tables(tables: Tables, laid: bool) -> None:
        with _in_place(student, course.file, tables) if laid else contextlib.nullcontext():
            for judge in judges:
                judge(course(student, tables=tables), draw, note)

    def with_short_tables() -> None:
        try:
            with_tables(short, True)
        except WrongAnswer as error:
            raise type(error)(
                f"{error} (Here a schedule of T = {short.last} steps is in the place of yours.)"
            ) from None

    any_form(note, [with_short_tables, lambda: with_tables(COURSE, replace)])


def supplied(student: Student, carry: Carry) -> bool:
    """Whether the right schedule stands in for the student's. Tables that ddpm.py lacks are there then, since conditional.py imports them."""
    if not carry.stands_in_for(SCHEDULE):
        return False
    module = student.module("ddpm")
    for name, table in laid_out(COURSE).items():
        try:
            module.part(name)
        except Raised:
            module.set(name, table)
    return True


def laid_out(tables: Tables) -> dict[str, Any]:
    """The tables as the handout wants them, by name."""
    return {
        name: table.astype(np.float32).reshape((-1, 1, 1, 1) if name in FOR_IMAGES else (-1,)) for name, table in tables.by_name.items()
    }


@contextlib.contextmanager
def _in_place(student: Student, file: str, tables: Tables) -> Iterator[None]:
    """T and the tables of ddpm.py are these, wherever they were imported; afterwards they are what they were."""
    values = {"T": tables.last, **laid_out(tables)}
    before: list[tuple[Handle, str, Handle]] = []
    for module in (student.module(name) for name in dict.fromkeys(("ddpm", file))):
        for name in values:
            with contextlib.suppress(Raised):  # a module that has no such name needs none
                before.append((module, name, module.part(name)))
    for module, name, _ in before:
        module.set(name, values[name])
    try:
        yield
    finally:
        if student.worker is not None and student.worker.alive:
            with contextlib.suppress(StudentFailure):
                for module, name, value in before:
                    module.set(name, value)
                student.module("ddpm").get("__name__")  # what is set goes with the next request
