# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A diffusion model in two dimensions
#
# You write the model in `network.py` and `ddpm.py`. This notebook trains it and shows what it does (task 1-5). There is nothing to
# write here: run the cells from top to bottom. On a CPU that takes one to two minutes, most of it in section 3.
#
# You can go as far as your tasks allow. The notebook stops at the first cell whose task is not done yet.
#
# | section | runs once you have done |
# |---|---|
# | 1. The data and the prior | nothing yet |
# | 2. The forward process | 1-2 `q_sample` |
# | 3. Training | 1-1, 1-2 `q_sample`, 1-4 |
# | 4. Sampling with DDPM | section 3, and 1-2 `p_sample`, `p_sample_loop` |
# | 5. Sampling with DDIM | section 3, and 1-3 |
# | 6. How good are the samples? | sections 4 and 5 |
# | 7. On the way from noise to data | sections 4 and 5 |
#
# Edits that you make in the `.py` files count from the next cell that you run: the first two lines below see to that. When in doubt,
# restart the kernel and run everything again.

# %%
# %load_ext autoreload
# %autoreload 2

import matplotlib.pyplot as plt
import numpy as np
import torch
from tqdm import tqdm

from chamferdist import chamfer_distance
from dataset import TwoDimDataClass, get_data_iterator
from ddpm import BaseScheduler, DiffusionModule
from network import SimpleNet

if torch.cuda.is_available():
    device = "cuda"
elif torch.backends.mps.is_available():
    device = "mps"
else:
    device = "cpu"

torch.manual_seed(0)  # another number gives another run
np.random.seed(0)

plt.rcParams.update({"figure.constrained_layout.use": True, "legend.markerscale": 4, "axes.edgecolor": "gray"})
GREY, BLUE, ORANGE = "#b9c0c7", "#1f6fb4", "#d9622b"
print(f"torch {torch.__version__}, running on {device}")


# %%
def show(ax, points, color, label, size=2):
    """Scatter plot of points, (N, 2), with the same axes everywhere."""
    points = torch.as_tensor(points).cpu()
    ax.scatter(points[:, 0], points[:, 1], s=size, color=color, linewidths=0, label=label, zorder=3)
    ax.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xticks=[-4, 0, 4], yticks=[-4, 0, 4], xlabel="$x_1$", ylabel="$x_2$")


# %% [markdown]
# ## 1. The data and the prior
#
# *Runs before any task is done.*
#
# The data are a million points on a roll, scaled to mean 0 and standard deviation 2. The prior is a standard normal: round, without
# structure, and easy to draw from. The model has to turn the right picture into the left one.

# %%
num_samples = 2048
dataset = TwoDimDataClass("swiss_roll", 1_000_000, batch_size=128)
target = dataset.X[:num_samples]

figure, axes = plt.subplots(1, 2, figsize=(8, 4))
show(axes[0], target, "black", "data")
axes[0].set_title("target: $q(x_0)$")
show(axes[1], torch.randn(num_samples, 2), BLUE, "noise")
axes[1].set_title("prior: $N(0, I)$")
for ax in axes:
    ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# ## 2. The forward process
#
# *Needs 1-2 `q_sample`.*
#
# $q(x_t \mid x_0)$ mixes a data point with noise: at first nearly all data, at the end nearly all noise. You should see the roll thicken,
# lose its gap near $t = 200$, and end as a round cloud that looks like the prior above.

# %%
num_train_timesteps = 1000
var_scheduler = BaseScheduler(num_train_timesteps, beta_1=1e-4, beta_T=0.02, mode="linear")
forward_process = DiffusionModule(torch.nn.Identity(), var_scheduler)  # no network is needed to add noise

figure, axes = plt.subplots(2, 4, figsize=(11, 6.6), sharex=True, sharey=True)
for ax, t in zip(axes.flat, [0, 50, 100, 200, 300, 400, 600, 999]):
    show(ax, forward_process.q_sample(target, torch.full((num_samples,), t)), plt.cm.viridis(0.8 * t / 999), "$x_t$")
    ax.set_title(f"$t = {t}$")
    ax.label_outer()
