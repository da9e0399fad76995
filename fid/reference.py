"""Reference statistics: computed once from real images, a few MB, checked at every use.

The file is a NumPy archive without pickles: `mean` (D,) float64; `factor` (r, D) float32, the centred rows over √(n−1), or their triangle where
n > D, so factorᵀ factor is the covariance; `sample` (m, D) float32, features of m images in random order, for measures that need single images;
and `about`, JSON: n, network, digests, preprocessing, floor, quantiles. float32 changes FID by less than 1e-12 of tr Σ, because FID is
quadratic in a change of the factor.

Nothing here imports torch.
"""

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fid.errors import UserError
from fid.frechet import Array, Moments, check_features, frechet_distance, moments
from fid.images import COURSE_COUNT
from fid.measures import nearest_distances

VERSION = 1
SAMPLE_VALUES = 400_000
"""Values in `sample`, which decides its number of rows; at least COURSE_COUNT rows are kept."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FLOOR_SPLITS = 40


@dataclass(frozen=True)
class Floor:
    """FID of n real images against the other images of the reference: mean and standard deviation over random splits."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True)
class Reference:
    """What is known of the real images. See the module's docstring for the arrays.

    size: (width, height). noise_fid: FID of uniform noise. neighbour_quantiles: of the distance of each of min(500, n) real images to the
    nearest other, at the levels of QUANTILES.
    """

    moments: Moments
    sample: Array
    network: str
    network_digest: str
    preprocessing: str
    images_digest: str
    size: tuple[int, int]
    floor: Floor
    noise_fid: float
    neighbour_quantiles: tuple[float, ...]
    description: str = ""

    def check(self, network: str, digest: str, preprocessing: str) -> None:
        """UserError that names the first thing in which a measurement's network differs from the reference's."""
        if network != self.network:
            raise UserError(
                f"The reference was computed with the network {self.network}, not {network}; compute it anew, or say --network {self.network}."
            )
        if digest != self.network_digest:
            raise UserError(
                f"The reference was computed with other weights of {network} (digest {self.network_digest[:12]}…, here {digest[:12]}…); "
                "name those with --weights, or compute the reference anew."
            )
        if preprocessing != self.preprocessing:
            raise UserError(
                f"The reference was computed with another preprocessing ({self.preprocessing!r}, here {preprocessing!r}); compute it anew."
            )


def summarise(
    features: Array,
    *,
    network: str,
    network_digest: str,
    preprocessing: str,
    images_digest: str,
    size: tuple[int, int],
    noise_features: Array,
    description: str = "",
) -> Reference:
    """The reference statistics of real images from their features (n, D) and those of some noise images."""
    features = check_features(features).astype(np.float32)
    whole = moments(features)
    whole = Moments(whole.mean, whole.factor.astype(np.float32).astype(np.float64), whole.n)
    order = np.random.default_rng(0).permutation(len(features))
    sample = features[order[: max(COURSE_COUNT, SAMPLE_VALUES // features.shape[1])]]
    quantiles = np.quantile(nearest_distances(sample[:COURSE_COUNT]), QUANTILES)
    return Reference(
        whole, sample, network, network_digest, preprocessing, images_digest, size, real_floor(features),
        frechet_distance(moments(noise_features), whole), tuple(float(q) for q in quantiles), description,
    )  # fmt: skip


def real_floor(features: Array, n: int = COURSE_COUNT, splits: int = FLOOR_SPLITS) -> Floor:
    """FID of n of the rows (or half, if there are fewer than 2n) against all others, over random splits.

    It is what a perfect sampler would score: not 0, because n images do not show a distribution of D dimensions. The others are fewer than the
    reference, which lifts the floor a little.
    """
    n = min(n, len(features) // 2)
    if n < 2:
        return Floor(n, float("nan"), float("nan"))
    rng = np.random.default_rng(0)
    values = []
    for _ in range(splits):
        order = rng.permutation(len(features))
        values.append(frechet_distance(moments(features[order[:n]]), moments(features[order[n:]])))
    return Floor(n, float(np.mean(values)), float(np.std(values, ddof=1)))


def save_reference(reference: Reference, path: Path) -> None:
    """Write the archive, at once or not at all."""
    about = {key: value for key, value in asdict(reference).items() if key not in ("moments", "sample")} | {
        "version": VERSION,
        "n": reference.moments.n,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".writing")
    with temporary.open("wb") as file:
        np.savez_compressed(
            file, allow_pickle=False, mean=reference.moments.mean, factor=reference.moments.factor.astype(np.float32),
            sample=reference.sample.astype(np.float32), about=np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), np.uint8),
        )  # fmt: skip
    temporary.replace(path)


def load_reference(path: Path | str) -> Reference:
    """Read what `save_reference` wrote; UserError where the file is missing, damaged, of another kind or of another version."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is missing; make it with `python -m fid reference DIR -o {path.name}`.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not {"mean", "factor", "sample", "about"} <= set(archive.files):
                raise UserError(
                    f"{path} is no reference of this project, as it has no mean, factor, sample or about; make one with `python -m fid reference`."
                )
            mean, factor, sample = (archive[key] for key in ("mean", "factor", "sample"))
            about: dict[str, Any] = json.loads(archive["about"].tobytes())
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, AttributeError, TypeError) as error:
        raise UserError(
            f"{path} is damaged or no reference of this project; make one with `python -m fid reference`."
        ) from error
    if about.get("version") != VERSION:
        raise UserError(
            f"{path} has version {about.get('version')}, but this program reads version {VERSION}; compute the reference anew."
        )
    if (
        mean.ndim != 1
        or factor.shape[1:] != mean.shape
        or sample.shape[1:] != mean.shape
        or not all(np.isfinite(a).all() for a in (mean, factor, sample))
    ):
        raise UserError(f"{path} is damaged: its arrays do not fit together, or hold NaN; compute the reference anew.")
    del about["version"]
    n, floor = about.pop("n"), Floor(**about.pop("floor"))
    size, quantiles = tuple(about.pop("size")), tuple(about.pop("neighbour_quantiles"))
    return Reference(
        Moments(mean, factor.astype(np.float64), n),
        sample,
        size=size,
        floor=floor,
        neighbour_quantiles=quantiles,
        **about,
    )
