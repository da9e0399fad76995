"""Berkeley's names: a schedule of the student's own, and the loss and the sampler of two files as functions or as the class DDPM.

Tables have T or T + 1 entries, with ᾱ_0 = 1 or α_0, and t counts from 0 or from 1: what must hold is that schedule, loss and sampler agree. So each
submission is judged with its own tables, in the layout that they have; where they are wrong, or cannot be read, with right ones in every layout.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np

from autograder.grading.checks import Carry, Floats, Note, Result, WrongAnswer, any_form, expect
from autograder.grading.seeds import Draw
from autograder.judges.conditions import Labels, one_hot
from autograder.judges.guidance import NONE, GuidedNetwork
from autograder.judges.interface import Interface, Names
from autograder.judges.network import Call, Network, silent
from autograder.judges.signature import Signature
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student, describe

SCHEDULE = "time_conditional.py:ddpm_schedule"
CLASSES = 7  # of the checks; not that of the digits
SIZE, TINY = (1, 3, 4), (1, 2, 2)  # of the images in the checks, and where only labels count


@dataclass(frozen=True)
class Betas:
    """What ddpm_schedule is given."""

    first: float
    last: float
    steps: int

    @classmethod
    def drawn(cls, draw: Draw) -> "Betas":
        """Few steps and large β, since small ones hide mistakes."""
        return cls(float(draw.uniform(1e-3, 2e-3)), float(draw.uniform(0.2, 0.28)), draw.integer(13, 17))


@dataclass(frozen=True)
class Layout:
    """A way to lay out the same schedule. `betas`: of the tables; `schedule`: of the rows that are used, in which ᾱ_0 = 1 is a row of β = 0."""

    betas: Floats
    schedule: Schedule

    @property
    def tables(self) -> dict[str, Floats]:
        """As ddpm_schedule returns them."""
        bars: Floats = np.multiply.accumulate(1 - self.betas)
        return {"betas": self.betas, "alphas": 1 - self.betas, "alpha_bars": bars}

    def fits(self, alpha_bars: Floats) -> bool:
        """Whether these are its ᾱ, to float32."""
        right = self.tables["alpha_bars"]
        return alpha_bars.shape == right.shape and near(alpha_bars, right, 1e-5 * right + 1e-7)


def layouts(betas: Betas) -> list[Layout]:
    """All that are right: T + 1 entries with ᾱ_0 = 1 for t of 1 … T, the course's own; T entries for 0 … T − 1; T + 1 with ᾱ_0 = α_0, of which
    1 … T, all, or all but the last are used; and the first two with β_1 = beta1 in the one and without β_0 in the other.
    """
    line, short = np.linspace(betas.first, betas.last, betas.steps + 1), np.linspace(betas.first, betas.last, betas.steps)
    from_1, from_1_short = (np.concatenate([[0.0], values]) for values in (line[1:], short))
    return [
        Layout(from_1, Schedule(from_1, 1)),
        Layout(short, Schedule(short)),
        Layout(line, Schedule(line, 1)),
        Layout(line, Schedule(line)),
        Layout(line, Schedule(line[:-1])),
        Layout(from_1_short, Schedule(from_1_short, 1)),
        Layout(line[1:], Schedule(line[1:])),
    ]


def read_tables(value: Any) -> dict[str, Any] | None:
    """β, α and ᾱ of what ddpm_schedule returned: a dictionary, by the course's names or in their order, or three tensors."""
    if isinstance(value, dict):
        named = {name: value[name] for name in ("betas", "alphas", "alpha_bars") if name in value}
        if len(named) == 3:
            return named
        value = list(value.values())
    if isinstance(value, (list, tuple)) and len(value) == 3:
        return dict(zip(("betas", "alphas", "alpha_bars"), value))
    return None


