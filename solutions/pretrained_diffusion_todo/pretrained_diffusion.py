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
# # The power of diffusion models
#
# You write nine functions in `sampling.py`. This notebook shows what they do with a pretrained model, and makes every figure of your page. There is
# nothing to write here: run the cells from top to bottom, as far as your tasks allow.
#
# | section | runs once you have done |
# |---|---|
# | 0. The model | nothing yet; its samples need task 1.6 |
# | 1.1 The forward process | task 1.1 |
# | 1.2 to 1.4 Taking noise away | tasks 1.1 to 1.4 |
# | 1.5 and 1.6 From pure noise | tasks 1.4 and 1.6 |
# | 1.7 Edits | tasks 1.1, 1.6 and 1.7 |
# | 1.7.2 Inpainting | tasks 1.1 and 1.7.2 |
# | 1.8 Visual anagrams, 1.9 hybrids | task 1.8, task 1.9 |
#
# Put pictures of your own into `pictures/`: `test.jpg`, `photo_1.jpg`, `photo_2.jpg`, `drawing_1.png`, `drawing_2.png`. Until then there are drawn
# stand-ins.

# %%
# %matplotlib inline
# %load_ext autoreload
# %autoreload 2

import figures
import make_page
import model
import sampling
import torch
from IPython.display import Image, display


def show(name):
    """A figure, made anew and kept in results/."""
    display(Image(filename=str(figures.make(name))))


# %% [markdown]
# ## 0. The model
#
# `prompt_embeds_dict` has the prompts that the model knows. The small model also combines their words, such as "a pencil drawing of a skull".

# %%
print(model.model_name, "on", model.device)
print("\n".join(repr(prompt) for prompt in model.prompt_embeds_dict))

# %% [markdown]
# *Needs task 1.6.* Three prompts, in 2 to 33 steps.

# %%
show("prompts")

# %% [markdown]
# ## 1.1 The forward process
#
# *Needs task 1.1.*

# %%
show("forward")

# %% [markdown]
# ## 1.2 to 1.4 Taking noise away
#
# *Needs tasks 1.1 to 1.4.* A blur, one step, and many.

# %%
show("denoising")
show("on_the_way")

# %% [markdown]
# ## 1.5 and 1.6 From pure noise
#
# *Needs tasks 1.4 and 1.6.*

# %%
show("samples")
show("guided")

# %% [markdown]
# ## 1.7 Edits
#
# *Needs tasks 1.1, 1.6 and 1.7.*

# %%
show("edits")
show("edited_drawings")
show("edited_with_prompts")

# %% [markdown]
# ## 1.7.2 Inpainting
#
# *Needs tasks 1.1 and 1.7.2.*

# %%
show("inpainting")

# %% [markdown]
# ## 1.8 Visual anagrams
#
# *Needs task 1.8.*

# %%
show("illusions")

# %% [markdown]
# ## 1.9 Hybrids
#
# *Needs task 1.9.*

# %%
show("hybrids")

# %% [markdown]
# ## Your own
#
# Prompts of your own, other strengths, other masks. Fix the seed, and write it down.

# %%
model.seed_everything(180)
model.stage_1.scheduler.set_timesteps(timesteps=figures.TIMESTEPS)
prompt_embeds, null = model.make_prompt_embeds("a pencil drawing of a skull"), model.make_prompt_embeds("")
answer = sampling.iterative_denoise_cfg(torch.randn(1, 3, 64, 64).to(model.device), 0, prompt_embeds, null, figures.TIMESTEPS, scale=7, display=False)
display(figures.grid([[figures.to_image(answer)]], [""], [], "“a pencil drawing of a skull”, γ = 7."))

# %% [markdown]
# ## The page
#
# Writes `results/index.html`, with what is there. Your sentences for it stand in `results/words.md`.

# %%
make_page.main(["--only-page"])
