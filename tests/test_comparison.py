"""What a student changed outside the TODO regions is listed, what is nobody's business is not, and stubs are recognised."""

import ast
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import UserError
from autograder.manifest import Manifest, Policy, load_manifest
from autograder.markers import derive_handout, strip_markers
from autograder.submission.comparison import MOST_DIFF_LINES, outside_edits, untouched_regions
from autograder.submission.intake import Submission

MANIFEST = load_manifest("swiss_roll")
SOURCES = {name: (MANIFEST.solution / name).read_text(encoding="utf-8") for name in MANIFEST.files.todo}
SOLUTION = {name: strip_markers(text) for name, text in SOURCES.items()}
STUB = {name: derive_handout(text) for name, text in SOURCES.items()}
REGIONS = {region for task in MANIFEST.tasks for region in task.regions}


def submission(files: dict[str, str], **changes: str) -> Submission:
    """A submission of these files; `ddpm="…"` replaces ddpm.py."""
    files = files | {f"{name}.py": text for name, text in changes.items()}
    return Submission("s", {name: text.encode() for name, text in files.items()}, "")


def edited(old: str, new: str, name: str = "ddpm.py", files: dict[str, str] = SOLUTION) -> Submission:
    assert old in files[name], f"{old!r} is not in {name} any more"
    return submission(files | {name: files[name].replace(old, new, 1)})


