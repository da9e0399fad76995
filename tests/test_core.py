"""The core of the grader, each part by itself: manifest, rubric, secrets, judgements, verdict, diagnosis."""

import dataclasses
import json
import math
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import UserError
from autograder.grading import diagnosis as diagnosis_module
from autograder.grading.checks import Carry, Note, WrongAnswer, any_form, expect_close, expect_tensor, task
from autograder.grading.diagnosis import Known, diagnose
from autograder.grading.mutants import Misconception
from autograder.grading.rubric import Check, judged_checks, load_rubric
from autograder.grading.runner import Judgement, run_check, to_result
from autograder.grading.seeds import SECRET_FILE_VARIABLE, SECRET_VARIABLE, Draw, commitment, load_secret
from autograder.manifest import assignment_ids, load_manifest, parse_manifest
from autograder.sandbox.failures import Died, Raised, TimedOut
from autograder.sandbox.proxies import Opaque
from autograder.verdict import CheckResult, Notice, Verdict, write_atomically
from tests.courses import courses_in, write_files

# Manifest

MANIFEST = textwrap.dedent("""
    id = "toy"
    title = "A toy"
    course = "none"
    folder = "toy_todo"
    default_profile = "default"

    [files]
    todo = ["a.py"]
    given = []

    [[tasks]]
    id = "1"
    title = "First"
    points = 5
    regions = ["a.py:f", "a.py:g"]

    [[tasks]]
    id = "2"
    title = "Second"
    points = 2.5
    regions = ["a.py:Model.h"]
    needs = ["1"]

    [limits]
    seconds_per_call = 3

    [profiles.default]
    title = "all"

    [profiles.strict]
    title = "both or nothing"
    rule = "tiers"
    both = 50
    one = 25
""")


def test_a_manifest_is_read_into_records():
    manifest = parse_manifest(MANIFEST)
    assert [(t.id, t.points, t.kind, t.needs) for t in manifest.tasks] == [
        ("1", 5.0, "behaviour", ()),
        ("2", 2.5, "behaviour", ("1",)),
    ]
    assert type(manifest.tasks[0].points) is float
    assert type(manifest.limits.seconds_per_call) is float
    assert manifest.files.todo == ("a.py",)
    assert manifest.files.notebook is None
    assert manifest.profile(None) == manifest.profile("default")
    assert (manifest.profile("strict").rule, manifest.profile("strict").both) == ("tiers", 50.0)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "A toy"', 'titel = "A toy"', r"toy\.toml: unknown key 'titel'; the nearest known key is 'title'"),
        ('course = "none"', 'course = "none"\ntraning = 1', "unknown key 'traning'; .* is 'training'"),
        ("given = []", "given = []\npackage = []", "files: unknown key 'package'; the nearest known key is 'packages'"),
        ("points = 2.5", "points = 2.5\nneed = []", r"tasks\[1\]: unknown key 'need'; .* is 'needs'"),
        ("seconds_per_call = 3", "second_per_call = 3", "limits: unknown key 'second_per_call'; .* 'seconds_per_call'"),
        ('rule = "tiers"', 'rules = "tiers"', r"profiles\.strict: unknown key 'rules'; .* is 'rule'"),
        ("given = []", "given = []\nqqq = 1", "unknown key 'qqq'; the nearest known key is '"),
        ("points = 5", 'points = "5"', r"tasks\[0\]: points must be float, not '5'"),
        ("points = 5", "points = true", "points must be float, not True"),
        ("points = 5", "", r"tasks\[0\]: the key 'points' is missing"),
        ('todo = ["a.py"]', 'todo = "a.py"', "files: todo must be a list"),
        ('todo = ["a.py"]', 'todo = ["a.py", 3]', r"todo\[1\] must be str, not 3"),
        ('todo = ["a.py"]', "", "files: the key 'todo' is missing"),
        ('title = "A toy"', "title = 3", "title must be str, not 3"),
        ('course = "none"', "", "the key 'course' is missing"),
        ('needs = ["1"]', 'needs = ["3"]', "task 2 needs '3', which is not a task"),
        ('id = "2"', 'id = "1"', "two tasks have the same id"),
        ('needs = ["1"]', 'kind = "outcomes"', "kind must be one of 'behaviour', 'outcome', 'manual', not 'outcomes'"),
        ('rule = "tiers"', 'rule = "max"', "rule must be one of 'sum', 'tiers', not 'max'"),
        ("seconds_per_call = 3", "memory_megabytes = 2.5", "memory_megabytes must be int, not 2.5"),
        ("[limits]\nseconds_per_call = 3", "limits = 3", "must be a table"),
        ('default_profile = "default"', 'default_profile = "other"', "no profile 'other' in toy; .* default, strict"),
        ('default_profile = "default"', "default_profile = ", "is not valid TOML"),
    ],
    ids=lambda text: " ".join(text.split())[:40],
)  # fmt: skip
def test_a_malformed_manifest_is_one_sentence_that_names_the_key(old, new, reason):
    text = MANIFEST.replace(old, new, 1)
    if new == "limits = 3":
        text = new + MANIFEST.replace(old, "", 1)
    assert text != MANIFEST
    with pytest.raises(UserError, match=reason) as caught:
        parse_manifest(text, source="toy.toml")
    assert "toy" in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("key", ["id", "title", "course", "folder", "default_profile", "files", "tasks", "profiles"])