@dataclass
class Model:
    """A submission's loss and sampler around a network and a schedule."""

    module: Handle
    holder: Handle  # of the network, as `unet`
    tables: Any
    betas: Betas

    @cached_property
    def unet(self) -> Handle:
        return self.holder.part("unet")

    def ddpm(self, **settings: Any) -> Handle:
        """The class around the network, with a schedule of its own."""
        return self.module.new("DDPM", self.unet, betas=(self.betas.first, self.betas.last), num_ts=self.betas.steps, **settings)

    def either(self, name: str, by_function: Callable[[], Result], by_class: Callable[[], Result]) -> Result:
        """What a function of the student's gives; where none of this name takes these arguments, what the class DDPM gives that has its code."""
        try:
            return by_function()
        except Raised as error:
            if not _is_about(error, name):
                raise
            of_function = error
        try:
            return by_class()
        except Raised as error:
            if _is_about(error, name) or _is_about(error, "DDPM"):
                raise of_function from None
            raise


def _is_about(error: Raised, name: str) -> bool:
    """Whether there is nothing of this name, or it takes other arguments."""
    nothing = error.type_name in ("AttributeError", "NameError") and f"'{name}'" in error.text
    other_arguments = re.match(rf"(\w+\.)?({name}|__init__)\(\) (takes|got an unexpected|missing)", error.text)
    return nothing or (error.type_name == "TypeError" and other_arguments is not None)


