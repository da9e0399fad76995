"""What came of `autograder validate --generated`, in the terminal and as a file."""

import json
from collections import Counter
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from autograder.grading.generated.campaign import EQUAL, KILLED, Campaign
from autograder.grading.generated.trial import Kind, Outcome
from autograder.report.terminal import make_console
from autograder.verdict import write_atomically

_COLUMNS = get_args(Kind)


def print_campaign(campaign: Campaign, console: Console | None = None) -> None:
    """The table by operator, every mutant that shows a hole, then the rates."""
    console = console or make_console()
    console.print(_table(campaign))
    for outcome in campaign.of("survivor", "also elsewhere", "only elsewhere", "grader failed"):
        _print_outcome(console, outcome)
    kinds, of_variants = campaign.kinds, sum(bool(outcome.mutant.variant) for outcome in campaign.outcomes)
    pairs = sum(len(outcome.mutant.operators) > 1 for outcome in campaign.outcomes)
    killed = len(campaign.of(*KILLED))
    console.print(
        f"{campaign.assignment}, seed {campaign.seed}: {len(campaign.outcomes)} mutants, {len(campaign.outcomes) - pairs} single and "
        f"{pairs} pairs; {of_variants} of them of right variants."
    )
    console.print(", ".join(f"{kinds[kind]} {kind}" for kind in _COLUMNS if kinds[kind]) + ".")
    console.print(
        f"Kill rate among those that ought to lose points: {campaign.kill_rate:.2%} ({killed} of {campaign.judged}); "
        f"in the right task alone {campaign.right_task_rate:.2%} ({kinds['killed']} of {killed})."
    )
    console.print(f"Time: {campaign.seconds:.0f} s.")
    for problem in campaign.falls_short:
        console.print(f"✗ {problem}")


def _table(campaign: Campaign) -> Table:
    """Pairs have a row of their own."""
    rows: dict[str, Counter[str]] = {}
    for outcome in campaign.outcomes:
        operators = outcome.mutant.operators
        rows.setdefault(operators[0] if len(operators) == 1 else "two at once", Counter())[outcome.kind] += 1
    used = [kind for kind in _COLUMNS if campaign.kinds[kind]]
    table = Table(title=f"Generated mutants of {campaign.assignment}")
    for heading in ("operator", *used):
        table.add_column(heading, justify="left" if heading == "operator" else "right")
    for operator in sorted(rows):
        table.add_row(operator, *(str(rows[operator][kind] or "") for kind in used))
    return table


def _print_outcome(console: Console, outcome: Outcome) -> None:
    cost = f", costs points in {', '.join(outcome.lost)}" if outcome.lost else ""
    console.print(f"\n{outcome.kind}{cost}: {outcome.mutant.id}", markup=False, highlight=False)
    console.print(outcome.message, markup=False, highlight=False)
    console.print(Syntax(outcome.mutant.diff, "diff", background_color="default", word_wrap=True))


def write_campaign(campaign: Campaign, folder: Path) -> Path:
    """All mutants with their diffs, as JSON, in `folder`, also of a campaign that still goes on. Returns the file."""
    path = folder / f"generated-{campaign.assignment}-{campaign.seed}.json"
    data = {
        "assignment": campaign.assignment,
        "seed": campaign.seed,
        "seconds": round(campaign.seconds, 1),
        "kinds": dict(campaign.kinds),
        "kill_rate": campaign.kill_rate,
        "right_task_rate": campaign.right_task_rate,
        "equal": len(campaign.of(*EQUAL)),
        "mutants": [_as_data(outcome) for outcome in campaign.outcomes],
    }
    write_atomically(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    return path


def _as_data(outcome: Outcome) -> dict[str, object]:
    mutant = outcome.mutant
    return {
        "id": mutant.id, "kind": outcome.kind, "lost": list(outcome.lost), "message": outcome.message, "region": mutant.region,
        "variant": mutant.variant, "operators": list(mutant.operators), "seconds": round(outcome.seconds, 2), "diff": mutant.diff,
    }  # fmt: skip
