"""Make the trainings of the reference that task 1-5 may share: reference_trainings.safetensors, beside this file.

    python -m autograder.assignments.swiss_roll.make_reference_trainings        a minute for each training, of which about every second is kept

Kept are those with which the reference's samplers are well below both thresholds, so that no right sampler loses points by the luck of a training.
"""

import numpy as np
from tqdm import tqdm

from autograder.assignments.swiss_roll.outcome import Outcome
from autograder.assignments.swiss_roll.points import chamfer_distance
from autograder.assignments.swiss_roll.rule import Rule
from autograder.assignments.swiss_roll.shared import FILE, recipe_of
from autograder.assignments.swiss_roll.simple_net import layers_of
from autograder.assignments.swiss_roll.stand_ins import SAMPLERS, Plan
from autograder.assignments.swiss_roll.time_linear import shapes
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.reference_trainings import ReferenceTraining, write
from autograder.grading.seeds import Draw
from autograder.manifest import Manifest, load_manifest
from autograder.sandbox.launcher import Sandbox

KEPT = 3  # as many as the rule tries
DRAWS = 9  # of each sampler, whose median is the figure
SECRET = b"trainings of the reference, which are no secret"
MARGIN = 0.85  # of the threshold, above which a training is not kept; a median of five draws moves by some 5 %


def one_training(sandbox: Sandbox, manifest: Manifest, index: int) -> ReferenceTraining:
    """The solution's own training, and what its samplers reach."""
    context = OutcomeContext(manifest, sandbox, solution_files(manifest), manifest.limits, SECRET, str(index))
    outcome = Outcome(context)
    try:
        plan = Plan()
        trained = outcome.trainer.train(plan, 0, outcome.trainer.open_lanes(plan))
        weights = {}
        for k, (size, layer) in enumerate(layers_of(trained.network.student, trained.network)):
            for path in shapes(*size):
                weights[f"{k}/{path}"] = halved = layer.get(path).astype(np.float16)
                layer.new(f"{path}.data.copy_", halved.astype(np.float32))  # measured is what the file will hold
        figures: dict[str, float] = {}
        for sampler in SAMPLERS:
            draw = Draw(SECRET, str(index), f"draws of {sampler}")
            samples = outcome.sampling.sample(sampler, plan, trained.model, trained.eps_theta, DRAWS * len(outcome.target), draw)
            distances = [chamfer_distance(part, outcome.target) for part in np.split(samples, DRAWS)]
            figures[sampler] = round(float(np.median(distances)), 2)
        return ReferenceTraining(weights, trained.losses, figures)
    finally:
        outcome.close()


def main() -> None:
    manifest = load_manifest("swiss_roll")
    rule = manifest.outcome
    assert isinstance(rule, Rule)
    kept: list[ReferenceTraining] = []
    with Sandbox() as sandbox, tqdm(total=KEPT, unit="training") as bar:
        index = 0
        while len(kept) < KEPT:
            training = one_training(sandbox, manifest, index)
            index += 1
            bar.set_postfix_str(f"{index} made, the last: {training.figures}")
            if all(training.figures[sampler] < MARGIN * rule.threshold(sampler) for sampler in SAMPLERS):
                kept.append(training)
                bar.update()
        write(FILE, manifest, recipe_of(manifest), sandbox.versions["torch"], kept)


if __name__ == "__main__":
    main()
