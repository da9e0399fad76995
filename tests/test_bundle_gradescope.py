"""The bundle on Gradescope: its rules about time and attempts, and the real programs in the platform's layout.

The layout is a small root file system in namespaces, where the tests run as root; otherwise a folder with another root for run_autograder.
The training of the assignment is made short here, since these tests are about the way in and out.
"""

import contextlib
import dataclasses
import errno
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from autograder.bundle import gradescope, results_file
from autograder.bundle.gradescope import as_results, leaderboard, platform_notices
from autograder.bundle.make import TEMPLATES, bundle
from autograder.bundle.results_file import ResultsFile
from autograder.bundle.settings import Settings, read_settings
from autograder.bundle.submission_metadata import OVER_LIMIT, SubmissionMetadata, kept_results, read_metadata
from autograder.grading.seeds import SECRET_VARIABLE
from autograder.manifest import load_manifest
from autograder.sandbox import machine
from autograder.verdict import CheckResult, Verdict
from tests.gradescope_layout.container import Container, why_not
from tests.gradescope_layout.small import environment, small_container

EXAMPLES = Path(__file__).parent.parent / "examples" / "submissions"
PATIENCE = 300.0  # seconds in which something must have happened on the slowest machine

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
TEXT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
SCHEMA: dict[str, Any] = {  # results.json, after https://gradescope-autograders.readthedocs.io/en/latest/specs/
    "type": "object",
    "required": ["score", "tests"],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        **dict.fromkeys(("output_format", "test_output_format", "test_name_format"), TEXT),
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["score", "max_score", "name"],
                "additionalProperties": False,
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    **{key: {"type": "string"} for key in ("name", "number", "output")},
                    **dict.fromkeys(("name_format", "output_format"), TEXT),
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
        "leaderboard": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "properties": {
                    "name": {"type": "string"},
                    "value": {"type": ["number", "string"]},
                    "order": {"enum": ["asc", "desc"]},
                },
            },
        },
    },
}


