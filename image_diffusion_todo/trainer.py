"""The training loop, and what makes it fast without changing what is learned (given; nothing to do here).

The images lie on the device as 8-bit integers from the start, so no step waits for a file; the order of the images is a
function of seed and step; the loss is read only every so many steps, since reading it makes the host wait for the device.
On a GPU, and on a CPU with matrix units for it (AMX), convolutions run in bfloat16; weights, Adam and the loss stay float32.
"""

import contextlib
import functools
import hashlib
import time

import numpy as np
import torch
from ddpm import BaseScheduler, DiffusionModule
from errors import UserError
from network import UNet
from randomness import random_state, seed_everything, set_random_state, untouched_random
from recipe import Recipe
from torch.nn.attention import SDPBackend, sdpa_kernel

READ_EVERY = 20  # steps between two looks at the loss


def pick_device(gpu: int = 0) -> torch.device:
    """The GPU of that number, else Apple's, else the CPU. Raises UserError for a number too high."""
    if torch.cuda.is_available():
        if gpu >= torch.cuda.device_count():
            raise UserError(f"There is no GPU {gpu}; this machine has {torch.cuda.device_count()}, counted from 0.")
        return torch.device("cuda", gpu)
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pick_precision(device: torch.device) -> str:
    """bfloat16 where the hardware multiplies it faster than float32, else float32."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return "bfloat16" if device.type == "cpu" and capabilities.get("amx_bf16") else "float32"


@functools.lru_cache(maxsize=2)
def epoch_order(count: int, seed: int, epoch: int) -> torch.Tensor:
    """The order of the images in one pass over them, (count,)."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))


def batch_indices(step: int, batch_size: int, count: int, seed: int) -> torch.Tensor:
    """The images of a step, (batch_size,): each pass in a new random order, the incomplete last batch dropped."""
    per_epoch = count // batch_size
    epoch, position = divmod(step, per_epoch)
    return epoch_order(count, seed, epoch)[position * batch_size : (position + 1) * batch_size]


