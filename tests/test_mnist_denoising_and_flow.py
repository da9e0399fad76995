"""CS180's denoiser and its flow matching: traps are kind sentences, one mistake costs one check, and right versions of any form pass."""

import re

import numpy as np
import pytest

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.mutants import Variant, apply_misconceptions, apply_variant, misconceptions, variants
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.judges import conditions, euler
from autograder.judges.conditions import Unreadable, one_hot, told
from autograder.judges.network import Call
from autograder.judges.regression import Target
from autograder.judges.results import images_in
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student
from tests.bulk import bulk

MANIFEST = load_manifest("mnist_diffusion")
TASKS = ("1-2", "flow")
CHECKS = {check.id: check for check in load_rubric(MANIFEST) if check.mark.task in TASKS}
REGIONS = {region for name in TASKS for region in MANIFEST.task(name).regions}
WRONG = {m.id: m for m in misconceptions(MANIFEST) if m.task in TASKS}
RIGHT = {v.id: v for v in variants(MANIFEST)}
OTHER_FORMS = [name for name, v in RIGHT.items() if {*v.bodies} & REGIONS or "flow_matching.py" in v.edits]
SECRET = b"secret of the tests of the denoiser and of flow matching"
ADD_NOISE = "denoising.py:add_noise"


@pytest.fixture(scope="module")
def lane(sandbox):
    with sandbox.lane() as lane:
        yield lane


def judged(lane, files, check, wrong=frozenset(), secret=SECRET):
    student = Student(lane, files, MANIFEST.limits)
    try:
        return run_check(CHECKS[check], student, secret, "digest", frozenset(wrong))
    finally:
        student.fresh()


