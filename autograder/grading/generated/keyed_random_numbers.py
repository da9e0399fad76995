"""Random numbers of PyTorch that do not depend on the order in which different things are drawn. The worker imports this; the grader never does.

A draw is known by what is drawn, its shape, how many calls of the program's functions came since the generator was seeded last, and how many
such draws there were in this call. So two programs that draw the same things in another order get the same numbers for the same things. What
fills a tensor in place, such as the weights of a new layer, is known by kind and shape alone. Generators that ask the system for a seed get one
in the same way.

WAY names other numbers of the same distribution: the signs of all normal numbers, "normal turned", or of those of the "first" draw of a call, of all
"others", of "vectors" (of one dimension), or of "images" (of more); or the numbers of one kind's next draw, "normal later", "vectors later" or "all
later", as where a program has drawn once before in vain; or, "others repeated", of every second draw after the first of its kind, as where each step
of a sampler draws once in vain; or, "normal exchanged" or "uniform exchanged", of the first two draws of one shape in each other's place. Where HERE
names a function, WAY is about what is drawn while it runs.
"""

import hashlib
import os
import sys
from collections import Counter
from typing import Any

import numpy as np
import torch

WAY, HERE = "as drawn", ""
FOLDER = os.path.join(os.path.dirname(__file__), "")  # "" where the program's files have names without a folder
_one_number, _numpy_generator = torch.rand, np.random.default_rng


class _Seeded:
    """What was drawn of one generator: `counted` in this call, the `calls`-th since it was seeded last."""

    def __init__(self) -> None:
        self.counted: Counter[Any] = Counter()
        self.calls = 0
        self.call: Any = None
        self.left: Any = None
        self.key = b""


_seeded: dict[int, _Seeded] = {}  # by generator


def _call() -> tuple[Any, bool]:
    """The outermost frame of the program's files, which stands for one call from outside, None where there is none; and whether WAY is about it."""
    frame, found, here = sys._getframe(), None, not HERE
    while frame is not None:
        name = frame.f_code.co_filename
        if name != __file__ and name.endswith(".py") and (name.startswith(FOLDER) if FOLDER else not os.path.isabs(name)):
            found, here = frame, here or frame.f_code.co_name == HERE
        frame = frame.f_back  # type: ignore[assignment]
    return found, here


def _generator(kind: str, shape: Any, source: torch.Generator | None) -> tuple[torch.Generator, float]:
    """The generator of one draw, and the sign of its numbers."""
    source = torch.default_generator if source is None else source
    known, state = _seeded.setdefault(id(source), _Seeded()), source.get_state()
    if known.left is None or not torch.equal(state, known.left):  # seeded since the last draw
        known.calls, known.call = 0, None
        known.key = hashlib.sha256(state.numpy().tobytes()).digest()
    call, here = _call()
    if call is not known.call or call is None:
        known.call, known.calls = call, known.calls + 1
        known.counted.clear()
    _one_number((), generator=source)  # so that the same seed, set again, is seen
    known.left = source.get_state()
    place = (kind, tuple(shape))
    is_first, is_vector = not any(one[0] == "normal" for one in known.counted), len(place[1]) < 2
    groups = {"all", kind} | ({"vectors" if is_vector else "images", "first" if is_first else "others"} if kind == "normal" else set())
    known.counted[place] += 1
    count, (whose, _, how) = known.counted[place], (WAY if here else "as drawn").partition(" ")
    if whose in groups and how == "later":
        count += 1
    elif whose in groups and how == "exchanged":
        count = {1: 2, 2: 1}.get(count, count)
    elif (whose, how) == ("others", "repeated"):
        count = 2 * count - 1
    told = (place, 0) if kind.startswith("filled") else (place, count, known.calls)
    key = hashlib.sha256(known.key + repr(told).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 2), -1.0 if whose in groups and how == "turned" else 1.0


def _made(kind: str, original: Any) -> Any:
    """A function that makes a tensor of a given shape."""

    def draw(*args: Any, **kwargs: Any) -> Any:
        size = kwargs["size"] if "size" in kwargs else [a for a in args if not isinstance(a, (int, float, torch.Tensor))][-1:] or args
        shape = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
        generator, sign = _generator(kind, shape, kwargs.get("generator"))
        made = original(*args, **{**kwargs, "generator": generator})
        return made if sign == 1.0 else sign * made

    return draw


def _like(kind: str, original: Any) -> Any:
    """A function that makes a tensor like another one."""

    def draw(input: torch.Tensor, **kwargs: Any) -> Any:
        generator, sign = _generator(kind, input.shape, kwargs.get("generator"))
        settings = {"dtype": input.dtype, **{name: value for name, value in kwargs.items() if name in ("dtype", "requires_grad")}}
        return sign * original(input.shape, **settings, generator=generator)

    return draw


def _in_place(kind: str, original: Any) -> Any:
    """A method that fills a tensor."""

    def fill(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        generator, _ = _generator(kind, self.shape, kwargs.get("generator"))
        return original(self, *args, **{**kwargs, "generator": generator})

    return fill


def _seed() -> int:
    """In place of one that the system gives."""
    return _generator("seed", (), None)[0].initial_seed()


class _Generator(torch.Generator):
    def seed(self) -> int:
        return self.manual_seed(_seed()).initial_seed()


torch.Generator = _Generator  # type: ignore[misc]
np.random.default_rng = lambda seed=None: _numpy_generator(_seed() if seed is None else seed)
torch.randn_like, torch.rand_like = _like("normal", torch.randn), _like("uniform", torch.rand)
torch.randn, torch.rand = _made("normal", torch.randn), _made("uniform", torch.rand)
torch.randint, torch.randperm = _made("integer", torch.randint), _made("order", torch.randperm)
for _name, _kind in (("normal_", "filled"), ("uniform_", "filled uniform"), ("bernoulli_", "filled bernoulli")):
    setattr(torch.Tensor, _name, _in_place(_kind, getattr(torch.Tensor, _name)))