def line_of(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


# --- outside edits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [SOLUTION, STUB, SOURCES], ids=["solution", "stub", "source"])
def test_solution_and_handout_have_no_outside_edits(files):
    assert outside_edits(MANIFEST, submission(files)) == []


class _Bare(ast.NodeTransformer):
    """Another layout of the same code: no annotations, no docstrings."""

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_Expr(self, node):
        return ast.Pass() if isinstance(node.value, ast.Constant) else node


def test_layout_comments_docstrings_and_annotations_do_not_count():
    files = {name: ast.unparse(_Bare().visit(ast.parse(text))) for name, text in SOLUTION.items()}
    assert outside_edits(MANIFEST, submission(files)) == []


HARMLESS = {
    "a comment": ("class BaseScheduler", "# mine\nclass BaseScheduler"),
    "another import": ("import numpy as np\n", "import math\nimport numpy as np\n"),
    "the order of imports": ("import numpy as np\nimport torch\n", "import torch\nimport numpy as np\n"),
    "an import in other words": ("import torch.nn as nn", "from torch import nn"),
    "an import that is not needed": ("from typing import Optional\n", ""),
    "a helper function": ("class BaseScheduler", "def helper(x):\n    return x\n\n\nclass BaseScheduler"),
    "a helper class": ("class BaseScheduler", "class Helper(nn.Module):\n    pass\n\n\nclass BaseScheduler"),
    "a helper method": ("    def compute_loss", "    def sigma(self, t):\n        return t\n\n    def compute_loss"),
    "a constant": ("class BaseScheduler", "EPS: float = 1e-8\nA, B = 1, 2\n\n\nclass BaseScheduler"),
    "a guarded import": ("class BaseScheduler", "try:\n    import einops\nexcept ImportError:\n    einops = None\n\n\nclass BaseScheduler"),
    "a main block": ("class BaseScheduler", 'if __name__ == "__main__":\n    print(1)\n\n\nclass BaseScheduler'),
    "one more parameter": ("def compute_loss(self, x0: torch.Tensor)", "def compute_loss(self, x0, noise=None, *, t=None)"),
    "a new default": ("def p_sample(self, xt: torch.Tensor, t: torch.Tensor)", "def p_sample(self, xt, t=0, **kwargs)"),
    "the body of a region": ("return F.mse_loss(", "print(1)\n        return 2 * F.mse_loss("),
    "the given part of a region": ("noise = torch.randn_like(x0)", "noise = torch.randn(x0.shape)"),
}  # fmt: skip


@pytest.mark.parametrize("case", HARMLESS)
def test_what_is_allowed_is_not_listed(case):
    assert outside_edits(MANIFEST, edited(*HARMLESS[case])) == []


EDITS = {
    "a given function": ("return input[t].reshape", "return 1 + input[t].reshape", "extract", "+    return 1 + input[t]"),
    "a given method": ("betas = torch.linspace(beta_1, ", "betas = torch.linspace(0, ", "BaseScheduler.__init__", "linspace(0,"),
    "a default": ("beta_T: float = 0.02", "beta_T: float = 0.2", "BaseScheduler.__init__", "+def __init__"),
    "a base class": ("class BaseScheduler(nn.Module)", "class BaseScheduler(nn.Identity)", "BaseScheduler", "nn.Identity"),
    "a removed method": ("    def save(", "    def write(", "DiffusionModule.save removed", "-def save(self, file_path):"),
    "a decorator": ("    @property\n    def device", "    def device", "DiffusionModule.device", "-@property"),
    "a region's decorator": ("    @torch.no_grad()\n    def p_sample(", "    def p_sample(", "DiffusionModule.p_sample", "-@torch"),
    "a region's parameter": ("def compute_loss(self, x0:", "def compute_loss(self, x:", "DiffusionModule.compute_loss", "(self, x)"),
    "a parameter without default": ("def compute_loss(self, x0:", "def compute_loss(self, x0, y, *z:", "compute_loss", "y"),
    "a region's default": ("num_inference_timesteps=50", "num_inference_timesteps=5", "ddim_p_sample_loop", "=5,"),
    "a region defined twice": ("    def save(", "    def q_sample(self, a):\n        pass\n\n    def save(", "q_sample", "(self, a)"),
    "a given function, again": ("class BaseScheduler", "def extract(*a):\n    return 0\n\n\nclass BaseScheduler", "extract", "*a"),
    "two versions to choose from": ("import numpy as np", "def extract(*a):\n    return 0\n\n\nimport numpy as np", "extract", "*a"),
    "a given name, imported": ("class BaseScheduler", "from mine import extract\n\n\nclass BaseScheduler", "extract", "mine"),
    "another module": ("import torch.nn.functional as F", "import mine as F", "F", "+import mine"),
    "a patch": ("class BaseScheduler", "F.mse_loss = print\n\n\nclass BaseScheduler", "F.mse_loss = print", "+F.mse_loss"),
    "a hidden patch": ("class BaseScheduler", "if True:\n    F.mse_loss = print\n\n\nclass BaseScheduler", "F.mse_loss = print", "+F"),
    "a call": ("class BaseScheduler", "torch.manual_seed(0)\n\n\nclass BaseScheduler", "torch.manual_seed(0)", "+torch.man"),
    "a call in a class": ("    def save(", "    print(1)\n\n    def save(", "print(1)", "+print(1)"),
    "a deletion": ("class BaseScheduler", "del extract\n\n\nclass BaseScheduler", "del extract", "+del extract"),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_a_change_to_given_code_is_listed_with_its_line_and_a_diff(case):
    old, new, what, in_diff = EDITS[case]
    changed = edited(old, new)
    (notice,) = outside_edits(MANIFEST, changed)
    assert notice.kind == "outside_todo"
    assert notice.message.startswith("ddpm.py, line ")
    assert what in notice.message
    assert in_diff in notice.detail
    assert notice.detail.startswith("--- handout/ddpm.py\n+++ submission/ddpm.py\n@@ ")
    assert not notice.voids
    assert notice.deduction == 0


def test_the_line_is_the_one_in_the_students_file():
    changed = edited("return input[t].reshape", "return 1 + input[t].reshape")
    (notice,) = outside_edits(MANIFEST, changed)
    line = line_of(changed.files["ddpm.py"].decode(), "def extract")
    assert notice.message == f"ddpm.py, line {line}: changed outside the TODO regions: extract."


def test_the_policy_zero_voids_and_says_so():
    strict = dataclasses.replace(MANIFEST, policy=Policy(outside_todo="zero"))
    (notice,) = outside_edits(strict, edited("return input[t].reshape", "return 1 + input[t].reshape"))
    assert notice.voids
    assert "gives no points" in notice.message
    assert outside_edits(strict, submission(SOLUTION)) == []


def test_a_file_that_was_written_anew_gives_one_compact_notice():
    body = "\n".join(f"    x{i} = '\x1b[31m{'y' * 300}'" for i in range(500))
    changed = submission(SOLUTION, ddpm=f"def extract(input, t, x):\n{body}\n")
    (notice,) = outside_edits(MANIFEST, changed)
    lines = notice.detail.split("\n")
    assert len(lines) == MOST_DIFF_LINES
    assert "more lines" in lines[-1]
    assert all(line.isprintable() and len(line) <= 160 for line in lines)
    assert notice.message.isprintable()
    assert len(notice.message) < 400
    assert "DiffusionModule removed" in notice.message
    assert "DiffusionModule.save" not in notice.message  # its class says it


def test_each_file_has_its_own_notice():
    both = {
        name: text.replace("super().__init__()", "super().__init__()\n        print(1)", 1)
        for name, text in SOLUTION.items()
    }
    assert [notice.message.split(",")[0] for notice in outside_edits(MANIFEST, submission(both))] == [
        "network.py",
        "ddpm.py",
    ]


def test_files_that_are_missing_or_broken_are_passed_over():
    assert outside_edits(MANIFEST, submission({})) == []
    broken = submission(SOLUTION, ddpm="def f(:\n")
    assert outside_edits(MANIFEST, broken) == []
    assert outside_edits(MANIFEST, dataclasses.replace(broken, syntax_errors={"ddpm.py": "…"})) == []


def test_code_that_cannot_be_written_down_again_is_compared_all_the_same():
    strange = "def extract(input, t, x):\n    return f'''{'\x1b'}{\"a\" 'b'}'''\n"
    changed = submission(SOLUTION, ddpm=SOLUTION["ddpm.py"] + strange)
    (notice,) = outside_edits(MANIFEST, changed)
    assert notice.message.endswith("changed outside the TODO regions: extract.")
    in_region = with_body(Q_SAMPLE, "return 0")
    files = {
        name: text.decode().replace("return 0", "return f'''{'\x1b'}'''") for name, text in in_region.files.items()
    }
    assert Q_SAMPLE not in untouched_regions(MANIFEST, submission(files)).untouched


@pytest.mark.parametrize(
    "code", ["x = 1" + "+1" * 600, "x = " + "[" * 90 + "]" * 90, "class extract: " + "a" + ".b" * 700]
)
def test_deeply_nested_code_is_compared_or_named(code):
    changed = submission(SOLUTION, ddpm=SOLUTION["ddpm.py"] + code + "\n")
    for notice in outside_edits(MANIFEST, changed):
        assert notice.message.startswith("ddpm.py")
    untouched_regions(MANIFEST, changed)


# --- regions ----------------------------------------------------------------------------------------------------------


def test_every_region_of_the_handout_is_untouched_and_none_of_the_solution():
    assert untouched_regions(MANIFEST, submission(STUB)) == (REGIONS, frozenset())
    assert untouched_regions(MANIFEST, submission(SOLUTION)) == (frozenset(), frozenset())


Q_SAMPLE = "ddpm.py:DiffusionModule.q_sample"


def with_body(path: str, body: str) -> Submission:
    """The handout with one function's body replaced."""
    name, _, qualified = path.partition(":")
    owner, function = qualified.split(".")
    tree = ast.parse(STUB[name])
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == owner:
            (method,) = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == function]
            method.body = ast.parse(body).body
    return submission(STUB | {name: ast.unparse(tree)})


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        "'''Only a docstring.'''",
        "raise NotImplementedError",
        "raise NotImplementedError('later')",
        "return",
        "x = 1\nraise NotImplementedError('TODO 1-2: q_sample')",
    ],
)
def test_other_placeholders_are_untouched_too(body):
    assert Q_SAMPLE in untouched_regions(MANIFEST, with_body(Q_SAMPLE, body)).untouched


