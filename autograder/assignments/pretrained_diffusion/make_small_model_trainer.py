"""How the small model of `pretrained_diffusion` is trained: the loss of v with weights that even out the time steps, and that of the variance.

The variance is learned from the likelihood of the course's own chain, whose steps are 30 apart (Nichol and Dhariwal 2021, Section 3.1), and
does not touch the mean. What samples is the exponential average of the weights.
"""

import copy

import torch
from small_model.network import Network
from small_model.scheduler import STEPS, Scheduler, log_variances
from small_model.text import Text
from torch import Tensor

STRIDE = 30  # of the course's chain
LARGEST_WEIGHT = 5.0  # of the signal-to-noise ratio (Hang et al. 2023): γ of min-SNR
VARIANCE_WEIGHT = 0.01  # of the likelihood, in the loss


class Trainer:
    """A model, its average, and Adam. `pictures`: (N, 64, 64, 3), uint8; `prompts`: (N,), which of the vocabulary each shows."""

    def __init__(
        self,
        vocabulary: tuple[str, ...],
        pictures: Tensor,
        prompts: Tensor,
        batch_size: int,
        learning_rate: float,
        steps: int,
        seed: int = 0,
    ):
        torch.manual_seed(seed)
        self.text, self.network, self.seed = Text(vocabulary), Network(), seed
        self.pictures, self.prompts, self.batch_size, self.steps = pictures, prompts, batch_size, steps
        self.mean_network, self.mean_text = copy.deepcopy(self.network).requires_grad_(False), copy.deepcopy(self.text).requires_grad_(False)
        self.average = torch.nn.ModuleList([self.mean_network, self.mean_text])
        self.learned = torch.nn.ModuleList([self.network, self.text])
        self.adam = torch.optim.AdamW(
            self.learned.parameters(), lr=learning_rate, weight_decay=1e-4, betas=(0.9, 0.99), fused=True
        )
        warm = max(1, min(500, steps // 10))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.adam, lambda step: min(1.0, (step + 1) / warm, max(0.02, 1.25 * (1 - step / steps)))
        )
        self.step = 0
        self.scheduler = Scheduler()

    def one_step(self) -> float:
        """With random numbers that depend on the seed and the number of the step, so that a training resumes exactly."""
        torch.manual_seed(1_000_003 * self.seed + self.step)
        rows = torch.randint(len(self.pictures), (self.batch_size,))
        x_0 = self.pictures[rows].permute(0, 3, 1, 2).float() / 127.5 - 1
        mirrored = torch.rand(len(rows)) < 0.5
        x_0 = torch.where(mirrored[:, None, None, None], x_0.flip(-1), x_0)
        loss = self.loss(x_0, self.prompts[rows])
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned.parameters(), 1.0)
        self.adam.step()
        self.schedule.step()
        self.step += 1
        decay = min(0.9995, self.step / (self.step + 20))
        torch._foreach_lerp_(
            list(self.average.parameters()), [p.detach() for p in self.learned.parameters()], 1 - decay
        )
        return float(loss.detach())

    def loss(self, x_0: Tensor, prompts: Tensor) -> Tensor:
        """Mean over a batch, (B, 3, 64, 64) and (B,)."""
        t = torch.randint(0, STEPS, (len(x_0),))
        alpha_bar = self.scheduler.alphas_cumprod[t][:, None, None, None]
        eps = torch.randn_like(x_0)
        x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps
        embeds = self.embeds()[prompts][:, None]  # the network adds up the words, so their sum will do
        with torch.autocast("cpu", torch.bfloat16):
            v, place = self.network(x_t, t, embeds).float().chunk(2, dim=1)
        right = alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x_0
        ratio = alpha_bar / (1 - alpha_bar)
        weight = ratio.clamp(max=LARGEST_WEIGHT) / (ratio + 1)  # (v − v̂)² is (x_0 − x̂_0)² (1 + SNR)
        squared = (v - right) ** 2
        return (weight * squared).mean() + VARIANCE_WEIGHT * self._variance_loss(place, squared.detach(), t)

    def _variance_loss(self, place: Tensor, squared: Tensor, t: Tensor) -> Tensor:
        """KL of the step from t to t − 30 between the posterior and the model's Gaussian, in nats a number; no step leads below 0."""
        counts, t = t > STRIDE, t.clamp(min=STRIDE + 1)
        now, before = self.scheduler.alphas_cumprod[t], self.scheduler.alphas_cumprod[t - STRIDE]
        log_smallest, log_largest = (log[:, None, None, None] for log in log_variances(now, before))
        log_variance = (place + 1) / 2 * log_largest + (1 - place) / 2 * log_smallest
        of_x_0 = (before.sqrt() * (1 - now / before) / (1 - now))[:, None, None, None]
        off = of_x_0**2 * (1 - now)[:, None, None, None] * squared  # x_0 − x̂_0 is √(1−ᾱ) (v̂ − v)
        kl = (log_variance - log_smallest + ((log_smallest.exp() + off) * (-log_variance).exp()) - 1) / 2
        return (kl.clamp(max=20) * counts[:, None, None, None]).mean()

    def embeds(self, text: Text | None = None) -> Tensor:
        """(prompts, 64): the sums of the vectors of their words."""
        text = text or self.text
        return text.counts @ text.vectors.weight

    def state(self) -> dict[str, object]:
        """Data only."""
        return {
            "learned": self.learned.state_dict(), "average": self.average.state_dict(), "adam": self.adam.state_dict(),
            "schedule": self.schedule.state_dict(), "step": self.step,
        }  # fmt: skip

    def restore(self, state: dict) -> None:
        self.learned.load_state_dict(state["learned"])
        self.average.load_state_dict(state["average"])
        self.adam.load_state_dict(state["adam"])
        self.schedule.load_state_dict(state["schedule"])
        self.step = state["step"]


@torch.no_grad()
def sample(network: Network, embeds: Tensor, seed: int) -> Tensor:
    """(B, 3, 64, 64) for embeds of (B, L, 64), by DDIM without noise (Song et al. 2021, Eq. 12), in the course's 33 steps."""
    alphas_cumprod = Scheduler().alphas_cumprod
    x = torch.randn(len(embeds), 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    for t in range(990, 0, -STRIDE):
        now, then = alphas_cumprod[t], alphas_cumprod[t - STRIDE]
        v = network(x, torch.full((len(x),), t), embeds)[:, :3]
        x_0 = (now.sqrt() * x - (1 - now).sqrt() * v).clamp(-1, 1)
        x = then.sqrt() * x_0 + (1 - then).sqrt() * (now.sqrt() * v + (1 - now).sqrt() * x)
    return x.clamp(-1, 1)
