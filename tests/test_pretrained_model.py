"""The given model of `pretrained_diffusion`: the small one, and DeepFloyd's loading code on a tiny pipeline that lies on disk."""

import importlib
import os
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from autograder.drawings.drawings import draw
from tests.pretrained_folder import FOLDER, imported

TIMESTEPS = [*range(990, 0, -30), 0]


@pytest.fixture(scope="module")
def model():
    with imported("model") as (module,):
        yield module


@pytest.fixture(scope="module")
def small():
    with imported("small_model.stage", "small_model.scheduler") as modules:
        yield modules


# The small model


def test_globals_of_the_course(model):
    """What the facts promise: shapes, ranges, dtypes."""
    assert model.alphas_cumprod.shape == (1000,)
    assert (model.alphas_cumprod.diff() < 0).all()
    assert 0.99 < model.alphas_cumprod[0] < 1
    assert model.alphas_cumprod[-1] < 1e-3
    assert "" in model.prompt_embeds_dict
    assert len(model.prompt_embeds_dict) >= 24
    assert {tuple(value.shape) for value in model.prompt_embeds_dict.values()} == {(1, 77, 64)}
    assert len({value.numpy().tobytes() for value in model.prompt_embeds_dict.values()}) == len(
        model.prompt_embeds_dict
    )
    answer = model.stage_1.unet(
        torch.randn(2, 3, 64, 64), 500, encoder_hidden_states=model.prompt_embeds_dict["a cat"], return_dict=False
    )
    assert isinstance(answer, tuple)
    assert answer[0].shape == (2, 6, 64, 64)


def test_the_network_knows_noise_from_picture(model):
    """Of a drawn picture with much noise, it names the noise far better than 0 does, and better with the right prompt than with a wrong one."""
    pictures = [draw("a brick wall", np.random.default_rng(seed)) for seed in range(8)]
    x_0 = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 127.5 - 1
    eps = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(0))
    alpha_bar = model.alphas_cumprod[700]
    x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps

    def error(prompt):
        answer = model.stage_1.unet(
            x_t, 700, encoder_hidden_states=model.prompt_embeds_dict[prompt], return_dict=False
        )[0][:, :3]
        return float(((answer - eps) ** 2).mean())

    assert error("a brick wall") < 0.1
    assert error("a brick wall") < error("a starry night")


def test_forms_of_t_and_dtypes(model):
    """An integer, () and (B,) are one and the same; half precision comes back as half precision."""
    x, embeds = torch.randn(2, 3, 64, 64), model.prompt_embeds_dict["a fish"]
    answers = [
        model.stage_1.unet(x, t, encoder_hidden_states=embeds, return_dict=False)[0]
        for t in (300, torch.tensor(300), torch.tensor([300, 300]), torch.tensor([300]))
    ]
    assert all(torch.equal(answer, answers[0]) for answer in answers)
    assert torch.equal(model.stage_1.unet(x, 300, encoder_hidden_states=embeds).sample, answers[0])
    half = model.stage_1.unet(x.half(), 300, encoder_hidden_states=embeds.half(), return_dict=False)[0]
    assert half.dtype == torch.float16
    assert (half.float() - answers[0]).abs().max() < 0.05


def test_scheduler_is_that_of_diffusers(small):
    """alphas_cumprod and the variance of a strided chain, against the class that DeepFloyd's pipeline has."""
    from diffusers import DDPMScheduler

    _, scheduler = small
    own, theirs = (
        scheduler.Scheduler(),
        DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range"),
    )
    assert (own.alphas_cumprod - theirs.alphas_cumprod).abs().max() < 1e-6
    place = torch.rand(1, 3, 4, 4) * 2 - 1
    for timesteps in (TIMESTEPS, [800, 333, 2]):
        own.set_timesteps(timesteps=timesteps)
        theirs.set_timesteps(timesteps=timesteps)
        for t in timesteps:
            right = theirs._get_variance(t, predicted_variance=place)
            assert (own._get_variance(torch.tensor([t]), predicted_variance=place) - right).abs().max() < 1e-3


@pytest.mark.parametrize("timesteps", [[], [0, 30], [30, 30], [1000, 0], [30, -1]])
def test_chains_that_do_not_fall_are_refused(small, timesteps):
    with pytest.raises(ValueError, match="fall from one to the next"):
        small[1].Scheduler().set_timesteps(timesteps=timesteps)


def test_variance_of_a_step_that_is_not_in_the_chain(small):
    scheduler = small[1].Scheduler()
    scheduler.set_timesteps(timesteps=[600, 300, 0])
    with pytest.raises(ValueError, match="t = 450 is none of the timesteps"):
        scheduler._get_variance(450, predicted_variance=torch.zeros(1))


