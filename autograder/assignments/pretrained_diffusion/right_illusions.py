"""Right anagrams and hybrids of many shapes, and the forms in which code takes two prompts."""

from autograder.assignments.pretrained_diffusion.loop_parts import (
    BLUR,
    FILE,
    FLIP,
    HYBRID,
    PASSES,
    THREE,
    UP,
    asks,
    body,
    four,
)
from autograder.grading.mutants import Variant

_FLIP_DEF = "def make_flip_illusion(image, i_start, prompt_embeds_1, prompt_embeds_2, uncond_prompt_embeds, timesteps, scale=7, display=True):"
_HYBRID_DEF = "def make_hybrids(image, i_start, prompt_embeds_1, prompt_embeds_2, uncond_prompt_embeds, timesteps, scale=7, display=True):"
_FLIP, _TURN = "torch.flip({}, [2])", "torch.rot90({}, 2, dims=[2, 3])"


def _one_argument(text: str) -> str:
    return text.replace("prompt_embeds_1, prompt_embeds_2", "prompts").replace(
        "uncond_prompt_embeds", "uncond_prompt_embeds"
    )


def _two(setup: str) -> tuple[dict[str, str], dict[str, tuple[tuple[str, str], ...]]]:
    """Both functions with one argument for both prompts."""
    bodies = {FLIP: body(four(_FLIP) + UP, "image", setup=setup), HYBRID: body(THREE + PASSES, "image", setup=setup)}
    return bodies, {FILE: ((_FLIP_DEF, _one_argument(_FLIP_DEF)), (_HYBRID_DEF, _one_argument(_HYBRID_DEF)))}


_UNPACKED = _two("prompt_embeds_1, prompt_embeds_2 = prompts")
_LISTED = _two("assert isinstance(prompts, list); prompt_embeds_1, prompt_embeds_2 = prompts[0], prompts[1]")
_BY_NAME = _two("prompt_embeds_1, prompt_embeds_2 = prompts['upright'], prompts['upside down']")
_BY_NAME_BACK = _two("prompt_embeds_2 = prompts['second']; prompt_embeds_1 = prompts['first']")

ILLUSIONS: tuple[Variant, ...] = (
    Variant(
        "half-turn",
        "upside down as a half turn; the variance is the second's, turned back",
        bodies={FLIP: body(four(_TURN) + "variance = torch.rot90(c2[:, 3:], 2, dims=(2, 3))", "image")},
    ),
    Variant(
        "anagram-mean-of-variances",
        "the mean of both variances, and the turned x asked first",
        bodies={
            FLIP: body(
                f"turned = image.flip(-2); c2 = {asks('turned', 'prompt_embeds_2')}; u2 = {asks('turned', 'uncond_prompt_embeds')}; "
                f"c1 = {asks('image', 'prompt_embeds_1')}; u1 = {asks('image', 'uncond_prompt_embeds')}; "
                "e1, e2 = u1 + scale * (c1 - u1), u2 + scale * (c2 - u2); "
                "eps = torch.stack([e1[:, :3], e2[:, :3].flip(-2)]).mean(0); variance = (c1[:, 3:] + c2[:, 3:].flip(-2)) / 2",
                "image",
            )
        },
    ),
    Variant(
        "anagram-in-one-batch",
        "one question about a batch of four",
        bodies={
            FLIP: body(
                "x = torch.cat([image, image, image.flip(2), image.flip(2)]); "
                "p = torch.cat([uncond_prompt_embeds, prompt_embeds_1, uncond_prompt_embeds, prompt_embeds_2]); "
                "u1, c1, u2, c2 = stage_1.unet(x, t, encoder_hidden_states=p, return_dict=False)[0].chunk(4); variance = c1[:, 3:]; "
                "eps = (u1 + scale * (c1 - u1) + (u2 + scale * (c2 - u2)).flip(2))[:, :3] / 2",
                "image",
            )
        },
    ),
    Variant(
        "hybrid-low-pass-of-the-difference",
        "the low pass of ε_1 − ε_2, and ε_2; the variance of prompt 2; ε_u twice",
        bodies={
            HYBRID: body(
                THREE
                + f"u_again = {asks('image', 'uncond_prompt_embeds')}; e2 = u_again[:, :3] + scale * (c2 - u_again)[:, :3]; "
                + f"eps = e2 + {BLUR.format('(e1 - e2)')}; variance = c2[:, 3:]",
                "image",
            )
        },
    ),
    Variant(
        "two-prompts-as-a-pair",
        "the two prompts are one argument, which is unpacked",
        bodies=_UNPACKED[0],
        edits=_UNPACKED[1],
    ),
    Variant("two-prompts-as-a-list", "the two prompts are a list", bodies=_LISTED[0], edits=_LISTED[1]),
    Variant("two-prompts-by-name", "the two prompts are a dictionary", bodies=_BY_NAME[0], edits=_BY_NAME[1]),
    Variant(
        "two-prompts-by-name-the-second-first",
        "a dictionary whose second prompt is looked up first",
        bodies=_BY_NAME_BACK[0],
        edits=_BY_NAME_BACK[1],
    ),
    Variant(
        "other-names-of-arguments",
        "the scale is called gamma, nothing is shown",
        bodies={
            FLIP: body((four(_FLIP) + UP).replace("scale", "gamma"), "image"),
            HYBRID: body((THREE + PASSES).replace("scale", "gamma"), "image"),
        },
        edits={
            FILE: (
                (_FLIP_DEF, _FLIP_DEF.replace("scale=7, display=True", "gamma=7")),
                (_HYBRID_DEF, _HYBRID_DEF.replace("scale=7, display=True", "gamma=7.0, **settings")),
            )
        },
    ),
)