def test_each_key_that_is_needed_is_missed_by_name(key):
    assert key in tomllib.loads(MANIFEST)
    without = re.sub(rf"^{key} = .*\n|^\[+{key}[\].](?:.|\n)*?(?=^\[|\Z)", "", MANIFEST, flags=re.MULTILINE)
    assert key not in tomllib.loads(without)
    with pytest.raises(UserError, match=f"the key '{key}' is missing"):
        parse_manifest(without)


def test_what_is_asked_for_and_does_not_exist_is_answered_with_what_does():
    manifest = parse_manifest(MANIFEST)
    with pytest.raises(UserError, match="no task '9' in toy; the tasks are 1, 2"):
        manifest.task("9")
    with pytest.raises(UserError, match="no profile 'x' in toy; the profiles are default, strict"):
        manifest.profile("x")
    with pytest.raises(UserError, match=r"no assignment 'swiss_rol'; there is .*swiss_roll"):
        load_manifest("swiss_rol")
    with pytest.raises(UserError, match="no assignment"):
        load_manifest("../swiss_roll")


@pytest.mark.parametrize("identifier", assignment_ids())
def test_the_task_graph_of_every_assignment_has_no_cycle(identifier):
    manifest = load_manifest(identifier)
    assert manifest.id == identifier
    done: set[str] = set()
    while len(done) < len(manifest.tasks):
        ready = {t.id for t in manifest.tasks if set(t.needs) <= done} - done
        assert ready, "tasks that need each other"
        done |= ready


# Rubric


@pytest.mark.parametrize("identifier", assignment_ids())
def test_the_rubric_of_every_assignment_adds_up_and_declares_its_error_rates(identifier):
    manifest = load_manifest(identifier)
    rubric = load_rubric(manifest)
    counted = judged_checks(manifest, dataclasses.replace(manifest.profile(None), rule="sum"))
    for t in manifest.tasks:
        if t.kind != "manual":
            assert sum(check.mark.points for check in counted if check.mark.task == t.id) == pytest.approx(t.points)
    assert len({check.id for check in rubric}) == len(rubric)
    for check in rubric:
        assert check.title.endswith((".", ")"))
        assert check.mark.points > 0
        assert 0 <= check.mark.false_fail <= (1e-6 if manifest.task(check.mark.task).kind == "behaviour" else 1e-2)
        assert check.mark.detects or check.mark.false_fail == 0


@pytest.fixture
def toy(tmp_path):
    """Make a rubric of the toy assignment from the bodies of its test files."""

    def make(**files: str) -> tuple[Check, ...]:
        texts = {f"test_{name}.py": f"from autograder.grading.checks import task\n{textwrap.dedent(body)}" for name, body in files.items()}
        home = tmp_path / "autograder" / "assignments" / "toy"
        write_files(home, {"__init__.py": "", "assignment.toml": MANIFEST, **texts})
        with courses_in(tmp_path):
            return load_rubric(load_manifest("toy"))

    return make


FIRST = '''
@task("1", points=3, region="f", false_fail=1e-7, detects="much")
def test_b(student, draw):
    """`f` is right
    for every t (Eq. 4).

    More for staff."""

def test_unmarked():
    """Not a check."""

@task("1", points=2, region="g")
def test_a(note):
    """`g` is right."""
'''
SECOND = '''
@task("2", points=2.5, region="h")
def test_c():
    """`h` is right."""
'''


def test_checks_come_in_the_order_of_files_and_lines(toy):
    rubric = toy(one=FIRST, two=SECOND)
    assert [check.id for check in rubric] == ["1.b", "1.a", "2.c"]
    assert rubric[0].title == "`f` is right for every t (Eq. 4)."
    assert rubric[0].parameters == ("student", "draw")
    assert (rubric[0].mark.region, rubric[0].mark.false_fail) == ("a.py:f", 1e-7)


def test_a_check_that_is_imported_counts_where_it_was_written_only(toy):
    shared = "from autograder.assignments.toy.test_one import test_a, test_b\n"
    assert [check.id for check in toy(one=FIRST, two=shared + SECOND)] == ["1.b", "1.a", "2.c"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"one": FIRST}, "task 2 add up to 0 points, and the manifest says 2.5"),
        ({"one": FIRST.replace("points=2,", "points=1,"), "two": SECOND}, "task 1 add up to 4 points, .* says 5"),
        ({"one": FIRST.replace("def test_a(", "def test_b("), "two": SECOND}, "task 1 add up to 2 points"),
        ({"one": FIRST, "two": SECOND, "three": SECOND}, "task 2 add up to 5 points"),
        ({"one": FIRST, "two": SECOND.replace("2.5", "2.5000001")}, "task 2 add up to 2.5"),
        ({"one": FIRST, "two": SECOND, "three": SECOND.replace('"2"', '"3"')}, "unknown task '3'"),
    ],
    ids=["vanished file", "too few points", "vanished check", "check twice", "a little too much", "unknown task"],
)
def test_a_rubric_that_does_not_add_up_is_refused(toy, files, reason):
    with pytest.raises(UserError, match=reason):
        toy(**files)


