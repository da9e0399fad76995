"""Trains the classifier of drawn pictures; needs torch, which the grader's process does not.

    python -m autograder.drawings.training [--pictures 12000] [--epochs 10]      writes weights/contents.npz, some ten minutes on a core
    python -m autograder.drawings.training --test                               says how often the weights that are there are right

What is to be judged are the samples of an imperfect model: so pictures are moved, blurred, made noisy, too bright or too pale, reduced to
their high frequencies, or mixed with a weaker second one, as in hybrids and illusions.
"""

import argparse
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.drawings.classifier import CLASSES, LAYERS, NOTHING, STRIDE, WEIGHTS, classify, indices, weights
from autograder.drawings.drawings import PROMPTS, SIZE, content_of, draw
from autograder.drawings.samples import from_afar, from_near, upside_down
from autograder.errors import UserError

CHANNELS, KERNELS = (24, 48, 96, 128), (5, 3, 3, 3)
BATCH, NONE_OF_THESE = 128, 0.15  # size of a batch, and the share of pictures that show nothing
Pictures = NDArray[np.uint8]


def drawn(count: int, seed: int) -> tuple[Pictures, list[str]]:
    """`count` pictures, (N, 64, 64, 3), as many of each prompt that says what there is to see, and their contents."""
    rng = np.random.default_rng(seed)
    asked = [prompt for prompt in PROMPTS if content_of(prompt) is not None]
    prompts = [asked[index % len(asked)] for index in range(count)]
    return np.stack([draw(prompt, rng) for prompt in prompts]), [str(content_of(prompt)) for prompt in prompts]


def nothing(torch: Any, x: Any) -> Any:
    """As many pictures as in x, (N, 3, 64, 64) in [−1, 1], that show none of the contents.

    Clouds of any size and noise around a colour or grey, pictures of x with random phases (their colours and spectrum, but no shapes),
    pictures that drown in noise, and six at once.
    """
    count = len(x)
    ground = (2 * torch.rand(count, 3, 1, 1) - 1) * torch.rand(count, 1, 1, 1).sqrt()
    strength = torch.exp(torch.empty(count, 1, 1, 1).uniform_(-3.5, 0.0))
    clouds = [
        torch.nn.functional.interpolate(torch.randn(count, 3, cells, cells), (SIZE, SIZE), mode="bicubic")
        for cells in (1, 2, 4, 8, 16, 24, SIZE)
    ]
    made = [ground + strength * cloud for cloud in clouds]
    made += [ground + strength * cloud.mean(1, keepdim=True) for cloud in clouds[2:]]
    made += [ground + strength * (one + other) / 2 for one, other in zip(clouds, clouds[2:])]
    turns = torch.fft.rfft2(torch.randn(count, 1, SIZE, SIZE))
    middle = x.mean((2, 3), keepdim=True)
    scrambled = middle + torch.fft.irfft2(torch.fft.rfft2(x - middle) * turns / turns.abs().clamp(min=1e-6))
    drowned = 0.25 * x + (0.8 + torch.rand(count, 1, 1, 1)) * torch.randn_like(x)
    crowd = torch.stack([x[torch.randperm(count)] for _ in range(6)]).mean(0)
    every = torch.stack([*made, *[scrambled] * 8, drowned, crowd])
    return every[torch.randint(len(every), (count,)), torch.arange(count)].clamp(-1, 1)


def spoiled(torch: Any, x: Any) -> Any:
    """Pictures, (N, 3, 64, 64) in [−1, 1], as an imperfect model would draw them."""
    functional, count = torch.nn.functional, len(x)

    def some(share: float) -> Any:
        return (torch.rand(count, 1, 1, 1) < share).float()

    x = torch.where(some(0.5) > 0, x.flip(3), x)
    down, across = (int(step) for step in torch.randint(0, 9, (2,)))
    x = functional.pad(x, (4, 4, 4, 4), mode="replicate")[:, :, down : down + SIZE, across : across + SIZE]
    second = x[torch.randperm(count)]
    second = torch.where(some(0.5) > 0, second.flip(2), second)
    x = x + some(0.25) * 0.4 * torch.rand(count, 1, 1, 1) * (second - x)  # a weaker second one, upside down or not
    blurred = torch.empty_like(x)
    for part in torch.randperm(count).split(16):
        blurred[part] = _blurred(torch, x[part], 0.3 + 2.2 * float(torch.rand(())))
    kind = torch.rand(count, 1, 1, 1)
    x = torch.where(
        kind < 0.3, blurred, torch.where(kind < 0.45, (0.7 + 0.8 * torch.rand(count, 1, 1, 1)) * (x - blurred), x)
    )
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (1 - some(0.3) * torch.rand(count, 1, 1, 1))
    x = (
        x * (0.7 + 0.6 * torch.rand(count, 1, 1, 1))
        + 0.15 * torch.randn(count, 1, 1, 1)
        + 0.08 * torch.randn(count, 3, 1, 1)
    )
    return (x + some(0.5) * 0.3 * torch.rand(count, 1, 1, 1) * torch.randn_like(x)).clamp(-1, 1)


