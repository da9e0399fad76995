"""The verdict in a terminal: one line for each check as it finishes, then what was lost and why.

Readable in 80 columns and without colour. On a terminal a small table below the finished lines shows the tasks, the
running check and its progress; elsewhere (a pipe, a log) only the finished lines are printed. Nothing here reads rich
markup or emoji codes from a text.
"""

import sys
import time
from types import TracebackType
from typing import IO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autograder.report.view import Audience, CheckView, State, TaskView, View, present
from autograder.report.wording import count, inline, listing, paragraphs, points_text
from autograder.text import clean_line
from autograder.verdict import Verdict

WIDTH = 100  # columns at most: longer lines are hard to read
MESSAGE_LINES = 24  # of one message; the rest stands in report.html
PRINTED_LINES = 8
REFRESH = 0.1  # seconds between two drawings of the table

_STYLES: dict[State, str] = {
    "passed": "green",
    "partial": "yellow",
    "failed": "red",
    "broken": "red",
    "held": "yellow",
    "grader_error": "magenta",
    "not_run": "dim",
    "waiting": "dim",
}


def make_console(file: IO[str] | None = None) -> Console:
    """A console for the reports: no highlighting, no emoji codes, and no crash where the output cannot encode "√"."""
    target = file or sys.stdout
    if hasattr(target, "reconfigure"):
        target.reconfigure(errors="replace")
    return Console(file=file, highlight=False, emoji=False, markup=False)


class TerminalReport:
    """Shows a verdict as it grows: a context manager. Call `update` with each new verdict, `print_summary` at the end.

    Draws only inside `update` (no thread of its own), so the caller may fork.
    """

    def __init__(self, console: Console | None = None, audience: Audience = "staff") -> None:
        self.console = console or make_console()
        self.audience: Audience = audience
        self._shown: dict[str, tuple[str, float]] = {}
        self._started = False
        self._drawn = 0.0
        self._running: str | None = None
        self._live: Live | None = None

    def __enter__(self) -> "TerminalReport":
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(
                console=self.console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.update(Text(""))
            self._live.stop()
            self._live = None

    def update(
        self, verdict: Verdict, running: str | None = None, progress: tuple[str, int, int] | None = None
    ) -> None:
        """Print the checks that finished since the last call; redraw the table.

        `running` is the id of the check that runs now, `progress` its (what, done, total). Cheap to call often.
        """
        fresh = [
            check.id
            for check in verdict.checks
            if check.status != "not_run" and self._shown.get(check.id) != (check.status, check.points)
        ]
        now = time.monotonic()
        due = self._live is not None and (bool(fresh) or running != self._running or now - self._drawn >= REFRESH)
        if not fresh and not due and self._started:
            return
        view = present(verdict, self.audience)
        if not self._started:
            self._started = True
            self._print(Group(Text(view.title, style="bold"), Text(view.submission), Text("")))
        by_id = {check.id: check for check in verdict.checks}
        views = {check.id: check for check in view.checks}
        for name in fresh:
            self._shown[name] = (by_id[name].status, by_id[name].points)
            check = views.get(clean_line(name, 120))
            if check:
                self._print(_finished_line(check, view))
        if self._live and due:
            self._drawn, self._running = now, running
            self._live.update(_running_table(view, running, progress), refresh=True)

    @property
    def _width(self) -> int:
        return min(self.console.width, WIDTH)

    def _print(self, what: RenderableType) -> None:
        self.console.print(what, width=self._width)


def print_summary(
    verdict: Verdict, console: Console | None = None, audience: Audience = "staff", report: str = "report.html"
) -> None:
    """The points by task; each lost check with its sentence, message, hint and what was carried; notices; the score."""
    console = console or make_console()
    width = min(console.width, WIDTH)
    for part in _summary(present(verdict, audience), clean_line(report, 200)):
        console.print(part, width=width)


def _summary(view: View, report: str) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(""), _task_table(view)]
    for check in view.lost:
        parts += [Text(""), *_lost_check(check, report)]
    skipped = [check for check in view.checks if check.state in ("not_run", "waiting")]
    if skipped and view.state != "refused":
        parts.append(Text(""))
        reasons: dict[str, list[str]] = {}
        for check in skipped:
            reasons.setdefault(check.message.split("\n")[0].rstrip("."), []).append(check.number)
        for reason, numbers in reasons.items():
            parts.append(Text.assemble("– not judged: ", listing(numbers), f" ({reason})" if reason else ""))
    for notice in view.notices:
        title = Text.assemble("! ", (notice.heading, "bold"), f"  {notice.cost}" if notice.cost else "")
        parts += [Text(""), title, *_body(notice.message, report)]
        if notice.detail:
            parts.append(
                _Indented(
                    Text(f"({count(notice.detail.count(chr(10)) + 1, 'line')} of detail in {report})", style="dim")
                )
            )
    parts += [Text(""), Text(view.sentence)]
    if view.arithmetic:
        parts.append(Text(view.arithmetic))
    if view.isolation:
        parts.append(Text(f"Isolation: {view.isolation}", style="dim"))
    parts.append(Text.assemble("Score ", (view.points, "bold")))
    return parts


