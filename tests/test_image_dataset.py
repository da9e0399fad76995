"""Folders in AFHQ's layout, the stand-in, the eval folder, and the download, from a server of our own."""

import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch
from PIL import Image

from tests.image_assignment import image_assignment, refused, write_images

assignment = image_assignment()
dataset, afhq_download, UserError = assignment.dataset, assignment.afhq_download, assignment.errors.UserError


@pytest.mark.parametrize("nested", [False, True], ids=["root", "root/afhq"])
def test_reads_any_folder_in_afhqs_layout(tmp_path, nested):
    write_images(tmp_path / "afhq" if nested else tmp_path, per_category=4)
    data = dataset.AFHQDataModule(
        str(tmp_path), batch_size=5, num_workers=0, max_num_images_per_cat=3, image_resolution=8
    )
    assert len(data.train_ds) == len(data.val_ds) == 9
    assert data.train_ds.labels == [1, 1, 1, 2, 2, 2, 3, 3, 3], (
        "alphabetical, from label_offset on; 0 stands for no label"
    )
    assert data.num_classes == 3
    batches = list(data.train_dataloader())
    assert [x.shape for x, _ in batches] == [(5, 3, 8, 8)], "the incomplete last batch is dropped"
    assert sum(len(x) for x, _ in data.val_dataloader()) == 9
    assert not data.is_stand_in


def test_the_trainers_pixels_are_the_dataloaders_images(tmp_path):
    data = dataset.AFHQDataModule(write_images(tmp_path), image_resolution=8)
    pixels = data.train_pixels()
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (12, 3, 8, 8)
    images = torch.stack([data.train_ds[i][0] for i in range(12)])
    assert torch.allclose(pixels.float() / 127.5 - 1, images, atol=1e-6)


def test_tensor_to_pil_image_is_exact_for_every_grey_level_and_clips():
    levels = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16).expand(2, 3, 16, 16) / 127.5 - 1
    images = dataset.tensor_to_pil_image(levels)
    assert len(images) == 2
    assert np.array_equal(np.asarray(images[1])[..., 2].ravel(), np.arange(256))
    single = dataset.tensor_to_pil_image(torch.tensor([-3.0, 0.0, 3.0])[:, None, None])
    assert single.getpixel((0, 0)) == (0, 128, 255)


def test_the_data_iterator_has_no_end():
    iterator = dataset.get_data_iterator([1, 2])
    assert [next(iterator) for _ in range(5)] == [1, 2, 1, 2, 1]


def test_without_data_the_stand_in_is_drawn_once_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset, "STAND_IN_SIZE", dict(train=1, val=1))
    data = dataset.AFHQDataModule()
    assert data.is_stand_in
    assert "NOT AFHQ" in capsys.readouterr().out
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert len(written) == 6
    dataset.AFHQDataModule()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == written


def test_the_eval_folder_holds_every_validation_image_at_64(tmp_path):
    write_images(tmp_path, per_category=2, size=80)
    folder = dataset.build_eval_folder(tmp_path)
    files = sorted(path.name for path in folder.iterdir())
    assert files == [f"{category}_{i:03d}.png" for category in ("cat", "dog", "wild") for i in range(2)], (
        "equal names do not collide"
    )
    expected = Image.open(tmp_path / "val" / "dog" / "001.png").resize((64, 64), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(Image.open(folder / "dog_001.png")), np.asarray(expected))


