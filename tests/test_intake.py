"""Intake: whatever a student hands in is either a submission or one clear sentence, and only the judged files count."""

import contextlib
import dataclasses
import io
import os
import struct
import sys
import time
import unicodedata
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.manifest import Manifest, load_manifest, parse_manifest
from autograder.submission import intake, python_text
from autograder.submission.advice import near_miss
from autograder.submission.entries import Entry
from autograder.submission.intake import Submission, digest_of, read_submission
from autograder.submission.rules import IntakeLimits, Refused, folded, leads_astray, shown

TOML = """
id = "without_an_outcome"
title = "Swiss roll"
course = "a course"
folder = "2d_plot_diffusion_todo"
default_profile = "default"
[files]
todo = ["network.py", "ddpm.py"]
given = ["dataset.py", "chamferdist.py"]
notebook = "ddpm_tutorial.ipynb"
packages = ["torch", "numpy"]
[[tasks]]
id = "1-1"
title = "network"
points = 5
regions = ["network.py:SimpleNet.__init__", "network.py:SimpleNet.forward"]
[[tasks]]
id = "1-2"
title = "sampling"
points = 8
regions = ["ddpm.py:DiffusionModule.q_sample"]
[profiles.default]
title = "all"
"""
MANIFEST = dataclasses.replace(parse_manifest(TOML), id="swiss_roll")

NETWORK = b"class SimpleNet:\n    pass\n"
DDPM = b"import torch\n\n\nclass DiffusionModule:\n    pass\n"
WORK = {"network.py": NETWORK, "ddpm.py": DDPM}
OTHER_TASK = {
    "image_diffusion_todo/network.py": b"class UNet:\n    pass\n",
    "image_diffusion_todo/ddpm.py": b"class Scheduler:\n    pass\n",
}
CLUTTER = {
    "__MACOSX/._ddpm.py": b"\0\5\x16\7",
    "._ddpm.py": b"\0\5\x16\7",
    ".DS_Store": b"\0\0\0\1Bud1",
    ".git/config": b"[core]",
    ".ipynb_checkpoints/network.py": b"class SimpleNet: old = 1\n",
    ".ipynb_checkpoints/ddpm.py": b"class DiffusionModule: old = 1\n",
    "__pycache__/ddpm.cpython-311.pyc": b"\xa7\r\r\n",
    "venv/lib/network.py": b"class SimpleNet: other = 1\n",
    "venv/lib/ddpm.py": b"class DiffusionModule: other = 1\n",
    "results/loss.png": b"\x89PNG",
    "notes.txt": b"remember to sleep",
    "Icon\r": b"",
    "homework.ipynb": b"{}",
}


