"""Points that wait until a person has looked: what they are worth, where they are shown, and how they are given."""

import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autograder.classroom.compare import compare
from autograder.classroom.gradebook import Gradebook, LateRule, make_gradebook
from autograder.classroom.gradebook_formats import FORMATS
from autograder.classroom.ledger import Line
from autograder.classroom.overrides import read_overrides
from autograder.classroom.page.view import present_class
from autograder.classroom.page.write import render_class
from autograder.classroom.records import Graded
from autograder.errors import UserError
from autograder.grading.checks import CheckMark, Held
from autograder.grading.replay import _differences
from autograder.grading.rubric import Check, load_rubric
from autograder.grading.runner import run_check, to_result
from autograder.manifest import load_manifest, parse_manifest
from autograder.report import make_console, print_summary, render_html, to_gradescope
from autograder.report.view import present
from autograder.verdict import CheckResult, Notice, Verdict
from tests.test_classroom import DUE, line

REASON = "Some images are of the training data."


def check(number: int, task: str, worth: float, status: str = "passed", **more: Any) -> CheckResult:
    message = REASON if status == "held" else ""
    values = {"points": worth, "max_points": worth, "status": status, "message": message} | more
    return CheckResult(id=f"{task}.check_{number}", task=task, title=f"Property {number}.", **values)


def verdict(*checks: CheckResult, **changes: Any) -> Verdict:
    """20 points that are earned and 30 that are held, unless other checks are given."""
    checks = checks or (check(1, "1-2", 20.0), check(1, "2-1", 15.0, "held"), check(2, "2-1", 15.0, "held"))
    tasks = tuple(
        {"id": name, "title": f"Task {name}", "points": 0, "regions": []}
        for name in dict.fromkeys(c.task for c in checks)
    )
    values = {"profile": "default", "tasks": tasks, "checks": checks, "state": "complete"} | changes
    return Verdict("image_diffusion", "Faces", "work.zip", "digest", **values)


# What it is worth


def test_what_is_held_is_not_in_the_score_and_stays_in_the_maximum() -> None:
    held = verdict()
    assert (held.score, held.held, held.max_score) == (20.0, 30.0, 50.0)
    assert held.task_points("2-1") == (0.0, 30.0)


def test_a_deduction_is_taken_from_what_is_earned_first() -> None:
    taken = verdict(notices=(Notice("deliverable", "no plot", deduction=25.0),))
    assert (taken.score, taken.held) == (0.0, 25.0)  # with everything released it would be 50 − 25


@pytest.mark.parametrize(
    ("statuses", "score", "held"),
    [
        (("passed", "held"), 25.0, 25.0),
        (("held", "held"), 0.0, 50.0),
        (("held", "failed"), 0.0, 25.0),
        (("passed", "passed"), 50.0, 0.0),
    ],
)
def test_tiers_count_what_is_held_as_met_only_in_what_may_come(
    statuses: tuple[str, str], score: float, held: float
) -> None:
    checks = [check(n, "2-1", 15.0, status) for n, status in enumerate(statuses)]
    tiers = verdict(*checks, rule="tiers", tiers=(50.0, 25.0))
    assert (tiers.score, tiers.held, tiers.max_score) == (score, held, 50.0)


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -3.0, 1e9])
def test_nothing_holds_more_than_its_maximum(points: float) -> None:
    odd = verdict(check(1, "2-1", 15.0, "held", points=points))
    assert 0 <= odd.held <= odd.max_score
    assert odd.score == 0


def test_nothing_is_held_of_what_was_refused_or_voided() -> None:
    assert verdict(state="refused").held == 0
    assert verdict(notices=(Notice("outside_todo", "", voids=True),)).held == 0


def test_a_verdict_is_read_as_it_was_written() -> None:
    assert Verdict.from_json(verdict().to_json()) == verdict()
    assert '"held": 30.0' in verdict().to_json()
    earlier = verdict(check(1, "1-2", 20.0)).to_json().replace('  "held": 0.0,\n', "")
    assert "held" not in earlier
    assert Verdict.from_json(earlier).score == 20.0


# How it comes about


def judged(function: Any) -> CheckResult:
    one = Check("3-1.essay", "An essay.", CheckMark("3-1", 7.0, "essay", 0.0, ""), function, ())
    student = type("Nobody", (), {"begin": lambda self, seed: None, "collect_printed": lambda self: ""})()
    return to_result(one, run_check(one, student, b"secret", "digest"))


