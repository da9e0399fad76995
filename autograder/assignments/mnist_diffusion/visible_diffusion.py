"""Visible checks of the two conditional networks, of the schedule, the losses and the samplers. Shipped as it is, see visible.py.

Tables of T entries and of T + 1 are right, and so is any time that the sampler and the loss tell alike: what is compared is what all of them have in
common, to a tolerance, or how they agree.
"""

from typing import Any

import torch

from autograder.assignments.mnist_diffusion.visible_parts import (
    Told,
    compare_loss,
    expect_gradient,
    filled,
    image,
    images_in,
)
from autograder.kit.checks import Code, Compare, WrongAnswer, describe, example, expect, expect_tensor, seed, visible

BETAS, T = (1e-4, 0.02), 300
ROWS, SIZE = 8192, (6, 8)  # of the batch of a loss; of the images of a sampler


# The networks


def answers_of(net: torch.nn.Module, *given: Any) -> Any:
    try:
        return net(*given)
    except (RuntimeError, TypeError, IndexError) as error:
        raise WrongAnswer(f"The network must take x, then {'c, ' if len(given) > 2 else ''}t of shape (B,); yours raised: {error}.") from None


@visible("2-1", region="TimeConditionalUNet", where="the second diagram")
def time_unet_numbers(code: Code, compare: Compare) -> None:
    """`TimeConditionalUNet` takes (x, t), uses every layer, and t changes its answer as it changes the solution's."""
    kind = code.module("unet").TimeConditionalUNet
    net = filled(kind(1, 10, 4) if takes_classes(kind) else kind(1, 4), 0.05).eval()
    x = image(1, 28)
    for t in (0.0, 0.5, 1.0):
        out = expect_tensor(answers_of(net, x, torch.full((2,), t)), (2, 1, 28, 28), "The output of TimeConditionalUNet")
        compare(f"With every weight 0.05 and t = {t}, the output", out[0, 0, 14, 14], within=2e-3, relative=2e-3)
    expect_all_reached(kind(1, 10, 4) if takes_classes(kind) else kind(1, 4), x, torch.tensor([0.2, 0.9]))


@visible("2-4", region="ClassConditionalUNet", where="the second diagram")
def class_unet_numbers(code: Code, compare: Compare) -> None:
    """`ClassConditionalUNet` takes (x, c, t, mask), the mask hides the class of its own image, and its numbers are the solution's."""
    kind = code.module("unet").ClassConditionalUNet
    net, x, c, t = filled(kind(1, 5, 4), 0.05).eval(), image(1, 28), torch.tensor([1, 4]), torch.tensor([0.3, 0.3])
    for mask in (None, torch.ones(2), torch.zeros(2)):
        out = expect_tensor(answers_of(net, x, c, t, *([] if mask is None else [mask])), (2, 1, 28, 28), "The output of ClassConditionalUNet")
        what = "without a mask" if mask is None else f"where the mask is {mask[0]:g}"
        compare(f"With every weight 0.05, the output {what}", out[0, 0, 14, 14], within=2e-3, relative=2e-3)
    net = kind(1, 5, 4).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 0.5)
        one, both = net(x, c, t, torch.tensor([0.0, 1.0])), net(x, c, t, torch.ones(2))
        other = net(x, torch.tensor([3, 4]), t, torch.tensor([0.0, 1.0]))
    expect(torch.allclose(one[1], both[1], atol=1e-5), "Where the mask is 1 the class must count; the mask of another image changes your answer.")
    expect(torch.allclose(one[0], other[0], atol=1e-5), "Where the mask is 0 the class must make no difference; in yours it does.")
    expect(not torch.allclose(one[0], both[0], atol=1e-6), "A mask of 0 must change the answer; in yours it makes no difference.")
    expect_all_reached(kind(1, 5, 4), x, c, torch.tensor([0.2, 0.9]), torch.ones(2))


def takes_classes(kind: Any) -> bool:
    """Whether the constructor has num_classes, which is not used."""
    count: int = kind.__init__.__code__.co_argcount
    return count > 3


def expect_all_reached(net: torch.nn.Module, *given: torch.Tensor) -> None:
    answers_of(net, *given).square().mean().backward()
    silent = [name for name, p in net.named_parameters() if p.ndim > 1 and (p.grad is None or not p.grad.any())]
    expect(not silent, f"Every layer must take part; no gradient reaches {', '.join(silent[:3])}.")


# The schedule


