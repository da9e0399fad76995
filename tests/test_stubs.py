"""A stub is recognised as code, whoever's it is and however it is written down; working code never is taken for one."""

import ast
import dataclasses
from pathlib import Path

import pytest

from autograder.grading.mutants import apply_variant, solution_files, variants
from autograder.manifest import Policy, load_manifest
from autograder.markers import derive_handout
from autograder.submission import comparison, stubs
from autograder.submission.comparison import outside_edits, part_digest, untouched_regions
from autograder.submission.editions import Edition, known_editions
from autograder.submission.intake import Submission, read_submission
from autograder.submission.normal_form import normal_form
from autograder.submission.stubs import holds_work, share_of_operations

MANIFEST = load_manifest("swiss_roll")
HANDOUT = {name: derive_handout((MANIFEST.solution / name).read_text(), name) for name in MANIFEST.files.todo}
SOLUTION = {name: content for name, content in solution_files(MANIFEST).items() if name in MANIFEST.files.todo}


def submission(files: dict[str, bytes]) -> Submission:
    return Submission("s", {name: content for name, content in files.items() if name not in MANIFEST.files.given}, "")


def solved_but(function: str, body: str) -> Submission:
    """The solution with another body of one function, "SimpleNet.forward"."""
    files = dict(SOLUTION)
    owner, _, name = function.partition(".")
    file = "network.py" if owner == "SimpleNet" else "ddpm.py"
    tree = ast.parse(files[file])
    (found,) = [
        node
        for top in tree.body
        if isinstance(top, ast.ClassDef) and top.name == owner
        for node in top.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    found.body = ast.parse(body).body
    return submission(files | {file: ast.unparse(tree).encode()})


def untouched(function: str, body: str) -> bool:
    found = untouched_regions(MANIFEST, solved_but(function, body)).untouched
    assert {name.partition(":")[2] for name in found} <= {function}  # the rest is the solution
    return bool(found)


LOOKED_UP = "a_t = extract(self.var_scheduler.alphas_cumprod, t, {x})\n"
AS_STUBS = {
    "the original's q_sample": ("DiffusionModule.q_sample", LOOKED_UP.format(x="x0") + "xt = x0\nreturn xt"),
    "other names": ("DiffusionModule.q_sample", LOOKED_UP.format(x="x0") + "noisy = x0\nresult = noisy\nreturn result"),
    "a line without effect": ("DiffusionModule.q_sample", "print(t)\nxt = x0\nxt = xt * 1 + 0\nreturn xt.clone()"),
    "an annotation, a docstring, a comment": ("DiffusionModule.q_sample", "'''Noise.'''\nxt: object = x0\n# here\n...\nreturn xt"),
    "a counter": ("DiffusionModule.q_sample", "i = 0\nfor k in range(3):\n    i += 1\nreturn x0"),
    "an assertion, an import": ("DiffusionModule.q_sample", "import math\nassert x0.ndim > 0\nreturn x0"),
    "the original's p_sample": (
        "DiffusionModule.p_sample",
        "if isinstance(t, int):\n    t = torch.tensor([t]).to(self.device)\n"
        "factor = (1 - extract(self.var_scheduler.alphas, t, xt)) / (1 - extract(self.var_scheduler.alphas_cumprod, t, xt)).sqrt()\n"
        "eps = self.network(xt, t)\nbefore = xt\nreturn before",
    ),
    "a fork's p_sample": (
        "DiffusionModule.p_sample",
        "beta = extract(self.var_scheduler.betas, t, xt)\nearlier = (t - 1).clamp(min=0)\n"
        "bar = extract(self.var_scheduler.alphas_cumprod, earlier, xt)\nreturn x_t_prev",
    ),
    "the original's p_sample_loop": ("DiffusionModule.p_sample_loop", "x0 = torch.zeros(shape).to(self.device)\nreturn x0"),
    "a fork's p_sample_loop": ("DiffusionModule.p_sample_loop", "xt = torch.randn(shape).to(self.device)\nx0 = None\nreturn x0"),
    "the original's ddim_p_sample": (
        "DiffusionModule.ddim_p_sample",
        LOOKED_UP.format(x="xt") + "if t_prev >= 0:\n    b = extract(self.var_scheduler.alphas_cumprod, t_prev, xt)\n"
        "else:\n    b = torch.ones_like(a_t)\nprev = xt\nreturn prev",
    ),
    "the original's ddim_p_sample_loop": (
        "DiffusionModule.ddim_p_sample_loop",
        "ratio = self.var_scheduler.num_train_timesteps // num_inference_timesteps\n"
        "steps = torch.from_numpy((np.arange(0, num_inference_timesteps) * ratio).round()[::-1].copy().astype(np.int64))\n"
        "before = steps - ratio\nx = torch.zeros(shape, device=self.device)\nfor a, b in zip(steps, before):\n    pass\n"
        "result = x\nreturn result",
    ),
    "the original's compute_loss": (
        "DiffusionModule.compute_loss",
        "n = x0.shape[0]\nt = torch.randint(0, self.var_scheduler.num_train_timesteps, size=(n,)).to(x0.device).long()\n"
        "value = x0.mean()\nreturn value",
    ),
    "a fork's compute_loss": ("DiffusionModule.compute_loss", "t = torch.randint(0, 5, (3,))\nloss = None\nreturn loss"),
    "the original's forward": ("SimpleNet.forward", "y = x\nreturn y"),
    "the original's constructor": ("SimpleNet.__init__", "super().__init__()"),
    "a constructor that keeps what nobody reads": ("SimpleNet.__init__", "super().__init__()\nself.sizes_that_i_want = dim_hids"),
    "our stub after a line without effect": ("DiffusionModule.q_sample", "x = 1\nraise NotImplementedError('TODO')"),
}  # fmt: skip


@pytest.mark.parametrize("case", AS_STUBS)
def test_a_stub_is_recognised_without_layout_names_and_lines_that_do_nothing(case: str):
    assert untouched(*AS_STUBS[case])


NO_STUBS = {
    "work in place": ("DiffusionModule.p_sample", "xt.mul_(0.9)\nreturn xt"),
    "work in place, result not used": ("DiffusionModule.p_sample", "_ = xt.mul_(0.9)\nreturn xt"),
    "work into a given tensor": ("DiffusionModule.p_sample", "torch.mul(xt, 0.9, out=xt)\nreturn xt"),
    "work into a part": ("DiffusionModule.p_sample", "xt[:] = 0.9 * xt\nreturn xt"),
    "a helper that may change it": ("DiffusionModule.p_sample", "self.step(xt, t)\nreturn xt"),
    "a helper of one's own": ("DiffusionModule.p_sample", "y = work(xt)\nreturn xt"),
    "a name that is bound anew": ("DiffusionModule.p_sample", "y = xt\nxt = 0.9 * xt\nreturn xt"),
    "a loop that works": ("DiffusionModule.p_sample_loop", "x = torch.zeros(shape)\nfor t in (1, 0):\n    x = self.p_sample(x, t)\nreturn x"),
    "one branch that works": ("DiffusionModule.p_sample", "if t > 0:\n    xt = 0.9 * xt\nreturn xt"),
    "another error": ("DiffusionModule.q_sample", "raise ValueError"),
    "layers under another name": ("SimpleNet.__init__", "super().__init__()\nself.fc = nn.Linear(dim_in, dim_out)"),
    "a list of layers": ("SimpleNet.__init__", "super().__init__()\nself.add_module('a', nn.Linear(dim_in, dim_out))"),
    "an assignment to a grown tensor": ("DiffusionModule.p_sample", "xt += 0.1 * xt\nreturn xt"),
    "a closure": ("DiffusionModule.p_sample", "def work(x):\n    return 0.9 * x\nreturn work(xt)"),
}  # fmt: skip


STEP = SOLUTION["ddpm.py"].decode()


def body_of(function: str) -> str:
    """The solution's body of one function of DiffusionModule."""
    node = stubs.find(ast.parse(STEP), f"DiffusionModule.{function}")
    assert node is not None
    return "\n".join(map(ast.unparse, node.body))


@pytest.mark.parametrize("function", ["q_sample", "p_sample", "ddim_p_sample", "compute_loss"])
@pytest.mark.parametrize("end", ["", "return xt", "return x0", "return None", "return x0.mean()"])
def test_work_whose_result_is_lost_is_no_stub(function: str, end: str):
    """The `return` is forgotten, or names something else: the code is wrong, and not undone."""
    work, found, result = body_of(function).rpartition("return ")
    assert found
    assert not untouched(f"DiffusionModule.{function}", f"{work}result = {result}\n{end}")


@pytest.mark.parametrize("case", NO_STUBS)
def test_what_may_have_an_effect_is_no_stub(case: str):
    assert not untouched(*NO_STUBS[case])


@pytest.mark.parametrize("variant", ["", *[variant.id for variant in variants(MANIFEST)]])
def test_no_right_solution_is_a_stub(variant: str):
    chosen = next((one for one in variants(MANIFEST) if one.id == variant), None)
    files = apply_variant(MANIFEST, chosen) if chosen else SOLUTION
    assert untouched_regions(MANIFEST, submission(files)) == (frozenset(), frozenset())


def test_a_stub_that_gets_its_body_later_is_not_untouched():
    text = (
        HANDOUT["ddpm.py"]
        + "\n\ndef q(self, x0, t, noise=None):\n    return 2 * x0\n\n\nDiffusionModule.q_sample = q\n"
    )
    found = untouched_regions(MANIFEST, submission({**SOLUTION, "ddpm.py": text.encode()}))
    assert "ddpm.py:DiffusionModule.q_sample" not in found.untouched


@pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion"])
def test_every_stub_of_an_edition_belongs_to_a_region(assignment: str):
    manifest = load_manifest(assignment)
    for edition in known_editions(manifest):
        for name, text in edition.stubs.items():
            if name in manifest.files.todo:
                files = {**SOLUTION, name: f"class BaseScheduler: pass\n{text}".encode()}
                regions = untouched_regions(manifest, submission(files))
                functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
                assert {region.rpartition(".")[2] for region in regions.untouched} == functions


def test_a_normal_form_ends_for_any_nesting():
    lines = [f"{' ' * depth}if x:" for depth in range(60)] + [" " * 60 + "x = 1"]
    function = ast.parse("def f(x):\n" + "\n".join(" " + line for line in lines) + "\n return 2").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert normal_form(function) == ("return 2",)


# --- is it the handout ------------------------------------------------------------------------------------------------

REWRITTEN = {
    "as it is": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "both": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "an empty line more": lambda text: text.encode() + b"\n\n",
    "no newline at the end": lambda text: text.rstrip().encode(),
    "white space at the ends of lines": lambda text: text.replace("\n", "  \n").encode(),
    "tabs for indentation": lambda text: text.replace("    ", "\t").encode(),
    "other comments": lambda text: text.replace("# ", "# mine: ").encode(),
    "without docstrings and comments": lambda text: ast.unparse(ast.parse(text)).encode(),
}


@pytest.mark.parametrize("case", REWRITTEN)
@pytest.mark.parametrize("name", ["ddpm.py", "network.py"])
def test_a_copy_of_the_handout_holds_no_work_however_it_is_written_down(case: str, name: str):
    assert not holds_work(MANIFEST, name, REWRITTEN[case](HANDOUT[name]))
    assert holds_work(MANIFEST, name, REWRITTEN[case](SOLUTION[name].decode()))


def test_what_cannot_be_read_may_hold_work():
    assert holds_work(MANIFEST, "ddpm.py", None)
    assert holds_work(MANIFEST, "ddpm.py", b"def f(:\n")
    assert holds_work(MANIFEST, "ddpm.py", HANDOUT["ddpm.py"].encode() + b"# more\n" * 50_000)
    assert holds_work(MANIFEST, "notes.py", b"")


@pytest.mark.parametrize("case", REWRITTEN)
def test_the_work_is_judged_and_not_the_handout_beside_it(case: str, tmp_path: Path):
    for folder, files in (("mine", SOLUTION), ("orig", {n: REWRITTEN[case](text) for n, text in HANDOUT.items()})):
        (tmp_path / folder).mkdir()
        for name, content in files.items():
            (tmp_path / folder / name).write_bytes(content)
    read = read_submission(tmp_path, MANIFEST)
    assert read.folder == "mine"
    assert read.files == SOLUTION


@pytest.mark.parametrize("case", ["CRLF", "a byte order mark", "an empty line more", "other comments"])
def test_two_copies_of_the_same_code_are_not_two_solutions(case: str, tmp_path: Path):
    for folder, rewrite in (("a", REWRITTEN["as it is"]), ("b", REWRITTEN[case])):
        (tmp_path / folder).mkdir()
        for name, content in SOLUTION.items():
            (tmp_path / folder / name).write_bytes(rewrite(content.decode()))
    assert read_submission(tmp_path, MANIFEST).folder == "a"


def test_the_same_words_in_another_indentation_are_another_solution(tmp_path: Path):
    other = SOLUTION["ddpm.py"].replace(b"        return xt\n", b"            return xt\n")
    for folder, ddpm in (("a", SOLUTION["ddpm.py"]), ("b", other)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ddpm.py").write_bytes(ddpm)
    with pytest.raises(stubs.UserError, match="with different content"):
        read_submission(tmp_path, MANIFEST)


# --- given code of another edition ------------------------------------------------------------------------------------

ELSEWHERE = "def extract(table, t, x):\n    return table[t.reshape(-1)].reshape(-1, *(1 for _ in x.shape[1:]))\n"


def of_another_edition(ddpm: str) -> str:
    """ddpm.py with another `extract`, as a course may give it out."""
    tree = ast.parse(ddpm)
    place = next(i for i, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef))
    tree.body[place] = ast.parse(ELSEWHERE).body[0]
    return ast.unparse(tree)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    edition = Edition("made up", given={"ddpm.py": {"extract": part_digest(ELSEWHERE)}})
    monkeypatch.setattr(comparison, "known_editions", lambda manifest: (edition,))


def test_given_code_of_a_known_edition_is_no_edit(elsewhere: None):
    strict = dataclasses.replace(MANIFEST, policy=Policy(outside_todo="zero"))
    files = {**SOLUTION, "ddpm.py": of_another_edition(SOLUTION["ddpm.py"].decode()).encode()}
    assert outside_edits(strict, submission(files)) == []


def test_a_real_edit_beside_it_is_listed_alone(elsewhere: None):
    text = of_another_edition(SOLUTION["ddpm.py"].decode()).replace(
        "return getattr(self.network", "return vars(self.network"
    )
    (notice,) = outside_edits(MANIFEST, submission({**SOLUTION, "ddpm.py": text.encode()}))
    assert (
        notice.message
        == notice.message.partition(":")[0] + ": changed outside the TODO regions: DiffusionModule.image_resolution."
    )


def test_a_changed_copy_of_another_edition_is_listed(elsewhere: None):
    text = of_another_edition(SOLUTION["ddpm.py"].decode()).replace("table[t.reshape(-1)]", "table[t.reshape(-1) - 1]")
    (notice,) = outside_edits(MANIFEST, submission({**SOLUTION, "ddpm.py": text.encode()}))
    assert notice.message.endswith(": extract.")


@pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion"])
def test_every_given_part_of_an_edition_is_one_of_the_handout(assignment: str):
    manifest = load_manifest(assignment)
    for edition in known_editions(manifest):
        for name, parts in edition.given.items():
            if name in manifest.files.todo:
                paths = stubs.region_paths(manifest, name)
                given = comparison._handout_parts(manifest.solution / name, paths).named
                assert set(parts) <= set(given)
                assert all(part_digest(given[part].text) != known for part, known in parts.items())


def test_a_digest_does_not_depend_on_layout_and_is_that_of_the_code():
    assert part_digest("def f(a, b=1):\n    return (a)+b") == part_digest("def f(a,b = 1): return a + b  # sum")
    assert part_digest("def f(a, b=1):\n    return a + b") == "e8add4c2a0ed1db6"  # with every version of Python
    assert part_digest("def f(a, b=1):\n    return a - b") != part_digest("def f(a, b=1):\n    return a + b")


# --- how much code ----------------------------------------------------------------------------------------------------


def test_the_share_of_operations_counts_what_a_result_depends_on():
    def share(function: str, body: str) -> float:
        content = solved_but(function, body).files["ddpm.py"]
        return share_of_operations(MANIFEST, "ddpm.py", content, [function])

    q_sample = "DiffusionModule.q_sample"
    assert share_of_operations(MANIFEST, "ddpm.py", SOLUTION["ddpm.py"], [q_sample]) == 1
    assert (
        share("DiffusionModule.p_sample_loop", "return torch.zeros(())(3)")
        < 0.5
        <= share_of_operations(MANIFEST, "ddpm.py", SOLUTION["ddpm.py"], ["DiffusionModule.p_sample_loop"])
    )
    assert share(q_sample, "raise ValueError(x0)") < 0.5
    assert (
        share(q_sample, "a = extract(x0, t, x0).sqrt() * x0 + noise * extract(x0, t, x0) - x0 * x0\nraise ValueError")
        < 0.5
    )
    assert (
        share(q_sample, "a = self.var_scheduler.alphas_cumprod[t]\nreturn a.sqrt() * x0 + (1 - a).sqrt() * noise") > 0.5
    )
    assert share_of_operations(MANIFEST, "ddpm.py", b"def f(:", [q_sample]) == 0
