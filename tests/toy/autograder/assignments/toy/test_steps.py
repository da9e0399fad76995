"""Both steps, around a network of three arguments that the grader answers."""

from autograder.grading.checks import expect, expect_near, task

SIZE = 0.125


def answered(student, draw, calls):
    """A network a x + b t + c label with secret numbers, in the worker, and here."""
    a, b, c = (float(number) for number in draw.normal(3))

    def network(x, t, label):
        calls.append(label)
        return a * x + b * t + c * (label or 0)

    return student.function(network), lambda x, t, label: a * x + b * t + c * (label or 0)


@task("1", points=2, region="plain/step.py:step", shows_work=True)
def test_plain(student, draw, note):
    """`step` moves x by SIZE times what the network says without a label."""
    calls = []
    network, exact = answered(student, draw, calls)
    x, t = (float(number) for number in draw.normal(2))
    got = student.module("plain.step").call("step", network, x, t)
    expect(isinstance(got, float), f"step must return a number; yours returns {type(got).__name__}.")
    note("x", got, 1e-9)
    expect_near(got, x + SIZE * exact(x, t, None), 1e-9, "The new x must be x + SIZE · network(x, t, None).")
    expect(calls == [None], f"step must ask the network once, without a label; yours asks {len(calls)} times.")


@task("2", points=3, region="guided/step.py:step", shows_work=True)
def test_guided(student, draw, note):
    """`step` with guidance goes beyond the label by the weight w."""
    network, exact = answered(student, draw, [])
    x, t, w = (float(number) for number in draw.normal(3))
    got = student.module("guided.step").call("step", network, x, t, w)
    expect(isinstance(got, float), f"step must return a number; yours returns {type(got).__name__}.")
    note("x", got, 1e-9)
    without, labelled = exact(x, t, None), exact(x, t, 1)
    expect_near(got, x + SIZE * (without + w * (labelled - without)), 1e-9, "The new x must follow u + w (c − u).")