def under(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def put(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    root.mkdir(parents=True, exist_ok=True)
    return root


def zipped(files: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip whose names are written exactly as given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are there twice
        for name, content in files.items() if isinstance(files, dict) else files:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return buffer.getvalue()


def zipped_with_mode(
    name: str, mode: int, content: bytes = b"elsewhere", more: dict[str, bytes] | None = None
) -> bytes:
    buffer = io.BytesIO(zipped(more or {}))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content)
    return buffer.getvalue()


def patched(data: bytes, signature: bytes, offset: int, value: bytes, everywhere: bool = True) -> bytes:
    """Overwrite bytes at an offset behind each occurrence of a zip signature."""
    result, at = bytearray(data), data.find(signature)
    while at >= 0:
        result[at + offset : at + offset + len(value)] = value
        at = data.find(signature, at + 4) if everywhere else -1
    return bytes(result)


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def encrypted(data: bytes) -> bytes:
    return patched(patched(data, LOCAL, 6, b"\x01\x00"), CENTRAL, 8, b"\x01\x00")


def with_method(data: bytes, method: int) -> bytes:
    code = struct.pack("<H", method)
    return patched(patched(data, LOCAL, 8, code), CENTRAL, 10, code)


def write(tmp_path: Path, data: bytes, name: str = "work.zip") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def read(path: Path, limits: IntakeLimits | None = None) -> Submission:
    return read_submission(path, MANIFEST, limits)


def read_here(path: Path, limits: IntakeLimits | None = None) -> Submission:
    """In this process, where a test can put itself between."""
    return intake.read_here(str(path), MANIFEST, limits or IntakeLimits())


def messages(submission: Submission) -> str:
    return "\n".join(notice.message for notice in submission.notices)


def assert_is_a_sentence(text: str) -> None:
    assert text.isprintable(), f"not safe to print: {text!r}"
    assert text.endswith(".")
    assert 20 < len(text) < 420, text
    assert "Traceback" not in text


def refusal(path: Path, limits: IntakeLimits | None = None, read: Callable[..., Submission] = read) -> str:
    with pytest.raises(Refused) as caught:
        read(path, limits)
    assert_is_a_sentence(str(caught.value))
    return str(caught.value)


# --- layouts ----------------------------------------------------------------------------------------------------------

LAYOUTS = {
    "at the top": WORK,
    "the assignment's folder": under("2d_plot_diffusion_todo", WORK),
    "task1": under("task1", WORK),
    "two folders down": under("Lab1/2d_plot_diffusion_todo", WORK),
    "four folders down": under("a/b/c/d", WORK),
    "a copy by the browser": under("2d_plot_diffusion_todo (1)", WORK),
    "next to another assignment": under("2d_plot_diffusion_todo", WORK) | OTHER_TASK,
    "unnamed, next to another assignment": under("task1", WORK) | OTHER_TASK,
    "at the top, above another assignment": WORK | OTHER_TASK,
    "tasks told apart by content only": under("part_b", WORK)
    | under("part_a", {"network.py": b"class UNet: pass\n", "ddpm.py": b"x = 1\n"}),
    "the same twice": under("one", WORK) | under("two", WORK),
    "with a backup inside": under("2d_plot_diffusion_todo", WORK)
    | under("2d_plot_diffusion_todo/old", {"ddpm.py": DDPM + b"# older\n", "network.py": NETWORK}),
    "with a different copy under another name": under("2d_plot_diffusion_todo", WORK)
    | under("attempt", {"ddpm.py": DDPM + b"# other\n", "network.py": NETWORK}),
    "in a folder with an unusual name": under("Абв ü 中文 👩‍💻: v2", WORK),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_work_is_found_in_every_layout_and_the_digest_is_the_same(tmp_path, layout, kind):
    files = LAYOUTS[layout] | CLUTTER
    path = put(tmp_path / "hand_in", files) if kind == "folder" else write(tmp_path, zipped(files))
    submission = read(path)
    assert submission.files == WORK
    assert submission.digest == digest_of(WORK)
    assert submission.missing == ()
    assert submission.syntax_errors == {}
    assert submission.name == path.name


@pytest.mark.parametrize("name", ["2d_plot_diffusion_todo", "2d_plot_diffusion_todo-main", "swiss_roll"])
def test_the_name_of_the_submission_itself_counts(tmp_path, name):
    path = put(tmp_path / name, WORK | under("old", {"ddpm.py": DDPM + b"x = 1\n", "network.py": NETWORK}))
    submission = read(path)
    assert submission.files == WORK
    assert submission.folder == ""
    assert "old/" in messages(submission)


def test_a_zip_with_backslashes_and_empty_parts_works(tmp_path):
    files = {"./2d_plot_diffusion_todo\\network.py": NETWORK, "2d_plot_diffusion_todo//ddpm.py": DDPM}
    assert read(write(tmp_path, zipped(files))).digest == digest_of(WORK)


def test_a_zip_behind_other_bytes_or_with_a_comment_works(tmp_path):
    buffer = io.BytesIO(zipped(WORK))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"handed in by me"
    assert read(write(tmp_path, b"#!/bin/sh\n" + buffer.getvalue())).files == WORK


def test_the_digest_depends_on_names_and_contents_only():
    assert digest_of(WORK) == digest_of(dict(reversed(WORK.items())))
    others = [{**WORK, "ddpm.py": DDPM + b"\n"}, {**WORK, "utils.py": b""}, {"a": b"bc"}, {"ab": b"c"}, {}]
    assert len({digest_of(files) for files in [WORK, *others]}) == 6


def test_files_split_over_two_folders_are_put_together_and_named(tmp_path):
    submission = read(put(tmp_path / "s", {"task1/network.py": NETWORK, "sampling/ddpm.py": DDPM}))
    assert submission.files == WORK
    assert "taken from" in messages(submission)
    assert "task1/" in messages(submission)
    assert "sampling/" in messages(submission)


def test_a_missing_file_costs_its_tasks_only(tmp_path):
    submission = read(put(tmp_path / "s", {"ddpm.py": DDPM}))
    assert submission.missing == ("network.py",)
    assert submission.files == {"ddpm.py": DDPM}
    assert messages(submission) == "network.py is missing, so the tasks that need it earn nothing."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Network.py", "Network.py is written differently; rename it to network.py"),
        ("NETWORK.PY", "rename it to network.py"),
        ("network.ipynb", "network.ipynb is a notebook; put its code into a file network.py"),
        ("network (1).py", "rename it to network.py"),
        ("network_copy.py", "rename it to network.py"),
        ("network.py.txt", "rename it to network.py"),
        ("ｎｅｔｗｏｒｋ.py", "rename it to network.py"),
    ],
)
def test_a_missing_file_that_is_there_under_another_name_is_pointed_out(tmp_path, name, hint):
    submission = read(put(tmp_path / "s", {"ddpm.py": DDPM, name: NETWORK}))
    assert submission.missing == ("network.py",)
    assert hint in messages(submission)
    assert "network.py" not in submission.files
    assert hint in refusal(put(tmp_path / "t", {name: NETWORK}))


def test_near_miss_takes_no_time_on_a_strange_name():
    strange = ["ddpm" + "1" * 60_000 + "x", "ddpm" + "-" * 60_000, "ddpm" + "copy" * 20 + "x", "\u0315\u0300" * 30_000]
    assert near_miss("ddpm.py", [Entry((name,)) for name in strange]) is None


# --- bad input: each with its sentence --------------------------------------------------------------------------------

ZIP = zipped(WORK)
BOMB = zipped({"network.py": NETWORK, "ddpm.py": b"\0" * 20_000_000})
STRANGE = "\x1b]0;owned\x07"  # a terminal escape

BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty file": ("work.zip", b"", "is an empty file"),
    "a Python file": ("ddpm.py", DDPM, "ddpm.py is a single file; hand in the folder that it lies in"),
    "a notebook": ("ddpm_tutorial.ipynb", b'{"cells": []}', "is a single file"),
    "text": ("work.zip", b"hello", "is not a zip file"),
    "rar": ("work.rar", b"Rar!\x1a\x07\x01\x00" + b"x" * 40, "is a RAR archive, which is not read here"),
    "rar, renamed": ("work.zip", b"Rar!\x1a\x07\x01\x00" + b"x" * 40, "is a RAR archive"),
    "7z": ("work.7z", b"7z\xbc\xaf\x27\x1c" + b"x" * 40, "is a 7z archive"),
    "tar.gz": ("work.tar.gz", b"\x1f\x8b\x08" + b"x" * 40, "is a gzip archive"),
    "tar": ("work.tar", b"ddpm.py".ljust(257, b"\0") + b"ustar\x0000", "is a tar archive"),
    "bz2": ("work.tar.bz2", b"BZh91AY", "is a bzip2 archive"),
    "web page": ("work.zip", b"\n<!DOCTYPE html><html>", "is a web page and not a zip file"),
    "pdf": ("work.pdf", b"%PDF-1.7", "is a PDF document"),
    "cut off": ("work.zip", ZIP[:-30], "is cut off"),
    "cut off early": ("work.zip", ZIP[:20], "is cut off"),
    "cut at the front": ("work.zip", ZIP[60:], "damaged"),
    "damaged table": ("work.zip", patched(ZIP, CENTRAL, 0, b"XXXX"), "is a damaged zip file"),
    "bad checksum": ("work.zip", patched(ZIP, CENTRAL, 16, b"\1\2\3\4"), "is damaged; make the zip again"),
    "damaged content": ("work.zip", zipped(WORK, zipfile.ZIP_STORED).replace(b"SimpleNet", b"SimpleNat"), "is damaged"),
    "local name differs": ("work.zip", ZIP.replace(b"ddpm.py", b"ddpx.py", 1), "is damaged"),
    "longer than it says": ("work.zip", patched(ZIP, CENTRAL, 24, b"\x05\0\0\0"), "is damaged"),
    "shorter than it says": ("work.zip", patched(ZIP, CENTRAL, 24, b"\xff\xff\0\0"), "is shorter than the zip says"),
    "empty zip": ("work.zip", zipped({}), "is an empty zip file"),
    "only folders": ("work.zip", zipped({"task1/": b""}), "is empty; hand in the folder 2d_plot_diffusion_todo"),
    "encrypted": ("work.zip", encrypted(ZIP), "is encrypted; make a zip without a password"),
    "last of several parts": ("work.zip", patched(ZIP, END, 4, b"\2\0\2\0"), "one part of a zip that was split"),
    "first of several parts": ("work.z01", b"PK\x07\x08" + ZIP[:50], "one part of a zip that was split"),
    "entry on another disk": ("work.zip", patched(ZIP, CENTRAL, 34, b"\3\0"), "one part of a zip that was split"),
    "zip in zip": ("work.zip", zipped({"inner.zip": ZIP}), "another archive, inner.zip; unpack it"),
    "bzip2 inside": ("work.zip", zipped(WORK, zipfile.ZIP_BZIP2), "packed with a method that is not read here"),
    "lzma inside": ("work.zip", zipped(WORK, zipfile.ZIP_LZMA), "packed with a method that is not read here"),
    "unknown method": ("work.zip", with_method(ZIP, 99), "packed with a method that is not read here (number 99)"),
    "bomb": ("work.zip", BOMB, "ddpm.py in work.zip is larger than 1,000,000 bytes"),
    "bomb that lies": ("work.zip", patched(BOMB, CENTRAL, 24, b"\x40\0\0\0"), "damaged"),
    "absolute name": (
        "work.zip",
        zipped(WORK | {"/etc/passwd": b""}),
        "/etc/passwd, which begins at the root of the disk",
    ),
    "parent": (
        "work.zip",
        zipped(WORK | {"../../evil.py": b""}),
        '../../evil.py, which leads out of the zip with ".."',
    ),
    "parent inside": ("work.zip", zipped({"a/../ddpm.py": DDPM}), 'leads out of the zip with ".."'),
    "parent, backslashes": ("work.zip", zipped(WORK | {"a\\..\\..\\b.py": b""}), 'leads out of the zip with ".."'),
    "network share": ("work.zip", zipped(WORK | {"\\\\host\\share": b""}), "begins at the root of the disk"),
    "drive letter": ("work.zip", zipped(WORK | {"C:\\ddpm.py": b""}), "begins with a drive letter"),
    "NUL in a name": ("work.zip", zipped(WORK | {"ddpm.py\0.png": b""}), "ddpm.py\\x00.png, which contains a NUL"),
    "escape in a name": ("work.zip", zipped(under(STRANGE, WORK)), "has control characters in its name"),
    "newline in a name": ("work.zip", zipped(under("a\nb", WORK)), "a\\nb/ddpm.py has control characters"),
    "reserved name": ("work.zip", zipped(under("aux.d", WORK)), "has a name that Windows reserves (aux.d)"),
    "long name": ("work.zip", zipped(under("x" * 300, WORK)), "has a name that is too long"),
    "long path": ("work.zip", zipped(under("/".join(["x" * 255] * 4), WORK)), "has a name that is too long"),
    "two of a name": ("work.zip", zipped([*WORK.items(), ("ddpm.py", b"")]), "ddpm.py 2 times"),
    "names equal but for case": ("work.zip", zipped(WORK | {"DDPM.py": DDPM}), "are the same on some computers"),
    "names equal in Unicode": ("work.zip", zipped(WORK | {"ｄdpm.py": DDPM}), "are the same on some computers"),
    "helpers equal but for case": ("work.zip", zipped(WORK | {"noise.py": b"", "Noise.py": b""}), "one file on some"),
    "a helper twice": (
        "work.zip",
        zipped([*WORK.items(), ("n.py", b""), ("n.py", b"1")]),
        "is in the submission twice",
    ),
    "link": ("work.zip", zipped_with_mode("ddpm.py", 0o120777, more={"network.py": NETWORK}), "ddpm.py is a link"),
    "FIFO": ("work.zip", zipped_with_mode("ddpm.py", 0o010644), "ddpm.py is a device, pipe or socket"),
    "link as folder": ("work.zip", zipped_with_mode("task1", 0o120777, more=under("task1", WORK)), "task1 is a link"),
    "file as folder": ("work.zip", zipped(under("a", WORK) | {"a": b""}), "a is a file and a folder at once"),
    "name that is no text": (
        "work.zip",
        patched(patched(zipped(WORK | {"ü.txt": b""}), LOCAL, 6, b"\0\x08"), CENTRAL, 8, b"\0\x08").replace(
            "ü".encode(), b"\xff\xfe"
        ),
        "whose name is not valid text",
    ),
    "two different solutions": (
        "work.zip",
        zipped(under("a", WORK) | under("b", {"network.py": NETWORK, "ddpm.py": DDPM + b"x = 1\n"})),
        "is in a/ and, with different content, in b/; hand in only one",
    ),
    "one file in two versions": (
        "work.zip",
        zipped({"w/network.py": NETWORK, "w/x.py": b"", "a/ddpm.py": DDPM, "b/ddpm.py": DDPM + b"x = 1\n"}),
        "with different content, in b/",
    ),
    "only a notebook": (
        "work.zip",
        zipped({"a.ipynb": b"", "b.png": b""}),
        "the notebook a.ipynb is not judged; hand in",
    ),
    "another assignment": ("work.zip", zipped(OTHER_TASK), "image_diffusion_todo/ belongs to another assignment"),
    "five folders down": ("work.zip", zipped(under("a/b/c/d/e", WORK)), "lies more than 4 folders down"),
    "something else": (
        "work.zip",
        zipped({"essay.docx": b"", "photo.jpg": b""}),
        "only essay.docx and photo.jpg; hand in",
    ),
    "whole class": ("work.zip", zipped({f"{i}/ddpm.py": DDPM for i in range(41)}), "in more than 40 folders"),
    "huge source": (
        "work.zip",
        zipped({"ddpm.py": b"x = 1\n" * 40_000}, zipfile.ZIP_STORED),
        "too long for source code",
    ),
    "huge source, one line": ("work.zip", zipped({"ddpm.py": os.urandom(1_000_001)}), "is larger than 1,000,000 bytes"),
    "far too many modules": (
        "work.zip",
        zipped(WORK | {f"m{i}.py": b"" for i in range(210)}),
        "too much Python code next to the work (more than 200 files",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_input_gets_its_sentence(tmp_path, case):
    name, data, sentence = BAD_FILES[case]
    assert sentence in refusal(write(tmp_path, data, name))


@pytest.mark.parametrize(
    ("change", "files", "sentence"),
    [
        ({"entries": 10}, {f"{i}.png": b"" for i in range(20)}, "holds more than 10 files"),
        ({"listing_bytes": 2000}, {f"{i}.png": b"" for i in range(50)}, "holds more than 50,000 files"),
        ({"total_bytes": 60}, {"noise.py": b"# " + b"x" * 50}, "too much Python code"),
        ({"total_tokens": 40}, {"noise.py": b"x = 1\n" * 9}, "too much Python code"),
        ({"ratio": 2, "file_bytes": 10**7}, {"ddpm.py": b"x" * 9_000_000}, "unpacks to more than 2 times its size"),
        ({"file_bytes": 1000}, {"ddpm.py": os.urandom(500_000)}, "is larger than 1,000 bytes"),
    ],
)
def test_limits_are_counted_and_not_believed(tmp_path, change, files, sentence):
    data = zipped(WORK | files)
    assert sentence in refusal(write(tmp_path, data), IntakeLimits(**change))
    assert sentence in refusal(write(tmp_path, patched(data, CENTRAL, 24, b"\1\0\0\0")), IntakeLimits(**change)) or (
        "damaged" in refusal(write(tmp_path, patched(data, CENTRAL, 24, b"\1\0\0\0")), IntakeLimits(**change))
    )


def test_overlapping_entries_of_a_bomb_are_not_multiplied(tmp_path):
    data = bytearray(zipped({"ddpm.py": DDPM, "a.py": b"x" * 900_000, "b.py": b"x" * 900_000}))
    first, second = data.find(b"a.py") - 30, data.rfind(CENTRAL)
    data[second + 42 : second + 46] = struct.pack("<I", first)  # b.py's content is said to be where a.py's is
    submission = read(write(tmp_path, bytes(data)), IntakeLimits(ratio=2000))
    assert "b.py in work.zip is damaged" in messages(submission)
    assert set(submission.files) == {"ddpm.py", "a.py"}


def test_clutter_is_never_read_however_large_or_broken(tmp_path):
    files = WORK | {"model.ckpt": b"\0" * 30_000_000, "aux.png": b"x" * 1000, "same.txt": b"", "Same.txt": b""}
    data = zipped(files)
    at = data.index(b"aux.png") + len("aux.png")
    broken = data[:at] + b"\xff\xff\xff" + data[at + 3 :]
    tight = IntakeLimits(file_bytes=2000, total_bytes=4000)
    assert read(write(tmp_path, broken), tight).digest == digest_of(WORK)
    (put(tmp_path / "f", WORK) / "model.ckpt").touch()
    os.truncate(tmp_path / "f" / "model.ckpt", 10**12)  # a sparse file of a terabyte
    assert read(tmp_path / "f", tight).digest == digest_of(WORK)


def test_a_link_or_pipe_in_the_clutter_of_a_zip_is_passed_over(tmp_path):
    submission = read(write(tmp_path, zipped_with_mode("data", 0o120777, b"/etc", more=WORK)))
    assert submission.files == WORK
    assert "passed over: data." in messages(submission)


# --- folders ----------------------------------------------------------------------------------------------------------


def test_paths_that_are_nothing(tmp_path):
    assert refusal(tmp_path / "nowhere") == "There is no file or folder nowhere; check the path."
    (tmp_path / "file").write_bytes(ZIP)
    assert "cannot be opened" in refusal(tmp_path / "file" / "below")
    assert "cannot be opened" in refusal(Path("a\0b"))
    assert "cannot be opened" in refusal(Path("x" * 5000))
    assert "is empty; hand in" in refusal(put(tmp_path / "empty", {}))
    os.mkfifo(tmp_path / "pipe")
    assert "neither a folder nor a file" in refusal(tmp_path / "pipe")
    assert "neither a folder nor a file" in refusal(Path("/dev/null"))


def test_a_link_given_as_the_submission_is_not_followed(tmp_path):
    put(tmp_path / "real", WORK)
    (tmp_path / "link").symlink_to("real")
    assert "is a link" in refusal(tmp_path / "link")
    with pytest.raises(Refused, match="is a link"):
        read_submission(f"{tmp_path}/link/", MANIFEST)


@pytest.mark.parametrize("target", ["/etc/hostname", "elsewhere.py", "missing"])
def test_a_link_in_place_of_a_todo_file_is_refused(tmp_path, target):
    root = put(tmp_path / "s", {"network.py": NETWORK})
    (tmp_path / "elsewhere.py").write_bytes(DDPM)
    (root / "ddpm.py").symlink_to(tmp_path / target)
    assert "ddpm.py is a link; hand in the file or folder itself." in refusal(root)


def test_linked_folders_are_not_entered(tmp_path):
    put(tmp_path / "outside", WORK)
    root = put(tmp_path / "s", {"readme.txt": b""})
    (root / "task1").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    assert "is a link, which is not followed" in refusal(root)
    put(root, WORK)
    submission = read(root)
    assert submission.files == WORK
    assert "passed over: loop and task1." in messages(submission)


def test_a_file_that_becomes_a_link_or_pipe_while_it_is_read_is_refused(tmp_path, monkeypatch):
    from autograder.submission import folder

    (tmp_path / "secret.py").write_bytes(b"class SimpleNet: secret = 1\n")
    walk = folder.FolderSource._walk
    for replace in (lambda path: path.symlink_to(tmp_path / "secret.py"), os.mkfifo):
        root = put(tmp_path / "s", WORK)

        def swapped(self, descriptor, path, replace=replace, root=root):
            yield from walk(self, descriptor, path)
            (root / "ddpm.py").unlink()
            replace(root / "ddpm.py")

        with monkeypatch.context() as patch:
            patch.setattr(folder.FolderSource, "_walk", swapped)
            assert "ddpm.py" in refusal(root, read=read_here)
        (root / "ddpm.py").unlink()


def test_a_pipe_named_as_a_todo_file_neither_hangs_nor_passes(tmp_path):
    root = put(tmp_path / "s", {"network.py": NETWORK})
    os.mkfifo(root / "ddpm.py")
    os.mkfifo(root / "helper.py")
    assert "ddpm.py is a device, pipe or socket" in refusal(root)


def test_what_may_not_be_opened_is_named(tmp_path, monkeypatch):
    real = os.open

    def guarded(path, *arguments, **keywords):  # root, as whom tests may run, opens everything
        if path in closed:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", guarded)
    root = put(tmp_path / "s", WORK | under("results", {"x.py": b""}))
    closed: list[object] = ["ddpm.py"]
    assert "ddpm.py may not be read; check its permissions" in refusal(root, read=read_here)
    closed[:] = [root]
    assert "s may not be opened; check its permissions." in refusal(root, read=read_here)
    closed[:] = ["results"]
    assert read_here(root).files == WORK
    assert "passed over: results." in messages(read_here(root))
    closed[:] = ["task1"]
    assert "task1 may not be opened" in refusal(put(tmp_path / "t", under("task1", WORK)), read=read_here)


def test_a_folder_with_too_many_entries_is_refused(tmp_path):
    root = put(tmp_path / "s", WORK | {f"{i}.png": b"" for i in range(30)})
    assert "holds more than 20 files" in refusal(root, IntakeLimits(entries=20))
    assert read(root, IntakeLimits(entries=32)).files == WORK


def test_names_of_clutter_that_are_no_text_do_no_harm(tmp_path):
    root = put(tmp_path / "s", WORK)
    for name in (b"\xff\xfe.txt", b"new\nline.txt", b"esc\x1b[31m.png", b"back\\slash.py", b"CON"):
        with open(os.path.join(os.fsencode(root), name), "wb"):
            pass
    assert read(root).files == WORK


def test_folders_differing_in_case_or_unicode_form_are_two_candidates(tmp_path):
    root = put(tmp_path / "s", under("Work", WORK) | under("work", {**WORK, "ddpm.py": DDPM + b"x = 1\n"}))
    assert "is in Work/ and, with different content, in work/" in refusal(root)
    forms = [unicodedata.normalize(form, "Übung") for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    assert folded(forms[0]) == folded(forms[1])


def open_files() -> Counter[str]:
    """What the descriptors of this process lead to. Others' may be closed at any time, by the garbage collector."""
    found: Counter[str] = Counter()
    for descriptor in os.listdir("/dev/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found[os.readlink(f"/dev/fd/{descriptor}")] += 1
    return found


def test_descriptors_are_given_back(tmp_path):
    root = put(tmp_path / "s", under("a/b/c", WORK) | {"a/b/x.txt": b""})
    data = write(tmp_path, ZIP)
    bad = write(tmp_path, ZIP[:-30], "bad.zip")
    read(root)  # what is opened once for a whole process is no leak
    before = open_files()
    for _ in range(5):
        read(root)
        read(data)
        refusal(bad)
    for _ in range(200):  # a thread that watches the memory of a sandbox opens files too, but for an instant; a leak stays
        if not (leaked := open_files() - before):
            break
        time.sleep(0.01)
    assert leaked == Counter()


# --- helper modules ---------------------------------------------------------------------------------------------------


def test_helper_modules_and_packages_next_to_the_work_come_along(tmp_path):
    helpers = {
        "noise.py": b"x = 1\n",
        "utils/__init__.py": b"",
        "utils/maths.py": b"y = 2\n",
        "utils/json.py": b"# does not stand in for anything: it is utils.json\n",
    }
    files = under(
        "task1", WORK | helpers | {"notes.txt": b"", "my-script.py": b"", "old/x.py": b"", "train (1).py": b""}
    )
    submission = read(put(tmp_path / "s", files))
    assert submission.files == WORK | helpers
    assert submission.notices == ()


def test_a_package_without_init_comes_along_when_it_is_imported(tmp_path):
    code = {"ddpm.py": b"from tools.noise import draw\n" + DDPM, "network.py": NETWORK, "tools/noise.py": b"draw = 1\n"}
    assert read(put(tmp_path / "s", code | {"other/noise.py": b""})).files == code


def test_the_notebook_and_its_export_are_not_judged(tmp_path):
    extra = {"ddpm_tutorial.ipynb": b"{}", "ddpm_tutorial.py": b"train()\n"}
    assert read(put(tmp_path / "s", WORK | extra)).files == WORK


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("torch.py", "torch.py has the name of an installed package and was left out"),
        ("torch/__init__.py", "torch has the name of an installed package"),
        ("torch/nn.py", "torch has the name of an installed package"),
        ("json.py", "json.py has the name of one of Python's own modules"),
        ("hypothesis.py", "hypothesis.py has the name of an installed package"),
        ("autograder/__init__.py", "autograder has the name of an installed package"),
        ("dataset/__init__.py", "dataset would stand in for a file of the assignment"),
        ("ddpm/__init__.py", "ddpm would stand in for a file of the assignment"),
        ("Dataset.py", "Dataset.py would stand in for a file of the assignment"),
        ("aux.py", "aux.py has a name that Windows reserves"),
        ("conftest.py", "conftest.py was left out: Python or a test tool would run it unasked"),
        ("sitecustomize.py", "sitecustomize.py was left out"),
        ("usercustomize.py", "usercustomize.py was left out"),
        ("evil.pth", "Left out, since no code names it: evil.pth"),
        ("pytest.ini", "pytest.ini was left out"),
        ("utils/conftest.py", ""),
        ("setup.py", ""),
        ("ddpm.pyc", ""),
        ("ddpm.cpython-311-x86_64-linux-gnu.so", ""),
        ("torch.so", ""),
    ],
)
def test_what_would_stand_in_for_something_else_stays_out(tmp_path, name, sentence):
    module = name.partition("/")[0].removesuffix(".py")
    imports = b"import torch\nimport json\nimport hypothesis, autograder, aux\nfrom dataset import x\n"
    code = {"ddpm.py": imports + f"import {module}\n".encode() * ("." not in module) + DDPM, "network.py": NETWORK}
    more = {"utils/__init__.py": b""} if name.startswith("utils") else {}
    submission = read(put(tmp_path / "s", code | more | {name: b"raise SystemExit\n"}))
    assert submission.files == code | more
    assert sentence in messages(submission)


def test_what_stays_out_is_mentioned_only_where_it_matters(tmp_path):
    submission = read(put(tmp_path / "s", WORK | {"json.py": b"", "types.py": b"", "setup.py": b""}))
    assert submission.files == WORK
    assert submission.notices == ()


def test_given_files_are_never_taken_and_noted_when_changed(tmp_path, monkeypatch):
    truth = put(tmp_path / "solution", {"dataset.py": b"def f(x):\n    return x  # given\n"})
    monkeypatch.setattr(Manifest, "solution", property(lambda self: truth))
    same = put(tmp_path / "same", WORK | {"dataset.py": b"# mine\r\ndef f( x ):\r\n    return x\r\n"})
    assert read_here(same).files == WORK
    assert read_here(same).notices == ()
    other = put(tmp_path / "other", WORK | {"dataset.py": b"def f(x):\n    return 2 * x\n", "chamferdist.py": b"new"})
    assert read_here(other).files == WORK
    assert messages(read_here(other)) == "dataset.py differs from the handout; grading uses the handout's own version."


def test_a_helper_that_cannot_be_read_costs_itself_only(tmp_path):
    root = put(tmp_path / "s", WORK | {"big.py": b"#" * 1_000_001, "long.py": b"x\n" * 60_000})
    os.mkfifo(root / "pipe.py")
    (root / "link.py").symlink_to("/etc/hostname")
    submission = read(root)
    assert submission.files == WORK
    for name in ("big.py", "long.py", "pipe.py", "link.py"):
        assert f"{name} was left out: {name} is" in messages(submission)


def test_very_many_helpers_that_cannot_be_read_are_not_all_tried(tmp_path):
    root = put(tmp_path / "s", WORK)
    for i in range(10):
        os.mkfifo(root / f"p{i}.py")
    assert "More than 8 Python files lie next to the work" in refusal(root, IntakeLimits(files=8))


def test_many_remarks_are_cut(tmp_path):
    root = put(tmp_path / "s", WORK)
    for i in range(60):
        os.mkfifo(root / f"p{i}.py")
    submission = read(root)
    assert len(submission.notices) == 21
    assert "41 more remarks" in messages(submission)


# --- content ----------------------------------------------------------------------------------------------------------

DEEP = 40_000
NOT_PYTHON = {
    "bracket": (b"x = 1\ny = foo(1,\n", "ddpm.py, line 2: '(' was never closed."),
    "indentation": (
        b"if True:\nx = 1\n",
        "ddpm.py, line 2: expected an indented block after 'if' statement on line 1;",
    ),
    "tabs": (b"if 1:\n        x = 1\n\ty = 2\n", "ddpm.py, line 3: this line mixes tabs and spaces"),
    "python 2": (b"print 'x'\n", "ddpm.py, line 1: Missing parentheses in call to 'print'; did you mean print(...)."),
    "comma": (b"x = [1 2]\n", "ddpm.py, line 1: invalid syntax; perhaps you forgot a comma."),
    "nonsense": (b"x = = 1\n", "ddpm.py, line 1: invalid syntax; look at this line and the one above it."),
    "conflict": (b"x = 0\n<<<<<<< HEAD\nx = 1\n", "ddpm.py, line 2: git left a merge conflict here;"),
    "return": (b"def f():\n    pass\nreturn 1\n", "ddpm.py, line 3: 'return' stands outside a function; check the"),
    "yield": (b"class A:\n    yield 1\n", "ddpm.py, line 2: 'yield' stands outside a function"),
    "break": (b"for x in y:\n    def f():\n        break\n", "ddpm.py, line 3: 'break' stands outside a loop"),
    "latin-1": (
        "# gr\u00fcn\n".encode("latin-1"),
        "ddpm.py, line 1: byte 0xfc is not UTF-8 text; save the file as UTF-8.",
    ),
    "latin-1 below": (b"\n\n\n# \xfc\n", "ddpm.py, line 4: byte 0xfc is not UTF-8 text"),
    "utf-16": ("x = 1\n".encode("utf-16"), "ddpm.py is saved as UTF-16; save it as UTF-8."),
    "NUL": (b"x = 1\ny\0 = 2\n", "ddpm.py, line 2: there is a NUL byte, so this is not a text file"),
    "cookie": (b"# -*- coding: klingon -*-\n", "ddpm.py has a wrong encoding line (unknown encoding: klingon)"),
    "utf-7": (b"# coding: utf-7\n", "ddpm.py is in the encoding utf-7, which is not read here"),
    "punycode": (b"# coding: punycode\n" + b"a" * 1000, "ddpm.py is in the encoding punycode"),
    "mark and cookie": (b"\xef\xbb\xbf# coding: latin-1\n", "ddpm.py has a wrong encoding line"),
    "deep": (b"x = " + b"-" * DEEP + b"1\n", "ddpm.py is nested too deeply for Python to read"),
    "long chain": (b"x = a" + b".b" * DEEP + b"\n", "ddpm.py is nested too deeply for Python to read"),
    "brackets": (b"(" * DEEP, "ddpm.py, line 1: too many nested parentheses."),
    "long number": (b"x = " + b"9" * 10_000, "ddpm.py, line 1: Exceeds the limit"),
    "strange sign": ("x = 1 \u202e 2\n".encode(), "ddpm.py, line 1: invalid non-printable character U+202E"),
    "strange name": ("x = \u201cа\u201d\n".encode(), "ddpm.py, line 1: invalid character"),
}


@pytest.mark.parametrize("case", NOT_PYTHON)
def test_what_is_not_python_is_said_and_is_no_refusal(tmp_path, case):
    content, sentence = NOT_PYTHON[case]
    submission = read(put(tmp_path / "s", {"ddpm.py": content, "network.py": NETWORK}))
    assert submission.files["ddpm.py"] == content
    assert list(submission.syntax_errors) == ["ddpm.py"]
    assert submission.syntax_errors["ddpm.py"].startswith(sentence)
    assert_is_a_sentence(submission.syntax_errors["ddpm.py"])


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx = '\xc3\xbc'\n",
        b"# -*- coding: latin-1 -*-\nx = '\xfc'\n",
        b"#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
        b"x = 1\r\ny = 2\r\n",
        b"x = '\\d'\n",  # a warning, no error
        b"",
        b"for x in y:\n    break\nelse:\n    pass\n",
        b"f = lambda: (yield)\n",
        b"while x:\n    if y:\n        continue\n",
    ],
)
def test_what_python_accepts_is_accepted(tmp_path, content):
    assert read(put(tmp_path / "s", {"ddpm.py": content, "network.py": NETWORK})).syntax_errors == {}


