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
# # A minimal diffusion model of digits
#
# You write the model in `ddpm.py`, `unet.py` and `conditional.py`. This notebook shows what it does. There is nothing to write here:
# run the cells from top to bottom, as far as your exercises allow.
#
# | section | runs once you have done |
# |---|---|
# | 1. The data | nothing yet |
# | 2. The forward process | exercise 1 |
# | 3. The first network | exercises 1 and 2 |
# | 4. The U-Net | exercises 1, 2 and 3 |
# | 5. Digits by label | exercise 4 |
#
# On a CPU, images of 16 × 16 pixels are trained three times as fast as those of 32 × 32.

# %%
# %load_ext autoreload
# %autoreload 2

import conditional
import ddpm
import matplotlib.pyplot as plt
import torch
from digits import batches, load_digits, normalise
from train import train
from unet import UNet

SIZE, STEPS = 16, 500  # the handout's recipe is 32 and 2500
torch.manual_seed(0)  # another number gives another run


def show(rows, titles):
    """Rows of images, each (N, 3, H, W), one below the other."""
    _, axes = plt.subplots(len(rows), 1, figsize=(10, 1.3 * len(rows)), squeeze=False)
    for ax, row, title in zip(axes[:, 0], rows, titles):
        ax.imshow(torch.cat(list(normalise(row.detach())), dim=2).permute(1, 2, 0))
        ax.set_title(title, loc="left", fontsize=9)
        ax.axis("off")
    plt.show()


# %% [markdown]
# ## 1. The data

# %%
images, labels = load_digits(SIZE)
data = batches(images, labels)
x, c = next(data)
show([x[:10]], [f"digits {c[:10].tolist()}"])

# %% [markdown]
# ## 2. The forward process
#
# *Needs exercise 1.* From left to right, t grows from 1 to T: the digit fades, the noise comes.

# %%
t = torch.linspace(1, ddpm.T, 10).long()
eps = torch.randn_like(x[:10])
x_t = ddpm.sqrtab[t] * x[:1] + ddpm.sqrtmab[t] * eps
show([x[:1].expand(10, -1, -1, -1), x_t, eps], ["data", "x_t", "the noise that a network has to find"])

# %% [markdown]
# ## 3. The first network
#
# *Needs exercises 1 and 2.* Two convolutions see the noise around a pixel, and nothing of the digit.

# %%
first = ddpm.DDPM()
before = first.net(x_t)
curve = train(first, lambda x, c: (x,), data, STEPS)
show([x_t, eps, before, first.net(x_t)], ["x_t", "ε", "answer before training", "answer after training"])
show([first.eval().sample(10, (3, SIZE, SIZE))], ["samples of the first network"])

# %% [markdown]
# ## 4. The U-Net
#
# *Needs exercises 1, 2 and 3.*

# %%
model = ddpm.DDPM(UNet())
unet_curve = train(model, lambda x, c: (x,), data, STEPS)
plt.semilogy(curve, label="first network")
plt.semilogy(unet_curve, label="U-Net")
plt.xlabel("step")
plt.ylabel("smoothed loss")
plt.legend()
plt.show()
show([model.eval().sample(10, (3, SIZE, SIZE))], ["samples of the U-Net"])

# %% [markdown]
# ## 5. Digits by label
#
# *Needs exercise 4.* Recognisable digits take some 25,000 steps.

# %%
labelled = conditional.DDPM(conditional.UNet())
train(labelled, lambda x, c: (x, c), data, STEPS)
show([labelled.eval().sample(10, (3, SIZE, SIZE))], ["0, 1, …, 9"])
