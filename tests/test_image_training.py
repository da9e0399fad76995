"""Training and sampling: resuming is exact, Ctrl-C keeps a checkpoint, files hold plain data, mistakes get a sentence."""

import dataclasses
import json
import os
import pickle
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from tests.image_assignment import image_assignment, refused, write_images

assignment = image_assignment()
train, trainer, sampling, recipe, run_folder = (
    assignment.train, assignment.trainer, assignment.sampling, assignment.recipe, assignment.run_folder
)  # fmt: skip
TINY = dataclasses.replace(
    recipe.LAPTOP, batch_size=4, train_num_steps=7, num_diffusion_train_timesteps=6, beta_T=0.4, image_resolution=8,
    ch=32, ch_mult=(1,), attn=(0,), num_res_blocks=1, dropout=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), per_category=3, size=8)


@pytest.fixture(autouse=True)
def _tiny_preset(monkeypatch):
    """The laptop preset, so small that a step takes milliseconds, on one thread, since others cost more than they bring; grids of pictures
    are left out, since drawing them takes seconds.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setitem(recipe.PRESETS, "laptop", TINY)
    sample = trainer.Trainer.sample
    monkeypatch.setattr(trainer.Trainer, "sample", lambda self, count: sample(self, 2))
    monkeypatch.setattr(train, "save_grid", lambda images, path, caption: path.write_text(caption))
    monkeypatch.setattr(train, "plot_loss", lambda losses, path, caption: path.write_text(caption))
    yield
    torch.set_num_threads(threads)


def run_training(folder, images, *options):
    train.main(
        ["--preset", "laptop", "--root", str(images), "--save_dir", str(folder), "--log_interval", "2", *options]
    )
    return run_folder.load_plain(folder / run_folder.STATE)


@pytest.fixture
def interrupt_after(monkeypatch):
    """Makes Ctrl-C come in the middle of the step of that number."""

    def at(step):
        whole = trainer.Trainer.one_step

        def one_step(self):
            if self.step == step - 1:
                signal.raise_signal(signal.SIGINT)
            whole(self)

        monkeypatch.setattr(trainer.Trainer, "one_step", one_step)

    return at


def differences(a, b, path="") -> list[str]:
    """Where two nested states are not equal bit by bit."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) and a.dtype == b.dtype else [path]
    if isinstance(a, dict):
        return [d for key in a.keys() | b.keys() for d in differences(a.get(key), b.get(key), f"{path}/{key}")]
    if isinstance(a, list | tuple):
        return [path] * (len(a) != len(b)) + [
            d for i, pair in enumerate(zip(a, b)) for d in differences(*pair, f"{path}/{i}")
        ]
    return [] if a == b else [path]


# --- resuming ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [3, pytest.param(5, marks=pytest.mark.proof)])  # in the first pass over the images, and in the third
def test_a_resumed_training_is_the_uninterrupted_one_bit_by_bit(step, tmp_path, images, interrupt_after):
    uninterrupted = run_training(tmp_path / "a", images)
    interrupt_after(step)
    with pytest.raises(SystemExit) as stopped:
        run_training(tmp_path / "b", images)
    assert stopped.value.code == 130
    assert run_folder.load_plain(tmp_path / "b" / run_folder.STATE)["step"] == step
    torch.manual_seed(12345)  # what happened in the meantime does not matter
    train.main(["--resume", str(tmp_path / "b")])
    resumed = run_folder.load_plain(tmp_path / "b" / run_folder.STATE)
    assert differences(uninterrupted, resumed) == []
    assert len(resumed["losses"]) == TINY.train_num_steps


def test_looking_at_samples_does_not_change_the_training(tmp_path, images):
    often, rarely = run_training(tmp_path / "a", images), run_training(tmp_path / "b", images, "--log_interval", "100")
    assert differences(often["state_dict"], rarely["state_dict"]) == []


