"""Errors and wrong digits of the solution, trained by the manifest's recipes: what the thresholds of the trained models rest on.

    python -m autograder.assignments.mnist_diffusion.calibrate 20 > trained.json

One training takes about as long as in a grading. The numbers that came out are in docs/outcome-rule.md.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from autograder.assignments.mnist_diffusion.rule import Rule
from autograder.assignments.mnist_diffusion.schedule import Betas
from autograder.digits import Digits, load_digits
from autograder.digits.mnist import mnist_folder
from autograder.digits.samples import judged_samples
from autograder.manifest import load_manifest
from autograder.outcome_rule import Recipe


def train(network: torch.nn.Module, recipe: Recipe, digits: Digits, loss_of: Callable[..., torch.Tensor]) -> None:
    """As the worker trains. `loss_of`: of images, (B, 1, 28, 28), and labels."""
    adam = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    images, labels = torch.from_numpy(digits.images[:, None]), torch.from_numpy(digits.labels)
    for rate, rows in zip(recipe.rates, _batches(len(images), recipe.batch_size)):
        adam.param_groups[0]["lr"] = float(rate)
        loss = loss_of(images[rows], labels[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
    network.eval()


def _batches(count: int, size: int) -> Iterator[torch.Tensor]:
    while True:
        yield from (rows for rows in torch.randperm(count).split(size) if len(rows) == size)


def denoising_error(rule: Rule, seed: int, module: str = "unet", name: str = "UnconditionalUNet") -> float:
    """On `held_out` digits, as in a grading."""
    denoising, networks = __import__("denoising"), __import__(module)
    torch.manual_seed(seed)
    network = getattr(networks, name)(1, rule.denoiser.width)
    digits = load_digits(rule.denoiser.pool, 28, seed, mnist_folder())
    train(network, rule.denoiser, digits, lambda x, c: denoising.denoising_loss(network, x, rule.sigma))
    x = torch.from_numpy(load_digits(rule.held_out, 28, seed + 10_000, mnist_folder()).images[:, None])
    with torch.no_grad():
        return float(((network(x + rule.sigma * torch.randn_like(x)) - x) ** 2).mean())


def guided(rule: Rule, seed: int) -> dict[str, float]:
    """The share of wrong digits, and the Fréchet distance."""
    from class_conditional import ddpm_forward, ddpm_sample
    from time_conditional import ddpm_schedule
    from unet import ClassConditionalUNet

    torch.manual_seed(seed)
    network = ClassConditionalUNet(1, 10, rule.guided.width)
    betas = Betas(1e-4 * 300 / rule.num_ts, 0.02 * 300 / rule.num_ts, rule.num_ts)
    tables = ddpm_schedule(betas.first, betas.last, betas.steps)
    digits = load_digits(rule.guided.pool, 28, seed, mnist_folder())
    train(network, rule.guided, digits, lambda x, c: ddpm_forward(network, tables, x, c, 0.1, betas.steps))
    labels = torch.arange(rule.samples) % 10
    images, _ = ddpm_sample(network, tables, labels, (28, 28), betas.steps, rule.guidance_scale, seed)
    judged = judged_samples(images[:, 0].double().numpy(), labels.numpy(), mnist_folder())
    return {"wrong": judged.wrong, "distance": judged.distance, "distance_error": judged.distance_error}


def main(count: int, first: int = 0) -> None:
    torch.set_num_threads(1)
    manifest = load_manifest("mnist_diffusion")
    sys.path.insert(0, str(manifest.solution))
    rule = manifest.outcome
    assert isinstance(rule, Rule)
    for seed in range(first, first + count):
        found: dict[str, Any] = {"seed": seed, "data": "drawn" if mnist_folder() is None else "mnist"}
        for name, measure in (
            ("denoising error", lambda: denoising_error(rule, seed)),  # noqa: B023
            ("better", lambda: denoising_error(rule, seed, "better_unet", "BetterUNet")),  # noqa: B023
            ("guided", lambda: guided(rule, seed)),  # noqa: B023
        ):
            started = time.process_time()
            found[name] = measure()
            found[f"{name}, seconds"] = round(time.process_time() - started, 1)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["20"]))
