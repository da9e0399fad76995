"""Wrong digits of the solution, trained by the manifest's recipe: what the threshold of the trained model rests on.

    python -m autograder.assignments.latent_diffusion.calibrate 20 > digits.json

One training takes about as long as in a grading, whose code it is. The numbers that came out are in docs/outcome-rule.md.
"""

import json
import sys
import time

import numpy as np

from autograder.assignments.latent_diffusion.outcome import Outcome
from autograder.assignments.latent_diffusion.rule import Rule
from autograder.digits.mnist import mnist_folder
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.manifest import load_manifest
from autograder.sandbox.launcher import Sandbox


def main(count: int, first: int = 0) -> None:
    manifest = load_manifest("latent_diffusion")
    rule = manifest.outcome
    assert isinstance(rule, Rule)
    with Sandbox() as sandbox:
        for seed in range(first, first + count):
            secret = f"calibration {seed}".encode()
            outcome = Outcome(OutcomeContext(manifest, sandbox, solution_files(manifest), manifest.limits, secret, "digest"))
            started = time.perf_counter()
            judged = outcome.samples(outcome.train(0, frozenset()), np.arange(rule.samples) % 10)
            outcome.close()
            found = {"wrong": judged.wrong, "distance": judged.distance, "distance_error": judged.distance_error}
            found |= {"seed": seed, "seconds": round(time.perf_counter() - started, 1)}
            print(json.dumps(found | {"data": "drawn" if mnist_folder() is None else "mnist"}), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["20"]))
