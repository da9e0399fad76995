"""Feature networks: the published architectures, weights as data only, equal bits in every run, and features that rank images sensibly."""

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image, ImageFilter
from torch import nn

from fid import features as features_module
from fid.errors import UserError
from fid.features import NETWORKS, Network, digest_of, fixed_threads, load_network, prepare, read_state
from fid.frechet import fid_of_features
from fid.images import open_folder
from fid.measurement import from_pixels
from fid.networks import AFHQInception, Inception2015, TinyClassifier, fold_batch_norm
from fid.train_classifier import initialise, train, write_weights
from tests.fid_images import blobs, faces, real_photographs, write

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tiny() -> Network:
    return load_network("tiny")


def course_s_inception() -> nn.Module:
    """The course's network, built as StarGAN v2 describes it: four blocks of torchvision's Inception v3 and a head for three classes."""
    inception = torchvision.models.inception_v3(weights=None, init_weights=False)
    blocks = {
        "block1": ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "pool"],
        "block2": ["Conv2d_3b_1x1", "Conv2d_4a_3x3", "pool"],
        "block3": [f"Mixed_{name}" for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e")],
        "block4": ["Mixed_7a", "Mixed_7b", "Mixed_7c", "mean"],
    }
    given = {"pool": nn.MaxPool2d(kernel_size=3, stride=2), "mean": nn.AdaptiveAvgPool2d((1, 1))}
    model = nn.Module()
    for name, parts in blocks.items():
        model.add_module(name, nn.Sequential(*(given[p] if p in given else getattr(inception, p) for p in parts)))
    model.add_module("final_fc", nn.Linear(2048, 3))
    return model


def test_the_course_s_checkpoint_loads_and_gives_the_course_s_features(tmp_path):
    torch.manual_seed(0)
    course = course_s_inception().eval()
    initialise(course)
    torch.save(course.state_dict(), tmp_path / "afhq_inception_v3.ckpt")
    network = load_network("afhq-inception", tmp_path / "afhq_inception_v3.ckpt")
    pixels = blobs(2, 0)
    transform = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize((256, 256)),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    x = torch.stack([transform(Image.fromarray(image)) for image in pixels])
    assert torch.equal(network.prepare(pixels).contiguous(), x)
    with torch.inference_mode():
        for block in (course.block1, course.block2, course.block3, course.block4):
            x = block(x)
    expected = x.flatten(1).numpy()
    assert network.of(from_pixels(pixels, "x")) == pytest.approx(expected, rel=1e-4, abs=1e-4 * float(expected.max()))
    names = dict(course.state_dict())
    assert {"block1.0.conv.weight", "block3.0.branch1x1.bn.running_mean", "final_fc.bias"} <= set(names)
    assert set(AFHQInception().state_dict()) == set(names)


def test_inception_2015_gives_pytorch_fid_s_features_from_the_same_weights(tmp_path, monkeypatch):
    import pytorch_fid.inception

    torch.manual_seed(0)
    ours = Inception2015()
    initialise(ours)
    torch.save(ours.state_dict(), tmp_path / "weights.pth")
    monkeypatch.setattr(pytorch_fid.inception, "load_state_dict_from_url", lambda *_, **__: ours.state_dict())
    theirs = pytorch_fid.inception.InceptionV3([3]).eval()
    pixels = blobs(2, 1)
    with torch.inference_mode():
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        expected = theirs(x)[0].flatten(1).numpy()
    network = load_network("inception-2015", tmp_path / "weights.pth", verify=False)
    assert network.of(from_pixels(pixels, "x")) == pytest.approx(expected, rel=1e-4, abs=1e-4 * float(expected.max()))
    with pytest.raises(UserError, match="not the published pt_inception-2015-12-05-6726825d"):
        load_network("inception-2015", tmp_path / "weights.pth")


def test_the_pin_of_inception_2015_is_the_one_its_file_name_states():
    definition = NETWORKS["inception-2015"]
    assert definition.sha256.startswith(definition.file.removesuffix(".pth").rpartition("-")[2])
    assert len(definition.sha256) == 64


def test_the_committed_weights_are_pinned_and_small(tiny, monkeypatch, tmp_path):
    path = features_module.default_weights("tiny")
    assert path.stat().st_size < 2_000_000
    (tmp_path / path.name).write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    monkeypatch.setattr(features_module, "default_weights", lambda name: tmp_path / path.name)
    with pytest.raises(UserError, match="SHA-256"):
        load_network("tiny")


