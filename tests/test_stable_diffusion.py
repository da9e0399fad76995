"""Stable Diffusion's U-Net: the checkpoint of the checks has the original's names, and what the solution makes of it is what diffusers does."""

import re
import sys

import numpy as np
import pytest

from autograder.grading.mutants import apply_misconceptions, apply_variant, misconceptions, solution_files, variants
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.judges.stable_diffusion import TOLERANCE
from autograder.judges.visible_checkpoint import OF_CHECKPOINT, OF_OUTPUTS, PREFIX, Sizes, others, shapes, weights
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student

SECRET = b"secret of the tests of Stable Diffusion's U-Net"
ORIGINAL = Sizes(mults=(1, 2, 4, 4), context=24)


@pytest.fixture(scope="module")
def manifest():
    return load_manifest("latent_diffusion")


@pytest.fixture(scope="module")
def checks(manifest):
    return {check.id: check for check in load_rubric(manifest) if check.mark.task == "sd"}


@pytest.fixture(scope="module")
def solution(manifest):
    """The solution's module, in this process."""
    sys.path.insert(0, str(manifest.solution))
    try:
        import libs.stable_diffusion as module

        yield module
    finally:
        sys.path.remove(str(manifest.solution))
        for name in [name for name in sys.modules if name == "libs" or name.startswith("libs.")]:
            del sys.modules[name]


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


def tensors_of(sizes):
    import torch

    return {name: torch.from_numpy(value) for name, value in weights(sizes).items()}


def converted(tensors, config):
    """Under the names of diffusers, by its own converter."""
    from diffusers.pipelines.stable_diffusion.convert_from_ckpt import convert_ldm_unet_checkpoint

    return convert_ldm_unet_checkpoint(dict(tensors), config)


def network_of_diffusers(sizes):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        in_channels=sizes.channels_in,
        out_channels=sizes.channels_out,
        block_out_channels=tuple(sizes.width * mult for mult in sizes.mults),
        cross_attention_dim=sizes.context,
        attention_head_dim=8,  # diffusers' name for the number of heads in such a network
    ).eval()


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "length"), [((1, 4, 16, 16), 5), ((2, 4, 24, 16), 77)])
def test_the_solution_computes_what_diffusers_does(solution, shape, length):
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    tensors, other = tensors_of(ORIGINAL), network_of_diffusers(ORIGINAL)
    other.load_state_dict(converted(tensors, other.config))  # strict: every tensor of the checkpoint has a place there, and every place a tensor
    random = torch.Generator().manual_seed(3)
    x, context = torch.randn(shape, generator=random), torch.randn(shape[0], length, ORIGINAL.context, generator=random)
    time = torch.randint(0, 1000, shape[:1], generator=random)
    with torch.no_grad():
        expected = other(x, time, context).sample
        got = solution.load_stable_diffusion(tensors | others())(x, context, time)
    assert expected.std() > 0.1
    assert (got - expected).abs().max() < 2e-5 * expected.abs().max()


@pytest.mark.slow
def test_the_original_has_as_many_numbers_as_stable_diffusion_1():
    """859,520,964: as published for the U-Net of Stable Diffusion 1."""
    sizes = Sizes(width=320, mults=(1, 2, 4, 4), context=768)
    found = list(shapes(sizes))
    assert len(found) == 686
    assert sum(int(np.prod(shape)) for _, shape in found) == 859_520_964


@pytest.mark.slow
def test_each_tensor_of_the_whole_checkpoint_shows_in_the_output(solution):
    """To first order, a change of one tensor by its own size changes the output by more than the tolerance."""
    torch = pytest.importorskip("torch")
    model, random = solution.load_stable_diffusion(tensors_of(OF_CHECKPOINT)), torch.Generator().manual_seed(1)
    x = torch.randn(1, OF_CHECKPOINT.channels_in, 8, 16, generator=random)
    output = model(x, torch.randn(1, 4, OF_CHECKPOINT.context, generator=random), torch.tensor([417]))
    (output * torch.randn(output.shape, generator=random)).sum().backward()
    spread = output.detach().std() * output.numel() ** 0.5
    effects = {name: float(p.grad.norm() * p.detach().norm() / p.numel() ** 0.5 / spread) for name, p in model.named_parameters()}
    assert {name: effect for name, effect in effects.items() if effect < 3 * TOLERANCE} == {}


def test_there_are_enough_mistakes_and_right_versions_and_every_region_has_some(manifest):
    regions = set(manifest.task("sd").regions)
    wrong = [m for m in misconceptions(manifest) if m.task == "sd"]
    right = [v for v in variants(manifest) if {*v.bodies} & regions]
    assert len(wrong) >= 8
    assert {m.region for m in wrong} == regions
    assert len(right) >= 4


def test_the_solution_passes(lane, manifest, checks):
    found = judged(lane, manifest, checks, solution_files(manifest))
    assert {name: j.message for name, j in found.items() if j.status != "passed"} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "check", "sentence"),
    [
        ("sd-sine-before-cosine", "sd.output", "must be that of Stable Diffusion's U-Net; yours is off by"),
        ("sd-stored-first", "sd.batches", "must be that of Stable Diffusion's U-Net; yours is off by"),
        ("sd-missing-tensors-ignored", "sd.names", "is missing, load_stable_diffusion must raise an error that names it; yours raises none"),
        ("sd-unknown-tensors-ignored", "sd.names", r"output_blocks.12.* belongs nowhere, .* must raise an error that names it; yours raises none"),
        ("sd-error-without-a-name", "sd.names", "an error that names it; yours raises KeyError"),
    ],
)
def test_a_trap_is_a_kind_sentence(lane, manifest, checks, mistake, check, sentence):
    wrong = next(m for m in misconceptions(manifest) if m.id == mistake)
    judgement = judged(lane, manifest, {check: checks[check]}, apply_misconceptions(manifest, (wrong,)))[check]
    assert judgement.status == "failed"
    assert re.search(sentence, judgement.message), judgement.message


@pytest.mark.slow
def test_a_right_version_of_another_form_passes(lane, manifest, checks):
    for variant in variants(manifest):
        if {*variant.bodies} & set(manifest.task("sd").regions):
            found = judged(lane, manifest, checks, apply_variant(manifest, variant))
            assert {name: j.message for name, j in found.items() if j.status != "passed"} == {}, variant.id


def test_names_of_the_checkpoint_begin_as_the_original_does():
    assert all(name.startswith(PREFIX) for name in weights(OF_OUTPUTS))
    assert not any(name.startswith(PREFIX) for name in others())