axes[0, 0].legend(loc="upper right")
figure.suptitle("the forward process, $q(x_t \\mid x_0)$")
plt.show()

# %% [markdown]
# A closer look, because a wrong `q_sample` can make a convincing picture. The data have standard deviation 2 and the noise has 1, so the
# standard deviation of $x_t$ must be $\sqrt{4\,\bar\alpha_t + 1 - \bar\alpha_t}$. The dots (your code) should lie on the line (the formula).

# %%
alphas_cumprod = var_scheduler.alphas_cumprod
times = torch.arange(0, num_train_timesteps, 37)
measured = [forward_process.q_sample(dataset.X[:20_000], torch.full((20_000,), int(t))).std() for t in times]

figure, ax = plt.subplots(figsize=(7, 3))
ax.plot((4 * alphas_cumprod + 1 - alphas_cumprod).sqrt(), color=GREY, linewidth=3, label="formula")
ax.plot(times, measured, "o", color=BLUE, markersize=4, label="your q_sample")
ax.set(xlabel="timestep $t$", ylabel="standard deviation of $x_t$", ylim=(0, 2.2), title="the spread shrinks from 2 to 1")
ax.legend(markerscale=1)
plt.show()

# %% [markdown]
# ## 3. Training
#
# *Needs 1-1, 1-2 `q_sample` and 1-4.*
#
# The settings are fixed: the grader trains your code with the same ones. Each iteration takes a batch of points, asks `compute_loss` for
# the loss, and takes one step of Adam.
#
# One thing is added at the end, here and in the grader. With a constant learning rate the weights never settle: where the last step leaves
# them is luck. So the mean of the weights over the last 1000 iterations is kept and used from then on. Nearly all diffusion models are
# sampled with averaged weights.

# %%
dim_hids = [128, 128, 128]
learning_rate = 1e-3
num_iterations = 5000

network = SimpleNet(dim_in=2, dim_out=2, dim_hids=dim_hids, num_timesteps=num_train_timesteps)
ddpm = DiffusionModule(network, BaseScheduler(num_train_timesteps, beta_1=1e-4, beta_T=0.02, mode="linear")).to(device)
optimizer = torch.optim.Adam(ddpm.parameters(), lr=learning_rate)
batches = get_data_iterator(dataset.get_dataloader())
average = torch.optim.swa_utils.AveragedModel(network)