def test_a_second_ctrl_c_stops_at_once_with_one_sentence(tmp_path, images, monkeypatch, capsys):
    def pressed_twice(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(trainer.Trainer, "one_step", pressed_twice)
    with pytest.raises(SystemExit) as stopped:
        assignment.errors.run(lambda: run_training(tmp_path / "run", images))
    assert stopped.value.code == 130
    assert capsys.readouterr().err.endswith("\nStopped at once, by Ctrl-C; what was not written yet is lost.\n")


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(tmp_path, images, interrupt_after, capsys):
    before = signal.getsignal(signal.SIGINT)
    interrupt_after(3)
    with pytest.raises(SystemExit) as stopped:
        run_training(tmp_path / "run", images)
    assert stopped.value.code == 130
    assert f"Go on with: python train.py --resume {tmp_path / 'run'}" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    model, checkpoint = sampling.load_model(tmp_path / "run" / run_folder.CHECKPOINT, "cpu")
    assert checkpoint["step"] == 3
    assert model.image_resolution == 8


def test_a_training_can_be_prolonged(tmp_path, images):
    run_training(tmp_path / "run", images)
    train.main(["--resume", str(tmp_path / "run"), "--train_num_steps", "9"])
    assert run_folder.load_plain(tmp_path / "run" / run_folder.CHECKPOINT)["step"] == 9


# --- what is learned --------------------------------------------------------------------------------------------------


def test_each_pass_sees_every_image_once_in_a_new_order():
    passes = [
        torch.cat([trainer.batch_indices(3 * epoch + i, 4, 12, seed=63) for i in range(3)]).tolist()
        for epoch in range(4)
    ]
    assert all(sorted(order) == list(range(12)) for order in passes)
    assert len({tuple(order) for order in passes}) == 4
    assert trainer.batch_indices(7, 4, 12, seed=63).tolist() == passes[2][4:8]
    assert trainer.batch_indices(7, 4, 12, seed=64).tolist() != passes[2][4:8]


def losses_of(precision, steps):
    pixels = torch.full((8, 3, 8, 8), 40, dtype=torch.uint8)
    settings = dataclasses.replace(TINY, batch_size=8, warmup_steps=5, dropout=0.0)
    training = trainer.Trainer(settings, pixels, "cpu", precision)
    for _ in range(steps):
        training.one_step()
    training.read()
    return np.array(training.losses)


def test_the_loss_falls_and_bfloat16_changes_nothing_that_matters():
    """The same random numbers in both precisions, so the two curves stay close; a wrong one would part from the other at once."""
    exact, fast = losses_of("float32", 25), losses_of("bfloat16", 25)
    assert exact[-5:].mean() < 0.7 * exact[:5].mean()
    assert np.abs(exact - fast).max() < 0.05
    assert abs(exact.mean() - fast.mean()) < 0.01


def test_the_learning_rate_warms_up():
    training = trainer.Trainer(
        dataclasses.replace(TINY, warmup_steps=4), torch.zeros((4, 3, 8, 8), dtype=torch.uint8), "cpu"
    )
    rates = []
    for _ in range(6):
        rates.append(training.optimizer.param_groups[0]["lr"] / TINY.learning_rate)
        training.one_step()
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_the_images_that_the_loss_sees_are_the_data(monkeypatch):
    pixels = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    training = trainer.Trainer(TINY, pixels, "cpu")
    seen = []
    monkeypatch.setattr(training.ddpm, "compute_loss", lambda x0: seen.append(x0) or training.network.head.weight.sum())
    training.one_step()
    expected = pixels[trainer.batch_indices(0, 4, 4, TINY.seed)].float() / 255 * 2 - 1
    assert torch.allclose(seen[0], expected, atol=1e-6)


def test_the_canonical_recipe_is_the_courses():
    canonical = recipe.CANONICAL.to_plain()
    assert canonical == dict(
        batch_size=12, train_num_steps=100_000, warmup_steps=200, learning_rate=2e-4, num_diffusion_train_timesteps=1000, beta_1=1e-4,
        beta_T=0.02, seed=63, max_num_images_per_cat=1000, image_resolution=64, ch=128, ch_mult=[1, 2, 2, 2], attn=[1], num_res_blocks=4,
        dropout=0.1,
    )  # fmt: skip
    assert recipe.remarks(recipe.CANONICAL, is_stand_in=False) == []
    assert "not on AFHQ" in recipe.remarks(recipe.CANONICAL, is_stand_in=True)[0]
    assert recipe.from_plain(canonical) == recipe.CANONICAL


# --- what lies on disk ------------------------------------------------------------------------------------------------


def test_a_laptop_training_says_everywhere_that_it_is_not_gradable(tmp_path, images):
    state = run_training(tmp_path / "run", images, "--keep_every", "4")
    caption = (tmp_path / "run" / "samples" / "step=000002.png").read_text()
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    sampling.main(
        ["--ckpt_path", str(tmp_path / "run" / "step=4.ckpt"), "--save_dir", str(tmp_path / "s"), "--num_images", "2"]
    )
    samples = json.loads((tmp_path / "s" / "sampling.json").read_text())
    comment = Image.open(tmp_path / "s" / "0.png").text["Comment"]
    for said in (caption, *state["remarks"], *settings["remarks"], samples["remarks"][0], comment):
        assert "not gradable as canonical" in said
    assert samples["training_step"] == 4


def test_checkpoints_hold_plain_data_and_load_with_task_1s_load(tmp_path, images):
    run_training(tmp_path / "run", images)
    for name in (run_folder.STATE, run_folder.CHECKPOINT):
        torch.load(tmp_path / "run" / name, weights_only=True)
    model = assignment.ddpm.DiffusionModule(
        assignment.network.UNet(ch=32, ch_mult=[1], attn=[]), assignment.ddpm.BaseScheduler(5)
    )
    model.load(tmp_path / "run" / run_folder.CHECKPOINT)
    assert model.image_resolution == 8
    assert model.var_scheduler.num_train_timesteps == 6


def test_a_plot_and_a_grid_are_pictures(tmp_path):
    run_folder.plot_loss([1.0, 0.5, 0.25], tmp_path / "loss.png", "3 steps")
    run_folder.save_grid(torch.zeros(5, 3, 8, 8), tmp_path / "grid.png", "Step 0")
    for name in ("loss.png", "grid.png"):
        assert min(Image.open(tmp_path / name).size) > 200


# --- sampling ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    training = trainer.Trainer(TINY, torch.zeros((4, 3, 8, 8), dtype=torch.uint8), "cpu")
    path = tmp_path_factory.mktemp("model") / "last.ckpt"
    run_folder.save_whole(training.checkpoint(), path)
    return path


def draw(checkpoint, folder, *options):
    sampling.main(
        ["--ckpt_path", str(checkpoint), "--save_dir", str(folder), "--num_images", "5", "--batch_size", "2", *options]
    )
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.parametrize(
    "options", [(), ("--num_inference_timesteps", "3"), ("--num_inference_timesteps", "3", "--eta", "1")]
)
def test_samples_are_png_of_64_pixels_numbered_from_0(checkpoint, tmp_path, options):
    files = draw(checkpoint, tmp_path / "s", *options)
    assert sorted(files) == [f"{i}.png" for i in range(5)]
    assert len(set(files.values())) == 5
    for name in files:
        with Image.open(tmp_path / "s" / name) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 64))


