"""Known wrong versions of flow_matching.py. Those that judges/formulas has a formula for are recognised by it, and are its proof."""

from collections.abc import Callable

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
Maker = Callable[..., Misconception]
_T = "t = torch.rand(x_1.shape[0], device=x_1.device)"
_NOISE, _DATA = "(1 - t)[:, None, None, None] * x_0", "+ t[:, None, None, None] * x_1"
_MASK = "(torch.rand(x_1.shape[0], device=x_1.device) >= p_uncond).to(x_1.dtype)"

_IN_BOTH_LOSSES: dict[str, Edits] = {
    "t-not-divided": (
        (_T, "t = torch.randint(0, num_ts, (len(x_1),)).float()"), (_NOISE, f"(1 - t / num_ts){_NOISE[7:]}"), (_DATA, f"+ (t / num_ts){_DATA[3:]}"),
    ),
    "one-t-for-the-batch": ((_T, "t = torch.rand(1).expand(len(x_1))"),),
    "data-and-noise-swapped": ((_NOISE, _NOISE.replace("(1 - t)", "t")), (_DATA, _DATA.replace("+ t", "+ (1 - t)"))),
    "path-with-roots": ((_NOISE, _NOISE.replace("(1 - t)", "(1 - t).sqrt()")), (_DATA, _DATA.replace("+ t", "+ t.sqrt()"))),
    "noise-not-scaled": ((_NOISE, "x_0"),),
    "uniform-start": (("torch.randn_like(x_1)", "torch.rand_like(x_1)"),),
    "network-fed-data": (("unet(x_t,", "unet(x_1,"),),
    "same-noise-at-every-call": (("x_0 =", "torch.manual_seed(0)\nx_0 ="), (_T, f"torch.seed()\n{_T}")),
    "target-reversed": (("x_1 - x_0)", "x_0 - x_1)"),),
    "target-is-data": (("x_1 - x_0)", "x_1)"),),
    "target-from-here": (("x_1 - x_0)", "x_1 - x_t)"),),
    "sum-for-mean": (("x_1 - x_0)", 'x_1 - x_0, reduction="sum")'),),
    "absolute-error": (("mse_loss", "l1_loss"),),
}  # fmt: skip

_SEEDED = "generator=torch.Generator(device).manual_seed(seed), "
_LOOP, _TIME = "for i in range(num_ts):", "i / num_ts, device"
_WHILE = """t, times = 0.0, []
while t < 1:
    times.append(t)
    t += 1 / num_ts
for i in [t * num_ts for t in times]:"""
_IN_BOTH_SAMPLERS: dict[str, Edits] = {
    "one-step-too-many": ((_LOOP, _WHILE),),
    "last-step-missing": ((_LOOP, "for i in range(num_ts - 1):"),),
    "first-step-missing": ((_LOOP, "for i in range(1, num_ts):"),),
    "times-one-step-late": ((_TIME, "(i + 1) / num_ts, device"),),
    "times-backwards": ((_TIME, "1 - i / num_ts, device"),),
    "times-stretched-to-1": ((_TIME, "i / (num_ts - 1), device"),),
    "times-not-divided": ((_TIME, "float(i), device"),),
    "start-uniform": (("torch.randn(", "torch.rand("),),
    "seed-ignored": ((_SEEDED, ""),),
    "seed-fixed": ((".manual_seed(seed)", ".manual_seed(0)"),),
}


def _in_both(*makers: tuple[str, Maker], edits: dict[str, Edits]) -> tuple[Misconception, ...]:
    return tuple(make(f"{prefix}-{id}", edits=change) for prefix, make in makers for id, change in edits.items())


_TIME_V = "x = x + unet(x, torch.full((len(x),), i / num_ts, device=device)) / num_ts"
_V = "(v_u + guidance_scale * (v_c - v_u))"
_CALLS = "unet(x, c, t, without), unet(x, c, t, 1 - without)"
_UPDATE = f"x = x + {_V} / num_ts"

