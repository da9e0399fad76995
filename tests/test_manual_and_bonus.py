"""Tasks that a person judges, and tasks that add to the maximum: what they are worth, and how every rendering shows them."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

from autograder.classroom.gradebook import Gradebook, make_gradebook
from autograder.classroom.gradebook_formats import FORMATS
from autograder.classroom.overrides import read_overrides
from autograder.classroom.page.view import present_class
from autograder.classroom.page.write import render_class
from autograder.classroom.records import Graded
from autograder.errors import UserError
from autograder.grading.publishing import refused_verdict
from autograder.grading.rubric import load_rubric
from autograder.grading.session import Grading, Options
from autograder.manifest import Manifest, load_manifest, parse_manifest
from autograder.report import make_console, print_summary, render_html, to_gradescope
from autograder.report.view import present
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import IntakeLimits, read_here
from autograder.verdict import CheckResult, Notice, Verdict
from tests.courses import courses_in, write_files
from tests.notebook_files import folder_with
from tests.test_classroom import line

MANIFEST = """
id = "toy"
title = "A toy"
course = "a course"
folder = "toy_todo"
default_profile = "default"
max_bonus = 3

[files]
todo = ["answer.py"]
given = []

[[tasks]]
id = "1"
title = "Doubling"
points = 10
regions = ["answer.py:double"]

[[tasks]]
id = "W"
title = "Written questions"
points = 5
kind = "manual"

[[tasks]]
id = "B"
title = "Trebling"
points = 4
bonus = true
regions = ["answer.py:treble"]

[[tasks]]
id = "P"
title = "The best picture"
points = 2
kind = "manual"
bonus = true

[profiles.default]
title = "all"

[profiles.code]
title = "without what is written"
leaves_out = ["W", "P"]
"""
ANSWER = """def double(x):
    ######## TODO 1: double ########
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO 1: double")
    ######## END TODO ########


def treble(x):
    ######## TODO B: treble ########
    ### BEGIN SOLUTION
    return 3 * x
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO B: treble")
    ######## END TODO ########
