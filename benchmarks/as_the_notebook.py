"""The pipeline of the notebook without its plots, as one plain process: DataLoader, unfused Adam, one thread. The yardstick for the grader.

Usage: python -m benchmarks.as_the_notebook FOLDER    (FOLDER holds a solved ddpm.py and network.py and the given files)
"""

import sys
import time


def main(folder: str) -> None:
    sys.path.insert(0, folder)
    import torch

    torch.set_num_threads(1)
    from chamferdist import chamfer_distance
    from dataset import TwoDimDataClass, get_data_iterator
    from ddpm import BaseScheduler, DiffusionModule
    from network import SimpleNet

    data = TwoDimDataClass("swiss_roll", 1_000_000, 128)
    target = data.X[:2048]
    model = DiffusionModule(SimpleNet(2, 2, [128, 128, 128], 1000), BaseScheduler(1000))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    started = time.perf_counter()
    batches = get_data_iterator(data.get_dataloader())
    losses = []
    for _ in range(5000):
        loss = model.compute_loss(next(batches))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    ddpm = chamfer_distance(model.p_sample_loop((2048, 2)), target)
    ddim = chamfer_distance(model.ddim_p_sample_loop((2048, 2), 50), target)
    print(f"{time.perf_counter() - started:.1f} s training and sampling, CD {ddpm:.1f} and {ddim:.1f}")


if __name__ == "__main__":
    main(sys.argv[1])
