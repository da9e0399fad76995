"""`python -m tests.gradescope_layout.courses [ID …]`: what the solution of each assignment takes within Gradescope's limits, 0.5 CPU and 768 MB.

In a small root file system with this machine's Python, from the bundle as it is uploaded to its results.json. Needs root.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

from autograder.bundle.make import bundle
from autograder.grading.mutants import solution_files
from autograder.manifest import assignment_ids, load_manifest
from tests.gradescope_layout.__main__ import METADATA
from tests.gradescope_layout.container import group, why_not
from tests.gradescope_layout.small import small_container


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="*", help="default: all")
    parser.add_argument("--processors", type=float, default=0.5)
    parser.add_argument("--memory", type=int, default=768, help="megabytes")
    parser.add_argument(
        "--torch",
        type=Path,
        help="a folder with another build of torch, such as the one without CUDA that setup.sh installs",
    )
    arguments = parser.parse_args()
    if reason := why_not():
        parser.error(f"this cannot run here: {reason}")
    for identifier in arguments.assignments or assignment_ids():
        with tempfile.TemporaryDirectory() as folder:
            print(
                measured(identifier, Path(folder), arguments.processors, arguments.memory, arguments.torch), flush=True
            )
    return 0


def measured(identifier: str, folder: Path, processors: float, megabytes: int, torch: Path | None = None) -> str:
    """A line: the size of the bundle, points, seconds, and what the report says of time and memory; and what has lost points."""
    archive = folder / "autograder.zip"
    list(bundle(identifier, "gradescope", archive))
    container = small_container(folder / "root", archive)
    if torch is not None:
        container = dataclasses.replace(container, binds=(*container.binds, (torch.resolve(), "/opt/torch")))
        for path in container.root.glob("opt/autograder/venv/lib/*/site-packages/autograder.pth"):
            path.write_text("/opt/torch\n" + path.read_text())
    container.submit(solution_files(load_manifest(identifier)), METADATA)
    started = time.monotonic()
    with group(processors, megabytes) as limits:
        status, printed = container.run(["bash", "/autograder/source/run_autograder"], {}, limits)
    seconds = time.monotonic() - started
    if not container.results.exists():
        return f"{identifier}: no results (status {status}): {printed[-500:]}"
    results = json.loads(container.results.read_text(encoding="utf-8"))
    environment = results["extra_data"].get("environment", {})
    used = ", ".join(str(environment.get(key, "–")) for key in ("time used", "memory used"))
    limited = "" if limits.folders else " (no limits: control groups cannot be written here)"
    size = archive.stat().st_size / 1e6
    short = [
        f"\n    {test['name']}: {test['output']}"
        for test in results["tests"]
        if test["score"] < test.get("max_score", 0)
    ]
    return f"{identifier:22} bundle {size:4.1f} MB  {seconds:4.0f} s  {results['score']:5.1f} points  {used}{limited}{''.join(short)}"


if __name__ == "__main__":
    sys.exit(main())
