"""Images in AFHQ's folder layout, {train,val}/<category>/<image> (given; nothing to do here).

    python dataset.py                       # builds the eval folder from data/, or from the stand-in where there is no data/
    python dataset.py --download            # fetches AFHQ first
    python dataset.py --archive afhq.zip    # the same from a file that you have

Without data/, the stand-in of faces.py is drawn once into data_stand_in/: it is not AFHQ, and every use says so.
Nothing is ever downloaded unless asked for.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
from afhq_download import install_afhq
from errors import UserError, run
from faces import NOTICE, write_faces
from PIL import Image
from torchvision import transforms
from tqdm import tqdm

SUFFIXES = (".png", ".jpg", ".jpeg")
STAND_IN_FILE = "STAND-IN_NOT_AFHQ.txt"
STAND_IN_SIZE = dict(train=1000, val=200)  # images in each category


def tensor_to_pil_image(x: torch.Tensor, single_image: bool = False):
    """Images in [−1, 1], (B, 3, H, W) or (3, H, W), as PIL images: a list, or one image for a single one."""
    if x.ndim == 3:
        x, single_image = x[None], True
    x = (x.detach().float().cpu() * 0.5 + 0.5).clamp(0, 1)
    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()  # (B, H, W, 3)
    images = [Image.fromarray(image) for image in pixels]
    return images[0] if single_image else images


def get_data_iterator(iterable):
    """Go through `iterable` again and again, without end."""
    while True:
        yield from iterable


def read_image(path) -> Image.Image:
    """The image as RGB. Raises UserError where the file is no readable image."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except Exception as error:  # Pillow raises many kinds for broken files
        raise UserError(f"{path} is not a readable image ({type(error).__name__}); remove or replace it.") from None


class AFHQDataset(torch.utils.data.Dataset):
    """One split of a folder in AFHQ's layout; an item is (image, label), categories in alphabetical order from `label_offset` on."""

    def __init__(self, root, split: str, transform=None, max_num_images_per_cat: int = -1, label_offset: int = 1):
        folder = Path(root) / split
        categories = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        self.root, self.split, self.transform, self.label_offset = root, split, transform, label_offset
        self.num_classes = len(categories)
        self.fnames, self.labels = [], []
        for label, category in enumerate(categories, start=label_offset):
            names = sorted(p for p in category.rglob("*") if p.suffix.lower() in SUFFIXES)
            names = names[:max_num_images_per_cat] if max_num_images_per_cat > 0 else names
            self.fnames += names
            self.labels += [label] * len(names)
        if not self.fnames:
            raise UserError(f"There are no images under {folder}; expected {folder}/<category>/<image>, as in AFHQ.")

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        image = read_image(self.fnames[idx])
        return (image if self.transform is None else self.transform(image)), self.labels[idx]


class AFHQDataModule:
    """The training and validation images under `root`, or under root/afhq, or the stand-in where the default root is not there."""

    def __init__(
        self, root="data", batch_size=32, num_workers=4, max_num_images_per_cat=-1, image_resolution=64, label_offset=1,
        transform=None,
    ):  # fmt: skip
        self.root, self.batch_size, self.num_workers = root, batch_size, num_workers
        self.max_num_images_per_cat, self.image_resolution, self.label_offset = max_num_images_per_cat, image_resolution, label_offset
        self.afhq_root = str(find_afhq(Path(root)))
        self.is_stand_in = (Path(self.afhq_root) / STAND_IN_FILE).exists()
        self.resize = transforms.Resize((image_resolution, image_resolution))
        to_unit = [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]  # [−1, 1]
        self.transform = transform or transforms.Compose([self.resize, *to_unit])
        self.train_ds, self.val_ds = (
            AFHQDataset(self.afhq_root, split, self.transform, max_num_images_per_cat, label_offset) for split in ("train", "val")
        )
        self.num_classes = self.train_ds.num_classes

    def train_dataloader(self):
        """Batches of (image (B, 3, H, W) in [−1, 1], label (B,)), in random order."""
        return torch.utils.data.DataLoader(
            self.train_ds, self.batch_size, num_workers=self.num_workers, shuffle=True, drop_last=True
        )

    def val_dataloader(self):
        return torch.utils.data.DataLoader(self.val_ds, self.batch_size, num_workers=self.num_workers)

    def train_pixels(self) -> torch.Tensor:
        """All training images, resized, uint8 (N, 3, H, W). p/127.5 − 1 gives what `train_dataloader` gives, to rounding."""
        images = (self.resize(read_image(name)) for name in tqdm(self.train_ds.fnames, desc="reading images", unit="image"))
        return torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)


def find_afhq(root: Path) -> Path:
    """`root` or root/afhq, whichever holds train/; the stand-in, drawn when first needed, where there is no data/."""
    for folder in (root, root / "afhq"):
        if (folder / "train").is_dir():
            return folder
    if root != Path("data"):
        raise UserError(f"{root} holds neither train/ nor afhq/train/; --root must name a folder in AFHQ's layout.")
    if root.exists():
        raise UserError("data/ is there but holds no AFHQ: run `python dataset.py --download`, or remove it to use the stand-in.")
    stand_in = root.with_name("data_stand_in")
    if not stand_in.exists():
        partial = stand_in.with_name("data_stand_in.partial")
        shutil.rmtree(partial, ignore_errors=True)
        write_faces(partial, **STAND_IN_SIZE)
        partial.rename(stand_in)
    print(f"There is no data/, so {stand_in}/ is used. {NOTICE.strip()}")
    return stand_in


def build_eval_folder(afhq_root, folder=None, resolution: int = 64) -> Path:
    """Write every validation image, resized (bicubic), as PNG to `folder`, by default afhq_root/eval; returns that folder."""
    folder = Path(folder or Path(afhq_root) / "eval")
    folder.mkdir(parents=True, exist_ok=True)
    for name in tqdm(AFHQDataset(afhq_root, "val").fnames, desc="eval folder", unit="image"):
        target = folder / f"{name.parent.name}_{name.stem}.png"
        read_image(name).resize((resolution, resolution), Image.Resampling.BICUBIC).save(target)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the folder of real images for the FID, 64×64; fetch AFHQ if asked to.")
    parser.add_argument("--root", default="data", help="folder in AFHQ's layout, or the one that AFHQ is unpacked to")
    parser.add_argument("--download", action="store_true", help="fetch AFHQ from its authors' address")
    parser.add_argument("--archive", help="afhq.zip, where you have it already")
    parser.add_argument("--eval_dir", help="where to write; by default eval/ beside train/ and val/")
    args = parser.parse_args()
    if args.download or args.archive:
        install_afhq(args.root, args.archive)
    folder = build_eval_folder(find_afhq(Path(args.root)), args.eval_dir)
    print(f"The real images for the FID are in {folder}.")


if __name__ == "__main__":
    run(main)
