"""The rubric of an assignment: its checks, in order, found in `test_*.py` and added up against the manifest."""

import dataclasses
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from autograder.errors import UserError
from autograder.grading.checks import CheckMark
from autograder.manifest import Manifest, Profile, Task, load_manifest
from autograder.regions import OUTCOME, parts_of, resolve


@dataclass(frozen=True)
class Check:
    """One check. `title` is the first paragraph of its docstring, on one line."""

    id: str
    title: str
    mark: CheckMark
    function: Callable[..., Any]
    sample_shape: tuple[int, ...]  # of the assignment's data
    regions: tuple[str, ...] = ()  # of the manifest, that it judges: one, or two for a class; none for an outcome
    known: tuple[str, ...] = ()  # all regions of the manifest
    assignment: str = ""  # whose solution is the check's `reference`

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


def load_rubric(manifest: Manifest) -> tuple[Check, ...]:
    """All checks, by file and line. Raises UserError when a task's checks do not add up to the points in the manifest, without those that the
    default profile leaves out, or judge a region that their task does not have.
    """
    return _load(manifest.id)


def judged_checks(manifest: Manifest, profile: Profile) -> tuple[Check, ...]:
    """The checks that a profile counts. Raises UserError where it leaves out a check that the rubric does not have."""
    rubric = load_rubric(manifest)
    known = {check.id for check in rubric} | {task.id for task in manifest.tasks}
    if unknown := [left for left in profile.leaves_out if left not in known]:
        raise UserError(f"{manifest.id}: a profile leaves out {unknown[0]!r}, which is no task and no check.")
    outcomes = {task.id for task in manifest.tasks if task.kind == "outcome"}
    return tuple(
        check
        for check in rubric
        if (profile.rule == "sum" or check.mark.task in outcomes)
        and not {check.id, check.mark.task} & set(profile.leaves_out)
    )


def tasks_by_hand(manifest: Manifest, profile: Profile) -> tuple[Task, ...]:
    """The tasks that a person judges, as far as a profile counts them. The tiers of an original course count none."""
    if profile.rule == "tiers":
        return ()
    return tuple(task for task in manifest.tasks if task.kind == "manual" and task.id not in profile.leaves_out)


def module_of(check_file: Path) -> str:
    """The name of the module that a `test_*.py` of the rubric is."""
    return f"autograder.assignments.{check_file.parent.name}.{check_file.stem}"


@cache
def _load(assignment: str) -> tuple[Check, ...]:
    manifest = load_manifest(assignment)
    checks: list[Check] = []
    for path in manifest.check_files:
        module = importlib.import_module(module_of(path))
        found = [f for f in vars(module).values() if hasattr(f, "check_mark") and f.__module__ == module.__name__]
        for function in sorted(found, key=lambda f: f.__code__.co_firstlineno):
            title = " ".join(inspect.cleandoc(function.__doc__ or "").split("\n\n")[0].split())
            checks.append(
                Check(
                    f"{function.check_mark.task}.{function.__name__.removeprefix('test_')}",
                    title,
                    function.check_mark,
                    function,
                    manifest.sample_shape,
                    assignment=manifest.id,
                )
            )
    of_other_editions = manifest.profile(None).leaves_out
    for task in manifest.tasks:
        if task.kind == "manual":
            if any(check.mark.task == task.id for check in checks):
                raise UserError(f"{assignment}: task {task.id} is judged by a person and has checks all the same; take one of the two away.")
            continue
        total = sum(check.mark.points for check in checks if check.mark.task == task.id and check.id not in of_other_editions)
        if abs(total - task.points) > 1e-9:
            raise UserError(
                f"{assignment}: the checks of task {task.id} add up to {total:g} points, and the manifest says {task.points:g}."
            )
    unknown = {check.mark.task for check in checks} - {task.id for task in manifest.tasks}
    if unknown:
        raise UserError(f"{assignment}: checks name the unknown task {sorted(unknown)[0]!r}.")
    names = [check.id for check in checks]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{assignment}: two checks are called {name}; give one of them another name.")
    return tuple(_with_region(check, manifest) for check in checks)


def _with_region(check: Check, manifest: Manifest) -> Check:
    """The check with the full name of its region. Raises UserError where its task has no such region, or several."""
    task = manifest.task(check.mark.task)
    where = f"{manifest.id}: the check {check.id}"
    if task.kind == "outcome":
        if check.mark.region != OUTCOME:
            raise UserError(f"{where} judges an outcome, no region; write region={OUTCOME!r}.")
        return dataclasses.replace(check, known=manifest.regions)
    region = resolve(check.mark.region, task.judged, f"{where}, in task {task.id}")
    mark = dataclasses.replace(check.mark, region=region)
    return dataclasses.replace(check, mark=mark, regions=parts_of(region, task.judged), known=manifest.regions)