def test_add_variance(model):
    """On top of the mean comes fresh noise whose variance is the predicted one."""
    model.stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    place, mean = torch.full((1, 3, 64, 64), 0.3), torch.rand(1, 3, 64, 64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        noise, again = (model.add_variance(place, t, mean) - mean for t in (300, torch.tensor([300])))
    sigma = float((model.stage_1.scheduler._get_variance(300, predicted_variance=place) / 2).exp().mean())
    assert abs(noise.std() / sigma - 1) < 0.04  # six standard errors of 12,288 numbers
    assert abs((noise * again).mean()) < 0.06 * sigma**2


def test_words_combine_and_unknown_ones_are_named(model):
    assert model.make_prompt_embeds("a cat") is model.prompt_embeds_dict["a cat"]
    combined = model.make_prompt_embeds("A pencil drawing of a skull")
    assert combined.shape == (1, 77, 64)
    assert int(combined[0].any(dim=-1).sum()) == 3
    assert not model.prompt_embeds_dict[""].any()
    with pytest.raises(ValueError, match='does not know the word "elephant"; the nearest prompt'):
        model.make_prompt_embeds("an elephant")


def test_pictures_of_any_kind_come_in(model, tmp_path):
    """Upright by EXIF, the middle square, transparent is white, [−1, 1]."""
    red_above = Image.new("RGB", (200, 100), "red")
    red_above.paste("blue", (0, 0, 50, 100))  # outside of the middle square
    x = model.process_pil_im(red_above)
    assert x.shape == (1, 3, 64, 64)
    assert x.dtype == torch.float32
    assert torch.allclose(x[0, :, 32, 32], torch.tensor([1.0, -1.0, -1.0]), atol=0.02)
    assert (x[:, 0] > 0.9).all()
    turned = Image.new("RGB", (64, 64), "white")
    turned.paste("black", (0, 0, 64, 32))
    exif = turned.getexif()
    exif[0x0112] = 3  # half a turn
    file = tmp_path / "turned.png"
    turned.save(file, exif=exif)
    assert (model.process_pil_im(Image.new("RGBA", (64, 64), (0, 0, 0, 0))) > 0.99).all()
    assert model.process_pil_im(Image.new("L", (10, 20), 255)).shape == (1, 3, 64, 64)
    assert float(model.process_pil_im(Image.open(file))[0, 0, 5, 5]) > 0.9  # was black before it was turned upright


def test_upsampling_without_a_second_stage(model):
    large = model.upsample(torch.rand(1, 3, 64, 64) * 2 - 1, model.prompt_embeds_dict[""])
    assert large.shape == (1, 3, 256, 256)
    assert large.abs().max() <= 1


def test_seeds(model):
    with torch.random.fork_rng():
        model.seed_everything(5)
        first = torch.rand(3), np.random.rand(3)
        model.seed_everything(5)
        assert torch.equal(first[0], torch.rand(3))
        assert (first[1] == np.random.rand(3)).all()


@pytest.mark.parametrize("content", [None, b"", b"no weights", b"x" * 1000])
def test_weights_that_are_none(small, tmp_path, content):
    file = tmp_path / "small_model.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match="holds no weights of the small model"):
        small[0].load_small_model(file=file)


def test_weights_are_small():
    assert (FOLDER / "small_model" / "weights" / "small_model.safetensors").stat().st_size <= 8e6


# Its training


def test_a_training_resumes_exactly(tmp_path):
    """Two runs of six steps, one of them stopped after three, end with the same weights."""
    with imported("small_model.text"):  # where the module finds it
        training = importlib.import_module("autograder.assignments.pretrained_diffusion.make_small_model_trainer")
    pictures = torch.cat(
        [torch.full((8, 64, 64, 3), 230, dtype=torch.uint8), torch.full((8, 64, 64, 3), 20, dtype=torch.uint8)]
    )
    prompts = torch.tensor([1] * 8 + [2] * 8)

    def trainer():
        with torch.random.fork_rng():
            return training.Trainer(("", "white", "black"), pictures, prompts, 4, 2e-3, 6)

    with torch.random.fork_rng():
        whole = trainer()
        losses = [whole.one_step() for _ in range(6)]
        stopped = trainer()
        for _ in range(3):
            stopped.one_step()
        torch.save(stopped.state(), tmp_path / "state.pt")
        resumed = trainer()
        resumed.restore(torch.load(tmp_path / "state.pt", weights_only=True))
        for _ in range(3):
            resumed.one_step()
    assert np.isfinite(losses).all()
    assert whole.step == 6
    for mine, other in zip(whole.learned.parameters(), resumed.learned.parameters()):
        assert torch.equal(mine, other)


# DeepFloyd


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A pipeline of both stages with DeepFloyd's layers at small width, saved to disk, and a file of embeddings beside it."""
    diffusers = pytest.importorskip("diffusers")
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("deepfloyd")

    def unet(channels, size, **more):
        return diffusers.UNet2DConditionModel(
            sample_size=size, in_channels=channels, out_channels=6, layers_per_block=1, block_out_channels=(32, 32),
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), cross_attention_dim=32, encoder_hid_dim=12,
            attention_head_dim=8, norm_num_groups=4, addition_embed_type="text", addition_embed_type_num_heads=2,
            cross_attention_norm="group_norm", resnet_time_scale_shift="scale_shift", act_fn="gelu", **more,
        )  # fmt: skip

    def scheduler():
        return diffusers.DDPMScheduler(
            1000,
            beta_schedule="squaredcos_cap_v2",
            variance_type="learned_range",
            thresholding=True,
            sample_max_value=1.5,
        )

    without = {
        "tokenizer": None,
        "text_encoder": None,
        "safety_checker": None,
        "feature_extractor": None,
        "watermarker": None,
        "requires_safety_checker": False,
    }
    diffusers.IFPipeline(unet=unet(3, 64), scheduler=scheduler(), **without).save_pretrained(folder / "stage_1")
    diffusers.IFSuperResolutionPipeline(
        unet=unet(6, 32, class_embed_type="timestep"),
        scheduler=scheduler(),
        image_noising_scheduler=scheduler(),
        **without,
    ).save_pretrained(folder / "stage_2")
    save_file(
        {prompt: torch.randn(1, 77, 12) for prompt in ("", "a cat", "a dog")}, folder / "prompt_embeds.safetensors"
    )
    return folder


