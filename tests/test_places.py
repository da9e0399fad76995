"""Assignments that lie outside of the repository: in-process, and in the processes that the grader starts."""

import os
import subprocess
import sys

from autograder.manifest import assignment_ids, load_manifest
from autograder.places import REPOSITORY, courses, inside
from tests.courses import courses_in, write_files

MANIFEST = """
id = "elsewhere"
title = "An assignment elsewhere"
course = "none"
folder = "elsewhere_todo"
default_profile = "default"
files = { todo = ["a.py"], given = [] }
tasks = [{ id = "1", title = "One", points = 1, regions = ["a.py:f"] }]
profiles.default.title = "all"
"""


def test_courses_can_lie_in_another_folder_and_all_processes_find_them_there(tmp_path):
    ours = assignment_ids()
    home = tmp_path / "autograder" / "assignments" / "elsewhere"
    write_files(home, {"assignment.toml": MANIFEST, "__init__.py": "", "misconceptions.py": "MISCONCEPTIONS = ()\n"})
    code = "import sys; sys.path.insert(0, sys.argv[1]); import autograder.assignments.elsewhere.misconceptions as m; print(m.__file__)"
    with courses_in(tmp_path):
        assert assignment_ids() == ("elsewhere",)
        manifest = load_manifest("elsewhere")
        assert (manifest.home, manifest.solution, manifest.handout) == (
            home,
            tmp_path / "solutions" / "elsewhere_todo",
            tmp_path / "elsewhere_todo",
        )
        assert inside(home / "assignment.toml") == "autograder/assignments/elsewhere/assignment.toml"
        assert inside(REPOSITORY / "autograder" / "places.py") == "autograder/places.py"
        found = subprocess.run([sys.executable, "-c", code, str(REPOSITORY)], capture_output=True, text=True, check=True, env=os.environ)
        assert found.stdout.strip() == str(home / "misconceptions.py")
    assert assignment_ids() == ours
    assert courses() == REPOSITORY
