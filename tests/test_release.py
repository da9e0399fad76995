"""The student folder is exactly what its solution says, and shows no answer."""

import ast
import json
import subprocess

import nbformat
import pytest

from autograder.errors import UserError
from autograder.kit.leftovers import LEFTOVERS
from autograder.manifest import assignment_ids, load_manifest, parse_manifest
from autograder.markers import (
    MarkerError,
    derive_handout,
    find_region,
    regions,
    replace_solution,
    strip_markers,
)
from autograder.places import COURSES_VARIABLE, REPOSITORY
from autograder.release import command
from autograder.release.handout import HandoutError, check_handout, derive_folder, write_handout
from autograder.release.leaks import find_leaks, secrets
from autograder.release.notebooks import is_notebook_source, to_ipynb

SOLUTION = '''\
"""Given."""
import torch


class Model:
    def q_sample(self, x0, a, noise):
        """Eq. 4."""
        ######## TODO 1-2: q_sample ########
        # What to compute.

        ### BEGIN SOLUTION
        scale = a.sqrt()  # the square root
        return scale * x0 + (1 - a).sqrt() * noise
        ### END SOLUTION
        ### STUB: if noise is None:
        ### STUB:     noise = 0
        ### STUB:
        ### STUB: raise NotImplementedError("TODO 1-2: q_sample")
        ######## END TODO ########

    def loss(self, x0):
        ######## TODO 1-4: loss ########
        ### BEGIN SOLUTION
        return (self(x0, {"noise": 0}) - x0).square().mean()
        ### END SOLUTION
        ### STUB: pass
        ######## END TODO ########
'''

HANDOUT = '''\
"""Given."""
import torch


class Model:
    def q_sample(self, x0, a, noise):
        """Eq. 4."""
        ######## TODO 1-2: q_sample ########
        # What to compute.

        if noise is None:
            noise = 0

        raise NotImplementedError("TODO 1-2: q_sample")
        ######## END TODO ########

    def loss(self, x0):
        ######## TODO 1-4: loss ########
        pass
        ######## END TODO ########
'''

NOTEBOOK = """\
# ---
# jupyter:
#   kernelspec:
#     name: some-other-kernel
# ---

# %% [markdown]
# ## TODO 1-5: train
# See [Eq. 4](README.md).

# %%
# %matplotlib inline
x = 1


# %%
def train(model, data):
    ######## TODO 1-5: train ########
    # Take steps.
    ### BEGIN SOLUTION
    return sum(model.loss(batch) for batch in data) / len(data)
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO 1-5: train")
    ######## END TODO ########

# %%
x = 1
"""

MANIFEST = """
id = "small"
title = "Small"
course = "None"
folder = "small_todo"
default_profile = "default"
[files]
todo = ["model.py"]
given = ["data.py"]
notebook = "tutorial.ipynb"
[[tasks]]
id = "1-2"
title = "Forward"
points = 1
regions = ["model.py:Model.q_sample"]
[[tasks]]
id = "1-4"
title = "Loss"
points = 1
regions = ["model.py:Model.loss"]
[[tasks]]
id = "1-5"
title = "Training"
points = 1
[profiles.default]
title = "Sum"
"""

