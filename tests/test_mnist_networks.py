"""The U-Net of the MNIST assignment: every mistake is told in the words of the diagram, one wrong block costs one check, right forms pass."""

import re

import pytest

from autograder.grading.mutants import (
    Variant,
    apply_misconceptions,
    apply_variant,
    misconceptions,
    solution_files,
    variants,
)
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student
from autograder.submission.intake import Submission
from tests.bulk import bulk
from tests.check_runs import named

MANIFEST = load_manifest("mnist_diffusion")
CHECKS = {check.id: check for check in load_rubric(MANIFEST)}
WRONG = {m.id: m for m in misconceptions(MANIFEST) if m.region.startswith("unet.py:")}
RIGHT = {v.id: v for v in variants(MANIFEST)}
SECRET = b"secret of the tests of MNIST networks"
UNET, TIME, CLASS = "1-1.unconditional_unet", "2-1.time_is_added", "2-4.class_network"
OF_NETWORKS = (UNET, TIME, CLASS, "2-4.without_a_mask")
OWN = [name for name in CHECKS if CHECKS[name].regions and CHECKS[name].regions[0].startswith("unet.py:") and name != "2-1.time_multiplies"]


def mistake(*ids):
    return apply_misconceptions(MANIFEST, tuple(WRONG[name] for name in ids))


def edited(*pairs, bodies=None):
    return apply_variant(MANIFEST, Variant("tried", "", bodies=bodies or {}, edits={"unet.py": tuple(pairs)}))


def judged(lane, files, check, wrong=(), secret=SECRET):
    student = Student(lane, files, MANIFEST.limits)
    try:
        return run_check(CHECKS[check], student, secret, "digest", named(*wrong, assignment="mnist_diffusion") if wrong else frozenset())
    finally:
        student.fresh()


def lost(sandbox, files, profile=None, task=None):
    """The checks of unet.py that lose points, and what the others were judged with."""
    own = {name: content for name, content in files.items() if name in MANIFEST.files.todo}
    grading = Grading(MANIFEST, Submission("tried", own, "digest"), Options(profile, task, train=False, hints="none"), sandbox, SECRET)
    checks = [check for check in grading.run().checks if check.id in CHECKS and CHECKS[check.id].mark.region.startswith("unet.py:")]
    failed = {check.id: check.message for check in checks if check.status in ("failed", "broken", "grader_error")}
    return failed, {check.id: check.carried for check in checks if check.carried}


def test_there_are_enough_mistakes_and_right_versions():
    assert len(WRONG) >= 55
    assert len([v for v in RIGHT.values() if any(region.startswith("unet.py:") for region in v.bodies) or "unet.py" in v.edits]) >= 22
    classes = {m.region.rpartition(".")[0] for m in WRONG.values()}
    assert classes == {region.rpartition(".")[0] for region in MANIFEST.regions if region.startswith("unet.py:")}