def test_sampling_goes_on_where_it_was(checkpoint, tmp_path):
    whole = draw(checkpoint, tmp_path / "a")
    draw(checkpoint, tmp_path / "b")
    for name in ("1.png", "4.png"):
        (tmp_path / "b" / name).unlink()
    kept = (tmp_path / "b" / "2.png").stat().st_mtime_ns
    assert draw(checkpoint, tmp_path / "b") == whole
    assert (tmp_path / "b" / "2.png").stat().st_mtime_ns == kept, "a batch that is complete is not drawn again"


@pytest.mark.parametrize(("steps", "first"), [(None, 999), (1000, 999), (50, 980), (600, 599), (400, 798), (501, 500)])
def test_too_late_a_start_of_ddim_is_remarked(steps, first):
    """ddim_p_sample_loop takes every (T // steps)-th step: from 600 on 1000 that is t = 599 … 0."""
    remark = sampling.starts_late(1000, steps)
    assert bool(remark) == (first < 750)
    assert not remark or f"t = {first} of 999" in remark[0]


def test_another_seed_gives_other_images(checkpoint, tmp_path):
    a, b = draw(checkpoint, tmp_path / "a"), draw(checkpoint, tmp_path / "b", "--seed", "1")
    assert not set(a.values()) & set(b.values())