def test_there_are_enough_mistakes_and_right_versions_and_every_region_has_some():
    assert len(WRONG) >= 25
    assert {m.region for m in WRONG.values()} == REGIONS
    changed = {region for v in RIGHT.values() for region in v.bodies} & REGIONS
    assert changed == REGIONS
    assert sum(bool({*v.bodies} & REGIONS) for v in RIGHT.values()) >= 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "check", "sentence"),
    [
        ("noise-clamped", "1-2.noise", "must reach beyond 0 … 1.*between 0.000 and 1.000"),
        ("noise-uniform", "1-2.noise", "standard normal ε, but of that ε its mean is 0.(49|50)"),
        ("noise-image-faded", "1-2.noise", r"x is multiplied by 0\.[5-7]"),
        ("noise-one-for-all-images", "1-2.noise", "every image of the batch gets the same numbers"),
        ("noise-same-at-every-call", "1-2.noise", "must draw new noise at every call"),
        ("noise-added-in-place", "1-2.without_noise", "must leave the x that it is given as it is"),
        ("denoiser-left-out", "1-2.noised_images", "gives unet .*yours is x itself"),
        ("denoiser-sum-for-mean", "1-2.denoising_loss", r"mean of ‖D\(z\) − x‖² over everything.*times as much"),
        ("denoiser-gradient-cut", "1-2.denoising_loss", "must carry a gradient back to the network"),
        ("flow-t-not-divided", "flow.path", "must lie in 0 … 1; yours reaches from 0 to"),
        ("flow-one-t-for-the-batch", "flow.path", "a t of its own"),
        ("flow-t-in-half-of-the-range", "flow.path", "uniform in 0 … 1; in the four quarters"),
        ("flow-data-and-noise-swapped", "flow.path", r"yours holds x_1 times 0\.7.*must hold it times 0\.2"),
        ("class-flow-exact-share-dropped", "flow.dropped_labels", "as if an exact share were chosen"),
        ("class-flow-dropped-by-batches", "flow.dropped_labels", "all together, or not at all"),
        ("class-flow-mask-of-t", "flow.dropped_labels", "nothing to do with t.*used twice"),
        ("class-flow-mask-inverted", "flow.dropped_labels", "With p_uncond = 0, no label may be dropped; yours dropped 1024 of 1024"),
        ("flow-one-step-too-many", "flow.steps", r"must take (\d+) steps; yours took \d+, .*the last at t = 1\.0000"),
        ("flow-times-stretched-to-1", "flow.steps", "step 2 of time_fm_sample must ask for the velocity at t = 0.0"),
        ("flow-step-reversed", "flow.steps", "nearest to -1 times that"),
        ("class-flow-guidance-swapped", "flow.guided_steps", "v_u is multiplied by"),
        ("class-flow-class-0-in-guidance", "flow.guided_steps", "yours gave it the label 0 for an image of class"),
        ("class-flow-seed-fixed", "flow.start_with_classes", "other noise when it is called with another seed"),
        ("class-flow-result-before-the-last-step", "flow.guided_steps", "yours returns the x before the last step"),
    ],
)
def test_a_trap_is_a_kind_sentence(lane, mistake, check, sentence):
    judgement = judged(lane, apply_misconceptions(MANIFEST, (WRONG[mistake],)), check)
    assert judgement.status == "failed"
    assert re.search(sentence, judgement.message), judgement.message


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    bulk(
        [
            ("noise-uniform", {"1-2.noise"}),
            ("noise-left-out", {"1-2.noise"}),
            ("denoiser-left-out", {"1-2.noised_images"}),
            ("denoiser-against-z", {"1-2.denoising_loss"}),
            ("flow-data-and-noise-swapped", {"flow.path"}),
            ("flow-network-fed-data", {"flow.path"}),
            ("flow-t-not-divided", {"flow.path"}),
            ("flow-target-reversed", {"flow.loss"}),
            ("class-flow-mask-inverted", {"flow.dropped_labels"}),
            ("class-flow-labels-of-others", {"flow.dropped_labels"}),
            ("class-flow-path-with-roots", {"flow.path_with_classes"}),
            ("flow-seed-ignored", {"flow.start"}),
            ("class-flow-guidance-sum", {"flow.guided_steps"}),
        ],
        kept=("denoiser-against-z", "flow-network-fed-data", "class-flow-guidance-sum"),
        name=lambda case: case[0],
    ),
)
def test_one_mistake_costs_one_check(lane, case):
    mistake, lost = case
    wrong = WRONG[mistake]
    files, known = apply_misconceptions(MANIFEST, (wrong,)), {wrong.region} if wrong.region == ADD_NOISE else set()
    judgements = {name: judged(lane, files, name, known) for name, check in CHECKS.items() if check.mark.task == wrong.task}
    assert {name for name, judgement in judgements.items() if judgement.status != "passed"} == lost


@pytest.mark.slow
@pytest.mark.parametrize("name", bulk(OTHER_FORMS, kept=[*OTHER_FORMS][::12]))
def test_a_right_version_of_another_form_passes(lane, name):
    files = apply_variant(MANIFEST, RIGHT[name])
    student = Student(lane, files, MANIFEST.limits)
    try:
        judgements = {id: run_check(check, student, SECRET, "digest") for id, check in CHECKS.items()}
    finally:
        student.fresh()
    assert {id: j.message for id, j in judgements.items() if j.status != "passed"} == {}


@pytest.mark.parametrize("body", ["return x", "return torch.randn_like(x)", "return torch.zeros_like(x)", "return x * sigma", "pass"])
def test_noise_that_is_none_shows_no_work(lane, body):
    files = apply_variant(MANIFEST, Variant("idle", "", bodies={ADD_NOISE: body}))
    for name in ("1-2.noise", "1-2.without_noise"):
        assert not judged(lane, files, name).shows_work