def test_folding_batch_normalisation_changes_nothing_but_rounding():
    torch.manual_seed(0)
    module = TinyClassifier()
    module.train()
    module(torch.randn(16, 3, 64, 64))  # running statistics that are not 0 and 1
    module.eval()
    x = torch.randn(4, 3, 64, 64)
    with torch.inference_mode():
        expected = module(x).numpy()
        folded = fold_batch_norm(module)(x).numpy()
    assert folded == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in module.modules())


def test_features_are_bitwise_repeatable_whatever_was_set_before(tiny):
    images = from_pixels(blobs(70, 2), "x")
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with fixed_threads(1):
            found.append(tiny.of(images).tobytes())
    assert torch.get_num_threads() == 2
    assert found[0] == found[1]
    assert load_network("tiny").digest == tiny.digest


def refusal(name: str, path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_network(name, path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_gpu_computes_features_in_float32_and_not_in_tf32(tiny):
    seen: list[bool] = []
    before = torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32

    class Watched(nn.Module):
        def forward(self, x):
            seen.append(torch.backends.cudnn.enabled and not torch.backends.cudnn.allow_tf32)
            return tiny.module(x)

    replace(tiny, module=Watched()).of(from_pixels(blobs(2, 0), "x"))
    assert seen == [True]
    assert (torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32) == before


def test_wrong_weights_are_refused_with_what_is_wrong(tmp_path, tiny):
    path = tmp_path / "w.safetensors"
    assert "missing" in refusal("tiny", path)
    path.write_bytes(b"nonsense" * 10)
    assert "no weights file" in refusal("tiny", path)
    write_weights(TinyClassifier(), path, {})
    assert "no checkpoint of afhq-inception: it has no block1" in refusal("afhq-inception", path)
    state = TinyClassifier().state_dict()
    for change, phrase in (
        ({"classify.bias": torch.zeros(4)}, "has the shape (4,), not (3,)"),
        ({"classify.bias": torch.full((3,), float("nan"))}, "NaN"),
        ({"extra": torch.zeros(1)}, "it has extra"),
    ):
        torch.save(state | change, tmp_path / "w.ckpt")
        assert phrase in refusal("tiny", tmp_path / "w.ckpt")
    torch.save([1, 2], tmp_path / "w.ckpt")
    assert "no state dictionary" in refusal("tiny", tmp_path / "w.ckpt")
    whole = features_module.default_weights("tiny").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut short" in refusal("tiny", path)
    with pytest.raises(UserError, match="no feature network 'vgg'"):
        load_network("vgg")


class Bomb:
    """Writes a file when it is unpickled."""

    witness: Path

    def __reduce__(self):
        return (open, (str(self.witness), "w"))


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    Bomb.witness = tmp_path / "witness"
    torch.save({"classify.bias": Bomb()}, tmp_path / "w.ckpt")
    assert "run code" in refusal("tiny", tmp_path / "w.ckpt")
    assert not Bomb.witness.exists()


def test_missing_default_weights_say_where_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match="download https://github"):
        load_network("inception-2015")
    with pytest.raises(UserError, match=r"fid.train_classifier DIR --network afhq-inception"):
        load_network("afhq-inception")


def test_broken_features_are_not_measured(tiny, tmp_path):
    module = TinyClassifier()
    module.standardise.running_var.fill_(-1)  # finite, and its square root is not
    write_weights(module, tmp_path / "w.safetensors", {})
    with pytest.raises(UserError, match="NaN or infinity"):
        load_network("tiny", tmp_path / "w.safetensors").of(from_pixels(blobs(2, 0), "x"))


def test_images_of_another_size_are_resized_as_pillow_does():
    pixels = blobs(2, 3, side=100)
    resized = np.stack(
        [np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)) for image in pixels]
    )
    assert torch.equal(prepare(pixels, 64, True), prepare(resized, 64, True))
    assert prepare(pixels, None, False).shape == (2, 3, 100, 100)


