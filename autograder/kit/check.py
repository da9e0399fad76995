"""`check`: run the visible checks on a folder and say, in words, where the student stands."""

import argparse
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import listed_data, not_python, timeouts
from autograder.kit.facts import Kit, not_done, read_kit, untouched
from autograder.kit.leftovers import PICTURES
from autograder.kit.runner import PICTURE_SECONDS, START_SECONDS, STEP_SECONDS, Runner
from autograder.kit.screen import paint, prepare, say
from autograder.kit.watch import changes, snapshot
from autograder.regions import file_of, module_of, path_of


@dataclass(frozen=True)
class Result:
    """What came of one visible check. `status`: passed, failed, todo or skipped."""

    check: dict[str, Any]
    status: str
    message: str = ""


@dataclass(frozen=True)
class Drawn:
    title: str
    path: str


class Unusable(Exception):
    """The checker cannot run here; the message says why."""


def judge(kit: Kit, folder: Path, task: str | None, runner: Runner) -> Iterator[Result | Drawn]:
    """Run the visible checks of one task, or of all, and give each result as it comes.

    What hangs or crashes costs itself, the other checks of its function and the pictures of its task; the rest goes on in a new process.
    """
    todo = untouched(kit, folder)
    files, grader = _files(kit, folder), kit.facts["python"]
    unreadable = {name: not_python.problem(name, content, grader) for name, content in files.items()}
    waiting = []
    for check in kit.checks(task):
        if blank := not_done(kit, todo & {*check["regions"]}):
            yield Result(check, "todo", f"{blank[-1]} is not done yet.")
        elif not (folder / file_of(check["region"])).is_file():
            yield Result(check, "failed", f"{file_of(check['region'])} is missing.")
        elif sentence := unreadable.get(file_of(check["region"])):
            yield Result(check, "failed", sentence)
        else:
            waiting.append(check)
    pictures = [entry["id"] for entry in kit.facts["pictures"] if task in (None, entry["task"])]
    while waiting:
        records = runner.do(job_of(kit, folder, waiting, pictures))
        waiting, pictures = yield from _follow(kit, files, waiting, pictures, records)


def _files(kit: Kit, folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in kit.facts["todo"] if (folder / name).is_file()}


def _follow(
    kit: Kit, files: dict[str, bytes], waiting: list[dict[str, Any]], pictures: list[str], records: Iterator[dict[str, Any]]
) -> Generator[Result | Drawn, None, tuple[list[dict[str, Any]], list[str]]]:
    """The results of one process; returns the checks and pictures that are still to be done."""
    by_id = {check["id"]: check for check in waiting}
    ended_early = False
    for record in records:
        kind, name = record["kind"], record.get("id", "")
        if kind == "unusable":
            raise Unusable(record["message"])
        if kind == "drawn":
            yield Drawn(record["title"], record["path"])
        if kind == "checked":
            yield Result(by_id.pop(name), record["status"], record.get("message", ""))
        message = ""
        if kind == "slow":
            message = _late(kit, files, name)
        elif kind == "died":
            message = f"Your code ended the whole Python process (exit status {record['code']})."
        elif kind == "imported" and record["status"] != "passed":
            message = record["message"]
        if not message:
            continue
        ended_early = True
        if not name:
            why = f"was not ready within {START_SECONDS:g} s" if kind == "slow" else "ended at once"
            raise Unusable(f"The Python process that should run your code {why}; try again, and tell the staff.")
        if name in by_id:  # in a check
            culprit = by_id.pop(name)
            yield Result(culprit, "failed", message)
            blamed = [check for check in by_id.values() if {*check["regions"]} & {*culprit["regions"]}]
            reason = "Not run, since the check before it did not end well."
            others = {entry["id"] for entry in kit.facts["pictures"] if entry["task"] != culprit["task"]}
            pictures = [picture for picture in pictures if picture in others]  # the rest would wait for it once more
        elif name in kit.facts["todo"]:  # while a file was imported
            blamed = [check for check in by_id.values() if file_of(check["region"]) == name]
            reason = message
        else:  # in a picture
            return [], []
        for check in blamed:
            yield Result(by_id.pop(check["id"]), "failed" if reason == message else "skipped", reason)
    return list(by_id.values()) if ended_early else [], pictures


