"""What students of `mnist_diffusion` get beside their files: the data, and a training that resumes exactly and ends in sentences."""

import dataclasses
import pickle
import signal
from pathlib import Path

import pytest
import torch

from tests.mnist_folder import refused, student_folder, tiny, trained, write_mnist

given = student_folder()
train, recipe, models, gallery, run_folder = given.train, given.recipe, given.models, given.gallery, given.run_folder
TINY = tiny()


@pytest.fixture(autouse=True)
def _tiny(monkeypatch, tmp_path):
    """No MNIST, in an empty folder, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setitem(recipe.PRESETS, "laptop", TINY)
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def without_pictures(monkeypatch):
    for name in ("draw_epoch", "draw_loss", "draw_noising", "open_board"):
        monkeypatch.setattr(train, name, lambda *arguments: None)


@pytest.fixture
def interrupt_at(monkeypatch):
    """Makes Ctrl-C come in the middle of the step of that number."""

    def at(number):
        whole = given.trainer.Trainer.one_step

        def one_step(self):
            if self.step == number - 1:
                signal.raise_signal(signal.SIGINT)
            return whole(self)

        monkeypatch.setattr(given.trainer.Trainer, "one_step", one_step)

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


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "step"), [  # 3 steps an epoch
    pytest.param("denoiser", 2, marks=pytest.mark.proof),
    ("class", 5),
    pytest.param("flow", 3, marks=pytest.mark.proof),
])  # fmt: skip
def test_a_resumed_training_is_the_uninterrupted_one_bit_by_bit(model, step, without_pictures, interrupt_at):
    uninterrupted = trained(model, "a")
    interrupt_at(step)
    with pytest.raises(SystemExit) as stopped:
        trained(model, "b")
    assert stopped.value.code == 130
    assert run_folder.load_state(Path("b"))["step"] == step
    torch.manual_seed(12345)  # what happened in the meantime does not matter
    train.main([model, "--folder", "b", "--resume"])
    resumed = run_folder.load_state(Path("b"))
    assert differences(uninterrupted, resumed) == []
    assert len(resumed["losses"]) == 6


def test_looking_at_samples_does_not_change_the_training(monkeypatch, without_pictures):
    plain = trained("time", "a")

    def look(folder, model, recipe, test, epoch):
        torch.manual_seed(epoch)
        return models.draw(model, recipe, 1)

    monkeypatch.setattr(
        gallery, "_draw_samples", lambda folder, model, recipe, epoch, caption: look(folder, model, recipe, None, epoch)
    )
    monkeypatch.setattr(train, "draw_epoch", gallery.draw_epoch)
    looked = trained("time", "b")
    assert differences(plain, looked) == []


def test_ctrl_c_says_how_to_go_on_and_leaves_the_handler_as_it_was(without_pictures, interrupt_at, capsys):
    before = signal.getsignal(signal.SIGINT)
    trained("denoiser", "whole")
    assert signal.getsignal(signal.SIGINT) is before
    interrupt_at(2)
    with pytest.raises(SystemExit):
        train.main(["flow", "--time", "--preset", "laptop"])
    assert "Stopped at step 2 of 6. Go on with: python train.py flow --time --resume" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    assert (Path("results/flow_time") / run_folder.STATE).is_file()


def test_a_second_ctrl_c_stops_at_once_with_one_sentence(without_pictures, monkeypatch, capsys):
    def pressed_twice(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(given.trainer.Trainer, "one_step", pressed_twice)
    with pytest.raises(SystemExit) as stopped:
        given.errors.run(lambda: trained("denoiser", "a"))
    assert stopped.value.code == 130
    assert capsys.readouterr().err.endswith("\nStopped at once, by Ctrl-C; what was not written yet is lost.\n")


def test_the_learning_rate_falls_to_a_tenth_where_the_course_says_so(without_pictures):
    for model, factor in (("time", 0.1), ("denoiser", 1.0)):
        state = trained(model, model)
        rate = state["optimizer"]["param_groups"][0]["lr"]
        assert rate == pytest.approx(factor * TINY[model].learning_rate)


def test_each_epoch_sees_the_images_in_a_new_order():
    orders = [given.trainer.epoch_order(50, 3, epoch).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_the_course_preset_is_the_courses():
    """Project 5, part B, as its page says."""
    course = recipe.COURSE
    assert dataclasses.astuple(course["denoiser"])[1:6] == (256, 5, 128, 1e-4, False)
    assert course["denoiser"].sigma == 0.5
    for model in ("time", "class"):
        assert dataclasses.astuple(course[model])[1:7] == (128, 20, 64, 1e-3, True, 300)
    for model, steps in (("flow_time", 50), ("flow_class", 300)):
        assert dataclasses.astuple(course[model])[1:7] == (64, 10, 64, 1e-2, True, steps)
    assert {chosen.p_uncond for chosen in course.values()} == {0.1}
    assert {chosen.images for chosen in course.values()} == {60_000}
    assert course["time"].shown == (1, 5, 10, 15, 20)
    assert course["denoiser"].shown == (1, 5)


class Evil:
    def __reduce__(self):
        return Path.mkdir, (Path("evil_was_here"),)


def test_a_checkpoint_with_code_in_it_is_refused_unread():
    Path("run").mkdir()
    for content in (pickle.dumps(Evil(), protocol=2), b"", b"no checkpoint at all"):
        (Path("run") / run_folder.STATE).write_bytes(content)
        assert "is broken or was not written by train.py" in refused(
            train.main, ["time", "--folder", "run", "--resume"]
        )
    torch.save({"recipe": Evil()}, Path("run") / run_folder.STATE)
    assert "is broken or was not written" in refused(train.main, ["time", "--folder", "run", "--redraw"])
    torch.save({"step": 3}, Path("run") / run_folder.STATE)
    assert "was not written by train.py" in refused(train.main, ["time", "--folder", "run", "--resume"])
    assert not Path("evil_was_here").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["time", "--time"], "--time belongs to flow"),
        (["time", "--resume"], "There is no results/time/state.pt; train the model first"),
        (["class", "--redraw"], "There is no results/class/state.pt"),
        (["time", "--resume", "--epochs", "3"], "--resume takes all settings from the run"),
        (["time", "--preset", "laptop", "--batch_size", "100"], "There are 14 images, fewer than one batch of 100"),
        (["time", "--epochs", "0"], "--epochs 0 makes no sense"),
        (["time", "--learning_rate", "nan"], "--learning_rate nan makes no sense"),
        (["denoiser", "--sigma", "-1"], "--sigma -1 makes no sense"),
        (["time", "--device", "toaster"], "cannot use --device toaster"),
    ],
    ids=" ".join,
)
def test_a_bad_option_gets_one_sentence(options, sentence):
    assert sentence in refused(train.main, options)


def test_a_used_folder_and_other_data_are_refused(without_pictures, monkeypatch):
    trained("time", "run")
    assert "run holds a training already. Go on with it by --resume" in refused(trained, "time", "run")
    (Path("run") / "mine.png").write_bytes(b"mine")
    (Path("run") / "sampling.gif").write_bytes(b"old")
    trained("time", "run", "--overwrite", "--epochs", "1")
    assert {path.name for path in Path("run").iterdir()} == {"state.pt", "settings.json", "epoch_01.pt", "mine.png"}
    write_mnist(Path("data"))
    said = refused(train.main, ["time", "--folder", "run", "--resume"])
    assert "begun on other images (digits drawn by a program, a stand-in for MNIST); there are now: MNIST" in said


def test_a_loss_that_is_no_number_ends_the_training_in_a_sentence(without_pictures, monkeypatch):
    monkeypatch.setattr(models, "denoising_loss", lambda unet, x, sigma: unet(x).sum() * float("nan"))
    assert "The loss is nan at step 1." in refused(trained, "denoiser", "run")


def not_done(*arguments, **keywords):
    raise NotImplementedError("TODO 2-3: ddpm_sample")


def test_a_part_that_is_not_done_is_named(without_pictures, monkeypatch):
    monkeypatch.setattr(given.time_conditional, "ddpm_forward", not_done)
    assert "This needs a part that is not done yet: TODO 2-3: ddpm_sample." in refused(trained, "time", "run")


def broken(*arguments, **keywords):
    raise ValueError("sampler of a student")


@pytest.mark.parametrize(
    ("sampler", "sentence"),
    [
        (not_done, "No samples yet, since this is not done: TODO 2-3: ddpm_sample."),
        (broken, "--redraw draws them from"),
    ],
)
def test_a_training_does_not_end_for_want_of_a_sampler(sampler, sentence, monkeypatch, capsys):
    monkeypatch.setattr(given.time_conditional, "ddpm_sample", sampler)
    assert trained("time", "run")["step"] == 6
    said = capsys.readouterr()
    assert sentence in said.out
    assert ("sampler of a student" in said.err) == (sampler is broken)
    assert not list(Path("run").glob("samples*"))


# --- data -------------------------------------------------------------------------------------------------------------


def test_mnist_is_read_where_it_is():
    write_mnist(Path("data"))
    training, test = given.digits.load_digits(15), given.digits.load_digits(99, train=False)
    assert training.images.shape == (15, 1, 28, 28)
    assert test.images.shape == (10, 1, 28, 28)
    assert training.images.unique().tolist() == [1.0]
    assert test.images.unique().tolist() == pytest.approx([0.2])
    assert training.labels.tolist() == [i % 10 for i in range(15)]
    assert training.name == test.name == "MNIST"


def test_drawn_digits_stand_in_and_say_so():
    training, test = given.digits.load_digits(30), given.digits.load_digits(30, train=False)
    assert "stand-in" in training.name
    assert training.images.shape == (30, 1, 28, 28)
    assert 0 <= training.images.min() < training.images.max() <= 1
    assert not torch.equal(training.images, test.images)
    assert given.digits.one_of_each(test).shape == (10, 1, 28, 28)


def test_a_damaged_mnist_gets_a_sentence():
    write_mnist(Path("data"))
    (Path("data/MNIST/raw") / "train-images-idx3-ubyte").write_bytes(b"broken")
    assert "is no whole file of MNIST" in refused(given.digits.load_digits, 10)
