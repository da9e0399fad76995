"""Reference files: exact, small, without code, and refused with a name for what does not fit."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from fid.errors import UserError
from fid.frechet import fid_of_features, frechet_distance, moments
from fid.reference import Reference, load_reference, real_floor, save_reference, summarise


def features(n: int, dimension: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, dimension))).astype(np.float32)


def make(n: int = 300, dimension: int = 20, seed: int = 0) -> Reference:
    return summarise(
        features(n, dimension, seed), network="tiny", network_digest="a" * 64, preprocessing="none", images_digest="b" * 64,
        size=(64, 48), noise_features=features(50, dimension, 9) * 20, description="made up – «ü»",
    )  # fmt: skip


@pytest.mark.parametrize(("n", "dimension"), [(300, 20), (40, 90)])
def test_a_file_gives_back_what_was_written_and_the_same_fid(tmp_path, n, dimension):
    made = make(n, dimension)
    save_reference(made, tmp_path / "r.npz")
    read = load_reference(tmp_path / "r.npz")
    assert read.moments.factor.shape == (min(n, dimension), dimension)
    assert read.moments.covariance == pytest.approx(np.cov(features(n, dimension, 0), rowvar=False), rel=1e-5, abs=1e-5)
    samples = features(60, dimension, 1)
    expected = fid_of_features(samples, features(n, dimension, 0))
    assert frechet_distance(moments(samples), read.moments) == pytest.approx(expected, rel=1e-6)
    for field in dataclasses.fields(Reference):
        if field.name not in ("moments", "sample"):
            assert getattr(read, field.name) == getattr(made, field.name)
    assert (read.sample == made.sample).all()


def test_writing_twice_gives_the_same_arrays_and_the_images_against_their_own_reference_give_zero(tmp_path):
    save_reference(make(), tmp_path / "r.npz")
    read = load_reference(tmp_path / "r.npz")
    own = moments(features(300, 20, 0))
    assert frechet_distance(own, read.moments) < 1e-10 * own.trace


@pytest.mark.parametrize(
    ("network", "digest", "preprocessing", "phrase"),
    [
        ("inception-2015", "a" * 64, "none", "network tiny, not inception-2015"),
        ("tiny", "c" * 64, "none", "other weights of tiny"),
        ("tiny", "a" * 64, "crop", "another preprocessing"),
    ],
)
def test_a_mismatch_is_named(network, digest, preprocessing, phrase):
    made = make()
    made.check("tiny", "a" * 64, "none")
    with pytest.raises(UserError, match=phrase):
        made.check(network, digest, preprocessing)


def refusal(path) -> str:
    with pytest.raises(UserError) as caught:
        load_reference(path)
    assert "\n" not in str(caught.value)
    assert str(path.name) in str(caught.value)
    return str(caught.value)


def test_what_is_no_reference_is_refused(tmp_path):
    path = tmp_path / "r.npz"
    assert "missing" in refusal(path)
    path.write_bytes(b"nonsense")
    assert "damaged" in refusal(path)
    np.savez(path, mu=np.zeros(4), sigma=np.eye(4))  # as pytorch-fid writes
    assert "no reference of this project" in refusal(path)
    save_reference(make(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(path)
    path.write_bytes(whole[:2000] + bytes(64) + whole[2064:])
    assert "damaged" in refusal(path)


def rewritten(path, **changes) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **(arrays | changes))


def test_arrays_that_do_not_fit_or_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "r.npz"
    for change in (
        {"mean": np.zeros(19)},
        {"factor": np.full((20, 20), np.nan, np.float32)},
        {"sample": np.zeros((5, 3))},
    ):
        save_reference(make(), path)
        rewritten(path, **change)
        assert "damaged" in refusal(path)
    save_reference(make(), path)
    about = json.dumps({"version": 99}).encode()
    rewritten(path, about=np.frombuffer(about, np.uint8))
    assert "version 99" in refusal(path)


def test_code_in_a_reference_is_never_run(tmp_path):
    path, witness = tmp_path / "r.npz", tmp_path / "witness"
    save_reference(make(), path)

    class Bomb:
        def __reduce__(self):
            return (open, (str(witness), "w"))

    rewritten(path, mean=np.array([Bomb()], dtype=object))
    assert "damaged" in refusal(path)
    assert not witness.exists()


def test_the_floor_is_what_as_many_fresh_real_images_score():
    rng = np.random.default_rng(5)
    floor = real_floor(rng.standard_normal((400, 30)), n=200)
    fresh = [fid_of_features(rng.standard_normal((200, 30)), rng.standard_normal((200, 30))) for _ in range(40)]
    assert floor.n == 200
    assert floor.mean == pytest.approx(np.mean(fresh), rel=0.15)
    assert floor.sd == pytest.approx(np.std(fresh), rel=0.5)
    assert real_floor(rng.standard_normal((30, 4))).n == 15


def test_the_part_that_graders_import_does_not_import_torch():
    code = "import sys, fid, fid.reference, fid.images, fid.frechet, fid.measures, fid.memorisation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_committed_reference_is_of_the_committed_network():
    from fid import EMBEDDED_REFERENCE
    from fid.features import load_network

    network = load_network("tiny")
    reference = load_reference(EMBEDDED_REFERENCE)
    reference.check(network.name, network.digest, network.definition.preprocessing)
    assert EMBEDDED_REFERENCE.stat().st_size < 3_000_000
    assert reference.size == (64, 64)
    assert reference.moments.n == 1500
    assert 0 < reference.floor.mean < 10 < 1000 < reference.noise_fid