def test_two_checks_of_one_name_are_refused(toy):
    """Results are kept by id: with two of one id, one result would count for both."""
    half = SECOND.replace("2.5", "1.25")
    with pytest.raises(UserError, match=r"2\.c"):
        toy(one=FIRST, two=half, three=half)


# Secrets and seeds

SECRET = b"0123456789abcdef0123456789abcdef"


def numbers(draw: Draw) -> list[float]:
    return [
        *draw.normal(3, 2).ravel(),
        *draw.uniform(-1, 1, 4),
        draw.integer(0, 10**9),
        draw.seed(),
        draw.schedule().beta_T,
    ]


def test_the_same_submission_gets_the_same_numbers_and_any_other_gets_others():
    digest = "ab" * 32
    first = numbers(Draw(SECRET, digest, "1-2.noise"))
    assert numbers(Draw(SECRET, digest, "1-2.noise")) == first
    others = [
        Draw(SECRET, "ac" * 32, "1-2.noise"),
        Draw(SECRET, digest, "1-2.mean"),
        Draw(SECRET[:-1] + b"g", digest, "1-2.noise"),
        Draw(SECRET, digest + "1", "-2.noise"),
    ]
    for other in map(numbers, others):
        assert not set(other) & set(first)


def test_the_commitment_depends_on_secret_and_digest_and_tells_neither():
    shown = commitment(SECRET, "ab")
    assert shown == commitment(SECRET, "ab")
    assert re.fullmatch("[0-9a-f]{64}", shown)
    assert len({shown, commitment(SECRET, "ac"), commitment(SECRET + b"0", "ab")}) == 3
    assert SECRET.hex() not in shown


def test_what_is_drawn_has_the_declared_ranges_and_is_exact_in_float32():
    draw = Draw(SECRET, "00", "ranges")
    for values in (draw.normal(1000), draw.uniform(-2, 3, 1000)):
        assert values.dtype == np.float64
        assert np.array_equal(values, values.astype(np.float32))
    assert {draw.integer(3, 5) for _ in range(200)} == {3, 4, 5}
    for _ in range(200):
        schedule = draw.schedule()
        assert 13 <= schedule.num_timesteps <= 19
        assert 0.02 <= schedule.beta_1 <= 0.04
        assert 0.2 <= schedule.beta_T <= 0.3
        assert 1 <= draw.seed() <= 2**31 - 2
    assert draw.schedule(23).num_timesteps == 23


@pytest.fixture
def no_secret(tmp_path, monkeypatch):
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    monkeypatch.delenv(SECRET_FILE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "diffusion-autograder" / "secret"


def test_a_secret_is_made_once_and_for_its_owner_only(no_secret):
    previous = os.umask(0)
    try:
        first = load_secret()
    finally:
        os.umask(previous)
    assert len(first) >= 32
    assert load_secret() == first
    assert stat.S_IMODE(no_secret.stat().st_mode) == 0o600
    no_secret.unlink()
    assert load_secret() != first


def test_the_variable_counts_before_the_file_and_the_file_before_the_default(no_secret, tmp_path, monkeypatch):
    file = tmp_path / "named"
    file.write_bytes(b"secret of the named file\n")
    monkeypatch.setenv(SECRET_FILE_VARIABLE, str(file))
    assert load_secret() == b"secret of the named file"
    monkeypatch.setenv(SECRET_VARIABLE, "secret of the variable")
    assert load_secret() == b"secret of the variable"
    assert not no_secret.exists()


@pytest.mark.parametrize("secret", ["", "short", "fifteen letters"])
def test_a_short_secret_is_refused(no_secret, tmp_path, monkeypatch, secret):
    file = tmp_path / "named"
    file.write_text(secret + "\n")
    monkeypatch.setenv(SECRET_FILE_VARIABLE, str(file))
    with pytest.raises(UserError, match="named is shorter than 16 bytes"):
        load_secret()
    monkeypatch.setenv(SECRET_VARIABLE, secret)
    with pytest.raises(UserError, match=f"{SECRET_VARIABLE} is shorter than 16 bytes"):
        load_secret()


def test_a_secret_file_that_cannot_be_read_is_a_sentence(no_secret, tmp_path, monkeypatch):
    for path in (tmp_path / "missing", tmp_path, tmp_path / "missing" / "deeper", "/proc/self/mem"):
        monkeypatch.setenv(SECRET_FILE_VARIABLE, str(path))
        with pytest.raises(UserError, match=r"cannot be used .*; name another one in AUTOGRADER_SECRET_FILE"):
            load_secret()
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("taken", ["config", "config/diffusion-autograder"])
def test_a_place_for_the_secret_that_cannot_be_made_is_a_sentence(no_secret, tmp_path, taken):
    """A file stands where the folder should be."""
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).touch()
    with pytest.raises(UserError, match="cannot be used"):
        load_secret()


# Notes


def note(**values: tuple[object, float]) -> Note:
    result = Note()
    for name, (value, tolerance) in values.items():
        result(name, value, tolerance)
    return result