def test_a_check_that_a_person_judges_holds_its_points() -> None:
    def essay() -> None:
        raise Held("A person reads this.")

    result = judged(essay)
    assert (result.status, result.message, result.points, result.awarded, result.held) == (
        "held",
        "A person reads this.",
        7.0,
        0.0,
        7.0,
    )


def test_an_unknown_flag_in_a_manifest_is_one_sentence() -> None:
    text = (load_manifest("image_diffusion").home / "assignment.toml").read_text(encoding="utf-8")
    assert parse_manifest(text).policy.hold
    with pytest.raises(UserError, match=r"policy: hold\[0\] must be one of 'below_floor', .*, not 'too_good'"):
        parse_manifest(text.replace('hold = ["below_floor"', 'hold = ["too_good"'))


def test_a_replay_tells_what_was_held_from_what_was_given() -> None:
    (difference, *_) = _differences(verdict(), verdict().released({"2-1": None}))
    assert (difference.then, difference.now) == ("held, 0 of 15", "passed, 15 of 15")
    assert _differences(verdict(), verdict()) == ()


# How it is given


@pytest.mark.parametrize(
    ("given", "score", "held"),
    [
        ({"2-1": None}, 50.0, 0.0),
        ({"2-1": 30.0}, 50.0, 0.0),
        ({"2-1": 20.0}, 40.0, 0.0),
        ({"2-1": 0.0}, 20.0, 0.0),
        ({"1-2": None}, 20.0, 30.0),
        ({}, 20.0, 30.0),
    ],
)
def test_a_person_gives_all_or_some_of_it(given: dict[str, float | None], score: float, held: float) -> None:
    released = verdict().released(given)
    assert (released.score, released.held, released.max_score) == (score, held, 50.0)


def book(path: Path, overrides: str = "", late: LateRule | None = None, one: Verdict | None = None) -> Gradebook:
    (path / "overrides.toml").write_text(overrides, encoding="utf-8")
    lines: list[Line] = [
        line("Ada", one or verdict(), student_id="1", submitted_at="2026-03-02T11:00:00+00:00"), line("Bob", verdict(check(1, "1-2", 20.0)))
    ]  # fmt: skip
    return make_gradebook(lines, late, read_overrides(path / "overrides.toml"))


def test_the_gradebook_says_whose_points_wait(tmp_path: Path) -> None:
    waiting = book(tmp_path)
    assert {g.name: (g.points, g.held, g.state) for g in waiting.grades} == {
        "Ada": (Decimal("20.00"), 30.0, "up to 30 points are held"), "Bob": (Decimal("20.00"), 0.0, ""),
    }  # fmt: skip
    assert [remark for remark in waiting.remarks if "held" in remark] == [
        "Points are held until a person has looked; give them with release in the overrides, and a reason: Ada (1).",
    ]
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(FORMATS["csv"](waiting)))}
    assert {name: (row["points"], row["held"]) for name, row in rows.items()} == {
        "Ada": ("20.00", "30"),
        "Bob": ("20.00", "0"),
    }


@pytest.mark.parametrize(
    ("override", "points", "held", "said"),
    [
        ('release = ["2-1"]', "50.00", 0.0, "released 2-1"),
        ('release = {"2-1" = 15}', "35.00", 0.0, "released 15 of 2-1"),
        ('release = {"2-1" = 0}', "20.00", 0.0, "released 0 of 2-1"),
        ("points = 45", "45.00", 0.0, "set to 45"),
        ("delta = 2", "22.00", 30.0, "+2"),
    ],
)
def test_an_override_gives_it_with_a_reason(tmp_path: Path, override: str, points: str, held: float, said: str) -> None:
    given = book(tmp_path, f'[1]\n{override}\nreason = "looked at"\n')
    (ada,) = [grade for grade in given.grades if grade.name == "Ada"]
    assert (str(ada.points), ada.held, ada.override, ada.reason) == (points, held, said, "looked at")
    assert any("held" in remark for remark in given.remarks) == bool(held)


