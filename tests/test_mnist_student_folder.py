"""What students of `mnist_diffusion` get beside their files: the data, a training that resumes exactly, the figures, and the page."""

import dataclasses
import functools
import gzip
import html.parser
import importlib
import json
import pickle
import re
import signal
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from autograder.manifest import load_manifest

MANIFEST = load_manifest("mnist_diffusion")
NOTEBOOK = "mnist_diffusion"


def student_folder() -> SimpleNamespace:
    """The modules of the solution by name, imported as a student's Python does, without leaving their names behind for other tests."""
    names = sorted({path.stem for path in MANIFEST.solution.glob("*.py")} - {NOTEBOOK})
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(MANIFEST.solution))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(MANIFEST.solution))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


given = student_folder()
train, recipe, models, gallery, pictures, run_folder, make_page = (
    given.train, given.recipe, given.models, given.gallery, given.pictures, given.run_folder, given.make_page
)  # fmt: skip
TINY = {
    name: dataclasses.replace(chosen, batch_size=4, epochs=2, num_hiddens=4, images=14, num_ts=5)
    for name, chosen in recipe.LAPTOP.items()
}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch, tmp_path):
    """The laptop preset, so small that a step takes milliseconds; no MNIST; in an empty folder; on one thread."""
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


def trained(model, folder, *options):
    train.main([model, "--preset", "laptop", "--folder", folder, *options])
    return run_folder.load_state(Path(folder))


def refused(function, *arguments) -> str:
    """The sentence with which a script's `main` ends for bad input: one line, exit status 1."""
    with pytest.raises(SystemExit) as stopped:
        given.errors.run(functools.partial(function, *arguments))
    assert isinstance(stopped.value.code, str)
    assert stopped.value.code.startswith("Error: ")
    assert "\n" not in stopped.value.code
    return stopped.value.code


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


@pytest.mark.parametrize(("model", "step"), [("denoiser", 2), ("class", 5), ("flow", 3)])  # 3 steps an epoch
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

    monkeypatch.setattr(gallery, "_draw_samples", lambda folder, model, recipe, epoch, caption: look(folder, model, recipe, None, epoch))
    monkeypatch.setattr(train, "draw_epoch", gallery.draw_epoch)
    looked = trained("time", "b")
    assert differences(plain, looked) == []


def test_ctrl_c_says_how_to_go_on_and_leaves_the_handler_as_it_was(without_pictures, interrupt_at, capsys):
    before = signal.getsignal(signal.SIGINT)
    interrupt_at(2)
    with pytest.raises(SystemExit):
        train.main(["flow", "--time", "--preset", "laptop"])
    assert "Stopped at step 2 of 6. Go on with: python train.py flow --time --resume" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    assert (Path("results/flow_time") / run_folder.STATE).is_file()


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
    trained("time", "run", "--overwrite", "--epochs", "1")
    assert not (Path("run") / run_folder.weights_file(2)).exists()
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


@pytest.mark.slow
def test_pictures_are_drawn_again_from_the_checkpoints(monkeypatch, saved):
    with monkeypatch.context() as patch:
        patch.setattr(given.time_conditional, "ddpm_sample", broken)
        trained("time", "run")
    before = (Path("run") / run_folder.STATE).read_bytes()
    assert saved.keys() == {"loss.png"}
    train.main(["time", "--folder", "run", "--redraw"])
    assert saved.keys() == {"loss.png", "samples_epoch_01.png", "samples_epoch_02.png"}
    assert "after epoch 1 of 2" in saved["samples_epoch_01.png"]
    assert (Path("run") / run_folder.STATE).read_bytes() == before


# --- what samplers answer ---------------------------------------------------------------------------------------------


X = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 28, 28)
CACHES = torch.stack([X - 2, X - 1, X], dim=1)


@pytest.mark.parametrize(
    "answer",
    [X, (X, CACHES), [X, CACHES], (X, [X - 1, X]), list(X), [X - 2, X - 1, X], (X - 2, X - 1, X), CACHES, [X], X[:, 0]],
    ids=["x", "tuple", "list", "states in a list", "list of images", "list of states", "tuple of states", "trajectory", "one batch",
         "no channel"],
)  # fmt: skip
def test_the_images_are_found_in_every_form_of_answer(answer):
    assert torch.equal(models.final_images(answer), X)


