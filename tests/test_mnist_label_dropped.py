"""CS180's network and its callers say in the same way that a label is not told: each alone is right in several ways."""

import pytest

from autograder.grading.mutants import solution_files
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student

MANIFEST = load_manifest("mnist_diffusion")
CHECKS = {check.id: check for check in load_rubric(MANIFEST)}
LOSS, SAMPLER = "2-4.network_and_loss", "2-5.network_and_sampler"
FLOW_LOSS, FLOW_SAMPLER = "flow.dropped_labels", "flow.guided_steps"
CALLERS = {LOSS: "ddpm_forward", SAMPLER: "ddpm_sample", FLOW_LOSS: "class_fm_forward", FLOW_SAMPLER: "class_fm_sample"}

HOT = "F.one_hot(c, 10).float()"
ZEROED = f"{HOT} * mask.view(-1, 1)"
_MASKED = "if mask is not None:\n            one_hot = one_hot * mask.view(-1, 1)\n"
IGNORES_THE_MASK = (("unet.py", f"one_hot = F.one_hot(c, self.num_classes).to(x.dtype)\n        {_MASKED}", "one_hot = c\n"),)
LOSS_WITH_MASK = (("class_conditional.py", "unet(x_t, c, t / num_ts, mask)", f"unet(x_t, {HOT}, t / num_ts, mask)"),)
LOSS_WITH_ZEROS = (("class_conditional.py", "unet(x_t, c, t / num_ts, mask)", f"unet(x_t, {ZEROED}, t / num_ts)"),)
_CALLS = "unet(x, c, time, without), unet(x, c, time, 1 - without)"
SAMPLER_WITH_MASK = (("class_conditional.py", _CALLS, _CALLS.replace("c, ", f"{HOT}, ")),)
SAMPLER_WITH_ZEROS = (("class_conditional.py", _CALLS, f"unet(x, 0 * {HOT}, time), unet(x, {HOT}, time)"),)
ONE_OF_BOTH = (("class_conditional.py", _CALLS, f"unet(torch.cat([x, x]), torch.cat([0 * {HOT}, {HOT}]), torch.cat([time, time])).chunk(2)"),)
_FLOW_CALLS = "unet(x, c, t, without), unet(x, c, t, 1 - without)"
FLOW_WITH_ZEROS = (
    ("flow_matching.py", "unet(x_t, c, t, mask)", f"unet(x_t, {ZEROED}, t)"),
    ("flow_matching.py", _FLOW_CALLS, f"unet(x, 0 * {HOT}, t), unet(x, {HOT}, t)"),
)
FLOW_WITH_MASK = (
    ("flow_matching.py", "unet(x_t, c, t, mask)", f"unet(x_t, {HOT}, t, mask)"),
    ("flow_matching.py", _FLOW_CALLS, _FLOW_CALLS.replace("c, ", f"{HOT}, ")),
)
WITH_ZEROS = (*IGNORES_THE_MASK, *LOSS_WITH_ZEROS, *SAMPLER_WITH_ZEROS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edits", "failed"),
    [
        ((), []),
        ((*WITH_ZEROS, *FLOW_WITH_ZEROS), []),
        pytest.param((*IGNORES_THE_MASK, *LOSS_WITH_ZEROS, *ONE_OF_BOTH), [], marks=pytest.mark.proof),
        pytest.param((*IGNORES_THE_MASK, *LOSS_WITH_MASK, *SAMPLER_WITH_ZEROS), [LOSS], marks=pytest.mark.proof),
        pytest.param((*IGNORES_THE_MASK, *LOSS_WITH_ZEROS, *SAMPLER_WITH_MASK), [SAMPLER], marks=pytest.mark.proof),
        ((*WITH_ZEROS, *FLOW_WITH_MASK), [FLOW_LOSS, FLOW_SAMPLER]),
    ],
)
def test_a_mask_that_the_network_ignores_is_wrong_where_its_caller_relies_on_it(lane, edits, failed):
    files = dict(solution_files(MANIFEST))
    for name, before, after in edits:
        text = files[name].decode()
        assert text.count(before) == 1
        files[name] = text.replace(before, after).encode()
    student = Student(lane, files, MANIFEST.limits)
    judgements = {}
    for check in ("2-4.class_network", "2-4.dropped_labels", "2-5.guidance", *CALLERS):
        judgements[check] = run_check(CHECKS[check], student, b"secret of the tests of dropped labels", "digest")
        student.fresh()
    assert [check for check, judgement in judgements.items() if judgement.status != "passed"] == failed, judgements
    for check in failed:
        assert "looks at these labels all the same" in judgements[check].message
        assert f"{CALLERS[check]} gives the network a mask" in judgements[check].message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "name", "before", "after"),
    [
        ("2-4.dropped_labels", "class_conditional.py", "unet(x_t, c,", "unet(x_t, F.one_hot(c).float(),"),
        ("2-4.dropped_labels", "class_conditional.py", "unet(x_t, c,", "unet(x_t, F.one_hot(c, 12).float(),"),
        (SAMPLER, "class_conditional.py", _CALLS, _CALLS.replace("x, c,", "x, F.one_hot(c).float(),")),
        (FLOW_LOSS, "flow_matching.py", "unet(x_t, c,", "unet(x_t, F.one_hot(c).float(),"),
        (FLOW_SAMPLER, "flow_matching.py", _FLOW_CALLS, _FLOW_CALLS.replace("x, c,", "x, F.one_hot(c).float(),")),
    ],
)
def test_one_hot_vectors_as_long_as_the_largest_label_are_wrong_with_every_secret(lane, check, name, before, after):
    """In a training they break at the first batch without a 9."""
    text = solution_files(MANIFEST)[name].decode()
    assert text.count(before) == 1
    student = Student(lane, {**solution_files(MANIFEST), name: text.replace(before, after).encode()}, MANIFEST.limits)
    for secret in (b"one", b"two", b"three"):
        judgement = run_check(CHECKS[check], student, secret, "digest")
        assert judgement.status == "failed"
        assert "must have 10 numbers, one for each class" in judgement.message
        assert f"those of {CALLERS.get(check, 'ddpm_forward')} have" in judgement.message
    student.fresh()


@pytest.mark.slow
def test_code_that_does_not_run_does_not_pass(lane):
    """Neither a network that is known to be wrong, nor a sampler that is the check's own."""
    files = dict(solution_files(MANIFEST))
    for name, indent, before in (("unet.py", 8, "one_hot = F.one_hot(c, self.num_classes)"), ("class_conditional.py", 4, "without, caches = ")):
        text = files[name].decode()
        assert text.count(before) == 1
        files[name] = text.replace(before, f"1 / 0\n{' ' * indent}{before}").encode()
    student = Student(lane, files, MANIFEST.limits)
    wrong = {LOSS: "unet.py:ClassConditionalUNet.forward", SAMPLER: "class_conditional.py:ddpm_sample"}
    for check, region in wrong.items():
        assert run_check(CHECKS[check], student, b"secret", "digest", frozenset({region})).status == "broken"
        student.fresh()
