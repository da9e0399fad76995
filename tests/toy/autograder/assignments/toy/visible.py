"""The visible checks."""

from autograder.kit.checks import Code, Compare, visible


@visible("1", region="plain/step.py:step", where="the handout, task 1")
def plain_numbers(code: Code, compare: Compare) -> None:
    """`step` gives the number of the worked example."""
    compare("x", code.module("plain.step").step(lambda x, t, label: 8 * x, 1.0, 0.0))


@visible("2", region="guided/step.py:step", where="the handout, task 2")
def guided_numbers(code: Code, compare: Compare) -> None:
    """`step` with guidance gives the number of the worked example."""
    compare("x", code.module("guided.step").step(lambda x, t, label: 8.0 * (label or 0), 1.0, 0.0, 3.0))
