"""Trained models of mnist_diffusion: weights that are handed in, what they are judged by, and which files stand in for a student's."""

import io

import numpy as np
import pytest
import torch

from autograder.assignments.mnist_diffusion.outcome import DENOISER, DIFFUSION, Outcome
from autograder.digits import load_digits
from autograder.digits.samples import judged_samples
from autograder.grading.checks import Carry, Note, WrongAnswer
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.standing_in import files_replaced
from autograder.manifest import load_manifest
from autograder.sandbox.weights import load
from autograder.submission.intake import read_submission
from tests.notebook_files import folder_with

MANIFEST = load_manifest("mnist_diffusion")
REGIONS = MANIFEST.regions


def saved(state, wrapped=""):
    """As torch.save writes them, under a name of a wrapper's."""
    buffer = io.BytesIO()
    torch.save({f"{wrapped}{name}": values for name, values in state.items()}, buffer)
    return buffer.getvalue()


def fresh_weights(name, *settings):
    """Of a network of the solution's."""
    unet = {"__name__": "unet"}
    exec(solution_files(MANIFEST)["unet.py"], unet)
    return unet[name](*settings).state_dict()


def outcome_with(sandbox, **weights):
    context = OutcomeContext(MANIFEST, sandbox, solution_files(MANIFEST), MANIFEST.limits, b"a secret of the tests", "digest", weights=weights)
    return Outcome(context)


# Reading


def test_weights_are_taken_by_their_names_and_those_of_the_last_epoch_count(tmp_path):
    weights = {"results/denoiser/epoch_01.pt": b"one", "results/denoiser/epoch_05.pt": b"five", "class.PT": b"c"}
    work = folder_with(tmp_path / "work", {**solution_files(MANIFEST), **weights})
    submission = read_submission(work, MANIFEST)
    assert submission.weights == {"denoiser": b"five", "class": b"c"}
    assert not submission.data
    assert any("epoch_05.pt were taken" in notice.message for notice in submission.notices)


def test_other_weights_are_another_submission(tmp_path):
    files = solution_files(MANIFEST)
    digests = {read_submission(folder_with(tmp_path / str(n), {**files, "denoiser.pt": bytes([n])}), MANIFEST).digest for n in range(2)}
    assert len(digests) == 2


@pytest.mark.parametrize("wrapped", ["", "unet.", "module.unet."])
def test_weights_go_into_the_students_own_network(wrapped, sandbox):
    outcome = outcome_with(sandbox, denoiser=saved(fresh_weights("UnconditionalUNet", 1, 6), wrapped))
    note = Note()
    with pytest.raises(WrongAnswer, match="with your weights; it is 0"):
        outcome.expect_denoiser(note, Carry(known=REGIONS))  # it was never trained
    assert note.values["denoising error"][0] > 0.02
    outcome.close()


def test_a_network_whose_layers_all_stand_in_one_container_gets_its_own_weights():
    network = torch.nn.Module()
    network.blocks = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 3), "b": torch.nn.Linear(3, 2)})
    state = {name: torch.ones_like(value) for name, value in network.state_dict().items()}
    for wrapped in ("", "unet.", "module.unet."):
        torch.nn.init.zeros_(network.blocks["a"].weight)
        load(network, {"betas": torch.zeros(3), **{f"{wrapped}{name}": value for name, value in state.items()}} if wrapped == "unet." else
             {f"{wrapped}{name}": value for name, value in state.items()})  # fmt: skip
        assert network.blocks["a"].weight.eq(1).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"no weights at all", "cannot be loaded into UnconditionalUNet", id="no weights"),
        pytest.param(b"", "cannot be loaded into UnconditionalUNet", id="empty"),
        pytest.param(b"cos\nsystem\n(S'touch /tmp/was-run'\ntR.", "cannot be loaded into UnconditionalUNet", id="a pickle that runs something"),
        pytest.param(saved({"weight": torch.zeros(8, 1, 3, 3)}), "cannot be loaded into UnconditionalUNet", id="of another network"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(content, says, sandbox):
    outcome = outcome_with(sandbox, denoiser=content)
    with pytest.raises(WrongAnswer, match=says):
        outcome.expect_denoiser(Note(), Carry(known=REGIONS))
    outcome.close()


# Judging


def test_real_digits_are_what_was_asked_for_and_near_to_real_ones():
    digits = load_digits(100, 28, 5, None)
    judged = judged_samples(digits.images.astype(np.float64), digits.labels, None)
    assert judged.wrong < 0.05
    assert judged.classified_as == "drawn digits"
    others = judged_samples(digits.images.astype(np.float64), (digits.labels + 1) % 10, None)
    assert others.wrong > 0.95
    blurred = np.clip(digits.images + 0.5 * np.random.default_rng(0).standard_normal(digits.images.shape), 0, 1)
    assert judged_samples(blurred, digits.labels, None).distance > 10 * judged.distance


# Standing in


def test_a_mistake_in_one_file_has_the_solution_stand_in_for_it():
    wrong = frozenset({"denoising.py:denoising_loss"})
    assert files_replaced(Carry(wrong, REGIONS), DENOISER) == {"denoising.py"}
    assert files_replaced(Carry(frozenset({"class_conditional.py:ddpm_sample"}), REGIONS), DENOISER) == frozenset()


def test_with_mistakes_in_all_files_nothing_is_left_to_train():
    wrong = frozenset({"denoising.py:denoising_loss", "unet.py:Conv"})
    with pytest.raises(WrongAnswer, match=r"denoising.py and unet.py have mistakes"):
        files_replaced(Carry(wrong, REGIONS), DENOISER)


def test_what_is_not_done_is_not_replaced():
    undone = frozenset({"class_conditional.py:ddpm_sample"})
    with pytest.raises(WrongAnswer, match=r"class_conditional.py, which are not done yet"):
        files_replaced(Carry(undone, REGIONS, undone=undone), DIFFUSION, "sample")
