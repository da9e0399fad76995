"""Small image sets for the tests of fid: blobs that differ from each other, embedded faces, and damaged files."""

import importlib.util
import io
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED = ROOT / "solutions" / "image_diffusion_todo"


def blobs(count: int, seed: int, side: int = 64) -> np.ndarray:
    """Smooth colour images, no two alike, (count, side, side, 3) uint8."""
    rng = np.random.default_rng(seed)
    small = [Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)) for _ in range(count)]
    return np.stack([np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)) for image in small])


def write(folder: Path, pixels: np.ndarray, suffix: str = ".png") -> Path:
    """Write images as 00000.png and so on, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{index:05d}{suffix}")
    return folder


def faces(category: str, seeds: range) -> np.ndarray:
    """Embedded faces (n, 64, 64, 3) uint8; the test is skipped where the generator is absent."""
    if not (EMBEDDED / "faces.py").exists():
        pytest.skip("the generator of the embedded faces is absent")
    if "faces" not in sys.modules:
        sys.path.insert(0, str(EMBEDDED))
        try:
            spec = importlib.util.spec_from_file_location("faces", EMBEDDED / "faces.py")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules["faces"] = module
        finally:
            sys.path.remove(str(EMBEDDED))
    return np.stack([sys.modules["faces"].render_face(category, seed) for seed in seeds])


def real_photographs() -> Path:
    """The folder animal_faces64; the test is skipped where it is absent."""
    for root in (os.environ.get("DIFFUSION_DATA"), ROOT.parent / "shared" / "data"):
        if root and (Path(root) / "animal_faces64").is_dir():
            return Path(root) / "animal_faces64"
    pytest.skip("animal_faces64 is absent; name its parent folder with DIFFUSION_DATA")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bytes(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG of these header fields with these raw rows, whatever they are."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    """The bytes of a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
