"""`python -m benchmarks [NAME …]`: all measurements, or the named ones, as one table."""

import os
import platform
import sys

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import fuzz_wire, grading, isolation

MEASUREMENTS = {
    "behaviour": grading.behaviour,
    "verdict": grading.verdict,
    "isolation": isolation.run,
    "fuzz_wire": fuzz_wire.run,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.exit(f"There is no measurement {unknown[0]!r}; there is {', '.join(MEASUREMENTS)}.")
    table = Table(
        "what",
        "figure",
        "bound",
        title=f"Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} cores, {platform.system()}",
    )
    for name in names or MEASUREMENTS:
        for row in MEASUREMENTS[name]():
            table.add_row(*row)
    Console().print(table)


main(sys.argv[1:])
