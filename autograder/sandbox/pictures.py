"""Untrusted images are decoded here, in a worker: the grader only ever sees pixels."""

import contextlib
import io
import warnings

import numpy as np
from numpy.typing import NDArray

FORMATS = ("PNG", "JPEG")
MOST_PIXELS = 4_000_000  # of one image; a small file can claim to be enormous
TOO_LARGE = f"claims more than {MOST_PIXELS:,} pixels"


class Unfit(Exception):
    """The image can be read, and would not be what it looks like."""


def decode(content: bytes) -> tuple[str, NDArray[np.uint8] | None]:
    """(mode, pixels) of an image file: pixels (H, W, 3) uint8 where it is RGB with 8 bits a channel, upright by its EXIF tag, else None.

    Raises ValueError with half a sentence for everything that cannot be read: "is damaged", "is no PNG or JPEG image".
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Unfit(TOO_LARGE)
                frames = getattr(image, "n_frames", 1)
                if frames > 1:
                    raise Unfit(f"holds {frames} frames")
                if image.mode == "RGB" and any("16" in str(tile[3]) for tile in image.tile):
                    raise Unfit("has 16 bits a channel")  # of which Pillow would drop 8 without a word
                if image.mode == "RGB" and "transparency" in image.info:
                    raise Unfit("has a transparent colour")
                image.load()
                upright: Image.Image = image
                with contextlib.suppress(Exception), warnings.catch_warnings():  # broken tags turn nothing
                    warnings.simplefilter("ignore")
                    upright = ImageOps.exif_transpose(image)  # as viewers show it
                return image.mode, np.asarray(upright, dtype=np.uint8).copy() if image.mode == "RGB" else None
    except Unfit as unfit:
        raise ValueError(str(unfit)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(TOO_LARGE) from None
    except Image.UnidentifiedImageError:
        raise ValueError("is no PNG or JPEG image") from None
    except Exception:  # what Pillow raises on damaged files is not bounded by its documentation
        raise ValueError("is damaged") from None
