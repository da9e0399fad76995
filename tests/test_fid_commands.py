"""`python -m fid`: whole runs, equal bytes twice, one sentence for what is wrong, pages that cannot be injected."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fid import __main__ as command_line
from fid import report, table
from fid.images import open_folder
from fid.measurement import make_bank, make_reference, measure
from fid.reference import load_reference, save_reference
from tests.fid_images import blobs, write


def run(monkeypatch, *arguments) -> int:
    """`python -m fid …` in this process; the exit status."""
    monkeypatch.setattr(sys, "argv", ["fid", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        command_line.main()
    return caught.value.code or 0


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with `real` (60 images) and `r.npz`, its reference."""
    from fid.features import load_network

    root = tmp_path_factory.mktemp("fid")
    images = open_folder(write(root / "real", blobs(60, 0)))
    save_reference(make_reference(images, load_network("tiny"), threads=1, description="blobs"), root / "r.npz")
    return root


def test_reference_and_measure_from_the_command_line(made, tmp_path, monkeypatch, capsys):
    status = run(
        monkeypatch, "reference", made / "real", "-o", tmp_path / "r.npz", "--threads", 1, "--html", tmp_path / "r.html"
    )
    assert status == 0
    assert load_reference(tmp_path / "r.npz").moments.n == 60
    samples = write(tmp_path / "samples", np.concatenate([blobs(38, 5), blobs(60, 0)[[3, 3]]]))
    for name in ("one.json", "two.json"):
        status = run(
            monkeypatch, "measure", tmp_path / "r.npz", samples, "--bank", made / "real", "--count", 40, "--threads", 1,
            "--json", tmp_path / name, "--html", tmp_path / "page.html", "--thresholds", "20,40",
        )  # fmt: skip
        assert status == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    found = json.loads((tmp_path / "one.json").read_text())
    assert found["images"]["count"] == 40
    assert found["fid"]["n"] == 40
    assert found["fid"]["standard_error"] > 0
    assert found["fid"]["thresholds"] == [20, 40]
    assert found["duplicates"]["identical"] == 1
    assert [pair["nearest_in_pixels"] for pair in found["memorisation"]["pairs"][:2]] == ["real/00003.png"] * 2
    assert any("pixel for pixel" in sentence for sentence in found["look_at"])
    output = capsys.readouterr().out
    assert "FID" in output
    assert "Look at: 1 images are pixel for pixel copies" in output
    assert (tmp_path / "page.html").read_text().count("data:image/png;base64,") == 1 + 12 * 3


def test_the_reference_s_own_images_are_too_good_to_be_true(made, monkeypatch, tmp_path):
    status = run(
        monkeypatch,
        "measure",
        made / "r.npz",
        made / "real",
        "--count",
        "any",
        "--threads",
        1,
        "--json",
        tmp_path / "j",
    )
    assert status == 0
    found = json.loads((tmp_path / "j").read_text())
    assert found["fid"]["value"] < 1e-8
    assert found["memorisation"] is None


