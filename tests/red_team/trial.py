"""Run one attack through the real grader, and look for everything that it must not have done."""

import contextlib
import dataclasses
import hashlib
import hmac
import io
import os
import re
import secrets
import socket
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from autograder.grading.mutants import solution_texts
from autograder.grading.seeds import SECRET_VARIABLE
from autograder.grading.session import Grading, Options
from autograder.limits import Limits
from autograder.manifest import Manifest, load_manifest
from autograder.markers import regions, replace_solution, strip_markers
from autograder.places import REPOSITORY
from autograder.report import make_console, print_summary, write_reports
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.layers import process
from autograder.submission import bounded
from autograder.submission.intake import read_submission
from autograder.verdict import Verdict, write_atomically

from .attacks import Attack

ASSIGNMENT = "swiss_roll"
MOST_MEGABYTES = 2048.0  # that one attack may make the grader hold beyond what it held before
SECONDS_TO_CLEAR_UP = 10.0  # a lane ends by itself once its socket is closed
NAME_OF_CANARY = "RED_TEAM_CANARY"
LEFT_BEHIND = [Path(folder, "red_team_left") for folder in ("/dev/shm", "/tmp", "/var/tmp")]


@dataclass(frozen=True)
class Trial:
    """What came of an attack. `problems` is empty when it gained nothing and harmed nothing. `seconds`: by the wall; `busy`: processor time of the
    grader itself; `megabytes`: that the grader came to hold at most beyond what it held before, NaN where nobody tells; `of_workers`: that
    the attack's own processes held.
    """

    score: float
    statuses: str  # "3 passed, 5 broken"
    said: str  # what staff read of it
    seconds: float
    busy: float
    megabytes: float
    of_workers: float
    problems: tuple[str, ...]


