"""Folders of images, checked before anything is computed: how many, which size, which mode, whether whole, whether equal.

Accepted are PNG, JPEG, BMP, WebP and TIFF with 8-bit RGB pixels, all of one size. Everything else is a UserError of one sentence
that names the file. Files are told apart by their content, not by their name. Nothing here imports torch.
"""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fid.errors import UserError

COURSE_COUNT = 500
"""Images that the course asks for (KAIST CS479, assignment 3)."""

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
REFUSED_SUFFIXES = {
    ".gif": "GIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".avif": "AVIF",
    ".jp2": "JPEG 2000",
    ".psd": "Photoshop",
    ".svg": "SVG",
}
LARGEST_SIDE = 4096
"""Longest side in pixels. The header is read first, so a file that would unpack to gigabytes is never unpacked."""
KEPT_IN_MEMORY = 512 * 2**20
"""Bytes of decoded images that an ImageSet keeps; a larger one is read again when it is used."""

_MODE_NAMES = {
    "1": "black and white", "L": "grey", "LA": "grey with transparency", "P": "a palette image", "PA": "a palette image",
    "RGBA": "RGB with transparency", "CMYK": "CMYK", "I;16": "16-bit grey", "I;16B": "16-bit grey", "I": "32-bit grey", "F": "floating point",
}  # fmt: skip


@dataclass(frozen=True)
class ImageSet:
    """Images of one folder, all of one size, in the order of their paths.

    names: paths relative to the folder. size: (width, height) in pixels. digests: SHA-256 of the pixels of each image.
    """

    folder: Path
    names: tuple[str, ...]
    size: tuple[int, int]
    digests: tuple[str, ...]
    convert: bool = False
    pixels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> np.ndarray:
        """One image, (H, W, 3) uint8."""
        return (
            self.pixels[index] if self.pixels is not None else read_image(self.folder / self.names[index], self.convert)
        )

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """The images in order as (≤ size, H, W, 3) uint8."""
        for start in range(0, len(self), size):
            yield np.stack([self.image(index) for index in range(start, min(start + size, len(self)))])

    def digest(self) -> str:
        """SHA-256 of all pixels, independent of file names and of their order."""
        return hashlib.sha256("\n".join(sorted(self.digests)).encode()).hexdigest()

    def duplicates(self) -> list[list[str]]:
        """Groups of files whose pixels are equal, largest group first."""
        names: dict[str, list[str]] = {}
        for digest, name in zip(self.digests, self.names):
            names.setdefault(digest, []).append(name)
        return sorted((group for group in names.values() if len(group) > 1), key=len, reverse=True)

    def subset(self, indices: np.ndarray) -> "ImageSet":
        """The images at `indices`, in ascending order of index."""
        chosen = sorted(int(i) for i in indices)
        return ImageSet(
            self.folder, tuple(self.names[i] for i in chosen), self.size, tuple(self.digests[i] for i in chosen), self.convert,
            None if self.pixels is None else self.pixels[chosen],
        )  # fmt: skip


def image_paths(folder: Path) -> list[Path]:
    """All image files below `folder`, sorted by relative path; hidden files and files that are no images by name are passed over.

    Raises UserError where the folder is missing or empty, or holds an image of a kind that is not read, such as GIF.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is {'a file' if folder.exists() else 'missing'}; name a folder of images.")
    found = []
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        if any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        if path.suffix.lower() in REFUSED_SUFFIXES:
            raise UserError(
                f"{path} is a {REFUSED_SUFFIXES[path.suffix.lower()]} file, which is not read here; save it as an 8-bit RGB PNG."
            )
        if path.suffix.lower() in SUFFIXES:
            found.append(path)
    if not found:
        raise UserError(
            f"{folder} holds no images; PNG, JPEG, BMP, WebP and TIFF files are looked for, subfolders included."
        )
    return found


def _open(path: Path) -> Image.Image:
    """The image with its header read and its size judged. Only the formats of FORMATS are tried, whatever the name says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged below, by the side
            image = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} is too large: at most {LARGEST_SIDE} × {LARGEST_SIDE} pixels are read.") from error
    except (OSError, ValueError, SyntaxError) as error:
        kind = sniff(path)
        seen = (
            f"holds {kind} data, which is not read here"
            if kind
            else "cannot be read as an image: it is damaged, empty, or something else"
        )
        raise UserError(f"{path} {seen}; save it as an 8-bit RGB PNG.") from error
    if max(image.size) > LARGEST_SIDE:
        width, height = image.size
        raise UserError(
            f"{path} is {width} × {height} pixels, which is too large: at most {LARGEST_SIDE} × {LARGEST_SIDE} are read."
        )
    return image


