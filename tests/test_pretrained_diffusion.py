"""The rubric of pretrained_diffusion: notebooks of the original's form, names of both years, odd answers, and what each judgement sees."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.grading.mutants import solution_files
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import Judgement, run_check
from autograder.grading.session import Grading, Options
from autograder.judges.borrowed import DOWN, FRAMES, UPRIGHT, Borrowed
from autograder.manifest import load_manifest
from autograder.oracles.blur import gaussian_blur, gaussian_kernel
from autograder.sandbox.launcher import Lane, Sandbox
from autograder.sandbox.proxies import Student
from autograder.submission.intake import read_submission
from autograder.submission.other_names import asked_for
from autograder.verdict import Verdict
from tests.bulk import bulk
from tests.notebook_files import notebook, text

MANIFEST = load_manifest("pretrained_diffusion")
CHECKS = {check.id: check for check in load_rubric(MANIFEST) if MANIFEST.task(check.mark.task).kind == "behaviour"}
SECRET = b"a secret of sixteen bytes"
REGIONS = {region.partition(":")[2]: region for region in MANIFEST.regions}

# A notebook as Berkeley's students hand it in: setup, the globals, then a cell for each function, between cells that show pictures

SETUP = """!pip install -q diffusers transformers safetensors sentencepiece accelerate bitsandbytes einops mediapy
from PIL import Image
import mediapy as media
from pprint import pprint
from tqdm import tqdm
import numpy as np
import torch
import torchvision.transforms.functional as TF
import torchvision.transforms as transforms
from diffusers import DiffusionPipeline
from transformers import T5EncoderModel
from huggingface_hub import login"""
MODEL = """login()
stage_1 = DiffusionPipeline.from_pretrained("DeepFloyd/IF-I-L-v1.0", text_encoder=None, variant="fp16", torch_dtype=torch.float16)
stage_1.enable_model_cpu_offload()
device = 'cuda'
stage_1.to(device)"""
PROMPTS = """prompt_embeds_dict = torch.load('prompt_embeds_dict.pth')
prompt_embeds_dict = {prompt: embeds.half().to(device) for prompt, embeds in prompt_embeds_dict.items()}"""
TABLE = """alphas_cumprod = stage_1.scheduler.alphas_cumprod
def process_pil_im(img):
    return TF.to_tensor(img.resize((64, 64))).unsqueeze(0) * 2 - 1