SENTENCES = {
    "conv-without-gelu": ("1-1.conv", "After the BatchNorm2d in Conv the diagram has GELU; yours returns it as it is"),
    "conv-with-dropout": ("1-1.conv", "The diagram ends with the output of Conv; yours applies Dropout"),
    "up-conv-kernel-3": ("1-1.up_conv", "must have ConvTranspose2d.*kernel 4, .*yours has ConvTranspose2d.*kernel 3"),
    "flatten-takes-the-largest": ("1-1.flatten", "has average pooling; yours has max pooling"),
    "unflatten-for-each-channel": ("1-1.unflatten", r"yours has ConvTranspose2d\(.*groups \d"),
    "conv-block-of-one-conv": ("1-1.conv_block", "After the output of the first Conv the diagram has Conv2d"),
    "up-block-without-conv-block": ("1-1.up_block", "After the output of the UpConv .* yours returns it"),
    "output-of-kernel-1": (UNET, "The last Conv2d must have Conv2d.*kernel 3, .*yours has .*kernel 1"),
    "one-output-channel": (UNET, r"The last Conv2d must have Conv2d\((\d) → ([23]),.*; yours has Conv2d\(\1 → 1,"),
    "in-channels-ignored": (UNET, r"to have 1 channels, but got ([23]) channels.*The grader's call: UnconditionalUNet\(in_channels=\1, num_hiddens"),
    "sigmoid-at-the-end": (UNET, r"The diagram ends with the output of the last Conv2d \(28 × 28\); yours applies Sigmoid"),
    "image-added-at-the-end": (UNET, "yours applies an addition of the input x to it"),
    "second-down-block-narrow": (UNET, "The DownConv of the second DownBlock must have"),
    "second-link-missing": (UNET, r"concatenates the output of the first UpBlock .* and the output of the first DownBlock \(14 × 14\); yours"),
    "links-detached": (UNET, r"The gradient of .*\.detach\(\)"),
    "time-multiplied": (TIME, r"After the output of Unflatten \(7 × 7\) the diagram has an addition .*; yours has a multiplication"),
    "time-before-the-up-block": (TIME, "After the output of the second FCBlock the diagram has an addition of the output of the first UpBlock"),
    "times-detached": (TIME, "The gradient of Linear.*in the first FCBlock must be as in the diagram; yours is zero"),
    "class-added": (CLASS, "After the output of the first FCBlock of c the diagram has a multiplication"),
    "ten-classes": (CLASS, r"must be the one-hot vectors of c, zero where mask is 0; .*\(shape \(3, 10\), and not \(3, [4-7]\)\)"),
    "class-of-the-first-image": (CLASS, "must be the one-hot vectors of c, zero where mask is 0; yours is something else"),
    "mask-inverted": (CLASS, "After the input mask .* yours has a subtraction from a number"),
    "mask-must-be-given": ("2-4.without_a_mask", "`mask` may be left out: .*NoneType"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", bulk(SENTENCES, ["conv-with-dropout", "second-link-missing", "ten-classes", "mask-must-be-given"], name=str))
def test_a_mistake_is_told_in_the_words_of_the_diagram(lane, name):
    check, sentence = SENTENCES[name]
    judgement = judged(lane, mistake(name), check)
    assert judgement.status in ("failed", "broken")
    assert re.search(sentence, judgement.message), judgement.message


MIXED = ["class-of-the-first-image", "time-of-the-first-image", "mask-for-the-whole-batch", "mask-ignored"]


@pytest.mark.slow
@pytest.mark.parametrize("name", bulk(MIXED, [], name=str))
def test_what_mixes_the_images_of_a_batch_is_caught_whatever_was_drawn(lane, name):
    check = TIME if name.startswith("time") else CLASS
    assert {judged(lane, mistake(name), check, secret=bytes([seed])).status for seed in range(12)} == {"failed"}


SMALL = {"Conv": "conv-with-relu", "DownConv": "down-conv-stride-1", "UpConv": "up-conv-kernel-2", "Unflatten": "unflatten-by-interpolation",
         "ConvBlock": "conv-block-of-one-conv", "FCBlock": "fc-block-of-one-linear"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("block", bulk(SMALL, [], name=str))
def test_a_wrong_block_costs_its_own_check_only(sandbox, block):
    failed, carried = lost(sandbox, mistake(SMALL[block]))
    assert list(failed) == [name for name, check in CHECKS.items() if check.mark.region == f"unet.py:{block}"]
    assert {name for name in (TIME, CLASS) if f"unet.py:{block}" in carried[name]} == {TIME, CLASS}


_DOWN = "nn.Conv2d(in_channels, out_channels, 3, 2, 1)"
FAR_WRONG = {  # and what of it fails
    "gives far too much": (("DownConv",), (_DOWN, _DOWN.replace("Conv2d", "ConvTranspose2d"))),
    "ends the process": (("Conv",), ("return self.layers(x)", "import os; os._exit(3)")),
    "does not fit the next, right alone": (("UnconditionalUNet",), ("nn.AvgPool2d(7), nn.GELU()", "nn.AvgPool2d(7), nn.GELU(), nn.Flatten()")),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", bulk(FAR_WRONG, ["ends the process"], name=str))
def test_a_block_that_cannot_be_run_costs_one_check(sandbox, what):
    regions, (before, after) = FAR_WRONG[what]
    text = solution_files(MANIFEST)["unet.py"].decode()
    assert before in text
    failed, _ = lost(sandbox, {**solution_files(MANIFEST), "unet.py": text.replace(before, after, 1).encode()})
    assert {CHECKS[name].mark.region for name in failed} == {f"unet.py:{region}" for region in regions}, failed


@pytest.mark.slow
@pytest.mark.proof
def test_a_wrong_block_costs_one_check_where_a_larger_one_is_written_out(sandbox):
    """DownBlock is made of Conv here, and of ConvBlock in the diagram."""
    files = apply_variant(MANIFEST, RIGHT["blocks-without-small-ones"])
    text = files["unet.py"].decode()
    assert text.count("nn.Conv2d(out_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU())") == 1
    wrong = text.replace("nn.Conv2d(out_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU())", "nn.Identity())")
    failed, _ = lost(sandbox, {**files, "unet.py": wrong.encode()})
    assert list(failed) == ["1-1.conv_block"], failed


@pytest.mark.slow
def test_without_its_stand_in_the_wrong_block_would_cost_more(lane):
    files = mistake("conv-with-relu")
    for check in ("1-1.down_block", UNET):
        assert judged(lane, files, check).status == "failed"
        assert judged(lane, files, check, wrong=["unet.py:Conv"]).status == "passed"


@pytest.mark.slow
def test_beside_a_wrong_block_a_wrong_network_is_told_by_its_own_mistake(lane):
    judgement = judged(lane, mistake("conv-with-relu", "first-link-missing"), UNET, wrong=["unet.py:Conv"])
    assert "concatenates the output of Unflatten (7 × 7) and the output of the second DownBlock" in judgement.message
    assert judgement.message.endswith("(Here plain layers are in the place of your Conv.)")
    everything = ["Conv", "DownConv", "UpConv", "Flatten", "Unflatten", "ConvBlock", "DownBlock", "UpBlock"]
    judgement = judged(lane, mistake("conv-with-relu", "first-up-block-wide"), UNET, wrong=[f"unet.py:{name}" for name in everything])
    assert re.search(r"The first UpBlock must have UpBlock\((\d+), (\d+)\); yours has UpBlock\(\1, \d+\)", judgement.message), judgement.message


@pytest.mark.slow
def test_a_block_that_skips_a_wrong_one_is_judged_without_it(lane):
    """ConvBlock is wrong and so is Conv; this UpBlock is made of Conv, and of no ConvBlock."""
    files = mistake("conv-with-relu", "conv-block-of-one-conv")
    two = b"*[Conv(out_channels, out_channels) for _ in range(2)]"
    files["unet.py"] = files["unet.py"].replace(b"UpConv(in_channels, out_channels), ConvBlock(out_channels, out_channels)",
                                                b"UpConv(in_channels, out_channels), " + two)  # fmt: skip
    assert judged(lane, files, "1-1.up_block", wrong=["unet.py:Conv", "unet.py:ConvBlock"]).status == "passed"


@pytest.mark.proof
def test_a_block_that_is_not_done_is_no_mistake_of_the_networks(sandbox):
    stub = {f"unet.py:Conv.{name}": 'raise NotImplementedError("TODO 1-1: Conv")' for name in ("__init__", "forward")}
    failed, carried = lost(sandbox, edited(bodies=stub))
    assert list(failed) == ["1-1.conv"]
    assert set(carried) > {"1-1.conv_block", *OF_NETWORKS}


@pytest.mark.proof
@pytest.mark.slow
def test_a_class_that_is_missing_costs_its_own_check_where_nothing_uses_it(sandbox):
    files = apply_variant(MANIFEST, RIGHT["blocks-without-small-ones"])
    for old, new in ((b"class Conv(", b"class Convolution("), (b" Conv(", b" Convolution("), (b"[Conv(", b"[Convolution(")):
        files["unet.py"] = files["unet.py"].replace(old, new)
    failed, _ = lost(sandbox, files)
    assert list(failed) == ["1-1.conv"]
    assert "has no Conv; put it back" in failed["1-1.conv"]


@pytest.mark.slow
def test_in_the_newer_edition_the_time_multiplies(sandbox):
    failed, _ = lost(sandbox, solution_files(MANIFEST), profile="flow", task="2-1")
    assert list(failed) == ["2-1.time_multiplies"]
    assert "has a multiplication with the output of the first FCBlock; yours has an addition" in failed["2-1.time_multiplies"]
    assert lost(sandbox, mistake("time-multiplied"), profile="flow", task="2-1") == ({}, {})
    for profile in ("default", "flow"):
        counted = [check for check in CHECKS.values() if check.mark.task == "2-1" and check.id not in MANIFEST.profile(profile).leaves_out]
        assert sum(check.mark.points for check in counted) == MANIFEST.task("2-1").points


@pytest.mark.slow
def test_evaluation_and_a_batch_of_one_are_looked_at(lane):
    region = "unet.py:TimeConditionalUNet.forward"
    body = "\n".join(line.strip() for line in """
        t = t.view(-1, 1)
        t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = self.unflatten(self.flatten(x7)) + t1
        y = self.up1(torch.cat([y, x7], dim=1)) + t2
        y = self.up2(torch.cat([y, x14], dim=1))
        return self.out(self.last(torch.cat([y, x28], dim=1)))
    """.strip().splitlines())  # fmt: skip
    assert judged(lane, edited(bodies={region: body}), TIME).status == "passed"
    doubled = body.replace("return self", "y = y if self.training else 2 * y\nreturn self")
    other = judged(lane, edited(bodies={region: doubled}), TIME)
    assert other.message.startswith("In evaluation mode: After the output of the second UpBlock (28 × 28) the diagram has a concatenation")
    squeezed = body.replace("t = t.view(-1, 1)", "t = t.squeeze()[:, None]")
    assert judged(lane, edited(bodies={region: squeezed}), TIME).kind == "IndexError"


@pytest.mark.slow
@pytest.mark.parametrize("variant", bulk(RIGHT, ["t-as-a-map"], name=str))
def test_a_right_form_passes(lane, variant):
    files = apply_variant(MANIFEST, RIGHT[variant])
    for check in OWN:
        judgement = judged(lane, files, check)
        assert judgement.status == "passed", judgement.message
