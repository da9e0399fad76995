"""Which notebook of a submission is judged, as which files; and the same verdict for a notebook as for the files that it holds."""

import ast
import dataclasses
import json
import zipfile
from pathlib import Path

import pytest

from autograder.classroom.collect import collect
from autograder.classroom.one_by_one import OneFile, choose
from autograder.grading.mutants import solution_files
from autograder.grading.session import Grading, Options
from autograder.kit.check import run as check
from autograder.kit.pack import PackError, plan
from autograder.manifest import Manifest, load_manifest
from autograder.release.kit import facts_kit
from autograder.sandbox.launcher import Sandbox
from autograder.submission.comparison import outside_edits, untouched_regions
from autograder.submission.guess import guess_assignment
from autograder.submission.intake import Submission, read_here
from autograder.submission.rules import IntakeLimits, Refused
from autograder.submission.stubs import find
from tests.bulk import bulk
from tests.courses import courses_in, write_files
from tests.notebook_files import cell, folder_with, notebook, taking_notebooks, text

MANIFEST = taking_notebooks()
SOLUTION = {name: content.decode() for name, content in solution_files(MANIFEST).items() if name in MANIFEST.files.todo}
STUB = {name: (MANIFEST.handout / name).read_text(encoding="utf-8") for name in SOLUTION}
WORK = notebook("%matplotlib inline\nimport torch", SOLUTION["network.py"], text("# Part 2"), SOLUTION["ddpm.py"])
HANDED_OUT = notebook("import torch", STUB["network.py"], STUB["ddpm.py"])
WRONG = notebook("import torch", SOLUTION["network.py"], SOLUTION["ddpm.py"].replace("sqrt", "exp"))


def read(root: Path, files: dict[str, bytes | str], manifest: Manifest = MANIFEST) -> Submission:
    return read_here(str(folder_with(root / "work", files)), manifest, IntakeLimits())


def said(submission: Submission) -> str:
    return "\n".join(notice.message for notice in submission.notices)


def filled_in(submission: Submission, name: str = "ddpm.py") -> bool:
    return b'NotImplementedError("TODO' not in submission.files[name]


# --- which one --------------------------------------------------------------------------------------------------------


def test_the_files_are_made_from_the_notebook(tmp_path):
    submission = read(tmp_path, {"hw.ipynb": WORK})
    assert sorted(submission.files) == ["ddpm.py", "network.py"]
    assert submission.missing == ()
    assert said(submission) == "network.py and ddpm.py were made from the code of hw.ipynb; its cells are counted from the top, text included."


def test_without_the_key_a_notebook_is_not_judged(tmp_path):
    with pytest.raises(Refused, match=r"the notebook hw.ipynb is not judged"):
        read(tmp_path, {"hw.ipynb": WORK}, load_manifest("swiss_roll"))


def test_a_notebook_may_be_all_that_is_handed_in(tmp_path):
    path = tmp_path / "hw.ipynb"
    path.write_bytes(WORK)
    assert filled_in(read_here(str(path), MANIFEST, IntakeLimits()))


