"""How each of the models is trained: the course's settings, and smaller ones for a laptop (given; nothing to do here)."""

from dataclasses import dataclass, replace

SHOWN = (1, 5, 10, 15, 20)  # epochs after which there are pictures, and after the last one


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned."""

    model: str  # a key of COURSE
    batch_size: int
    epochs: int
    num_hiddens: int  # D
    learning_rate: float  # Adam
    decays: bool = True  # by the factor 0.1^(1/epochs) after each epoch (ExponentialLR), so to a tenth in the end
    num_ts: int = 300  # T
    sigma: float = 0.5  # of the denoiser
    p_uncond: float = 0.1  # how many labels are dropped
    images: int = 60_000  # of the training set, at most
    seed: int = 0

    @property
    def shown(self) -> tuple[int, ...]:
        return tuple(epoch for epoch in range(1, self.epochs + 1) if epoch in SHOWN or epoch == self.epochs)

    @property
    def in_words(self) -> str:
        """For captions: "D = 64, batches of 128, Adam 0.001 falling to a tenth, 20 epochs of 60,000 images"."""
        falling = " falling to a tenth" if self.decays else ""
        own = f"σ = {self.sigma:g}" if self.model in ("denoiser", "better") else f"T = {self.num_ts}"
        return (f"D = {self.num_hiddens}, {own}, batches of {self.batch_size}, Adam {self.learning_rate:g}{falling}, "
                f"{self.epochs} epochs of {self.images:,} images")  # fmt: skip


COURSE = {
    "denoiser": Recipe("denoiser", batch_size=256, epochs=5, num_hiddens=128, learning_rate=1e-4, decays=False),
    "better": Recipe("better", batch_size=256, epochs=5, num_hiddens=128, learning_rate=1e-4, decays=False),
    "time": Recipe("time", batch_size=128, epochs=20, num_hiddens=64, learning_rate=1e-3),
    "class": Recipe("class", batch_size=128, epochs=20, num_hiddens=64, learning_rate=1e-3),
    "flow_time": Recipe("flow_time", batch_size=64, epochs=10, num_hiddens=64, learning_rate=1e-2, num_ts=50),
    "flow_class": Recipe("flow_class", batch_size=64, epochs=10, num_hiddens=64, learning_rate=1e-2, num_ts=300),
}
LAPTOP = {
    "denoiser": replace(COURSE["denoiser"], batch_size=64, num_hiddens=16, learning_rate=1e-3, images=20_000),
    "better": replace(COURSE["better"], batch_size=64, num_hiddens=16, learning_rate=1e-3, images=20_000),
    "time": replace(COURSE["time"], batch_size=32, num_hiddens=16, images=10_000),
    "class": replace(COURSE["class"], batch_size=32, num_hiddens=16, images=8_000),
    "flow_time": replace(COURSE["flow_time"], batch_size=32, num_hiddens=16, images=16_000),
    "flow_class": replace(COURSE["flow_class"], batch_size=32, num_hiddens=16, images=16_000, num_ts=50),
}
PRESETS = {"course": COURSE, "laptop": LAPTOP}
