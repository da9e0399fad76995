"""Is a class of unet.py the one of its diagram? Where a block that it is built of is wrong, a plain layer takes the place of that."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np

from autograder.assignments.mnist_diffusion import plain_blocks
from autograder.assignments.mnist_diffusion.networks import CLASSES, SIDE, Case, Sizes, class_conditional
from autograder.grading.checks import Carry, Note, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Form, judge_architecture
from autograder.judges.architecture.recording import Arguments
from autograder.judges.conditions import expect_length_of_one_hot, relabelled, told
from autograder.judges.expectations import f32
from autograder.judges.network import Call
from autograder.judges.signature import Given
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised, StudentFailure
from autograder.sandbox.proxies import Handle, Student
from autograder.submission.rules import listed

FILE = "unet"
IMAGE = (1, SIDE, SIDE)  # of a digit
CLASS_CONDITIONAL = "ClassConditionalUNet"
TRUNK = ("Conv", "DownConv", "UpConv", "Flatten", "Unflatten", "ConvBlock", "DownBlock", "UpBlock")
USES = {  # the blocks in each diagram, and what those are made of
    "ConvBlock": ("Conv",),
    "DownBlock": ("Conv", "DownConv", "ConvBlock"),
    "UpBlock": ("Conv", "UpConv", "ConvBlock"),
    "UnconditionalUNet": TRUNK,
    "TimeConditionalUNet": (*TRUNK, "FCBlock"),
    CLASS_CONDITIONAL: (*TRUNK, "FCBlock"),
}
CONDITIONAL = ("TimeConditionalUNet", CLASS_CONDITIONAL)
MULTIPLIED = """
class MultipliedUNet(TimeConditionalUNet):
    def forward(self, x, t):
        t1, t2 = (embed(t.view(-1, 1))[:, :, None, None] for embed in (self.t1, self.t2))
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = self.unflatten(self.flatten(x7)) * t1
        y = self.up1(torch.cat([y, x7], dim=1)) * t2
        y = self.up2(torch.cat([y, x14], dim=1))
        return self.out(self.last(torch.cat([y, x28], dim=1)))
