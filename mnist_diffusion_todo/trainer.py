"""The training loop (given; nothing to do here). On a CPU a training that was stopped and resumed gives the same weights as one that was not."""

import functools
import hashlib
import math
from dataclasses import asdict, replace

import torch
from digits import Digits
from errors import UserError
from models import loss_of, make_model
from randomness import random_state, seed_everything, set_random_state
from recipe import Recipe


@functools.lru_cache(maxsize=2)
def epoch_order(count: int, seed: int, epoch: int) -> torch.Tensor:
    """The order of the images in one epoch, (count,). It depends on nothing else, so that it need not be kept."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))


class Trainer:
    """A model, its optimiser and its data, moved forward one step at a time. Raises UserError for too few images."""

    def __init__(self, recipe: Recipe, digits: Digits, device: torch.device):
        if len(digits.images) < recipe.batch_size:
            raise UserError(f"There are {len(digits.images):,} images, fewer than one batch of {recipe.batch_size}.")
        self.recipe, self.digits, self.device = replace(recipe, images=len(digits.images)), digits, device
        self.images, self.labels = digits.images.to(device), digits.labels.to(device)
        self.fingerprint = hashlib.sha256(digits.images.numpy()).hexdigest()
        seed_everything(recipe.seed)
        self.model = make_model(recipe).to(device).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        gamma = 0.1 ** (1 / recipe.epochs) if recipe.decays else 1.0
        self.scheduler = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, gamma)
        self.steps_per_epoch = len(digits.images) // recipe.batch_size  # the incomplete last batch is dropped
        self.step, self.losses = 0, []

    @property
    def total(self) -> int:
        return self.recipe.epochs * self.steps_per_epoch

    def one_step(self) -> float:
        """One step of Adam on one batch; returns its loss. Raises UserError when that is no number any more."""
        epoch, position = divmod(self.step, self.steps_per_epoch)
        size = self.recipe.batch_size
        rows = epoch_order(len(self.images), self.recipe.seed, epoch)[position * size : (position + 1) * size].to(self.device)
        self.model.train()
        loss = loss_of(self.model, self.recipe, self.images[rows], self.labels[rows])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        if self.step % self.steps_per_epoch == 0:
            self.scheduler.step()
        self.losses.append(loss.item())
        if not math.isfinite(self.losses[-1]):
            look = "Look in your loss for a division by 0 or the root of a negative number, or lower --learning_rate."
            raise UserError(f"The loss is {self.losses[-1]} at step {self.step}. {look}")
        return self.losses[-1]

    def state(self) -> dict:
        """All that the next step depends on: plain data and tensors."""
        return {
            "recipe": asdict(self.recipe),
            "data": self.digits.name,
            "fingerprint": self.fingerprint,
            "step": self.step,
            "steps_per_epoch": self.steps_per_epoch,
            "losses": self.losses,
            "weights": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "random": random_state(self.device),
        }

    def restore(self, state: dict) -> None:
        """Take up where `state` was taken. Raises UserError for other images, or another network, than it was trained with."""
        if state["fingerprint"] != self.fingerprint:
            raise UserError(f"This training was begun on other images ({state['data']}); there are now: {self.digits.name}.")
        load_weights(self.model, state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.step, self.losses = state["step"], list(state["losses"])
        set_random_state(state["random"], self.device)


def load_weights(model: torch.nn.Module, weights: dict) -> None:
    """Raises UserError where they are those of another network."""
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise UserError("Your network has other layers now than when this training was begun; train it again with --overwrite.") from None
