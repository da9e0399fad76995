"""Digits drawn by a program: where there is no MNIST, they stand in for it, and everything made with them says so.

A digit is a few strokes in the unit square, bent, turned, sheared, moved and drawn with a pen of some width, at random. Needs NumPy only.
"""

import numpy as np

NAME = "digits drawn by a program, a stand-in for MNIST"
_ROUND = np.linspace(0, 2 * np.pi, 13)


def _arc(x, y, width, height, begin=0.0, end=360.0):
    """Points on an ellipse; 0° is to the right, 90° at the bottom (y grows downwards)."""
    angles = np.radians(np.linspace(begin, end, 13))
    return np.stack([x + width * np.cos(angles), y + height * np.sin(angles)], axis=1)


def _line(*points):
    return np.array(points, dtype=np.float64)


STROKES = (
    (_arc(0.5, 0.5, 0.27, 0.40),),
    (_line((0.36, 0.24), (0.54, 0.10), (0.54, 0.90)),),
    (_arc(0.5, 0.31, 0.25, 0.21, 180, 380), _line((0.73, 0.40), (0.26, 0.89), (0.77, 0.89))),
    (_arc(0.47, 0.30, 0.25, 0.20, 200, 450), _arc(0.47, 0.70, 0.28, 0.21, 270, 520)),
    (_line((0.60, 0.90), (0.60, 0.10), (0.22, 0.64), (0.80, 0.64)),),
    (_line((0.73, 0.11), (0.33, 0.11), (0.30, 0.46)), _arc(0.46, 0.65, 0.28, 0.25, 235, 500)),
    (_arc(0.68, 0.52, 0.42, 0.44, 265, 180), _arc(0.51, 0.67, 0.24, 0.22)),
    (_line((0.24, 0.11), (0.76, 0.11), (0.43, 0.90)),),
    (_arc(0.5, 0.30, 0.20, 0.19), _arc(0.5, 0.70, 0.25, 0.21)),
    (_arc(0.49, 0.33, 0.24, 0.22), _arc(0.30, 0.46, 0.43, 0.45, 350, 420)),
)


def _segments(digit):
    """Both ends of all segments, (S, 2) each."""
    begins = np.concatenate([stroke[:-1] for stroke in STROKES[digit]])
    ends = np.concatenate([stroke[1:] for stroke in STROKES[digit]])
    return begins, ends


def _shapes(count, generator):
    """For each picture a matrix, (count, 2, 2), and a shift, (count, 2), by which the strokes are placed."""
    turn, shear = generator.uniform(-0.22, 0.22, count), generator.uniform(-0.2, 0.2, count)
    scale = generator.uniform(0.62, 0.8, (count, 2))
    matrix = np.empty((count, 2, 2))
    matrix[:, 0, 0], matrix[:, 0, 1] = np.cos(turn) * scale[:, 0], (shear - np.sin(turn)) * scale[:, 1]
    matrix[:, 1, 0], matrix[:, 1, 1] = np.sin(turn) * scale[:, 0], np.cos(turn) * scale[:, 1]
    return matrix, 0.5 + generator.uniform(-0.05, 0.05, (count, 2))


def draw(digit, count, size, generator):
    """`count` pictures of one digit, (count, size, size), float32 in 0 … 1, white on black."""
    matrix, shift = _shapes(count, generator)
    bend, phase = generator.uniform(0, 0.04, (count, 1, 1)), generator.uniform(0, 2 * np.pi, (count, 1, 1))

    def placed(points):
        moved = points[None] - 0.5 + bend * np.sin(7 * points[None, :, ::-1] + phase)
        return moved @ matrix.transpose(0, 2, 1) + shift[:, None]

    begins, ends = (placed(points) for points in _segments(digit))
    pen = generator.uniform(0.030, 0.055, (count, 1))
    axis = (np.arange(size) + 0.5) / size
    pixels = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    distance = np.full((count, size * size), np.inf)
    for begin, end in zip(begins.transpose(1, 0, 2), ends.transpose(1, 0, 2)):
        along = (end - begin)[:, None]
        offset = pixels[None] - begin[:, None]
        share = np.clip((offset * along).sum(-1) / (along**2).sum(-1), 0, 1)
        distance = np.minimum(distance, np.linalg.norm(offset - share[..., None] * along, axis=-1))
    ink = np.clip(0.5 + (pen - distance) * size / 1.5, 0, 1)
    return ink.reshape(count, size, size).astype(np.float32)


def drawn_digits(count, size, seed):
    """Pictures, (count, size, size), float32 in 0 … 1, and labels, (count,), int64: as many of each digit, in random order."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(count) % 10)
    images = np.empty((count, size, size), dtype=np.float32)
    for digit in range(10):
        places = np.flatnonzero(labels == digit)
        for part in np.array_split(places, max(1, len(places) // 250)):
            images[part] = draw(digit, len(part), size, generator)
    return images, labels.astype(np.int64)
