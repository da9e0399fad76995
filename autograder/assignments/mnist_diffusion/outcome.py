"""Placeholder: replaced when the branches are joined."""

from typing import Any


class Outcome:
    def __init__(self, context: Any) -> None: ...

    def start(self) -> None: ...

    def close(self) -> None: ...

    def notices(self) -> list[Any]:
        return []

    def figures(self) -> list[Any]:
        return []