"""


Compare = Callable[[Case, Handle, Handle], None]  # of a case, in the student's module and in the solution's


@dataclasses.dataclass(frozen=True)
class Judge:
    """One check of a class. `multiplied`: in the edition in which time multiplies."""

    student: Student
    reference: Student
    draw: Draw
    note: Note
    carry: Carry
    multiplied: bool = False

    def __call__(self, case: Case) -> None:
        """Raises WrongAnswer, in the words of the diagram, where the class is another one."""
        self._with_plain_where_wrong(case, self._structure)

    def without_a_mask(self, case: Case) -> None:
        """forward(x, c, t) gives what a mask of ones gives, and depends on c. Raises WrongAnswer."""
        self._with_plain_where_wrong(case, self._without_a_mask)

    def hears_no_dropped_label(self, asked: Sequence[Given], where: str, must_run: bool = False) -> None:
        """`asked`: calls of the network by a function of the student's, `where`, in which labels are dropped. Raises WrongAnswer where the network
        looks at these labels all the same: the two have different ways to say that no label is told.

        A right network that takes no such arguments raises, as it does at the first step of a training, and is not judged here; with `must_run`,
        of a network that is known to be wrong, Raised is raised.
        """
        case = class_conditional(self.draw, Sizes(IMAGE[0], self.draw.integer(6, 9), CLASSES))

        def compare(case: Case, ours: Handle, theirs: Handle) -> None:
            for given in (*asked[:1], *asked[1:][-1:]):
                self._hears_no_dropped_label(given, where, case, ours, theirs)

        try:
            self._with_plain_where_wrong(case, compare)
        except Raised:
            if must_run:
                raise

    # With plain layers in the place of wrong blocks

    def _with_plain_where_wrong(self, case: Case, compare: Compare) -> None:
        try:
            with _called(case), self.student.dropped():  # a wrong block may make far too much, or never end
                compare(case, self.student.module(FILE), self.reference.module(FILE))
        except (WrongAnswer, StudentFailure) as error:
            doubted = self._doubted(case)
            if not doubted or getattr(error, "importing", False):
                raise
            self._with_plain(case, compare, doubted, error)

    def _doubted(self, case: Case) -> list[tuple[str, ...]]:
        """Which blocks to replace: those that are wrong; else with them what is made of them, which a student may have written out. Where all are
        right alone and make no UnconditionalUNet, they do not go together, which has cost its points there: then all of them.
        """
        blocks = USES.get(case.name, ())
        if wrong := tuple(name for name in blocks if self.carry.stands_in_for(f"{FILE}.py:{name}")):
            made_of_them = tuple(name for name in blocks if name in wrong or not set(USES.get(name, ())).isdisjoint(wrong))
            return [wrong, made_of_them] if made_of_them != wrong else [wrong]
        return [TRUNK] if case.name in CONDITIONAL and self.carry.knows_wrong(f"{FILE}.py:UnconditionalUNet") else []

    def _with_plain(self, case: Case, compare: Compare, doubted: list[tuple[str, ...]], error: WrongAnswer | StudentFailure) -> None:
        """Raises `error`, of the class as it stands, where that is made of none of the doubted blocks, or cannot be run with plain layers."""
        case = dataclasses.replace(case, diagram=dataclasses.replace(case.diagram, whole=plain_blocks.NAMES))
        self.note.values.clear()
        try:
            used = [found for blocks in doubted if (found := self._used(case, blocks))]
            if not used:
                raise error
            forms = [(found, maps) for found in used for maps in ((False, True) if "FCBlock" in found else (False,))]
            any_form(self.note, [partial(self._with_these, case, compare, *form) for form in forms])
        except WrongAnswer as other:
            told = f"{other} (Here plain layers are in the place of your {listed(list(used[0]), most=9)}.)"
            raise (other if other is error else WrongAnswer(told)) from None
        except StudentFailure as other:
            raise (other if isinstance(error, StudentFailure) else error) from None
        finally:
            self.student.fresh()
            self.reference.fresh()

    def _used(self, case: Case, blocks: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these blocks the student's class is made of."""
        ours, classes = plain_blocks.with_plain(self.student, FILE, blocks)
        network = case.build(ours, case.name)
        return tuple(name for name, kind in zip(blocks, classes) if network.find(kind))

    def _with_these(self, case: Case, compare: Compare, used: tuple[str, ...], maps: bool) -> None:
        ours, _ = plain_blocks.with_plain(self.student, FILE, used, maps)
        theirs, _ = plain_blocks.with_plain(self.reference, FILE, used)
        with _called(case):
            compare(case, ours, theirs)

    # What is compared

    def _structure(self, case: Case, ours: Handle, theirs: Handle) -> None:
        solution = case.name
        if self.multiplied:
            self.reference.module("builtins").new("exec", MULTIPLIED, theirs.part("__dict__"))
            solution = "MultipliedUNet"
        network, right = case.build(ours, case.name), case.build(theirs, solution)
        judge_architecture(network, right, case.inputs, self.draw, self.note, case.diagram, forms=case.forms)

    def _without_a_mask(self, case: Case, ours: Handle, theirs: Handle) -> None:
        x, labels, t, mask = case.inputs[0]
        ones, network = np.ones_like(mask), case.build(ours, case.name)
        form = _form_that_runs(network, case, (x, labels, t, ones))
        network.draw_weights()
        network.later("eval")
        told = form((x, labels, t, ones))
        with_ones = expect_tensor(network.answer(*told), x.shape, "With a mask of ones, the output")
        try:
            answer, others = (network.answer(*form((x, c, t, ones))[:3]) for c in (labels, np.roll(labels, 1)))
        except Raised as error:
            raise WrongAnswer(f"`mask` may be left out: forward(x, c, t) must work, and tells the network all labels. {error}") from None
        without, within = expect_tensor(answer, x.shape, "Without a mask, the output"), 1e-4 * abs(with_ones).max()
        self.note("as with ones", near(without, with_ones, within), 0)
        expect(
            near(without, with_ones, within),
            "Without a mask the output must be as with a mask of ones, which tells the network all labels; yours is another one.",
        )
        expect(not near(others, without, within), "Without a mask the output must depend on c; yours is the same for other labels.")

    def _hears_no_dropped_label(self, given: Given, where: str, case: Case, ours: Handle, theirs: Handle) -> None:
        c, mask, rows = given["c"], given["mask"], len(given["x"])
        x = self.draw.normal(rows, *IMAGE)
        _, kept = told(Call(x, np.empty(0), given), where, case.name)
        others = relabelled(c, ~kept, CLASSES)
        if np.array_equal(c, others):
            return
        network, rest = case.build(ours, case.name), (given["t"], *([] if mask is None else [mask]))
        network.draw_weights()
        network.later("eval")
        answers = [network.answer(f32(x), labels, *rest) for labels in (c, others)]
        one, other = (expect_tensor(answer, x.shape, f"The output of {case.name}") for answer in answers)
        change, within = abs(one - other).max(), 1e-4 * abs(one).max()
        self.note("hears dropped labels", not near(change, 0, within), 0)
        expect(
            near(change, 0, within),
            f"{where} and {case.name} must say in the same way which labels are not told. {where} gives the network a mask that is 0 there, and "
            f"your {case.name} looks at these labels all the same: with other ones, its answer changes by up to {change:.3f}.",
        )


def expect_heard_as_told(
    student: Student, reference: Student, asked: Sequence[Given], where: str, draw: Draw, note: Note, carry: Carry
) -> None:
    """What `where`, a function of the student's, tells the network of labels in the calls `asked`, ClassConditionalUNet takes; where that is wrong,
    the solution's. Raises WrongAnswer.
    """
    expect_length_of_one_hot(asked, where, CLASS_CONDITIONAL, CLASSES, note)
    whose = reference if carry.stands_in_for(f"{FILE}.py:{CLASS_CONDITIONAL}") else student
    Judge(whose, reference, draw, note, carry).hears_no_dropped_label(asked, where)


def _form_that_runs(network: Handle, case: Case, given: Arguments) -> Form:
    """The first that gives an answer. Raises what comes of the first where none does."""
    errors = []
    for form in case.forms:
        try:
            network.answer(*form(given))
            return form
        except Raised as error:
            errors.append(error)
    raise errors[0]


@contextmanager
def _called(case: Case) -> Iterator[None]:
    """What the student's code raises is told with how it was called."""
    try:
        yield
    except Raised as error:
        error.args = (f"{error} (The grader's call: {case.told}.)",)
        raise