@pytest.mark.parametrize(
    ("mine", "theirs", "tolerance", "agree"),
    [
        (1.0, 1.0, 0, True),
        (1.0, 1.0 + 1e-12, 0, False),
        (0.0, 1e-3, 1e-3, True),
        (0.0, 1.1e-3, 1e-3, False),
        (100.0, 100.1, 1e-3, True),
        (100.0, 100.2, 1e-3, False),
        (100.0, -100.0, 1e-3, False),
        ([1, 2, 3], [1, 2, 3], 0, True),
        ([1, 2, 3], [1, 2, 4], 1e-3, False),
        ([1, 2, 3], [1, 2], 10, False),
        ([], [], 0, True),
        (1.0, [1.0], 0, True),
        (math.nan, math.nan, 1e-3, True),
        (math.nan, 1.0, 1e3, False),
        (math.inf, math.inf, 0, True),
        (math.inf, 1e300, 1e-3, False),
        (math.inf, -math.inf, 1e-3, False),
        (1e300, 1e300 * (1 + 1e-6), 1e-3, True),
    ],
)
def test_notes_agree_within_their_tolerance_whichever_is_asked(mine, theirs, tolerance, agree):
    a, b = note(x=(mine, tolerance)), note(x=(theirs, tolerance))
    assert a.agrees_with(b) is agree
    assert b.agrees_with(a) is agree


def test_notes_agree_only_if_they_hold_the_same_names():
    a = note(x=(1, 0), y=(2, 0))
    assert not a.agrees_with(note(x=(1, 0)))
    assert not note(x=(1, 0)).agrees_with(a)
    assert not a.agrees_with(note(x=(1, 0), z=(2, 0)))
    assert a.agrees_with(note(y=(2, 0), x=(1, 0)))
    assert Note().agrees_with(Note())


def test_a_note_keeps_a_copy_of_64_numbers_and_shows_four():
    values = np.arange(100.0).reshape(10, 10)
    kept = note(x=(values, 1e-3), y=(1 / 3, 0))
    values[:] = 0
    assert kept.values["x"][0].tolist() == list(range(64))
    assert kept.to_data() == {"x": [0, 1, 2, 3], "y": 0.333333}
    json.dumps(kept.to_data())


# Judging values


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, r"x must be a tensor of shape \(2,\); your code returned None.*is there a `return`\?"),
        (Opaque("a sparse tensor"), "your code returned a sparse tensor"),
        (1.5, "your code returned the float 1.5"),
        ([np.ones(2)], "your code returned a list of 1"),
        (np.ones((2, 1)), r"must have shape \(2,\); yours has \(2, 1\)"),
        (np.ones(()), r"must have shape \(2,\); yours has \(\)"),
        (np.ones(2, int), "floating-point tensor; yours has dtype int64"),
        (np.ones(2, bool), "floating-point tensor; yours has dtype bool"),
        (np.array([1, np.nan]), r"finite; yours holds NaN values \(1 of 2\)"),
        (np.array([-np.inf, np.inf]), r"finite; yours holds infinite values \(2 of 2\)"),
    ],
    ids=str,
)
def test_what_is_not_the_tensor_that_was_asked_for_is_named(value, reason):
    with pytest.raises(WrongAnswer, match=reason):
        expect_tensor(value, (2,), "x")


def test_a_tensor_comes_back_as_float64():
    for dtype in (np.float16, np.float32, np.float64):
        got = expect_tensor(np.ones(2, dtype), (2,), "x")
        assert got.dtype == np.float64


def fault(got, expected, **settings) -> str:
    settings = {"tolerance": 1e-4} | settings
    with pytest.raises(WrongAnswer) as caught:
        expect_close(np.array(got, float), np.array(expected, float), "x", **settings)
    return str(caught.value)


def test_the_first_difference_is_shown_with_its_place():
    expected = np.arange(12.0).reshape(3, 4) + 1
    got = expected.copy()
    got[1, 2], got[2, 0] = 70, 5
    message = fault(got, expected, where=["at t = 0", "at t = 1", "at t = 2"])
    assert message == "x at t = 1 must be 7.00000; yours is 70.00000."


@pytest.mark.parametrize("factor", [0.5, -1.0, 1.01, 1e6, 0.0])
def test_a_constant_ratio_is_named(factor):
    expected = np.linspace(0.5, 3, 20)
    assert f"(everywhere {factor:.4g} times what it must be)" in fault(factor * expected, expected)


@pytest.mark.parametrize("offset", [0.25, -3.0])
def test_a_constant_offset_is_named(offset):
    expected = np.linspace(0.5, 3, 20)
    assert f"(everywhere off by {offset:.4g})" in fault(expected + offset, expected)


def test_neither_is_named_where_there_is_none():
    rng = np.random.default_rng(0)
    assert "everywhere" not in fault(rng.standard_normal(20), rng.standard_normal(20))
    assert "everywhere" not in fault([2, 4], [1, 2]), "too few numbers to speak of everywhere"


