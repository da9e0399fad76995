"""Pictures of 64 × 64 pixels that a program draws from a prompt (given; nothing to do here).

    picture = draw("an umbrella", np.random.default_rng(0))     # (64, 64, 3), uint8
    prompt, picture = random_picture(np.random.default_rng(0))  # what the small model is trained on

The vocabulary is PROMPTS. "" and "a high quality photo" say nothing about what there is to see. The brushes (face_painting.py) are those
that another assignment draws animal faces with; palette.py adds colours and light.
"""

from difflib import get_close_matches

import numpy as np

from . import backdrops, pairs, scenes, styles, subjects
from .face_painting import Canvas
from .palette import fill, rgb

SIZE = 64
NULL_PROMPT, PHOTO = "", "a high quality photo"
SUBJECTS = {  # prompt → backdrop, thing
    "an umbrella": (backdrops.rainy_sky, pairs.umbrella),
    "a sailing boat": (backdrops.sea, pairs.sailing_boat),
    "a fir tree": (backdrops.soft_colour, pairs.fir_tree),
    "an ice cream cone": (backdrops.soft_colour, pairs.ice_cream_cone),
    "a man with a beard": (backdrops.soft_colour, pairs.man_with_a_beard),
    "a woman with curly hair": (backdrops.soft_colour, pairs.woman_with_curly_hair),
    "a mushroom": (backdrops.forest_floor, subjects.mushroom),
    "a rocket ship": (backdrops.space, subjects.rocket_ship),
    "a pencil": (backdrops.wall, subjects.pencil),
    "a cat": (backdrops.wall, subjects.cat),
    "a fish": (backdrops.under_water, subjects.fish),
    "a house": (backdrops.outdoors, subjects.house),
    "a skull": (backdrops.dark_wall, subjects.skull),
    "a snowman": (backdrops.snowfield, subjects.snowman),
}
SCENES = scenes.SCENES
CONTENTS = (*SUBJECTS, *SCENES)  # what there can be to see
STYLED = {  # prompt → style, content
    "an oil painting of a house": (styles.oil, "a house"),
    "an oil painting of a cat": (styles.oil, "a cat"),
    "an oil painting of a snowy mountain village": (styles.oil, "a snowy mountain village"),
    "a pencil drawing of a fish": (styles.pencil_drawing, "a fish"),
    "a pencil drawing of a cat": (styles.pencil_drawing, "a cat"),
    "a pencil drawing of a house": (styles.pencil_drawing, "a house"),
}
PROMPTS = (NULL_PROMPT, PHOTO, *CONTENTS, *STYLED)
FLIP_PAIRS = (  # each reads as the one upright and as the other upside down
    ("an umbrella", "a sailing boat"),
    ("a fir tree", "an ice cream cone"),
    ("a man with a beard", "a woman with curly hair"),
)
_OPEN = {NULL_PROMPT: 0.12, PHOTO: 0.10}  # how often; the rest is shared out, and a style counts half a content
_SHARE = (1 - sum(_OPEN.values())) / (len(CONTENTS) + 0.5 * len(STYLED))
PROBABILITIES = tuple(_OPEN.get(prompt, _SHARE * (0.5 if prompt in STYLED else 1.0)) for prompt in PROMPTS)


def content_of(prompt: str) -> str | None:
    """What there is to see, one of CONTENTS; None where the prompt leaves that open. Raises ValueError for an unknown prompt."""
    _must_be_known(prompt)
    return STYLED[prompt][1] if prompt in STYLED else prompt if prompt in CONTENTS else None


def draw(prompt: str, rng: np.random.Generator) -> np.ndarray:
    """A picture of one of PROMPTS, (64, 64, 3), uint8; the same for the same state of `rng`. Raises ValueError for an unknown prompt."""
    _must_be_known(prompt)
    if prompt == NULL_PROMPT:
        prompt = PROMPTS[rng.integers(2, len(PROMPTS))]
    elif prompt == PHOTO:
        prompt = CONTENTS[rng.integers(len(CONTENTS))]
    style, content = STYLED.get(prompt, (None, prompt))
    if content in SCENES:
        canvas = Canvas(SIZE)
        SCENES[content](canvas, rng)
    else:
        angle, shift, scale = rng.uniform(-0.07, 0.07), rng.uniform(-0.06, 0.06, 2), rng.uniform(0.94, 1.06)
        canvas = Canvas(SIZE, angle, shift, scale)
        backdrop, thing = SUBJECTS[content]
        if style is styles.pencil_drawing:
            fill(canvas, rgb("ffffff"))
        else:
            backdrop(canvas, rng)
        thing(canvas, rng)
    if style is not None:
        canvas.image[:] = style(np.clip(canvas.image, 0.0, 1.0), rng)
    return canvas.to_uint8()


def random_picture(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A prompt and a picture of it: things and scenes most of all, "" for 12 % and "a high quality photo" for 10 %."""
    prompt = PROMPTS[rng.choice(len(PROMPTS), p=PROBABILITIES)]
    return prompt, draw(prompt, rng)


def _must_be_known(prompt: str) -> None:
    if prompt not in PROMPTS:
        near = get_close_matches(str(prompt), PROMPTS[1:], n=1, cutoff=0.0)[0]
        raise ValueError(f'{prompt!r} is no prompt of the drawings; the nearest is "{near}". PROMPTS lists all.')
