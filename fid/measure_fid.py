"""The course's command: `python measure_fid.py DIR_A DIR_B` prints the FID between two folders of images.

As in the course, the network is afhq-inception where its `afhq_inception_v3.ckpt` lies beside this file. Otherwise it is `tiny`, whose figures
are on another scale and not comparable with the course's thresholds; the output says so. For errors, reference files and pages see
`python -m fid measure`.
"""

import sys
from pathlib import Path

if not __package__:  # run as a file: the package is the folder above
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from fid.errors import UserError
from fid.features import fixed_threads, load_network
from fid.frechet import fid_of_features
from fid.images import open_folder


def main(dir_a: Path | str, dir_b: Path | str, checkpoint: Path | str | None = None) -> float:
    """Print and return the FID between two folders with at least 2 images each, of any number and size. Raises UserError."""
    checkpoint = Path(checkpoint) if checkpoint else Path(__file__).with_name("afhq_inception_v3.ckpt")
    trained_on_afhq = checkpoint.is_file()
    network = load_network("afhq-inception", checkpoint) if trained_on_afhq else load_network("tiny")
    with fixed_threads():
        value = fid_of_features(*(network.of(open_folder(folder, convert=True)) for folder in (dir_a, dir_b)))
    if not trained_on_afhq:
        print(
            f"Network: tiny, since there is no {checkpoint.name} beside this file; not comparable with the course's thresholds."
        )
    print("FID:", value)
    return value


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Usage: python measure_fid.py DIR_A DIR_B")
    try:
        main(sys.argv[1], sys.argv[2])
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