def test_the_tolerance_is_relative_above_one_and_absolute_below():
    expect_close(np.array([0.0, 1000.0]), np.array([0.9e-4, 1000.09]), "x", tolerance=1e-4)
    fault([0.0], [1.1e-4])
    fault([1000.0], [1000.2])
    expect_close(np.zeros((0, 2)), np.zeros((0, 2)), "x", tolerance=1e-4)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_close_to_anything(odd):
    assert "x must be 2.00000" in fault([1, odd, 3], [1, 2, 3])


# any_form


def attempt(note: Note, name: str, error: BaseException | None = None):
    def run() -> str:
        note(name, 1, 0)
        if error is not None:
            raise error
        return name

    return run


WRONG, OTHER_WRONG = WrongAnswer("wrong"), WrongAnswer("wrong in another way")
RAISED, OTHER_RAISED = Raised("TypeError", "no", None), Raised("ValueError", "no", None)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([None, None], 0),
        ([WRONG, None], 1),
        ([RAISED, WRONG, None], 2),
        ([WRONG, OTHER_WRONG], WRONG),
        ([RAISED, WRONG, OTHER_WRONG], WRONG),
        ([WRONG, RAISED], WRONG),
        ([RAISED, OTHER_RAISED], RAISED),
    ],
)
def test_the_first_right_form_counts_else_the_first_wrong_answer_else_the_first_failure(errors, expected):
    kept = note(before=(0, 0))
    attempts = [attempt(kept, str(index), error) for index, error in enumerate(errors)]
    if isinstance(expected, int):
        assert any_form(kept, attempts) == str(expected)
        shown = expected
    else:
        with pytest.raises(type(expected)) as caught:
            any_form(kept, attempts)
        assert caught.value is expected
        shown = errors.index(expected)
    assert list(kept.values) == ["before", str(shown)], "the evidence is that of the form that counts"


@pytest.mark.parametrize("error", [TimedOut("late"), Died("gone"), KeyboardInterrupt(), ZeroDivisionError()])
def test_other_forms_are_not_tried_after_what_would_happen_again(error):
    kept = Note()
    with pytest.raises(type(error)):
        any_form(kept, [attempt(kept, "0", WRONG), attempt(kept, "1", error), attempt(kept, "2")])
    assert "2" not in kept.values


def test_a_region_that_is_wrong_is_stood_in_for_and_that_is_noted():
    p_sample, q_sample = "a.py:Model.p_sample", "a.py:Model.q_sample"
    carry = Carry(frozenset({p_sample}), (p_sample, q_sample))
    assert carry.stands_in_for("p_sample")
    assert not carry.stands_in_for("q_sample")
    with pytest.raises(UserError, match=r"no region 'p_sampel'; the nearest is 'a\.py:Model\.p_sample'"):
        carry.stands_in_for("p_sampel")
    assert carry.stood_in == {p_sample}


# Running a check


class Nobody:
    """A student whose code is never asked."""

    seed = 7
    printed = "some text \n"

    def begin(self, first_seed: int) -> None: ...

    def collect_printed(self) -> str:
        return self.printed


def check(function, identifier: str = "1.c", region: str = "f", points: float = 2.0) -> Check:
    task("1", points=points, region=region)(function)
    return Check(identifier, "title", function.check_mark, function, (2,), ("a.py:f",), ("a.py:f", "a.py:g"))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (None, "passed", ""),
        (WrongAnswer("x is wrong"), "failed", "wrong"),
        (Raised("ValueError", "no", None), "broken", "ValueError"),
        (TimedOut("late"), "broken", "timed out"),
        (Died("gone"), "broken", "died"),
        (ZeroDivisionError("grader's own"), "grader_error", "grader"),
        (RecursionError("grader's own"), "grader_error", "grader"),
    ],
)
def test_whatever_a_check_does_ends_in_a_judgement(error, status, kind):
    def body(note, carry, draw):
        note("x", draw.integer(0, 10**9), 0)
        carry.stands_in_for("g")
        if error is not None:
            raise error

    judgement = run_check(check(body), Nobody(), SECRET, "digest", frozenset({"a.py:g"}))
    assert (judgement.status, judgement.kind) == (status, kind)
    assert judgement.carried == ("a.py:g",)
    assert judgement.printed == "some text"
    assert judgement.note.values["x"][0] == Draw(SECRET, "digest", "1.c").integer(0, 10**9)
    assert str(error or "") in judgement.message
    result = to_result(check(body), judgement)
    assert result.awarded == (2.0 if error is None else 0.0)


def test_ctrl_c_is_not_a_judgement():
    def body():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_check(check(body), Nobody(), SECRET, "digest")


# Verdict


def result(points: float, maximum: float = 2.0, status="passed", number: int = 1, **values) -> CheckResult:
    return CheckResult(f"1.{number}", "1", "title", points, maximum, status, **values)


def verdict(*checks: CheckResult, **values) -> Verdict:
    settings = {
        "assignment": "toy",
        "title": "A toy",
        "submission": "x.zip",
        "digest": "ab",
        "profile": "default",
        "tasks": (),
    }
    return Verdict(**(settings | values), checks=checks)


numbers_of_any_kind = st.one_of(
    st.floats(), st.integers(-100, 100), st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 1e308])
)


