"""The training loop (given; nothing to do here). On a CPU a training that was stopped and resumed gives the same weights as one that was not."""

import contextlib
import hashlib
import math
import signal
import sys

import torch

from .config import merged
from .datasets import to_model
from .errors import UserError
from .models import draw, fill, loss_of, make_model
from .randomness import random_state, seed_everything, set_random_state, untouched_random
from .utils import EMA, epoch_order, trained_state

KEYS = ("config", "data", "fingerprint", "step", "losses", "weights", "ema", "optimizer", "random")  # of a checkpoint


class Trainer:
    """A model, its optimiser, its running mean and its data, moved forward one step at a time. Raises UserError for too few images."""

    def __init__(self, config, images, device):
        settings = config["training"]
        if len(images.pixels) < settings["batch_size"]:
            raise UserError(f"There are {len(images.pixels):,} images, fewer than one batch of {settings['batch_size']}.")
        self.config, self.images, self.device = config, images, torch.device(device)
        self.pixels, self.labels = images.pixels.to(device), images.labels.to(device)
        self.fingerprint = hashlib.sha256(images.pixels.numpy()).hexdigest()
        seed_everything(settings["seed"])
        self.model = make_model(config).to(device).train()
        self.ema = EMA(self.model, settings["ema_decay"])
        trained = [weight for name, weight in self.model.named_parameters() if weight.requires_grad and not name.startswith("vae.")]
        self.optimizer = torch.optim.Adam(trained, lr=settings["learning_rate"])
        self.steps_per_epoch = len(images.pixels) // settings["batch_size"]  # the incomplete last batch is dropped
        self.step, self.losses = 0, []

    @property
    def total(self):
        return self.config["training"]["epochs"] * self.steps_per_epoch

    def batch(self):
        """The images of this step as the model takes them, and their labels. An epoch's order depends on the seed and its number only."""
        epoch, position = divmod(self.step, self.steps_per_epoch)
        size = self.config["training"]["batch_size"]
        order = epoch_order(len(self.pixels), self.config["training"]["seed"], epoch)
        rows = order[position * size : (position + 1) * size].to(self.device)
        x = to_model(self.pixels[rows], self.config["model"]["use_vae"])
        if self.config["data"]["mirror"]:
            mirrored = torch.rand(len(x), device=self.device) < 0.5
            x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
        return x, self.labels[rows]

    def one_step(self):
        """One step of Adam on one batch; returns its loss. Raises UserError when that is no number any more."""
        x, labels = self.batch()
        self.model.train()
        with self.precision():
            loss = loss_of(self.model, x, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        self.losses.append(loss.item())
        if not math.isfinite(self.losses[-1]):
            look = "Look in compute_loss for a division by 0 or the root of a negative number, or lower training.learning_rate."
            raise UserError(f"The loss is {self.losses[-1]} at step {self.step}. {look}")
        return self.losses[-1]

    def precision(self):
        """Products in bfloat16 on a GPU; weights, Adam and the mean stay float32."""
        return torch.autocast("cuda", dtype=torch.bfloat16) if self.device.type == "cuda" else contextlib.nullcontext()

    def sample(self):
        """Images of the averaged weights, those of each class together, always from the same noise; the training is not touched."""
        count = self.config["sampling"]["per_class"]
        labels = torch.arange(len(self.images.class_names), device=self.device).repeat_interleave(count)
        with untouched_random(self.device), self.ema.applied(self.model):
            torch.manual_seed(0)
            return draw(self.model, labels)

    def state(self):
        """All that the next step depends on: plain data and tensors."""
        return {
            "config": self.config,
            "data": self.images.name,
            "fingerprint": self.fingerprint,
            "step": self.step,
            "losses": self.losses,
            "weights": trained_state(self.model),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": random_state(self.device),
        }

    def restore(self, state):
        """Take up where `state` was taken. Raises UserError for other images, or another network, than it was trained with."""
        if state["fingerprint"] != self.fingerprint:
            raise UserError(f"This training was begun on other images ({state['data']}); there are now: {self.images.name}.")
        fill(self.model, state["weights"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.losses = state["step"], list(state["losses"])
        set_random_state(state["random"], self.device)


def config_of(state):
    """Of a checkpoint, complete, of this version. Raises UserError for one of another version."""
    return merged(state["config"], "The checkpoint's configuration")


class StopRequest:
    """Turns the first Ctrl-C into a wish, looked at between two steps; the second one interrupts at once."""

    def __init__(self):
        self.wanted = False
        self.before = signal.signal(signal.SIGINT, self.note)

    def note(self, *_):
        self.wanted = True
        signal.signal(signal.SIGINT, self.before)
        print("\nStopping after this step; press Ctrl-C again to stop at once, without a checkpoint.", file=sys.stderr)

    def close(self):
        signal.signal(signal.SIGINT, self.before)
