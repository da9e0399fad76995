"""Visible checks of the blocks and the first U-Net, of the denoiser, and of flow matching. Shipped as it is, see visible.py.

They know contracts and numbers that the solution gave. A network gets the same number in every weight, so that no order of channels matters.
"""

from typing import Any

import torch

from autograder.kit.checks import Code, Compare, describe, example, expect, expect_tensor, seed, visible

ROWS = 512
STEPS, CLASS_STEPS = 50, 300


class Told(torch.nn.Module):
    """Answers with one number where it is told a class, or takes none, and with another where it is not; remembers what it was given."""

    def __init__(self, answer: float, without: float = 0.0):
        super().__init__()
        self.answers = answer, without
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.seen: list[tuple[torch.Tensor, Any, torch.Tensor]] = []  # x, t, and for each row whether there was a label

    def forward(self, x: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        expect(len(self.seen) < 10 * CLASS_STEPS, f"The network is called more than {10 * CLASS_STEPS} times; look for a loop that does not end.")
        told = dict(zip(("c", "t", "mask") if len(given) + len(named) > 1 else ("t",), given)) | named
        kept = self.kept(told.get("c"), told.get("mask"), len(x))
        self.seen.append((x.detach().clone(), told.get("t"), kept))
        with_label, without = self.answers
        return self.scale * torch.where(kept, with_label, without).view(-1, *[1] * (x.ndim - 1)).expand_as(x)

    def kept(self, c: Any, mask: Any, rows: int) -> torch.Tensor:
        kept = torch.ones(rows, dtype=torch.bool)
        if isinstance(c, torch.Tensor) and c.ndim == 2 and c.shape[1] > 1:
            kept = c.bool().any(dim=1)
        if mask is not None:
            expect(torch.as_tensor(mask).numel() in (1, rows), f"The mask must hold a number for each of {rows} images; yours is {describe(mask)}.")
            kept = kept & torch.as_tensor(mask).bool().flatten()
        return kept

    def steps(self) -> dict[float, list[torch.Tensor]]:
        """The images that were asked about at each t, in order, each once."""
        found: dict[float, list[torch.Tensor]] = {}
        for x, t, _ in self.seen:
            expect(isinstance(t, (float, int, torch.Tensor)), f"The network must be told t; yours told it {describe(t)}.")
            images = found.setdefault(round(float(torch.as_tensor(t).flatten()[0]), 5), [])
            for image in x:
                if not any(torch.equal(image, other) for other in images):
                    images.append(image)
        return found


# Task 1-1


def filled(network: torch.nn.Module, number: float) -> torch.nn.Module:
    """Every weight is `number`, every bias 0, and BatchNorm as it was."""
    norms = {id(p) for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()}
    with torch.no_grad():
        for parameter in network.parameters():
            if id(parameter) not in norms:
                parameter.fill_(number if parameter.ndim > 1 else 0.0)
    return network


def compare_block(code: Code, compare: Compare, name: str, sizes: tuple[int, ...], x: torch.Tensor, shape: tuple[int, ...]) -> None:
    """In evaluation mode, where BatchNorm leaves a new block's maps as they are, and in training mode."""
    for mode in ("evaluation", "training"):
        block = filled(getattr(code.module("unet"), name)(*sizes), 0.05).train(mode == "training")
        out = expect_tensor(block(x), shape, f"The output of {name} for an input of shape {tuple(x.shape)}")
        middle = shape[2] // 2, shape[3] // 2
        numbers = [out[0, 0][place] for place in ((0, 0), (0, middle[1]), middle, (-1, -1))]
        places = ("in the first corner", "at the upper edge", "in the middle", "in the last corner")
        compare(f"With every weight 0.05, in {mode} mode, the output of {name}", numbers, within=2e-3, relative=2e-3, places=places)


def image(channels: int, side: int) -> torch.Tensor:
    return 1 + 0.5 * example(2, channels, side, side)


@visible("1-1", region="Conv", where="the table of operations")
def conv_numbers(code: Code, compare: Compare) -> None:
    """`Conv` keeps the side of a map, and gives the numbers of the solution for weights that are all the same."""
    compare_block(code, compare, "Conv", (3, 4), image(3, 8), (2, 4, 8, 8))


@visible("1-1", region="DownConv", where="the table of operations")
def down_conv_numbers(code: Code, compare: Compare) -> None:
    """`DownConv` halves the side of a map, and gives the numbers of the solution for weights that are all the same."""
    compare_block(code, compare, "DownConv", (3, 4), image(3, 8), (2, 4, 4, 4))


@visible("1-1", region="UpConv", where="the table of operations")
def up_conv_numbers(code: Code, compare: Compare) -> None:
    """`UpConv` doubles the side of a map, and gives the numbers of the solution for weights that are all the same."""
    compare_block(code, compare, "UpConv", (3, 4), image(3, 4), (2, 4, 8, 8))


@visible("1-1", region="Flatten", where="the table of operations")
def flatten_numbers(code: Code, compare: Compare) -> None:
    """`Flatten` makes one number of each channel of a 7 × 7 map."""
    compare_block(code, compare, "Flatten", (), image(3, 7) - 1.2, (2, 3, 1, 1))


@visible("1-1", region="Unflatten", where="the table of operations")
def unflatten_numbers(code: Code, compare: Compare) -> None:
    """`Unflatten` makes 7 × 7 maps of single numbers."""
    compare_block(code, compare, "Unflatten", (3,), image(3, 1), (2, 3, 7, 7))


@visible("1-1", region="ConvBlock", where="the table of blocks")
def conv_block_numbers(code: Code, compare: Compare) -> None:
    """`ConvBlock` keeps the side of a map, and gives the numbers of the solution for weights that are all the same."""
    compare_block(code, compare, "ConvBlock", (3, 4), image(3, 8), (2, 4, 8, 8))


@visible("1-1", region="DownBlock", where="the table of blocks")
def down_block_numbers(code: Code, compare: Compare) -> None:
    """`DownBlock` halves the side of a map, and gives the numbers of the solution for weights that are all the same."""
    compare_block(code, compare, "DownBlock", (3, 4), image(3, 8), (2, 4, 4, 4))


@visible("1-1", region="UpBlock", where="the table of blocks")
def up_block_numbers(code: Code, compare: Compare) -> None:
    """`UpBlock` doubles the side of a map, and gives the numbers of the solution for weights that are all the same."""
    compare_block(code, compare, "UpBlock", (3, 4), image(3, 4), (2, 4, 8, 8))


@visible("1-1", region="UnconditionalUNet", where="the first diagram")
def unet_numbers(code: Code, compare: Compare) -> None:
    """`UnconditionalUNet` answers in the shape of its images, uses every layer, and gives the numbers of the solution."""
    net = code.module("unet").UnconditionalUNet(1, 4)
    net(image(1, 28)).square().mean().backward()
    silent = [name for name, p in net.named_parameters() if p.ndim > 1 and (p.grad is None or not p.grad.any())]
    expect(not silent, f"Every layer must take part; no gradient reaches {', '.join(silent[:3])}.")
    compare_block(code, compare, "UnconditionalUNet", (2, 3), image(2, 28), (2, 2, 28, 28))


@visible("2-1", region="FCBlock", where="the table of blocks")
def fc_block_numbers(code: Code, compare: Compare) -> None:
    """`FCBlock` gives the numbers of the solution for weights that are all the same."""
    block = filled(code.module("unet").FCBlock(3, 5), 0.3)
    out = block(1 + example(2, 3))
    expect(isinstance(out, torch.Tensor) and out.shape[:2] == (2, 5), f"The output of FCBlock must have shape (2, 5); yours is {describe(out)}.")
    compare("With every weight 0.3, the output of FCBlock", out.detach().reshape(2, -1)[:, 0], within=2e-3, places=("in row 0", "in row 1"))


# Task 1-2


def clean() -> torch.Tensor:
    return 0.5 + 0.4 * example(ROWS, 1, 4, 4)


@visible("1-2", region="add_noise", where="z = x + σ ε")
def noise_of_a_strength(code: Code, compare: Compare) -> None:
    """`add_noise` leaves x as it is, gives x itself at σ = 0, and noise of the strength of the solution's at others."""
    module, x = code.module("denoising"), clean()
    before = x.clone()
    expect_tensor(module.add_noise(x, 0.0), tuple(x.shape), "The result of add_noise")
    compare("At σ = 0, the largest difference of z and x", (module.add_noise(x, 0.0) - x).abs().max(), within=1e-6)
    for sigma in (0.2, 0.5, 1.0):
        seed(3)
        z = expect_tensor(module.add_noise(x, sigma), tuple(x.shape), "The result of add_noise")
        compare(f"At σ = {sigma}, the standard deviation of z − x", (z - before.numpy()).std(), within=1e-3, relative=0.06)
        compare(f"At σ = {sigma}, the mean of z − x", (z - before.numpy()).mean(), within=0.07 * sigma)
        compare(f"At σ = {sigma}, the largest z", z.max(), relative=0.5, digits=2)
    expect(torch.equal(x, before), "add_noise must leave x as it is; yours changes it.")
    expect(not torch.equal(module.add_noise(x, 0.5), module.add_noise(x, 0.5)), "add_noise must draw new noise at every call.")


@visible("1-2", region="denoising_loss", where="the loss of part 1.2")
def denoiser_numbers(code: Code, compare: Compare) -> None:
    """`denoising_loss` gives unet the noised images once, returns the numbers of the solution for two simple networks, and carries a gradient."""
    module, x = code.module("denoising"), clean()
    for answer in (0.0, 2.0):
        unet = Told(answer)
        seed(6)
        loss = module.denoising_loss(unet, x, 0.5)
        expect(len(unet.seen) == 1, f"denoising_loss must call unet once; yours called it {len(unet.seen)} times.")
        expect(not torch.equal(unet.seen[0][0], x), "denoising_loss must give unet the noised images; yours gave it the clean ones.")
        compare_loss(loss, f"With a unet that answers {answer:g}, the loss", compare, 1e-4)
        expect_gradient(loss, unet)


def compare_loss(loss: Any, what: str, compare: Compare, within: float) -> None:
    expect(isinstance(loss, torch.Tensor) and loss.numel() == 1, f"The loss must be a tensor with one number; yours is {describe(loss)}.")
    compare(what, float(loss.detach()), within=within)


def expect_gradient(loss: torch.Tensor, unet: Told) -> None:
    expect(loss.requires_grad, "The loss must carry a gradient back to unet; yours does not.")
    loss.backward()
    expect(unet.scale.grad is not None, "The loss must carry a gradient back to unet; yours gives it none.")


# Flow matching


def compare_flow_loss(code: Code, compare: Compare, name: str, *more: Any) -> None:
    forward, x_1 = getattr(code.module("flow_matching"), name), 0.5 + 0.4 * example(8 * ROWS, 1, 4, 4)
    for answer in (0.0, 2.0):
        unet = Told(answer, answer)
        seed(4)
        loss = forward(unet, x_1, *more, STEPS)
        expect(len(unet.seen) == 1, f"{name} must call unet once; yours called it {len(unet.seen)} times.")
        x_t, t, _ = unet.seen[0]
        expect_tensor(x_t, tuple(x_1.shape), "The x_t that unet is given")
        compare_path(x_t, torch.as_tensor(t).flatten(), compare)
        compare_loss(loss, f"With a unet that answers {answer:g}, the loss", compare, 0.1)
        expect_gradient(loss, unet)


def compare_path(x_t: torch.Tensor, t: torch.Tensor, compare: Compare) -> None:
    expect(0 <= float(t.min()) < float(t.max()) <= 1, f"t must lie in 0 … 1, another for each image; yours has {t.min():g} … {t.max():g}.")
    for what, rows in (("below 0.25", t < 0.25), ("above 0.75", t > 0.75)):
        expect(rows.any(), f"t must come from all of 0 … 1; in {len(t)} images of yours, none is {what}.")
        compare(f"For t {what}, the mean of x_t", x_t[rows].mean(), within=0.06, digits=2)
        compare(f"For t {what}, the standard deviation of x_t", x_t[rows].std(), within=0.06, digits=2)
    compare("The mean of t", t.mean(), within=0.05, digits=2)


@visible("flow", region="time_fm_forward", where="the bonus on flow matching")
def flow_loss(code: Code, compare: Compare) -> None:
    """`time_fm_forward` asks unet once, at a t of 0 … 1 for each image, and its loss is about as large as the solution's."""
    compare_flow_loss(code, compare, "time_fm_forward")


@visible("flow", region="class_fm_forward", where="the bonus on flow matching")
def class_flow_loss(code: Code, compare: Compare) -> None:
    """`class_fm_forward` does the same, and drops labels with the probability that it is given."""
    labels = torch.arange(8 * ROWS) % 10
    compare_flow_loss(code, compare, "class_fm_forward", labels, 0.3)
    for share in (0.0, 0.3, 1.0):
        unet = Told(1.0)
        seed(5)
        code.module("flow_matching").class_fm_forward(unet, clean().repeat(8, 1, 1, 1), labels, share, STEPS)
        compare(f"With p_uncond = {share:g}, the share of labels that are dropped", 1 - unet.seen[0][2].double().mean(), within=0.04, digits=2)


def images_in(answer: Any, count: int) -> Any:
    """The images of a result: itself, the first of a tuple, the last of a list of states, the end of a trajectory."""
    if isinstance(answer, tuple) and answer:
        return images_in(answer[0], count)
    if isinstance(answer, list) and answer:
        alike = all(isinstance(item, torch.Tensor) and item.shape == answer[0].shape for item in answer)
        return images_in(answer[-1] if alike else answer[0], count)
    if isinstance(answer, torch.Tensor) and answer.ndim == 5:
        return answer[:, -1] if len(answer) == count else answer[-1]
    return answer


def compare_sampler(sample: Any, compare: Compare, name: str, steps: int, scale: float | None) -> None:
    """`sample(unet, seed)`. The result may be clamped, so that only what is well within 0 … 1 tells how far it is from the start."""
    unet = Told(0.4, 0.2)
    answer, asked = sample(unet, 5), unet.steps()
    expect(bool(asked), f"{name} must ask unet for the velocity at every step; yours never called it.")
    compare(f"With num_ts = {steps}, the number of different t in {name}", len(asked), digits=0)
    times = list(asked)
    compare("The t of", [times[0], times[min(1, len(times) - 1)], times[-1]], places=("the first step", "the second step", "the last step"))
    start = torch.stack(asked[times[0]])
    result = images_in(answer, len(start))
    expect_tensor(result, tuple(start.shape), f"The result of {name}")
    inside = (result > 0.05) & (result < 0.95)
    guided = "" if scale is None else f" with a label and 0.2 without, and γ = {scale:g}"
    way = (result - start)[inside if inside.any() else slice(None)].mean()
    compare(f"With a unet that answers 0.4{guided}, what all steps together add to x", way, within=1e-3)
    expect(torch.equal(result, images_in(sample(Told(0.4, 0.2), 5), len(start))), f"{name} must give the same images for the same seed.")
    expect(not torch.equal(result, images_in(sample(Told(0.4, 0.2), 6), len(start))), f"{name} must give other images for another seed.")


@visible("flow", region="time_fm_sample", where="the bonus on flow matching")
def flow_steps(code: Code, compare: Compare) -> None:
    """`time_fm_sample` takes num_ts steps from t = 0 on, and a seed repeats its images."""
    sample = code.module("flow_matching").time_fm_sample
    compare_sampler(lambda unet, number: sample(unet, (6, 6), STEPS, number), compare, "time_fm_sample", STEPS, None)


@visible("flow", region="class_fm_sample", where="the bonus on flow matching")
def class_flow_steps(code: Code, compare: Compare) -> None:
    """`class_fm_sample` does the same with a class for each image, and guides as the solution does."""
    sample, c = code.module("flow_matching").class_fm_sample, torch.tensor([3, 0, 9])
    for scale in (0.0, 1.0, 3.0):

        def guided(unet: Told, number: int, scale: float = scale) -> Any:
            return sample(unet, c, (6, 6), CLASS_STEPS, scale, number)

        compare_sampler(guided, compare, "class_fm_sample", CLASS_STEPS, scale)
