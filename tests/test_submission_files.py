"""Files that are not what they look like, or not where they should be: names in other encodings, data, notebooks, copies beside a stub."""

import io
import json
import random
import zipfile
from pathlib import Path

import pytest

from autograder.grading.prepare import prepare_files
from autograder.manifest import load_manifest
from autograder.submission.advice import near_miss
from autograder.submission.archive_names import archive_names
from autograder.submission.entries import Entry
from autograder.submission.intake import Submission, read_submission
from autograder.submission.python_text import NotPython, parse

MANIFEST = load_manifest("swiss_roll")
SOLUTION = {name: (MANIFEST.solution / name).read_bytes() for name in MANIFEST.files.todo}
STUB = {name: (MANIFEST.handout / name).read_bytes() for name in MANIFEST.files.todo}


def put(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def zipped_in(encoding: str, files: dict[str, bytes]) -> bytes:
    """A zip whose names are bytes in an encoding, with no word of it, as Windows writes them."""
    raw = {name: name.encode(encoding) for name in files}
    placeholders = {name: f"{number}_".ljust(len(raw[name]), "x") for number, name in enumerate(files)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(placeholders[name], content)
    data = buffer.getvalue()
    for name, placeholder in placeholders.items():
        data = data.replace(placeholder.encode(), raw[name])
    return data


def notices(submission: Submission) -> list[str]:
    return [notice.message for notice in prepare_files(MANIFEST, submission)[1] if notice.kind == "intake"]


# Names in a zip

FOLDERS = {
    "cp932": "第3回/予定表/ソースコード/表計算ソフト",
    "cp949": "과제/제출물/홍길동/최종",
    "gb18030": "作业三/张伟/扩散模型/项目",
    "big5": "作業/許功蓋/擴散模型/功能",
    "cp437": "Übung/Müller/José/Año",
    "utf-8": "作业/제출물/Übung/課題",
}


@pytest.mark.parametrize("encoding", FOLDERS)
def test_names_of_other_encodings_are_read_also_four_folders_down(encoding: str, tmp_path: Path) -> None:
    files = {f"{FOLDERS[encoding]}/{name}": content for name, content in SOLUTION.items()}
    (tmp_path / "work.zip").write_bytes(zipped_in(encoding, files))
    submission = read_submission(tmp_path / "work.zip", MANIFEST)
    assert submission.files == SOLUTION
    assert submission.folder == FOLDERS[encoding]


@pytest.mark.parametrize("encoding", FOLDERS)
@pytest.mark.parametrize("part", range(4))
def test_one_name_alone_is_read_too(encoding: str, part: int) -> None:
    name = FOLDERS[encoding].split("/")[part]
    info = zipfile.ZipInfo("x")
    info.orig_filename = name.encode(encoding).decode("cp437")
    read = archive_names([info])[0]
    assert "\\" not in read
    assert encoding in ("cp437", "gb18030", "cp949", "big5") or read == name


def test_names_that_say_utf8_and_plain_ones_stay() -> None:
    said = zipfile.ZipInfo("x")
    said.orig_filename, said.flag_bits = "дом\\a", 0x800
    plain = zipfile.ZipInfo("a/b.py")
    assert archive_names([said, plain]) == ["дом\\a", "a/b.py"]


@pytest.mark.parametrize("name", ["表/../../x.py", "..\\ソ.py", "ソ\\..\\..\\x.py"])
def test_no_encoding_hides_a_way_out(name: str, tmp_path: Path) -> None:
    from autograder.submission.rules import Refused

    (tmp_path / "work.zip").write_bytes(zipped_in("cp932", {name: b"", **SOLUTION}))
    with pytest.raises(Refused, match="leads out"):
        read_submission(tmp_path / "work.zip", MANIFEST)


# Data files

NAMES_DATA = b"\nimport numpy as np\ndef table():\n    return np.load('betas.npy'), open('data/steps.json'), 'Weights.PTH'\n"


def test_data_that_the_code_names_comes_along_and_the_rest_is_named(tmp_path: Path) -> None:
    data = {"betas.npy": b"\x93NUMPY", "data/steps.json": b"{}", "weights.pth": b"PK"}
    others = {"other.npy": b"1", "requirements.txt": b"torch", "loss.png": b"\x89PNG"}
    code = SOLUTION | {"ddpm.py": SOLUTION["ddpm.py"] + NAMES_DATA}
    submission = read_submission(put(tmp_path / "s", {**code, **data, **others}), MANIFEST)
    assert submission.data == data
    files, _ = prepare_files(MANIFEST, submission)
    assert {name: files[name] for name in data} == data
    (note,) = notices(submission)
    assert note.startswith("Left out, since no code names it: other.npy; ")
    without = read_submission(put(tmp_path / "t", {**code, **others}), MANIFEST)
    assert without.digest != submission.digest


def test_stray_text_is_not_worth_a_word_unless_code_reads_files(tmp_path: Path) -> None:
    stray = {"notes.txt": b"sleep", "table.json": b"{}", "settings.json": b"{}"}
    assert notices(read_submission(put(tmp_path / "s", {**SOLUTION, **stray}), MANIFEST)) == []
    reads = SOLUTION | {"ddpm.py": SOLUTION["ddpm.py"] + b"\ndef read(name):\n    return open(name + '.txt').read()\n"}
    (note,) = notices(read_submission(put(tmp_path / "t", {**reads, **stray}), MANIFEST))
    assert "notes.txt and table.json" in note
    named = SOLUTION | {"ddpm.py": SOLUTION["ddpm.py"] + b"\nSETTINGS = 'settings.json'\n"}
    assert read_submission(put(tmp_path / "u", {**named, **stray}), MANIFEST).data == {"settings.json": b"{}"}


def test_data_over_the_limits_is_named_as_left_out(tmp_path: Path) -> None:
    code = SOLUTION | {"ddpm.py": SOLUTION["ddpm.py"] + b"\nNAMES = ['big.npy', 'small.npy']\n"}
    big = random.Random(0).randbytes(8_000_001)
    submission = read_submission(put(tmp_path / "s", {**code, "big.npy": big, "small.npy": b"1"}), MANIFEST)
    assert submission.data == {"small.npy": b"1"}
    (note,) = notices(submission)
    assert note.startswith("big.npy, which your code names, was left out: big.npy is larger than 8,000,000 bytes")


def test_data_never_stands_in_for_code_or_for_a_folder(tmp_path: Path) -> None:
    code = SOLUTION | {"ddpm.py": SOLUTION["ddpm.py"] + b"\nNAMES = ['a.npy', 'b.npy', 'A.NPY']\n", "helper.py": b""}
    entries = {**code, "a.npy": b"1", "a.npy/b.npy": b"2", "A.NPY": b"3"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    (tmp_path / "s.zip").write_bytes(buffer.getvalue())
    submission = read_submission(tmp_path / "s.zip", MANIFEST)
    assert len(submission.data) == 1
    assert len(notices(submission)) == 2


# Notebooks and other things in a .py file


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{\n "cells": [\n  {"cell_type": "code", "execution_count": null}]}', "ddpm.py is a notebook with the ending .py; export it as a script"),
        ('\ufeff{"metadata": {}, "cells": [{"cell_type": "markdown"}]}', "ddpm.py is a notebook with the ending .py;"),
        ("!pip install torch\nimport torch\n", "ddpm.py, line 1: `!pip install torch` is a notebook's command"),
        ("import torch\n%matplotlib inline\n", "ddpm.py, line 2: `%matplotlib inline` is a notebook's command"),
        ("%%writefile ddpm.py\nimport torch\n", "ddpm.py, line 1: `%%writefile ddpm.py` is a notebook's command"),
        ("x = 1\nfiles = !ls\n", "ddpm.py, line 2: `files = !ls` is a notebook's command"),
        ("import torch\n\ntorch.randn?\n", "ddpm.py, line 3: `torch.randn?` is a notebook's command"),
        ("def f():\n    %time g()\n", "ddpm.py, line 2: `%time g()` is a notebook's command"),
        (">>> import torch\n", "ddpm.py, line 1: `>>> import torch` was copied with the prompt"),
        ("In [3]: import torch\n", "ddpm.py, line 1: `In [3]: import torch` was copied with the prompt"),
        ("```python\nimport torch\n```\n", "ddpm.py, line 1: ````python` is a mark of Markdown around code"),
        ("<!DOCTYPE html>\n<html>", "ddpm.py is a web page; download the file itself."),
        ("{\\rtf1 import torch}", "ddpm.py is a document of a word processor; save it as plain text."),
        ("x = (1\n% 2\n", "ddpm.py, line 1: '(' was never closed"),
        ("def f(x)\n    return x != 1\n", "ddpm.py, line 1: expected ':'"),
    ],
)  # fmt: skip
def test_what_is_no_python_is_called_what_it_is(content: str, sentence: str) -> None:
    with pytest.raises(NotPython) as error:
        parse("ddpm.py", content.encode())
    assert str(error.value).startswith(sentence), error.value
    assert str(error.value).endswith(".")


# Work beside a stub


def notebook(*cells: str) -> bytes:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells], "nbformat": 4}).encode()


