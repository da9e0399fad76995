"""Task 1-5 with weights of the reference's trainings: when they are used, that they are laid in as they belong, and what is told of it."""

import contextlib
import dataclasses
import json

import numpy as np
import pytest

from autograder.assignments.swiss_roll import outcome as swiss_roll
from autograder.assignments.swiss_roll import shared
from autograder.assignments.swiss_roll.simple_net import pairs_of
from autograder.assignments.swiss_roll.stand_ins import LOSS, NETWORK, SAMPLERS, Plan
from autograder.assignments.swiss_roll.time_linear import TimeLinear, forward, shapes
from autograder.errors import UserError
from autograder.grading import reference_trainings
from autograder.grading.checks import Carry, Held, Note
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.reference_trainings import ReferenceTraining
from autograder.grading.seeds import Draw
from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest
from autograder.submission.intake import Submission
from tests.check_runs import named
from tests.test_outcome import MANIFEST, SHORT, gives_the_roll, mutant, short_outcome

PROVED = frozenset((*NETWORK, *LOSS))
PAIRS = pairs_of(2, tuple(SHORT["dim_hids"]), 2)


def drawn_training(index):
    draw = Draw(b"weights of a training", "digest", str(index))
    chain = [TimeLinear.drawn(*pair, draw) for pair in PAIRS]
    weights = {f"{k}/{path}": layer.weights[path].astype(np.float16) for k, layer in enumerate(chain) for path in shapes(*PAIRS[k])}
    return ReferenceTraining(weights, np.linspace(1, 0, 30), {})


@pytest.fixture
def trainings(monkeypatch):
    made = tuple(map(drawn_training, range(3)))
    monkeypatch.setattr(reference_trainings, "read", lambda path, manifest, recipe: made)
    return made


@pytest.fixture
def outcome_of(sandbox):
    opened = []

    def make(files=None, outcome="shared"):
        opened.append(short_outcome(sandbox, files, outcome=outcome))
        return opened[-1]

    yield make
    for outcome in opened:
        outcome.close()


def edited(**edits):
    """The solution with texts exchanged, by the file's name without ".py"."""
    files = solution_files(MANIFEST)
    for name, (old, new) in edits.items():
        text = files[f"{name}.py"].decode()
        assert text.count(old) == 1
        files[f"{name}.py"] = text.replace(old, new).encode()
    return files


def gives_the_references_outputs(outcome, trained, trainings):
    chain = shared.chain_of(trainings[outcome.shared.order[0]], PAIRS)
    x, t = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50) % 40
    expected = forward(chain, x, t)
    return np.allclose(trained.network.call("", x.astype(np.float32), t), expected, atol=1e-3 * abs(expected).max())


def test_the_references_weights_lie_in_the_students_network(outcome_of, trainings):
    outcome = outcome_of()
    trained = outcome.training(Plan(), 0, PROVED)
    assert trained.shared
    assert gives_the_references_outputs(outcome, trained, trainings)
    assert np.array_equal(trained.losses, np.linspace(1, 0, 30))
    for sampler in SAMPLERS:
        assert np.isfinite(outcome.measure(sampler, Plan(), trained, 1e9).draws).all()
    assert [notice.kind for notice in outcome.notices()] == ["shared_training"]


LAYERS = """        self.layers = nn.ModuleList(
            TimeLinear(size_in, size_out, num_timesteps) for size_in, size_out in zip(sizes[:-1], sizes[1:])
        )
"""
REVERSED = """        self.backwards = nn.ModuleList(
            TimeLinear(size_in, size_out, num_timesteps) for size_in, size_out in list(zip(sizes[:-1], sizes[1:]))[::-1]
        )
        self.layers = [*self.backwards][::-1]
"""


def loss_is(body):
    """`compute_loss` with this body, in which value_of is the right one."""
    return "def compute_loss(self", f"def compute_loss(self, x0):\n{body}\n    def value_of(self"


