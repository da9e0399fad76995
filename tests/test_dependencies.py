"""What a grade depends on: followed through imports, and what is read as data, whatever folder it lies in."""

from pathlib import Path

from autograder.grading import dependencies
from autograder.grading.rubric_version import rubric_version
from autograder.manifest import assignment_ids, load_manifest
from autograder.places import inside
from tests.courses import courses_in, write_files

MANIFEST = """
id = "{id}"
title = "A toy"
course = "none"
folder = "{id}_todo"
default_profile = "plain"
[files]
todo = ["one.py"]
given = ["data.py"]
[[tasks]]
id = "1"
title = "One"
points = 1
regions = ["one.py:f"]
[profiles.plain]
title = "the sum"
"""
TOY = "autograder/assignments/toy"
OTHER = "autograder/assignments/other"
FILES = {
    f"{TOY}/assignment.toml": MANIFEST.format(id="toy"),
    f"{TOY}/__init__.py": "",
    f"{TOY}/test_1.py": "def test_f():\n    from autograder.assignments.other import shared\n",
    f"{TOY}/misconceptions.py": "MISCONCEPTIONS = ()\n",
    f"{TOY}/variants.py": "VARIANTS = ()\n",
    f"{TOY}/visible.py": "",
    f"{TOY}/numbers.py": "FILE = 'numbers.json'\n",
    f"{TOY}/numbers.json": "[1]",
    f"{TOY}/worker/data.py": "# draws nothing\n",
    f"{OTHER}/assignment.toml": MANIFEST.format(id="other"),
    f"{OTHER}/__init__.py": "",
    f"{OTHER}/shared.py": "from . import deeper\n",
    f"{OTHER}/deeper.py": "PLACE = \"weights\"\n",
    f"{OTHER}/alone.py": "PLACE = \"templates\"\n",
    f"{OTHER}/weights/net.npz": "[2]",
    f"{OTHER}/templates/page.json": "[3]",
    "solutions/toy_todo/one.py": "def f(): ...\n",
    "solutions/toy_todo/data.py": "# draws data\n",
    "solutions/toy_todo/README.md": "# Toy\n",
    "solutions/other_todo/one.py": "",
    "solutions/other_todo/data.py": "",
}
DECIDE = [
    f"{TOY}/assignment.toml", f"{TOY}/test_1.py", f"{TOY}/misconceptions.py", f"{TOY}/numbers.json", f"{TOY}/worker/data.py",
    f"{OTHER}/shared.py", f"{OTHER}/deeper.py", f"{OTHER}/weights/net.npz", f"{OTHER}/__init__.py", "solutions/toy_todo/one.py",
    "solutions/toy_todo/data.py",
]  # fmt: skip
DECIDE_NOT = [
    f"{TOY}/variants.py", f"{TOY}/visible.py", f"{OTHER}/alone.py", f"{OTHER}/templates/page.json", f"{OTHER}/assignment.toml",
    "solutions/toy_todo/README.md",
]  # fmt: skip


def test_the_version_changes_with_what_decides_a_grade_and_with_nothing_else(tmp_path: Path) -> None:
    """Also through an import of an import, inside of a function, in another assignment's folder."""
    with courses_in(write_files(tmp_path, FILES)) as root:
        before, changed = rubric_version("toy"), []
        for name in DECIDE + DECIDE_NOT:
            (root / name).write_text(FILES[name] + "# edited\n", encoding="utf-8")
            rubric_version.cache_clear()
            changed += [name] if rubric_version("toy") != before else []
            (root / name).write_text(FILES[name], encoding="utf-8")
    assert changed == DECIDE


def test_whose_code_an_assignment_uses_is_found_in_every_assignment() -> None:
    """Nothing that was imported by the checks, the mistakes and the outcome of an assignment is missing from what decides its grades."""
    for assignment in assignment_ids():
        manifest = load_manifest(assignment)
        names = {inside(path) for path in dependencies.decisive(manifest)}
        assert {f"solutions/{manifest.folder}/{name}" for name in (*manifest.files.todo, *manifest.files.given)} <= names
        assert {inside(path) for path in (manifest.home / "worker").glob("*.py")} <= names
        assert {"autograder/grading/checks.py", "autograder/sandbox/worker.py", "autograder/submission/stubs.py"} <= names
        assert not [name for name in names if name.startswith(("autograder/report", "autograder/classroom", "tests"))]
