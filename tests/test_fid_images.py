"""What is no set of 8-bit RGB images of one size is refused in one sentence that names the file, before anything is computed."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fid.errors import UserError
from fid.images import LARGEST_SIDE, open_folder
from tests.fid_images import blobs, encoded, png_bytes, write


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five good images, 64 × 64, to which each test adds a bad one."""
    return write(tmp_path / "samples", blobs(5, 0))


def refusal(folder: Path, **options) -> str:
    """The sentence with which the folder is refused."""
    with pytest.raises(UserError) as caught:
        open_folder(folder, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


IMAGE = Image.fromarray(blobs(1, 1)[0])
RAMP = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
BAD_FILES = {
    "grey.png": (encoded(IMAGE.convert("L"), "PNG"), "grey"),
    "grey.jpg": (encoded(IMAGE.convert("L"), "JPEG"), "grey"),
    "transparent.png": (encoded(IMAGE.convert("RGBA"), "PNG"), "transparency"),
    "palette.png": (encoded(IMAGE.convert("P"), "PNG"), "palette"),
    "print.jpg": (encoded(IMAGE.convert("CMYK"), "JPEG"), "CMYK"),
    "deep_grey.png": (encoded(Image.fromarray(RAMP), "PNG"), "16-bit"),
    "deep.png": (png_bytes(64, 64, 16, 2, (b"\0" + bytes(64 * 6)) * 64), "16-bit RGB"),
    "moving.gif": (encoded(IMAGE, "GIF"), "GIF"),
    "gif_inside.png": (encoded(IMAGE, "GIF"), "GIF"),
    "moving.png": (encoded(IMAGE, "PNG", save_all=True, append_images=[Image.new("RGB", (64, 64))]), "2 frames"),
    "phone.heic": (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
    "phone.jpg": (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
    "page.png": (b"<!DOCTYPE html><html></html>", "HTML"),
    "empty.png": (b"", "damaged, empty"),
    "text.png": (b"not an image at all", "damaged, empty"),
    "short.png": (encoded(IMAGE, "PNG")[:-600], "cut short"),
    "short.jpg": (encoded(IMAGE, "JPEG")[:-300], "cut short"),
    "only_header.png": (encoded(IMAGE, "PNG")[:33], "damaged"),
    "wrong_sum.png": (encoded(IMAGE, "PNG").replace(b"IDAT", b"IDAT\0", 1), "cut short"),
    "huge.png": (png_bytes(30_000, 30_000, 8, 2, b""), "too large"),
    "monstrous.png": (png_bytes(2_000_000_000, 2_000_000_000, 8, 2, b""), "too large"),
    "long.png": (png_bytes(LARGEST_SIDE + 1, 1, 8, 2, b""), "too large"),
    "small.png": (encoded(IMAGE.resize((32, 32)), "PNG"), "32 × 32"),
    "wide.png": (encoded(IMAGE.resize((65, 64)), "PNG"), "65 × 64"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_one_bad_file_is_named_with_what_is_wrong(folder, name):
    content, phrase = BAD_FILES[name]
    (folder / name).write_bytes(content)
    sentence = refusal(folder)
    assert name in sentence
    assert phrase in sentence


def test_the_header_of_a_bomb_is_enough(folder, monkeypatch):
    (folder / "huge.png").write_bytes(png_bytes(10_000, 10_000, 8, 2, b"\0" * 1000))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("the pixels were unpacked"))
    assert "10000 × 10000" in refusal(folder)


def test_every_header_is_judged_before_any_image_is_decoded(folder, monkeypatch):
    (folder / "zz_small.png").write_bytes(BAD_FILES["small.png"][0])
    monkeypatch.setattr("fid.images.read_image", lambda *_: pytest.fail("an image was decoded"))
    assert "zz_small.png" in refusal(folder)


@pytest.mark.parametrize(("count", "found"), [(500, 499), (500, 501), (500, 2)])
def test_the_number_of_images_is_the_course_s(tmp_path, count, found):
    write(tmp_path / "samples", np.zeros((found, 4, 4, 3), np.uint8))
    sentence = refusal(tmp_path / "samples", count=count)
    assert f"{found} images, but {count}" in sentence
    assert f"--count {found}" in sentence


def test_folders_without_images(tmp_path):
    assert "is missing" in refusal(tmp_path / "nowhere")
    (tmp_path / "file.png").write_bytes(encoded(IMAGE, "PNG"))
    assert "a file" in refusal(tmp_path / "file.png")
    (tmp_path / "empty").mkdir()
    assert "no images" in refusal(tmp_path / "empty")
    (tmp_path / "empty" / "notes.txt").write_text("none")
    assert "no images" in refusal(tmp_path / "empty")
    write(tmp_path / "one", blobs(1, 0))
    assert "one image, 00000.png" in refusal(tmp_path / "one")


def test_the_size_asked_for_is_the_size_found(folder):
    assert "00000.png is 64 × 64 pixels, but 32 × 32" in refusal(folder, size=(32, 32))
    assert open_folder(folder, size=(64, 64)).size == (64, 64)


def test_accepted_kinds_give_the_same_pixels_whatever_the_name(tmp_path):
    pixels = blobs(2, 3)
    for name, kind in (("a.png", "PNG"), ("b.bmp", "BMP"), ("c.tiff", "TIFF"), ("d.webp", "WEBP"), ("e.jpg", "PNG")):
        options = {"lossless": True} if kind == "WEBP" else {}
        (tmp_path / name).write_bytes(encoded(Image.fromarray(pixels[0]), kind, **options))
    images = open_folder(tmp_path)
    assert len(images) == 5
    assert all((images.image(i) == pixels[0]).all() for i in range(5))
    assert images.duplicates() == [["a.png", "b.bmp", "c.tiff", "d.webp", "e.jpg"]]


def test_conversion_only_where_asked_for(tmp_path):
    (tmp_path / "grey.png").write_bytes(BAD_FILES["grey.png"][0])
    (tmp_path / "clear.png").write_bytes(BAD_FILES["transparent.png"][0])
    assert "--convert" in refusal(tmp_path)
    images = open_folder(tmp_path, convert=True)
    assert images.image(images.names.index("grey.png")).shape == (64, 64, 3)
    (tmp_path / "deep.png").write_bytes(BAD_FILES["deep.png"][0])
    assert "16-bit" in refusal(tmp_path, convert=True)


def test_duplicates_are_grouped_by_pixels_and_hidden_files_passed_over(folder):
    write(folder / "more", blobs(5, 0)[[2, 2, 4]])
    (folder / ".DS_Store.png").write_bytes(b"hidden")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "x.png").write_bytes(b"hidden")
    images = open_folder(folder, count=8)
    assert images.duplicates() == [["00002.png", "more/00000.png", "more/00001.png"], ["00004.png", "more/00002.png"]]


def test_the_digest_is_of_pixels_not_of_names_and_order(tmp_path):
    pixels = blobs(4, 5)
    first = open_folder(write(tmp_path / "a", pixels))
    assert open_folder(write(tmp_path / "b", pixels[::-1], ".bmp")).digest() == first.digest()
    pixels = pixels.copy()
    pixels[0, 0, 0, 0] ^= 1
    assert open_folder(write(tmp_path / "c", pixels)).digest() != first.digest()


def test_sets_that_do_not_fit_in_memory_are_read_again_as_used(tmp_path, monkeypatch):
    write(tmp_path, blobs(5, 6))
    whole = np.concatenate(list(open_folder(tmp_path).batches(2)))
    monkeypatch.setattr("fid.images.KEPT_IN_MEMORY", 100)
    streamed = open_folder(tmp_path)
    assert streamed.pixels is None
    assert (np.concatenate(list(streamed.batches(2))) == whole).all()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_not_opened(folder):
    os.mkfifo(folder / "pipe.png")
    assert len(open_folder(folder)) == 5


def test_a_zip_in_place_of_an_image(folder):
    with zipfile.ZipFile(folder / "all.png", "w") as archive:
        archive.writestr("x.png", b"x")
    assert "ZIP" in refusal(folder)
