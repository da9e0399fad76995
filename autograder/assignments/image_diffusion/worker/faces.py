"""Stands in for faces.py while a submission is graded: there, no data is drawn. Every name of it can be imported, and none can be used."""

from typing import Any

CATEGORIES = ("cat", "dog", "wild")
NOTICE = "While a submission is graded, there is no stand-in for AFHQ.\n"


class Refused:
    """What a name of faces.py is here."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError(
            f"faces.py draws data, and there is none of it while your code is graded: {self.name} cannot be used. Samples come from the "
            "network alone; take this out of your sampler."
        )


def __getattr__(name: str) -> Refused:
    if name.startswith("__"):
        raise AttributeError(name)
    return Refused(name)
