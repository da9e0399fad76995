"""Points need work: bodies that do none show none, in no region, and never earn more than a TODO that was left open."""

import ast
import itertools
from collections.abc import Iterator

import pytest

from autograder.assignments.swiss_roll.stand_ins import LOOP, LOSS, SAMPLERS, STEP, Sampler, plan_for
from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.mutants import solution_files
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.grading.session import Grading, Options
from autograder.grading.work import shows_work
from autograder.manifest import load_manifest
from autograder.markers import derive_handout
from autograder.regions import shortest
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from autograder.submission.intake import Submission
from autograder.submission.stubs import share_of_operations
from autograder.verdict import Verdict
from tests.bulk import bulk
from tests.check_runs import named

MANIFEST = load_manifest("swiss_roll")
SOLUTION = {name: content for name, content in solution_files(MANIFEST).items() if name in MANIFEST.files.todo}
NAMES = [name for task in MANIFEST.tasks for name in task.regions]
REGIONS = list(dict.fromkeys(map(shortest, NAMES)))

Bodies = dict[str, str]  # function → body
ANYWHERE = {
    "nothing": "pass",
    "None": "return None",
    "a number": "return 0.5",
    "an error": "raise ValueError('later')",
    "a name that is nowhere": "result = x_that_is_not_there\nreturn result",
    "an empty list": "return []",
    "a wrong call": "return torch.zeros(())(3)",
}
OF_ARRAYS = {  # x: the argument that has the shape of the result
    "the argument": "return {x}",
    "the argument, half": "return 0.5 * {x}",
    "the argument and one": "return {x} + 1",
    "zeros": "return torch.zeros_like({x})",
    "ones": "return torch.ones_like({x})",
    "a constant": "return torch.full_like({x}, 0.3)",
    "noise": "return torch.randn_like({x})",
    "the argument and noise": "return {x} + 0.1 * torch.randn_like({x})",
    "even noise": "return torch.rand_like({x})",
    "t": "return {x} * torch.as_tensor(t).float().reshape(-1, *[1] * ({x}.ndim - 1))",
    "NaN": "return {x} * float('nan')",
    "doubles": "return {x}.double()",
    "its mean": "return {x}.mean()",
    "a network's answer": "return self.network({x}, t)",
    "a network asked in vain": "self.network({x}, t)\nreturn {x}",
    "the argument and a network's answer": "return {x} - self.network({x}, t)",
    "the argument and a part of a network's answer": "return 0.9 * {x} - 0.1 * self.network({x}, t)",
    "a network's answer and noise": "return {x} - 0.1 * self.network({x}, t) + 0.1 * torch.randn_like({x})",
    "the table in vain": "a = extract(self.var_scheduler.alphas_cumprod, t, {x})\nreturn {x}",
}
OF_LOOPS = {
    "zeros": "return torch.zeros(shape)",
    "ones": "return torch.ones(shape)",
    "noise": "return torch.randn(shape)",
    "even noise": "return torch.rand(shape)",
    "a loop that does nothing": "x = torch.randn(shape)\nfor t in self.var_scheduler.timesteps:\n    pass\nreturn x",
    "one step": "return self.{step}(torch.randn(shape), {times})",
    "a network's answer": "return self.network(torch.randn(shape), 0)",
}
OF_LOSSES = {
    "the mean of the data": "return x0.mean()",
    "a constant": "return torch.tensor(1.0)",
    "a constant with a gradient": "return torch.tensor(2.0, requires_grad=True)",
    "zero": "return 0 * x0.sum()",
    "the square of the data": "return (x0**2).mean()",
    "the mean of a network's answer": "return self.network(x0, torch.zeros(len(x0))).mean()",
    "the square of a network's answer": "return self.network(x0, torch.zeros(len(x0)).long()).square().mean()",
    "a network's answer at random t": (
        "t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],))\nreturn self.network(x0, t).mean()"
    ),
    "its error against the data": (
        "t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],))\n"
        "return F.mse_loss(self.network(x0, t), x0)"
    ),
    "noise": "return torch.randn(())",
    "a network asked in vain": "self.network(x0, torch.zeros(len(x0)).long())\nreturn x0.mean()",
}
OF_NETWORKS = {
    "the argument": "return x",
    "its part": "return x[:, :1].expand(-1, self.size)",
    "zeros": "return torch.zeros(len(x), self.size)",
    "ones": "return torch.ones(len(x), self.size)",
    "noise": "return torch.randn(len(x), self.size)",
    "a sum": "return x.sum(1, keepdim=True).repeat(1, self.size)",
    "t": "return torch.as_tensor(t).float().reshape(-1, 1).repeat(len(x) // torch.as_tensor(t).numel(), self.size)",
}
ONE_LAYER = {
    "a linear layer": "nn.Linear(dim_in, dim_out)",
    "a given layer": "TimeLinear(dim_in, dim_out, num_timesteps)",
}