def test_nothing_of_a_submission_runs(tmp_path):
    bomb = f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\n".encode()
    read(put(tmp_path / "s", {"ddpm.py": DDPM + bomb, "network.py": bomb, "noise.py": bomb, "utils/__init__.py": bomb}))
    assert not (tmp_path / "ran").exists()
    assert "noise" not in sys.modules


# --- properties -------------------------------------------------------------------------------------------------------

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
few_and_many = pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.proof)])  # each is read in a process


@few_and_many
def test_a_mutated_zip_is_a_submission_or_a_sentence(tmp_path, examples):
    @settings(FUZZ, max_examples=examples)
    @given(
        data=st.sampled_from(
            [ZIP, zipped(WORK, zipfile.ZIP_STORED), zipped(under("task1", WORK | {"noise.py": b"x = 1\n"}))]
        ),
        changes=st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=4)), max_size=6),
        cut=st.integers(0, 60) | st.just(0),
    )
    def is_read(data, changes, cut):
        mutated = bytearray(data)
        for at, value in changes:
            mutated[at % len(data) : at % len(data) + len(value)] = value
        path = write(tmp_path, bytes(mutated[: len(mutated) - cut]))
        try:
            submission = read(path)
        except UserError as error:
            assert_is_a_sentence(str(error))
        else:
            assert submission.digest == digest_of(submission.files)

    is_read()