def degraded(pixels: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Sequences that get worse from step to step."""
    rng = np.random.default_rng(0)
    unit = rng.standard_normal(pixels.shape)

    def blur(radius: float) -> np.ndarray:
        return np.stack([np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(radius))) for x in pixels])

    return {
        "blur": [pixels, *(blur(radius) for radius in (1, 4))],
        "noise": [pixels, *(np.clip(pixels + sd * unit, 0, 255).round().astype(np.uint8) for sd in (20, 80))],
        "fewer kinds": [
            pixels,
            *(np.repeat(pixels[:k], -(-len(pixels) // k), axis=0)[: len(pixels)] for k in (5, 1)),
        ],
    }


def test_tiny_ranks_degraded_faces(tiny):
    pixels = np.concatenate([faces(category, range(50_000, 50_040)) for category in ("cat", "dog", "wild")])
    check_ranking(tiny, pixels[::2], pixels[1::2])


def test_tiny_ranks_degraded_photographs(tiny):
    train = open_folder(real_photographs() / "val")
    order = np.random.default_rng(0).permutation(len(train))
    check_ranking(tiny, *(np.stack([train.image(int(i)) for i in part]) for part in (order[:60], order[60:120])))


def check_ranking(network: Network, real: np.ndarray, samples: np.ndarray) -> None:
    reference = network.of(from_pixels(real, "real"))
    for name, steps in degraded(samples).items():
        found = [fid_of_features(network.of(from_pixels(step, name)), reference) for step in steps]
        assert found == sorted(found), name
        assert found[-1] > 5 * found[0], name


def small_data(root: Path) -> Path:
    """Three classes that differ in colour, in AFHQ's layout."""
    for split, count, seed in (("train", 24, 0), ("val", 8, 50)):
        for channel, name in enumerate(("cat", "dog", "wild")):
            pixels = blobs(count, seed + channel, side=32) // 2
            pixels[..., channel] += 100
            write(root / split / name, pixels)
    return root


def test_training_learns_and_goes_on_after_an_interruption_as_if_nothing_had_happened(tmp_path, monkeypatch):
    data = small_data(tmp_path / "data")
    whole = train(data, "tiny", tmp_path / "whole.safetensors", epochs=3, threads=1)
    assert whole["accuracy"] > 0.8
    assert whole["validation_images"] == 24
    assert not (tmp_path / "whole.safetensors.partial").exists()

    from fid.train_classifier import Training

    run_epoch = Training.run_epoch

    def interrupted(self, images):
        if self.epoch == 2:
            raise KeyboardInterrupt
        return run_epoch(self, images)

    monkeypatch.setattr(Training, "run_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(data, "tiny", tmp_path / "twice.safetensors", epochs=3, threads=1)
    assert (tmp_path / "twice.safetensors.partial").exists()
    with pytest.raises(UserError, match="another training"):
        train(data, "tiny", tmp_path / "twice.safetensors", epochs=4, threads=1)
    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    again = train(data, "tiny", tmp_path / "twice.safetensors", epochs=3, threads=1)
    assert again == whole
    assert (tmp_path / "twice.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    state = read_state(tmp_path / "whole.safetensors")
    module = TinyClassifier()
    module.load_state_dict(state)
    assert load_network("tiny", tmp_path / "whole.safetensors").digest == digest_of(module)


def test_training_refuses_data_in_another_layout(tmp_path):
    write(tmp_path / "train" / "cat", blobs(3, 0))
    with pytest.raises(UserError, match="three folders"):
        train(tmp_path, "tiny", tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="not trained here"):
        train(tmp_path, "inception-2015", tmp_path / "w.safetensors")


def test_the_course_s_command_runs_as_a_file_from_anywhere(tmp_path, monkeypatch, capsys):
    """`fid/measure_fid.py` lies among modules; none of them may hide one of the standard library."""
    a, b = write(tmp_path / "a", blobs(20, 0)), write(tmp_path / "b", blobs(30, 1))
    command = [sys.executable, str(ROOT / "fid" / "measure_fid.py")]
    done = subprocess.run([*command, a, b], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    value = float(done.stdout.rpartition("FID:")[2])
    network = load_network("tiny")
    with fixed_threads():
        assert value == fid_of_features(network.of(open_folder(a)), network.of(open_folder(b)))
    monkeypatch.setattr(sys, "argv", ["measure_fid.py", str(a), str(tmp_path / "c")])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(command[1], run_name="__main__")
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("Error: ")