@pytest.mark.parametrize("layers", [REVERSED, "        self.spare = nn.Linear(3, 3)\n" + LAYERS], ids=["backwards", "one more, idle"])
def test_layers_are_found_however_they_are_kept(outcome_of, trainings, layers):
    outcome = outcome_of(edited(network=(LAYERS, layers)))
    trained = outcome.training(Plan(), 0, PROVED)
    assert trained.shared, outcome.shared.reason
    assert gives_the_references_outputs(outcome, trained, trainings)


@pytest.mark.parametrize(
    ("name", "edit", "why"),
    [
        ("network", (LAYERS, LAYERS + "        nn.init.zeros_(self.layers[-1].fc.weight)\n"), "starts with other weights"),
        ("network", (LAYERS, LAYERS + "        nn.init.normal_(self.layers[1].fc.weight, std=0.05)\n"), "starts with other weights"),
        ("network", (LAYERS, LAYERS + "        nn.utils.parametrizations.weight_norm(self.layers[1].fc)\n"), "does not give the reference's outputs"),
        ("ddpm", loss_is("        loss = self.value_of(x0)\n        return 1.5 * loss - 0.5 * loss.detach()\n"), "gradient"),
        ("ddpm", loss_is("        self.network.layers[1].requires_grad_(False)\n        return self.value_of(x0)\n"), "gradient"),
    ],
    ids=["a layer that starts at 0", "a wider start", "weight normalisation", "a gradient half as large again", "a layer left out"],
)
def test_what_the_checks_do_not_prove_is_trained(outcome_of, trainings, name, edit, why):
    outcome = outcome_of(edited(**{name: edit}))
    trained = outcome.training(Plan(), 0, PROVED)
    assert not trained.shared
    assert why in outcome.shared.reason
    assert why in outcome.notices()[0].message
    assert outcome.notices()[0].kind == "staff"


@pytest.mark.parametrize("region", sorted(PROVED))
def test_a_region_that_is_not_proved_is_trained(outcome_of, trainings, region):
    outcome = outcome_of()
    assert not outcome.training(Plan(), 0, PROVED - {region}).shared
    assert "not every check" in outcome.shared.reason


@pytest.mark.parametrize(
    ("plan", "proved", "mistake"),
    [
        (Plan(own_network=False), frozenset(LOSS), "silu-for-relu"),
        (Plan(own_loss=False), frozenset(NETWORK), "sum-for-mean"),
        (Plan(own_step=False), PROVED, "noise-at-t-0"),
    ],
    ids=["network", "loss", "step"],
)
def test_where_the_reference_stands_in_its_weights_are_used_too(outcome_of, trainings, plan, proved, mistake):
    outcome = outcome_of(mutant(mistake))
    trained = outcome.training(plan, 0, proved)
    assert trained.shared, outcome.shared.reason
    assert gives_the_references_outputs(outcome, trained, trainings)
    assert np.isfinite(outcome.measure("ddpm", plan, trained, 1e9).draws).all()


def test_the_policy_own_trains(outcome_of, trainings):
    assert not outcome_of(outcome="own").training(Plan(), 0, PROVED).shared


def test_without_trainings_of_the_recipe_every_submission_is_trained(outcome_of):
    outcome = outcome_of()  # the file's are of the whole recipe, and this one is short
    assert not outcome.training(Plan(), 0, PROVED).shared
    assert "no trainings of the reference" in outcome.notices()[0].message


def test_the_trainings_in_the_repository_are_of_the_present_solution_and_meet_the_thresholds():
    found = reference_trainings.read(shared.FILE, MANIFEST, shared.recipe_of(MANIFEST))
    assert len(found) >= MANIFEST.outcome.max_trainings, "run python -m autograder.assignments.swiss_roll.make_reference_trainings"
    for training in found:
        assert all(training.figures[sampler] < MANIFEST.outcome.threshold(sampler) for sampler in SAMPLERS)
        assert len(training.losses) == MANIFEST.training["num_iterations"]


