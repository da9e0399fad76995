"""`pack`: what it makes is accepted, holds what is graded and nothing else, and is never made by halves."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from autograder.grading.deliverables import missing_deliverables
from autograder.grading.mutants import apply_variant, solution_files, variants
from autograder.kit.facts import Kit
from autograder.kit.pack import PackError, archive_name, run
from autograder.kit.scripts import SCRIPTS
from autograder.manifest import load_manifest
from autograder.release.kit import facts_kit
from autograder.submission.intake import read_submission

SWISS_ROLL, IMAGES = load_manifest("swiss_roll"), load_manifest("image_diffusion")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kit(assignment: str = "swiss_roll") -> Kit:
    return facts_kit(load_manifest(assignment))


def put(folder: Path, **files: bytes | str) -> Path:
    """Write files; in names, __ stands for a slash and the last _ for the dot."""
    for name, content in files.items():
        path = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def work(home: Path, assignment: str = "swiss_roll") -> Path:
    """A folder with everything that is asked for, and the kit's scripts."""
    folder = home / "work"
    folder.mkdir()
    for name, content in (
        solution_files(load_manifest(assignment)) | {n: t.encode() for n, t in SCRIPTS.items()}
    ).items():
        (folder / name).write_bytes(content)
    put(folder, checker__autograder__kit__check_py="x = 1\n", checker__facts_json="{}")
    if assignment == "image_diffusion":
        put(folder, loss_png=b"\x89PNG")
        (folder / "samples").mkdir()
        image = folder / "samples" / "0.png"
        Image.new("RGB", (64, 64)).save(image)
        for number in range(1, 500):
            (folder / "samples" / f"{number}.png").write_bytes(image.read_bytes())
    return folder


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def pack(folder: Path, name: str = "JaneDoe", student_id: str = "20241234", *, incomplete: bool = False) -> int:
    assignment = "swiss_roll" if (folder / "chamferdist.py").exists() else "image_diffusion"
    return run(kit(assignment), folder, name, student_id, incomplete)


@pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion"])
def test_the_intake_takes_the_zip_as_it_takes_the_folder(assignment: str, home: Path):
    manifest, folder = load_manifest(assignment), work(home, assignment)
    assert pack(folder) == 0
    packed = read_submission(home / "JaneDoe_20241234.zip", manifest)
    assert packed.digest == read_submission(folder, manifest).digest
    assert packed.missing == ()
    assert not packed.syntax_errors
    assert [notice for notice in packed.notices if "missing" in notice.message] == []
    assert missing_deliverables(manifest, packed) == []
    assert not {"check.py", "pack.py"} & set(packed.files)
    assert len(packed.images) == (500 if assignment == "image_diffusion" else 0)


@pytest.mark.parametrize("place", ["old", "swiss_roll"])
def test_an_older_copy_in_a_subfolder_is_left_out(place: str, home: Path, capsys: pytest.CaptureFixture[str]):
    folder = work(home, "swiss_roll")
    (folder / place).mkdir()
    (folder / place / "ddpm.py").write_text("raise SystemExit")
    assert pack(folder) == 0
    assert "a second ddpm.py" in " ".join(capsys.readouterr().out.split())
    packed = read_submission(home / "JaneDoe_20241234.zip", SWISS_ROLL)
    assert packed.files["ddpm.py"] == (folder / "ddpm.py").read_bytes()


def test_modules_of_the_student_come_along(home: Path):
    variant = next(v for v in variants(SWISS_ROLL) if v.id == "helper-module")
    folder = work(home)
    for name, content in apply_variant(SWISS_ROLL, variant).items():
        (folder / name).write_bytes(content)
    put(folder, tools__more_py="x = 1\n", my__helpers_py="y = 2\n")
    (folder / "tools" / "__init__.py").write_text("")
    assert pack(folder) == 0
    packed = read_submission(home / "JaneDoe_20241234.zip", SWISS_ROLL)
    assert packed.files == read_submission(folder, SWISS_ROLL).files
    assert {"steps.py", "tools/more.py"} <= set(packed.files)