class Range:
    """A grader with things around it that an attack could want: a secret, files, an open port, a submission that follows."""

    def __init__(self, folder: Path, sandbox: Sandbox, port: int, connections: list[bytes], tokens: dict[str, str]):
        self.folder, self.sandbox, self.port, self.connections, self.tokens = folder, sandbox, port, connections, tokens
        self.secret = tokens["secret"].encode()
        self.canary, self.out = folder / "canary", folder / "out"
        self.manifest = load_manifest(ASSIGNMENT)
        self.own_processes = _processes()
        self.own_folders = set(os.listdir(sandbox._home))

    def stopped_here(self, attack: Attack) -> bool:
        """Whether this machine reaches the layer that stops an attack. An ordinary user has no "user" layer and relies on the network's filter."""
        return attack.needs in self.sandbox.layers or (attack.needs == "user" and "network" in self.sandbox.layers)

    def grade_honest(self) -> float:
        """The points of the solution in the same sandbox: the grader is alive, and nothing is left that harms others."""
        return self._grade("honest", honest_files(self.manifest), self.manifest.limits, None)[0].score

    def attempt(self, attack: Attack) -> Trial:
        limits = dataclasses.replace(self.manifest.limits, seconds_per_call=attack.seconds, **attack.limits)
        self.canary.write_text(self.tokens["file"])
        self.canary.chmod(0o644)
        before = self._surroundings()
        started, busy, held = time.monotonic(), time.process_time(), _forget_peak()
        verdict, grading = self._grade(
            attack.id, attack_files(attack, self.manifest, self._places()), limits, attack.task
        )
        seconds, busy = time.monotonic() - started, time.process_time() - busy
        megabytes = _megabytes("VmHWM") - held
        shown = self._shown(verdict)
        statuses = Counter(check.status for check in verdict.checks if check.status != "not_run")
        problems = [*self._judge(attack, verdict, shown), *self._leaks(grading, shown), *self._harm(before)]
        if megabytes > MOST_MEGABYTES:
            problems.append(
                f"it made the grader hold {megabytes:.0f} MB more than before, at most {MOST_MEGABYTES:.0f} are allowed"
            )
        counted = ", ".join(f"{n} {status}" for status, n in statuses.items())
        return Trial(
            verdict.score,
            counted,
            _what_happened(verdict),
            seconds,
            busy,
            megabytes,
            verdict.peak_megabytes,
            tuple(problems),
        )

    def _grade(self, name: str, files: dict[str, str], limits: Limits, task: str | None) -> tuple[Verdict, Grading]:
        folder = self.folder / "submissions" / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        manifest = dataclasses.replace(self.manifest, limits=limits)
        grading = Grading(
            manifest,
            read_submission(folder, manifest),
            Options(train=False, task=task, hints="where"),
            self.sandbox,
            self.secret,
        )
        verdict = grading.run()
        self.out.mkdir(exist_ok=True)
        write_atomically(self.out / "verdict.json", verdict.to_json())
        write_reports(verdict, grading.figures, self.out, audience="staff")
        return verdict, grading

    def _places(self) -> dict[str, str]:
        return {
            "CANARY": str(self.canary),
            "OUT": str(self.out),
            "REPOSITORY": str(REPOSITORY),
            "GRADER": str(os.getpid()),
            "PORT": str(self.port),
        }

    def _shown(self, verdict: Verdict) -> dict[str, str]:
        """Everything that anybody reads."""
        terminal = io.StringIO()
        print_summary(verdict, make_console(terminal))
        files = {
            name: (self.out / name).read_text(encoding="utf-8")
            for name in ("verdict.json", "results.json", "report.html")
        }
        return {**files, "terminal": terminal.getvalue()}

    # What must not have happened

    def _judge(self, attack: Attack, verdict: Verdict, shown: dict[str, str]) -> Iterator[str]:
        if verdict.score > attack.honest:
            yield f"it earned {verdict.score:g} points instead of at most {attack.honest:g}"
        if verdict.state != "complete":
            yield f"the verdict is {verdict.state}"
        for check in verdict.checks:
            if check.status == "grader_error":
                yield f"the grader failed in {check.id}: {check.message}"
        texts = [check.message + "\n" + check.printed for check in verdict.checks] + [
            n.message + n.detail for n in verdict.notices
        ]
        said = [text for text in texts if text.strip() and not text.startswith("Not judged")]
        in_time = f"{attack.sentence}|did not finish within"  # on a busy machine the clock may come first
        if attack.sentence and not re.search(in_time, "\n".join(texts)):
            yield f"staff read nothing like {attack.sentence!r}, but {said[:3]}"
        if Verdict.from_json(shown["verdict.json"]).score != verdict.score:
            yield "the verdict on disk is another one"

    def _leaks(self, grading: Grading, shown: dict[str, str]) -> Iterator[str]:
        key = hmac.new(self.secret, grading.submission.digest.encode(), hashlib.sha256)
        hidden = {**self.tokens, "key": key.hexdigest()}
        if not Path(sys.prefix).is_relative_to(
            REPOSITORY
        ):  # else the path of the interpreter tells it to every program
            hidden["repository"] = str(REPOSITORY) + "/"
        own = b"\n".join(grading.submission.files.values()).decode()  # what an attack knows, it may say
        for place, text in shown.items():
            for name, value in hidden.items():
                if value in text and value not in own:
                    yield f"{place} shows the hidden value {name!r}"
            if "\x1b" in text or "\x9b" in text:
                yield f"{place} holds a terminal escape"
            if (
                place != "verdict.json"
                and re.search("[^\x00-\x7f]", text)
                and re.search("[\u202a-\u202e\u2066-\u2069]", text)
            ):
                yield f"{place} holds characters that reorder a line"
        for place in ("report.html", "results.json"):
            if "<script" in shown[place] and place == "report.html":
                yield f"{place} holds a script"
        if "<img src=x" in shown["report.html"]:
            yield "report.html holds an element of the student's"

    def _surroundings(self) -> dict[str, object]:
        return {"submissions": sorted(os.listdir(self.folder)), "connections": len(self.connections)}

    def _harm(self, before: dict[str, object]) -> Iterator[str]:
        deadline = time.monotonic() + SECONDS_TO_CLEAR_UP
        while (left := _processes() - self.own_processes) and time.monotonic() < deadline:
            time.sleep(0.02)
        if left:
            yield f"{len(left)} processes are left"
        if folders := set(os.listdir(self.sandbox._home)) - self.own_folders:
            yield f"worker folders are left: {sorted(folders)}"
        if (
            not self.canary.exists()
            or self.canary.read_text() != self.tokens["file"]
            or self.canary.stat().st_mode & 0o777 != 0o644
        ):
            yield "a file of the grader's user was changed"
        if extra := set(os.listdir(self.out)) - {"verdict.json", "results.json", "report.html"}:
            yield f"files were added to the reports: {sorted(extra)}"
        for path in LEFT_BEHIND:
            if path.exists():
                path.unlink()
                yield f"{path} was left behind"
        after = self._surroundings()
        if after["connections"] != before["connections"]:
            yield "a connection was opened"


