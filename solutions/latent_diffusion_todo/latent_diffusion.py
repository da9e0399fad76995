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
# # Diffusion in pixels and in latent space
#
# You write the models in `libs/`. This notebook shows what they do. There is nothing to write here: run the cells from top to bottom, as far as
# your tasks allow. Whole trainings are made by `train.py`; the last sections draw with the models that it leaves.
#
# | section | runs once you have done |
# |---|---|
# | 1. The forward process | task 2 |
# | 2. What the network is told | task 1 |
# | 3. A short training | tasks 1 to 4 |
# | 4. The autoencoder | nothing: it is given |
# | 5. Samples of your trainings | tasks 1 to 5 and `train.py` |
# | 6. Few steps: DDIM | bonus ddim |

# %%
# %load_ext autoreload
# %autoreload 2

from pathlib import Path

import matplotlib.pyplot as plt
import torch
from libs.config import load_config
from libs.datasets import load_faces, load_images, to_model
from libs.ddpm import DDPM
from libs.models import draw, load_model
from libs.tiny_autoencoder import TAESD
from libs.trainer import Trainer
from libs.unet import UNet
from tqdm.auto import tqdm

torch.manual_seed(0)  # another number gives another run


def show(rows, titles, low=-1, high=1):
    """Rows of images, each (N, C, H, W), one below the other."""
    _, axes = plt.subplots(len(rows), 1, figsize=(10, 1.3 * len(rows)), squeeze=False)
    for ax, row, title in zip(axes[:, 0], rows, titles):
        strip = torch.cat(list(row.detach().cpu()), dim=2).sub(low).div(high - low).clamp(0, 1)
        ax.imshow(strip.expand(3, -1, -1).permute(1, 2, 0))
        ax.set_title(title, loc="left", fontsize=9)
        ax.axis("off")
    plt.show()


# %% [markdown]
# ## 1. The forward process
#
# *Needs task 2.* From left to right, t grows from 0 to T − 1: the digit fades, the noise comes.

# %%
config = load_config("configs/mnist_laptop.yaml")
images = load_images(config)
print(f"{len(images.pixels):,} images: {images.name}")
model = DDPM(**config["model"])
x_0 = to_model(images.pixels[:1], use_vae=False)
t = torch.linspace(0, model.timesteps - 1, 10).long()
show([model.q_sample(x_0.expand(10, -1, -1, -1), t)], [f"x_t at t = {', '.join(map(str, t.tolist()))}"], -2, 2)
left = model.sqrt_alphas_cumprod[-1].item()
print(f"At t = {model.timesteps - 1}, √ᾱ_t = {left:.3f} of the image is left.")

# %% [markdown]
# ## 2. What the network is told
#
# *Needs task 1.* A network that was never trained: its answer depends on the image, the label and the time.

# %%
net = UNet(16, 32, 10, in_channels=1)
with torch.no_grad():
    once = net(x_0, torch.tensor([3]), torch.tensor([100]))
    for told, label, time in (("another label", 7, 100), ("another time", 3, 400)):
        change = (net(x_0, torch.tensor([label]), torch.tensor([time])) - once).abs().mean()
        print(f"{told} changes the answer by {change:.2e} on average")

# %% [markdown]
# ## 3. A short training
#
# *Needs tasks 1 to 4.* Two hundred steps: the loss falls from about 1. `train.py` goes on from there.

# %%
STEPS = 200
trainer = Trainer(config, images, "cpu")
losses = [trainer.one_step() for _ in tqdm(range(STEPS))]
plt.figure(figsize=(7, 2.5))
plt.semilogy(losses)
plt.xlabel("step")
plt.ylabel("loss")
plt.title(f"{images.name}, batches of {config['training']['batch_size']}", fontsize=9)
plt.show()

# %% [markdown]
# ## 4. The autoencoder
#
# It is given. Latents have four channels, and an eighth of the sides; what the decoder makes of them has lost details.

# %%
faces = load_faces(64, Path("data"), drawn_per_class=20)
x = to_model(faces.pixels[:8], use_vae=True)
autoencoder = TAESD()
with torch.no_grad():
    latents = autoencoder.encoder(x)
    again = autoencoder.decoder(latents)
print(f"Images {tuple(x.shape)}, latents {tuple(latents.shape)}, of a mean of {latents.mean():.2f} and a spread of {latents.std():.2f}. {faces.name}")
show([x, again], ["images", "decoded from their latents"], 0, 1)
show([latents[:, :3]], ["three of the four channels of the latents"], -2, 2)

# %% [markdown]
# ## 5. Samples of your trainings
#
# *Needs tasks 1 to 5, and a training*, such as `python train.py configs/mnist_laptop.yaml`.

# %%
LOGS = Path("../logs")
trained = sorted(path for path in LOGS.glob("*/model.safetensors"))
if not trained:
    print(f"There is no trained model in {LOGS}/ yet.")
for path in trained:
    model, config = load_model(path)
    classes = config["model"]["num_classes"]
    torch.manual_seed(0)
    show([draw(model, torch.arange(classes))], [f"{path.parent.name}: one of each class"], 0, 1)

# %% [markdown]
# ## 6. Few steps: DDIM
#
# *Needs the bonus ddim.* The same model, with 5, 10 and 20 of its steps.

# %%
for path in trained[:1]:
    model, config = load_model(path, method="ddim")
    rows, titles = [], []
    for steps in (5, 10, 20):
        torch.manual_seed(0)
        rows.append(draw(model, torch.arange(config["model"]["num_classes"]), num_steps=steps))
        titles.append(f"{steps} steps")
    show(rows, titles, 0, 1)
