"""Labels are dropped with probability p_uncond (Ho and Salimans 2022, Alg. 1; judges/conditions.py).

Its numbers: "share dropped at 0", "share dropped at 1", and, with inputs["p_uncond"], "share dropped"; "the same number each time", "all or none".
"""

from typing import Any

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake


def _dropping_numbers(p: Any, note: Note) -> Numbers:
    given = {"share dropped at 0": 0.0, "share dropped at 1": 1.0, "share dropped": note.inputs.get("p_uncond")}
    if p.batches():
        return {"share dropped at 0": 0.0, "share dropped at 1": 1.0, "all or none": True}
    found = {name: p.share(value) for name, value in given.items() if value is not None}
    return found | {"the same number each time": p.exact(), "all or none": p.batches()}


DROPPING = Algorithm(
    parts=dict(share=lambda p: p, exact=lambda: False, batches=lambda: False),
    measure=_dropping_numbers,
    mistakes=(
        mistake(
            "mask-inverted",
            "Your mask seems to be the wrong way round: it is to be 0 where a label is dropped. Try p_uncond = 0.",
            share=lambda p: 1 - p,
        ),
        mistake(
            "never-dropped",
            "Your labels seem never to be dropped, so that the network never learns to do without. Look at what becomes of the mask.",
            share=lambda p: 0.0,
            exact=lambda: True,
            batches=lambda: False,
        ),
        mistake(
            "exact-share-dropped",
            "An exact share of each batch seems to lose its labels. Each label is to be dropped by itself, with probability p_uncond.",
            exact=lambda: True,
        ),
        mistake(
            "dropped-at-a-fixed-rate",
            "Your labels seem to be dropped with a probability that is written into the code. It is to be p_uncond.",
            share=lambda p: 0.1,
        ),
        mistake(
            "dropped-by-batches",
            "The labels of a batch seem to be dropped all together, or not at all. Look at how many random numbers you draw.",
            batches=lambda: True,
        ),
    ),
)