statuses = st.sampled_from(["passed", "failed", "broken", "not_run", "grader_error"])


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(numbers_of_any_kind, st.floats(0, 100), statuses), max_size=6),
    st.lists(st.tuples(numbers_of_any_kind, st.booleans()), max_size=2),
    st.sampled_from(["running", "complete", "interrupted", "refused"]),
)
def test_a_score_is_always_finite_and_within_its_bounds(checks, notices, state):
    checks = [result(points, maximum, status, number) for number, (points, maximum, status) in enumerate(checks)]
    given_notices = tuple(Notice("staff", "", deduction=deduction, voids=voids) for deduction, voids in notices)
    for rule in ({}, {"rule": "tiers", "tiers": (50.0, 25.0)}):
        v = verdict(*checks, notices=given_notices, state=state, **rule)
        assert math.isfinite(v.score)
        assert 0 <= v.score <= v.max_score + 1e-6
        if state == "refused" or any(notice.voids for notice in given_notices):
            assert v.score == 0
        json.loads(v.to_json(), parse_constant=lambda constant: pytest.fail(constant))


@pytest.mark.parametrize(
    ("points", "awarded"),
    [(1.5, 1.5), (2, 2), (3, 2), (1e308, 2), (-1, 0), (math.nan, 0), (math.inf, 0), (-math.inf, 0)],
)
def test_points_are_clamped(points, awarded):
    assert result(points).awarded == awarded
    assert result(points, status="failed").awarded == awarded, "a failed check may be worth a part"
    for status in ("broken", "not_run", "grader_error"):
        assert result(points, status=status).awarded == 0


def test_points_are_summed_over_checks_and_tasks():
    other = dataclasses.replace(result(0.25, number=3), task="2", id="2.3")
    v = verdict(result(2, number=1), result(1, 4, "failed", 2), other)
    assert v.score == 3.25
    assert v.max_score == 8
    assert v.task_points("1") == (3, 6)
    assert v.task_points("2") == (0.25, 2)
    assert v.task_points("9") == (0, 0)


def test_deductions_take_off_and_never_add():
    v = verdict(result(2), result(2, number=2))
    assert v.with_notice(Notice("hard_coded_device", "", deduction=1.5)).score == 2.5
    assert v.with_notice(Notice("staff", "", deduction=-3)).score == 4
    assert v.with_notice(Notice("staff", "", deduction=100)).score == 0
    assert v.with_notice(Notice("staff", "", deduction=1)).with_notice(Notice("staff", "", deduction=1)).score == 2
    assert v.with_notice(Notice("outside_todo", "", voids=True)).score == 0
    assert dataclasses.replace(v, state="refused").score == 0
    assert dataclasses.replace(v, state="interrupted").score == 4


@pytest.mark.parametrize(("met", "score"), [(0, 0), (1, 25), (2, 50)])
def test_the_tiers_of_the_original_course(met, score):
    profile = load_manifest("swiss_roll").profile("kaist-2023")
    checks = [result(0, 12.5, "passed" if number < met else "failed", number) for number in range(2)]
    v = verdict(*checks, rule=profile.rule, tiers=(profile.both, profile.one))
    assert (v.score, v.max_score) == (score, 50)
    assert v.with_notice(Notice("hard_coded_device", "", deduction=2)).score == max(score - 2, 0)
    assert v.with_notice(Notice("outside_todo", "", voids=True)).score == 0


def test_a_result_replaces_the_one_with_its_id_and_no_other():
    v = verdict(result(0, status="not_run"), result(0, status="not_run", number=2))
    after = v.with_check(result(2, number=2))
    assert [c.status for c in after.checks] == ["not_run", "passed"]
    assert [c.status for c in v.checks] == ["not_run", "not_run"]
    with pytest.raises(KeyError, match=r"1\.3"):
        v.with_check(result(2, number=3))
    with pytest.raises(KeyError):
        verdict().with_check(result(2))


def test_a_verdict_survives_the_round_trip_through_json():
    full = result(
        1.5, message="ᾱ_t 😀 \x1b[31m \u2028", hint="h", misconceptions=("a", "b"), carried=("p_sample",),
        evidence={"x": [1.5, -2.0], "y": 0.1, "n": None}, printed="line\n", seconds=0.25,
    )  # fmt: skip
    v = verdict(
        full,
        result(0.0, status="grader_error", number=2),
        notices=(Notice("outside_todo", "m", "diff", 1.5, False),),
        state="complete",
        reason="r",
        rule="tiers",
        tiers=(50.0, 25.0),
        tasks=({"id": "1", "title": "First", "points": 5.0},),
        environment={"torch": "2"},
        seed_commitment="ab",
        started="2026-01-01T00:00:00Z",
        seconds=1.5,
    )
    again = Verdict.from_json(v.to_json())
    assert again == v
    assert again.to_json() == v.to_json()
    data = json.loads(v.to_json())
    assert (data["score"], data["max_score"], data["checks"][0]["awarded"]) == (v.score, v.max_score, 1.5)


def test_numbers_that_json_lacks_are_written_as_texts():
    v = verdict(result(2, evidence={"x": math.nan, "y": [math.inf, {"z": -math.inf}]}), seconds=math.nan)
    data = json.loads(v.to_json(), parse_constant=lambda constant: pytest.fail(constant))
    assert data["checks"][0]["evidence"] == {"x": "nan", "y": ["inf", {"z": "-inf"}]}
    assert data["score"] == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", '{"schema": "other"}', '{"schema": 1}'])