BAD_CALLS = {
    "no reference": (["measure", "nowhere.npz", "real"], "nowhere.npz is missing"),
    "no samples": (["measure", "r.npz", "nowhere"], "nowhere is missing"),
    "wrong count": (["measure", "r.npz", "real"], "60 images, but 500"),
    "odd count": (["measure", "r.npz", "real", "--count", "many"], "--count"),
    "odd thresholds": (["measure", "r.npz", "real", "--thresholds", "a,b"], "--thresholds"),
    "other network": (["measure", "r.npz", "real", "--network", "vgg"], "no feature network 'vgg'"),
    "missing weights": (["measure", "r.npz", "real", "--weights", "w.ckpt"], "w.ckpt is missing"),
    "small bank": (["measure", "r.npz", "real", "--count", "any", "--bank", "two"], "at least 3"),
    "other size": (["measure", "r.npz", "small", "--count", "any"], "32 × 32"),
    "tiny reference": (["reference", "two", "-o", "x.npz"], "at least 4"),
    "unwritable": (["measure", "r.npz", "real", "--count", "any", "--json", "r.npz/x.json"], "cannot be written"),
    "small table": (["table", ".", "r.npz"], "missing"),
    "odd samples": (["table", "real", "r.npz", "--samples", "nameless"], "NAME=DIR"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_what_a_user_can_put_right_is_one_sentence_and_status_2(made, name, monkeypatch, capsys):
    write(made / "two", blobs(2, 0))
    write(made / "small", blobs(4, 0, side=32))
    monkeypatch.chdir(made)
    arguments, phrase = BAD_CALLS[name]
    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert phrase in error
    assert error.count("\n") == 1


def test_ctrl_c_is_status_130_without_a_traceback(made, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fid.images.read_image", interrupted)
    assert run(monkeypatch, "measure", made / "r.npz", made / "real", "--count", "any") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_file_names_cannot_act_on_the_page_or_the_terminal(made, tmp_path, monkeypatch, capsys):
    folder = write(tmp_path / "samples", blobs(10, 7))
    evil = "<img src=x onerror=alert(1)>[bold]\x1b[31m\u202e.png"
    (folder / "00000.png").rename(folder / evil)
    (folder / ("copy" + evil)).write_bytes((folder / evil).read_bytes())
    arguments = ["measure", made / "r.npz", folder, "--count", "any", "--bank", made / "real", "--threads", 1]
    assert run(monkeypatch, *arguments, "--html", tmp_path / "p.html") == 0
    page, printed = (tmp_path / "p.html").read_text(), capsys.readouterr().out
    assert "onerror" in page
    assert "<img src=x" not in page
    assert not set("\x1b\u202e") & set(page + printed)
    assert "[bold]" in printed
    (folder / "zz\x1b[31m.png").write_bytes(b"")
    assert run(monkeypatch, *arguments) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_table_tells_known_cases_apart(tmp_path):
    """Blobs of three classes stand for animals: every row is measured, and the rows that must differ do."""
    from fid.features import load_network

    network = load_network("tiny")
    reference = make_reference(open_folder(write(tmp_path / "real", blobs(60, 0))), network, threads=1)
    held_out, copies, one_class = blobs(50, 1), blobs(50, 2), blobs(50, 3) // 2
    cases = table.variants(held_out, copies, ("cat", one_class), np.random.default_rng(0))
    bank = make_bank([table.from_pixels(np.concatenate([copies, blobs(50, 4)]), "bank")], network, threads=1)
    rows = [table.Row(n, measure(reference, table.from_pixels(p, n), network, bank=bank, threads=1)) for n, p in cases]
    by_name = {row.name: row.measurement.summary for row in rows}
    real = by_name["real images, not in the bank"]
    for name in (
        "real, blur of 2 pixels",
        "one class only: training images of cat",
        "collapsed: 10 images, 50 times each",
        "uniform noise",
    ):
        assert by_name[name]["fid"]["value"] > 2 * real["fid"]["value"], name
    assert real["memorisation"]["both"]["p_value"] > 0.01
    for name in ("copies of training images", "copies, mirrored"):
        assert by_name[name]["memorisation"]["both"]["count"] == 50, name
    assert by_name["half copies, half real"]["memorisation"]["both"]["count"] >= 25
    assert by_name["collapsed: 50 images, 10 times each"]["duplicates"]["identical"] == 45
    text = table.markdown(rows, "Title", reference)
    assert text.count("\n| ") == len(rows) + 1
    assert "uniform noise" in report.table_page(rows, "Title")


def test_samples_are_compared_with_every_size_check_before_features(made, monkeypatch, tmp_path):
    from fid.features import Network

    monkeypatch.setattr(Network, "of", lambda *_: pytest.fail("features were computed"))
    folder = write(tmp_path / "samples", blobs(5, 1))
    (folder / "zz.png").write_bytes((folder / "00000.png").read_bytes()[:200])
    assert run(monkeypatch, "measure", made / "r.npz", folder, "--count", "any") == 2
