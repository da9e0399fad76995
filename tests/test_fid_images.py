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


# What is read is what a viewer shows, and where it is not what is stored, it is said


def test_a_folder_that_is_a_link_is_read_like_any_other(tmp_path):
    write(tmp_path / "all" / "cat", blobs(3, 0))
    write(tmp_path / "store" / "dog", blobs(3, 1))
    (tmp_path / "all" / "dog").symlink_to("../store/dog")
    (tmp_path / "all" / "alone.png").symlink_to("../store/dog/00000.png")
    found = open_folder(tmp_path / "all")
    assert found.names == ("alone.png", *(f"{kind}/0000{n}.png" for kind in ("cat", "dog") for n in range(3)))


@pytest.mark.parametrize(
    ("link", "target", "said"),
    [
        ("loop", ".", "is the same folder as .*, by a link; remove the link"),
        ("cat/up", "..", "is the same folder as .*, by a link; remove the link"),
        ("twice", "cat", "is the same folder as .*, by a link; remove the link"),
        ("gone", "nowhere", "gone is a link to something that is not there"),
        ("gone.png", "nowhere.png", "gone.png is a link to something that is not there"),
    ],
)
def test_links_that_go_round_or_nowhere_are_refused(tmp_path, link, target, said):
    write(tmp_path / "all" / "cat", blobs(3, 0))
    (tmp_path / "all" / link).symlink_to(target)
    with pytest.raises(UserError, match=said):
        open_folder(tmp_path / "all")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_exif_tag_says(tmp_path, kind, orientation):
    upright = Image.fromarray(blobs(1, 2)[0]).resize((64, 48))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes each, as Image.Transpose
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[274] = orientation
    suffix = kind.lower()
    for number in range(2):
        (tmp_path / f"{number}.{suffix}").write_bytes(encoded(stored, kind, exif=exif))
    found = open_folder(tmp_path)
    assert found.size == (64, 48)
    assert abs(found.image(0).astype(int) - np.asarray(upright)).mean() < (0.5 if kind in ("PNG", "TIFF") else 6)
    turned = "2 of 2 images were read turned as their EXIF tag says, such as 0."
    assert found.remarks == (() if orientation == 1 else (f"{turned}{suffix}.",))


@pytest.mark.parametrize("tag", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"nonsense"])
def test_a_broken_exif_tag_costs_nothing(tmp_path, tag):
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(IMAGE, "JPEG", exif=tag))
    assert len(open_folder(tmp_path)) == 2


def test_what_is_transparent_lies_on_white_and_what_was_converted_is_said(tmp_path):
    ghost = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
    half = Image.new("RGBA", (64, 64), (0, 0, 0, 128))
    palette = Image.new("P", (64, 64), 0)
    palette.putpalette([9, 9, 9] * 256)
    files = {
        "a.png": encoded(ghost, "PNG"), "b.png": encoded(half, "PNG"), "c.png": encoded(palette, "PNG", transparency=0),
        "d.png": encoded(Image.new("RGB", (64, 64), "red"), "PNG", transparency=(255, 0, 0)),
        "e.png": encoded(Image.new("L", (64, 64), 7), "PNG"), "f.jpg": encoded(IMAGE.convert("CMYK"), "JPEG"), "g.png": encoded(IMAGE, "PNG"),
        "h.png": encoded(palette, "PNG"),
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    found = open_folder(tmp_path, convert=True)
    assert [tuple(found.image(n)[0, 0]) for n in (0, 1, 2, 3, 4, 7)] == [
        (255, 255, 255), (127, 127, 127), (255, 255, 255), (255, 255, 255), (7, 7, 7), (9, 9, 9)
    ]  # fmt: skip
    assert found.remarks == (
        "3 of 8 images were read with what is transparent over white, such as a.png.",
        "1 of 8 images were read with what is transparent over white, from a palette, such as c.png.",
        "1 of 8 images were read from grey, such as e.png.",
        "1 of 8 images were read from CMYK without a colour profile, such as f.jpg.",
        "1 of 8 images were read from a palette, such as h.png.",
    )