class Trainer:
    """A model, its optimiser and its data, moved forward one step at a time.

    pixels: uint8 (N, 3, H, W). precision: "bfloat16" or "float32". compile_mode: a mode of torch.compile, or None.
    accelerator: of Hugging Face Accelerate, for several processes; each then takes its share of every batch.
    """

    def __init__(self, recipe: Recipe, pixels: torch.Tensor, device, precision="float32", compile_mode=None, accelerator=None):
        self.recipe, self.device, self.precision, self.accelerator = recipe, torch.device(device), precision, accelerator
        self.processes, self.rank = (accelerator.num_processes, accelerator.process_index) if accelerator else (1, 0)
        if len(pixels) < recipe.batch_size:
            raise UserError(f"There are {len(pixels)} training images, fewer than the batch size {recipe.batch_size}.")
        if recipe.batch_size % self.processes:
            raise UserError(f"The batch size {recipe.batch_size} cannot be shared equally among {self.processes} GPUs.")
        self.data_hash = hashlib.sha256(pixels.contiguous().numpy()).hexdigest()
        # Channels last suits a GPU's convolutions; on a CPU the gain is lost again in the group normalisation.
        self.layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        self.pixels = pixels.contiguous(memory_format=self.layout).to(self.device)

        seed_everything(recipe.seed)
        self.network = UNet(**recipe.network_settings())
        self.network.to(self.device, memory_format=self.layout)
        self.ddpm = DiffusionModule(self.network, BaseScheduler(**recipe.schedule_settings())).to(self.device)
        if compile_mode is not None:
            self.network.compile(mode=compile_mode)
        if accelerator:
            self.ddpm.network = accelerator.prepare_model(self.network)
            seed_everything(recipe.seed + 7919 * self.rank)  # other noise in every process
        fused = self.device.type in ("cuda", "cpu") or None
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate, fused=fused)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda t: min((t + 1) / recipe.warmup_steps, 1.0))
        self.ddpm.train()
        self.step = 0
        self.losses: list[float] = []  # of every step up to the last read
        self.unread: list[torch.Tensor] = []
        self.restart_clock()

    def one_step(self) -> None:
        """DDPM, Algorithm 1: one gradient step of Adam on one batch."""
        share = self.recipe.batch_size // self.processes
        indices = batch_indices(self.step, self.recipe.batch_size, len(self.pixels), self.recipe.seed)
        indices = indices[self.rank * share : (self.rank + 1) * share]
        if self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
            indices = indices.pin_memory().to(self.device, non_blocking=True)
        x0 = self.pixels[indices.to(self.device)].contiguous(memory_format=self.layout).float().div_(127.5).sub_(1.0)  # (B, 3, H, W) in [−1, 1]
        with self.fast():
            loss = self.ddpm.compute_loss(x0)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.scheduler.step()
        self.step += 1
        self.unread.append(loss.detach().float())

    @contextlib.contextmanager
    def fast(self):
        """bfloat16 where chosen; on a CPU the plain attention, which is faster than the blocked one at these sizes."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"))
            if self.device.type == "cpu":
                stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            yield

    def read(self) -> tuple[float, float]:
        """Fetch the losses since the last read; returns their mean, and images per second since then.

        Raises UserError when the loss is no number any more.
        """
        new = torch.stack(self.unread).tolist() if self.unread else []
        self.losses += new
        self.unread.clear()
        then, step = self.read_at
        self.restart_clock()
        speed = (self.step - step) * self.recipe.batch_size / max(self.read_at[0] - then, 1e-9)
        mean = sum(new) / len(new) if new else float("nan")
        if new and not np.isfinite(mean):
            raise UserError(f"The loss is {mean} after step {self.step}. Look at compute_loss and q_sample for a division by 0.")
        return mean, speed

    def restart_clock(self) -> None:
        """Let what was done since the last read not count as training time."""
        self.read_at = (time.perf_counter(), self.step)

    def sample(self, count: int, steps: int = 50, seed: int = 0) -> tuple[torch.Tensor, str]:
        """`count` images by DDIM, or by DDPM where DDIM is not written yet, and the name of the method.

        Always from the same noise, so that grids can be compared over time; the training's random numbers are not touched.
        """
        shape = (count, 3, self.recipe.image_resolution, self.recipe.image_resolution)
        steps = min(steps, self.recipe.num_diffusion_train_timesteps)
        wrapped, self.ddpm.network = self.ddpm.network, self.network
        with untouched_random(self.device), self.fast(), torch.compiler.set_stance("force_eager"):  # not compiled again for this
            torch.manual_seed(seed)
            self.ddpm.eval()
            try:
                return self.ddpm.ddim_p_sample_loop(shape, num_inference_timesteps=steps), f"DDIM, {steps} steps"
            except NotImplementedError:
                return self.ddpm.p_sample_loop(shape), f"DDPM, {self.recipe.num_diffusion_train_timesteps} steps"
            finally:
                self.ddpm.train()
                self.ddpm.network = wrapped

    def checkpoint(self) -> dict:
        """What DiffusionModule.load reads, with the recipe and the step."""
        weights = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        weights |= {f"var_scheduler.{name}": value for name, value in self.ddpm.var_scheduler.state_dict().items()}
        return {
            "format": "diffusion-module-1",
            "network": self.recipe.network_settings(),
            "var_scheduler": self.recipe.schedule_settings(),
            "state_dict": weights,
            "recipe": self.recipe.to_plain(),
            "step": self.step,
        }

    def state(self) -> dict:
        """The checkpoint, and all else that the next step depends on. Plain data and tensors."""
        return {
            **self.checkpoint(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "random": random_state(self.device),
            "losses": self.losses,
            "data_hash": self.data_hash,
            "precision": self.precision,
        }

    def restore(self, state: dict) -> None:
        """Take up where `state` was taken. Raises UserError when it was taken on other images."""
        if state["data_hash"] != self.data_hash:
            raise UserError("The training images are not the ones that this training was started with; give the same --root.")
        self.network.load_state_dict({k.removeprefix("network."): v for k, v in state["state_dict"].items() if k.startswith("network.")})
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.step, self.losses = state["step"], list(state["losses"])
        self.restart_clock()
        if self.rank == 0:
            set_random_state(state["random"], self.device)
        else:
            seed_everything(self.recipe.seed + 7919 * self.rank + self.step)