def test_a_zip_with_outputs_of_one_line_by_the_megabyte(tmp_path):
    outputs = [{"output_type": "stream", "name": "stdout", "text": "step\n" * 4_000_000}]
    cells = [cell(SOLUTION["network.py"], outputs=outputs), cell(SOLUTION["ddpm.py"])]
    with zipfile.ZipFile(tmp_path / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("work/hw.ipynb", notebook(*cells))
    assert filled_in(read_here(str(tmp_path / "work.zip"), MANIFEST, IntakeLimits()))


def test_the_digest_is_that_of_the_code(tmp_path):
    outputs = [{"output_type": "stream", "name": "stdout", "text": "loss 0.1"}]
    one = read(tmp_path / "1", {"hw.ipynb": notebook(SOLUTION["network.py"], SOLUTION["ddpm.py"])})
    other = read(tmp_path / "2", {"sub/final.ipynb": notebook(cell(SOLUTION["network.py"], outputs=outputs), SOLUTION["ddpm.py"], "print(1)")})
    assert one.digest == other.digest


def test_beside_the_stubs_the_notebook_counts(tmp_path):
    submission = read(tmp_path, {"hw.ipynb": WORK, **STUB})
    assert filled_in(submission)
    assert "The code of hw.ipynb was judged in place of ddpm.py, in which nothing is filled in." in said(submission)


def test_beside_files_that_are_filled_in_the_untouched_notebook_does_not_count(tmp_path):
    submission = read(tmp_path, {"hw.ipynb": HANDED_OUT, **SOLUTION})
    assert filled_in(submission)
    assert submission.notebooks == {}
    assert said(submission) == ""


def test_of_two_that_are_filled_in_the_file_counts_and_it_is_said(tmp_path):
    submission = read(tmp_path, {"hw.ipynb": WRONG, **SOLUTION})
    assert submission.notebooks == {}
    assert said(submission) == "ddpm.py was judged, and not what hw.ipynb defines of it; hand in one of the two."


def test_each_file_is_taken_from_where_it_is_done(tmp_path):
    submission = read(tmp_path, {"hw.ipynb": notebook(SOLUTION["ddpm.py"]), "network.py": SOLUTION["network.py"], "ddpm.py": STUB["ddpm.py"]})
    assert filled_in(submission)
    assert filled_in(submission, "network.py")
    assert list(submission.notebooks) == ["ddpm.py"]


def test_each_file_may_be_in_a_notebook_of_its_own(tmp_path):
    submission = read(tmp_path, {"a.ipynb": notebook(SOLUTION["network.py"]), "b.ipynb": notebook(SOLUTION["ddpm.py"])})
    assert submission.notebooks == {"network.py": "a.ipynb", "ddpm.py": "b.ipynb"}


@pytest.mark.parametrize("name", ["hw (1).ipynb", "hw-Copy1.ipynb", ".ipynb_checkpoints/hw-checkpoint.ipynb", "backup/hw.ipynb", "other.ipynb"])
def test_copies_of_one_notebook_are_no_trouble(tmp_path, name):
    submission = read(tmp_path, {"hw.ipynb": WORK, name: WORK})
    assert filled_in(submission)
    assert len(submission.notices) == 1


@pytest.mark.parametrize("name", ["handout.ipynb", "hw (1).ipynb", "original/hw.ipynb"])
def test_beside_the_notebook_as_it_was_handed_out_the_one_that_is_filled_in_counts(tmp_path, name):
    assert filled_in(read(tmp_path, {"hw.ipynb": WORK, name: HANDED_OUT}))


def test_of_copies_that_differ_the_newest_counts_and_it_is_said(tmp_path):
    submission = read(tmp_path, {"hw.ipynb": WRONG, "hw (1).ipynb": WORK})
    assert submission.notebooks["ddpm.py"] == "hw (1).ipynb"
    assert "hw (1).ipynb was judged, and not hw.ipynb." in said(submission)


def test_of_two_that_differ_the_one_that_is_asked_for_counts(tmp_path):
    submission = read(tmp_path, {"aaa.ipynb": WRONG, "ddpm_tutorial.ipynb": WORK})
    assert submission.notebooks["ddpm.py"] == "ddpm_tutorial.ipynb"
    assert "ddpm_tutorial.ipynb was judged, and not aaa.ipynb." in said(submission)


def test_where_nobody_can_tell_which_is_meant_it_is_refused(tmp_path):
    with pytest.raises(Refused, match=r"in a.ipynb and, with different content, in b.ipynb; hand in only one of the two notebooks."):
        read(tmp_path, {"a.ipynb": WORK, "b.ipynb": WRONG})


def test_files_that_are_done_leave_nothing_to_decide_between_notebooks(tmp_path):
    submission = read(tmp_path, {"a.ipynb": WORK, "b.ipynb": WRONG, **SOLUTION})
    assert submission.notebooks == {}


def test_the_notebook_of_another_assignment_is_not_looked_at(tmp_path):
    submission = read(tmp_path, {"2d_plot_diffusion_todo/hw.ipynb": WORK, "image_diffusion_todo/hw.ipynb": WRONG})
    assert submission.notebooks["ddpm.py"] == "2d_plot_diffusion_todo/hw.ipynb"
    assert len(submission.notices) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"<html></html>", "is a web page"), (b"{", "is damaged"), (b"PK\3\4", "is damaged")],
)
def test_a_notebook_that_cannot_be_read_is_one_sentence(tmp_path, content, says):
    with pytest.raises(Refused, match=says):
        read(tmp_path / "alone", {"hw.ipynb": content})
    beside = read(tmp_path / "beside", {"hw.ipynb": content, "good.ipynb": WORK})
    assert filled_in(beside)
    assert says in said(beside)