def _blurred(torch: Any, x: Any, sigma: float) -> Any:
    places = torch.arange(-8.0, 9.0)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(3, 1)
    wide = torch.nn.functional.pad(x, (8, 8, 8, 8), mode="reflect")
    rows = torch.nn.functional.conv2d(wide, kernel[:, None, :, None], groups=3)
    return torch.nn.functional.conv2d(rows, kernel[:, None, None, :], groups=3)


def train(count: int, epochs: int) -> dict[str, NDArray[np.float32]]:
    """Adam on the cross-entropy; the batch normalisations of the training are multiplied into the convolutions."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    pictures, contents = drawn(count, 1)
    x = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    y = torch.from_numpy(indices(contents))
    layers: list[Any] = []
    for before, after, side in zip((3, *CHANNELS), CHANNELS, KERNELS):
        layers += [
            torch.nn.Conv2d(before, after, side, STRIDE, side // 2, bias=False),
            torch.nn.BatchNorm2d(after),
            torch.nn.ReLU(),
        ]
    last = torch.nn.Linear(CHANNELS[-1], len(CLASSES))
    net = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), last)
    adam = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = torch.optim.lr_scheduler.OneCycleLR(adam, 6e-3, epochs=epochs, steps_per_epoch=-(-count // BATCH))
    for epoch in range(epochs):
        right = 0
        for rows in torch.randperm(count).split(BATCH):
            clean = x[rows].float() / 127.5 - 1
            few = clean[: int(BATCH * NONE_OF_THESE)]
            told = torch.cat([y[rows], torch.full((len(few),), CLASSES.index(NOTHING))])
            answer = net(torch.cat([spoiled(torch, clean), spoiled(torch, nothing(torch, few))]))
            loss = torch.nn.functional.cross_entropy(answer, told, label_smoothing=0.02)
            adam.zero_grad()
            loss.backward()
            adam.step()
            steps.step()
            right += int((answer.argmax(1) == told)[: len(rows)].sum())
        print(f"epoch {epoch + 1} of {epochs}: right for {100 * right / count:.1f} % of spoiled pictures", flush=True)
    found = {"w5": last.weight.T, "b5": last.bias}
    for layer in range(LAYERS):
        convolution, norm = layers[3 * layer], layers[3 * layer + 1]
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        found[f"w{layer + 1}"] = (convolution.weight * factor[:, None, None, None]).permute(2, 3, 1, 0)
        found[f"b{layer + 1}"] = norm.bias - norm.running_mean * factor
    return {name: tensor.detach().numpy() for name, tensor in found.items()}


def accuracy(count: int = 2800, seed: int = 2) -> dict[str, float]:
    """How often the classifier is right on pictures that it was not trained on: as they are, and spoiled in several ways."""
    pictures, contents = drawn(count, seed)
    rng = np.random.default_rng(seed)
    clean = pictures / np.float32(255)
    ways: dict[str, NDArray[np.floating]] = {
        "as drawn": clean,
        "with noise of 0.1": np.clip(clean + 0.1 * rng.standard_normal(clean.shape), 0, 1),
        "low frequencies": np.clip(from_afar(clean), 0, 1),
        "high frequencies": from_near(clean),
        "half as strong, mixed with grey": 0.5 * clean + 0.25,
        "0.7 of one and 0.3 of another, upside down": 0.7 * clean + 0.3 * upside_down(clean[rng.permutation(count)]),
    }
    shares = {
        way: float(np.mean([one == other for one, other in zip(classify(made), contents)]))
        for way, made in ways.items()
    }
    noise = 0.5 + 0.1 * rng.standard_normal((200, SIZE, SIZE, 3))
    for way, none in (("noise", noise), ("clouds", 3 * from_afar(noise - 0.5) + 0.5)):
        shares[f"{way}, called {NOTHING}"] = float(np.mean([one == NOTHING for one in classify(np.clip(none, 0, 1))]))
    return shares


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m autograder.drawings.training", description="Train the classifier of drawn pictures."
    )
    parser.add_argument("--pictures", type=int, default=12_000, help="how many are drawn to train on")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument(
        "--test", action="store_true", help="train nothing, and say how often the weights that are there are right"
    )
    args = parser.parse_args(arguments)
    if args.pictures < BATCH or args.epochs < 1:
        raise UserError(f"Train on at least {BATCH} pictures, for at least one epoch.")
    if args.test and not WEIGHTS.is_file():
        raise UserError(f"There are no weights at {WEIGHTS}; leave --test away to train them.")
    if not args.test:
        trained = {name: value.astype(np.float16) for name, value in train(args.pictures, args.epochs).items()}
        WEIGHTS.parent.mkdir(exist_ok=True)
        np.savez_compressed(WEIGHTS, **trained)  # type: ignore[arg-type]
        weights.cache_clear()
    for way, share in accuracy().items():
        print(f"right for {100 * share:6.2f} % of pictures: {way}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