@contextlib.contextmanager
def prepared(folder: Path, sandbox: Sandbox) -> Iterator[Range]:
    """Everything around the grader, ready. `sandbox` is entered here, with the canaries in the grader's environment."""
    folder.chmod(0o755)
    tokens = {name: secrets.token_hex(16) for name in ("secret", "environment", "file")}
    added = {NAME_OF_CANARY: tokens["environment"], SECRET_VARIABLE: tokens["secret"]}
    saved = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    process.become_subreaper()  # so that what escapes from the sandbox becomes a child of this process, and is seen
    connections: list[bytes] = []
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, sandbox:
            threading.Thread(target=_accept, args=(server, connections), daemon=True).start()
            yield Range(folder, sandbox, server.getsockname()[1], connections, tokens)
    finally:
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def honest_files(manifest: Manifest) -> dict[str, str]:
    return {name: strip_markers(text, name) for name, text in solution_texts(manifest.id).items()}


def attack_files(attack: Attack, manifest: Manifest, places: dict[str, str]) -> dict[str, str]:
    """The submission that an attack describes."""
    texts = dict(solution_texts(manifest.id))
    for name, text in texts.items():
        if attack.base == "stub":
            for region in regions(text, name):
                texts[name] = replace_solution(texts[name], region.name, "\n".join(region.stub_lines), name)
    for region_name, body in attack.bodies.items():
        texts["ddpm.py"] = replace_solution(texts["ddpm.py"], region_name, textwrap.dedent(body).strip("\n"), "ddpm.py")
    files = {name: strip_markers(text, name) for name, text in texts.items()}
    for old, new in attack.edits:
        assert files["ddpm.py"].count(old) == 1, (attack.id, old)
        files["ddpm.py"] = files["ddpm.py"].replace(old, new)
    for name, code in (("ddpm.py", attack.code), ("network.py", attack.network)):
        if code:
            files[name] += "\n\n" + textwrap.dedent(code).strip("\n") + "\n"
    files |= attack.files
    for name, value in places.items():
        files = {path: text.replace(f"@{name}@", value) for path, text in files.items()}
    return files


def _forget_peak() -> float:
    """Megabytes that this process holds now, from which its peak is measured again, proc_pid_clear_refs(5)."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
        file.flush()
        return _megabytes("VmRSS")
    return float("nan")


def _megabytes(name: str) -> float:
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return next((int(line.split()[1]) / 1024 for line in file if line.startswith(name)), float("nan"))
    return float("nan")


def _what_happened(verdict: Verdict) -> str:
    """The first sentence on a lost check, but for undone TODOs; else what the attack printed first."""
    lost = [check.message for check in verdict.checks if check.message and check.status in ("failed", "broken")]
    printed = [check.printed for check in verdict.checks if check.printed]
    own = [text for text in lost if "not done yet" not in text]
    return next(iter(own + [f"It printed: {text}" for text in printed]), "It ran and changed nothing.")


def _processes() -> set[int]:
    """The living processes below this one, without the reader of submissions, which is the grader's own and waits for the next."""
    found, reader = set(), bounded._READERS.reader
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.status() != psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return found - ({reader.process.pid} if reader is not None else set())


def _accept(server: socket.socket, connections: list[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connections.append(b"")
        connection.close()
