"""What `autograder replay` prints."""

from rich.console import Console
from rich.table import Table

from autograder.grading.replay import Difference, Replay
from autograder.report.terminal import make_console
from autograder.text import clean_line


def print_replay(replay: Replay, console: Console | None = None) -> None:
    """One line where everything is as it was, else a table of what is not."""
    console = console or make_console()
    checks = {check.id for check in replay.then.checks} | {check.id for check in replay.now.checks}
    same = replay.compared - sum(difference.what in checks for difference in replay.differences)
    if replay.differences:
        console.print(_table("Judged otherwise", replay.differences))
    if replay.versions:
        console.print(_table("Made with other versions", replay.versions))
    console.print(
        f"{same} of {replay.compared} checks were judged as in the verdict, "
        f"which gives {replay.then.score:g} of {replay.then.max_score:g} points.",
        markup=False,
    )


def _table(title: str, rows: tuple[Difference, ...]) -> Table:
    table = Table("what", "then", "now", title=title)
    for row in rows:
        table.add_row(*(clean_line(text, 200) for text in (row.what, row.then, row.now)))
    return table
