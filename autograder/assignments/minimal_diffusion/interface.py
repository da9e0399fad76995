"""Durham's names: a schedule at module level, DDPM with the loss in `forward` and the sampler in `sample`, and a network without t."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, any_form, expect_finite
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.sandbox.failures import GraderHangup, Raised, StudentFailure
from autograder.sandbox.proxies import Handle, Student, describe

CLASSES = 10
SCHEDULE = "ddpm.py:schedule"
FOR_IMAGES = ("sqrtab", "sqrtmab")  # of shape (T + 1, 1, 1, 1)
MOST_CALLS = 420  # of the network: the course's T is 400


class Tables(Schedule):
    """The schedule of β_0 … β_T; t counts from 1, and β_0 is in ᾱ_t too."""

    def __init__(self, betas: Floats):
        super().__init__(betas, first=1)

    @property
    def T(self) -> int:
        return self.last

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
    """A short secret schedule, whose neighbours differ enough that every index mistake shows."""
    steps, first, last = draw.integer(13, 17), float(draw.uniform(0.02, 0.04)), float(draw.uniform(0.2, 0.28))
    return Tables((last - first) * np.arange(steps + 1) / steps + first)


@dataclass
class Network:
    """A noise predictor that the grader answers, and that remembers every call. Equal calls in a row count once.

    `answer(number, x)`: of the call with this number. What comes beside x, a label or an extra such as t, is kept in `beside`.
    """

    answer: Callable[[int, Floats], Floats]
    most_calls: int = MOST_CALLS
    x: list[Floats] = field(default_factory=list)
    beside: list[list[Any]] = field(default_factory=list)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values = [*args, *kwargs.values()]
        if not values or not isinstance(values[0], np.ndarray) or values[0].ndim < 1 or not values[0].size:
            told = describe(values[0]) if values else "nothing"
            raise GraderHangup(f"the network takes images, and was called with {told}")
        x = expect_finite(values[0], "The x_t that the network is given")
        if values[0].dtype != np.float32:
            raise WrongAnswer(f"The x_t that the network is given must have dtype float32, as its weights have; yours has {values[0].dtype.name}.")
        again = self.x and np.array_equal(self.x[-1], x) and all(map(np.array_equal, self.beside[-1], values[1:]))
        if not again:
            self.x.append(x)
            self.beside.append(values[1:])
        if len(self.x) > self.most_calls:
            raise WrongAnswer(f"The grader stopped your code after {self.most_calls} calls of the network, where one in each step is enough.")
        return np.asarray(self.answer(len(self.x) - 1, x), dtype=np.float32)

    def forget(self) -> None:
        """As if it had never been called."""
        self.x.clear()
        self.beside.clear()


@dataclass(frozen=True)
class Durham:
    """`file`: "ddpm", or "conditional", whose functions take labels too. `tables`: the schedule that is in place; `says`: of it, to students."""

    student: Student
    file: Literal["ddpm", "conditional"]
    tables: Tables = COURSE
    says: str = ""

    @property
    def T(self) -> int:
        return self.tables.T

    @property
    def has_labels(self) -> bool:
        return self.file == "conditional"

    def build(self, network: Network) -> Handle:
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

    def loss(self, model: Handle, x: Floats, labels: Any) -> Handle:
        """DDPM.forward, kept in the worker."""
        return model.new("", x.astype(np.float32), *([labels] if self.has_labels else []))

    def sample(self, model: Handle, count: int, size: tuple[int, ...]) -> Any:
        """DDPM.sample; with the labels 0, 1, … as an argument where it wants them."""
        try:
            return model.call("sample", count, size)
        except Raised as error:
            if not self.has_labels or error.type_name != "TypeError" or "missing 1 required" not in error.text:
                raise
            return model.call("sample", count, size, np.arange(count) % CLASSES)


Judge = Callable[[Durham, Draw, Note], None]


def judged(student: Student, file: Literal["ddpm", "conditional"], draw: Draw, note: Note, carry: Carry, judge: Judge) -> None:
    """With a short secret schedule in place of the tables of ddpm.py; or, where the code keeps its tables elsewhere, with the course's own.

    Where the student's schedule is known to be wrong, the right one stands in for it in both.
    """
    short = drawn_tables(draw)
    replace = carry.stands_in_for(SCHEDULE)

    def with_tables(tables: Tables, laid: bool, says: str) -> None:
        with _in_place(student, file, tables) if laid else contextlib.nullcontext():
            judge(Durham(student, file, tables, says), draw, note)

    says = f"With a schedule of T = {short.T} steps in place of yours: "
    any_form(note, [lambda: with_tables(short, True, says), lambda: with_tables(COURSE, replace, "")])


@contextlib.contextmanager
def _in_place(student: Student, file: str, tables: Tables) -> Iterator[None]:
    """T and the tables of ddpm.py are these, wherever they were imported; afterwards they are what they were."""
    values: dict[str, Any] = {"T": tables.T}
    for name, table in tables.by_name.items():
        values[name] = table.astype(np.float32).reshape((-1, 1, 1, 1) if name in FOR_IMAGES else (-1,))
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