def broken_image(root):
    write_images(root)
    (root / "train" / "dog" / "001.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    dataset.AFHQDataModule(root).train_pixels()


def no_images(root):
    (root / "train" / "cat").mkdir(parents=True)
    dataset.AFHQDataModule(root)


def no_such_root(root):
    dataset.AFHQDataModule(root / "typo")


def data_without_afhq(root):
    (root / "data").mkdir()
    dataset.AFHQDataModule("data")


def no_such_archive(root):
    afhq_download.install_afhq(root, root / "afhq.zip")


def another_archive(root):
    (root / "afhq.zip").write_bytes(b"something else")
    afhq_download.install_afhq(root, root / "afhq.zip")


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (broken_image, "001.png is not a readable image"),
        (no_images, "There are no images under"),
        (no_such_root, "holds neither train/ nor afhq/train/"),
        (data_without_afhq, "data/ is there but holds no AFHQ"),
        (no_such_archive, "There is no file"),
        (another_archive, "is not the AFHQ archive that this assignment was made with"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_folders_get_one_sentence(mistake, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(mistake, tmp_path)


# --- download and unpacking -------------------------------------------------------------------------------------------


def archive_of(names) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, f"content of {name}")
    return file.getvalue()


AFHQ = archive_of(["afhq/train/cat/1.png", "afhq/train/dog/2.jpg", "afhq/val/wild/3.png", "afhq/readme.txt"])


@contextmanager
def server(content: bytes, status=200, kind="application/zip", cut_at=None):
    """Serves `content` with ranges; cut_at: the first answer breaks off there. Yields the address and the ranges asked for."""
    ranges = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            ranges.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            body = content[start:]
            self.send_response((206 if asked else 200) if status == 200 else status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut_at] if len(ranges) == 1 and cut_at else body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs=dict(poll_interval=0.01))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/afhq.zip", ranges
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _straight_to_the_server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def install(root, url, content=AFHQ):
    return afhq_download.install_afhq(root, url=url, sha256=hashlib.sha256(content).hexdigest())


def test_downloads_checks_and_unpacks(tmp_path):
    with server(AFHQ) as (url, _):
        folder = install(tmp_path, url)
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {name.removeprefix("afhq/"): f"content of {name}" for name in
                     ("afhq/train/cat/1.png", "afhq/train/dog/2.jpg", "afhq/val/wild/3.png")}  # fmt: skip


def test_an_interrupted_download_goes_on_where_it_was(tmp_path):
    with server(AFHQ, cut_at=100) as (url, ranges):
        with pytest.raises(UserError, match=f"broke off after 100 of {len(AFHQ)} bytes"):
            install(tmp_path, url)
        assert (tmp_path / "afhq.zip.part").stat().st_size == 100
        install(tmp_path, url)
    assert ranges == [None, "bytes=100-"]
    assert (tmp_path / "afhq" / "train" / "cat" / "1.png").exists()


def test_what_does_not_have_the_checksum_is_not_unpacked(tmp_path):
    with server(AFHQ + b"\0") as (url, _), pytest.raises(UserError, match="is not the AFHQ archive"):
        install(tmp_path, url)
    assert not (tmp_path / "afhq").exists()


def test_a_mirror_that_is_gone_gets_a_sentence(tmp_path):
    with server(b"", status=404) as (url, _):
        assert "the file seems to be gone" in refused(install, tmp_path, url)


def test_a_web_page_instead_of_the_archive_gets_a_sentence(tmp_path):
    with server(b"<html>", kind="text/html; charset=utf-8") as (url, _):
        assert "web page" in refused(install, tmp_path, url)


def test_being_offline_gets_a_sentence(tmp_path):
    with server(AFHQ) as (url, _):
        pass  # nobody listens there any more
    sentence = refused(install, tmp_path, url)
    assert "cannot be downloaded" in sentence
    assert "--archive FILE" in sentence


def test_names_that_lead_elsewhere_are_not_unpacked(tmp_path):
    content = archive_of(
        [
            "afhq/train/cat/1.png",
            "../escaped/cat/a.png",
            "afhq/../../b.png",
            "/afhq/train/cat/c.png",
            "afhq/train/..\\cat/d.png",
        ]
    )
    (tmp_path / "x.zip").write_bytes(content)
    root = tmp_path / "root"
    root.mkdir()
    afhq_download.install_afhq(root, tmp_path / "x.zip", sha256=hashlib.sha256(content).hexdigest())
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")] == ["root/afhq/train/cat/1.png"]


@pytest.mark.parametrize(
    ("content", "limit", "sentence"),
    [
        (b"no zip at all", 2**30, "is not a readable zip file"),
        (archive_of(["other/1.png"]), 2**30, "does not hold AFHQ"),
        (AFHQ, 20, "does not hold AFHQ"),  # more bytes than AFHQ has
    ],
    ids=["no zip", "other content", "too large"],
)
def test_a_bad_archive_gets_a_sentence(content, limit, sentence, tmp_path, monkeypatch):
    monkeypatch.setattr(afhq_download, "MAX_BYTES", limit)
    (tmp_path / "x.zip").write_bytes(content)

    def unpack():
        afhq_download.install_afhq(tmp_path, tmp_path / "x.zip", sha256=hashlib.sha256(content).hexdigest())

    assert sentence in refused(unpack)
    assert not (tmp_path / "afhq").exists()


def test_importing_and_reading_never_download(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("a download was not asked for")

    monkeypatch.setattr(afhq_download.urllib.request, "urlopen", no_network)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset, "STAND_IN_SIZE", dict(train=1, val=1))
    dataset.AFHQDataModule().train_pixels()