def valid(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(data, SCHEMA)
    return data


# Time and attempts


def metadata(tmp_path: Path, **changes: Any) -> SubmissionMetadata:
    data: dict[str, Any] = {
        "id": 1,
        "created_at": "2026-03-10T10:00:00.365935-07:00",
        "assignment": {"due_date": "2026-03-10T17:30:00.000000+00:00", "late_due_date": None},
        "users": [{"email": "ada@example.com", "id": 1, "name": "Ada Lovelace"}],
        "previous_submissions": [],
    } | changes
    path = tmp_path / "submission_metadata.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return read_metadata(path)


@pytest.mark.parametrize(
    ("created", "days"),
    [
        ("2026-03-10T10:29:59-07:00", 0),  # 17:29:59 UTC
        ("2026-03-10T10:30:00-07:00", 0),  # the moment itself is in time
        ("2026-03-10T10:30:01-07:00", 1),
        ("2026-03-10T18:29:00+01:00", 0),
        ("2026-03-11T02:29:00+09:00", 0),  # tomorrow on its own clock, and in time
        ("2026-03-11T10:30:00-07:00", 1),
        ("2026-03-11T10:30:01-07:00", 2),
        ("2026-03-17T17:30:01Z", 8),
    ],
)
def test_lateness_is_counted_between_moments_and_not_between_clocks(created: str, days: int, tmp_path: Path) -> None:
    assert metadata(tmp_path, created_at=created).days_late(timedelta(0)) == days


def test_grace_and_an_extension_of_one_member_serve_the_whole_group(tmp_path: Path) -> None:
    late = {"created_at": "2026-03-11T17:31:00Z"}
    assert metadata(tmp_path, **late).days_late(timedelta(0)) == 2
    assert metadata(tmp_path, **late).days_late(timedelta(hours=24)) == 2
    assert metadata(tmp_path, **late).days_late(timedelta(hours=25)) == 0
    users = [
        {"name": "Ada Lovelace", "assignment": {"due_date": "2026-03-10T17:30:00Z"}},
        {"name": "Grace Hopper", "assignment": {"due_date": "2026-03-11T17:00:00Z"}},
        {"name": "Alan Turing"},
    ]
    found = metadata(tmp_path, **late, users=users)
    assert found.days_late(timedelta(0)) == 1
    assert found.names == ("Ada Lovelace", "Grace Hopper", "Alan Turing")


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "null", '{"created_at": 5}', '{"created_at": "2026-03-10T10:00:00"}', "[" * 100_000]
)
def test_metadata_that_cannot_be_read_costs_nothing_and_staff_are_told(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "submission_metadata.json"
    path.write_text(broken)
    found = read_metadata(path)
    assert found.created is None
    assert found.problems
    assert found.days_late(timedelta(0)) == 0
    assert kept_results(found, Settings(max_attempts_per_day=1)) is None
    assert read_metadata(tmp_path / "absent.json").problems


def check(identifier: str, **values: Any) -> CheckResult:
    return CheckResult(identifier, identifier.partition(".")[0], "It holds.", values.pop("points", 0.0), 10.0, **values)


def verdict(*checks: CheckResult, **values: Any) -> Verdict:
    settings: dict[str, Any] = {"state": "complete"} | values
    return Verdict("swiss_roll", "Swiss roll", "x", "ab" * 32, "default", (), checks, **settings)


def test_the_late_penalty_is_a_share_of_all_points_for_each_day_begun(tmp_path: Path) -> None:
    found = metadata(tmp_path, created_at="2026-03-12T17:00:00Z")  # two days begun
    whole = verdict(check("1-2.a", points=10.0, status="passed"), check("1-2.b", points=10.0, status="passed"))
    (notice,) = platform_notices(whole, Settings(late_penalty_per_day=0.1), found)
    assert notice.deduction == pytest.approx(0.2 * 20)
    assert whole.with_notice(notice).score == pytest.approx(16)
    assert "2 days late" in notice.message
    (mild,) = platform_notices(whole, Settings(), found)
    assert mild.deduction == 0
    (most,) = platform_notices(whole, Settings(late_penalty_per_day=0.9), found)
    assert whole.with_notice(most).score == 0


def earlier(hours_before: float, score: Any, state: str = "complete") -> dict[str, Any]:
    time = datetime.fromisoformat("2026-03-10T17:00:00+00:00") - timedelta(hours=hours_before)
    results = {"score": score, "output": f"the report of {score}", "tests": [], "extra_data": {"state": state}}
    return {"submission_time": time.isoformat(), "score": score, "results": results}


def test_only_graded_submissions_of_the_last_24_hours_count(tmp_path: Path) -> None:
    before = [
        earlier(30, 5.0), earlier(24.01, 6.0), earlier(23.9, 7.0), earlier(3, 8.0, "interrupted"), earlier(2, 8.0, OVER_LIMIT),
        earlier(1, 3.0, "refused"), earlier(0.5, 4.0),
    ]  # fmt: skip
    found = metadata(tmp_path, created_at="2026-03-10T17:00:00Z", previous_submissions=before)
    assert found.attempts_within_a_day() == 2
    assert kept_results(found, Settings()) is None
    assert kept_results(found, Settings(max_attempts_per_day=3)) is None
    best = kept_results(found, Settings(max_attempts_per_day=2))
    assert best is not None
    assert best["score"] == 7.0
    assert "2 of your submissions were graded in the 24 hours before this one, and 2 are allowed" in best["output"]
    assert "hand in again after 2026-03-10 17:06+00:00" in best["output"]  # when the first of the two is a day old
    assert "the report of 7.0" in best["output"]
    assert best["extra_data"]["state"] == OVER_LIMIT
    last = kept_results(found, Settings(max_attempts_per_day=2, over_limit_keeps="last"))
    assert last is not None
    assert last["score"] == 4.0
    jsonschema.validate(last, SCHEMA)


def test_an_earlier_submission_without_a_score_is_no_attempt(tmp_path: Path) -> None:
    before = [earlier(1, None), {"submission_time": "yesterday", "score": 1.0}, "nonsense"]
    found = metadata(tmp_path, previous_submissions=before)
    assert found.attempts_within_a_day() == 0
    assert kept_results(found, Settings(max_attempts_per_day=1)) is None


# Results


def test_the_leaderboard_has_the_submissions_own_figures_only() -> None:
    settings = read_settings(load_manifest("swiss_roll"))
    names = [ranking.check for ranking in settings.rankings]
    own = check(names[0], status="passed", points=10.0, evidence={"Chamfer distance": 12.5})
    helped = check(names[1], status="passed", points=10.0, evidence={"Chamfer distance": 20.5}, carried=("p_sample",))
    assert leaderboard(verdict(own, helped), settings) == [
        {"name": settings.rankings[0].name, "value": 12.5, "order": "asc"}
    ]
    manifest, nobody = load_manifest("swiss_roll"), SubmissionMetadata(names=("Ada Lovelace",))
    on = Settings(leaderboard=True, rankings=settings.rankings)
    shown = as_results(verdict(own, helped), on, manifest, nobody)
    jsonschema.validate(shown, SCHEMA)
    assert len(shown["leaderboard"]) == 1
    assert "Ada" not in json.dumps(shown["leaderboard"])
    assert {test["visibility"] for test in shown["tests"]} == {"visible"}
    later = dataclasses.replace(on, outcome_visibility="after_published")
    hidden = as_results(verdict(own, helped), later, manifest, nobody)
    assert {test["visibility"] for test in hidden["tests"]} == {"after_published"}
    assert "leaderboard" not in hidden
    assert hidden["output"] == "Some checks are shown later, so no total stands here yet."  # it is always visible
    assert "leaderboard" not in as_results(verdict(own), settings, manifest, nobody)
    assert "leaderboard" not in as_results(verdict(own, state="interrupted"), on, manifest, nobody)


LONG = {
    "score": 7.0,
    "output": "o" * 5000,
    "tests": [{"score": 7.0, "max_score": 9.0, "name": "n", "output": "t" * 90_000, "extra_data": {}}],
}
SHORT = {"score": 1.0, "output": "", "tests": []}


def test_a_full_disk_leaves_the_newest_results_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a disk with room for a number of bytes, on which the reserve counts too."""
    room = 0

    def write(path: Path, text: str) -> None:
        if len(text) > room + (results_file.RESERVE if not target.reserve.exists() else 0):
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_text(text)

    target = ResultsFile(tmp_path / "results.json")
    assert target.reserve.stat().st_size == results_file.RESERVE
    monkeypatch.setattr(results_file, "write_atomically", write)
    assert target.write(LONG)  # the reserve is given up for it
    assert valid(target.path)["tests"][0]["output"] == LONG["tests"][0]["output"]
    assert target.problem == ""
    monkeypatch.setattr(results_file, "RESERVE", 0)
    target.reserve.unlink(missing_ok=True)
    room = 5000
    assert target.write({**LONG, "score": 8.0})
    shorter = valid(target.path)
    assert (shorter["score"], shorter["tests"][0]["score"]) == (8.0, 7.0)
    assert "disk of the grader was full" in shorter["output"]
    room = 10
    assert not target.write({**LONG, "score": 9.0})
    assert valid(target.path) == shorter
    assert "No space left" in target.problem


def test_what_a_killed_writer_left_behind_goes(tmp_path: Path) -> None:
    (tmp_path / ".results.jsonabc").write_text("half")
    target = ResultsFile(tmp_path / "results.json")
    assert target.write(SHORT)
    target.close()
    assert os.listdir(tmp_path) == ["results.json"]


@pytest.mark.parametrize("failing", ["_tell_staff", "_complete", "_submission"])
def test_a_grader_that_fails_itself_keeps_what_it_has_written(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the verdict, before there is anything to write, and in between."""

    def fail(*_: object) -> None:
        raise RuntimeError("secret detail of the grader")

    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "notes.txt").write_text("I was ill")
    monkeypatch.setattr(gradescope, "bundled", lambda: (load_manifest("swiss_roll"), Settings("swiss_roll")))
    monkeypatch.setattr(gradescope.Run, failing, fail)
    status = gradescope.main(tmp_path)
    found = valid(tmp_path / "results" / "results.json")
    assert (status, found["extra_data"]["state"], len(found["tests"])) == {
        "_tell_staff": (1, "refused", 25),
        "_complete": (1, "interrupted", 0),
        "_submission": (0, "interrupted", 25),
    }[failing]
    assert "secret detail" not in found["output"]
    assert found["extra_data"]["state"] == "refused" or "not your mistake" in " ".join(found["output"].split())
    assert os.listdir(tmp_path / "results") == ["results.json"]


