"""Code with globals runs unchanged: its globals, and given files, are the grader's. And the solution beside the student."""

from collections.abc import Iterator

import numpy as np
import pytest

from autograder.grading.checks import CheckMark, expect
from autograder.grading.reference import Reference
from autograder.grading.rubric import Check
from autograder.grading.runner import run_check
from autograder.judges.network import Call, Network
from autograder.judges.signature import Signature, as_diffusers
from autograder.limits import Limits
from autograder.manifest import load_manifest
from autograder.oracles.schedule import Floats
from autograder.sandbox.launcher import Lane, Sandbox
from autograder.sandbox.proxies import Student

MODEL = b"raise RuntimeError('the real model needs a licence')\n"
SAMPLING = b"""
import torch
from model import stage_1, alphas_cumprod, add_variance as add_noise, device
import model

def denoise(x, t, prompt_embeds):
    with torch.no_grad():
        out = stage_1.unet(x.half().to(device), t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]
    noise, variance = torch.split(out, x.shape[1], dim=1)
    clean = (x - (1 - alphas_cumprod[t]).sqrt() * noise) / alphas_cumprod[t].sqrt()
    return add_noise(variance, t, clean).cpu().detach().numpy()

def last(): return stage_1.scheduler.timesteps[-1], model.alphas_cumprod[0], len(stage_1.scheduler.alphas_cumprod)
"""
NOTEBOOK = b"""
import torch
device = 'cuda:7'
first = betas[0]

def forward(x, t=T - 1):
    return x.to(device) * torch.cumprod(1 - betas, 0)[t].sqrt()

def steps(): return [T, len(betas), first]
"""


@pytest.fixture(scope="module")
def lane(sandbox: Sandbox) -> Iterator[Lane]:
    with sandbox.lane() as opened:
        yield opened


@pytest.fixture
def student(lane: Lane) -> Iterator[Student]:
    student = Student(lane, {"model.py": MODEL, "sampling.py": SAMPLING, "notebook.py": NOTEBOOK}, Limits())
    student.begin(1)
    yield student
    student.fresh()


def twice(call: Call) -> Floats:
    return np.concatenate([2 * call.x, 0 * call.x + 5], axis=1)


def stand_in(student: Student, alphas: Floats, network: Network) -> None:
    signature = Signature(
        ("x", "t", "c", "return_dict"), {"return_dict": True}, {"encoder_hidden_states": "c"}, as_diffusers
    )
    network.arguments = signature
    scheduler = student.namespace(timesteps=[3, 2, 0], alphas_cumprod=alphas)
    student.stand_in(
        "model",
        stage_1=student.namespace(unet=student.network(network), scheduler=scheduler),
        alphas_cumprod=alphas,
        device="cpu",
        add_variance=student.function(lambda variance, t, x: (x + variance).astype(np.float32)),
    )


def test_a_given_file_is_the_graders_and_its_own_code_never_runs(student: Student) -> None:
    alphas, network = np.array([0.64, 0.25]), Network(twice)
    stand_in(student, alphas, network)
    x, prompt = np.ones((1, 3, 2, 2), dtype=np.float32), np.full((1, 2), 9.0, dtype=np.float32)
    got = student.module("torch").call("as_tensor", student.module("sampling").new("denoise", x, 1, prompt))
    assert abs(got - ((1 - np.sqrt(0.75) * 2) / 0.5 + 5)).max() < 1e-2  # half precision
    (call,) = network.calls
    assert call.t.tolist() == [1.0]
    assert (call.more["c"] == 9).all()
    assert network.dtypes == ["float16"]


def test_another_stand_in_reaches_code_that_has_imported_the_first(student: Student) -> None:
    stand_in(student, np.array([0.64, 0.25]), Network(twice))
    sampling = student.module("sampling")
    assert sampling.call("last") == (0, pytest.approx(0.64), 2)
    other = Network(lambda call: np.concatenate([0 * call.x, 0 * call.x], axis=1))
    stand_in(student, np.array([0.36, 0.16, 0.04]), other)
    assert sampling.call("last") == (0, pytest.approx(0.36), 3)
    x, prompt = np.ones((1, 3, 2, 2), dtype=np.float32), np.zeros((1, 2), dtype=np.float32)
    got = student.module("torch").call("as_tensor", sampling.new("denoise", x, 1, prompt))
    assert abs(got - 1 / 0.4).max() < 1e-2
    assert len(other.calls) == 1


def test_globals_that_lie_about_in_a_notebook(student: Student) -> None:
    notebook = student.module_with("notebook", betas=np.array([0.1, 0.2, 0.3]), T=3, device="cpu")
    assert notebook.call("steps") == [3, 3, pytest.approx(0.1)]
    assert notebook.call("forward", np.ones(1)) == pytest.approx(np.sqrt(0.9 * 0.8 * 0.7))
    again = student.module_with("notebook", betas=np.array([0.5]), T=1, device="cpu")
    assert again.call("forward", np.ones(1)) == pytest.approx(np.sqrt(0.5))
    assert student.module("notebook").call("steps") == [1, 1, pytest.approx(0.5)]


# The solution beside the student


def compare(student: Student, reference: Reference) -> None:
    """Both are asked at the same time, and neither ends the other."""
    mine, theirs = (one.module("network").new("SimpleNet", 2, 2, [3], 5) for one in (student, reference))
    for one in (theirs, mine, theirs, mine):
        value = one.call("forward", np.ones((4, 2), dtype=np.float32), np.zeros(4, dtype=np.int64))
        expect(isinstance(value, np.ndarray) and value.shape == (4, 2), "The output must have shape (4, 2).")


def fail(reference: Reference) -> None:
    """The solution gets what it cannot take."""
    reference.module("network").new("SimpleNet", "two")


def judged(lane: Lane, function: object, network: bytes | None = None) -> str:
    manifest = load_manifest("swiss_roll")
    solution = {name: (manifest.solution / name).read_bytes() for name in manifest.files.todo}
    student = Student(lane, solution | ({"network.py": network} if network else {}), manifest.limits)
    check = Check("1-1.compare", "", CheckMark("1-1", 1, "SimpleNet", 0, ""), function, (2,), assignment="swiss_roll")  # type: ignore[arg-type]
    judgement = run_check(check, student, b"a secret of sixteen bytes", "digest")
    student.fresh()
    return f"{judgement.status}: {judgement.message}"


def test_a_check_may_ask_for_the_solution_beside_the_student(lane: Lane) -> None:
    assert judged(lane, compare) == "passed: "
    assert judged(lane, compare, b"raise ValueError('mine')").startswith("broken: Your code raised ValueError: mine")
    assert judged(lane, compare) == "passed: "


def test_a_failure_of_the_solution_is_never_said_to_be_the_students(lane: Lane) -> None:
    said = judged(lane, fail)
    assert said.startswith("grader_error: The grader itself failed in this check")
    assert "SolutionFailed" in said