FLOW: tuple[Misconception, ...] = (
    *_in_both(("flow", _time_loss), ("class-flow", _class_loss), edits=_IN_BOTH_LOSSES),
    _time_loss("flow-t-in-half-of-the-range", edits=((_T, f"{_T} / 2"),)),
    _time_loss("flow-t-crowded-at-the-start", edits=((_T, f"{_T} ** 2"),)),
    _time_loss("flow-data-not-scaled", edits=((_DATA, "+ x_1"),)),
    _time_loss("flow-network-fed-noise", edits=(("unet(x_t,", "unet(x_0,"),)),
    _time_loss("flow-target-is-noise", edits=(("x_1 - x_0)", "x_0)"),)),
    _time_loss("flow-target-is-x-t", edits=(("x_1 - x_0)", "x_t)"),)),
    _time_loss("flow-loss-halved", edits=(("return F", "return 0.5 * F"),)),
    _time_loss("flow-loss-for-each-row", edits=(("x_1 - x_0)", 'x_1 - x_0, reduction="none").flatten(1).mean(1)'),)),
    _time_loss(
        "flow-gradient-cut",
        "No gradient seems to come back through the network's answer. Look for detach, item or no_grad.",
        edits=(("unet(x_t, t)", "unet(x_t, t).detach()"),),
    ),
    _time_loss("flow-return-forgotten", "time_fm_forward seems to return nothing. Look at its last line.", edits=(("return F", "F"),)),
    _class_loss("class-flow-mask-inverted", edits=((" >= p_uncond", " < p_uncond"),)),
    _class_loss("class-flow-never-dropped", edits=(("unet(x_t, c, t, mask)", "unet(x_t, c, t)"),)),
    _class_loss("class-flow-exact-share-dropped", edits=((_MASK, "(torch.randperm(len(x_1)) >= int(p_uncond * len(x_1))).to(x_1.dtype)"),)),
    _class_loss("class-flow-dropped-at-a-fixed-rate", edits=((" >= p_uncond", " >= 0.1"),)),
    _class_loss("class-flow-dropped-by-batches", edits=((_MASK, "(torch.rand(1) >= p_uncond).to(x_1.dtype).expand(len(x_1))"),)),
    _class_loss(
        "class-flow-mask-of-t",
        "One random number seems to decide on t and on the mask. Labels are then dropped at some t only; draw another one for the mask.",
        edits=((_MASK, "(t >= p_uncond).to(x_1.dtype)"),),
    ),
    _class_loss(
        "class-flow-class-0-for-none",
        "Dropped labels seem to arrive at the network as class 0, which is a digit as any other. The mask tells it that there is no label.",
        edits=(("unet(x_t, c, t, mask)", "unet(x_t, (c * mask).long(), t)"),),
    ),
    _class_loss(
        "class-flow-labels-of-others",
        "The network seems to be told labels that belong to other images. Look at what becomes of c.",
        edits=(("unet(x_t, c,", "unet(x_t, c.flip(0),"),),
    ),
    _class_loss(
        "class-flow-one-hot-as-long-as-the-largest-label",
        "Your one-hot vectors seem to be as long as the largest label of the batch has it. Give F.one_hot the number of classes.",
        edits=(("unet(x_t, c,", "unet(x_t, F.one_hot(c).float(),"),),
    ),
    _class_loss(
        "class-flow-gradient-cut",
        "No gradient seems to come back through the network's answer. Look for detach, item or no_grad.",
        edits=(("unet(x_t, c, t, mask)", "unet(x_t, c, t, mask).detach()"),),
    ),
    *_in_both(("flow", _time_sample), ("class-flow", _class_sample), edits=_IN_BOTH_SAMPLERS),
    _time_sample("flow-step-not-divided", edits=((_TIME_V, _TIME_V.removesuffix(" / num_ts")),)),
    _time_sample("flow-step-reversed", edits=(("x = x + unet", "x = x - unet"),)),
    _time_sample("flow-one-start-for-all", edits=(("for i in", "x = x[:1].repeat(16, 1, 1, 1)\nfor i in"),)),
    _time_sample(
        "flow-x-never-updated",
        "Every step seems to begin from the first x again. Look at the name under which you keep the result of a step.",
        edits=(("x = x + unet", "out = x + unet"), ("return x", "return out")),
    ),
    _time_sample(
        "flow-returns-the-start",
        "time_fm_sample seems to return the noise that it started from. Look at its last line.",
        edits=((_LOOP, f"start = x\n{_LOOP}"), ("return x", "return start")),
    ),
    _time_sample(
        "flow-noise-in-every-step",
        "Your steps seem to add noise. In flow matching only the start is random.",
        edits=((_TIME_V, f"{_TIME_V} + torch.randn_like(x) / num_ts"),),
    ),
    _time_sample(
        "flow-fifty-steps",
        "Your sampler seems to take 50 steps, whatever num_ts is. Look for a number in the place of num_ts.",
        edits=((_LOOP, "for i in range(50):"),),
    ),
    _class_sample("class-flow-step-not-divided", edits=((_UPDATE, f"x = x + {_V}"),)),
    _class_sample("class-flow-step-reversed", edits=((_UPDATE, f"x = x - {_V} / num_ts"),)),
    _class_sample("class-flow-guidance-from-the-label", edits=((_V, "(v_c + guidance_scale * (v_c - v_u))"),)),
    _class_sample("class-flow-guidance-swapped", edits=((_V, "(v_c + guidance_scale * (v_u - v_c))"),)),
    _class_sample("class-flow-guidance-left-out", edits=((_V, "v_c"),)),
    _class_sample("class-flow-guidance-without-label", edits=((_CALLS, "unet(x, c, t, without), unet(x, c, t, without)"),)),
    _class_sample("class-flow-guidance-sum", edits=((_V, "(v_u + guidance_scale * v_c)"),)),
    _class_sample("class-flow-guidance-difference-only", edits=((_V, "guidance_scale * (v_c - v_u)"),)),
    _class_sample("class-flow-one-start-for-all", edits=(("without, caches", "x = x[:1].repeat(len(c), 1, 1, 1)\nwithout, caches"),)),
    _class_sample(
        "class-flow-one-hot-as-long-as-the-largest-label-in-sampling",
        "Your one-hot vectors seem to be as long as the largest label of c has it. Give F.one_hot the number of classes.",
        edits=((_CALLS, _CALLS.replace("x, c,", "x, F.one_hot(c).float(),")),),
    ),
    _class_sample(
        "class-flow-class-0-in-guidance",
        "The velocity without a label seems to be that of class 0, which is a digit as any other. The mask tells the network that there is no label.",
        edits=(("unet(x, c, t, without)", "unet(x, torch.zeros_like(c), t)"),),
    ),
    _class_sample(
        "class-flow-other-labels",
        "The network seems to be told other labels than those that are asked for. Look at what becomes of c.",
        edits=(("without, caches", "c = c.flip(0)\nwithout, caches"),),
    ),
    _class_sample(
        "class-flow-result-before-the-last-step",
        "class_fm_sample seems to return x as it was before the last step. Look at when the last state is kept.",
        edits=((_UPDATE, f"before = x\n    {_UPDATE}"), ("return x,", "return before,")),
    ),
)  # fmt: skip