losses = []
ddpm.train()
progress = tqdm(range(num_iterations), desc="training", mininterval=0.5)
for iteration in progress:
    x0 = next(batches).to(device)
    loss = ddpm.compute_loss(x0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    if iteration >= num_iterations - 1000 and iteration % 10 == 9:
        average.update_parameters(network)
    losses.append(loss.item())
    if iteration % 100 == 99:
        progress.set_postfix(loss=f"{np.mean(losses[-100:]):.3f}", refresh=False)

network.load_state_dict(average.module.state_dict())
network.eval()
print(f"done: mean loss of the last 500 iterations {np.mean(losses[-500:]):.3f}")

# %% [markdown]
# The loss should start near 1, which is what a network scores that always answers 0. It should drop below 0.45 within the first few
# hundred iterations and creep down to about 0.32. It cannot reach 0: many pairs of data and noise give the same $x_t$, and nobody can
# tell which it was.

# %%
window = 100
figure, ax = plt.subplots(figsize=(8, 3.2))
ax.plot(losses, color=GREY, linewidth=0.5, label="each iteration")
ax.plot(range(window - 1, len(losses)), np.convolve(losses, np.ones(window) / window, "valid"), color=BLUE, label=f"mean of {window}")
ax.axhline(1, color=ORANGE, linewidth=1, linestyle="--", label="always predicting 0")
ax.set(xlabel="iteration", ylabel="mean squared error", ylim=(0, 1.2), title="training loss")
ax.legend(ncols=3)
plt.show()

# %% [markdown]
# The next cell keeps the weights, so that you can come back tomorrow without training again: `ddpm.load("swiss_roll.pt")`. You need not
# hand in this file.

# %%
ddpm.save("swiss_roll.pt")


# %% [markdown]
# ## 4. Sampling with DDPM
#
# *Needs section 3, and 1-2 `p_sample` and `p_sample_loop`.*
#
# DDPM takes all 1000 steps, with a little fresh noise after each. `watch` runs a sampler and looks on: the bar counts the calls of your
# network, so it should end at 1000.


# %%
def watch(sample, description):
    """Run `sample()`. Returns the samples, (N, 2), and the list of what the network was given at each call."""
    seen = []
    progress = tqdm(desc=description, unit=" calls", mininterval=0.5)

    def look(module, args, kwargs):
        seen.append([*args, *kwargs.values()][0].detach().cpu())
        progress.update()

    handle = ddpm.network.register_forward_pre_hook(look, with_kwargs=True)
    try:
        samples = sample()
    finally:
        handle.remove()
        progress.close()
    return samples.detach().cpu(), seen


def compare(samples, color, name):
    """Plot samples over the target. Returns the Chamfer distance."""
    distance = chamfer_distance(samples, target)
    figure, ax = plt.subplots(figsize=(4.6, 4.6))
    show(ax, target, GREY, "target", size=4)
    show(ax, samples, color, name)
    ax.set_title(f"{name}: Chamfer distance {distance:.1f}")
    ax.legend(loc="upper right")
    plt.show()
    return distance


# %%
torch.manual_seed(1)
ddpm_samples, ddpm_seen = watch(lambda: ddpm.p_sample_loop((num_samples, 2)), "DDPM")

# %% [markdown]
# The Chamfer distance compares the 2048 samples with the first 2048 points of the data: the sum of the squared distances from every point
# to its nearest neighbour in the other set. Two fresh sets of data points have a distance near 0. The threshold for DDPM is 20; 9 to 16
# is usual.

# %%
ddpm_distance = compare(ddpm_samples, BLUE, "DDPM samples")

# %% [markdown]
# ## 5. Sampling with DDIM
#
# *Needs section 3, and 1-3.*
#
# The same network, without further training, but 50 steps instead of 1000: the bar should end at 50. With $\eta = 0$ no noise is added on
# the way. A few points between the arms of the roll are normal: long steps cut corners. The threshold is 40; 20 to 40 is usual.

# %%
torch.manual_seed(1)
ddim_samples, ddim_seen = watch(lambda: ddpm.ddim_p_sample_loop((num_samples, 2), num_inference_timesteps=50), "DDIM")
ddim_distance = compare(ddim_samples, ORANGE, "DDIM samples")

# %% [markdown]
# ## 6. How good are the samples?
#
# *Needs sections 4 and 5.*
#
# One draw is partly luck, above all with DDIM: a few stray points more or less move the distance by 5. So here are ten draws. The grader
# also draws several times and takes the median.
#
# The training is partly luck, too, and more so. If all behaviour checks pass and yet a median here lies a little above its threshold, your
# code is right: run sections 3 to 6 again, and see how much it moves. The grader does that for you, up to three times. The numbers in this
# notebook are for you alone; the grader makes its own.

# %%
ddim_draws = [chamfer_distance(ddpm.ddim_p_sample_loop((num_samples, 2)).cpu(), target) for _ in range(10)]

figure, ax = plt.subplots(figsize=(8, 2.6))
ax.plot([ddpm_distance], [1], "o", color=BLUE, label="DDPM, the draw above")
ax.plot(ddim_draws, [0] * 10, "o", color=ORANGE, alpha=0.6, label="DDIM, ten draws")
ax.plot([np.median(ddim_draws)], [0], "|", color="black", markersize=22, label="DDIM, median")
ax.plot([20, 20], [0.7, 1.3], color=BLUE, linestyle="--", label="threshold for DDPM")
ax.plot([40, 40], [-0.3, 0.3], color=ORANGE, linestyle="--", label="threshold for DDIM")
ax.set(xlim=(0, max(50, 1.1 * max(ddim_draws), 1.1 * ddpm_distance)), ylim=(-0.6, 1.6), yticks=[0, 1], yticklabels=["DDIM", "DDPM"])
ax.set(xlabel="Chamfer distance (smaller is better)", title="samples against the target")
ax.legend(markerscale=0.8, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
print(f"DDPM, 1000 steps: {ddpm_distance:.1f} (threshold 20)")
print(f"DDIM,   50 steps: {np.median(ddim_draws):.1f}, median of {min(ddim_draws):.1f} ... {max(ddim_draws):.1f} (threshold 40)")

# %% [markdown]
# How many steps does DDIM need? You should see the distance fall steeply up to some 50 steps and then level off, somewhat
# above that of DDPM.

# %%
step_counts = [5, 10, 20, 50, 100, 250]
by_steps = []
for steps in step_counts:
    draws = [chamfer_distance(ddpm.ddim_p_sample_loop((num_samples, 2), steps).cpu(), target) for _ in range(3)]
    by_steps.append(np.median(draws))

figure, ax = plt.subplots(figsize=(7, 3.2))
ax.loglog(step_counts, by_steps, "o-", color=ORANGE, label="DDIM, median of 3 draws")
ax.axhline(ddpm_distance, color=BLUE, linestyle="--", label="DDPM, 1000 steps")
ax.set(xlabel="number of steps", ylabel="Chamfer distance", title="quality against work")
ax.set_xticks(step_counts, [str(steps) for steps in step_counts])
ax.minorticks_off()
ax.legend(markerscale=1)
plt.show()

# %% [markdown]
# ## 7. On the way from noise to data
#
# *Needs sections 4 and 5.*
#
# What the network was given along the way, early on the left. Both rows begin with noise and end with the roll. On the way they show the
# same clouds, although DDPM jitters from step to step and DDIM moves every point along a smooth path.

# %%
figure, axes = plt.subplots(2, 6, figsize=(13, 4.9), sharex=True, sharey=True)
for row, name, seen, samples, color in [(0, "DDPM", ddpm_seen, ddpm_samples, BLUE), (1, "DDIM", ddim_seen, ddim_samples, ORANGE)]:
    for ax, t in zip(axes[row], [980, 600, 400, 200, 100, None]):
        step = round((999 - t) / 1000 * len(seen)) if t is not None else None
        show(ax, samples if step is None else seen[min(step, len(seen) - 1)], color, name, size=1)
        ax.set_title("result" if t is None else f"$t \\approx {t}$")
        ax.label_outer()
    axes[row, 0].legend(loc="upper right")
figure.suptitle("the reverse process")
plt.show()

# %% [markdown]
# The same story point by point. DDPM (5 points) walks at random and is drawn to the roll only slowly. DDIM (40 points)
# takes a smooth path.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 4.7), sharex=True, sharey=True)
for ax, name, seen, samples, color, count in [
    (axes[0], "DDPM", ddpm_seen, ddpm_samples, BLUE, 5),
    (axes[1], "DDIM", ddim_seen, ddim_samples, ORANGE, 40),
]:
    paths = torch.stack([*seen, samples])[:, :count]  # (calls + 1, count, 2)
    show(ax, target, GREY, "target")
    ax.plot(paths[..., 0], paths[..., 1], color=color, linewidth=0.6, alpha=0.6)
    show(ax, paths[0], "black", "start", size=16)
    show(ax, paths[-1], "crimson", "end", size=24)
    ax.set_title(f"{name}: {len(seen)} steps")
    ax.legend(loc="upper right", markerscale=1.5)
plt.show()

# %% [markdown]
# ## Questions to think about
#
# They are not graded, and there is nothing to hand in.
#
# 1. The network predicts the noise. How do you get its estimate of $x_0$ from that? Why is the estimate poor at $t = 999$?
# 2. DDIM with $\eta = 0$ gives the same sample for the same starting noise. What could you do with that which DDPM does not allow?
# 3. DDIM with $\eta = 1$ and 1000 steps is DDPM with one of the two reverse variances. With which one?
# 4. With 5 steps DDIM gives a poor roll. Where do the misplaced points lie, and why there?
