"""Is a class of unet.py the one of its diagram? Where a block that it is built of is wrong, a plain layer takes the place of that."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from autograder.assignments.mnist_diffusion import plain_blocks
from autograder.assignments.mnist_diffusion.networks import Case
from autograder.grading.checks import Carry, Note, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Form, judge_architecture
from autograder.judges.architecture.recording import Arguments
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student
from autograder.submission.rules import listed

FILE = "unet"
TRUNK = ("Conv", "DownConv", "UpConv", "Flatten", "Unflatten", "ConvBlock", "DownBlock", "UpBlock")
USES = {  # the blocks in each diagram, and what those are made of
    "ConvBlock": ("Conv",),
    "DownBlock": ("Conv", "DownConv", "ConvBlock"),
    "UpBlock": ("Conv", "UpConv", "ConvBlock"),
    "UnconditionalUNet": TRUNK,
    "TimeConditionalUNet": (*TRUNK, "FCBlock"),
    "ClassConditionalUNet": (*TRUNK, "FCBlock"),
}
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
        try:
            self._compare(case, self.student.module(FILE), self.reference.module(FILE))
        except (WrongAnswer, Raised) as error:
            wrong = tuple(name for name in USES.get(case.name, ()) if self.carry.stands_in_for(f"{FILE}.py:{name}"))
            if not wrong or getattr(error, "importing", False):
                raise
            self._compare_with_plain(case, wrong, error)

    def _compare_with_plain(self, case: Case, wrong: tuple[str, ...], error: WrongAnswer | Raised) -> None:
        """Raises `error`, of the class as it stands, where that uses none of the plain layers."""
        case = dataclasses.replace(case, diagram=dataclasses.replace(case.diagram, whole=plain_blocks.NAMES))

        def attempt(maps: bool) -> None:
            ours, classes = plain_blocks.with_plain(self.student, FILE, wrong, maps)
            theirs, _ = plain_blocks.with_plain(self.reference, FILE, wrong)
            try:
                self._compare(case, ours, theirs)
            except WrongAnswer as other:
                if any(case.build(ours, case.name).find(kind) for kind in classes):
                    raise WrongAnswer(f"{other} (Here plain layers are in the place of your {listed(list(wrong), most=9)}.)") from None
                raise error from None

        self.note.values.clear()
        try:
            any_form(self.note, [lambda maps=maps: attempt(maps) for maps in ((False, True) if "FCBlock" in wrong else (False,))])  # type: ignore[misc]
        except Raised as other:
            raise (other if isinstance(error, Raised) else error) from None
        finally:
            self.student.fresh()
            self.reference.fresh()

    def _compare(self, case: Case, ours: Handle, theirs: Handle) -> None:
        solution = self._solution(theirs, case.name)
        with _called(case):
            network = case.build(ours, case.name)
            judge_architecture(
                network, case.build(theirs, solution), case.inputs, self.draw, self.note, case.diagram, forms=case.forms
            )

    def _solution(self, theirs: Handle, name: str) -> str:
        """The name of the solution's class."""
        if not self.multiplied:
            return name
        self.reference.module("builtins").new("exec", MULTIPLIED, theirs.part("__dict__"))
        return "MultipliedUNet"


@contextmanager
def _called(case: Case) -> Iterator[None]:
    """What the student's code raises is told with how it was called."""
    try:
        yield
    except Raised as error:
        error.args = (f"{error} (The grader's call: {case.told}.)",)
        raise


def judge_without_mask(student: Student, case: Case, draw: Draw, note: Note) -> None:
    """forward(x, c, t) gives what a mask of ones gives, and depends on c. Raises WrongAnswer."""
    x, labels, t, mask = case.inputs[0]
    with _called(case):
        network = case.build(student.module(FILE), case.name)
        form = _form_that_runs(network, case, (x, labels, t, np.ones_like(mask)))
    network.draw_weights()
    network.later("eval")
    told = form((x, labels, t, np.ones_like(mask)))
    try:
        answer = network.call("", *told[:3])
    except Raised as error:
        raise WrongAnswer(
            f"`mask` may be left out: forward(x, c, t) must work, and then the network is told all labels. {error}"
        ) from None
    without = expect_tensor(answer, x.shape, "Without a mask, the output")
    with_ones = expect_tensor(network.call("", *told), x.shape, "With a mask of ones, the output")
    others = network.call("", *form((x, np.roll(labels, 1), t, np.ones_like(mask)))[:3])
    largest = abs(with_ones).max()
    note("as with ones", near(without, with_ones, 1e-4 * largest), 0)
    expect(near(without, with_ones, 1e-4 * largest), "Without a mask the output must be the one with a mask of ones, of which all labels are told.")
    expect(not near(others, without, 1e-4 * largest), "Without a mask the output must depend on c; yours is the same for other labels.")


def _form_that_runs(network: Handle, case: Case, given: Arguments) -> Form:
    """The first that gives an answer. Raises what comes of the first where none does."""
    errors = []
    for form in case.forms:
        try:
            network.call("", *form(given))
            return form
        except Raised as error:
            errors.append(error)
    raise errors[0]
