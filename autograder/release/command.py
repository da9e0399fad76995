"""`autograder release`: derive the student folders from the solutions, or check that they are fit to hand out."""

from pathlib import Path

from rich.console import Console

from autograder.errors import UserError
from autograder.manifest import assignment_ids, load_manifest
from autograder.release.handout import HandoutError, check_handout, write_handout
from autograder.release.kit import facts_kit, write_kit
from autograder.release.numbers import check_numbers, write_numbers


def release(assignment: str | None = None, check: bool = False) -> int:
    """Write the student folder of one assignment, or of all, and print what changed and what is wrong with it.

    With `check`, nothing is written. Returns the exit status: 0 when all is well, 1 when a folder is stale or shows an
    answer. Raises UserError for an unknown assignment and for a solution folder from which nothing can be derived.
    """
    console = Console(markup=False, highlight=False, soft_wrap=True)
    status = 0
    for identifier in [assignment] if assignment is not None else assignment_ids():
        manifest = load_manifest(identifier)
        changes: list[str] = []
        try:
            if not check:
                changes = [*write_handout(manifest), *write_numbers(manifest, facts_kit(manifest))]
            problems = check_handout(manifest)
            if check:
                problems += check_numbers(manifest, facts_kit(manifest))
        except HandoutError as error:
            problems = [*error.problems, f"{manifest.folder}/: nothing was written."]
        for line in [*changes, *problems]:
            console.print(line)
        if problems:
            status = 1
            console.print(f"{manifest.folder}/: not ready for students.")
        else:
            console.print(f"{manifest.folder}/: current, and no answer in it.")
    return status


def release_kit(assignment: str | None, out: Path) -> None:
    """Write the student kit of an assignment and print what it is. Raises UserError when it cannot be made or written."""
    if assignment is None:
        raise UserError(f"Name the assignment whose kit is wanted: {' or '.join(assignment_ids())}.")
    if out.is_dir():
        raise UserError(f"{out} is a folder; name the zip that is to be written, such as {out / 'handout.zip'}.")
    names = write_kit(load_manifest(assignment), out)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(f"{out}: the student kit of {assignment}, {len(names)} files, no answer and no hidden check in it.")
