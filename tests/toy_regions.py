"""A small assignment whose regions are of every kind: a table at the top of a file, functions of one name in two files of one name in
different folders, and a class of which `forward` and another method are to be written. Nothing in it needs torch.
"""

from pathlib import Path

from tests.courses import write_files

MANIFEST = """
id = "toy_regions"
title = "Regions of every kind"
course = "none"
folder = "toy_regions_todo"
default_profile = "default"

[files]
todo = ["ddpm.py", "libs/ddpm.py", "more/models/ddpm.py"]
given = ["constants.py", "libs/__init__.py"]

[[tasks]]
id = "1"
title = "A table, and a step"
points = 4
regions = ["ddpm.py:schedule", "libs/ddpm.py:ddpm_forward"]

[[tasks]]
id = "2"
title = "The step with a label, and a class"
points = 6
needs = ["1"]
regions = ["more/models/ddpm.py:ddpm_forward", "more/models/ddpm.py:DDPM.forward", "more/models/ddpm.py:DDPM.sample"]

[policy]
outside_todo = "zero"

[profiles.default]
title = "10 points"
"""

TOP = '''"""The table."""

from constants import T

scale = 2.0

######## TODO 1: schedule ########
# Two lists with T + 1 entries: betas[t] = t/100 and alphas[t] = 1 − betas[t].
### BEGIN SOLUTION
betas = [t / 100 for t in range(T + 1)]
alphas = [1 - beta for beta in betas]
### END SOLUTION
### STUB: betas = alphas = None
######## END TODO ########


def total():
    return sum(alphas)
'''
STEP = '''"""The step."""

from constants import T


def ddpm_forward(x, t):
    ######## TODO 1: ddpm_forward ########
    # x + 3 t
    ### BEGIN SOLUTION
    shift = 3 * t
    return x + shift
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO 1: ddpm_forward")
    ######## END TODO ########
'''
LABELLED = '''"""The step with a label c, and a class around it."""

from libs.ddpm import ddpm_forward as plain


def ddpm_forward(x, t, c):
    ######## TODO 2: ddpm_forward ########
    # x + 5 t + c
    ### BEGIN SOLUTION
    shift = 5 * t + c
    return x + shift
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO 2: ddpm_forward")
    ######## END TODO ########


class DDPM:
    def __init__(self, factor=1.0):
        self.factor = factor

    def forward(self, x):
        ######## TODO 2: DDPM.forward ########
        # 7 x + factor
        ### BEGIN SOLUTION
        weighted = 7 * x
        return weighted + self.factor
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 2: DDPM.forward")
        ######## END TODO ########

    def sample(self, x):
        ######## TODO 2: DDPM.sample ########
        # 11 x − factor
        ### BEGIN SOLUTION
        weighted = 11 * x
        return weighted - self.factor
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 2: DDPM.sample")
        ######## END TODO ########
'''
CHECKS = '''
from autograder.grading.checks import expect_near, task


def near(note, got, expected):
    note("got", got, 1e-6)
    note.measured_work(True)  # the solutions here are too short for their operations to be counted
    expect_near(got, expected, 1e-6, f"It must be {expected}; yours is {got}.")


@task("1", points=2, region="schedule", shows_work=True)
def test_table(student, note):
    """The table is right."""
    near(note, student.module("ddpm").call("total"), 10 + 1 - 0.55)


@task("1", points=2, region="ddpm_forward", shows_work=True)
def test_step(student, note):
    """The step is right."""
    near(note, student.module("libs.ddpm").call("ddpm_forward", 1.0, 2.0), 7.0)


@task("2", points=2, region="ddpm_forward", shows_work=True)
def test_labelled_step(student, note):
    """The step with a label is right."""
    near(note, student.module("more.models.ddpm").call("ddpm_forward", 1.0, 2.0, 4.0), 15.0)


@task("2", points=2, region="DDPM", shows_work=True)
def test_forward(student, note):
    """`forward` is right."""
    near(note, student.module("more.models.ddpm").new("DDPM").call("forward", 2.0), 15.0)


@task("2", points=2, region="DDPM.sample", shows_work=True)
def test_sample(student, note, carry):
    """`sample` is right, whatever `forward` is."""
    carry.stands_in_for("DDPM")
    near(note, student.module("more.models.ddpm").new("DDPM").call("sample", 2.0), 21.0)
'''
VISIBLE = '''
from autograder.kit.checks import Code, Compare, visible


@visible("1", region="schedule", where="the handout")
def the_table_adds_up(code: Code, compare: Compare) -> None:
    """The sum of the table is right."""
    compare("the sum", code.module("ddpm").total())


@visible("1", region="ddpm_forward", where="the handout")
def one_step(code: Code, compare: Compare) -> None:
    """One step is right."""
    compare("the step", code.module("libs.ddpm").ddpm_forward(1.0, 1.0))


@visible("2", region="ddpm_forward", where="the handout")
def one_step_with_a_label(code: Code, compare: Compare) -> None:
    """One step with a label is right."""
    compare("the step", code.module("more.models.ddpm").ddpm_forward(1.0, 1.0, 2.0))


@visible("2", region="DDPM", where="the handout")
def forward_of_one(code: Code, compare: Compare) -> None:
    """The class gives the right number."""
    compare("forward", code.module("more.models.ddpm").DDPM().forward(1.0))
'''
MISTAKES = '''
from autograder.grading.mutants import Misconception

STEP, LABELLED = "libs/ddpm.py:ddpm_forward", "more/models/ddpm.py:ddpm_forward"
MISCONCEPTIONS = (
    Misconception("short-table", "1", "schedule", "Your table ends one entry early, see the length.", (("range(T + 1)", "range(T)"),)),
    Misconception("step-sign", "1", STEP, "In the first file the step is taken away.", (("x + shift", "x - shift"),)),
    Misconception("label-forgotten", "2", LABELLED, "In the second file the label is not added.", (("5 * t + c", "5 * t"),)),
    Misconception("factor-forgotten", "2", "DDPM.forward", "The factor is not added to it.", (("weighted + self.factor", "weighted"),)),
    Misconception("sample-sign", "2", "DDPM.sample", "The factor has the other sign.", (("weighted - self.factor", "weighted + self.factor"),)),
)
RIGHT_FORMS: tuple[Misconception, ...] = ()
ALGORITHMS: dict = {}
COMBINATIONS: tuple = ()
'''
VARIANTS = '''
from autograder.grading.mutants import Variant

VARIANTS = (
    Variant("a-loop", "a table filled entry by entry", {"ddpm.py:schedule": "betas = [0.0] * (T + 1)\\nalphas = [1.0] * len(betas)\\nfor t in range(T + 1):\\n    betas[t] = t / 100\\n    alphas[t] = 1 - betas[t]\\nassert len(betas) == 11"}),
)
'''  # noqa: E501
SOLUTION = {
    "ddpm.py": TOP,
    "libs/ddpm.py": STEP,
    "more/models/ddpm.py": LABELLED,
    "constants.py": "T = 10\n",
    "libs/__init__.py": "",
    "README.md": "# Regions\n",
}


def write_toy(root: Path, **changed: str) -> Path:
    """The assignment below `root`; `changed`: files of its folder by name without suffix, in place of those above."""
    texts = {"test_1": CHECKS, "visible": VISIBLE, "misconceptions": MISTAKES, "variants": VARIANTS, "__init__": ""} | changed
    home = {f"autograder/assignments/toy_regions/{name}.py": text for name, text in texts.items()}
    solution = {f"solutions/toy_regions_todo/{name}": text for name, text in SOLUTION.items()}
    return write_files(root, {**home, **solution, "autograder/assignments/toy_regions/assignment.toml": MANIFEST})
