"""What an answer may mean: of a sampler images alone, images beside states, lists, or the whole trajectory; of others numbers in any form."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, WrongAnswer, expect_finite, expect_tensor
from autograder.sandbox.proxies import Handle, Opaque, Student, describe


def images_in(answer: Any, shape: tuple[int, ...], name: str) -> list[Floats]:
    """What the result may mean, the likeliest first."""
    readings = [images for images in _readings(answer) if images.shape == shape]
    if not readings:
        expect_tensor(answer[0] if isinstance(answer, tuple) and answer else answer, shape, f"The result of {name}")
    return [expect_tensor(images, shape, f"The result of {name}") for images in readings]


def images_of(answer: Any, shape: tuple[int, ...]) -> Any:
    """The likeliest reading that has the shape; the answer as it is, where none has."""
    return next((images for images in _readings(answer) if images.shape == shape), answer)


def _readings(answer: Any) -> Iterator[Any]:
    """Arrays of images that a result may mean: itself, the first of a tuple, a list's last, first, or all; the last of a trajectory."""
    if isinstance(answer, np.ndarray):
        yield from [answer[:, -1], answer[-1]] if answer.ndim == 5 and answer.size else [answer]
    elif isinstance(answer, tuple) and answer:
        yield from _readings(answer[0])
    elif isinstance(answer, list) and answer:
        yield from (*_readings(answer[-1]), *_readings(answer[0]))
        if all(isinstance(item, np.ndarray) and item.ndim in (3, 4) and item.shape == answer[0].shape for item in answer):
            yield np.stack(answer) if answer[0].ndim == 3 else np.concatenate(answer)


def numbers_of(student: Student, result: Handle, name: str) -> Floats:
    """What the function `name` returned, as a row of numbers, whether it is a tensor, an array of NumPy, a list or a number."""
    value = result.get("")
    if value is not None and not isinstance(value, (np.ndarray, float, int)):
        value = student.module("torch").call("as_tensor", result)
    if isinstance(value, (float, int)):
        value = np.array([float(value)])
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        hint = " (is there a `return`?)" if value is None else ""
        raise WrongAnswer(f"{name} must return real numbers; yours returned {describe(value)}{hint}.")
    return expect_finite(value.ravel(), f"The result of {name}")


# Pictures, in the forms in which notebooks return them


def arrays_in(student: Student, result: Handle) -> list[Any]:
    """The tensors and NumPy arrays that an answer in the worker may mean, the likeliest first: itself, or the ends of a tuple or list."""
    value = result.get("")
    if isinstance(value, Opaque) and "numpy.ndarray" in value.description:
        return [student.module("torch").call("as_tensor", result)]
    if isinstance(value, (tuple, list)) and value:
        places = [0, -1] if isinstance(value, tuple) else [-1, 0]
        items = [student.module("operator").new("getitem", result, place) for place in dict.fromkeys(places[: len(value)])]
        return [array for item in items for array in arrays_in(student, item)]
    return [value]


def image_in(answers: list[Any], shape: tuple[int, ...], name: str) -> tuple[Floats, bool]:
    """An image, (C, H, W) in −1 … 1, out of what a function returned, and whether it came as a picture, (H, W, C) in 0 … 1, which may be clipped.

    `shape`: (C, H, W). Raises WrongAnswer where there is none.
    """
    channels, height, width = shape
    for value in answers:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            if value.shape in ((1, *shape), shape):
                return expect_finite(value.reshape(shape), f"The result of {name}"), False
            if value.shape in ((height, width, channels), (1, height, width, channels)):
                picture = expect_finite(value.reshape(height, width, channels), f"The result of {name}")
                return 2 * np.moveaxis(picture, -1, 0) - 1, True
    first = answers[0] if answers else None
    hint = " (is there a `return`?)" if first is None else ""
    raise WrongAnswer(f"{name} must return an image of shape {(1, *shape)}; yours returned {describe(first)}{hint}.")


def batch_in(answers: list[Any], shape: tuple[int, ...], name: str) -> Floats:
    """Images, (B, C, H, W), out of what a function returned. Raises WrongAnswer where there are none."""
    found = next((value for value in answers if isinstance(value, np.ndarray) and value.shape == shape), answers[0] if answers else None)
    return expect_tensor(found, shape, f"The result of {name}")
