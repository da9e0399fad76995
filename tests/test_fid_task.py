"""The bonus task on FID and memorisation of latent_diffusion: its oracle by closed forms, its checks by mistakes, right versions and traps."""

import re

import numpy as np
import pytest

from autograder.grading.mutants import apply_misconceptions, apply_variant, misconceptions, solution_files, variants
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.judges.formulas.frechet import FRECHET, trace_of_root
from autograder.judges.frechet import OFFSET, Pair
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student

SECRET = b"secret of the tests of the FID task"


@pytest.fixture(scope="module")
def manifest():
    return load_manifest("latent_diffusion")


@pytest.fixture(scope="module")
def checks(manifest):
    return {check.id: check for check in load_rubric(manifest) if check.mark.task == "fid"}


@pytest.fixture(scope="module")
def lane(sandbox):
    with sandbox.lane() as lane:
        yield lane


def judged(lane, manifest, checks, files):
    student = Student(lane, files, manifest.limits)
    try:
        return {name: run_check(check, student, SECRET, "digest") for name, check in checks.items()}
    finally:
        student.fresh()


def _pair(seed, rows, dimensions):
    random = np.random.default_rng(seed)
    return Pair("pair", *(random.normal(size=(rows, dimensions)) @ random.normal(size=(dimensions, dimensions)) for _ in range(2)))


@pytest.mark.parametrize("seed", range(5))
def test_the_oracle_is_the_sum_of_the_parts_of_the_equation(seed):
    pair = _pair(seed, 30, 6)
    mu_1, sigma_1, mu_2, sigma_2 = pair.given
    expected = ((mu_1 - mu_2) ** 2).sum() + np.trace(sigma_1 + sigma_2) - 2 * trace_of_root(sigma_1, sigma_2)
    assert pair.distance == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_what_an_offset_does_to_singular_covariances_is_allowed(seed):
    pair = _pair(seed, 5, 12)
    mu_1, sigma_1, mu_2, sigma_2 = pair.given
    more = OFFSET * np.eye(12)
    other = ((mu_1 - mu_2) ** 2).sum() + np.trace(sigma_1 + sigma_2) - 2 * trace_of_root(sigma_1 + more, sigma_2 + more)
    assert abs(other - pair.distance) <= pair.of_offset < 2e-3 * pair.scale


def test_there_are_enough_mistakes_and_right_versions_and_every_region_has_some(manifest):
    regions = set(manifest.task("fid").regions)
    wrong = [m for m in misconceptions(manifest) if m.task == "fid"]
    right = [v for v in variants(manifest) if {*v.bodies} & regions]
    assert len(wrong) >= 10
    assert {m.region for m in wrong} == regions
    assert len(right) >= 5
    assert all({*v.bodies} == regions for v in right)
    assert len(FRECHET.mistakes) >= 10


def test_the_solution_passes(lane, manifest, checks):
    found = judged(lane, manifest, checks, solution_files(manifest))
    assert {name: j.message for name, j in found.items() if j.status != "passed"} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "check", "sentence"),
    [
        ("fid-shift-left-out", "fid.equal_and_shifted", r"For a set that is shifted as a whole, frechet_distance must be \d+\.\d+ .*; yours is"),
        ("fid-left-complex", "fid.distance", "must return real numbers; yours returned a tensor of dtype torch.complex128"),
        ("fid-by-cholesky", "fid.fewer_images_than_dimensions", "LinAlgError: Matrix is not positive definite"),
        ("fid-roots-of-negative-numbers", "fid.fewer_images_than_dimensions", "must be finite; yours holds NaN"),
        ("nearest-squared", "fid.nearest", r"the distance of row \d+ must be \d+\.\d+; yours is \d+\.\d+"),
        ("nearest-last-chunk-left-out", "fid.copies", r"must return 24 distances; yours returned 16"),
        ("nearest-second-nearest", "fid.copies", r"the distance of a copy must be 0\.0000; yours is"),
    ],
)
def test_a_trap_is_a_kind_sentence(lane, manifest, checks, mistake, check, sentence):
    wrong = next(m for m in misconceptions(manifest) if m.id == mistake)
    judgement = judged(lane, manifest, {check: checks[check]}, apply_misconceptions(manifest, (wrong,)))[check]
    assert judgement.status in ("failed", "broken")
    assert re.search(sentence, judgement.message), judgement.message


@pytest.mark.slow
def test_a_right_version_of_another_form_passes(lane, manifest, checks):
    for variant in variants(manifest):
        if {*variant.bodies} & set(manifest.task("fid").regions):
            found = judged(lane, manifest, checks, apply_variant(manifest, variant))
            assert {name: j.message for name, j in found.items() if j.status != "passed"} == {}, variant.id
