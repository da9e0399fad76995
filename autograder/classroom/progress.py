"""What the user sees while a class is graded: how far it is, how fast, how long still."""

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from autograder.report.terminal import make_console


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} a second" if speed else "")


def say(sentence: str) -> None:
    """One line, nothing in it is markup."""
    make_console().print(sentence, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives a function to call once for each that is done. Where the output is no terminal, every tenth of the way is a line."""
    if total == 0:
        yield lambda: None
        return
    console = make_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, speed_estimate_period=120) as shown:
        task = shown.add_task(what, total=total)
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            shown.advance(task)
            if not console.is_terminal and (done * 10) // total != ((done - 1) * 10) // total:
                console.print(f"{what}: {done} of {total}", highlight=False)

        yield step