# --- mistakes ---------------------------------------------------------------------------------------------------------


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil_was_here",)


def test_a_checkpoint_with_code_in_it_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pickle.ckpt").write_bytes(pickle.dumps(Evil(), protocol=2))
    torch.save({"state_dict": Evil()}, tmp_path / "torch.ckpt")
    for name in ("pickle.ckpt", "torch.ckpt"):
        assert "can run code when opened" in refused(sampling.main, ["--ckpt_path", name, "--save_dir", "s"])
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / run_folder.STATE).write_bytes((tmp_path / name).read_bytes())
        assert "can run code when opened" in refused(train.main, ["--resume", "run"])
    assert not (tmp_path / "evil_was_here").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--resume", "nowhere"], "There is no checkpoint"),
        (["--root", "nowhere"], "holds neither train/"),
        (["--resume", "x", "--batch_size", "3"], "--resume takes its settings from the run"),
        (["--batch_size", "100"], "fewer than the batch size 100"),
        (["--batch_size", "0"], "must be positive"),
        (["--beta_T", "-1"], "must be positive"),
        (["--gpus", "64"], "GPUs that PyTorch can use, not 64"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_in_training_get_one_sentence(options, sentence, tmp_path, images, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = [] if "--resume" in options or "--root" in options else ["--root", str(images)]
    preset = [] if "--resume" in options else ["--preset", "laptop"]
    assert sentence in refused(train.main, [*preset, *root, *options])


def test_a_used_folder_and_other_images_are_refused(tmp_path, images):
    run_training(tmp_path / "run", images)
    again = ["--preset", "laptop", "--root", str(images), "--save_dir", str(tmp_path / "run")]
    assert "holds a training already" in refused(train.main, again)
    other = write_images(tmp_path / "other", per_category=2, size=8)
    assert "are not the ones" in refused(train.main, ["--resume", str(tmp_path / "run"), "--root", str(other)])


def test_a_loss_that_is_no_number_ends_the_training(tmp_path, images, monkeypatch):
    ddpm = assignment.ddpm.DiffusionModule
    monkeypatch.setattr(ddpm, "compute_loss", lambda self, x0: self.network(x0, 0).sum() * float("nan"))
    options = ["--preset", "laptop", "--root", str(images), "--save_dir", str(tmp_path / "run"), "--log_interval", "2"]
    assert "The loss is nan after step 2" in refused(train.main, options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--num_inference_timesteps", "7"], "must be from 1 to 6, not 7"),
        (["--num_inference_timesteps", "0"], "must be from 1 to 6, not 0"),
        (["--batch_size", "0"], "must be positive"),
    ],
)
def test_mistakes_in_sampling_get_one_sentence(options, sentence, checkpoint, tmp_path):
    assert sentence in refused(
        sampling.main, ["--ckpt_path", str(checkpoint), "--save_dir", str(tmp_path / "s"), *options]
    )


def test_samples_made_differently_are_not_mixed(checkpoint, tmp_path):
    draw(checkpoint, tmp_path / "s")
    options = ["--ckpt_path", str(checkpoint), "--save_dir", str(tmp_path / "s"), "--seed", "5"]
    assert "drawn with other settings" in refused(sampling.main, options)


def test_a_checkpoint_of_another_network_is_refused(checkpoint, tmp_path):
    data = run_folder.load_plain(checkpoint)
    run_folder.save_whole({**data, "network": {**data["network"], "ch": 64}}, tmp_path / "other.ckpt")
    assert "does not fit this network" in refused(
        sampling.main, ["--ckpt_path", str(tmp_path / "other.ckpt"), "--save_dir", str(tmp_path / "s")]
    )
    torch.save({"weights": torch.zeros(1)}, tmp_path / "third.ckpt")
    assert "was not written by train.py" in refused(
        sampling.main, ["--ckpt_path", str(tmp_path / "third.ckpt"), "--save_dir", str(tmp_path / "s")]
    )
