"""NaN and infinities in every argument and every result of the student's functions pass no check, and nothing odd makes the grader fail.

The solution is altered by code at its end that puts a value into what a function returns, or into what it gives the network or the step.
"""


import pytest

from autograder.grading.rubric import load_rubric
from autograder.manifest import load_manifest
from autograder.regions import shortest
from autograder.sandbox.lane import Lane
from tests.bulk import bulk
from tests.check_runs import judge, passed

VALUES = {
    "one NaN": 'spoil(x, float("nan"), 1)',
    "all inf": 'spoil(x, float("inf"), None)',
    "one -inf": 'spoil(x, float("-inf"), 1)',
}
ODD = {
    "None": "None",
    "list": "[1, 2]",
    "text": "'four'",
    "no numbers": "torch.zeros(0, 2)",
    "hollow": "torch.zeros(0, 1000000)",
    "scalar": "torch.tensor(0.5)",
    "integers": "torch.ones(4096, 2, dtype=torch.long)",
    "complex": "torch.ones(4096, 2, dtype=torch.complex64)",
    "bool": "True",
    "huge": "torch.full((4096, 2), 1e300, dtype=torch.float64)",
    "tuple": "(torch.zeros(4096, 2), 1)",
    "large integer": "10**40",
}
SPOIL = """

def spoil(x, value, count):
    if not isinstance(x, torch.Tensor):
        return value
    x = x.clone() if x.is_floating_point() else x.double()
    with torch.no_grad():
        x.view(-1)[:count] = value
    return x

"""
RESULT = """
_right = DiffusionModule.{function}
DiffusionModule.{function} = lambda self, *args, **kwargs: (lambda x: {value})(_right(self, *args, **kwargs))
"""
NETWORK = """
_init = DiffusionModule.__init__
def _spoiled_init(self, network, *args, **kwargs):
    _init(self, network, *args, **kwargs)
    ask = network.forward
    def forward(*given):
        given = list(given)
        given[{place}] = (lambda x: {value})(given[{place}])
        return ask(*given)
    network.forward = forward
DiffusionModule.__init__ = _spoiled_init
"""
CALLED = """
_right = DiffusionModule.{function}
def _spoiled(self, *args, **kwargs):
    ask = self.{called}
    def step(*given, **named):
        given = list(given) + [None] * ({place} - len(given) + 1)
        given[{place}] = (lambda x: {value})(given[{place}])
        return ask(*given, **named)
    self.{called} = step
    return _right(self, *args, **kwargs)
DiffusionModule.{function} = _spoiled
"""
GRADIENT = """
_right = DiffusionModule.compute_loss
def _spoiled(self, x0):
    loss = _right(self, x0)
    loss.register_hook(lambda x: {value})
    return loss
DiffusionModule.compute_loss = _spoiled
"""
# Where a value is put → the regions whose checks all see it, and the code
STEPS = ("p_sample", "ddim_p_sample", "compute_loss")
SITES = {
    **{f"result of {f}": ((f,), RESULT.replace("{function}", f)) for f in ("q_sample", *STEPS)},
    **{f"result of {f}": ((f,), RESULT.replace("{function}", f)) for f in ("p_sample_loop", "ddim_p_sample_loop")},
    "x for the network": (STEPS, NETWORK.replace("{place}", "0")),
    "t for the network": (STEPS, NETWORK.replace("{place}", "1")),
    **{
        f"{what} for {called}": (
            (f,),
            CALLED.replace("{function}", f).replace("{called}", called).replace("{place}", str(place)),
        )
        for f, called, arguments in (
            ("p_sample_loop", "p_sample", ("xt", "t")),
            ("ddim_p_sample_loop", "ddim_p_sample", ("xt", "t", "t_prev", "eta")),
            ("compute_loss", "q_sample", ("x0", "t", "noise")),
        )
        for place, what in enumerate(arguments)
    },
}
KEPT = ["result of p_sample", "x for the network", "t_prev for ddim_p_sample", "noise for q_sample"]  # of each kind of site one


def spoiled(site: str, value: str) -> tuple[tuple[str, ...], str]:
    regions, code = SITES[site]
    return regions, SPOIL + code.replace("{value}", value)


@pytest.mark.parametrize("value", bulk(VALUES, kept=["one NaN"]))
@pytest.mark.parametrize("site", bulk(SITES, kept=KEPT))
def test_nothing_passes_on_numbers_that_are_not_finite(site: str, value: str, lane: Lane) -> None:
    """NaN at a site of each kind here; all sites, and infinities, in `make proof`."""
    regions, code = spoiled(site, VALUES[value])
    judged = judge(lane, regions, appended=code)
    assert judged
    assert not passed(judged), {name: judged[name].message for name in judged}
    assert {judgement.status for judgement in judged.values()} <= {"failed", "broken"}, judged