ANSWER = "return scale * x0 + (1 - a).sqrt() * noise"
REAL_SOLUTIONS = [
    pytest.param(path, id=f"{identifier}/{path.name}")
    for identifier in assignment_ids()
    for path in sorted(load_manifest(identifier).solution.glob("*.py"))
]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small assignment in a repository of its own: its manifest."""
    monkeypatch.setenv(COURSES_VARIABLE, str(tmp_path))
    manifest = parse_manifest(MANIFEST)
    (manifest.solution / "figures").mkdir(parents=True)
    (manifest.solution / "model.py").write_text(SOLUTION)
    (manifest.solution / "data.py").write_text("def batches():\n    return []\n")
    (manifest.solution / "tutorial.py").write_text(NOTEBOOK)
    (manifest.solution / "README.md").write_text("# Small\n\n### Tasks\n")
    (manifest.solution / "figures" / "result.png").write_bytes(b"\x89PNG\r\n\xff")
    return manifest


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


# Markers


def test_students_see_the_stub_in_place_of_the_answer():
    assert derive_handout(SOLUTION) == HANDOUT


def test_a_region_knows_its_lines():
    q_sample, loss = regions(SOLUTION)
    lines = SOLUTION.split("\n")
    assert (q_sample.task, q_sample.name, loss.task, loss.name) == ("1-2", "q_sample", "1-4", "loss")
    assert "TODO 1-2" in lines[q_sample.first_line - 1]
    assert "END TODO" in lines[q_sample.last_line - 1]
    assert q_sample.solution == f"scale = a.sqrt()  # the square root\n{ANSWER}"
    assert q_sample.stub_lines[1] == "            noise = 0"


@pytest.mark.parametrize("path", REAL_SOLUTIONS)
def test_markers_change_nothing_in_how_a_solution_runs(path):
    text = path.read_text()
    stripped = strip_markers(text)
    assert ast.dump(ast.parse(stripped)) == ast.dump(ast.parse(text))
    assert "SOLUTION" not in stripped
    assert "STUB" not in stripped


@pytest.mark.parametrize("path", REAL_SOLUTIONS)
def test_only_the_answers_of_a_solution_differ_from_the_handout(path):
    text = path.read_text()
    inside = {line for region in regions(text) for line in range(region.begin_line, region.last_stub_line + 1)}
    given = [line for number, line in enumerate(text.split("\n"), start=1) if number not in inside]
    handout = derive_handout(text).split("\n")
    stubs = [line for region in regions(text) for line in region.stub_lines]
    assert sorted(handout) == sorted(given + stubs)
    ast.parse("\n".join(handout))


@pytest.mark.parametrize("path", REAL_SOLUTIONS)
def test_every_region_of_the_handout_is_its_stub(path):
    text = path.read_text()
    handout = derive_handout(text)
    for region in regions(text):
        header = f"TODO {region.task}: {region.name} ########"
        block = handout.split(header)[1].split("######## END TODO")[0]
        assert "NotImplementedError" in block or block.rstrip().endswith(("pass", "= None"))


@pytest.mark.parametrize("path", REAL_SOLUTIONS)
def test_replacing_an_answer_by_itself_changes_nothing(path):
    text = path.read_text()
    for region in regions(text):
        assert replace_solution(text, region.name, region.solution) == text


def test_a_replaced_answer_is_indented_and_the_rest_stays():
    mutant = replace_solution(SOLUTION, "model.py:Model.q_sample", "if a:\n    return x0\nreturn a * x0\n")
    q_sample, loss = regions(mutant)
    assert q_sample.solution == "if a:\n    return x0\nreturn a * x0"
    assert loss.solution == regions(SOLUTION)[1].solution
    assert derive_handout(mutant) == HANDOUT
    ast.parse(strip_markers(mutant))


def test_a_region_is_found_by_the_longest_ending_of_its_path():
    found = regions(SOLUTION.replace("1-2: q_sample", "1-2: Model.loss"))
    assert find_region(found, "model.py:Model.loss") == find_region(found, "Model.loss") == found[0]
    assert find_region(found, "model.py:Other.loss") == find_region(found, "loss") == found[1]
    assert find_region(found, "closs") is None


def test_an_unknown_region_is_named_with_those_there_are():
    with pytest.raises(UserError, match="no region 'p_sample'; it has q_sample, loss"):
        replace_solution(SOLUTION, "p_sample", "pass")


@pytest.mark.parametrize(
    ("old", "new", "line", "advice"),
    [
        ("        ### BEGIN SOLUTION\n        scale", "        ### BEGIN SOLUTON\n        scale", 11, "BEGIN SOLUTION"),
        ("        ### BEGIN SOLUTION\n        scale", "        ###BEGIN SOLUTION\n        scale", 11, "BEGIN SOLUTION"),
        ("        ### BEGIN SOLUTION\n        scale", "        # begin solution\n        scale", 11, "BEGIN SOLUTION"),
        ("        ### BEGIN SOLUTION\n        scale", "        scale", 11, "BEGIN SOLUTION"),
        ("TODO 1-2: q_sample ####", "TODO: q_sample ####", 8, "TODO <task>: <region>"),
        ("TODO 1-2: q_sample ####", "TODO 1-2 ####", 8, "TODO <task>: <region>"),
        ("TODO 1-2: q_sample ####", "TODO 9-9: q_sample ####", 8, "use one of 1-2, 1-4"),
        ("TODO 1-4: loss", "TODO 1-4: q_sample", 22, "another name"),
        ("### STUB: pass", "### STUB pass", 26, "### STUB: <code>"),
        ("        ### STUB: pass\n", "", 26, "### STUB: <code>"),
        ("### STUB: pass", "## STUB: pass", 26, "### STUB: <code>"),
        ("### STUB: pass", "### HINT: pass", 26, "ordinary comment"),
        ("### STUB: pass", "### STUB: pass\n        x = 1", 27, "END TODO"),
        ("import torch", "### STUB: import torch", 2, "outside of a TODO block"),
        ("import torch", "import torch  ### END SOLUTION", 2, "alone on its line"),
        ("import torch", "### BEGIN SOLUTION", 2, "outside of a TODO block"),
        ("# What to compute.", "x = 1", 9, "BEGIN SOLUTION"),
        ("# What to compute.", "######## TODO 1-4: inner ########", 9, "BEGIN SOLUTION"),
        ("scale = a.sqrt()", "### BEGIN SOLUTION\n", 12, "END SOLUTION"),
        ("scale = a.sqrt()", "### STUB: x\n", 12, "END SOLUTION"),
        ("scale = a.sqrt()", "# %%\n", 12, "cell"),
        ("        ### STUB: pass\n        ######## END TODO ########\n", "", 22, "STUB"),
        ("        ### END SOLUTION\n        ### STUB: pass", "        ### STUB: pass", 25, "END SOLUTION"),
    ],
)
def test_a_faulty_marker_is_named_with_file_and_line(old, new, line, advice):
    assert SOLUTION.count(old) == 1
    with pytest.raises(MarkerError) as caught:
        derive_handout(SOLUTION.replace(old, new), "ddpm.py", ("1-2", "1-4"))
    assert str(caught.value).startswith(f"ddpm.py:{line}: ")
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_marker_can_lose_a_character_unseen():
    for position, character in enumerate(SOLUTION):
        line_start = SOLUTION.rfind("\n", 0, position) + 1
        line = SOLUTION[line_start : SOLUTION.index("\n", position)]
        fixed = line.split(": ")[0].rstrip(":") + ":" if ": " in line else line  # names and stub code may be anything
        in_marker = line.lstrip().startswith("###") and character not in " \n" and position - line_start < len(fixed)
        if in_marker:
            with pytest.raises(MarkerError):
                derive_handout(SOLUTION[:position] + SOLUTION[position + 1 :], tasks=("1-2", "1-4"))


def test_rulers_headings_and_ordinary_comments_are_no_markers():
    text = "################\n# ### Heading\n## note: ends the solution\n# TODO: later\nx = '#'\n"
    assert derive_handout(text) == text


# Notebooks


def test_a_notebook_source_is_known_by_its_header():
    assert is_notebook_source(NOTEBOOK)
    assert not is_notebook_source(SOLUTION)
    assert not is_notebook_source("# ---\n# title\n# ---\n# jupyter: a fine tool\n")


def test_a_notebook_has_its_cells_no_outputs_and_one_kernel():
    notebook = nbformat.reads(to_ipynb(derive_handout(NOTEBOOK)).decode(), as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown", "code", "code", "code"]
    assert notebook.cells[0].source == "## TODO 1-5: train\nSee [Eq. 4](README.md)."
    assert notebook.cells[1].source == "%matplotlib inline\nx = 1"
    assert 'raise NotImplementedError("TODO 1-5: train")' in notebook.cells[2].source
    assert not any(cell.outputs or cell.execution_count for cell in notebook.cells[1:])
    assert notebook.metadata.kernelspec.name == "python3"


def test_equal_text_gives_equal_notebook_bytes():
    text = NOTEBOOK + "\n# %%\nx = 1\n"  # the last cell twice
    assert len({to_ipynb(text) for _ in range(3)}) == 1


def test_an_edited_cell_changes_no_other_cells_identifier():
    def ids(text):
        return [cell["id"] for cell in json.loads(to_ipynb(text))["cells"]]

    before, after = ids(NOTEBOOK), ids(NOTEBOOK.replace("Take steps.", "Take many steps."))
    assert [old == new for old, new in zip(before, after)] == [True, True, False, True]
    assert len(set(ids(NOTEBOOK + "\n# %%\nx = 1\n"))) == 5


# Folders


def test_a_folder_is_derived_file_by_file(course):
    for name in ("__pycache__/model.pyc", ".ipynb_checkpoints/tutorial.py", ".hidden"):
        path = course.solution / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\xff")
    derived = derive_folder(course)
    assert sorted(derived) == ["README.md", "data.py", "figures/result.png", "model.py", "tutorial.ipynb"]
    assert derived["model.py"].decode() == HANDOUT
    assert derived["figures/result.png"] == (course.solution / "figures" / "result.png").read_bytes()
    assert derived["tutorial.ipynb"] == to_ipynb(derive_handout(NOTEBOOK))


def test_writing_twice_changes_nothing_the_second_time(course):
    assert len(write_handout(course)) == 5
    times = {path: path.stat().st_mtime_ns for path in course.handout.rglob("*")}
    assert write_handout(course) == []
    assert {path: path.stat().st_mtime_ns for path in course.handout.rglob("*")} == times
    assert check_handout(course) == []


def test_the_check_names_each_missing_stale_and_superfluous_file(course):
    write_handout(course)
    (course.handout / "model.py").write_text("x = 1\n")
    (course.handout / "data.py").unlink()
    (course.handout / "figures" / "old.png").write_bytes(b"\xff")
    missing, superfluous, stale = check_handout(course)
    assert missing == "small_todo/data.py: is missing; run `autograder release`."
    assert superfluous.startswith("small_todo/figures/old.png: is superfluous")
    assert stale.startswith("small_todo/model.py: is stale")


def test_a_file_that_the_manifest_names_and_nothing_gives_is_a_problem(course):
    (course.solution / "tutorial.py").unlink()
    write_handout(course)
    (problem,) = check_handout(course)
    assert problem.startswith("small_todo/tutorial.ipynb: is named in assignment.toml")


@pytest.mark.parametrize("name", sorted(LEFTOVERS))
def test_what_running_leaves_is_no_part_of_a_handout(course, name):
    """Pictures of `autograder check solutions/…`, samples, trainings: neither shipped, nor in the way of a release, nor in git."""
    before = derive_folder(course)
    write_handout(course)
    for folder in (course.solution, course.solution / "figures", course.handout):
        (folder / name).mkdir()
        (folder / name / "picture.png").write_bytes(b"\x89PNG")
        (folder / name / "step.py").write_text("left = 1\n")
    assert derive_folder(course) == before
    assert check_handout(course) == []
    assert name == "__pycache__" or f"**/*_todo/**/{name}/" in (REPOSITORY / ".gitignore").read_text().splitlines()


def test_only_files_that_git_has_are_removed(course, tmp_path):
    write_handout(course)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "small_todo"], check=True)
    (course.handout / "my_notes.txt").write_text("mine")
    (course.handout / ".env").write_text("mine")
    (course.solution / "figures" / "result.png").rename(course.solution / "figures" / "new.png")
    assert sorted(write_handout(course)) == [
        "small_todo/figures/new.png: written.",
        "small_todo/figures/result.png: removed, no longer derived.",
    ]
    assert (course.handout / "my_notes.txt").read_text() == "mine"
    assert (course.handout / ".env").read_text() == "mine"
    (problem,) = check_handout(course)
    assert problem.startswith("small_todo/my_notes.txt: is superfluous")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("model.py", "1-4: loss", "1-2: loss", "model.py:22: assignment.toml lists 'model.py:Model.loss' under task"),
        ("model.py", "1-4: loss", "1-4: lost", "model.py has no TODO block for 'model.py:Model.loss'"),
        ("model.py", "STUB: pass", "STUB: if", "derived from solutions/small_todo/model.py is not valid Python in"),
        ("model.py", "import torch", "import", "solutions/small_todo/model.py is not valid Python in line 2"),
        ("data.py", "    return []\n", SOLUTION.split("\n\n")[-1], "data.py:2: assignment.toml lists no region 'loss'"),
        ("tutorial.py", "TODO 1-5: train ####", "TODO 1-6: train ####", "tutorial.py:18: there is no task '1-6'"),
    ],
)
def test_a_solution_that_cannot_be_handed_out_is_one_sentence(course, file, old, new, message):
    if file == "data.py":
        new = new.partition("\n")[2]  # the TODO block without the line that opens its function
    edit(course.solution / file, old, new)
    with pytest.raises(UserError) as caught:
        derive_folder(course)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_ready_made_notebook_and_a_missing_folder_are_errors(course):
    (course.solution / "extra.ipynb").write_text("{}")
    with pytest.raises(UserError, match=r"extra.ipynb has no readable source"):
        derive_folder(course)
    course.solution.rename(course.solution.with_name("elsewhere"))
    with pytest.raises(UserError, match="solutions/small_todo/ is missing"):
        derive_folder(course)


def test_a_folder_in_the_way_of_a_file_is_one_sentence(course):
    (course.handout / "model.py").mkdir(parents=True)
    with pytest.raises(UserError, match="Cannot write small_todo/"):
        write_handout(course)
    assert not list(course.handout.glob(".*")), "no half-written file stays behind"


# Leaks


@pytest.mark.parametrize(
    ("file", "planted", "place"),
    [
        ("README.md", f"\nRemember:\n\n    {ANSWER}\n", "README.md, line 7"),
        ("README.md", "\nThat is `return scale*x0 + (1-a).sqrt()*noise`.\n", "README.md, line 5"),
        ("README.md", "\n    return (self(x0, {'noise': 0}) - x0).square().mean()\n", "README.md, line 5"),
        ("data.py", f"# {ANSWER}\n", "data.py, line 3"),
        ("data.py", "# return scale * x0\n#     + (1 - a).sqrt() * noise\n", "data.py, line 3"),
        ("data.py", f"def copied(scale, x0, a, noise):\n    {ANSWER}\n", "data.py, line 4"),
        ("model.py", f'\ndef hint():\n    """{ANSWER}"""\n', "model.py, line 23"),
        ("model.py", f"\n# {ANSWER}\n", "model.py, line 22"),
        ("tutorial.py", f"\n# %%\ndef copied():\n    {ANSWER}\n", "tutorial.ipynb, cell 5"),
        ("tutorial.py", f"\n# %% [markdown]\n# Hint: {ANSWER}\n", "tutorial.ipynb, cell 5"),
        ("README.md", "\nreturn sum(model.loss(batch) for batch in data) / len(data)\n", "README.md, line 5"),
        ("README.md", "\n### BEGIN SOLUTION\n", "README.md, line 5"),
    ],
)
def test_a_leaked_answer_is_found_and_never_written(course, file, planted, place):
    with (course.solution / file).open("a") as handle:
        handle.write(planted)
    with pytest.raises(HandoutError) as caught:
        write_handout(course)
    assert any(problem.startswith(place) for problem in caught.value.problems)
    assert not course.handout.exists()


def test_an_answer_that_stands_in_the_student_folder_is_found(course):
    write_handout(course)
    (course.handout / "model.py").write_text(strip_markers(SOLUTION))
    stale, *leaks = check_handout(course)
    assert stale.startswith("small_todo/model.py: is stale")
    assert any("shows a line of the answer to q_sample in model.py" in leak for leak in leaks)
    assert any("shows a line of the answer to loss in model.py" in leak for leak in leaks)


IDIOM = ("return self.layers(x)",)  # whole answers that are too short to be told from given code


@pytest.mark.parametrize("path", REAL_SOLUTIONS)
def test_each_answer_of_the_real_solutions_would_be_found(path):
    text = path.read_text()
    known = secrets(text, path.name)
    for region in regions(text):
        if region.solution in IDIOM:
            continue
        leaks = find_leaks({"README.md": f"Look:\n\n{region.solution}\n".encode()}, known)
        assert any(f"the answer to {region.name} in {path.name}" in leak for leak in leaks)
    assert find_leaks({path.name: derive_handout(text).encode()}, known) == []


def test_what_the_given_code_shows_and_short_idiom_are_no_secrets():
    text = SOLUTION.replace("import torch", f"def given(scale, x0, a, noise):\n    {ANSWER}  # as given")
    assert [secret.region for secret in secrets(text, "model.py")] == ["loss"]
    assert [secret.region for secret in secrets(SOLUTION, "model.py")] == ["q_sample", "loss"], "scale = … is too short"


# The real folders, and the command


def test_the_command_tells_and_returns_the_status(course, monkeypatch, capsys):
    monkeypatch.setattr(command, "load_manifest", lambda identifier: course)
    monkeypatch.setattr(command, "assignment_ids", lambda: ("small",))
    assert command.release(check=True) == 1
    assert "small_todo/model.py: is missing; run `autograder release`." in capsys.readouterr().out
    assert command.release() == 0
    assert command.release("small", check=True) == 0
    assert capsys.readouterr().out.endswith("small_todo/: current, and no answer in it.\n")
    edit(course.solution / "README.md", "# Small", ANSWER)
    assert command.release() == 1
    assert "nothing was written" in capsys.readouterr().out


def test_deriving_reads_only(course):
    before = sorted(course.solution.rglob("*"))
    derive_folder(course)
    assert sorted(course.solution.rglob("*")) == before
    assert not course.handout.exists()
