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
# # Train a diffusion model on MNIST
#
# You write the networks, losses and samplers in `unet.py`, `denoising.py`, `time_conditional.py` and `class_conditional.py`. This notebook
# shows what they do, and makes every figure of your page with small networks. There is nothing to write here: run the cells from top to bottom,
# as far as your tasks allow.
#
# | section | runs once you have done |
# |---|---|
# | 1. The data | nothing yet |
# | 2. Noise | task 1-2 |
# | 3. The one-step denoiser | tasks 1-1 and 1-2 |
# | 4. The schedule | task 2-2 |
# | 5. Told the time | tasks 2-1, 2-2 and 2-3 |
# | 6. Told the digit | tasks 2-4 and 2-5 |
# | 7. Bonus | the bonus tasks |
#
# Each training takes some minutes of two processor cores. A training that is there already is not done again: it goes on where it was stopped, or
# only shows its pictures. `again=True` begins anew, after you have changed your code. *Interrupt* stops a training and keeps it.

# %%
# %matplotlib inline
# %load_ext autoreload
# %autoreload 2

import make_page
import pictures
import torch
import train
from denoising import add_noise
from digits import load_digits, one_of_each
from IPython.display import Image, display
from matplotlib.figure import Figure
from recipe import LAPTOP
from run_folder import RESULTS, STATE
from time_conditional import ddpm_forward, ddpm_schedule


def go(name, *options, again=False):
    """Train a model with the small settings, or go on with its training, and show the pictures that it left."""
    folder = RESULTS / {"flow": "flow_time" if options else "flow_class"}.get(name, name)
    how = ["--resume"] if (folder / STATE).exists() and not again else ["--preset", "laptop", "--overwrite"]
    try:
        train.main([name, *options, *how])
    except (train.UserError, SystemExit) as stopped:
        print(stopped)
    for path in sorted([*folder.glob("*.png"), *folder.glob("*.gif")]):
        display(Image(filename=str(path)))


# %% [markdown]
# ## 1. The data

# %%
test = load_digits(200, train=False)
digits = one_of_each(test)
display(pictures.grid([digits], ["x"], [], f"Data: {test.name}, for testing."))

# %% [markdown]
# ## 2. Noise
#
# *Needs task 1-2.* z = x + σ ε.

# %%
noisy = [add_noise(digits[[0, 2, 5]], sigma) for sigma in pictures.SIGMAS]
display(pictures.noising(digits[[0, 2, 5]], noisy, f"Data: {test.name}, for testing."))

# %% [markdown]
# ## 3. The one-step denoiser
#
# *Needs tasks 1-1 and 1-2.*

# %%
print(LAPTOP["denoiser"].in_words)
go("denoiser")

# %% [markdown]
# ## 4. The schedule
#
# *Needs task 2-2.* How much of the digit, and how much noise, is in x_t.

# %%
schedule = ddpm_schedule(1e-4, 0.02, 300)
alpha_bars = schedule["alpha_bars"]
figure = Figure(figsize=(6, 2.6), layout="constrained")
axes = figure.subplots()
axes.plot(alpha_bars.sqrt(), label="√ᾱ, of the digit")
axes.plot((1 - alpha_bars).sqrt(), label="√(1 − ᾱ), of the noise")
axes.set(xlabel="entry of the table", ylabel="factor in x_t")
axes.legend()
display(figure)

# %% [markdown]
# The x_t that your loss makes of one digit, by growing t: what the network is given.

# %%
given = {}


def network(x_t, t):
    given.update(x_t=x_t, t=t.flatten())
    return torch.zeros_like(x_t)


ddpm_forward(network, schedule, digits[7:8].repeat(10, 1, 1, 1), 300)
order = given["t"].argsort()
times = [f"t/T = {float(given['t'][i]):.2f}" for i in order]
display(pictures.grid([given["x_t"][order]], ["x_t"], times, f"Data: {test.name}, for testing; T = 300."))

# %% [markdown]
# ## 5. Told the time
#
# *Needs tasks 2-1, 2-2 and 2-3.*

# %%
go("time")

# %% [markdown]
# ## 6. Told the digit
#
# *Needs tasks 2-4 and 2-5.*

# %%
go("class")

# %% [markdown]
# ## 7. Bonus
#
# *Each needs its bonus task.*

# %%
go("better")

# %%
go("flow", "--time")

# %%
go("flow")

# %% [markdown]
# ## Your page
#
# Writes `page/page.html`. Your sentences for it stand in `page/words.md`.

# %%
make_page.main()