@dataclass(frozen=True)
class TimeConditional(Interface):
    """time_conditional.py. `betas`: the schedule in place; `layout`: how its tables are read; `own`: whether they are the student's."""

    sample_shape: tuple[int, ...] = SIZE
    betas: Betas = Betas(1e-4, 0.02, 300)
    layout: Layout = dataclasses.field(default_factory=lambda: layouts(Betas(1e-4, 0.02, 300))[0])
    own: bool = True

    file: ClassVar[str] = "time_conditional"
    forms_of_labels: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    names = Names(q_sample="", p_sample_loop="ddpm_sample", compute_loss="ddpm_forward", network="unet(x_t, t/T)")
    network_arguments: ClassVar[Signature] = Signature(("x", "t"), aliases={"time": "t", "t_norm": "t", "timestep": "t"})

    @property
    def network_is_told_t(self) -> bool:
        """In a form of the student's own, so that rows are known by x_t, and by the order of the steps."""
        return False

    @property
    def data_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def schedule(self, draw: Draw, num_timesteps: int | None = None) -> Schedule:
        return self.layout.schedule

    def build(self, schedule: Schedule, network: Network) -> Model:
        module = self.student.module(self.file)
        tables: Any = {name: table.astype(np.float32) for name, table in self.layout.tables.items()}
        if self.own:
            tables = self.student.module("time_conditional").later("ddpm_schedule", self.betas.first, self.betas.last, self.betas.steps)
        return Model(module, self.student.namespace(unet=self.student.network(network)), tables, self.betas)

    def network_gradient(self, model: Model) -> Any:
        return model.holder.get("unet.scale.grad")

    # The functions of the course

    def compute_loss(self, model: Model, x0: Any, labels: Any = None) -> Handle:
        return model.either(
            "ddpm_forward",
            lambda: model.module.new("ddpm_forward", model.unet, model.tables, x0, self.betas.steps),
            lambda: model.ddpm().new("", x0),
        )

    def p_sample_loop(self, model: Model, shape: tuple[int, ...], labels: Any = None) -> Any:
        """With the seed that the check has set, or else another at every call."""
        size, seed = tuple(shape[-2:]), self.seed()
        answer = model.either(
            "ddpm_sample",
            lambda: model.module.call("ddpm_sample", model.unet, model.tables, size, self.betas.steps, seed=seed),
            lambda: model.ddpm().call("sample", size, seed=seed),
        )
        return final_images(answer, shape)

    def seed(self) -> int:
        if self.fixed_seed is not None:
            return self.fixed_seed
        return int(np.random.default_rng(self.student.seed).integers(0, 2**31))

    def shape_of_samples(self, rows: int, draw: Draw) -> tuple[int, ...]:
        """How many images a call draws is up to the student: so many, and each as large as it takes."""
        images, numbers = self._images_of_a_call(draw), rows * int(np.prod(self.sample_shape))
        height = max(int(np.sqrt(numbers / images)), 2)
        return images, 1, height, max(numbers // (images * height), 3) + (self.sample_shape[-1] - SIZE[-1])

    def _images_of_a_call(self, draw: Draw) -> int:
        network = self.answered(silent, **self.calls_of(self.schedule(draw)))
        self.p_sample_loop(self.build(self.schedule(draw), network), (1, 1, 2, 3))
        expect(network.calls, f"{self.names.p_sample_loop} must call {self.names.network} in every step; yours never called it.")
        return len(network.calls[0].x)


@dataclass(frozen=True)
class ClassConditional(TimeConditional):
    """class_conditional.py. `dropped`: p_uncond; `scale`: γ; `hot`: whether its functions are given the labels one-hot."""

    dropped: float = 0.0
    scale: float = 3.0
    hot: bool = False

    file = "class_conditional"
    forms_of_labels = ({"hot": False}, {"hot": True})  # as whole numbers, or one-hot by the caller
    names = Names(q_sample="", p_sample_loop="ddpm_sample", compute_loss="ddpm_forward", network="unet(x_t, c, t/T, mask)")
    network_arguments = Signature(
        ("x", "c", "t", "mask"), {"mask": None}, aliases={"time": "t", "t_norm": "t", "timestep": "t", "y": "c", "labels": "c", "class_labels": "c"}
    )
    classes = CLASSES

    def answered(self, answer: Callable[[Call], Floats], **settings: Any) -> Network:
        return GuidedNetwork(answer, self.network_arguments, called=self.names.network, **settings)

    def conditions_in(self, call: Call) -> list[Any]:
        return [call.more["told"]]

    def are_labels(self, value: Any, labels: Any) -> bool:
        """Also where some are dropped: how many, and in which call, is the business of other checks."""
        return bool(((value == labels) | (value == NONE)).all())

    def compute_loss(self, model: Model, x0: Any, labels: Any = None) -> Handle:
        c = self._in_form(labels)
        return model.either(
            "ddpm_forward",
            lambda: model.module.new("ddpm_forward", model.unet, model.tables, x0, c, self.dropped, self.betas.steps),
            lambda: model.ddpm(p_uncond=self.dropped).new("", x0, c),
        )

    def p_sample_loop(self, model: Model, shape: tuple[int, ...], labels: Any = None) -> Any:
        return self.guided(model, shape, labels, self.scale)

    def guided(self, model: Model, shape: tuple[int, ...], labels: Any, scale: float) -> Any:
        c, size, options = self._in_form(labels), tuple(shape[-2:]), {"guidance_scale": scale, "seed": self.seed()}
        answer = model.either(
            "ddpm_sample",
            lambda: model.module.call("ddpm_sample", model.unet, model.tables, c, size, self.betas.steps, **options),
            lambda: model.ddpm().call("sample", c, size, **options),
        )
        return final_images(answer, shape)

    def shape_of_samples(self, rows: int, draw: Draw) -> tuple[int, ...]:
        return (rows, *self.sample_shape)

    def _in_form(self, labels: Any) -> Any:
        return one_hot(labels, CLASSES) if self.hot else labels

    def asked_in_loss(self, draw: Draw, rows: int, p: float) -> tuple[Call, Labels]:
        """What the loss asks the network with p_uncond = p, and the labels of its images."""
        course = dataclasses.replace(self, dropped=p)
        network, labels = Network(silent, self.network_arguments), course.labels(draw, rows)
        course.compute_loss(course.build(self.layout.schedule, network), draw.uniform(0, 1, rows, *TINY).astype(np.float32), labels)
        expect(len(network.calls) == 1, f"ddpm_forward must call {self.names.network} once; yours called it {len(network.calls)} times.")
        return network.calls[0], labels


def final_images(answer: Any, shape: tuple[int, ...]) -> Any:
    """The images of what a sampler returned: themselves, (images, states on the way), a list of states, or a tensor of them."""
    if isinstance(answer, np.ndarray):
        if answer.ndim == len(shape) + 1:
            for axis in (1, 0):
                last = np.take(answer, -1, axis)
                if last.shape == shape:
                    return last
        return answer
    if isinstance(answer, (list, tuple)) and answer:
        arrays = [value for value in answer if isinstance(value, np.ndarray)]
        if len(answer) > 1 and len(arrays) == len(answer) and all(value.shape == arrays[0].shape for value in arrays):
            return arrays[0] if isinstance(answer, tuple) and arrays[0].shape == shape else final_images(arrays[-1], shape)
        return next((value for value in arrays if value.shape == shape), final_images(answer[0], shape))
    if isinstance(answer, dict):
        return final_images(list(answer.values()), shape)
    return answer


# With the student's tables, or with right ones


def own_layouts(student: Student, betas: Betas) -> list[Layout]:
    """The layouts that the student's tables have; all where they cannot be read."""
    tables = read_tables(student.module("time_conditional").call("ddpm_schedule", betas.first, betas.last, betas.steps))
    bars = None if tables is None else tables["alpha_bars"]
    if not isinstance(bars, np.ndarray):
        return layouts(betas)
    return [one for one in layouts(betas) if one.fits(bars.ravel().astype(np.float64))] or layouts(betas)


Course = TypeVar("Course", bound=TimeConditional)


def judged(
    course: type[Course], student: Student, draw: Draw, note: Note, carry: Carry, *judges: Callable[[Course, Draw, Note], None]
) -> None:
    """With the student's own tables, in the first layout in which all is right; where their schedule is known to be wrong, with right ones."""
    betas = Betas.drawn(draw)
    own = not carry.stands_in_for(SCHEDULE)
    possible = own_layouts(student, betas) if own else layouts(betas)

    def in_form(layout: Layout, **form: Any) -> Callable[[], None]:
        def attempt() -> None:
            for judge in judges:
                judge(course(student, betas=betas, layout=layout, own=own, **form), draw, note)

        return attempt

    any_form(note, [in_form(layout, **form) for form in course.forms_of_labels for layout in possible])


# The schedule itself


def judge_schedule(student: Student, draw: Draw, note: Note) -> None:
    """The tables of secret β: T or T + 1 entries, evenly spaced, α = 1 − β, ᾱ the running product, in one of `layouts`. Raises WrongAnswer."""
    for betas in (Betas.drawn(draw), Betas(1e-4, 0.02, 300)):
        value = student.module("time_conditional").call("ddpm_schedule", betas.first, betas.last, betas.steps)
        tables = read_tables(value)
        if tables is None:
            raise WrongAnswer(f"ddpm_schedule must return a dictionary with betas, alphas and alpha_bars; yours returned {describe(value)}.")
        T = betas.steps
        for name, table in tables.items():
            right = isinstance(table, np.ndarray) and table.dtype.kind == "f"
            expect(right, f"{name} must be a tensor of numbers, one for each t; yours is {describe(table)}.")
            note(f"entries of {name}, less T", table.size - T, 0)
            expect(
                table.size in (T, T + 1),
                f"With num_ts = {T}, {name} must have {T} or {T + 1} entries, one for each t; yours has {table.size}.",
            )
        _judge_numbers({name: table.ravel().astype(np.float64) for name, table in tables.items()}, betas, note)


def _judge_numbers(tables: dict[str, Floats], betas: Betas, note: Note) -> None:
    """β and α of t = 1 … T are those of the layout that ᾱ is in; entry 0 of theirs serves nobody."""
    T, bars = betas.steps, tables["alpha_bars"]
    for name, table in tables.items():
        note(f"ends of {name}, T = {'secret' if T < 100 else T}", (table[-T], table[-1]), 1e-5)
        note.measured_work(bool(np.isfinite(table).all() and np.ptp(np.diff(table)) > 1e-5))
    of_size = [one for one in layouts(betas) if len(one.betas) == len(bars)]
    fitting = [one for one in of_size if one.fits(bars)]
    layout = next(iter(fitting), min(of_size, key=lambda one: float(np.median(abs(bars - one.tables["alpha_bars"])))))
    for name in ("betas", "alphas", "alpha_bars"):
        table, expected = tables[name][-T:], layout.tables[name][-T:]
        wrong = np.flatnonzero(~(abs(table - expected) <= 1e-5 * abs(expected) + 1e-7))
        if wrong.size:
            t = int(wrong[len(wrong) // 2])
            entry = f"{name}[{t + tables[name].size - T}]"
            raise WrongAnswer(
                f"With beta1 = {betas.first:.4g}, beta2 = {betas.last:.4g} and num_ts = {T}, {entry} must be {expected[t]:.6g}; "
                f"yours is {table[t]:.6g}, and {wrong.size} of {T} entries are off."
            )
    expect(fitting, f"alpha_bars[0] must be 1, the product of no α, or α_0; yours is {bars[0]:.6g}.")