def test_what_is_released_is_late_as_the_rest_is(tmp_path: Path) -> None:
    late = LateRule(DUE, percent=10)
    points = [
        book(tmp_path, text, late).grades[0].points for text in ("", '[1]\nrelease = ["2-1"]\nreason = "looked at"\n')
    ]
    assert points == [Decimal("18.00"), Decimal("45.00")]


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ('["1-2"]', "releases points of 1-2, where nothing is held"),
        ('["9-9"]', "releases points of 9-9, where nothing is held"),
        ('{"2-1" = 31}', "releases points of 2-1, where 30 points are held"),
        ('{"2-1" = -1}', "release takes tasks"),
        ('{"2-1" = true}', "release takes tasks"),
        ("{}", "release takes tasks"),
        ("[]", "release takes tasks"),
        ("[1]", "release takes tasks"),
        ("30", "release takes tasks"),
        ('["2-1"]\npoints = 3', "either points or delta or release"),
    ],
)
def test_a_release_of_what_is_not_held_is_one_sentence(tmp_path: Path, release: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        book(tmp_path, f'[1]\nrelease = {release}\nreason = "x"\n')


def test_tiers_are_released_whole(tmp_path: Path) -> None:
    tiers = verdict(check(1, "2-1", 15.0, "held"), check(2, "2-1", 15.0, "held"), rule="tiers", tiers=(50.0, 25.0))
    assert book(tmp_path, '[1]\nrelease = ["2-1"]\nreason = "x"\n', one=tiers).grades[0].points == Decimal("50.00")
    with pytest.raises(UserError, match="must release all of 2-1"):
        book(tmp_path, '[1]\nrelease = {"2-1" = 15}\nreason = "x"\n', one=tiers)


def test_a_move_says_that_points_are_held() -> None:
    (move,) = compare([line("Ada", verdict().released({"2-1": None}))], [line("Ada", verdict())])
    assert move.difference == -30.0
    assert move.reasons[0] == "2-1.check_1: passed 15 / 15 → held 0 / 15"


# Where it is shown

SENTENCE = f"Held: up to 15 points until a person has looked. {REASON}"
WHOLE = "1 of 3 checks passed; up to 30 points of 2-1 are held until a person has looked."


def test_the_view_says_what_is_held_and_asks_nobody_to_mend_it() -> None:
    view = present(verdict())
    assert (view.points, view.sentence, view.start) == ("20 / 50, up to 30 held", WHOLE, None)
    assert [task.points for task in view.tasks] == ["20 / 20", "0 / 30, up to 30 held"]
    assert [(c.state, c.points, c.message) for c in view.lost] == [("held", "held: up to 15", SENTENCE)] * 2


def test_beside_what_is_wrong_the_rest_is_said_too() -> None:
    mixed = verdict(check(1, "1-2", 20.0, "failed", points=0.0), check(1, "2-1", 1.0, "held"))
    assert present(mixed).sentence == (
        "0 of 2 checks passed; points are missing in task 1-2. Up to 1 point of 2-1 is held until a person has looked."
    )
    assert present(mixed).start is not None
    assert present(mixed).start.task == "1-2"


def test_terminal_report_and_results_show_it() -> None:
    screen = io.StringIO()
    print_summary(verdict(), make_console(screen))
    text = " ".join(screen.getvalue().split())
    for words in ("held: up to 15", SENTENCE, WHOLE, "Score 20 / 50, up to 30 held"):
        assert words in text
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", render_html(verdict(), [])))
    for words in ("up to 30 held", "held: up to 15", SENTENCE):
        assert words in page
    results = to_gradescope(verdict())
    assert (results["score"], results["extra_data"]["max_score"], results["extra_data"]["held"]) == (20.0, 50.0, 30.0)
    assert [(t["score"], t["max_score"], t["extra_data"]["status"]) for t in results["tests"]] == [
        (20.0, 20.0, "passed"), (0.0, 15.0, "held"), (0.0, 15.0, "held"),
    ]  # fmt: skip
    assert SENTENCE in " ".join(results["tests"][1]["output"].split())


def test_the_class_page_flags_it_and_shows_it_beside_the_score() -> None:
    graded = [
        Graded(line(name, one).handed_in, one, f"reports/{name}")
        for name, one in (("ada", verdict()), ("bob", verdict(check(1, "1-2", 20.0))))
    ]
    view = present_class("Class", graded)
    (flag,) = [flag for flag in view.flags if flag.heading == "Held points"]
    assert [(student.name, note) for student, note in flag.students] == [("ada", f"up to 30 points, 2-1: {REASON}")]
    assert [row.held for row in view.rows] == [30.0, 0.0]
    assert "+ 30 held" in render_class(view)


def test_the_rubrics_have_the_points_that_can_be_held() -> None:
    for name in ("image_diffusion", "swiss_roll"):
        manifest = load_manifest(name)
        outcomes = {task.id for task in manifest.tasks if task.kind == "outcome"}
        assert manifest.policy.hold
        assert any(one.mark.task in outcomes for one in load_rubric(manifest))
