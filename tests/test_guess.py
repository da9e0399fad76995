"""Which assignment a submission belongs to, where nobody says so."""

import zipfile
from pathlib import Path

import pytest

from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.manifest import assignment_ids, load_manifest
from autograder.places import REPOSITORY
from autograder.submission.guess import definitions, guess_assignment, guess_for_class
from tests.courses import courses_in, write_files

SAMPLES = REPOSITORY / "examples" / "submissions"
DDPM = solution_files(load_manifest("swiss_roll"))["ddpm.py"]  # the same in both
SIMPLE_NET = solution_files(load_manifest("swiss_roll"))["network.py"]


def folder(path: Path, **files: bytes) -> Path:
    for name, content in files.items():
        place = path / name.replace("__", "/").replace("_py", ".py").replace("_png", ".png")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return path


def test_both_files_make_it_the_swiss_roll(tmp_path: Path) -> None:
    assert guess_assignment(folder(tmp_path, ddpm_py=DDPM, network_py=SIMPLE_NET)) == "swiss_roll"


def test_samples_make_it_image_diffusion(tmp_path: Path) -> None:
    assert guess_assignment(folder(tmp_path, ddpm_py=DDPM, samples__0_png=b"any")) == "image_diffusion"


@pytest.mark.parametrize("identifier", ["swiss_roll", "image_diffusion"])
def test_the_name_of_the_folder_decides(identifier: str, tmp_path: Path) -> None:
    home = tmp_path / load_manifest(identifier).folder
    folder(home, ddpm_py=DDPM)
    assert guess_assignment(home) == identifier
    assert guess_assignment(tmp_path) == identifier
    with zipfile.ZipFile(tmp_path / "work.zip", "w") as file:
        file.writestr(f"{home.name}/ddpm.py", DDPM)
    assert guess_assignment(tmp_path / "work.zip") == identifier


def test_a_file_that_both_have_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="say --assignment image_diffusion or --assignment swiss_roll"):
        guess_assignment(folder(tmp_path, ddpm_py=DDPM))


def test_two_assignments_in_one_zip_are_asked_about(tmp_path: Path) -> None:
    for identifier in ("swiss_roll", "image_diffusion"):
        folder(tmp_path / load_manifest(identifier).folder, ddpm_py=DDPM)
    with pytest.raises(UserError, match="It holds more than one assignment; say --assignment"):
        guess_assignment(tmp_path)


def test_a_checkpoint_makes_it_image_diffusion(tmp_path: Path) -> None:
    folder(tmp_path, ddpm_py=DDPM)
    (tmp_path / "last.ckpt").write_bytes(b"any")
    assert guess_assignment(tmp_path) == "image_diffusion"


@pytest.mark.parametrize(
    "name",
    [
        "half_uploaded.zip",
        "not_an_archive.zip",
        "wrong_file_type.txt",
        "encrypted.zip",
        "zip_inside_zip.zip",
        "only_the_notebook",
    ],
)
def test_where_there_is_nothing_to_judge_the_intake_says_so(name: str) -> None:
    """Whichever assignment it is taken for: an exception here would hide the intake's sentence."""
    assert guess_assignment(SAMPLES / name) in assignment_ids()


# A class

SWISS, BROKEN = SAMPLES / "passes_all", SAMPLES / "half_uploaded.zip"


def test_a_class_is_what_more_than_half_of_all_that_was_looked_at_show(tmp_path: Path) -> None:
    bare = folder(tmp_path / "bare", ddpm_py=DDPM)  # of either assignment
    image = REPOSITORY / "image_diffusion_todo"
    assert guess_for_class([SWISS, SWISS, BROKEN]) == "swiss_roll"
    assert guess_for_class([SWISS, SWISS, SWISS, bare, image]) == "swiss_roll"
    for paths, votes in (
        ([SWISS, bare, bare, bare, bare], "Of 5 looked at, 1 look like swiss_roll and 4 like none in particular"),
        ([SWISS, image], "Of 2 looked at, 1 look like swiss_roll and 1 look like image_diffusion"),
        ([SWISS, BROKEN], "1 like none in particular"),
        ([bare], "Of 1 looked at, 1 like none in particular"),
        ([BROKEN, BROKEN, BROKEN], "3 like none in particular"),
        ([], "Of 0 looked at"),
    ):
        with pytest.raises(UserError, match="say it with --assignment") as refused:
            guess_for_class(paths)
        assert votes in str(refused.value)