test_im = process_pil_im(Image.open('campanile.jpg'))
media.show_image(test_im[0].permute(1, 2, 0) / 2 + 0.5)"""
FORWARD = """def forward(im, t):
  with torch.no_grad():
    epsilon = torch.randn_like(im)
    im_noisy = torch.sqrt(alphas_cumprod[t]) * im + torch.sqrt(1 - alphas_cumprod[t]) * epsilon
  return im_noisy"""
SHOW = "for t in [250, 500, 750]:\n    media.show_image(forward(test_im, t)[0].permute(1, 2, 0) / 2 + 0.5)"
CLASSICAL = "def classical_denoise(im_noisy, kernel_size, sigma):\n    return TF.gaussian_blur(im_noisy, kernel_size=kernel_size, sigma=sigma)"
ONE_STEP = """prompt_embeds = prompt_embeds_dict["a high quality photo"]
def one_step_denoise(im_noisy, t, prompt_embeds):
  with torch.no_grad():
    noise_est = stage_1.unet(im_noisy.half().cuda(), t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]
    noise_est = noise_est[:, :3].to("cpu")
  return (im_noisy - torch.sqrt(1 - alphas_cumprod[t]) * noise_est) / torch.sqrt(alphas_cumprod[t])"""
STRIDED = """strided_timesteps = list(range(990, -1, -30))
stage_1.scheduler.set_timesteps(timesteps=strided_timesteps)
def add_variance(predicted_variance, t, image):
  variance = stage_1.scheduler._get_variance(t, predicted_variance=predicted_variance)
  return image + torch.exp(0.5 * variance) * torch.randn_like(image)"""
LOOP = """def {name}({given}, timesteps, {scale}display=True):
  image = {start}
  with torch.no_grad():
    for i in range({first}, len(timesteps) - 1):
      t = timesteps[i]
      prev_t = timesteps[i+1]
      alpha_cumprod = alphas_cumprod[t]
      alpha_cumprod_prev = alphas_cumprod[prev_t]
      alpha = alpha_cumprod / alpha_cumprod_prev
      beta = 1 - alpha
      {ask}
      x0 = (image - torch.sqrt(1 - alpha_cumprod) * noise_est) / torch.sqrt(alpha_cumprod)
      of_image = torch.sqrt(alpha) * (1 - alpha_cumprod_prev) / (1 - alpha_cumprod)
      pred_prev_image = torch.sqrt(alpha_cumprod_prev) * beta / (1 - alpha_cumprod) * x0 + of_image * image
      pred_prev_image = add_variance(predicted_variance, t, pred_prev_image)
      image = pred_prev_image
      {after}
      if display and i % 5 == 0:
        media.show_image(image[0].permute(1, 2, 0).cpu().numpy() / 2 + 0.5)
    clean = image.cpu().detach().numpy()
  return clean"""
ASK = "model_output = stage_1.unet(image, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]"
UNCOND = "uncond_model_output = stage_1.unet(image, t, encoder_hidden_states=uncond_prompt_embeds, return_dict=False)[0]"
SPLIT = "noise_est, predicted_variance = torch.split(model_output, image.shape[1], dim=1)"
GUIDED = f"""{ASK}
      {UNCOND}
      {SPLIT}
      uncond, _ = torch.split(uncond_model_output, image.shape[1], dim=1)
      noise_est = uncond + scale * (noise_est - uncond)"""
FLIP = """e = []
      for x, p in ((image, prompt_embeds[0]), (torch.flip(image, [2]), prompt_embeds[1])):
        c, variance = torch.split(stage_1.unet(x, t, encoder_hidden_states=p, return_dict=False)[0], image.shape[1], dim=1)
        u, _ = torch.split(stage_1.unet(x, t, encoder_hidden_states=uncond_prompt_embeds, return_dict=False)[0], image.shape[1], dim=1)
        e.append((u + scale * (c - u), variance))
      noise_est = (e[0][0] + torch.flip(e[1][0], [2])) / 2
      predicted_variance = e[0][1]"""
HYBRID = """u = stage_1.unet(image, t, encoder_hidden_states=uncond_prompt_embeds, return_dict=False)[0][:, :3]
      c1, predicted_variance = torch.split(stage_1.unet(image, t, encoder_hidden_states=prompt_embeds[0], return_dict=False)[0], 3, dim=1)
      c2 = stage_1.unet(image, t, encoder_hidden_states=prompt_embeds[1], return_dict=False)[0][:, :3]
      low, high = u + scale * (c1 - u), u + scale * (c2 - u)
      noise_est = low_pass(low) + high - low_pass(high)"""
SDEDIT = """def sdedit(image, i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True):
    return iterative_denoise_cfg(forward(image, timesteps[i_start]), i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale, display)"""
GIVEN = "im_noisy, i_start, prompt_embeds"


def loop(name: str, ask: str, given: str, start: str = "im_noisy", first: str = "i_start", after: str = "", scale: str = "scale=7, ") -> str:
    return LOOP.format(name=name, ask=ask, given=given, start=start, first=first, after=after, scale=scale)


def colab(flip: str = "visual_anagrams", guidance: str = GUIDED) -> bytes:
    two = "image, i_start, prompt_embeds, uncond_prompt_embeds"
    painted = "image = mask * image + (1 - mask) * forward(original_image, prev_t)"
    return notebook(
        text("# Project 5"), SETUP, MODEL, PROMPTS, TABLE, text("## 1.1"), FORWARD, SHOW, CLASSICAL, ONE_STEP, STRIDED,
        loop("iterative_denoise", f"{ASK}\n      {SPLIT}", GIVEN, scale=""),
        "clean = iterative_denoise(forward(test_im, 690).half().to(device), 10, prompt_embeds, strided_timesteps)",
        loop("iterative_denoise_cfg", guidance, f"{GIVEN}, uncond_prompt_embeds"),
        "uncond_prompt_embeds = prompt_embeds_dict['']", SDEDIT,
        loop("inpaint", GUIDED, "original_image, mask, prompt_embeds, uncond_prompt_embeds", "torch.randn(1, 3, 64, 64).to(device)", "0", painted),
        "mask = torch.zeros_like(test_im)\nmask[:, :, 4:24, 20:40] = 1", loop(flip, FLIP, two, "image"),
        "def low_pass(x):\n  return TF.gaussian_blur(x, kernel_size=33, sigma=2)", loop("make_hybrids", HYBRID, two, "image"),
        "image = make_hybrids(torch.randn(1, 3, 64, 64), 0, (prompt_embeds, prompt_embeds), uncond_prompt_embeds, strided_timesteps)",
    )  # fmt: skip


def graded(sandbox: Sandbox, folder: Path, name: str, content: bytes) -> Verdict:
    (folder / name).write_bytes(content)
    return Grading(MANIFEST, read_submission(folder, MANIFEST), Options(train=False, hints="none"), sandbox, SECRET).run()


def wrong(verdict: Verdict) -> dict[str, str]:
    behaviour = [check for check in verdict.checks if MANIFEST.task(check.task).kind == "behaviour"]
    return {check.id: check.message for check in behaviour if check.status != "passed"}


@pytest.mark.slow
@pytest.mark.parametrize("flip", bulk(["make_flip_illusion", "visual_anagrams"], kept=["visual_anagrams"]))
def test_a_notebook_of_the_original_is_graded_as_it_is(sandbox: Sandbox, tmp_path: Path, flip: str) -> None:
    assert wrong(graded(sandbox, tmp_path, "CS180_Proj5.ipynb", colab(flip))) == {}


@pytest.mark.slow
def test_a_mistake_in_a_notebook_costs_what_it_costs_in_the_file(sandbox: Sandbox, tmp_path: Path) -> None:
    mistaken = GUIDED.replace("uncond + scale", "noise_est + scale")
    assert [*wrong(graded(sandbox, tmp_path, "proj5.ipynb", colab(guidance=mistaken)))] == ["1-6.guidance"]


def test_a_function_by_its_other_name_gets_the_one_that_is_asked_for() -> None:
    names = {"make_flip_illusion": ("visual_anagrams",)}
    renamed = asked_for("def visual_anagrams(x):\n    return visual_anagrams_of(x)\nvisual_anagrams(1)\n", names)
    assert renamed == "def make_flip_illusion(x):\n    return visual_anagrams_of(x)\nmake_flip_illusion(1)\n"
    both = "def make_flip_illusion(x): ...\ndef visual_anagrams(x): ...\n"
    assert asked_for(both, names) == both


# Odd bodies


@pytest.fixture(scope="module")
def lane(sandbox: Sandbox) -> Iterator[Lane]:
    with sandbox.lane(solution_files(MANIFEST)) as opened:
        yield opened


ODD = {
    "nothing": "return None",
    "a text": "return 'done'",
    "NaN": "return torch.full((1, 3, 64, 64), float('nan'))",
    "NumPy of objects": "import numpy\n    return numpy.array([{}, None], dtype=object)",
    "an empty list": "return []",
    "lists in lists": "return [[[]], ([],)]",
    "a function": "return forward",
    "another shape": "return torch.zeros(2, 5)",
    "whole numbers": "return torch.zeros(1, 3, 64, 64, dtype=torch.int64)",
    "an exception": "raise KeyboardInterrupt('no')",
    "its end": "import os\n    os._exit(0)",
    "a wrong call": "return stage_1.unet(torch.zeros(1, 3, 64, 64))",
    "NaN for the network": "return stage_1.unet(torch.full((1, 3, 64, 64), float('nan')), 5, encoder_hidden_states=torch.zeros(1, 77, 8))",
    "nothing for the network": "return stage_1.unet(None, None, encoder_hidden_states=None)",
    "texts for the network": "return stage_1.unet('x', 't', encoder_hidden_states='prompt')",
    "another size for the network": "return stage_1.unet(torch.zeros(1, 3, 8, 9), 5, torch.zeros(1, 77, 8), False)[0][:, :3]",
    "a time of its own": "return stage_1.unet(torch.zeros(2, 3, 64, 64), 1e9, torch.zeros(1, 77, 8), return_dict=False)[0][:1, :3]",
    "two times": "return stage_1.unet(torch.zeros(1, 3, 64, 64), torch.tensor([1, 2]), encoder_hidden_states=torch.zeros(1, 77, 8))",
    "odd noise": "return add_variance(None, None, torch.zeros(3))",
    "noise before the network": "return add_variance(torch.zeros(1, 3, 64, 64), 1, torch.zeros(1, 3, 64, 64))",
    "no end": "while True:\n        add_variance(torch.zeros(1, 3, 64, 64), 1, torch.zeros(1, 3, 64, 64))",
}  # fmt: skip
ARGUMENTS = {
    "forward": "im, t", "classical_denoise": "im_noisy, kernel_size, sigma", "one_step_denoise": "im_noisy, t, prompt_embeds",
    "iterative_denoise": "im_noisy, i_start, prompt_embeds, timesteps, display=True", "sdedit": "*given, **named",
    "iterative_denoise_cfg": "im_noisy, i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True", "inpaint": "*given, **named",
    "make_flip_illusion": "image, i_start, prompts, uncond_prompt_embeds, timesteps, scale=7, display=True", "make_hybrids": "*given, **named",
}  # fmt: skip


def with_bodies(body: str) -> dict[str, bytes]:
    head = "import torch\nfrom model import *\nfrom model import add_variance, stage_1\n"
    code = head + "".join(f"\n\ndef {name}({arguments}):\n    {body}\n" for name, arguments in ARGUMENTS.items())
    return {"sampling.py": code.encode(), "model.py": solution_files(MANIFEST)["model.py"]}


def judged(lane: Lane, files: dict[str, bytes], names: list[str], wrong: frozenset[str] = frozenset()) -> dict[str, Judgement]:
    student = Student(lane, files, MANIFEST.limits)
    found = {}
    for name in names:
        found[name] = run_check(CHECKS[name], student, SECRET, "digest", wrong)
        if found[name].status != "passed":
            student.fresh()
    student.fresh()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("what", bulk(list(ODD), kept=["nothing", "another size for the network"]))
def test_no_odd_body_is_an_error_of_the_grader(lane: Lane, what: str) -> None:
    heavy = {"its end", "no end"}
    names = [name for name in CHECKS if what not in heavy or name.endswith(("mean", "start"))]
    for name, judgement in judged(lane, with_bodies(ODD[what]), names).items():
        assert judgement.status != "grader_error", (name, judgement.detail)
        assert judgement.message or not CHECKS[name].mark.shows_work, name


@pytest.mark.slow
def test_mistakes_of_the_tasks_before_cost_an_edit_and_a_painting_nothing(lane: Lane) -> None:
    """Where the forward process and the guided loop are known to be wrong, and do nothing, the grader's stand in."""
    text = solution_files(MANIFEST)["sampling.py"].decode()
    broken = text.replace("return alpha_bar.sqrt() * im", "return 0 * im").replace("eps_u + scale * (eps_c - eps_u)\n", "eps_c\n", 1)
    names = [name for name in CHECKS if name.startswith(("1-7.", "1-7-2."))]
    wrong = frozenset({REGIONS["forward"], REGIONS["iterative_denoise_cfg"]})
    files = {**solution_files(MANIFEST), "sampling.py": broken.encode()}
    assert {name: found.message for name, found in judged(lane, files, names, wrong).items()} == dict.fromkeys(names, "")
    assert "" not in {found.message for name, found in judged(lane, files, ["1-7.start", "1-7-2.known_pixels"]).items()}