@pytest.mark.parametrize("body", ["return -x0", "xt = x0\nxt.neg_()\nreturn xt", "raise ValueError"])
def test_a_region_with_anything_in_it_is_not_untouched(body):
    regions = untouched_regions(MANIFEST, with_body(Q_SAMPLE, body))
    assert regions.untouched == REGIONS - {Q_SAMPLE}


def test_a_region_that_is_gone_is_missing():
    gone = edited("    def q_sample(", "    def forward_process(", files=STUB)
    assert untouched_regions(MANIFEST, gone).missing == {Q_SAMPLE}
    no_class = submission(STUB, ddpm="x = 1\n")
    assert untouched_regions(MANIFEST, no_class).missing == {
        region for region in REGIONS if region.startswith("ddpm.py:")
    }
    no_file = submission({"ddpm.py": SOLUTION["ddpm.py"]})
    assert untouched_regions(MANIFEST, no_file) == (frozenset(), {r for r in REGIONS if r.startswith("network.py:")})


@pytest.mark.parametrize(
    "code",
    [
        "from mine import DiffusionModule\n",
        "from mine import *\n",
        "import mine\nDiffusionModule = mine.Module\n",
        "class Base:\n    def q_sample(self, x0, t, noise=None):\n        return x0\n\n\nclass DiffusionModule(Base):\n    pass\n",
        "class DiffusionModule:\n    q_sample = f\n",
        "class DiffusionModule:\n    pass\n\n\nDiffusionModule.q_sample = f\n",
        "class DiffusionModule:\n    pass\n\n\nsetattr(DiffusionModule, 'q_sample', f)\n",
        "@complete\nclass DiffusionModule:\n    pass\n",
        "if True:\n    class DiffusionModule:\n        if True:\n            def q_sample(self):\n                return 1\n",
    ],
)
def test_a_function_that_may_come_from_elsewhere_is_not_called_missing(code):
    regions = untouched_regions(MANIFEST, submission(SOLUTION, ddpm=code))
    assert Q_SAMPLE not in regions.missing
    assert Q_SAMPLE not in regions.untouched