def test_modules_that_the_grader_would_pass_over_are_not_promised(home: Path, capsys: Any):
    folder = put(work(home), json_py="", conftest_py="", setup_py="", rückwärts_py="", steps_py="")
    (folder / "train (1).py").write_text("")
    assert pack(folder) == 0
    packed = home / "JaneDoe_20241234.zip"
    said = capsys.readouterr().out
    left_out = ("json.py", "conftest.py", "setup.py", "rückwärts.py", "train (1).py")
    assert not names(packed) & set(left_out)
    assert all(name in said for name in left_out)
    assert set(read_submission(packed, SWISS_ROLL).files) == {n for n in names(packed) if n.endswith(".py")}


def test_clutter_checkpoints_and_data_stay_out_and_are_named(home: Path, capsys: Any):
    folder = put(
        work(home, "image_diffusion"),
        last_ckpt=b"c", weights_pt=b"w", data__afhq__train__cat__1_jpg=b"j", results__run__loss_png=b"p", results__run__last_ckpt=b"c",
        __pycache____ddpm_pyc=b"p", notes_txt="n", report_pdf=b"%PDF", samples__list_txt="l", pictures__train__1_jpg=b"x",
    )  # fmt: skip
    put(folder, **{".git__config_txt": "g", ".venv__lib__a_py": "a"})
    assert pack(folder) == 0
    inside = names(home / "JaneDoe_20241234.zip")
    assert inside == {"ddpm.py", "loss.png", "report.pdf", *(f"samples/{n}.png" for n in range(500))}
    said = " ".join(capsys.readouterr().out.split())
    assert "Graded: ddpm.py, samples/ with 500 images." in said
    for phrase in (
        "last.ckpt",
        "weights.pt",
        "checkpoint; never handed in",
        "data/",
        "results/",
        "notes.txt",
        "pictures/",
    ):
        assert phrase in said
    assert "JaneDoe_20241234.zip: 503 files" in said


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda folder: (folder / "samples" / "7.png").unlink(), "exactly 500 images and holds 499"),
    (lambda folder: put(folder, samples__500_png=b"x"), "exactly 500 images and holds 501"),
    (lambda folder: (folder / "loss.png").unlink(), "Missing: a plot of the training loss"),
    (lambda folder: Image.new("RGB", (32, 32)).save(folder / "samples" / "7.png"), "samples/7.png must be 64×64"),
])  # fmt: skip
def test_what_is_missing_is_said_and_nothing_is_packed_unless_wanted(
    change: Any, sentence: str, home: Path, capsys: Any
):
    folder = work(home, "image_diffusion")
    change(folder)
    assert pack(folder) == 2
    said = capsys.readouterr()
    assert sentence.casefold() in " ".join(said.out.split()).casefold()
    assert said.err.startswith("pack: ")
    assert "--incomplete" in said.err
    assert list(home.glob("*.zip")) == []
    assert pack(folder, incomplete=True) == 0
    assert read_submission(home / "JaneDoe_20241234.zip", IMAGES).files


def test_a_missing_file_and_a_broken_one(home: Path, capsys: Any):
    folder = work(home)
    (folder / "ddpm.py").write_text("def f(:\n")
    assert pack(folder) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "ddpm.py, line 1: invalid syntax" in said
    assert "Until this is put right, ddpm.py earns nothing." in said
    (folder / "network.py").unlink()
    assert pack(folder, name="Other") == 2
    assert "network.py is missing" in capsys.readouterr().err


def test_what_is_not_done_is_said(home: Path, capsys: Any):
    folder = work(home)
    (folder / "ddpm.py").write_bytes((SWISS_ROLL.handout / "ddpm.py").read_bytes())
    assert pack(folder) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Not done yet, so it earns nothing: DiffusionModule.compute_loss" in said
    assert "SimpleNet" not in said.partition("Not done yet")[2].partition(".zip")[0]


def test_nothing_is_overwritten(home: Path, capsys: Any):
    folder = work(home)
    (home / "JaneDoe_20241234.zip").write_text("precious")
    assert pack(folder) == 2
    assert "exists already" in capsys.readouterr().err
    assert (home / "JaneDoe_20241234.zip").read_text() == "precious"