def sniff(path: Path) -> str | None:
    """The kind of a file that is refused, from its first bytes: "GIF", "HEIC", "AVIF", "PDF", "HTML", or None."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return None
    if head[4:8] == b"ftyp":
        return {b"avif": "AVIF", b"avis": "AVIF"}.get(head[8:12], "HEIC")
    starts = {b"GIF8": "GIF", b"%PDF": "PDF", b"<!DO": "HTML", b"<htm": "HTML", b"PK\x03\x04": "ZIP"}
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


def check_header(path: Path, size: tuple[int, int] | None = None, convert: bool = False) -> tuple[int, int]:
    """(width, height) of an acceptable image, from its header alone; UserError where size, mode or format are not accepted."""
    with _open(path) as image:
        bits = 16 if image.mode.startswith("I;16") or _rgb_of_16_bits(image) else 8
        if bits == 16 or image.mode in ("I", "F"):
            kind = _MODE_NAMES.get(image.mode, "16-bit RGB") if image.mode != "RGB" else "16-bit RGB"
            raise UserError(f"{path} is {kind}; save it with 8 bits a channel, as RGB.")
        if image.mode != "RGB" and not convert:
            raise UserError(
                f"{path} is {_MODE_NAMES.get(image.mode, image.mode)} (mode {image.mode}), not RGB; "
                "save it as RGB, or allow the conversion with --convert."
            )
        if getattr(image, "n_frames", 1) > 1:
            raise UserError(f"{path} holds {image.n_frames} frames; save one frame as an 8-bit RGB PNG.")  # type: ignore[attr-defined]
        if size is not None and image.size != size:
            raise UserError(
                f"{path} is {image.size[0]} × {image.size[1]} pixels, but {size[0]} × {size[1]} are expected."
            )
        return image.size


def _rgb_of_16_bits(image: Image.Image) -> bool:
    """Whether a PNG or TIFF stores 16 bits a channel. Pillow reads 16-bit RGB as 8-bit RGB without a word."""
    if image.format == "PNG":
        return any("16" in str(tile[3]) for tile in image.tile)  # type: ignore[attr-defined]
    if image.format == "TIFF":
        return 16 in (image.tag_v2.get(258) or ())  # type: ignore[attr-defined]  # BitsPerSample
    return False


def read_image(path: Path, convert: bool = False) -> np.ndarray:
    """The pixels of an image, (H, W, 3) uint8 RGB; UserError where the file is cut short."""
    with _open(path) as image:
        try:
            return np.asarray(image.convert("RGB") if image.mode != "RGB" else image)
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise UserError(f"{path} is cut short or damaged and cannot be decoded; save it again.") from error


def open_folder(
    folder: Path | str,
    *,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    convert: bool = False,
    progress: Callable[[str, int], Callable[[int], None]] | None = None,
) -> ImageSet:
    """All images below `folder`, after every check.

    count: how many there must be (None: any number of at least 2). size: the (width, height) that they must have (None: that
    of the first). convert: turn grey, palette and transparent images to RGB instead of refusing them. progress: called with a
    title and a total, returns a function that takes the number of images done.

    Order of the checks: folder, count, then every header (kind, size, mode), then every image whole. Raises UserError.
    """
    folder = Path(folder)
    paths = image_paths(folder)
    if count is not None and len(paths) != count:
        raise UserError(
            f"{folder} holds {len(paths)} images, but {count} are asked for; to measure these all the same, say --count {len(paths)}."
        )
    if len(paths) < 2:
        raise UserError(f"{folder} holds one image, {paths[0].name}; statistics need at least 2.")
    sizes = [check_header(path, size, convert) for path in paths]
    usual = size or Counter(sizes).most_common(1)[0][0]
    for path, found in zip(paths, sizes):
        if found != usual:
            raise UserError(
                f"{path} is {found[0]} × {found[1]} pixels, but the other images are {usual[0]} × {usual[1]}."
            )
    keep = len(paths) * usual[0] * usual[1] * 3 <= KEPT_IN_MEMORY
    pixels = np.empty((len(paths), usual[1], usual[0], 3), np.uint8) if keep else None
    digests = []
    advance = progress(f"reading {folder.name}", len(paths)) if progress else None
    for index, path in enumerate(paths):
        image = read_image(path, convert)
        digests.append(hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest())
        if pixels is not None:
            pixels[index] = image
        if advance:
            advance(index + 1)
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    return ImageSet(folder, names, usual, tuple(digests), convert, pixels)