WITHOUT_WORK = {
    "its argument": "return {image}",
    "zeros": "return torch.zeros(1, 3, 64, 64)",
    "noise": "return torch.randn(1, 3, 64, 64)",
    "its argument and noise": "return {image} + torch.randn(1, 3, 64, 64)",
    "what the network says": "return stage_1.unet({image}, 500, torch.zeros(1, 77, 8))[0][:, :3]",
    "all questions and no step": "for t in {times}:\n        stage_1.unet({image}, t, {prompt})\n    return {image}",
    "noise alone": "x = {image}\n    for t in {times}:\n        x = add_variance(stage_1.unet(x, t, {prompt})[0][:, 3:], t, x)\n    return x",
    "the answers themselves": "x = {image}\n    for t in {times}:\n        x = stage_1.unet(x, t, {prompt})[0][:, :3]\n    return x",
    "the answers taken away": "x = {image}\n    for t in {times}:\n        x = x - stage_1.unet(x, t, {prompt})[0][:, :3]\n    return x",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", bulk(list(ARGUMENTS), kept=[]))
def test_no_body_without_work_shows_any(lane: Lane, name: str) -> None:
    arguments = {"make_hybrids": ARGUMENTS["make_flip_illusion"]}
    arguments["sdedit"] = "image, i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True"
    arguments["inpaint"] = "original_image, mask, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True"
    given = arguments.get(name, ARGUMENTS[name])
    image, prompt = given.partition(",")[0], "prompts[0]" if "prompts" in given else "prompt_embeds"
    times = ("timesteps[:-1]" if name == "inpaint" else "timesteps[i_start:-1]") if "timesteps" in given else "[t]" if "t," in given else "[500]"
    names = [check.id for check in CHECKS.values() if check.mark.region == REGIONS[name]]
    assert any(CHECKS[one].mark.shows_work for one in names)
    for what, body in WITHOUT_WORK.items():
        if "{prompt}" in body and "prompt" not in given:
            continue
        code = f"import torch\nfrom model import *\n\n\ndef {name}({given}):\n    {body.format(image=image, prompt=prompt, times=times)}\n"
        files = {**solution_files(MANIFEST), "sampling.py": code.replace("import *", "import add_variance, stage_1").encode()}
        found = judged(lane, files, names)
        assert not [one for one, judgement in found.items() if judgement.shows_work], (what, code)
        assert not [one for one, judgement in found.items() if judgement.status == "grader_error"], (what, code)


# The parts


def test_the_blur_is_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchvision.transforms.functional")
    image = np.random.default_rng(3).standard_normal((1, 3, 40, 52))
    for kernel_size, sigma in ((33, 2.0), (5, 0.7), (9, 4.0)):
        theirs = functional.gaussian_blur(torch.from_numpy(image), kernel_size, sigma).numpy()
        assert abs(gaussian_blur(image, kernel_size, sigma) - theirs).max() < 1e-6
    assert gaussian_kernel(7, 1.3).sum() == pytest.approx(1)


class Numbers:
    """In the place of a Draw."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(7)

    def normal(self, *shape: int) -> Any:
        return self.generator.standard_normal(shape)

    def uniform(self, low: float, high: float, *shape: int) -> Any:
        return self.generator.uniform(low, high, shape)


def borrowed(frames: tuple[str, ...] = (UPRIGHT, DOWN)) -> Borrowed:
    prompts = {"one": np.zeros((2, 3)), "two": np.ones((2, 3))}
    return Borrowed(np.linspace(0.98, 0.05, 1000), Numbers(), prompts, lambda step, frame, prompt: FRAMES[frame](step.right), frames=frames)  # type: ignore[arg-type]


def test_a_state_is_known_in_every_frame_and_a_prompt_by_nearness() -> None:
    model, x = borrowed(), np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)
    model.start = x[0].astype(np.float64)
    embedding = np.full((1, 2, 3), 0.999, np.float16)
    down = model.unet(x[..., ::-1, :].copy(), 300, encoder_hidden_states=embedding, return_dict=False)[0]
    upright = model.unet(x, np.array([300]), embedding, False)[0]
    (step,) = model.steps
    assert [(one.frame, one.prompt) for one in step.asked] == [(DOWN, "two"), (UPRIGHT, "two")]
    assert abs(down[:, :3, ::-1] - upright[:, :3]).max() < 1e-6
    after = model.add_variance(upright[:, 3:], 300, x)
    assert abs(after - x - step.added[0].noise).max() < 1e-6
    model.unet(after[..., ::-1, :].copy(), 100, encoder_hidden_states=embedding)
    assert [(s.t, s.asked[0].frame) for s in model.steps] == [(300.0, DOWN), (100.0, DOWN)]


def test_the_right_estimate_lies_within_the_range_of_the_data() -> None:
    model, x = borrowed((UPRIGHT,)), 3 * np.ones((1, 3, 8, 8), np.float32)
    eps = model.unet(x, 900, encoder_hidden_states=np.zeros((1, 2, 3), np.float32), return_dict=False)[0][:, :3]
    alpha_bar = model.alphas_cumprod[900]
    assert abs((x - np.sqrt(1 - alpha_bar) * eps) / np.sqrt(alpha_bar)).max() < 0.95


def test_what_files_import_is_imported_before_the_lane(sandbox: Sandbox) -> None:
    files = {"a.py": b"import sys\nhad = 'torchvision' in sys.modules\nimport torchvision\n"}
    with sandbox.lane(files) as opened:
        student = Student(opened, files, MANIFEST.limits)
        assert student.module("a").get("had") is True
        student.fresh()