def test_nothing_at_all_is_one_sentence(tmp_path):
    with pytest.raises(Refused, match=r"work holds no notebook .* hand in ddpm_tutorial.ipynb\."):
        read(tmp_path, {"notes.txt": "x"})


def test_a_notebook_of_more_than_it_may_be_is_told_to_clear_its_outputs(tmp_path):
    folder = folder_with(tmp_path / "work", {"hw.ipynb": WORK + b" " * 10_000})
    with pytest.raises(Refused, match="clear its outputs"):
        read_here(str(folder), MANIFEST, IntakeLimits(notebook_bytes=10_000))


def test_the_kit_packs_the_notebook(tmp_path):
    kit = facts_kit(MANIFEST)
    outputs = [{"output_type": "stream", "name": "stdout", "text": "x" * 2_000_000}]
    work = {"hw.ipynb": notebook(cell(SOLUTION["ddpm.py"] + "betas = np.load('betas.npy')", outputs=outputs)), "betas.npy": b"1"}
    assert sorted(plan(kit, folder_with(tmp_path / "alone", work)).graded) == ["betas.npy", "hw.ipynb"]
    beside = plan(kit, folder_with(tmp_path / "beside", {**work, "other.ipynb": WORK, **STUB}))
    assert sorted(beside.graded) == ["betas.npy", "ddpm.py", "hw.ipynb", "network.py", "other.ipynb"]
    assert any("There are 2 notebooks" in remark for remark in beside.remarks)
    with pytest.raises(PackError, match=r"network.py and ddpm.py are missing, and so is a notebook; ddpm_tutorial.ipynb must lie in"):
        plan(kit, folder_with(tmp_path / "none", {"betas.npy": b"1"}))
    kit.facts["notebook_bytes"] = 1_000_000
    with pytest.raises(PackError, match=r"hw\.ipynb is larger than 1 MB; clear its outputs"):
        plan(kit, tmp_path / "alone")


def test_the_checks_of_the_kit_read_files(tmp_path, capsys):
    assert check(facts_kit(MANIFEST), folder_with(tmp_path / "work", {"hw.ipynb": WORK}), None, False) == 2
    assert "A notebook is judged when it is handed in; the checks here read files" in capsys.readouterr().err


def test_files_that_cells_write_are_files(tmp_path):
    cells = [f"%%writefile network.py\n{SOLUTION['network.py']}", "%%writefile noise.py\ndef half(x):\n    return x / 2\n",
             "%%writefile json.py\nx = 1\n", f"%%writefile code/ddpm.py\nimport noise\n{SOLUTION['ddpm.py']}", "from ddpm import *"]  # fmt: skip
    submission = read(tmp_path, {"hw.ipynb": notebook(*cells)})
    assert sorted(submission.files) == ["ddpm.py", "network.py", "noise.py"]
    assert submission.files["noise.py"] == b"def half(x):\n    return x / 2\n\n"
    assert "json.py, which the notebook writes, was left out: it has the name of one of Python's own modules." in said(submission)
    assert submission.in_cells("ddpm.py, line 1") == "cell 4, line 2"


def test_helpers_beside_the_notebook_come_along(tmp_path):
    submission = read(tmp_path, {"code/hw.ipynb": WORK, "code/helper.py": "x = 1\n", "code/betas.npy": b"1", "other/stray.py": "y = 1\n"})
    assert "helper.py" in submission.files
    assert "stray.py" not in submission.files


def test_a_broken_cell_is_named_and_the_others_count(tmp_path):
    cells = [SOLUTION["network.py"], "for i in range(3)\n    print(i)", SOLUTION["ddpm.py"]]
    submission = read(tmp_path, {"hw.ipynb": notebook(*cells)})
    assert filled_in(submission)
    assert submission.syntax_errors == {}
    assert "cell 2, line 1: expected ':'; this cell was left out, and the others were read." in said(submission)