def test_of_two_definitions_the_last_counts():
    again = "\n    def q_sample(self, x0, t, noise=None):\n        pass\n"
    at_the_end = submission(SOLUTION, ddpm=SOLUTION["ddpm.py"].rstrip("\n") + "\n" + again)
    assert Q_SAMPLE in untouched_regions(MANIFEST, at_the_end).untouched


def test_a_file_that_is_not_python_is_in_neither_set():
    broken = dataclasses.replace(submission(STUB, ddpm="def f(:\n"), syntax_errors={"ddpm.py": "…"})
    regions = untouched_regions(MANIFEST, broken)
    assert not [region for region in regions.untouched | regions.missing if region.startswith("ddpm.py:")]


def test_a_solution_file_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(Manifest, "solution", property(lambda self: tmp_path))
    with pytest.raises(UserError, match=r"The solution has no file network\.py"):
        outside_edits(MANIFEST, submission(SOLUTION))


# --- any code ---------------------------------------------------------------------------------------------------------

LINES = SOLUTION["ddpm.py"].split("\n")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["drop", "double", "swap"]), st.integers(0, len(LINES) - 2)), max_size=4))
def test_shuffled_code_is_compared_without_an_error(changes):
    lines = list(LINES)
    for kind, at in changes:
        at %= len(lines) - 1
        if kind == "drop":
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        else:
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
    changed = submission(SOLUTION, ddpm="\n".join(lines))
    for notice in outside_edits(MANIFEST, changed):
        assert notice.message.startswith("ddpm.py, line ")
    regions = untouched_regions(MANIFEST, changed)
    assert not regions.untouched & regions.missing
