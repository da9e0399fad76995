"""Losses of the solution, trained by the manifest's recipe on the embedded digits: what the threshold of task 5 rests on.

    python -m autograder.assignments.minimal_diffusion.calibrate 20 > losses.json

One training takes about as long as in a grading. The numbers that came out are in docs/outcome-rule.md.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import torch

from autograder.assignments.minimal_diffusion.rule import Rule, smoothed
from autograder.digits.drawn import drawn_digits
from autograder.manifest import load_manifest


def losses_of(seed: int, size: int, steps: int, batch: int, learning_rate: float) -> list[float]:
    """The loss of every step. The digits, their order, the weights and the noise depend on `seed`."""
    solution = load_manifest("minimal_diffusion").solution
    sys.path.insert(0, str(solution))
    from ddpm import DDPM
    from unet import UNet

    torch.manual_seed(seed)
    images, _ = drawn_digits(steps * batch, size, seed)
    data = torch.from_numpy(images[:, None] * 2 - 1).expand(-1, 3, -1, -1).reshape(steps, batch, 3, size, size)
    model = DDPM(UNet())
    model(data[0])
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    for x in data:
        loss = model(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def main(count: int, first: int = 0) -> None:
    torch.set_num_threads(1)
    rule = load_manifest("minimal_diffusion").outcome
    assert isinstance(rule, Rule)
    recipe: dict[str, Any] = {
        "size": rule.drawn.size,
        "steps": rule.drawn.steps,
        "batch": rule.batch_size,
        "learning_rate": rule.learning_rate,
    }
    for seed in range(first, first + count):
        started = time.process_time()
        losses = losses_of(seed, **recipe)
        told = {
            "seed": seed,
            "smoothed": smoothed(np.array(losses), rule.drawn.smoothing),
            "seconds": time.process_time() - started,
        }
        print(json.dumps({**told, "losses": [round(loss, 4) for loss in losses]}), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["20"]))