def test_of_a_course_whose_files_define_a_name_twice_each_gets_its_own(tmp_path):
    """Durham: two classes DDPM and two classes UNet, a schedule at the top of a file, and a file that imports another's tables."""
    manifest = taking_notebooks("minimal_diffusion")
    solution = {name: content.decode() for name, content in solution_files(manifest).items() if name in manifest.files.todo}
    training = "net = UNet()\nddpm = DDPM(net)\nfor x, _ in loader:\n    loss = ddpm(x)\n    loss.backward()"
    cells = [part for name in ("ddpm.py", "unet.py", "conditional.py") for part in (solution[name], text(f"# After {name}"))]
    submission = read(tmp_path, {"hw.ipynb": notebook("%matplotlib inline", *cells, training)}, manifest)
    assert untouched_regions(manifest, submission) == (frozenset(), frozenset())
    assert outside_edits(manifest, submission) == []
    for name, source in solution.items():
        ours, theirs = ast.parse(source), ast.parse(submission.files[name])
        for path in ("DDPM", "UNet"):
            if (definition := find(ours, path)) is not None:
                assert ast.dump(find(theirs, path)) == ast.dump(definition), (name, path)
    assert any("for ddpm.py that of cell 2 was taken" in notice.message for notice in submission.notices)
    blank = read(tmp_path / "stub", {"hw.ipynb": notebook(*((manifest.handout / name).read_text() for name in solution))}, manifest)
    assert untouched_regions(manifest, blank).untouched == frozenset(manifest.regions)


# --- a class, and which assignment ------------------------------------------------------------------------------------

TOY = """
id = "toy"
title = "A toy"
course = "a course"
folder = "toy_todo"
default_profile = "default"
[files]
todo = ["answer.py"]
given = []
notebook = "toy.ipynb"
from_notebook = true
[[tasks]]
id = "1"
title = "doubling"
points = 2
regions = ["answer.py:double"]
[profiles.default]
title = "all"
"""
DOUBLE = "def double(x):\n    ######## TODO 1: double ########\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n" \
         "    ### STUB: raise NotImplementedError\n    ######## END TODO ########\n"  # fmt: skip


@pytest.fixture
def toy(tmp_path):
    files = {"autograder/assignments/toy/assignment.toml": TOY, "solutions/toy_todo/answer.py": DOUBLE}
    with courses_in(write_files(tmp_path / "courses", files)):
        yield load_manifest("toy")


def test_a_class_may_hand_in_notebooks(toy, tmp_path):
    folder = folder_with(tmp_path / "class", {"Ada_20240001.ipynb": WORK, "Bo_20240002/hw.ipynb": WORK})
    assert [one.student_id for one in collect(folder).submissions] == ["20240001", "20240002"]


def test_of_what_was_uploaded_one_by_one_the_notebook_is_code(toy, tmp_path):
    zips = tmp_path / "pictures.zip"
    with zipfile.ZipFile(zips, "w") as archive:
        archive.writestr("loss.png", b"x")
    work = tmp_path / "toy-1.ipynb"
    work.write_bytes(WORK)
    chosen = choose([OneFile("toy.ipynb", tmp_path / "old.ipynb", 1), OneFile("toy-1.ipynb", work, 2), OneFile("pictures.zip", zips, 3)])
    assert ("toy.ipynb", work) in chosen.files


def test_a_notebook_shows_which_assignment_it_is(tmp_path):
    other = TOY.replace('"toy"', '"toy2"').replace("toy_todo", "toy2_todo").replace("double", "treble")
    files = {"autograder/assignments/toy/assignment.toml": TOY, "solutions/toy_todo/answer.py": DOUBLE,
             "autograder/assignments/toy2/assignment.toml": other, "solutions/toy2_todo/answer.py": DOUBLE.replace("double", "treble")}  # fmt: skip
    path = tmp_path / "x.ipynb"
    path.write_bytes(notebook("def treble(x):\n    return 3 * x"))
    with courses_in(write_files(tmp_path / "courses", files)):
        assert guess_assignment(path) == "toy2"


# --- the same verdict -------------------------------------------------------------------------------------------------


