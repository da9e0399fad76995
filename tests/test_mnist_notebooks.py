"""Notebooks in the form in which the course's students hand them in: everything in one, with the names of part 2 defined twice."""

import re

import pytest

from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest
from autograder.markers import strip_markers
from autograder.submission.intake import read_submission
from tests.bulk import bulk
from tests.notebook_files import notebook, text

MANIFEST = load_manifest("mnist_diffusion")
COLAB = """!pip install mediapy einops --quiet
import math
import numpy as np
import matplotlib.pyplot as plt
import torch.nn as nn
import torch.nn.functional as F
from torchvision.datasets import MNIST
from tqdm.notebook import tqdm"""
DRIVE = "from google.colab import drive\ndrive.mount('/content/drive')\n%cd /content/drive/MyDrive/hw5"
DATA = "device = 'cuda' if torch.cuda.is_available() else 'cpu'\ntrain_set = MNIST(root='data', train=True, download=True)"
TRAINED = """unet = {network}.to(device)
losses = []
for epoch in range(5):
    for x, c in tqdm(train_set):
        loss = {loss}
        losses.append(loss.item())
    torch.save(unet.state_dict(), f'checkpoint_{{epoch}}.pt')
plt.semilogy(losses)"""
SCHEDULE_OF_T = """def ddpm_schedule(beta1, beta2, num_ts):
    betas = torch.linspace(beta1, beta2, num_ts)
    return {"betas": betas, "alphas": 1 - betas, "alpha_bars": torch.cumprod(1 - betas, 0)}"""
TIME_INSIDE = """class DDPM(nn.Module):
    def __init__(self, unet: TimeConditionalUNet, betas=(1e-4, 0.02), num_ts=300):
        super().__init__()
        self.unet, self.num_ts = unet, num_ts
        for name, table in ddpm_schedule(betas[0], betas[1], num_ts).items():
            self.register_buffer(name, table)

    def forward(self, x):
        t, eps = torch.randint(0, self.num_ts, (len(x),)), torch.randn_like(x)
        bar = self.alpha_bars[t].view(-1, 1, 1, 1)
        return F.mse_loss(self.unet(bar.sqrt() * x + (1 - bar).sqrt() * eps, t / self.num_ts), eps)

    @torch.inference_mode()
    def sample(self, img_wh, seed=0):
        torch.manual_seed(seed)
        x = torch.randn(1, 1, *img_wh)
        for t in range(self.num_ts - 1, -1, -1):
            eps = self.unet(x, torch.tensor([t / self.num_ts]))
            x = (x - self.betas[t] / (1 - self.alpha_bars[t]).sqrt() * eps) / self.alphas[t].sqrt()
            x = x + self.betas[t].sqrt() * torch.randn_like(x) if t > 0 else x
        return x"""
CLASS_INSIDE = """class DDPM(nn.Module):
    def __init__(self, unet: ClassConditionalUNet, betas=(1e-4, 0.02), num_ts=300, p_uncond=0.1):
        super().__init__()
        self.unet, self.num_ts, self.p_uncond = unet, num_ts, p_uncond
        for name, table in ddpm_schedule(betas[0], betas[1], num_ts).items():
            self.register_buffer(name, table)

    def forward(self, x, c):
        t, eps = torch.randint(0, self.num_ts, (len(x),)), torch.randn_like(x)
        bar = self.alpha_bars[t].view(-1, 1, 1, 1)
        mask = (torch.rand(len(x)) > self.p_uncond).float()
        return F.mse_loss(self.unet(bar.sqrt() * x + (1 - bar).sqrt() * eps, c, t / self.num_ts, mask), eps)

    @torch.inference_mode()
    def sample(self, c, img_wh, guidance_scale=5.0, seed=0):
        torch.manual_seed(seed)
        x, caches = torch.randn(len(c), 1, *img_wh), []
        for t in range(self.num_ts - 1, -1, -1):
            time = torch.full((len(c),), t / self.num_ts)
            eps_u, eps_c = (self.unet(x, c, time, torch.full((len(c),), kept)) for kept in (0.0, 1.0))
            eps = eps_u + guidance_scale * (eps_c - eps_u)
            x = (x - self.betas[t] / (1 - self.alpha_bars[t]).sqrt() * eps) / self.alphas[t].sqrt()
            x = x + self.betas[t].sqrt() * torch.randn_like(x) if t > 0 else x
            caches.append(x)
        return x, torch.stack(caches, 1)"""


def code_of(name):
    """The definitions of a solution file, without its docstring and imports."""
    whole = strip_markers((MANIFEST.solution / name).read_text(encoding="utf-8"), name)
    below = whole[whole.index('"""', 3) + 3 :]
    return "\n".join(line for line in below.split("\n") if not line.startswith(("import ", "from "))).strip("\n")


def course_notebook(time=None, classes=None):
    """`time`, `classes`: code in the place of the solution's for the two models of part 2."""
    blocks = re.split(r"\n(?=class )", code_of("unet.py"))
    return notebook(
        text("# Part 1"), COLAB, DRIVE, DATA, *blocks, code_of("denoising.py"),
        TRAINED.format(network="UnconditionalUNet(1, 128)", loss="denoising_loss(unet, x, 0.5)"),
        text("# Part 2"), time or code_of("time_conditional.py"),
        TRAINED.format(network="TimeConditionalUNet(1, 10, 64)", loss="DDPM(unet)(x)"),
        classes or code_of("class_conditional.py"),
        TRAINED.format(network="ClassConditionalUNet(1, 10, 64)", loss="DDPM(unet)(x, c)"),
    )  # fmt: skip


def points_of(path, sandbox):
    """What each task of behaviour earns that is no bonus."""
    verdict = Grading(MANIFEST, read_submission(path, MANIFEST), Options(train=False, hints="none"), sandbox, b"the secret of a test").run()
    tasks = {task.id for task in MANIFEST.tasks if task.kind == "behaviour" and not task.bonus}
    return {task: round(sum(check.points for check in verdict.checks if check.task == task), 6) for task in sorted(tasks)}


RENAMED = code_of("class_conditional.py").replace("def ddpm_", "def cfg_ddpm_").replace("return ddpm_", "return cfg_ddpm_")
FORMS = {
    "the names of part 2 defined twice": (None, None),
    "renamed": (None, RENAMED),
    "all inside of two classes DDPM": (f"{SCHEDULE_OF_T}\n\n{TIME_INSIDE}", CLASS_INSIDE),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", bulk(FORMS, [], name=str))
def test_a_notebook_of_the_course_earns_what_its_files_earn(form, tmp_path, sandbox):
    path = tmp_path / "hw5.ipynb"
    path.write_bytes(course_notebook(*FORMS[form]))
    full = {task.id: task.points for task in MANIFEST.tasks if task.kind == "behaviour" and not task.bonus}
    assert points_of(path, sandbox) == full


def test_a_mistake_in_one_of_two_definitions_costs_its_own_task(tmp_path, sandbox):
    wrong = code_of("class_conditional.py").replace("guidance_scale * (eps_c - eps_u)", "guidance_scale * (eps_u - eps_c)")
    path = tmp_path / "hw5.ipynb"
    path.write_bytes(course_notebook(classes=wrong))
    points = points_of(path, sandbox)
    full = {task.id: task.points for task in MANIFEST.tasks if task.id in points}
    assert {task for task in points if points[task] < full[task]} == {"2-5"}