def test_what_is_not_a_verdict_is_not_read_as_one(text):
    with pytest.raises(ValueError):
        Verdict.from_json(text)


DAMAGES = {
    "no checks": lambda data: data.pop("checks"),
    "no score": lambda data: data.pop("score"),
    "another key": lambda data: data.update(extra=1),
    "checks that are a number": lambda data: data.update(checks=3),
    "a check without id": lambda data: data["checks"][0].pop("id"),
    "a check with another key": lambda data: data["checks"][0].update(extra=1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_verdict_is_not_read_as_one(damage):
    data = json.loads(verdict(result(2)).to_json())
    DAMAGES[damage](data)
    with pytest.raises(ValueError):
        Verdict.from_json(json.dumps(data))


@pytest.mark.parametrize("points", [math.nan, math.inf, -math.inf])
def test_a_verdict_with_points_that_are_no_number_can_be_read_back(points):
    v = verdict(result(points), result(1, number=2))
    assert Verdict.from_json(v.to_json()).score == v.score == 1


# Writing


class Interrupt(BaseException):
    pass


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_an_interrupted_write_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "verdict.json"
    write_atomically(path, "old")

    def interrupt(*_):
        raise Interrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, step, interrupt)
        with pytest.raises(Interrupt):
            write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_killed_writer_leaves_one_of_two_contents_whole(tmp_path):
    """A process that writes two contents in turn is killed at arbitrary moments."""
    code = """
        import sys
        from pathlib import Path
        from autograder.verdict import write_atomically
        path = Path(sys.argv[1])
        print("ready", flush=True)
        while True:
            for letter in "ab":
                write_atomically(path, letter * 300_000)
                print(flush=True)
    """
    path = tmp_path / "verdict.json"
    for count in (1, 4, 9):
        writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE)
        for _ in range(1 + count):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert path.read_text() in ("a" * 300_000, "b" * 300_000)


def test_writing_makes_folders_and_keeps_to_text_that_can_be_written(tmp_path):
    path = tmp_path / "a" / "b" / "x.txt"
    write_atomically(path, "\ud800 ᾱ")
    assert path.read_text(encoding="utf-8") == "? ᾱ"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


# Diagnosis, on judgements made by hand


def misconception(name: str) -> Misconception:
    return Misconception(name, "1", "ddpm.py:D.f", f"Explanation of {name}.")


A, B, C = map(misconception, "abc")
CHECKS = [check(lambda: None, f"1.{i}") for i in range(3)]
PASSED = Judgement("passed", note=note(x=(1, 1e-3)))


def failed(value: float, kind: str = "wrong") -> Judgement:
    return Judgement("failed" if kind == "wrong" else "broken", "message", kind, note(x=(value, 1e-3)))


def world(table: dict[tuple[Misconception, ...], list[Judgement | None]]):
    """What the checks say of the solution with these mistakes; whatever is not in the table passes."""
    asked = []

    def judge(chosen, judged_check):
        asked.append(chosen)
        return table.get(chosen, [PASSED] * 3)[CHECKS.index(judged_check)]

    return judge, asked


def test_a_mistake_that_gives_the_same_numbers_is_the_diagnosis():
    judge, _ = world({(A,): [failed(5), PASSED, PASSED], (B,): [failed(6), PASSED, PASSED]})
    found = diagnose(list(zip(CHECKS, [failed(6 + 1e-4), PASSED, PASSED])), Known([A, B, C]), judge)
    assert (found.ids, found.hints, found.alternatives) == (("b",), {"1.0": (("b",), "Explanation of b.")}, ())


def test_a_mistake_that_explains_every_failed_check_goes_before_one_that_explains_some():
    judge, _ = world({(A,): [failed(5), PASSED, PASSED], (B,): [failed(5), failed(7), PASSED]})
    assert diagnose(list(zip(CHECKS, [failed(5), failed(7), PASSED])), Known([A, B, C]), judge).ids == ("b",)
    assert diagnose(list(zip(CHECKS, [failed(5), failed(8), PASSED])), Known([A, B, C]), judge) is None


def test_a_mistake_explains_one_check_of_several_where_enough_numbers_say_so():
    def wrong(*values):
        return Judgement("failed", "message", "wrong", note(x=(values, 1e-3), y=(values, 1e-3), z=(values, 1e-3)))

    judge, _ = world({(A,): [wrong(5), PASSED, PASSED], (B,): [failed(6), PASSED, PASSED]})
    found = diagnose(list(zip(CHECKS, [wrong(5), failed(8), PASSED])), Known([A, B]), judge)
    assert (found.ids, set(found.hints)) == (("a",), {"1.0"})
    assert diagnose(list(zip(CHECKS, [failed(6), failed(8), PASSED])), Known([A, B]), judge) is None


def test_a_mistake_that_fails_a_check_in_another_way_explains_none():
    judge, _ = world({(A,): [failed(5), failed(7), PASSED]})
    assert diagnose(list(zip(CHECKS, [failed(5), failed(8), PASSED])), Known([A]), judge) is None
    assert diagnose(list(zip(CHECKS, [failed(5), PASSED, failed(8)])), Known([A]), judge) is None