@pytest.mark.parametrize("site", bulk(SITES, kept=KEPT))
def test_nothing_passes_on_nan_for_images(site: str, lane: Lane) -> None:
    """All sites in `make proof`."""
    regions, code = spoiled(site, VALUES["one NaN"])
    judged = judge(lane, regions, appended=code, assignment="image_diffusion")
    assert judged
    assert {judgement.status for judgement in judged.values()} <= {"failed", "broken"}, judged


@pytest.mark.parametrize("value", VALUES)
def test_a_gradient_that_is_not_finite_is_none(value: str, lane: Lane) -> None:
    judged = judge(lane, ["compute_loss"], appended=SPOIL + GRADIENT.replace("{value}", VALUES[value]))
    assert judged["1-4.loss_has_a_gradient"].status == "failed"
    assert "finite" in judged["1-4.loss_has_a_gradient"].message


NETWORK_RESULT = (
    "_right = SimpleNet.forward\nSimpleNet.forward = lambda self, x, t: (lambda x: {value})(_right(self, x, t))\n"
)
LAYER_GRADIENT = """
_init = SimpleNet.__init__
def _spoiled_init(self, *args):
    _init(self, *args)
    for layer in self.modules():
        if isinstance(layer, TimeLinear):
            layer.fc.weight.register_hook(lambda x: {value})
SimpleNet.__init__ = _spoiled_init
"""
LAYER_SIZE = """
_init = SimpleNet.__init__
def _spoiled_init(self, *args):
    _init(self, *args)
    for layer in self.modules():
        if isinstance(layer, TimeLinear):
            x = layer.dim_in
            layer.dim_in = {value}
SimpleNet.__init__ = _spoiled_init
"""
OF_THE_CONSTRUCTOR = {"1-1.one_time_linear_for_each_pair"}  # calls nothing but it


@pytest.mark.parametrize("value", VALUES)
def test_no_check_of_the_network_passes_on_numbers_that_are_not_finite(value: str, lane: Lane) -> None:
    code = {name: SPOIL + text.replace("{value}", VALUES[value]) for name, text in
            (("result", NETWORK_RESULT), ("gradient", LAYER_GRADIENT), ("size", LAYER_SIZE))}  # fmt: skip
    results = judge(lane, ["SimpleNet"], appended=code["result"], file="network.py")
    assert {name for name, judgement in results.items() if judgement.status == "passed"} == OF_THE_CONSTRUCTOR
    gradients = judge(lane, ["SimpleNet"], appended=code["gradient"], file="network.py")
    assert gradients["1-1.forms_of_t_and_gradients"].status == "failed"
    sizes = judge(lane, ["SimpleNet"], appended=code["size"], file="network.py")
    assert sizes["1-1.one_time_linear_for_each_pair"].status == "failed"
    assert all(j.status != "grader_error" for part in (results, gradients, sizes) for j in part.values())


def test_every_region_is_spoiled() -> None:
    """Each check of behaviour is in the region of some site above, so that a new region cannot be forgotten."""
    spoiled_regions = {region for regions, _ in SITES.values() for region in regions} | {"SimpleNet"}
    for assignment in ("swiss_roll", "image_diffusion"):
        manifest = load_manifest(assignment)
        behaviour = [c for c in load_rubric(manifest) if manifest.task(c.mark.task).kind == "behaviour"]
        assert {shortest(check.mark.region) for check in behaviour} <= spoiled_regions



@pytest.mark.parametrize("site", bulk(SITES, kept=["result of p_sample", "t_prev for ddim_p_sample"]))
def test_no_odd_value_makes_the_grader_fail(site: str, lane: Lane) -> None:
    """What a student causes is the student's, in words. All sites in `make proof`."""
    for name, value in ODD.items():
        regions, code = spoiled(site, value)
        for check, judgement in judge(lane, regions, appended=code).items():
            assert judgement.status in ("failed", "broken", "passed"), (name, check, judgement.message)


OF_THE_NETWORK = {"result": NETWORK_RESULT, "gradient": LAYER_GRADIENT, "size": LAYER_SIZE}


@pytest.mark.parametrize("where", bulk(OF_THE_NETWORK, kept=["result"]))
def test_no_odd_value_of_the_network_makes_the_grader_fail(where: str, lane: Lane) -> None:
    """All places in `make proof`."""
    for name, value in ODD.items():
        judged = judge(lane, ["SimpleNet"], appended=SPOIL + OF_THE_NETWORK[where].replace("{value}", value), file="network.py")
        for check, judgement in judged.items():
            assert judgement.status in ("failed", "broken", "passed"), (name, check, judgement.message)
