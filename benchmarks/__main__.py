"""`python -m benchmarks [NAME …]`: all measurements, or the named ones, as one table."""

import os
import platform
import sys

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import chamfer, classroom, fid_speed, fuzz_wire, grading, isolation, rivals, trainer_speed

MEASUREMENTS = {
    "behaviour": grading.behaviour,
    "verdict": grading.verdict,
    "isolation": isolation.run,
    "fuzz_wire": fuzz_wire.run,
    "chamfer": chamfer.run,
    "frechet": fid_speed.frechet_step,
    "whole_fid": fid_speed.whole_fid,
    "trainer": trainer_speed.trainer,
    "class_behaviour": classroom.class_behaviour,
    "class_outcomes": classroom.class_outcomes,
    "class_training": classroom.class_training,
    "class_dask": classroom.class_dask,
    "rivals": rivals.rivals,
}
ONLY_WHEN_NAMED = ("rivals",)  # installs packages


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
    for name in names or [name for name in MEASUREMENTS if name not in ONLY_WHEN_NAMED]:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        for row in MEASUREMENTS[name]():
            table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