def test_a_file_of_another_recipe_or_a_damaged_one_holds_none(tmp_path):
    path, recipe = tmp_path / "trainings.safetensors", {"steps": 3}
    reference_trainings.write(path, MANIFEST, recipe, "2", [drawn_training(0), drawn_training(1)])
    first, second = reference_trainings.read(path, MANIFEST, recipe)
    assert np.array_equal(second.weights["0/fc.weight"], drawn_training(1).weights["0/fc.weight"])
    assert np.allclose(first.losses, np.linspace(1, 0, 30), atol=1e-3)
    assert "losses" not in first.weights
    assert reference_trainings.read(path, MANIFEST, {"steps": 4}) == ()
    path.write_bytes(path.read_bytes()[:-1000])
    assert reference_trainings.read(path, MANIFEST, recipe) == ()
    assert reference_trainings.read(tmp_path / "none", MANIFEST, recipe) == ()


def graded(sandbox, options):
    files = {name: content for name, content in solution_files(MANIFEST).items() if name in MANIFEST.files.todo}
    return Grading(MANIFEST, Submission("right", files, "digest"), options, sandbox, b"a secret of the tests").run()


def test_a_whole_verdict_says_whose_training_was_judged(sandbox):
    verdict = graded(sandbox, Options(outcome="shared"))
    assert verdict.score == verdict.max_score
    assert verdict.outcome == "shared"
    assert any(notice.kind == "shared_training" for notice in verdict.notices)
    outcome = [check for check in verdict.checks if check.task == "1-5"]
    assert [check.evidence["training 1 is the reference's"] for check in outcome] == [True, True]
    again = type(verdict).from_json(verdict.to_json())
    assert again.outcome == "shared"
    plain = json.loads(verdict.to_json())
    del plain["outcome"]
    assert type(verdict).from_json(json.dumps(plain)).outcome == "own"  # as every verdict was before


@pytest.mark.parametrize(
    ("sampler", "wrong"),
    [
        pytest.param("ddpm", {"p_sample"}, marks=pytest.mark.proof),
        pytest.param("ddim", {"ddim_p_sample"}, marks=pytest.mark.proof),
        ("ddim", {"SimpleNet", "ddim_p_sample"}),
        ("ddim", {"SimpleNet"}),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(sorted(value)),
)
def test_where_the_reference_stands_in_a_right_loop_is_not_held(sandbox, sampler, wrong):
    """With an untrained network it must not give the Swiss roll, whoever takes the step; a loop that gives the roll by itself is held then, too."""
    context = OutcomeContext(MANIFEST, sandbox, solution_files(MANIFEST), MANIFEST.limits, b"a secret of the tests", "digest", outcome="shared")
    loop = "p_sample_loop" if sampler == "ddpm" else "ddim_p_sample_loop"
    own_roll = dataclasses.replace(context, files=gives_the_roll(context.files, loop))
    for one in (context, own_roll):
        outcome, carry, note = swiss_roll.Outcome(one), Carry(named(*wrong), proved=PROVED - named(*wrong)), Note()
        try:
            with pytest.raises(Held) if one is own_roll else contextlib.nullcontext():
                outcome.expect(sampler, note, carry)
        finally:
            outcome.close()
        assert note.values["training 1 is the reference's"][0], outcome.shared.reason


def test_the_tiers_of_an_original_course_train(sandbox, monkeypatch):
    seen = []
    monkeypatch.setattr(swiss_roll.Outcome, "expect", lambda self, *args: seen.append(self.context.outcome))
    verdict = graded(sandbox, Options(profile="kaist-2023", outcome="shared"))
    assert seen == ["own", "own"]
    assert verdict.outcome == "own"


def test_a_policy_that_there_is_not_is_refused():
    from autograder.commands.options import outcome_policy

    assert outcome_policy(None) is None
    assert outcome_policy("own") == "own"
    with pytest.raises(UserError, match="--outcome takes own or shared, not 'both'"):
        outcome_policy("both")


def test_the_policy_of_the_manifest():
    assert load_manifest("swiss_roll").policy.outcome == "shared"