@pytest.mark.parametrize("seed", range(3))
def test_the_value_of_a_loss_with_an_unknown_x_0_is_known_within_its_bounds(seed):
    random = np.random.default_rng(seed)
    answer, data, x_0 = random.normal(0.8, 1.2, (3, 500, 9))
    unknown = random.random((500, 9)) < (0.0, 0.01, 1.0)[seed]
    target = Target(data - np.where(unknown, 0, x_0 := (x_0 - 0.8) / 1.2), unknown)
    (value, error), (gradient, gradient_error) = target.mean_square(answer), target.gradient(answer)
    true = answer - data + x_0
    assert abs((true**2).mean() - value) <= error + 1e-12
    assert abs(2 * (true * answer).mean() - gradient) <= gradient_error + 1e-12
    assert error <= (1e-12, 0.1, 0.5)[seed]  # so that half of it, or its double, is wrong all the same


SAMPLE = "device = next(unet.parameters()).device\ntorch.manual_seed(seed)\n"


@pytest.mark.parametrize(
    ("region", "body"),
    [
        ("time_fm_sample", "return [unet(torch.randn(2, 1, *img_wh), torch.zeros(2)).sum()]"),
        ("time_fm_sample", "unet(torch.randn(2, 1, *img_wh), torch.zeros(2))\nreturn torch.zeros(0, 0, 1, *img_wh)"),
        ("time_fm_sample", "for n in range(1, 60):\n    x = unet(torch.randn(n, 1, *img_wh), torch.full((n,), n / 60))\nreturn x"),
        ("time_fm_sample", "n = 2 + seed % 5\nx = torch.randn(n, 1, *img_wh)\nfor i in range(num_ts):\n    x = x + unet(x, torch.ones(n))\nreturn x"),
        ("class_fm_sample", "for k in range(20):\n    x = unet(torch.randn(1, 1, *img_wh), c[:1], torch.full((1,), k / 20))\nreturn x, x"),
        ("class_fm_sample", "x = torch.randn(len(c), 1, *img_wh)\nunet(x, c / 10, torch.zeros(len(c)))\nreturn x"),
        ("class_fm_sample", "x = torch.randn(len(c), 1, *img_wh)\nunet(x, c * 10**12, torch.zeros(1), torch.full((7,), float('nan')))\nreturn x"),
        ("class_fm_sample", "x = torch.randn(len(c), 1, *img_wh)\nunet(x, c, torch.full((1,), 1e38))\nunet(1e25 * x, c, torch.ones(1))\nreturn x"),
        ("time_fm_forward", "return unet(1e29 * torch.randn_like(x_1), torch.rand(len(x_1))).mean()"),
        ("time_fm_forward", "return unet(x_1, 1e30 * torch.rand(len(x_1))).mean()"),
        ("class_fm_forward", "return unet(x_1, F.one_hot(c, 10).float() / 3, torch.rand(len(x_1))).mean()"),
        ("class_fm_forward", "return unet(x_1, torch.rand(len(x_1)), c, torch.rand(len(x_1)) > 0.5).mean() / 0"),
    ],
)
def test_whatever_comes_the_student_reads_a_sentence_and_the_grader_goes_on(lane, region, body):
    files = apply_variant(MANIFEST, Variant("odd", "", bodies={f"flow_matching.py:{region}": SAMPLE * ("sample" in region) + body}))
    for name, check in CHECKS.items():
        if check.mark.region.endswith(region):
            judgement = judged(lane, files, name)
            assert judgement.status in ("failed", "broken", "passed"), judgement.message


def told_of(**more):
    return told(Call(np.zeros((4, 1, 2, 2)), np.zeros(4), more), "the loss", "unet(x_t, c, t, mask)")


LABELS = np.array([3, 0, 7, 9])


@pytest.mark.parametrize(
    ("c", "mask"),
    [
        (LABELS, np.array([1, 0, 1, 1.0])),
        (LABELS[:, None], np.array([[True], [False], [True], [True]])),
        (LABELS.astype(np.float32), np.array([1, 0, 1, 1]).reshape(4, 1, 1, 1)),
        (one_hot(LABELS, 10) * np.array([[1], [0], [1], [1]]), None),
        (one_hot(LABELS, 10), np.array([1, 0, 1, 1])),
    ],
)
def test_labels_are_read_in_any_form(c, mask):
    labels, kept = told_of(c=c, mask=mask)
    assert kept.tolist() == [True, False, True, True]
    assert labels[kept].tolist() == [3, 7, 9]