@visible("2-2", region="ddpm_schedule", where="the schedule in the conventions")
def schedule_numbers(code: Code, compare: Compare) -> None:
    """`ddpm_schedule` returns betas, alphas and alpha_bars, of T or T + 1 entries, with the numbers of the solution at the ends and in the middle."""
    for first, last, steps in ((*BETAS, T), (0.001, 0.2, 16)):
        tables = code.module("time_conditional").ddpm_schedule(first, last, steps)
        values = list(tables.values()) if isinstance(tables, dict) else tables
        right = isinstance(values, (list, tuple)) and len(values) == 3 and all(isinstance(table, torch.Tensor) for table in values)
        expect(right, f"ddpm_schedule must return a dictionary with betas, alphas and alpha_bars; yours returned {describe(tables)}.")
        for name, table in zip(("betas", "alphas", "alpha_bars"), values):
            wanted = f"With num_ts = {steps}, {name} must have {steps} or {steps + 1} entries"
            expect(table.numel() in (steps, steps + 1), f"{wanted}; yours has {table.numel()}.")
            entries = [table[-1], table[len(table) // 2]]
            compare(f"With num_ts = {steps}, in {name}", entries, within=1e-6, relative=1e-3, places=("the last entry", "the middle entry"), digits=5)


def tables_of(code: Code) -> Any:
    return code.module("time_conditional").ddpm_schedule(*BETAS, T)


# The losses


def compare_noised(code: Code, compare: Compare, file: str, *more: Any) -> Told:
    """Two calls with equal random numbers differ by what the change of x_0 makes; the rest of x_t is noise."""
    forward, x_0 = code.module(file).ddpm_forward, torch.full((ROWS, 1, 2, 2), 3.0)
    seen = []
    for sign in (1, -1):
        unet = Told(0.0)
        seed(8)
        forward(unet, tables_of(code), sign * x_0, *more, T)
        expect(len(unet.seen) == 1, f"ddpm_forward must call unet once; yours called it {len(unet.seen)} times.")
        expect_tensor(unet.seen[0][0], tuple(x_0.shape), "The x_t that unet is given")
        seen.append(unet)
    x, other = (unet.seen[0][0] for unet in seen)
    factors, noise = ((x - other) / 6).mean(dim=(1, 2, 3)), (x + other) / 2
    if float(((x - other) / 6).std(dim=(1, 2, 3)).max()) > 1e-3:
        return seen[0]  # no seed reaches the noise; the grader measures in another way
    compare("The largest factor of x_0 in x_t", factors.max(), within=1e-3)
    compare("The smallest factor of x_0 in x_t", factors.min(), within=3e-3)
    for what, rows in (("largest", factors > 0.9), ("smallest", factors < 0.3)):
        expect(bool(rows.any()), f"t must be drawn from all steps; in {ROWS} images of yours none has one of the {what} factors of x_0.")
        compare(f"The noise in the images with the {what} factors of x_0", noise[rows].std(), relative=0.08, digits=3)
    return seen[0]


def compare_value(code: Code, compare: Compare, file: str, *more: Any) -> None:
    for answer in (0.0, 2.0):
        unet = Told(answer, answer)
        seed(4)
        loss = code.module(file).ddpm_forward(unet, tables_of(code), 0.5 + 0.4 * example(ROWS, 1, 2, 2), *more, T)
        compare_loss(loss, f"With a unet that answers {answer:g}, the loss", compare, 0.15)
        expect_gradient(loss, unet)


def expect_times_agree(code: Code, file: str, loss: Told, *more: Any) -> None:
    """What the sampler tells as t, the loss has told too; where both can be run."""
    in_loss = torch.as_tensor(loss.seen[0][1]).flatten().double().unique()
    sampler = Told(0.0)
    code.module(file).ddpm_sample(sampler, tables_of(code), *more, SIZE, T)
    in_sampler = torch.tensor(list(sampler.steps())).double()
    distance = (in_sampler[:, None] - in_loss[None]).abs().min(dim=1).values
    far = float(distance.max())
    expect(
        far < 0.4 * float(in_loss.max()) / T + 1e-5,
        f"The sampler must tell the network the times that the loss tells it; yours tells {in_sampler[distance.argmax()]:.4f}, and the loss "
        f"{in_loss.min():.4f} … {in_loss.max():.4f}.",
    )


@visible("2-2", region="ddpm_forward", where="DDPM, Eq. 4 and 14")
def loss_numbers(code: Code, compare: Compare) -> None:
    """`ddpm_forward` gives unet x_t with a t for each image, and its loss is about as large as the solution's."""
    compare_noised(code, compare, "time_conditional")
    compare_value(code, compare, "time_conditional")


@visible("2-4", region="class_conditional.py:ddpm_forward", where="task 2-4")
def class_loss_numbers(code: Code, compare: Compare) -> None:
    """The conditional `ddpm_forward` does the same, and drops labels with the probability that it is given."""
    labels = torch.arange(ROWS) % 10
    compare_noised(code, compare, "class_conditional", labels, 0.0)
    compare_value(code, compare, "class_conditional", labels, 0.3)
    for share in (0.0, 0.3, 1.0):
        unet = Told(1.0)
        seed(5)
        code.module("class_conditional").ddpm_forward(unet, tables_of(code), torch.rand(ROWS, 1, 2, 2), labels, share, T)
        compare(f"With p_uncond = {share:g}, the share of labels that are dropped", 1 - unet.seen[0][2].double().mean(), within=0.04, digits=2)


# The samplers


def sampled(code: Code, file: str, unet: Told, number: int, *labels: Any, **options: Any) -> Any:
    """The images of one run, as the network's first call counts them."""
    answer = code.module(file).ddpm_sample(unet, tables_of(code), *labels, SIZE, T, seed=number, **options)
    expect(bool(unet.seen), "ddpm_sample must ask unet for the noise at every step; yours never called it.")
    count = len(labels[0]) if labels else len(unet.seen[0][0])
    return images_in(answer, count), count


def compare_run(code: Code, compare: Compare, file: str, *labels: Any, **options: Any) -> None:
    results = []
    for number in (5, 5, 6):
        unet = Told(0.3, 0.3)
        images, count = sampled(code, file, unet, number, *labels, **options)
        results.append(expect_tensor(images, (count, 1, *SIZE), "The result of ddpm_sample"))
    steps = len(unet.steps())
    expect(steps in (T, T + 1), f"With num_ts = {T}, ddpm_sample must take {T} steps, each with a t of its own; yours took {steps}.")
    expect(bool((results[0] == results[1]).all()), "ddpm_sample must give the same images for the same seed.")
    expect(not (results[0] == results[2]).all(), "ddpm_sample must give other images for another seed.")


def compare_last_step(code: Code, compare: Compare, file: str, *labels: Any, **options: Any) -> None:
    """Of the last step: x_0 is what the last x and the answer give, without noise."""
    unet = Told(0.3, 0.3)
    images, count = sampled(code, file, unet, 5, *labels, **options)
    last = unet.seen[-1][0][-count:].double().numpy()
    result = expect_tensor(images, (count, 1, *SIZE), "The result of ddpm_sample")
    inside = (result > 0.02) & (result < 0.98)  # a result may be clamped
    if inside.sum() > 5:
        compare("In the last step, the spread of what is left of x_t is", (result - last)[inside].std(), within=0.004, digits=3)


@visible("2-3", region="time_conditional.py:ddpm_sample", where="DDPM, Alg. 2")
def sampler_numbers(code: Code, compare: Compare) -> None:
    """`ddpm_sample` takes T steps to the end, adds no noise in the last, tells the times of the training, and a seed repeats its images."""
    compare_run(code, compare, "time_conditional")
    compare_last_step(code, compare, "time_conditional")
    loss = Told(0.0)
    code.module("time_conditional").ddpm_forward(loss, tables_of(code), torch.rand(ROWS, 1, 2, 2), T)
    expect_times_agree(code, "time_conditional", loss)


@visible("2-5", region="class_conditional.py:ddpm_sample", where="task 2-5")
def guided_sampler_numbers(code: Code, compare: Compare) -> None:
    """The guided `ddpm_sample` does the same for each label, and what γ changes grows evenly with γ, as much as in the solution."""
    c = torch.tensor([3, 0, 9])
    compare_run(code, compare, "class_conditional", c, guidance_scale=2.0)
    compare_last_step(code, compare, "class_conditional", c, guidance_scale=2.0)
    results = []
    for scale in (0.0, 1.0, 3.0):
        images, _ = sampled(code, "class_conditional", Told(0.004, 0.0), 7, c, guidance_scale=scale)
        results.append(expect_tensor(images, (3, 1, *SIZE), "The result of ddpm_sample"))
    inside = (results[0] > 0.05) & (results[0] < 0.95) & (results[2] > 0.05) & (results[2] < 0.95)
    if inside.sum() > 5:
        for scale, result in ((1, results[1]), (3, results[2])):
            change = (result - results[0])[inside].mean()
            compare(f"What γ = {scale} changes, with a unet that answers 0.004 with a label and 0 without,", change, within=1e-3, relative=0.03)
    loss = Told(0.0)
    code.module("class_conditional").ddpm_forward(loss, tables_of(code), torch.rand(ROWS, 1, 2, 2), torch.arange(ROWS) % 10, 0.1, T)
    expect_times_agree(code, "class_conditional", loss, c)
