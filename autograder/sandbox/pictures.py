"""Untrusted images are decoded here, in a worker: the grader only ever sees pixels."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray

FORMATS = ("PNG", "JPEG")
MOST_PIXELS = 4_000_000  # of one image; a small file can claim to be enormous


def decode(content: bytes) -> tuple[str, NDArray[np.uint8] | None]:
    """(mode, pixels) of an image file: pixels (H, W, 3) uint8 where it is RGB with 8 bits a channel, else None.

    Raises ValueError with half a sentence for everything that cannot be read: "is damaged", "is no PNG or JPEG image".
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                image.load()
                return image.mode, np.asarray(image, dtype=np.uint8).copy() if image.mode == "RGB" else None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"claims more than {MOST_PIXELS:,} pixels") from None
    except Image.UnidentifiedImageError:
        raise ValueError("is no PNG or JPEG image") from None
    except Exception:  # what Pillow raises on damaged files is not bounded by its documentation
        raise ValueError("is damaged") from None