def test_a_link_is_not_followed(home: Path):
    folder = work(home)
    (home / "secret.py").write_text("x = 1\n")
    (folder / "helper.py").symlink_to(home / "secret.py")
    assert pack(folder) == 0
    assert "helper.py" not in names(home / "JaneDoe_20241234.zip")


@pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion"])
@pytest.mark.parametrize(
    ("name", "student_id"),
    [
        ("", "1"), ("a/b", "1"), ("a\\b", "1"), ("..", "1"), ("a:b", "1"), ("a\nb", "1"), ("con?", "1"), ("a\0", "1"), ("_x", "1"),
        ("x_", "1"), ("x" * 300, "1"), ("Kim", ""), ("Kim", "abc"), ("Kim", "../1"), ("Kim", "1 2"), ("Kim", "1.zip"), ("-n", "1"),
        ("a__b", "1"),
    ],
)  # fmt: skip
def test_names_that_a_file_cannot_carry_are_refused_in_a_sentence(assignment: str, name: str, student_id: str):
    with pytest.raises(PackError) as caught:
        archive_name(kit(assignment), name, student_id)
    sentence = str(caught.value)
    assert not {"\n", "\0"} & set(sentence)
    assert len(sentence) < 300


@pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion"])
@pytest.mark.parametrize(
    ("name", "student_id", "expected"),
    [
        ("JaneDoe", "20241234", "JaneDoe_20241234.zip"), (" Jane Doe ", "s-12", "Jane Doe_s-12.zip"), ("김철수", "2024", "김철수_2024.zip"),
        ("Jane_Doe", "1", "Jane_Doe_1.zip"), ("O'Hara", "7b", "O'Hara_7b.zip"),
    ],
)  # fmt: skip
def test_good_names_are_kept(assignment: str, name: str, student_id: str, expected: str):
    assert archive_name(kit(assignment), name, student_id) == expected


def test_data_that_the_code_names_comes_along(home: Path, capsys: Any):
    folder = put(work(home), betas_npy=b"1", tables__notes_json="{}", other_npy=b"2", plain_txt="no")
    code = (folder / "ddpm.py").read_text()
    (folder / "ddpm.py").write_text(code + "\n# np.load('betas.npy'), 'tables/notes.json'\n")
    assert pack(folder) == 0
    packed = home / "JaneDoe_20241234.zip"
    assert {"betas.npy", "tables/notes.json"} <= names(packed)
    assert not {"other.npy", "plain.txt"} & names(packed)
    assert "never handed in unless the code names it" in " ".join(capsys.readouterr().out.split())
    assert read_submission(packed, SWISS_ROLL).data == {"betas.npy": b"1", "tables/notes.json": b"{}"}


@pytest.mark.parametrize(("begins", "sentence"), [
    ("from typing import override\n", "ddpm.py, line 1: typing.override needs Python 3.12 or newer, and the grader has Python 3.11; do without it."),
    ("import itertools\nx = itertools.batched\n", "ddpm.py, line 2: itertools.batched needs Python 3.12"),
    ("get_ipython().system('ls')\n", "ddpm.py, line 1: get_ipython is there in notebooks only; take the line out."),
    ("!pip install einops\n", "ddpm.py, line 1: `!pip install einops` is a notebook's command, which Python does not have; take the line out."),
    ('{"cells": [{"cell_type": "code", "source": []}], "nbformat": 4}\n', "ddpm.py is a notebook with the ending .py; export it as a script"),
    ("def f[T](x: T) -> T:\n    return x\n", "ddpm.py, line 1: a list of type parameters, as in `def f[T](x)`, needs Python 3.12"),
    ("x = f\"{'a' + f\"{1}\"}\"\n", "ddpm.py, line 1: a quote of the f-string's own kind within the braces of an f-string needs Python 3.12"),
])  # fmt: skip
def test_what_the_grader_cannot_read_is_said_before_it_is_handed_in(begins: str, sentence: str, home: Path, capsys: Any):
    folder = work(home)
    code = "" if begins.startswith("{") else (folder / "ddpm.py").read_text()
    (folder / "ddpm.py").write_text(begins + code)
    assert pack(folder) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert sentence in said
    assert "Until this is put right, ddpm.py earns nothing." in said
