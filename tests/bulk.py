"""Large families of cases: `make test` tries one of each kind, `make proof` all the others."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytest


def bulk(cases: Iterable[Any], kept: Collection[str], name: Callable[[Any], str] = str) -> list[Any]:
    """The cases as parameters of a test, called by `name`: those `kept` run in `make test`, the others in `make proof`.

    Raises ValueError for a kept name that no case has, since a case under a new name would leave `make test` without a word.
    """
    named = {name(case): case for case in cases}
    if unknown := set(kept) - named.keys():
        raise ValueError(f"no case is called {min(unknown)!r}; there are {', '.join(sorted(named))}")
    return [pytest.param(case, id=id, marks=() if id in kept else pytest.mark.proof) for id, case in named.items()]
