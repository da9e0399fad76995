"""What students of `mnist_diffusion` see: samples in whatever form, figures with captions, the page, the handout, the notebook."""

import html.parser
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from autograder.grading.deliverables import missing_deliverables
from autograder.grading.mutants import solution_files
from autograder.kit import pack
from autograder.release.kit import facts_kit
from autograder.submission.intake import Submission
from tests.courses import write_files
from tests.mnist_folder import MANIFEST, NOTEBOOK, refused, student_folder, tiny, trained

given = student_folder()
train, recipe, models, gallery, pictures, run_folder, make_page = (
    given.train, given.recipe, given.models, given.gallery, given.pictures, given.run_folder, given.make_page
)  # fmt: skip
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
    assert levels == [0, 136, 255]  # of 16 greys


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


@pytest.mark.proof
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


@pytest.mark.slow
def test_pictures_are_drawn_again_from_the_checkpoints(monkeypatch, saved):
    with monkeypatch.context() as patch:
        patch.setattr(given.time_conditional, "ddpm_sample", lambda *arguments: 1 / 0)
        trained("time", "run")
    before = (Path("run") / run_folder.STATE).read_bytes()
    assert saved.keys() == {"loss.png"}
    train.main(["time", "--folder", "run", "--redraw"])
    assert saved.keys() == {"loss.png", "samples_epoch_01.png", "samples_epoch_02.png"}
    assert "after epoch 1 of 2" in saved["samples_epoch_01.png"]
    assert (Path("run") / run_folder.STATE).read_bytes() == before


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
            program, *options = picture.made_by.removeprefix("python ").split()
            assert program == "train.py"
            folder = train.model_name(train.parse(options))
            assert picture.file.startswith(f"{folder}/")


def test_your_sentences_are_on_the_page_and_stay_yours():
    page()
    words = make_page.WORDS
    written = words.read_text(encoding="utf-8") + "\n"
    words.write_text(
        written.replace("## noise\n", "## noise\n\nFrom σ < 0.6 on, `z` is & remains\nreadable.\n\nReally."),
        encoding="utf-8",
    )
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
    anchors = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors


def test_the_handout_names_every_given_file_and_every_figure_is_there():
    for name in MANIFEST.files.given:
        assert (MANIFEST.solution / name).is_file()
        assert f"`{name}`" in README
    assert {path.name for path in MANIFEST.solution.glob("*.py")} == {
        *MANIFEST.files.todo,
        *MANIFEST.files.given,
        f"{NOTEBOOK}.py",
    }
    named = set(re.findall(r"\(figures/([\w.]+)\)", README))
    assert named == {path.name for path in (MANIFEST.solution / "figures").iterdir()}


def test_the_handout_has_the_settings_of_the_presets():
    for name, course in recipe.COURSE.items():
        small = recipe.LAPTOP[name]
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        for chosen, cell in zip((course, small), row.split("|")[2:4]):
            said = [f"D = {chosen.num_hiddens},", f"batches of {chosen.batch_size},", f"Adam {chosen.learning_rate:g},"]
            said += [f" {chosen.epochs} epochs of {chosen.images:,}"] + [f" T = {chosen.num_ts},"] * (
                name not in models.DENOISERS
            )
            assert [words for words in said if words not in cell] == []


@pytest.mark.proof
@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(saved, monkeypatch):
    for name, module in vars(given).items():
        monkeypatch.setitem(sys.modules, name, module)
    source = (MANIFEST.solution / f"{NOTEBOOK}.py").read_text(encoding="utf-8")
    exec(compile(source, NOTEBOOK, "exec"), {"__name__": NOTEBOOK})
    assert {path.name for path in Path("results").iterdir()} == set(recipe.COURSE)
    assert Path("page/page.html").is_file()


def test_the_page_is_packed_and_its_want_is_said_without_a_price():
    folder = write_files(Path("work"), solution_files(MANIFEST))
    without = pack.plan(facts_kit(MANIFEST), folder)
    assert without.missing == ["Missing: your page, which a person reads, a file like page.html."]
    write_files(folder, {"page/page.html": "<p>", "page/words.md": "", "results/time/state.pt": ""})
    packed = pack.plan(facts_kit(MANIFEST), folder)
    assert set(packed.staff) == {"page/page.html"}
    assert packed.missing == []
    assert set(packed.graded) == set(MANIFEST.files.todo)
    handed_in = Submission("some student", {}, "", listing=("page/page.html",))
    assert missing_deliverables(MANIFEST, handed_in) == []
    (notice,) = missing_deliverables(MANIFEST, Submission("some student", {}, ""))
    assert notice.deduction == 0