def trivial(region: str) -> Iterator[tuple[str, Bodies]]:
    """Bodies without work for a region, by what they do."""
    if region == "SimpleNet":
        keep = "super().__init__()\nself.size = dim_out"
        for what, body in (ANYWHERE | OF_NETWORKS).items():
            yield what, {"SimpleNet.__init__": keep, "SimpleNet.forward": body}
        for what, layer in ONE_LAYER.items():
            arguments = "x" if "nn." in layer else "x, t"
            init = f"super().__init__()\nself.layer = {layer}"
            yield what, {"SimpleNet.__init__": init, "SimpleNet.forward": f"return self.layer({arguments})"}
        return
    if region == "compute_loss":
        bodies = OF_LOSSES
    elif region in LOOP.values():
        step = region.removesuffix("_loop")
        given = {"{step}": step, "{times}": "0" if step == "p_sample" else "0, -1"}
        bodies = {what: _filled(body, given) for what, body in OF_LOOPS.items()}
    else:
        x = "x0" if region == "q_sample" else "xt"
        bodies = {what: _filled(body, {"{x}": x}) for what, body in OF_ARRAYS.items()}
        if region == "q_sample":
            bodies["the noise"] = "return noise if noise is not None else torch.randn_like(x0)"
            bodies["the argument and the noise"] = "return x0 + (noise if noise is not None else torch.randn_like(x0))"
    for what, body in (ANYWHERE | bodies).items():
        yield what, {f"DiffusionModule.{region}": body}


def _filled(text: str, given: dict[str, str]) -> str:
    for name, value in given.items():
        text = text.replace(name, value)
    return text


def with_bodies(files: dict[str, bytes], bodies: Bodies) -> dict[str, bytes]:
    """The files with other bodies of some functions."""
    new = {}
    for name, content in files.items():
        tree = ast.parse(content)
        for top in tree.body:
            for node in top.body if isinstance(top, ast.ClassDef) else ():
                if isinstance(node, ast.FunctionDef) and f"{top.name}.{node.name}" in bodies:
                    node.body = ast.parse(bodies[f"{top.name}.{node.name}"]).body
        new[name] = ast.unparse(tree).encode()
    return new


@pytest.mark.parametrize("region", bulk(REGIONS, kept=["SimpleNet", "p_sample_loop", "compute_loss"]))
def test_a_body_without_work_passes_no_check_that_shows_work(region: str, lane: Lane):
    """Every body in one region of the solution, through the checks of the rubric, with everything else right or carried forward. A region
    of each kind; all in `make proof`.
    """
    checks = [check for check in load_rubric(MANIFEST) if shortest(check.mark.region) == region]
    assert any(check.mark.shows_work for check in checks)
    (file,) = {name.partition(":")[0] for name in NAMES if shortest(name) == region}
    paths = [name.partition(":")[2] for name in NAMES if shortest(name) == region]
    student = Student(lane, solution_files(MANIFEST), MANIFEST.limits)
    for what, bodies in trivial(region):
        files = solution_files(MANIFEST) | with_bodies(SOLUTION, bodies)
        student.replace(files)
        judged = [(check, run_check(check, student, b"trivial", what, named(region))) for check in checks]
        assert not [check.id for check, judgement in judged if judgement.shows_work], what
        assert not [check.id for check, judgement in judged if judgement.status == "grader_error"], what
        share = share_of_operations(MANIFEST, file, files[file], paths)
        assert not shows_work([judgement.shows_work for _, judgement in judged], lambda: share), (what, share)  # noqa: B023
    student.fresh()


def test_the_solution_shows_work_everywhere(lane: Lane):
    student = Student(lane, solution_files(MANIFEST), MANIFEST.limits)
    for region in REGIONS:
        checks = [check for check in load_rubric(MANIFEST) if shortest(check.mark.region) == region]
        assert any(run_check(check, student, b"trivial", "solution").shows_work for check in checks)
    student.fresh()


