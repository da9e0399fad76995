"""Known wrong versions of flow_matching.py. Those that judges/formulas has a formula for are recognised by it, and are its proof."""

from autograder.grading.formulas import named, together
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas.conditions import DROPPING
from autograder.judges.formulas.euler import EULER
from autograder.judges.formulas.flow import FLOW_LOSS

TIME_LOSS, TIME_SAMPLE = named("flow", FLOW_LOSS), named("flow", EULER)
CLASS_LOSS, CLASS_SAMPLE = named("class-flow", together(FLOW_LOSS, DROPPING)), named("class-flow", EULER)
_time_loss = in_region("flow", "flow_matching.py:time_fm_forward", TIME_LOSS)
_time_sample = in_region("flow", "flow_matching.py:time_fm_sample", TIME_SAMPLE)
_class_loss = in_region("flow", "flow_matching.py:class_fm_forward", CLASS_LOSS)
_class_sample = in_region("flow", "flow_matching.py:class_fm_sample", CLASS_SAMPLE)

Edits = tuple[tuple[str, str], ...]
_T = "t = torch.rand(x_1.shape[0], device=x_1.device)"
_FACTORS = "(1 - t)[:, None, None, None] * x_0 + t[:, None, None, None] * x_1"
_MASK = "(torch.rand(x_1.shape[0], device=x_1.device) >= p_uncond).to(x_1.dtype)"

# In both losses: id, edits
_PATHS: tuple[tuple[str, Edits], ...] = (
    ("t-not-divided", ((_T, "t = torch.randint(0, num_ts, (len(x_1),)).float()"), (_FACTORS, _FACTORS.replace("(1 - t)", "(1 - t / num_ts)").replace(" t[", " (t / num_ts)["))),),
    ("data-and-noise-swapped", (("+ t[:, None, None, None] * x_1", "+ (1 - t)[:, None, None, None] * x_1"), ("= (1 - t)[:, None", "= t[:, None"))),
    ("path-with-roots", ((_FACTORS, _FACTORS.replace("(1 - t)", "(1 - t).sqrt()").replace(" t[", " t.sqrt()[")),)),
    ("uniform-start", (("torch.randn_like(x_1)", "torch.rand_like(x_1)"),)),
    ("network-fed-data", (("unet(x_t,", "unet(x_1,"),)),
    ("same-noise-at-every-call", (("x_0 =", "torch.manual_seed(0)\nx_0 ="), (_T, "torch.seed()\n" + _T))),
    ("target-reversed", (("x_1 - x_0)", "x_0 - x_1)"),)),
    ("target-is-data", (("x_1 - x_0)", "x_1)"),)),
    ("sum-for-mean", (("x_1 - x_0)", 'x_1 - x_0, reduction="sum")'),)),
    ("absolute-error", (("mse_loss", "l1_loss"),)),
)  # fmt: skip


def _in_both_losses() -> tuple[Misconception, ...]:
    return tuple(
        make(f"{prefix}-{id}", edits=edits) for prefix, make in (("flow", _time_loss), ("class-flow", _class_loss)) for id, edits in _PATHS
    )


_LOOP = "for i in range(num_ts):"
_TIME = "i / num_ts, device"
# In both samplers: id, edits
_LOOPS: tuple[tuple[str, Edits], ...] = (
    ("last-step-missing", ((_LOOP, "for i in range(num_ts - 1):"),)),
    ("first-step-missing", ((_LOOP, "for i in range(1, num_ts):"),)),
    ("times-one-step-late", ((_TIME, "(i + 1) / num_ts, device"),)),
    ("times-backwards", ((_TIME, "1 - i / num_ts, device"),)),
    ("times-stretched-to-1", ((_TIME, "i / (num_ts - 1), device"),)),
    ("times-not-divided", ((_TIME, "float(i), device"),)),
    ("start-uniform", (("torch.randn(", "torch.rand("),)),
    ("seed-ignored", ((".manual_seed(seed)", ""),)),
    ("seed-fixed", ((".manual_seed(seed)", ".manual_seed(0)"),)),
)


def _in_both_samplers() -> tuple[Misconception, ...]:
    return tuple(
        make(f"{prefix}-{id}", edits=edits)
        for prefix, make in (("flow", _time_sample), ("class-flow", _class_sample))
        for id, edits in _LOOPS
    )


FLOW: tuple[Misconception, ...] = (
    *_in_both_losses(),
    *_in_both_samplers(),
)