# Courses whose files and classes go by the same names

COURSE = """
id = "{id}"
title = "A toy"
course = "none"
folder = "{id}_todo"
default_profile = "plain"
[files]
todo = {todo}
given = []
[[tasks]]
id = "1"
title = "One"
points = 1
regions = {regions}
[profiles.plain]
title = "the sum"
"""
NORTH = {"todo": ["ddpm.py", "unet.py"], "regions": ["ddpm.py:DDPM.forward", "ddpm.py:DDPM.sample", "unet.py:UNet.forward"]}
SOUTH = {"todo": ["ddpm.py"], "regions": ["ddpm.py:DDPM.q_sample", "ddpm.py:DDPM.p_sample", "ddpm.py:DDPM.forward"]}
DEEP = {"todo": ["libs/ddpm.py"], "regions": ["libs/ddpm.py:DDPM.q_sample"]}


def module(*methods: str, of: str = "DDPM") -> str:
    body = "".join(f"    def {name}(self, x):\n        return x\n\n" for name in methods)
    return f"import torch\n\n\nclass {of}(torch.nn.Module):\n{body}"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"ddpm.py": module("forward", "sample"), "unet.py": module("forward", of="UNet")}, "north"),
        ({"ddpm.py": module("forward", "sample")}, "north"),
        ({"ddpm.py": module("sample")}, "north"),
        ({"ddpm.py": module("forward", "q_sample", "p_sample")}, "south"),
        ({"ddpm.py": module("p_sample") + "    def broken(:\n"}, "south"),
        ({"unet.py": module("forward", of="UNet"), "ddpm.py": module("forward", "p_sample")}, "north or --assignment south"),
        ({"work/libs/ddpm.py": module("q_sample")}, "deep"),
        ({"ddpm.py": module("forward")}, "north or --assignment south"),
        ({"ddpm.py": "class DDPM:\n    pass\n"}, "by names south"),
        ({"ddpm.py": "class DDPM:\n    pass\n", "unet.py": ""}, "by names north"),
        ({"libs/ddpm.py": "", "notes.txt": ""}, "by names deep"),
        ({"notes.txt": "DDPM"}, "by names deep"),  # the first one, whose intake says what is wrong
    ],
)
def test_classes_of_one_name_are_told_by_what_they_define(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    courses = {"north": NORTH, "south": SOUTH, "deep": DEEP}
    manifests = {f"autograder/assignments/{name}/assignment.toml": COURSE.format(id=name, **one) for name, one in courses.items()}
    submission = write_files(tmp_path / "handed_in", files)
    with courses_in(write_files(tmp_path / "courses", manifests)):
        if expected.startswith("by names "):
            assert guess_assignment(submission) == expected.removeprefix("by names ")
            with pytest.raises(UserError, match="1 like none in particular"):
                guess_for_class([submission])
        elif " or " in expected:
            with pytest.raises(UserError, match=f"say --assignment {expected}"):
                guess_assignment(submission)
        else:
            assert guess_assignment(submission) == guess_for_class([submission]) == expected


def test_definitions_are_found_by_indentation() -> None:
    text = "class A:\n    def f(self): pass\n    class B:\n        async def g(self): pass\n\ndef h():\n    def inner(): pass\n<<<<<<< HEAD\n"
    assert definitions(text) == {"A", "A.f", "A.B", "A.B.g", "h", "h.inner"}