def _late(kit: Kit, files: dict[str, bytes], name: str) -> str:
    """The sentence about a file, while it was imported, or a check that took too long."""
    regions = [check["region"] for check in kit.facts["checks"] if check["id"] == name]
    if regions:
        request: dict[str, Any] = {"op": "call", "fields": {"path": path_of(regions[0])}}
    else:
        request = {"op": "import", "fields": {"module": module_of(name)}}
    return timeouts.late([request], files, STEP_SECONDS)


def job_of(kit: Kit, folder: Path, checks: list[dict[str, Any]], pictures: list[str]) -> dict[str, Any]:
    files = {file_of(check["region"]) for check in checks}
    return {
        "folder": str(folder),
        "sample_shape": kit.facts["sample_shape"],
        "modules": kit.facts["visible"],
        "files": [name for name in kit.facts["todo"] if name in files],
        "checks": {check["id"]: check["regions"] for check in checks},
        "numbers": kit.numbers,
        "pictures": {entry["id"]: entry["needs"] for entry in kit.facts["pictures"] if entry["id"] in pictures},
        "picture_folder": str(folder / PICTURES),
        "picture_seconds": PICTURE_SECONDS,
    }


def run_once(kit: Kit, folder: Path, task: str | None, runner: Runner) -> bool:
    """Judge, print, and say whether every visible check passed."""
    results: list[Result] = []
    drawn: list[Drawn] = []
    runner.printed.clear()
    say(kit.facts["title"], "bold")
    titles = {known["id"]: known["title"] for known in kit.facts["tasks"]}
    ordered = sorted_results(kit, task, judge(kit, folder, task, runner), drawn)
    for result in ordered:
        if not results or results[-1].check["task"] != result.check["task"]:
            say()
            say(f"{result.check['task']}  {titles[result.check['task']]}", "bold")
        _print(kit, result, results)
        results.append(result)
    older = [s for name, content in _files(kit, folder).items() for s in not_python.newer(name, content, kit.facts["python"])]
    _close(kit, task, results, drawn, runner.printed, older)
    return all(result.status == "passed" for result in results)


def sorted_results(kit: Kit, task: str | None, found: Iterator[Result | Drawn], drawn: list[Drawn]) -> Iterator[Result]:
    """The results in the order of the handout, each as soon as those before it are known; pictures go into `drawn`."""
    order = [check["id"] for check in kit.checks(task)]
    known: dict[str, Result] = {}
    for item in found:
        if isinstance(item, Drawn):
            drawn.append(item)
            continue
        known[item.check["id"]] = item
        while order and order[0] in known:
            yield known.pop(order.pop(0))


def _print(kit: Kit, result: Result, before: list[Result]) -> None:
    check, said = result.check, any(other.message == result.message for other in before)
    if result.status == "passed":
        say(check["sentence"], "green", 2, "✓")
    elif result.status == "todo" and not said:
        say(result.message, "yellow", 2, "·")
    elif result.status == "skipped":
        say(f"{check['sentence']} {result.message}", "grey", 2, "-")
    elif result.status == "failed":
        say(check["sentence"], "red", 2, "✗")
        say("The same as above." if said else result.message, indent=4)
        if kit.facts["hints"] != "none" and not said:
            say(f"Look at {check['look_at']} in {file_of(check['region'])}, and at {check['where']}.", "blue", 4)


def _close(
    kit: Kit, task: str | None, results: list[Result], drawn: list[Drawn], printed: list[str], older: list[str]
) -> None:
    if printed:
        say()
        say("Your code printed:", "grey")
        for line in printed:
            print(paint("  " + line, "grey"))
    if drawn:
        say()
    for picture in drawn:
        say(f"Picture: {picture.title}: {picture.path}", "blue")
    for sentence in older:
        say()
        say(f"{sentence} As it is, it works here and not where it is graded.", "red", mark="✗")
    passed = sum(result.status == "passed" for result in results)
    open_regions = {result.message for result in results if result.status == "todo"}
    wrong = any(result.status in ("failed", "skipped") for result in results)
    say()
    summary = f"{passed} of {len(results)} visible checks pass."
    if open_regions:
        summary += f" Not done yet: {len(open_regions)} {'function' if len(open_regions) == 1 else 'functions'}."
    say(summary, "red" if wrong else "yellow" if open_regions else "green")
    say(judged_officially(kit, task), "grey")


