"""Stands in for face_traits.py while a submission is graded: there, no data is drawn. Every name of it can be imported, and none can be used."""

from typing import Any


class Refused:
    """What a name of face_traits.py is here."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError(
            f"face_traits.py draws data, and there is none of it while your code is graded: {self.name} cannot be used. Samples come from the "
            "network alone; take this out of your sampler."
        )


def __getattr__(name: str) -> Refused:
    if name.startswith("__"):
        raise AttributeError(name)
    return Refused(name)
