"""FID that can be trusted: feature networks, reference statistics, Fréchet distance with errors, memorisation.

From the command line
---------------------
    python -m fid reference DIR -o FILE.npz [--network NAME] [--weights PATH]      real images → reference statistics, once
    python -m fid measure FILE.npz SAMPLES [--bank DIR ...] [--count 500|any] [--thresholds 20,40] [--json F] [--html F]
    python -m fid table DATA FILE.npz [--samples NAME=DIR ...] [-o F.md]           scores of known cases
    python -m fid.train_classifier DATA --network tiny|afhq-inception -o FILE      train the feature network
    python -m fid.measure_fid DIR DIR                                              the course's command

Exit status 0; 2 with one sentence on stderr ("Error: …") for anything a user can put right; 130 after Ctrl-C.

What `measure --json` writes
----------------------------
    fid: {value, standard_error, n, floor: {n, mean, sd}, noise, thresholds: [..], undecided: [thresholds within 2 standard errors]}
    kid: {value, standard_error} · density · coverage · trace_ratio
    duplicates: {identical, groups: [[file, ...], ...], near, near_expected}
    memorisation: null without --bank, else {bank, calibration, level, pixels | features | both: {count, expected, p_value},
                  pairs: [{sample, nearest_in_pixels, nearest_in_features, relative_pixels, relative_features, rank}]}
    images: {count, width, height, digest} · reference: {description, n, images_digest, trace} · network: {name, digest, preprocessing}
    computed_with: {threads, device, python, torch, numpy, scipy, pillow, processor}
    look_at: [sentences for a person]; no figure here takes points away by itself

From Python, without torch
--------------------------
    fid.UserError                              everything that a user can put right, one sentence
    fid.open_folder(DIR, count=500, size=(64, 64)) → ImageSet      all checks of a folder of images; raises UserError
    fid.load_reference(FILE) → Reference       mean, factor, floor, digests
    fid.moments(features), fid.frechet_distance(first, second), fid.fid_of_features(a, b), fid.group_jackknife(features, moments)
    fid.EMBEDDED_REFERENCE                     path of the reference of the embedded faces, network tiny

`fid.features`, `fid.measurement`, `fid.table`, `fid.report` and `fid.train_classifier` import torch; nothing above does.
"""

from pathlib import Path

from fid.errors import UserError
from fid.frechet import Moments, fid_of_features, frechet_distance, group_jackknife, moments
from fid.images import COURSE_COUNT, ImageSet, open_folder
from fid.reference import Reference, load_reference

EMBEDDED_REFERENCE = Path(__file__).parent / "references" / "embedded-faces64-tiny.npz"

__all__ = [
    "COURSE_COUNT",
    "EMBEDDED_REFERENCE",
    "ImageSet",
    "Moments",
    "Reference",
    "UserError",
    "fid_of_features",
    "frechet_distance",
    "group_jackknife",
    "load_reference",
    "moments",
    "open_folder",
]