def judged_officially(kit: Kit, task: str | None) -> str:
    """What this check does not see."""
    chosen = [known for known in kit.facts["tasks"] if task in (None, known["id"])]
    behaviour = [known["id"] for known in chosen if known["kind"] == "behaviour"]
    outcome = [known for known in kit.facts["tasks"] if known["kind"] == "outcome"]
    parts = []
    if behaviour:
        which = f"task{'s' if len(behaviour) > 1 else ''} {', '.join(behaviour)}"
        parts.append(f"{which} once more, by more checks and with other inputs")
    parts += [
        f"task {known['id']}, {known['title'][0].lower()}{known['title'][1:]} ({known['points']:g} points)"
        for known in outcome
    ]
    by_hand = [known["id"] for known in chosen if known["kind"] == "manual"]
    said = [f"Judged only when it is graded: {'; '.join(parts)}."] if parts else []
    said += [f"Read by a person: task{'s' if len(by_hand) > 1 else ''} {', '.join(by_hand)}."] if by_hand else []
    return " ".join(said)


def watch(kit: Kit, folder: Path, task: str | None, runner: Runner) -> None:
    """Judge, and again after every save, until Ctrl-C."""
    before = snapshot(folder)
    _timed(kit, folder, task, runner, time.perf_counter())
    for changed in changes(folder, before):
        saved = time.perf_counter()
        say()
        say("─" * 60, "grey")
        say(f"{time.strftime('%H:%M:%S')}  saved: {', '.join(changed)}", "grey")
        _timed(kit, folder, task, runner, saved)


def _timed(kit: Kit, folder: Path, task: str | None, runner: Runner, began: float) -> None:
    run_once(kit, folder, task, runner)
    runner.warm_up()
    say(f"Took {time.perf_counter() - began:.1f} s. Waiting for the next save; Ctrl-C ends this.", "grey")


def run(kit: Kit, folder: Path, task: str | None, keep_watching: bool) -> int:
    """The command. Returns the exit status: 0 when every visible check passes, 1 when not, 2 when it could not run."""
    prepare()
    known = [entry["id"] for entry in kit.facts["tasks"]]
    behaviour = [entry["id"] for entry in kit.facts["tasks"] if entry["kind"] == "behaviour"]
    folder = folder.resolve()
    if not any((folder / name).is_file() for name in kit.facts["todo"]):
        todo = kit.facts["todo"]
        names = f"neither {' nor '.join(todo)}" if len(todo) > 1 else f"no {todo[0]}"
        if kit.facts["from_notebook"] and any(folder.glob("*.ipynb")):
            how = f"put the code into {' and '.join(todo)} to check it"
            return _refuse(f"A notebook is judged when it is handed in; the checks here read files: {how}.")
        return _refuse(f"{folder} holds {names}; go to the folder with your work.")
    if problems := listed_data.problems_in(folder, kit.facts["data"]):
        return _refuse(problems[0])
    if task is not None and task not in behaviour:
        manual = any(entry["id"] == task and entry["kind"] == "manual" for entry in kit.facts["tasks"])
        what = "is read by a person" if manual else "is judged only when it is graded" if task in known else "does not exist"
        return _refuse(f"Task {task} {what}; the tasks that can be checked are {', '.join(behaviour)}.")
    with Runner(kit.root, folder, preload=keep_watching) as runner:
        try:
            if keep_watching:
                watch(kit, folder, task, runner)
            return 0 if run_once(kit, folder, task, runner) else 1
        except KeyboardInterrupt:
            print()
            return 0 if keep_watching else 130
        except Unusable as error:
            return _refuse(str(error))


def _refuse(sentence: str) -> int:
    print(f"check: {sentence}", file=sys.stderr)
    return 2


def main(checker: Path, arguments: list[str] | None = None) -> int:
    """`python check.py` of the kit whose folder is `checker`."""
    parser = argparse.ArgumentParser(prog="check.py", description="Run the visible checks on your work.")
    parser.add_argument(
        "path", nargs="?", default=str(checker.parent), help="folder with your work (default: this one)"
    )
    parser.add_argument("--task", help="only this task, such as 1-2")
    parser.add_argument("--watch", action="store_true", help="check again whenever you save a file")
    chosen = parser.parse_args(arguments)
    return run(read_kit(checker), Path(chosen.path), chosen.task, chosen.watch)
