"""Fetch AFHQ: on request only, resumable, checked, and unpacked without trusting the archive (given).

AFHQ: Choi, Uh, Yoo, Ha, "StarGAN v2", 2020; licence CC BY-NC 4.0. The address is the one that the authors publish.
The authors publish no checksum; the SHA-256 below is the one that the scripts of LS4GAN/uvcgan2 check for the same address.
"""

import hashlib
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

from errors import UserError
from tqdm import tqdm

URL = "https://www.dropbox.com/s/t9l9o3vsx2jai3z/afhq.zip?dl=1"
SHA256 = "7f63dcc14ef58c0e849b59091287e1844da97016073aac20403ae6c6132b950f"
BY_HAND = "If you have afhq.zip from elsewhere, give it with --archive FILE; without AFHQ, everything runs on the stand-in."
MAX_BYTES, MAX_FILES = 8 * 2**30, 100_000  # far above AFHQ's size; an archive that unpacks to more is not AFHQ
CHUNK = 2**20


def install_afhq(root, archive=None, url: str = URL, sha256: str = SHA256) -> Path:
    """Unpack AFHQ to root/afhq and return that folder; download it first unless `archive` is given.

    An interrupted download is continued at the next call. Raises UserError when offline, when the address is gone, when
    the checksum differs, and when the archive is broken.
    """
    root = Path(root)
    if archive is None:
        archive = root / "afhq.zip"
        download(url, archive, sha256)
    elif not Path(archive).is_file():
        raise UserError(f"There is no file {archive}.")
    check(Path(archive), sha256)
    unpack(Path(archive), root)
    return root / "afhq"


def download(url: str, path: Path, sha256: str) -> None:
    """Write `url` to `path`, through path.part, which a later call goes on with (HTTP Range)."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            if "text/html" in answer.headers.get("Content-Type", ""):
                raise UserError(f"{url} answers with a web page and not with the archive; it seems to have moved. {BY_HAND}")
            if answer.status != 206:  # the server sends everything, from the start
                have = 0
            receive(answer, part, have)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing is left to send
            raise UserError(f"{url} answers with {error.code} ({error.reason}); the file seems to be gone. {BY_HAND}") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"AFHQ cannot be downloaded ({reason}). What has arrived is kept; try again when online. {BY_HAND}") from None
    part.replace(path)


def receive(answer, part: Path, have: int) -> None:
    """Append the answer to `part` from byte `have` on, with a progress bar. Raises UserError when it ends early."""
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length else None
    with open(part, "r+b" if have else "wb") as file, tqdm(total=total, initial=have, unit="B", unit_scale=True, desc="afhq.zip") as bar:
        file.seek(have)
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
        have = file.tell()
    if total is not None and have < total:
        raise UserError(f"The download broke off after {have} of {total} bytes; start it again to go on from there.")


def check(archive: Path, sha256: str) -> None:
    """Raises UserError unless the file has that SHA-256."""
    with open(archive, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise UserError(
            f"{archive} is not the AFHQ archive that this assignment was made with (SHA-256 {found[:16]}… instead of {sha256[:16]}…). "
            "Delete it and fetch it again; AFHQ v2 is a different data set."
        )


def unpack(archive: Path, root: Path) -> None:
    """Unpack the images of afhq/{train,val,test}/… under `root`, and nothing outside of it. Raises UserError for a bad archive."""
    partial = root / "afhq.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            entries = [entry for entry in file.infolist() if is_image(entry)]
            if not entries or len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise UserError(f"{archive} does not hold AFHQ: expected afhq/train/… and afhq/val/… with images.")
            for entry in tqdm(entries, desc="unpacking", unit="image"):
                target = partial.joinpath(*PurePosixPath(entry.filename).parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with file.open(entry) as source, open(target, "wb") as copy:
                    shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{archive} is not a readable zip file ({error}); fetch it again.") from None
    if (root / "afhq").exists():
        raise UserError(f"{root / 'afhq'} is there already; move it away first.")
    partial.rename(root / "afhq")


def is_image(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is afhq/<split>/<category>/<image>, with nothing in its name that leads elsewhere."""
    parts = PurePosixPath(entry.filename).parts
    plain = len(parts) == 4 and parts[0] == "afhq" and not any(part in ("..", "") or "\\" in part or ":" in part for part in parts)
    return plain and not entry.is_dir() and PurePosixPath(parts[3]).suffix.lower() in (".png", ".jpg", ".jpeg")
