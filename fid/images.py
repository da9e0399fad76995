"""Folders of images, checked before anything is computed: how many, which size, which mode, whether whole, whether equal.

Accepted are PNG, JPEG, BMP, WebP and TIFF with 8-bit RGB pixels, all of one size. Everything else is a UserError of one sentence
that names the file. Files are told apart by their content, not by their name. Nothing here imports torch.
"""

import contextlib
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

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
ORIENTATION, LIES_ON_ITS_SIDE = 274, (5, 6, 7, 8)  # the EXIF tag, and its values that exchange width and height
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
    remarks: tuple[str, ...] = ()  # what was read differently from how it is stored

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
    for path in sorted(_files_below(folder), key=lambda p: p.relative_to(folder).as_posix()):
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


def _files_below(folder: Path) -> Iterator[Path]:
    """Files that are not hidden, in folders that are links too. Raises UserError for a link to nothing, and for a folder that is there twice
    by a link: whether its images count once or twice is not for us to say.
    """
    real: dict[tuple[int, int], Path] = {}
    for place, folders, files in os.walk(folder, followlinks=True):
        here, state = Path(place), os.stat(place)
        if first := real.get((state.st_dev, state.st_ino)):
            raise UserError(f"{here} is the same folder as {first}, by a link; remove the link.")
        real[state.st_dev, state.st_ino] = here
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for name in files:
            path = here / name
            if name.startswith((".", "__MACOSX")):
                continue
            if path.is_symlink() and not path.exists():
                raise UserError(f"{path} is a link to something that is not there; remove it, or put the images in its place.")
            if path.is_file():
                yield path


def _open(path: Path) -> Image.Image:
    """The image with its header read and its size judged, as it is stored. Only the formats of FORMATS are tried, whatever the name says."""
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
        sideways = _orientation(image) in LIES_ON_ITS_SIDE and image.format != "TIFF"  # whose size Pillow gives turned
        found = image.size[::-1] if sideways else image.size
        if size is not None and found != size:
            raise UserError(f"{path} is {found[0]} × {found[1]} pixels, but {size[0]} × {size[1]} are expected.")
        return found


def _rgb_of_16_bits(image: Image.Image) -> bool:
    """Whether a PNG or TIFF stores 16 bits a channel. Pillow reads 16-bit RGB as 8-bit RGB without a word."""
    if image.format == "PNG":
        return any("16" in str(tile[3]) for tile in image.tile)  # type: ignore[attr-defined]
    if image.format == "TIFF":
        return 16 in (image.tag_v2.get(258) or ())  # type: ignore[attr-defined]  # BitsPerSample
    return False


def read_image(path: Path, convert: bool = False) -> np.ndarray:
    """The pixels of an image as viewers show it, (H, W, 3) uint8 RGB: turned as its EXIF tag says, and what is transparent over white.
    UserError where the file is cut short.
    """
    with _open(path) as image:
        try:
            return np.asarray(as_shown(image))
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise UserError(f"{path} is cut short or damaged and cannot be decoded; save it again.") from error


def _orientation(image: Image.Image) -> int:
    """What the EXIF tag says, from the header: 1 is upright. To look behind the pixels of a PNG would mean to decode it."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises many kinds for broken tags, which viewers pass over
        return 1


def as_shown(image: Image.Image) -> Image.Image:
    """The image in RGB as a viewer shows it on white."""
    image.load()
    upright = image
    with contextlib.suppress(Exception), warnings.catch_warnings():  # broken tags turn nothing
        warnings.simplefilter("ignore")
        upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def read_differently(path: Path) -> str:
    """What a person might not expect of how this image is read, or "": "transparent parts over white"."""
    with _open(path) as image:
        said = []
        if _orientation(image) in range(2, 9):
            said.append("turned as their EXIF tag says")
        if image.has_transparency_data:
            said.append("with what is transparent over white")
        if image.mode == "CMYK":
            said.append("from CMYK without a colour profile")
        elif image.mode in ("L", "LA", "1"):
            said.append("from grey")
        elif image.mode in ("P", "PA"):
            said.append("from a palette")
        return ", ".join(said)


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
        if image.shape[1::-1] != usual:
            raise UserError(f"{path} is turned by an EXIF tag behind its pixels, so that it is not {usual[0]} × {usual[1]}; save it anew.")
        digests.append(hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest())
        if pixels is not None:
            pixels[index] = image
        if advance:
            advance(index + 1)
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    return ImageSet(folder, names, usual, tuple(digests), convert, pixels, _remarks(dict(zip(names, paths))))


def _remarks(paths: dict[str, Path]) -> tuple[str, ...]:
    kinds: dict[str, list[str]] = {}
    for name, path in paths.items():
        if how := read_differently(path):
            kinds.setdefault(how, []).append(name)
    return tuple(f"{len(who)} of {len(paths)} images were read {how}, such as {who[0]}." for how, who in kinds.items())