def test_deepfloyd_draws(tiny, model, monkeypatch):
    """Loaded from disk without the network, the student's own loop runs around it, and its second stage enlarges what comes."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with imported("deepfloyd") as (deepfloyd,):
        stage_1, stage_2, embeds = deepfloyd.load_deepfloyd(
            tiny, torch.device("cpu"), tiny / "stage_1", tiny / "stage_2"
        )
        globals_of_course = ModuleType("model")
        add_variance = type(model.add_variance)(model.add_variance.__code__, {**vars(model), "stage_1": stage_1})
        vars(globals_of_course).update({**vars(model), "stage_1": stage_1, "prompt_embeds_dict": embeds, "add_variance": add_variance,
                                        "alphas_cumprod": stage_1.scheduler.alphas_cumprod})  # fmt: skip
        timesteps = [990, 660, 330, 0]
        stage_1.scheduler.set_timesteps(timesteps=timesteps)
        with imported("sampling", model=globals_of_course) as (sampling,):
            picture = sampling.iterative_denoise_cfg(
                torch.randn(1, 3, 64, 64), 0, embeds["a cat"], embeds[""], timesteps, display=False
            )
        assert np.shape(picture) == (1, 3, 64, 64)
        assert np.isfinite(picture).all()
        large = deepfloyd.upsampled(stage_2, torch.rand(1, 3, 16, 16) * 2 - 1, embeds["a cat"])
        assert large.shape == (1, 3, 32, 32)
        assert large.abs().max() <= 1


def test_deepfloyd_that_is_not_there(tiny, tmp_path, monkeypatch):
    """Each thing that may be missing is named."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with imported("deepfloyd") as (deepfloyd,):
        with pytest.raises(ValueError, match="stage_9 is not on this machine as a whole"):
            deepfloyd.load_deepfloyd(tiny, torch.device("cpu"), tiny / "stage_9", tiny / "stage_2")
        with pytest.raises(ValueError, match="needs embeddings of prompts"):
            deepfloyd.load_prompt_embeds(tmp_path)
        (tmp_path / "prompt_embeds_dict.pth").write_bytes(b"no embeddings")
        with pytest.raises(ValueError, match="cannot be read as embeddings"):
            deepfloyd.load_prompt_embeds(tmp_path)
        torch.save({"a cat": torch.zeros(1, 77, 12)}, tmp_path / "prompt_embeds_dict.pth")
        with pytest.raises(ValueError, match='the null prompt "" among them'):
            deepfloyd.load_prompt_embeds(tmp_path)
        torch.save({"a cat": torch.zeros(1, 77, 12), "": torch.zeros(1, 77, 12)}, tmp_path / "prompt_embeds_dict.pth")
        assert [*deepfloyd.load_prompt_embeds(tmp_path)] == ["a cat", ""]


@pytest.mark.proof
def test_commands_of_deepfloyd_say_what_is_missing(tmp_path):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "deepfloyd.py", "embed", "a cat"], cwd=FOLDER, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "deepfloyd.py download" in done.stderr


def test_an_unknown_model_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "import model"],
        cwd=FOLDER,
        env={**os.environ, "DIFFUSION_MODEL": "midjourney"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'it can be "small" or "deepfloyd"' in done.stderr