@few_and_many
def test_no_name_in_a_zip_does_harm(tmp_path, examples):
    @settings(FUZZ, max_examples=examples)
    @given(name=st.text(max_size=40) | st.from_regex(r"[./\\C:a\x00 -]{1,12}", fullmatch=True))
    def is_read(name):
        path = write(tmp_path, zipped(WORK | {name.encode("utf-8", "replace").decode(): b""}))
        try:
            assert set(read(path).files) >= set(WORK)
        except UserError as error:
            assert_is_a_sentence(str(error))

    is_read()


@FUZZ
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_python_or_a_sentence(content):
    try:
        python_text.parse("x.py", content)
    except python_text.NotPython as error:
        assert_is_a_sentence(str(error))


@given(text=st.text(max_size=300), limit=st.integers(10, 100))
def test_shown_text_is_printable_and_short(text, limit):
    assert shown(text, limit).isprintable()
    assert len(shown(text, limit)) <= limit


@given(name=st.text(alphabet="ab./\\:C", max_size=12))
def test_a_name_that_is_accepted_stays_inside(name):
    if leads_astray(name) is None:
        inside = os.path.normpath(os.path.join("/box", name.replace("\\", "/")))
        assert inside == "/box" or inside.startswith("/box/")


def test_solved_work_is_judged_and_not_the_untouched_handout_beside_it(tmp_path):
    """Students often work in a copy and leave the handout, with its telling name, in the zip."""
    manifest = load_manifest("swiss_roll")
    for name in manifest.files.todo:
        handout, solved = (manifest.handout / name).read_bytes(), solution_files(manifest)[name]
        for folder, content in ((manifest.folder, handout), ("task1", solved)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_bytes(content)
    submission = read_submission(tmp_path, manifest)
    assert submission.folder == "task1"
    assert submission.files == {name: solution_files(manifest)[name] for name in manifest.files.todo}
    assert any(manifest.folder in notice.message for notice in submission.notices)