def _status(check: CheckView) -> Text:
    return Text(f"{check.symbol} {check.word}", style=_STYLES[check.state], no_wrap=True)


def _finished_line(check: CheckView, view: View) -> RenderableType:
    every = view.checks
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=14, no_wrap=True)
    table.add_column(width=max(len(each.number) for each in every), no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=max(len(each.points) for each in every), justify="right", no_wrap=True)
    table.add_row(_status(check), Text(check.number), _inline(check.title), Text(check.points))
    return table


def _running_table(view: View, running: str | None, progress: tuple[str, int, int] | None) -> RenderableType:
    parts: list[RenderableType] = [Text(""), _task_table(view), Text(f"Score so far {view.points}")]
    check = next((check for check in view.checks if running is not None and check.id == clean_line(running, 120)), None)
    if check:
        line = Text.assemble("▸ now ", (check.number, "bold"), "  ", _inline(check.title))
        line.no_wrap, line.overflow = True, "ellipsis"
        parts.append(line)
    if progress:
        what, done, total = progress
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text(f"  {clean_line(what, 30)}"),
            ProgressBar(total=max(total, 1), completed=min(max(done, 0), max(total, 1)), width=30),
            Text(f"{done:,} / {total:,}"),
        )
        parts.append(row)
    return Group(*parts)


def _task_table(view: View) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for task in view.tasks:
        table.add_row(Text(task.id, style="bold"), Text(task.title), _bar(task), Text(task.points or task.verdict))
    return table


def _bar(task: TaskView, cells: int = 12) -> Text:
    """████████░░░░: full only for full points, empty only for none."""
    full = round(task.share * cells)
    if 0 < task.share < 1:
        full = min(max(full, 1), cells - 1)
    return Text("█" * full + "░" * (cells - full), style="green" if full == cells else "yellow" if full else "dim")


def _lost_check(check: CheckView, report: str) -> list[RenderableType]:
    title = Text.assemble(
        (f"{check.symbol} {check.number} {check.word}", f"bold {_STYLES[check.state]}"), f"  {check.points}"
    )
    parts: list[RenderableType] = [title, _Indented(_inline(check.title, "bold"), 2), *_body(check.message, report)]
    if check.hint:
        parts += _body(check.hint, report, label="Likely cause: ")
    if check.carried:
        parts += _body(check.carried, report, label="Carried forward: ")
    if check.printed:
        lines = check.printed.split("\n")
        more = f" (last {PRINTED_LINES} of {len(lines)} lines)" if len(lines) > PRINTED_LINES else ""
        parts.append(_Indented(Text(f"Your code printed{more}:", style="bold")))
        parts += [
            _Indented(Text("| " + line.expandtabs(4), overflow="ellipsis", no_wrap=True))
            for line in lines[-PRINTED_LINES:]
        ]
    return parts


def _body(text: str, report: str, label: str = "") -> list[RenderableType]:
    lines = text.split("\n")
    if len(lines) > MESSAGE_LINES:
        text = "\n".join(lines[:MESSAGE_LINES]) + f"\n… ({count(len(lines) - MESSAGE_LINES, 'more line')} in {report})"
    parts: list[RenderableType] = []
    for kind, block in paragraphs(text):
        body = _inline(block) if kind == "text" else Text(block.expandtabs(4))
        if label:
            body, label = Text.assemble((label, "bold"), body), ""
        parts.append(_Indented(body))
    return parts


def _inline(text: str, style: str = "") -> Text:
    result = Text(style=style)
    for kind, part in inline(text, subscripts=False):
        result.append(part, style="cyan" if kind == "code" else None)
    return result


class _Indented:
    """A text wrapped to the width that is left, without blanks at the ends of its lines."""

    def __init__(self, text: Text, columns: int = 4) -> None:
        self.text, self.columns = text, columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(options.max_width - self.columns, 20)
        for line in self.text.wrap(console, width, overflow=self.text.overflow, no_wrap=self.text.no_wrap):
            line.rstrip()
            yield Text(" " * self.columns, no_wrap=True) + line


def one_line(verdict: Verdict) -> str:
    """The verdict in one line, as for a list of submissions: "31.5 / 50  name: 9 of 12 checks passed; ..."."""
    view = present(verdict)
    return f"{points_text(view.score)} / {points_text(view.maximum)}  {view.submission}: {view.sentence}"