@pytest.mark.parametrize(
    ("c", "mask"), [(None, None), (np.zeros((4, 1, 2, 2)), None), (LABELS[:3], None), (np.full((4, 10), 0.1), None), (LABELS, np.full(4, 0.5))]
)
def test_what_is_no_label_or_mask_is_refused(c, mask):
    with pytest.raises(WrongAnswer):
        told_of(c=c, mask=mask)


def dropping(rule):
    """What the judgement of dropped labels says of a mask made by `rule(random, rows, p, t)`."""
    random, note = np.random.default_rng(1), Note()

    def asked(rows, p):
        t, labels = random.random(rows), random.integers(0, 10, rows)
        mask = rule(random, rows, p, t).astype(np.float32)
        return Call(np.zeros((rows, 1)), t, {"c": labels, "mask": mask}), labels

    class Draw:
        def uniform(self, low, high):
            return 0.3

    conditions.judge_dropping(asked, "the loss", "unet(x_t, c, t, mask)", Draw(), note)


def test_labels_dropped_each_by_itself_pass_and_others_do_not():
    dropping(lambda random, rows, p, t: random.random(rows) >= p)
    dropping(lambda random, rows, p, t: random.random(rows) > p)
    for rule, sentence in (
        (lambda random, rows, p, t: random.permutation(rows) >= round(p * rows), "exact share"),
        (lambda random, rows, p, t: t >= p, "nothing to do with t"),
        (lambda random, rows, p, t: np.random.default_rng(2).random(rows) >= p, "must draw anew|exact share"),
        (lambda random, rows, p, t: random.random(rows) >= 1.1 * p, "with that probability"),
        (lambda random, rows, p, t: np.full(rows, random.random() >= p), "all together"),
    ):
        with pytest.raises(WrongAnswer, match=sentence):
            dropping(rule)


def test_labels_that_cannot_be_read_are_told_from_wrong_ones():
    with pytest.raises(Unreadable):
        told_of(c=np.full((4, 10), 0.1))


@pytest.mark.parametrize("steps", [*euler.STEPS, euler.MANY_STEPS])
@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_a_loop_that_compares_a_sum_with_1_shows_itself(steps, number):
    t, count = number(0), 0
    while t < 1:
        t, count = number(t + number(1) / number(steps)), count + 1
    assert count == steps + 1


def test_images_drawn_one_by_one_are_one_batch():
    steps, count = 4, 3
    states = np.arange(12.0).reshape(count, steps, 1, 1, 1, 1)
    times = np.arange(steps) / steps
    one_after_the_other = euler._one_by_one([*np.tile(times, count)], [*states.reshape(12, 1, 1, 1, 1)], steps)
    in_each_step = euler._one_by_one([*np.repeat(times, count)], [*states.swapaxes(0, 1).reshape(12, 1, 1, 1, 1)], steps)
    for found_times, found in (one_after_the_other, in_each_step):
        assert found_times == [*times]
        assert np.array_equal(np.stack(found, axis=1), states[:, :, 0])


def test_a_result_is_found_in_any_form():
    images = np.random.default_rng(0).normal(size=(3, 1, 2, 2))
    noise = images + 1
    trajectory = np.stack([noise, noise, images])
    alone = (images, (images, trajectory), [images, [images]])
    on_the_way = ([noise, images], trajectory, trajectory.swapaxes(0, 1))
    for answer in (*alone, *on_the_way, [*images], [*images[:, None]]):
        assert any(np.array_equal(reading, images) for reading in images_in(answer, (3, 1, 2, 2), "sample"))
    assert not any(np.array_equal(reading, images) for reading in images_in((noise, images), (3, 1, 2, 2), "sample"))
    with pytest.raises(WrongAnswer):
        images_in(None, (3, 1, 2, 2), "sample")
