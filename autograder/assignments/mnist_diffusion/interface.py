"""Berkeley's names: a schedule of the student's own, and the loss and the sampler of two files as functions or as the class DDPM.

Tables have T or T + 1 entries, with ᾱ_0 = 1 or α_0, and t counts from 0 or from 1: what must hold is that schedule, loss and sampler agree. So each
submission is judged with its own tables, in the layout that they have; where they are wrong, or cannot be read, with right ones in every layout.
"""

import contextlib
import dataclasses
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, TypeVar

import numpy as np

from autograder.assignments.mnist_diffusion.networks import CLASSES
from autograder.assignments.mnist_diffusion.schedule import COURSE, Betas, Layout, layouts, own_layouts
from autograder.grading.checks import Carry, Floats, Note, Result, WrongAnswer, any_form, expect
from autograder.grading.seeds import Draw
from autograder.judges import times
from autograder.judges.conditions import Labels, Unreadable, one_hot, with_dropped_labels, without_the_last
from autograder.judges.guidance import NONE, GuidedNetwork
from autograder.judges.interface import Interface, Names
from autograder.judges.network import Call, Network, silent
from autograder.judges.results import images_of
from autograder.judges.signature import Given, Signature
from autograder.oracles.schedule import Schedule
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

SCHEDULE = "time_conditional.py:ddpm_schedule"
SIZE, TINY = (1, 3, 4), (1, 2, 2)  # of the images in the checks, and where only labels count


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
    """time_conditional.py. `betas`: the schedule in place; `layout`: how its tables are read; `own`: whether they are the student's;
    `unnamed`: whether those that stand in come as a tuple, as some return them, and not by name.
    """

    sample_shape: tuple[int, ...] = SIZE
    betas: Betas = COURSE
    layout: Layout = dataclasses.field(default_factory=lambda: layouts(COURSE)[0])
    own: bool = True
    unnamed: bool = False

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
        if self.unnamed:
            tables = tuple(tables.values())
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
        return images_of(answer, shape)

    def seed(self) -> int:
        if self.fixed_seed is not None:
            return self.fixed_seed
        chance = self.student.chance if self.student.seed is None else np.random.default_rng(self.student.seed)
        return int(chance.integers(0, 2**31))

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
        return images_of(answer, shape)

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

    def given_in_loss(self, draw: Draw, rows: int, p: float) -> list[Given]:
        """What the loss calls the network with, as it is given, with p_uncond = p, for labels but the last; nothing where none is dropped."""
        course, x0 = dataclasses.replace(self, dropped=p), draw.uniform(0, 1, rows, *TINY).astype(np.float32)
        return course._given(lambda model: course.compute_loss(model, x0, without_the_last(course.labels(draw, rows), CLASSES)))

    def given_in_sampler(self, draw: Draw, rows: int) -> list[Given]:
        """The calls of the network by the guided sampler for labels but the last, as they are given, in which it tells none."""
        return self._given(lambda model: self.p_sample_loop(model, (rows, *TINY), without_the_last(self.labels(draw, rows), CLASSES)))

    def _given(self, run: Callable[[Model], Any]) -> list[Given]:
        signature, kept = self.network_arguments.recording()
        schedule = self.layout.schedule
        run(self.build(schedule, Network(silent, signature, **self.calls_of(schedule))))
        return with_dropped_labels(kept, self.names.network)


# With the student's tables, or with right ones


Course = TypeVar("Course", bound=TimeConditional)


def judged(
    course: type[Course], student: Student, draw: Draw, note: Note, carry: Carry, *judges: Callable[[Course, Draw, Note], None]
) -> None:
    """With the student's own tables, in the first layout in which all is right; where their schedule is known to be wrong, with right ones."""
    betas = Betas.drawn(draw)
    own = not carry.stands_in_for(SCHEDULE)
    possible = [(layout, False) for layout in own_layouts(student, betas)] if own else list(itertools.product(layouts(betas), (False, True)))

    def in_form(layout: Layout, unnamed: bool, **form: Any) -> Callable[[], None]:
        def attempt() -> None:
            for judge in judges:
                judge(course(student, betas=betas, layout=layout, own=own, unnamed=unnamed, **form), draw, note)

        return attempt

    usual, *others = course.forms_of_labels
    try:
        any_form(note, [in_form(*tables, **usual) for tables in possible])
    except (Unreadable, Raised) as error:  # code that can make nothing of whole numbers; else zeros of one-hot would hide a label 0
        for form in others:
            with contextlib.suppress(WrongAnswer, Raised):
                return any_form(note, [in_form(*tables, **form) for tables in possible])
        raise error from None


def judge_time_told(course: type[Course], student: Student, draw: Draw, note: Note, carry: Carry, loss: str) -> None:
    """What the sampler tells the network is what the loss tells it, in a layout of the tables that fits both; in any, where none fits the loss or it
    is known to be wrong. `loss`: its region.
    """
    for loss_is_wrong in (loss in carry.wrong, True):
        with contextlib.suppress(times.LossUnread):
            return judged(course, student, draw, note, carry, partial(times.judge_in_loop, loss_is_wrong=loss_is_wrong))


def given_in(student: Student, draw: Draw, carry: Carry, run: Callable[[ClassConditional], list[Given]]) -> list[Given]:
    """What `run` finds that the student's code calls its network with, in the first form that it takes. Raises what comes of it."""
    found: list[Given] = []

    def keep(course: ClassConditional, draw: Draw, note: Note) -> None:
        found[:] = run(course)

    judged(ClassConditional, student, draw, Note(), carry, keep)
    return found