class Sampler(torch.nn.Module):
    """Draws images whose brightness is the seed; asks the network at T states."""

    def __init__(self, at_once, guided):
        super().__init__()
        self.unet, self.at_once, self.guided, self.seeds = torch.nn.Identity(), at_once, guided, []

    def sample(self, *arguments):
        if self.guided is None:
            size, seed = arguments
            count = self.at_once
        else:
            c, size, scale, seed = arguments
            count = len(c)
            assert scale == 5
        self.seeds.append(seed)
        for step in range(5):
            x = torch.full((count, 1, *size), float(step))
            if self.guided == "doubled":
                self.unet(torch.cat([x, x]))
            else:
                self.unet(x)
                if self.guided:
                    self.unet(x)
        return torch.full((count, 1, *size), float(seed))

    def parameters(self, recurse=True):
        return iter([torch.nn.Parameter(torch.zeros(1))])


@pytest.mark.parametrize(("at_once", "seeds"), [(1, 10), (3, 4), (16, 1)])
def test_samplers_are_asked_with_other_seeds_until_there_are_enough(at_once, seeds):
    sampler = Sampler(at_once, None)
    images, states = models.draw(sampler, TINY["time"], 1)
    assert sampler.seeds == list(range(seeds))
    assert images[:, 0, 0, 0].tolist() == [i // at_once for i in range(10)]
    assert states.shape == (10, 6, 1, 28, 28)
    assert states[9, :, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, (seeds - 1)]


@pytest.mark.parametrize("guided", ["one by one", "doubled"])
def test_states_on_the_way_are_shown_once_with_guidance_too(guided):
    images, states = models.draw(Sampler(None, guided), TINY["class"], 2)
    assert images.shape == (20, 1, 28, 28)
    assert states[0, :, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 0]


def test_the_animation_moves_from_the_first_state_to_the_last():
    pictures.animation(torch.linspace(0, 1, 3).view(1, 3, 1, 1, 1).expand(12, 3, 1, 28, 28), Path("a.gif"))
    with Image.open("a.gif") as gif:
        assert gif.n_frames == 3
        assert gif.size == (560, 112)  # ten in a row, two rows, twice as large
        levels = []
        for frame in range(3):
            gif.seek(frame)
            levels.append(int(np.asarray(gif.convert("L"))[5, 5]))
    assert levels == [0, 127, 255]


# --- data -------------------------------------------------------------------------------------------------------------


def write_mnist(folder: Path) -> None:
    """A small MNIST in torchvision's layout: 20 images for training, all of brightness 255, and 10 for testing, of 51."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count, level in (("train", 20, 255), ("t10k", 10, 51)):
        images = struct.pack(">HBBIII", 0, 8, 3, count, 28, 28) + bytes([level]) * count * 784
        labels = struct.pack(">HBBI", 0, 8, 1, count) + bytes(i % 10 for i in range(count))
        for kind, content in (("images-idx3", images), ("labels-idx1", labels)):
            (raw / f"{name}-{kind}-ubyte").write_bytes(content)
            (raw / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))


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
    assert "cannot be read" in refused(given.digits.load_digits, 10)


# --- pictures and the page --------------------------------------------------------------------------------------------


@pytest.fixture
def saved(monkeypatch):
    """The captions of the figures that are saved, by file."""
    captions = {}

    def save(figure, path):
        captions[path.name] = " ".join(figure.get_supxlabel().split())
        path.write_bytes(b"")

    monkeypatch.setattr(gallery, "save", save)
    return captions


@pytest.mark.slow
@pytest.mark.parametrize("model", ["denoiser", "class"])
def test_every_figure_says_data_and_settings(model, saved):
    trained(model, "run")
    names = {
        "denoiser": {"noising.png", "loss.png", "denoised_epoch_01.png", "denoised_epoch_02.png", "strengths.png"},
        "class": {"loss.png", "samples_epoch_01.png", "samples_epoch_02.png"},
    }
    assert saved.keys() == names[model]
    for name, caption in saved.items():
        assert "digits drawn by a program, a stand-in for MNIST" in caption
        assert name == "noising.png" or TINY[model].in_words in caption
    assert model == "denoiser" or "guidance γ = 5" in saved["samples_epoch_02.png"]
    assert json.loads(Path("run/settings.json").read_text())["batch_size"] == 4
    assert Path("run/sampling.gif").exists() == (model == "class")


@pytest.mark.slow
def test_a_better_network_is_shown_beside_that_of_the_diagram_where_both_were_trained_alike(monkeypatch, saved):
    shown = []
    curve = pictures.loss_curve
    monkeypatch.setattr(pictures, "loss_curve", lambda losses, *rest: shown.append(set(losses)) or curve(losses, *rest))
    train.main(["denoiser", "--preset", "laptop"])
    train.main(["better", "--preset", "laptop"])
    assert shown[-1] == {"your U-Net", "that of the diagram"}
    train.main(["better", "--preset", "laptop", "--overwrite", "--epochs", "1"])
    assert shown[-1] == {"training loss"}


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def page(*present: str) -> str:
    for name in present:
        path = Path("results") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG")
    make_page.main()
    return make_page.PAGE.read_text(encoding="utf-8")


def test_the_page_holds_its_pictures_and_says_what_makes_the_missing_ones(capsys):
    text = page("denoiser/noising.png", "time/samples_epoch_20.png")
    images = [attributes for tag, attributes in Elements(text).found if tag == "img"]
    assert len(images) == 2
    assert all(image["alt"] and image["src"].startswith("data:image/png;base64,") for image in images)
    assert "<code>python train.py class</code> makes it" in text
    said = capsys.readouterr().out
    assert "Missing: 2 pictures that python train.py time makes." in said
    assert "Missing: 3 pictures that python train.py class makes." in said
    assert "flow" not in text
    assert "flow" not in said
    assert "Bonus: flow matching" in page("flow_time/loss.png")


def test_every_picture_of_the_page_is_one_that_its_command_leaves():
    """By the names of the files: each shown epoch of each model."""
    left = {f"{name}/loss.png" for name in recipe.COURSE} | {"denoiser/noising.png", "denoiser/strengths.png"}
    for name, chosen in recipe.COURSE.items():
        kind = "denoised" if name in models.DENOISERS else "samples"
        left |= {f"{name}/{kind}_epoch_{epoch:02d}.png" for epoch in chosen.shown}
        left |= {f"{name}/sampling.gif"}
    for section in make_page.SECTIONS:
        for picture in section.pictures:
            assert picture.file in left
            folder = train.model_name(train.parse(picture.made_by.split()))
            assert picture.file.startswith(f"{folder}/")


def test_your_sentences_are_on_the_page_and_stay_yours():
    page()
    words = make_page.WORDS
    written = words.read_text(encoding="utf-8") + "\n"
    words.write_text(written.replace("## noise\n", "## noise\n\nFrom σ < 0.6 on, `z` is & remains\nreadable.\n\nReally."), encoding="utf-8")
    text = page()
    assert "<p>From σ &lt; 0.6 on, <code>z</code> is &amp; remains readable.</p>\n<p>Really.</p>" in text
    assert "below <code>## noise</code>" not in text
    assert "below <code>## class</code>" in text
    assert "Really." in words.read_text(encoding="utf-8")
    words.write_text("## nose\n\nTypo.", encoding="utf-8")
    assert "has a heading 'nose' that the page does not have" in refused(make_page.main)
    words.write_bytes(b"## noise\n\n\xff")
    assert "is not text in UTF-8" in refused(make_page.main)


# --- the handout ------------------------------------------------------------------------------------------------------

README = (MANIFEST.solution / "README.md").read_text(encoding="utf-8")


def test_the_handout_has_the_points_of_the_manifest():
    rows = dict(re.findall(r"^\| \[([\w-]+)\]\(#[^)]*\) \|.*\| (\+?\d+) \|$", README, flags=re.MULTILINE))
    assert rows == {task.id: f"{'+' * task.bonus}{task.points:g}" for task in MANIFEST.tasks}
    anchors = {re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in README.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors


def test_the_handout_names_every_given_file_and_every_figure_is_there():
    for name in MANIFEST.files.given:
        assert (MANIFEST.solution / name).is_file()
        assert f"`{name}`" in README
    assert {path.name for path in MANIFEST.solution.glob("*.py")} == {*MANIFEST.files.todo, *MANIFEST.files.given, f"{NOTEBOOK}.py"}
    named = set(re.findall(r"\(figures/([\w.]+)\)", README))
    assert named == {path.name for path in (MANIFEST.solution / "figures").iterdir()}


def test_the_handout_has_the_settings_of_the_presets():
    for name, course in recipe.COURSE.items():
        small = recipe.LAPTOP[name]
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        for chosen, cell in zip((course, small), row.split("|")[2:4]):
            numbers = (chosen.num_hiddens, chosen.batch_size, f"{chosen.learning_rate:g}", chosen.epochs, f"{chosen.images:,}")
            steps = () if name in models.DENOISERS else (f"T = {chosen.num_ts}",)
            for number in (*numbers, *steps):
                assert f"{number}" in cell, (name, number)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(saved, monkeypatch):
    for name, module in vars(given).items():
        monkeypatch.setitem(sys.modules, name, module)
    source = (MANIFEST.solution / f"{NOTEBOOK}.py").read_text(encoding="utf-8")
    exec(compile(source, NOTEBOOK, "exec"), {"__name__": NOTEBOOK})
    assert {path.name for path in Path("results").iterdir()} == set(recipe.COURSE)
    assert Path("page/page.html").is_file()