def test_the_way_of_failing_must_be_the_same():
    judge, _ = world({(A,): [failed(5, "TypeError"), PASSED, PASSED], (B,): [failed(5, "timed out"), PASSED, PASSED]})
    assert diagnose([(CHECKS[0], failed(5))], Known([A, B]), judge) is None
    assert diagnose([(CHECKS[0], failed(5, "timed out"))], Known([A, B]), judge).ids == ("b",)


def test_where_two_mistakes_explain_the_failure_the_passed_checks_decide():
    other = Judgement("passed", note=note(x=(2, 1e-3)))
    judge, _ = world(
        {(A,): [failed(5), failed(1), PASSED], (B,): [failed(5), other, PASSED], (C,): [failed(5), PASSED, PASSED]}
    )
    found = diagnose(list(zip(CHECKS, [failed(5), PASSED, PASSED])), Known([A, B, C]), judge)
    assert (found.ids, found.alternatives) == (("c",), ())


def test_what_cannot_be_told_apart_is_named_as_alternatives():
    judge, _ = world({(A,): [failed(5), PASSED, PASSED], (C,): [failed(5), PASSED, PASSED]})
    found = diagnose(list(zip(CHECKS, [failed(5), PASSED, PASSED])), Known([A, B, C]), judge)
    assert (found.ids, found.alternatives) == (("a",), ("c",))
    assert found.hints["1.0"] == (("a",), "Explanation of a. Or else: Explanation of c.")


def test_a_mistake_that_would_fail_a_check_that_has_passed_explains_nothing():
    judge, _ = world({(A,): [failed(5), failed(1), PASSED], (B,): [failed(5), failed(2), PASSED], (A, B): [failed(5), failed(3), PASSED]})
    assert diagnose(list(zip(CHECKS, [failed(5), PASSED, PASSED])), Known([A, B]), judge) is None
    assert diagnose(list(zip(CHECKS, [failed(5), PASSED, PASSED])), Known([A]), judge) is None


def test_two_mistakes_together_are_found_where_none_alone_explains():
    table = {
        (A,): [failed(5), PASSED, PASSED],
        (B,): [failed(6), PASSED, PASSED],
        (C,): [failed(7), PASSED, PASSED],
        (A, C): [None] * 3,
        (B, C): [failed(8), PASSED, PASSED],
    }
    judge, asked = world(table)
    found = diagnose(list(zip(CHECKS, [failed(8), PASSED, PASSED])), Known([A, B, C]), judge)
    assert found.ids == ("b", "c")
    assert found.hints["1.0"][1] == "Explanation of b. Explanation of c."
    assert (A, C) in asked
    assert diagnose(list(zip(CHECKS, [failed(8), PASSED, PASSED])), Known([A, B, C]), judge, pairs=False) is None


def test_pairs_are_not_tried_where_one_mistake_explains(monkeypatch):
    judge, asked = world({(C,): [failed(5), PASSED, PASSED]})
    assert diagnose([(CHECKS[0], failed(5))], Known([A, B, C]), judge).ids == ("c",)
    assert all(len(chosen) <= 1 for chosen in asked)
    judge, asked = world({(A, B): [failed(5), PASSED, PASSED]})
    monkeypatch.setattr(diagnosis_module, "PAIRS", 0)
    assert diagnose([(CHECKS[0], failed(5))], Known([A, B, C]), judge) is None


def test_the_pair_that_explains_the_most_numbers_is_tried_first(monkeypatch):
    """The student's numbers are x of B and y of C, which together give both."""

    def both(x, y):
        return Judgement("failed", "message", "wrong", note(x=(x, 1e-3), y=(y, 1e-3)))

    judge, _ = world({(A,): [both(1, 1)], (B,): [both(5, 2)], (C,): [both(3, 8)], (B, C): [both(5, 8)]})
    monkeypatch.setattr(diagnosis_module, "PAIRS", 1)
    assert diagnose([(CHECKS[0], both(5, 8))], Known([A, B, C]), judge).ids == ("b", "c")
    assert diagnose([(CHECKS[0], both(5, 9))], Known([A, B, C]), judge) is None


def test_a_wrong_answer_in_one_form_is_enough_where_that_is_asked():
    def wrong():
        raise WrongAnswer("first")

    assert any_form(Note(), [wrong, lambda: "second"]) == "second"
    with pytest.raises(WrongAnswer, match="first"):
        any_form(Note(one_form=True), [wrong, lambda: "second"])


def test_there_is_no_diagnosis_without_a_failure_or_without_candidates():
    judge, asked = world({})
    assert diagnose(list(zip(CHECKS, [PASSED] * 3)), Known([A]), judge) is None
    assert diagnose([(CHECKS[0], Judgement("grader_error"))], Known([A]), judge) is None
    assert diagnose([(CHECKS[0], Judgement("not_run"))], Known([A]), judge) is None
    assert diagnose([], Known([A]), judge) is None
    assert diagnose([(CHECKS[0], failed(5))], Known([]), judge) is None
    assert asked == []