def as_written(files: dict[str, str]) -> bytes:
    """The notebook of a student who works in Colab: header, magics, trainings, plots, an early version of a function."""
    first, rest = files["ddpm.py"].split("class DiffusionModule", 1)
    early = "class BaseScheduler(nn.Module):\n    def __init__(self):\n        pass\n"
    return notebook(
        text("# Assignment\n![Colab](https://colab.research.google.com/assets/colab-badge.svg)"),
        "#@title Setup { display-mode: \"form\" }\n%%capture\n!pip install -q einops gdown\nimport torch, os\nimport torch.nn as nn\nimport wandb\n"
        "from google.colab import drive\ndrive.mount('/content/drive')\n%cd /content/drive/MyDrive",
        "from tqdm.notebook import tqdm\n%load_ext autoreload\n%autoreload 2\n%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "device = 'cuda' if torch.cuda.is_available() else 'cpu'\nassert device == 'cuda', 'choose a GPU'",
        text("## Network"),
        early,
        files["network.py"],
        "net = SimpleNet(2, 2, [64], 1000).to(device)\nprint(net)\nprint(broken",
        "%%time\n" + first,
        "if True:\n" + "\n".join(f"    {line}" if line else "" for line in ("class DiffusionModule" + rest).split("\n")),
        "ddpm = DiffusionModule(net, None).to(device)\noptimizer = torch.optim.Adam(net.parameters())\nfor i in tqdm(range(5000)):\n"
        "    loss = ddpm.compute_loss(x0)\n    loss.backward()\n    optimizer.step()\nplt.plot(losses)\nplt.show()",
        "!nvidia-smi\nx0 = next(iter(loader))\nbeta = 3",
    )  # fmt: skip


def verdict_of(submission: Submission, sandbox: Sandbox):
    """With the same secret numbers for all."""
    same = dataclasses.replace(submission, digest="0" * 64)
    return Grading(MANIFEST, same, Options(train=False), sandbox, b"k" * 32).run()


WORKS = ["solution", "two_mistakes", "crashes_half_way", "done_half", "hard_coded_cuda"]


@pytest.mark.parametrize("work", bulk(WORKS, kept=["two_mistakes"]))
def test_a_notebook_gets_the_verdict_of_its_files(work, sandbox, tmp_path):
    """Points, states, messages and hints are the same but for the places, which are cells. The whole is in `make proof`."""
    examples = Path(__file__).parent.parent / "examples" / "submissions" / work
    files = {name: (examples / name).read_text(encoding="utf-8") for name in SOLUTION} if work != "solution" else SOLUTION
    plain = verdict_of(read(tmp_path / "files", files), sandbox)
    cells = read(tmp_path / "notebook", {"ddpm_tutorial.ipynb": as_written(files)})
    ours = verdict_of(cells, sandbox)
    named = {"ddpm.py": "ddpm_tutorial.ipynb", "network.py": "ddpm_tutorial.ipynb"}
    assert (ours.score, ours.held, ours.max_score) == (plain.score, plain.held, plain.max_score)
    for mine, theirs in zip(ours.checks, plain.checks, strict=True):
        assert (mine.id, mine.status, mine.points) == (theirs.id, theirs.status, theirs.points)
        assert _without_places(mine.message, named) == _without_places(theirs.message, named)
        assert _without_places(mine.hint, named) == _without_places(theirs.hint, named)
        assert mine.carried == theirs.carried
    if work == "crashes_half_way":
        line = next(message for message in (check.message for check in ours.checks) if "IndexError" in message)
        assert "(cell 9, line" in line
    assert [(n.kind, n.deduction) for n in ours.notices if n.kind != "intake"] == [(n.kind, n.deduction) for n in plain.notices if n.kind != "intake"]
    assert any("cell 7, line 3" in n.message for n in ours.notices)


def _without_places(sentence: str, named: dict[str, str]) -> str:
    import re

    sentence = re.sub(r"(?:cell \d+|\w+\.py), line \d+", "PLACE", sentence)
    for file, book in named.items():
        sentence = sentence.replace(file, book)
    return sentence


def test_what_is_missing_is_said_with_the_notebooks_name(sandbox, tmp_path):
    done = SOLUTION["ddpm.py"]
    broken = "class DiffusionModule(nn.Module):\n    def q_sample(self, x0, t, noise=None)\n        pass"
    cells = [SOLUTION["network.py"], done.split("class DiffusionModule")[0], broken]
    verdict = verdict_of(read(tmp_path, {"hw.ipynb": notebook("import torch.nn as nn", *cells)}), sandbox)
    by_task = {task: {c.message for c in verdict.checks if c.task == task} for task in ("1-1", "1-2")}
    assert by_task["1-1"] == {""}
    assert by_task["1-2"] == {"cell 4, line 2: expected ':'. Until this is put right, DiffusionModule cannot run."}
    assert json.loads(verdict.to_json())["score"] == 5