WORK = SOLUTION["ddpm.py"].decode()
BESIDE = {
    "ddpm (1).py": WORK,
    "ddpm_final.py": WORK,
    "Copy of ddpm.py": WORK,
    "ddpm - 복사본.py": WORK,
    "old/my_ddpm.py": WORK,
    "solution.py": WORK,
    "tutorial.ipynb": notebook("!pip install einops", "%%writefile ddpm.py\n" + WORK),
    "folder.ipynb": notebook("%%writefile ./work/ddpm.py\n" + WORK, "broken("),
    "class.ipynb": notebook("%matplotlib inline\nimport torch", WORK),
    "functions.ipynb": notebook("def q_sample(self, x0, t):\n    return x0 * 2\nDiffusionModule.q_sample = q_sample"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_the_verdict_points_to_work_beside_an_untouched_stub(name: str, tmp_path: Path) -> None:
    files = {"network.py": SOLUTION["network.py"], "ddpm.py": STUB["ddpm.py"], name: BESIDE[name]}
    submission = read_submission(put(tmp_path / "s", files), MANIFEST)
    assert submission.files["ddpm.py"] == STUB["ddpm.py"]
    said = [note for note in notices(submission) if name in note and "the work may be in" in note]
    assert len(said) == 1
    assert "DiffusionModule.q_sample" in said[0]
    assert "ddpm.py" in said[0]


@pytest.mark.parametrize("name", BESIDE)
def test_nothing_is_pointed_to_where_the_work_is_judged(name: str, tmp_path: Path) -> None:
    submission = read_submission(put(tmp_path / "s", {**SOLUTION, name: BESIDE[name]}), MANIFEST)
    assert not any("the work may be in" in note for note in notices(submission))


@pytest.mark.parametrize(
    "content",
    [
        STUB["ddpm.py"],
        b"class DiffusionModule:\n    pass\n",
        b"def q_sample(:\n",
        b"",
    ],
)
def test_a_copy_that_does_nothing_is_not_pointed_to(content: bytes, tmp_path: Path) -> None:
    submission = read_submission(put(tmp_path / "s", {**STUB, "ddpm (1).py": content}), MANIFEST)
    assert not any("the work may be in" in note for note in notices(submission))


def test_the_notebook_of_the_handout_holds_no_work(tmp_path: Path) -> None:
    handout = {path.name: path.read_bytes() for path in MANIFEST.handout.iterdir() if path.is_file()}
    assert notices(read_submission(put(tmp_path / "s", handout), MANIFEST)) == []


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{}", b'{"cells": 3}', b'{"cells": [{"cell_type": "code"}]}', b"\xff\xfe", b"," * 300_000])
def test_odd_notebooks_are_passed_over(content: bytes, tmp_path: Path) -> None:
    submission = read_submission(put(tmp_path / "s", {**STUB, "a.ipynb": content}), MANIFEST)
    assert submission.beside == ()


@pytest.mark.parametrize(
    "name", ["Copy of ddpm.py", "ddpm - Kopie.py", "ddpm - コピー.py", "ddpm (1).py", "ddpm_v2_final.py", "ddpm.py.py", "my_ddpm.py", "ddpm 사본.py"]
)  # fmt: skip
def test_copies_of_a_missing_file_are_recognised(name: str) -> None:
    assert near_miss("ddpm.py", [Entry((name,))]) == f"{name} may be meant; rename it to ddpm.py"


def test_recognising_copies_ends() -> None:
    assert near_miss("ddpm.py", [Entry(("copy" * 10 + "ddpm" + "v1-" * 18 + "x",))]) is None
