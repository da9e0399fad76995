"""Real MNIST is taken where it lies in any of its forms, in every handout that has digits: unpacked, or the four .gz files as they are published."""

import gzip
import importlib
import sys
from pathlib import Path

import pytest

from autograder import places
from tests.mnist_folder import write_mnist

FOLDERS = {"minimal_diffusion_todo": "digits", "mnist_diffusion_todo": "digits", "latent_diffusion_todo": "libs.datasets"}


@pytest.fixture
def digits(request, monkeypatch):
    """The handout's module of digits."""
    folder, name = request.param, FOLDERS[request.param]
    monkeypatch.syspath_prepend(str(places.solutions() / folder))
    before = dict(sys.modules)
    for known in ("digits", "drawn_digits", "mnist_files", "errors"):
        sys.modules.pop(known, None)
    yield folder, importlib.import_module(name)
    for added in set(sys.modules) - set(before):
        if not added.startswith(("torch", "PIL", "numpy", "sklearn", "scipy")):
            del sys.modules[added]
    sys.modules.update({name: module for name, module in before.items() if name not in sys.modules})


def name_of_data(folder: str, module, data: Path, capsys) -> str:
    if folder == "minimal_diffusion_todo":
        module.load_digits(16, 20, str(data))
        return capsys.readouterr().out
    if folder == "mnist_diffusion_todo":
        return module.load_digits(20, folder=str(data)).name
    return module.load_digits(28, data, 2).name


@pytest.mark.parametrize("digits", FOLDERS, indirect=True)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["MNIST/raw", "raw", ""])
def test_mnist_is_taken(digits, packed, place, tmp_path, capsys):
    write_mnist(tmp_path / "there")
    for path in sorted((tmp_path / "there" / "MNIST" / "raw").iterdir()):
        content = path.read_bytes()
        target = tmp_path / "data" / place / (path.name + ".gz" * packed)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(content) if packed else content)
    assert "MNIST" in name_of_data(*digits, tmp_path / "data", capsys)
    assert "stand-in" not in name_of_data(*digits, tmp_path / "data", capsys)


@pytest.mark.parametrize("digits", FOLDERS, indirect=True)
@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b broken", gzip.compress(b"\0\0\x08\x03", mtime=0)])
def test_a_damaged_file_is_named(digits, damage, tmp_path, capsys):
    write_mnist(tmp_path)
    broken = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    broken.unlink()
    broken.with_name(f"{broken.name}.gz").write_bytes(damage)
    with pytest.raises((SystemExit, Exception), match=r"train-images-idx3-ubyte.gz") as raised:
        name_of_data(*digits, tmp_path, capsys)
    assert type(raised.value).__name__ in ("SystemExit", "UserError")
