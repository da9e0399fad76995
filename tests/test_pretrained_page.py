"""Figures and page of `pretrained_diffusion`: what students look at, made of their functions, whatever these return."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pretrained_folder import FOLDER, imported


@pytest.fixture(scope="module")
def folder():
    with imported("figures", "make_page", "sampling", "web_page", "errors") as modules:
        yield SimpleNamespace(figures=modules[0], make_page=modules[1], sampling=modules[2], web_page=modules[3], errors=modules[4])


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    """In a folder with the given pictures and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").symlink_to(FOLDER / "pictures")


@pytest.fixture
def quick(folder, monkeypatch):
    """Loops that return their image, in different forms."""

    def returned(form):
        def function(image, *arguments, **named):
            return form(image.cpu())

        return function

    forms = {
        "iterative_denoise": lambda x: x.numpy(),
        "iterative_denoise_cfg": lambda x: (x.numpy()[0].transpose(1, 2, 0) + 1) / 2,
        "sdedit": lambda x: (x.numpy(), [x]),
        "inpaint": lambda x: x.half(),
        "make_flip_illusion": lambda x: x,
        "make_hybrids": lambda x: [x[0], x],
    }
    for name, form in forms.items():
        monkeypatch.setattr(folder.sampling, name, returned(form))
    return folder


@pytest.mark.slow
def test_every_figure_is_made_and_stands_on_the_page(quick, capsys):
    quick.make_page.main([])
    page = quick.make_page.RESULTS / "index.html"
    pictures = [picture for section in quick.make_page.SECTIONS for picture in section.pictures]
    assert {picture.file for picture in pictures} == {path.name for path in quick.make_page.RESULTS.glob("*.[pg][ni][gf]")}
    text = page.read_text(encoding="utf-8")
    assert text.count("<img") == len(pictures)
    assert "Not there yet" not in text
    assert "Missing" not in capsys.readouterr().out
    before = {path.name: path.stat().st_mtime_ns for path in quick.make_page.RESULTS.glob("*.png")}
    quick.make_page.main(["--again", "forward"])
    changed = {path.name for path in quick.make_page.RESULTS.glob("*.png") if path.stat().st_mtime_ns != before[path.name]}
    assert changed == {"forward.png"}


def test_every_picture_of_the_page_is_a_figure(folder):
    names = {re.sub(r"\.\w+$", "", picture.file) for section in folder.make_page.SECTIONS for picture in section.pictures}
    assert names == set(folder.figures.FIGURES)


def test_what_fails_is_told_and_the_others_are_drawn(quick, monkeypatch, capsys):
    def undone(*arguments):
        raise NotImplementedError("TODO 1-1: forward")

    monkeypatch.setattr(quick.sampling, "forward", undone)
    monkeypatch.setattr(quick.sampling, "inpaint", lambda *arguments, **named: 1 / 0)
    quick.make_page.draw(["forward", "inpainting", "guided"])
    told = capsys.readouterr()
    assert "forward: not yet, TODO 1-1: forward." in told.out + told.err
    assert "inpainting: ZeroDivisionError: division by zero" in told.out + told.err
    assert (quick.make_page.RESULTS / "guided.png").exists()


def test_a_figure_that_there_is_none_of(folder):
    with pytest.raises(folder.errors.UserError, match="There is no figure 'edit'; the figures are prompts, forward"):
        folder.make_page.main(["--again", "edit"])


def test_own_pictures(folder, tmp_path, monkeypatch):
    """JPEG before PNG, of any size; none, and one that is no picture, in a sentence."""
    (tmp_path / "pictures").unlink()
    (tmp_path / "pictures").mkdir()
    with pytest.raises(folder.errors.UserError, match=r"There is no picture pictures/test\.jpg or \.png; put one there\."):
        folder.figures.own("test")
    Image.new("RGB", (300, 200), "red").save(tmp_path / "pictures" / "test.jpg")
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "pictures" / "test.png")
    name, image = folder.figures.own("test")
    assert name == "test.jpg"
    assert image.shape == (1, 3, 64, 64)
    assert float(image[0, 0].mean()) > 0.9
    (tmp_path / "pictures" / "photo_1.png").write_bytes(b"no picture")
    with pytest.raises(folder.errors.UserError, match="cannot be read as a picture"):
        folder.figures.own("photo_1")


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (3, 64, 64), (64, 64, 3)])
def test_what_a_function_returns_in_any_form(folder, shape):
    x = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    form = (x[0].permute(1, 2, 0) + 1) / 2 if shape[-1] == 3 else x.view(shape)
    for answer in (form, form.numpy(), (form, [form]), [form.numpy().astype(np.float64)]):
        assert torch.allclose(folder.figures.to_image(answer), x, atol=1e-6)