# Limits of a container


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"cpu.max": "max 100000\n"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "25000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.25),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_processors_of_a_container(files: dict[str, str], processors: float, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert machine._quota(tmp_path) == processors


def test_what_is_declared_counts_only_where_the_system_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_allowed_processors", lambda: 8)
    for declared, found in (("", 8.0), ("nonsense", 8.0), ("0.5", 0.5), ("64", 8.0)):
        monkeypatch.setenv(machine.PROCESSORS_VARIABLE, declared)
        assert machine.processors() == found
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    monkeypatch.setenv(machine.PROCESSORS_VARIABLE, "0.5")
    assert (machine.processors(), machine.threads()) == (2.0, 2)
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert (machine.processors(), machine.threads()) == (0.5, 1)


@pytest.mark.parametrize(
    ("processors", "jobs", "count"),
    [(0.5, 30, 1), (1.0, 30, 1), (2.0, 30, 2), (16.0, 30, 16), (16.0, 2, 2), (2.0, 0, 1)],
)
def test_grading_processes_follow_the_container_and_the_work(
    processors: float, jobs: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "processors", lambda: processors)
    assert machine.grading_processes(jobs) == count


def test_memory_of_a_container_leaves_out_cached_files(tmp_path: Path) -> None:
    two, one = tmp_path / "two", tmp_path / "one" / "memory"
    two.mkdir()
    one.mkdir(parents=True)
    (two / "memory.max").write_text("805306368\n")
    (two / "memory.stat").write_text("anon 1000\nfile 500000\nshmem 24\n")
    (two / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert machine.memory(two) == machine.Memory(805306368, 1024, 2)
    (one / "memory.limit_in_bytes").write_text("805306368\n")
    (one / "memory.stat").write_text("rss 1\ntotal_cache 500000\ntotal_rss 1000\ntotal_shmem 24\n")
    (one / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert machine.memory(one.parent) == machine.Memory(805306368, 1024, 1)


def test_memory_without_a_container_is_that_of_the_processes() -> None:
    found = machine.memory(Path("/nonexistent"))
    assert 1 << 20 < found.used < found.limit
    assert not found.container


# The real programs


class Place:
    """The layout, however it is made here."""

    def __init__(self, folder: Path, bundle: Path):
        self.container: Container | None = None
        if why_not():
            self.home = folder / "autograder"
            Container(folder).fill(bundle)
            environment(folder / "venv", sys.base_prefix, str(self.home / "source"), sysconfig.get_paths()["purelib"])
        else:
            self.container = small_container(folder, bundle)
            self.home = folder / "autograder"
        self.folder = folder

    def start(self, example: str | dict[str, bytes], results_size: str = "", **values: Any) -> subprocess.Popen[str]:
        files = (
            {path.name: path.read_bytes() for path in (EXAMPLES / example).iterdir()}
            if isinstance(example, str)
            else example
        )
        text = json.dumps({"created_at": "2026-03-10T10:00:00-07:00", "users": [{"name": "Ada Lovelace"}], **values})
        Container(self.folder).submit(files, text)
        if self.container is not None:
            return self.container.start(["bash", "/autograder/source/run_autograder"], {}, results_size=results_size)
        command = ["bash", str(self.home / "source" / "run_autograder"), str(self.home)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": os.environ["PATH"], "AUTOGRADER_PYTHON": str(self.folder / "venv/bin/python")},
        )

    @property
    def results(self) -> Path:
        return self.home / "results" / "results.json"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    if sys.platform == "win32":
        pytest.skip("Gradescope runs Linux")
    folder = tmp_path_factory.mktemp("layout")
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET_VARIABLE, "the secret of this test, which is long enough")
        bundle("swiss_roll", "gradescope", folder / "autograder.zip")
    place = Place(folder / "root", folder / "autograder.zip")
    manifest = place.home / "source/autograder/assignments/swiss_roll/assignment.toml"
    text = manifest.read_text(encoding="utf-8")
    for key, value in (
        ("num_iterations", "20"),
        ("average_last", "10"),
        ("dataset_size", "5000"),
        ("num_samples", "16"),
        ("max_trainings", "1"),
        ("outcome", '"own"'),  # by this recipe, of which there are no trainings of the reference
        ("hints", '"where"'),  # naming a mistake takes seconds
    ):
        text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", text)
        assert count == 1, key
    manifest.write_text(text, encoding="utf-8")
    return place


@contextlib.contextmanager
def settings_of(place: Place, **changes: str) -> Iterator[None]:
    """The bundle with other settings, as TOML values."""
    path = place.home / "source" / "bundle.toml"
    before = path.read_text(encoding="utf-8")
    text = before
    for name, value in changes.items():
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert count == 1, name
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def hanging_in_a_late_task() -> dict[str, bytes]:
    """A submission whose ddim_p_sample does nothing until its limit of 20 seconds has passed, on a machine of any speed."""
    files = {path.name: path.read_bytes() for path in (EXAMPLES / "passes_all").iterdir()}
    hangs = b"        import time\n        while True: time.sleep(1)\n\n"
    files["ddpm.py"] = files["ddpm.py"].replace(
        b"def ddim_p_sample(", b"def ddim_p_sample(self, *a, **k):\n" + hangs + b"    def unused("
    )
    return files


def judged(results: dict[str, Any]) -> list[str]:
    return [test["number"] for test in results["tests"] if test["tags"][1] not in ("not_run", "waiting")]


@pytest.mark.proof
def test_a_submission_is_graded_in_the_layout_and_again_with_the_same_numbers_on_a_full_disk(place: Place) -> None:
    """The second time the results lie on a file system of 64 kB, where no room can be set aside: the report may be shorter, and no grade is lost."""
    group = [{"name": "Ada Lovelace"}, {"name": "Grace Hopper"}]
    printed, _ = place.start("forgot_the_square_root", users=group).communicate()
    first = valid(place.results)
    assert "FOR STAFF" not in printed
    place.start("forgot_the_square_root", users=group, results_size="64k" if place.container else "").communicate()
    second = valid(place.home / "kept" / "results.json" if place.container else place.results)
    assert first["extra_data"]["state"] == second["extra_data"]["state"] == "complete"
    assert "handed in by: Ada Lovelace and Grace Hopper" in first["output"]
    behaviour = [test for test in first["tests"] if test["tags"][0] != "1-5"]
    lost = {test["extra_data"]["check"].partition(".")[0] for test in behaviour if test["score"] < test["max_score"]}
    assert lost == {"1-2"}
    assert [test["score"] for test in first["tests"]] == [test["score"] for test in second["tests"]]
    assert first["score"] == second["score"]
    assert first["extra_data"]["seed_commitment"] == second["extra_data"]["seed_commitment"]
    for one, other in zip(first["tests"], second["tests"]):
        assert other.get("output", one["output"]) == one["output"]
    assert re.search(r"time used: \d+ of 600 s", first["output"])
    assert re.search(r"memory used: at most \d+ of \d+ MB", first["output"])


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_valid_results_with_everything_that_was_judged(place: Place) -> None:
    """A submission that hangs in a late task is killed with SIGKILL while it hangs."""
    process = place.start(hanging_in_a_late_task())
    deadline = time.monotonic() + PATIENCE
    results: dict[str, Any] = {}
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            results = valid(place.results)  # at every moment
            if len(judged(results)) >= 5:
                break
        assert process.poll() is None
        time.sleep(0.02)
    assert len(judged(results)) >= 5
    graders = [
        one for one in psutil.Process(process.pid).children(recursive=True)
        if "autograder.bundle.gradescope" in one.cmdline()
    ]  # fmt: skip
    graders[-1].send_signal(signal.SIGKILL)
    process.communicate()
    after = valid(place.results)
    assert set(judged(results)) <= set(judged(after))
    assert after["score"] >= results["score"] > 0
    assert after["extra_data"]["state"] == "interrupted"
    said = " ".join(after["output"].split())
    assert "the grader ended before it had finished" in said
    assert "the rest earns nothing until it is graded again" in said


@pytest.mark.proof  # what a kill leaves, above, is written by the same means
def test_the_time_limit_ends_the_grading_before_the_platform_does(place: Place) -> None:
    """The time is over before the submission has hung for as long as it may: what was not judged is said, and flagged for staff."""
    with settings_of(place, minutes="2.0"):
        source = place.home / "source" / "autograder" / "bundle" / "gradescope.py"
        before = source.read_text(encoding="utf-8")
        source.write_text(before.replace("RESERVED_SECONDS = 45.0", "RESERVED_SECONDS = 112.0"), encoding="utf-8")
        try:
            printed, _ = place.start(hanging_in_a_late_task()).communicate()
        finally:
            source.write_text(before, encoding="utf-8")
    results = valid(place.results)
    assert results["extra_data"]["state"] == "interrupted"
    assert "the time limit of 2 minutes was near" in " ".join(results["output"].split())
    assert "FOR STAFF: not everything was judged" in printed
    assert len(judged(results)) < len(results["tests"])


@pytest.mark.slow
def test_a_submission_over_the_limit_keeps_its_best_score_without_being_graded(place: Place) -> None:
    with settings_of(place, max_attempts_per_day="1"):
        before = {
            "submission_time": "2026-03-10T15:00:00+00:00",
            "score": 31.5,
            "results": {"score": 31.5, "tests": [], "output": "before"},
        }
        place.start("passes_all", previous_submissions=[before]).communicate()
    results = valid(place.results)
    assert results["score"] == 31.5
    assert results["output"].startswith("Not graded: 1 of your submissions")


@pytest.mark.slow
def test_what_cannot_be_graded_still_gives_valid_results(place: Place) -> None:
    place.start({"notes.txt": b"I was ill"}).communicate()
    refused = valid(place.results)
    assert refused["score"] == 0
    assert refused["extra_data"]["state"] == "refused"
    settings = place.home / "source" / "bundle.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text("nonsense", encoding="utf-8")
    try:
        printed, _ = place.start("passes_all").communicate()
    finally:
        settings.write_text(text, encoding="utf-8")
    assert "your submission is safe" in valid(place.results)["output"]
    assert "FOR STAFF" in printed


SPY = b"""
import os
for path in ("@HOME@/submission_metadata.json", "@HOME@/results/results.json", "@HOME@/source/secret", "@HOME@/source/bundle.toml",
             "@HOME@/source/solutions/2d_plot_diffusion_todo/ddpm.py", "@HOME@/submission/ddpm.py"):
    for mode in ("r", "a"):
        try:
            open(path, mode).close()
            print("OPENED", path, mode)
        except OSError as error:
            print("kept out of", path, error.strerror)
print("user", os.getuid() if hasattr(os, "getuid") else "")
raise RuntimeError("the spy has seen enough")
"""


@pytest.mark.slow
def test_student_code_runs_as_another_user_who_can_read_nothing_of_the_platform(place: Place) -> None:
    if place.container is None:
        pytest.skip(why_not())
    files = {path.name: path.read_bytes() for path in (EXAMPLES / "passes_all").iterdir()}
    files["ddpm.py"] += SPY.replace(b"@HOME@", b"/autograder")
    place.start(files).communicate()
    results = valid(place.results)
    text = json.dumps(results)
    assert "kept out of /autograder/submission_metadata.json" in text
    assert "OPENED /autograder" not in text
    user = re.search(r"user (\d+)", text)
    assert user
    assert int(user[1]) >= 30000
    assert "user" in results["extra_data"]["environment"]["isolation"]
    for name in ("submission_metadata.json", "submission", "source"):
        assert (place.home / name).stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_the_entry_point_of_the_image_takes_a_zip_and_leaves_the_results_outside(place: Place) -> None:
    if place.container is None:
        pytest.skip(why_not())
    (place.home / "source" / "entry_point.sh").write_bytes((TEMPLATES / "entry_point.sh").read_bytes())
    command = ["bash", "/autograder/source/entry_point.sh"]
    code, printed = place.container.run(command, {})
    assert (code, "there is no /submission" in printed) == (2, True)
    (place.folder / "submission").write_bytes((EXAMPLES / "corrupt_zip.zip").read_bytes())
    (place.folder / "out").mkdir()
    code, printed = place.container.run(command, {})
    results = valid(place.folder / "out" / "results.json")
    assert (code, results["score"], results["extra_data"]["state"]) == (0, 0, "refused")
    assert len(results["tests"]) == 25
    assert "submission.zip" in results["output"]