"""
CHECKS = '''from autograder.grading.checks import WrongAnswer, task


@task("1", points=10, region="{0}double", shows_work=True)
def test_double(student):
    """`double` gives 2x."""
    if student.module("answer").call("double", 3) != 6:
        raise WrongAnswer("double(3) must be 6.")


@task("B", points=4, region="{0}treble", shows_work=True)
def test_treble(student):
    """`treble` gives 3x."""
    if student.module("answer").call("treble", 3) != 9:
        raise WrongAnswer("treble(3) must be 9.")
'''


def results(double: float = 10, treble: float = 4, written: float | None = None, picture: float | None = None) -> tuple[CheckResult, ...]:
    def by_code(task: str, points: float, worth: float) -> CheckResult:
        return CheckResult(f"{task}.check", task, f"Property of {task}.", points, worth, "passed" if points == worth else "failed")

    def by_hand(task: str, points: float | None, worth: float) -> CheckResult:
        waits = points is None
        return CheckResult(f"{task}.by_hand", task, f"Task {task}", worth if waits else points, worth, "held" if waits else "passed")

    return by_code("1", double, 10), by_hand("W", written, 5), by_code("B", treble, 4), by_hand("P", picture, 2)


def verdict(*checks: CheckResult, max_bonus: float = 3, **more: Any) -> Verdict:
    tasks = tuple({"id": name, "title": f"Task {name}", "points": 0, "regions": [], "bonus": name in "BP"} for name in ("1", "W", "B", "P"))
    options = {"tasks": tasks, "checks": checks or results(), "state": "complete", "max_bonus": max_bonus, "profile": "default", **more}
    return Verdict("toy", "A toy", "work.zip", "digest", **options)


# --- sums -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "score", "held"),
    [
        (results(), 13, 5),  # 4 of bonus, of which 3 count; of the 7 that wait the 2 of bonus count no more
        (results(treble=0), 10, 7),
        (results(double=0, treble=0), 0, 7),
        (results(written=5, picture=0), 18, 0),
        (results(double=0, treble=4, written=0, picture=2), 3, 0),
        (results(treble=0, written=2.5, picture=2), 14.5, 0),
    ],
)
def test_a_bonus_comes_on_top_as_far_as_is_allowed(checks: tuple[CheckResult, ...], score: float, held: float) -> None:
    judged = verdict(*checks)
    assert (judged.score, judged.held, judged.max_score, judged.highest) == (score, held, 15, 18)
    assert Verdict.from_json(judged.to_json()) == judged


def test_a_bonus_makes_up_for_nothing_beyond_what_it_may() -> None:
    assert verdict(*results(written=5), max_bonus=0).score == 15
    assert verdict(*results(written=5), max_bonus=100).score == 19
    assert verdict(*results(written=5, picture=2), max_bonus=100).highest == 21


def test_deductions_are_taken_from_all_of_it() -> None:
    assert verdict(*results(written=5), notices=(Notice("deliverable", "no plot", deduction=4.0),)).score == 14
    assert verdict(*results(written=5), notices=(Notice("outside_todo", "edited", voids=True),)).score == 0


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -3.0, 1e300])
def test_no_bonus_is_more_than_its_maximum(points: float) -> None:
    wild = CheckResult("B.check", "B", "x", points, 4, "passed")
    assert verdict(results(written=5)[0], results(written=5)[1], wild, max_bonus=9).score <= 19


@pytest.mark.parametrize(
    ("given", "score", "held", "said"),
    [
        ({"W": None}, 18, 0, "A person has given 5 of 5 points."),
        ({"W": 3.0}, 16, 0, "A person has given 3 of 5 points."),
        ({"W": 0.0}, 13, 0, "A person has given 0 of 5 points."),
        ({"P": None}, 13, 5, ""),
    ],
)
def test_a_person_gives_all_or_some_of_it(given: dict[str, float | None], score: float, held: float, said: str) -> None:
    released = verdict().released(given)
    assert (released.score, released.held) == (score, held)
    assert released.checks[1].message == said


def test_the_tiers_of_a_course_count_no_bonus_among_the_two() -> None:
    tiers = verdict(*results()[:1], results()[2], rule="tiers", tiers=(50.0, 25.0))
    assert (tiers.score, tiers.max_score) == (28.0, 50.0)


# --- the manifest -----------------------------------------------------------------------------------------------------


def test_what_the_bonus_may_add_is_the_manifests() -> None:
    assert (parse_manifest(MANIFEST).total, parse_manifest(MANIFEST).bonus) == (15, 3)
    assert parse_manifest(MANIFEST.replace("max_bonus = 3", "")).bonus == 6
    assert parse_manifest(MANIFEST.replace("max_bonus = 3", "max_bonus = 60")).bonus == 6


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("max_bonus = 3", "max_bonus = -1", "max_bonus is 0 or more"),
        ("bonus = true", "bonus = false", "max_bonus is 0 or more, and there for tasks with bonus = true"),
        ('kind = "manual"', 'kind = "manual"\nregions = ["answer.py:double"]', "task W is judged by a person, so it has no regions"),
        ("bonus = true", 'bonus = "yes"', "bonus must be bool"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_one_sentence(before: str, after: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        parse_manifest(MANIFEST.replace(before, after))


# --- from a submission to the grade -----------------------------------------------------------------------------------


@pytest.fixture
def toy(tmp_path: Path):
    checks = CHECKS.format(_region_prefix())
    files = {"autograder/assignments/toy/assignment.toml": MANIFEST, "autograder/assignments/toy/__init__.py": "",
             "autograder/assignments/toy/test_1.py": checks, "solutions/toy_todo/answer.py": ANSWER,
             "autograder/assignments/toy/misconceptions.py": "MISCONCEPTIONS = ()\nRIGHT_FORMS = ()\nALGORITHMS = {}\n",
             "autograder/assignments/toy/variants.py": "VARIANTS = ()\n"}  # fmt: skip
    with courses_in(write_files(tmp_path / "courses", files)):
        yield load_manifest("toy")


def _region_prefix() -> str:
    import importlib.util

    return "answer.py:" if importlib.util.find_spec("autograder.regions") else ""


def graded(sandbox: Sandbox, manifest: Manifest, root: Path, answer: str, **options: Any) -> Verdict:
    folder = folder_with(root / "work", {"answer.py": answer})
    return Grading(manifest, read_here(str(folder), manifest, IntakeLimits()), Options(**options), sandbox, b"k" * 32).run()


RIGHT = "def double(x):\n    return 2 * x\n\ndef treble(x):\n    return 3 * x\n"


def test_what_a_person_judges_waits_and_needs_no_check(sandbox: Sandbox, toy: Manifest, tmp_path: Path) -> None:
    judged = graded(sandbox, toy, tmp_path, RIGHT)
    assert [(check.id, check.status) for check in judged.checks] == [
        ("1.double", "passed"), ("B.treble", "passed"), ("W.by_hand", "held"), ("P.by_hand", "held")]  # fmt: skip
    assert (judged.score, judged.held, judged.max_score, judged.highest) == (13, 5, 15, 18)
    assert judged.state == "complete"


def test_a_wrong_bonus_costs_nothing(sandbox: Sandbox, toy: Manifest, tmp_path: Path) -> None:
    judged = graded(sandbox, toy, tmp_path, RIGHT.replace("3 * x", "4 * x"), profile="code")
    assert (judged.score, judged.held, judged.max_score) == (10, 0, 10)
    assert present(judged).sentence == "Everything is right: the check passed."


def test_a_task_that_was_not_asked_for_does_not_wait(sandbox: Sandbox, toy: Manifest, tmp_path: Path) -> None:
    judged = graded(sandbox, toy, tmp_path, RIGHT, task="1")
    assert (judged.score, judged.held) == (10, 0)
    assert {check.status for check in judged.checks if check.by_hand} == {"not_run"}


def test_nothing_waits_in_what_was_refused(toy: Manifest) -> None:
    refused = refused_verdict(toy, "work.zip", "It is empty.")
    assert (refused.score, refused.held, refused.max_score) == (0, 0, 15)
    assert len(refused.checks) == 4


def test_a_manual_task_with_checks_is_one_sentence(toy: Manifest) -> None:
    path = toy.home / "assignment.toml"
    path.write_text(MANIFEST.replace('regions = ["answer.py:double"]', 'kind = "manual"'), encoding="utf-8")
    with courses_in(path.parents[3]), pytest.raises(UserError, match="task 1 is judged by a person and has checks all the same"):
        load_rubric(load_manifest("toy"))


# --- renderings -------------------------------------------------------------------------------------------------------


def test_terminal_report_and_results_show_what_waits_and_what_is_a_bonus() -> None:
    judged = verdict()
    screen = io.StringIO()
    print_summary(judged, make_console(screen))
    printed, page = " ".join(screen.getvalue().split()), " ".join(re.sub(r"<[^>]*>", " ", render_html(judged, [])).split())
    results_file = to_gradescope(judged)
    for shown in (printed, page):
        assert "13 / 15" in shown
        assert "5 held" in shown
        assert "Task B (bonus)" in shown
        assert "Waiting: up to 5 points, which a person gives who has read it." in shown
    assert "The bonus adds 3 points." in page
    assert "Of 4 points of bonus, 3 count." in page
    assert results_file["score"] == 13
    assert (results_file["extra_data"]["max_score"], results_file["extra_data"]["max_bonus"], results_file["extra_data"]["held"]) == (15, 3, 5)
    by_task = {test["tags"][0]: test for test in results_file["tests"]}
    assert (by_task["W"]["score"], by_task["W"]["max_score"]) == (0, 5)
    assert "Waiting" in by_task["W"]["output"]
    assert by_task["B"]["name"].endswith("(bonus)")
    assert not by_task["1"]["name"].endswith("(bonus)")


def test_the_score_above_the_maximum_is_shown() -> None:
    full = verdict(*results(written=5))
    assert to_gradescope(full)["score"] == 18
    assert present(full).points == "18 / 15"
    assert present(full).sentence == "Everything is right: the check passed. The bonus adds 3 points."


def test_only_written_questions() -> None:
    (_, written, *_) = results()
    assert present(verdict(written)).sentence == "Up to 5 points of W are held until a person has looked."


def test_the_class_page_shows_what_waits_and_flags_nobody_for_it() -> None:
    both = {"ada": verdict(*results(written=5)), "bo": verdict()}
    graded = [Graded(line(name, one).handed_in, one, f"reports/{name}") for name, one in both.items()]
    page = render_class(present_class("A toy", graded))
    assert "+ 5 held" in page
    assert "Held points" not in page
    assert "18" in page


def book(path: Path, one: Verdict, overrides: str = "") -> Gradebook:
    (path / "overrides.toml").write_text(overrides, encoding="utf-8")
    return make_gradebook([line("Ada", one, student_id="20240001")], None, read_overrides(path / "overrides.toml"))


@pytest.mark.parametrize(
    ("overrides", "points", "held"),
    [
        ("", "13.00", 5),
        ('["20240001"]\nrelease = ["W"]\nreason = "read"', "18.00", 0),
        ('["20240001"]\nrelease = {"W" = 3}\nreason = "read"', "16.00", 0),
        ('["20240001"]\npoints = 18\nreason = "read"', "18.00", 0),
        ('["20240001"]\ndelta = 99\nreason = "read"', "18.00", 5),
    ],
)
def test_the_gradebook_has_both(tmp_path: Path, overrides: str, points: str, held: float) -> None:
    made = book(tmp_path, verdict(), overrides)
    (grade,) = made.grades
    assert (str(grade.points), grade.max_points, grade.held) == (points, 15, held)
    assert all(points in write(made) for write in FORMATS.values())


def test_more_than_everything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gives 19 points, and there are 18"):
        book(tmp_path, verdict(), '["20240001"]\npoints = 19\nreason = "generous"')
