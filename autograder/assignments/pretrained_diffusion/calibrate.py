"""What the solution's functions draw, over several secrets: what the thresholds of the pictures rest on.

    python -m autograder.assignments.pretrained_diffusion.calibrate 20 > pictures.json

The numbers that came out are in docs/outcome-rule.md.
"""

import json
import sys
import time

from autograder.assignments.pretrained_diffusion.outcome import Outcome
from autograder.grading.checks import Carry, Note, WrongAnswer
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.manifest import load_manifest
from autograder.sandbox.launcher import Sandbox


def main(count: int, first: int = 0) -> None:
    manifest = load_manifest("pretrained_diffusion")
    with Sandbox() as sandbox:
        for seed in range(first, first + count):
            secret = f"calibration {seed}".encode()
            outcome = Outcome(OutcomeContext(manifest, sandbox, solution_files(manifest), manifest.limits, secret, "digest"))
            found: dict[str, object] = {"seed": seed}
            for check in (outcome.expect_guided, outcome.expect_edits, outcome.expect_inpainting, outcome.expect_illusions):
                note, started = Note(), time.perf_counter()
                try:
                    check(note, Carry())
                except WrongAnswer as failure:
                    found[f"{check.__name__} failed"] = str(failure)
                found |= {name: round(float(value[0]), 3) for name, (value, _) in note.values.items()}
                found[f"{check.__name__}, seconds"] = round(time.perf_counter() - started, 1)
            outcome.close()
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["20"]))