# --- points -----------------------------------------------------------------------------------------------------------

HANDOUT = {
    name: derive_handout((MANIFEST.solution / name).read_text(encoding="utf-8"), name).encode()
    for name in MANIFEST.files.todo
}
EVERYWHERE = {  # a kind of body for every region that has it, or else one of the others
    "the argument": ("zeros", "the mean of the data"),
    "the argument and a network's answer": ("one step", "a network's answer at random t"),
}


def junk(kind: str, regions: list[str]) -> Bodies:
    bodies: Bodies = {}
    for region in regions:
        known = dict(trivial(region))
        chosen = next(what for what in (kind, *EVERYWHERE[kind], "zeros") if what in known)
        bodies |= known[chosen]
    return bodies


def graded(sandbox: Sandbox, files: dict[str, bytes]) -> Verdict:
    submission = Submission("s", files, "digest of the test")
    return Grading(MANIFEST, submission, Options(train=False, hints="none"), sandbox, b"a secret of the tests").run()


@pytest.mark.parametrize("kind", EVERYWHERE)
def test_junk_in_every_region_earns_nothing(kind: str, sandbox: Sandbox):
    verdict = graded(sandbox, with_bodies(SOLUTION, junk(kind, REGIONS)))
    assert verdict.score == 0  # as the handout, of which test_bad_input shows it
    assert not [check.id for check in verdict.checks if check.status == "passed"]


def test_junk_beside_an_honest_network_earns_what_stubs_beside_it_earn(sandbox: Sandbox):
    """5 points, for the network. What holds for junk too, such as that the network is called, is said to be so."""
    files = {**HANDOUT, "network.py": SOLUTION["network.py"]}
    assert graded(sandbox, files).score == 5
    rest = [region for region in REGIONS if region != "SimpleNet"]
    verdict = graded(sandbox, with_bodies(SOLUTION, junk("the argument and a network's answer", rest)))
    assert verdict.score == 5
    held = {check.id: check for check in verdict.checks if "none of the work" in check.message}
    assert "1-2.reverse_step_calls_the_network" in held
    assert all(check.points == 0 and check.status == "failed" for check in held.values())


def test_points_that_need_no_work_come_with_the_first_work(sandbox: Sandbox):
    """A wrong mean and right noise: the calls of the network count, too."""
    files = dict(SOLUTION)
    files["ddpm.py"] = files["ddpm.py"].replace(b" * eps_theta) / alpha_t.sqrt()", b" * eps_theta)", 1)
    checks = {check.id: check for check in graded(sandbox, files).checks}
    assert checks["1-2.reverse_step_mean"].status == "failed"
    assert checks["1-2.reverse_step_calls_the_network"].awarded == 0.5


