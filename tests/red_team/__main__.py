"""`python -m tests.red_team`: run the corpus and print the table attack → what happened.

python -m tests.red_team                      at the highest level that this machine reaches
python -m tests.red_team --level process      at a lower one; an attack that only a higher layer stops is not run
python -m tests.red_team --markdown           as a table for the documentation
python -m tests.red_team fork-bomb frames-searched
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.table import Table

from autograder.report import make_console
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.layers import LAYERS
from autograder.text import clean_line

from .attacks import ATTACKS
from .trial import MOST_MEGABYTES, prepared


def main() -> int:
    parser = argparse.ArgumentParser(description="Run hostile submissions and say what came of each.")
    parser.add_argument("attacks", nargs="*", help="identifiers; all, if none is given")
    parser.add_argument("--level", choices=LAYERS, default=LAYERS[-1], help="the highest layer to use")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    arguments = parser.parse_args()
    if unknown := set(arguments.attacks) - {attack.id for attack in ATTACKS}:
        parser.error(f"there is no attack {', '.join(sorted(unknown))}")
    chosen = [attack for attack in ATTACKS if attack.id in arguments.attacks or not arguments.attacks]
    used = LAYERS[: LAYERS.index(arguments.level) + 1]
    rows, bad, most, console = [], 0, [0.0, 0.0, 0.0], make_console()
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder), Sandbox(use=used)) as surroundings:
        level = surroundings.sandbox.isolation
        for attack in chosen:
            if not surroundings.stopped_here(attack):
                rows.append((attack, "", f"not run: it takes the layer {attack.needs!r} to stop it"))
                continue
            trial = surroundings.attempt(attack)
            bad += bool(trial.problems)
            most = [max(pair) for pair in zip(most, (trial.megabytes, trial.of_workers, trial.busy))]
            happened = f"SUCCEEDED: {'; '.join(trial.problems)}" if trial.problems else trial.said
            rows.append((attack, f"{trial.score:g} / {attack.honest:g}", clean_line(happened, 200)))
            print(
                f"{attack.id:32} {trial.seconds:5.1f} s  grader +{trial.megabytes:.0f} MB, {trial.busy:.1f} s  workers {trial.of_workers:.0f} MB  "
                f"{trial.statuses}  {clean_line(happened, 90)}",
                file=sys.stderr,
            )
        alive = surroundings.grade_honest()
    if arguments.markdown:
        print(f"Layers: {level}.\n\n| attack | it | points / honest | what happened |\n|---|---|---|---|")
        for attack, points, happened in rows:
            print(f"| {attack.id} | {attack.tries} | {points} | {_escaped(happened)} |")
    else:
        table = Table("attack", "points / honest", "what happened", title=f"Hostile submissions, layers {level}")
        for attack, points, happened in rows:
            table.add_row(attack.id, points, happened)
        console.print(table)
    summary = f"{bad} of {len(chosen)} attacks gained or harmed something"
    console.print(f"{summary}; the honest submission that followed them earned {alive:g} points.")
    console.print(
        f"At most, one attack made the grader hold {most[0]:.0f} MB more than before (allowed: {MOST_MEGABYTES:.0f}) and work for {most[2]:.1f} s; "
        f"its own processes held {most[1]:.0f} MB."
    )
    return 1 if bad else 0


def _escaped(text: str) -> str:
    for character in "\\`|*_<>[]":
        text = text.replace(character, f"\\{character}")
    return text


if __name__ == "__main__":
    sys.exit(main())
