"""How a network is called and in which form it answers, in any course: (x), (x, t), (x, c, t, mask), keywords, a tuple, an object.

Signature(("x", "c", "t", "mask"), defaults={"mask": None})                              CS180's UNet
Signature(("x", "t", "c", "return_dict"), {"return_dict": True},
          aliases={"sample": "x", "timestep": "t", "encoder_hidden_states": "c"}, result=as_diffusers)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograder.sandbox.failures import GraderHangup

Given = Mapping[str, Any]  # the arguments of a call, by name
Result = Callable[[Any, Given], Any]  # the network's answer, an array, in the form of the course


def as_tensor(answer: Any, given: Given) -> Any:
    """The tensor itself."""
    return answer


def as_tuple(answer: Any, given: Given) -> Any:
    """(tensor,)."""
    return (answer,)


def as_diffusers(answer: Any, given: Given) -> Any:
    """An object with the attribute `sample`, which is also its item 0; with return_dict=False a tuple of one."""
    return {"sample": answer} if given.get("return_dict", True) else (answer,)


@dataclass(frozen=True)
class Signature:
    """`names`: of the arguments, in order; x is a batch. `defaults`: of those that may be left out. `aliases`: other names of keywords.

    `result`: the form of the answer. A dictionary arrives in the worker as an object whose attributes and items are its values.
    """

    names: tuple[str, ...] = ("x", "t")
    defaults: Given = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    result: Result = as_tensor

    def bind(self, args: Sequence[Any], kwargs: Given) -> dict[str, Any]:
        """The arguments by name. A keyword of an unknown name takes the first place that is free. Raises GraderHangup where they do not fit."""
        given = dict(zip(self.names, args))
        named = {self.aliases.get(name, name): value for name, value in kwargs.items()}
        fits = len(args) <= len(self.names) and len(named) == len(kwargs) and not given.keys() & named.keys()
        given |= {name: value for name, value in named.items() if name in self.names}
        free = [name for name in self.names if name not in given]
        others = [value for name, value in named.items() if name not in self.names]
        given |= dict(zip(free, others))
        lacking = [name for name in self.names if name not in given and name not in self.defaults]
        if not fits or len(others) > len(free) or lacking or not isinstance(given.get("x"), np.ndarray):
            count = len(args) + len(kwargs)
            one = f"{count} argument{'' if count == 1 else 's'}"
            raise GraderHangup(f"the network takes {_listed(self.names)}, and was called with {one}")
        return {name: given[name] if name in given else self.defaults[name] for name in self.names}

    def recording(self) -> tuple["Signature", list[Given]]:
        """The same, and a list to which every call that is answered adds its arguments."""
        kept: list[Given] = []

        def result(answer: Any, given: Given) -> Any:
            kept.append(given)
            return self.result(answer, given)

        return replace(self, result=result), kept


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