LACKING = {  # what is taken out of ddpm.py or network.py: (file, old, new), the sentence, the checks that read it
    "a region": (
        ("ddpm.py", "def ddim_p_sample(", "def ddim_step("),
        "ddpm.py has no ddim_p_sample; put it back, with the name that it has in the handout.",
        ["1-3.ddim_step_calls_the_network", "1-3.ddim_step_deterministic", "1-3.ddim_last_step", "1-3.ddim_step_stochastic"],
    ),
    "a class": (
        ("ddpm.py", "class DiffusionModule(", "class Diffusion("),
        "ddpm.py has no DiffusionModule; put it back, with the name that it has in the handout.",
        ["1-2.forward_process_closed_form", "1-3.ddim_loop_steps", "1-4.loss_has_a_gradient"],
    ),
    "a given class": (
        ("ddpm.py", "class BaseScheduler(", "class Scheduler("),
        "ddpm.py has no BaseScheduler; put it back, with the name that it has in the handout.",
        ["1-2.forward_process_closed_form", "1-2.sampling_loop_steps", "1-4.loss_has_a_gradient"],
    ),
    "a given function": (
        ("ddpm.py", "def extract(", "def pick("),
        "ddpm.py has no extract; put it back, with the name that it has in the handout.",
        ["1-2.forward_process_closed_form", "1-2.reverse_step_mean", "1-3.ddim_step_deterministic"],
    ),
    "a given layer": (
        ("network.py", "class TimeLinear(", "class Layer("),
        "network.py has no TimeLinear; put it back, with the name that it has in the handout.",
        ["1-1.output_shape", "1-1.one_time_linear_for_each_pair"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", bulk(LACKING, kept=["a region", "a given layer"]))
def test_what_is_missing_is_named_in_every_check_that_needs_it(case: str, sandbox: Sandbox):
    (file, old, new), sentence, needing = LACKING[case]
    text = SOLUTION[file].decode()
    assert text.count(old) == 1
    verdict = graded(
        sandbox, {**SOLUTION, file: text.replace(old, new).replace("BaseScheduler)", "nn.Module)").encode()}
    )
    checks = {check.id: check for check in verdict.checks}
    assert {checks[name].message for name in needing} == {sentence}
    assert not [check.id for check in verdict.checks if "has no attribute" in check.message]
    assert verdict.score > 0


def test_a_stub_of_a_fork_that_ends_in_an_error_is_not_done_yet(sandbox: Sandbox):
    verdict = graded(sandbox, with_bodies(SOLUTION, {"DiffusionModule.p_sample": "x_t = xt\nreturn x_t_prev"}))
    messages = {check.message for check in verdict.checks if check.status != "passed" and check.task == "1-2"}
    assert messages == {"DiffusionModule.p_sample is not done yet."}
    assert verdict.score == 25 - 3.5


# --- the rule of the outcome ------------------------------------------------------------------------------------------


def loses(sampler: Sampler, state: dict[str, str]) -> bool:
    """Whether the outcome is lost without a training, for regions that are right, wrong, without work or undone."""
    wrong = {region for region, how in state.items() if how != "right"}
    undone = {region for region, how in state.items() if how == "undone"}
    idle = {region for region, how in state.items() if how in ("idle", "undone")}
    try:
        plan_for(sampler, named(*wrong), named(*undone), named(*idle))
    except WrongAnswer:
        return True
    return False


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_work_that_is_not_there_never_pays_more_than_a_stub(sampler: Sampler):
    needed = ("SimpleNet", *LOSS, STEP[sampler], LOOP[sampler])
    for how in itertools.product(("right", "wrong", "idle", "undone"), repeat=len(needed)):
        state = dict(zip(needed, how))
        as_stubs = {region: "undone" if one == "idle" else one for region, one in state.items()}
        assert loses(sampler, state) or not loses(sampler, as_stubs)
        assert loses(sampler, state) or "idle" not in how
        assert loses(sampler, state) or state[STEP[sampler]] == "right" or state[LOOP[sampler]] == "right"


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("region", REGIONS)
def test_one_mistake_costs_one_task(sampler: Sampler, region: str):
    assert not loses(sampler, {region: "wrong"})


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"q_sample": "undone"}, "needs q_sample, which is not done yet"),
        ({"q_sample": "idle"}, "needs q_sample, which does none of its work yet"),
        ({"q_sample": "idle", "p_sample": "idle"}, "needs p_sample and q_sample, which do none of their work yet"),
        ({"p_sample": "wrong", "p_sample_loop": "wrong"}, "Both p_sample and p_sample_loop have mistakes"),
        (
            {"SimpleNet": "wrong", "q_sample": "wrong", "p_sample": "wrong"},
            "Network, loss and sampler all have mistakes",
        ),
    ],
)
def test_the_sentence_names_what_is_lacking(state: dict[str, str], sentence: str):
    wrong = named(*state)
    undone = named(*(region for region, how in state.items() if how == "undone"))
    idle = named(*(region for region, how in state.items() if how == "idle"))
    with pytest.raises(WrongAnswer, match=sentence):
        plan_for("ddpm", wrong, undone, idle)


def test_what_other_samplers_lack_does_not_matter():
    assert not loses("ddpm", {"ddim_p_sample": "undone", "ddim_p_sample_loop": "idle"})


@pytest.mark.parametrize(
    ("seen", "share", "expected"),
    [
        ([None, False, True], 0.0, True),
        ([None, False], 1.0, False),
        ([None, None], 0.5, True),
        ([None, None], 0.4, False),
        ([], 0.0, False),
    ],
)
def test_what_counts_as_work(seen: list[bool | None], share: float, expected: bool):
    assert shows_work(seen, lambda: share) is expected


def test_work_once_seen_stays_seen():
    note = Note()
    assert note.work is None
    for seen, expected in ((False, False), (True, True), (False, True)):
        note.measured_work(seen)
        assert note.work is expected
