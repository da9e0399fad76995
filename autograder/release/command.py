"""`autograder release`: derive the student folders from the solutions, or check that they are fit to hand out."""

from rich.console import Console

from autograder.manifest import assignment_ids, load_manifest
from autograder.release.handout import HandoutError, check_handout, write_handout


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
                changes = write_handout(manifest)
            problems = check_handout(manifest)
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
