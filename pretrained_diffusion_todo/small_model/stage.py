"""The small model behind the interface of DeepFloyd's first stage: `unet`, `scheduler`, and prompts in numbers (given; nothing to do here)."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .network import Network
from .scheduler import Scheduler
from .text import Text

WEIGHTS = Path(__file__).parent / "weights" / "small_model.safetensors"


class UNet(torch.nn.Module):
    """`unet(image, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]`: (B, 6, 64, 64), the noise estimate and the predicted variance.

    `image`: (B, 3, 64, 64) in about −1 … 1 and noise; `t`: an integer, () or (B,); `encoder_hidden_states`: (B, 77, 64), or (1, 77, 64) for all.
    Computes in float32, and answers in the dtype of the image.
    """

    def __init__(self, network: Network, alphas_cumprod: Tensor):
        super().__init__()
        self.network = network
        self.register_buffer("alphas_cumprod", alphas_cumprod)

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    @torch.no_grad()
    def forward(self, sample: Tensor, timestep: int | Tensor, encoder_hidden_states: Tensor, return_dict: bool = True):
        x = sample.float()
        t = torch.as_tensor(timestep, device=x.device).long().expand(len(x))
        v, place = self.network(x, t, encoder_hidden_states.to(x).expand(len(x), -1, -1)).chunk(2, dim=1)
        alpha_bar = self.alphas_cumprod[t][:, None, None, None]
        eps = alpha_bar.sqrt() * v + (1 - alpha_bar).sqrt() * x
        answer = torch.cat([eps, place], dim=1).to(sample.dtype)
        return (answer,) if not return_dict else Answer(answer)


class Answer(dict):
    """What the network says where `return_dict` is not False: `.sample`."""

    def __init__(self, sample: Tensor):
        super().__init__(sample=sample)
        self.sample = sample


class Stage:
    """`unet`, `scheduler` and `encode`."""

    def __init__(self, unet: UNet, scheduler: Scheduler, text: Text):
        self.unet, self.scheduler, self.text = unet, scheduler, text

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.text.prompts

    @torch.no_grad()
    def encode(self, prompt: str) -> Tensor:
        """(1, 77, 64). Raises ValueError for a word that the model does not know."""
        return self.text(prompt)


def load_small_model(device: torch.device | str = "cpu", file: Path = WEIGHTS) -> Stage:
    """Ready to be asked; the file has the weights and the prompts. Raises ValueError where it is not there, or holds something else."""
    try:
        with safe_open(file, "pt") as saved:
            prompts = tuple(json.loads(saved.metadata()["prompts"]))
            weights = {name: saved.get_tensor(name).float() for name in saved.keys()}  # noqa: SIM118  it is no dictionary
        network, text, scheduler = Network(), Text(prompts), Scheduler()
        torch.nn.ModuleDict({"network": network, "text": text}).load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{file} holds no weights of the small model ({type(error).__name__}); copy the folder small_model/ anew.") from None
    return Stage(UNet(network.eval(), scheduler.alphas_cumprod).to(device), scheduler, text.eval().to(device))
