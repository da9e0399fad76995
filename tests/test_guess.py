"""Which assignment a submission belongs to, where nobody says so."""

import zipfile
from pathlib import Path

import pytest

from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from autograder.submission.guess import guess_assignment

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
    assert guess_assignment(SAMPLES / name) == "swiss_roll"
