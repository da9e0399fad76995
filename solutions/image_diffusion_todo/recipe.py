"""The hyperparameters of a training, and what makes a training not gradable (given; nothing to do here)."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned. The defaults are the assignment's: they must not be changed."""

    batch_size: int = 12  # over all GPUs together
    train_num_steps: int = 100_000
    warmup_steps: int = 200  # the learning rate grows linearly over these
    learning_rate: float = 2e-4  # Adam
    num_diffusion_train_timesteps: int = 1000  # T
    beta_1: float = 1e-4  # the first variance; linear schedule
    beta_T: float = 0.02  # the last one
    seed: int = 63
    max_num_images_per_cat: int = 1000
    image_resolution: int = 64
    ch: int = 128
    ch_mult: tuple = (1, 2, 2, 2)
    attn: tuple = (1,)
    num_res_blocks: int = 4
    dropout: float = 0.1

    def network_settings(self) -> dict:
        """Arguments of UNet."""
        names = ("image_resolution", "ch", "ch_mult", "attn", "num_res_blocks", "dropout")
        values = {name: getattr(self, name) for name in names}
        return {"T": self.num_diffusion_train_timesteps, **{k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}}

    def schedule_settings(self) -> dict:
        """Arguments of BaseScheduler."""
        return dict(num_train_timesteps=self.num_diffusion_train_timesteps, beta_1=self.beta_1, beta_T=self.beta_T, mode="linear")

    def to_plain(self) -> dict:
        """For JSON and checkpoints: tuples as lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


CANONICAL = Recipe()
LAPTOP = Recipe(
    # The last x_t keeps 0.6 % of the image's variance (canonical: 0.004 %). Noisier levels teach little but the overall colour, and slowly:
    # after a short training their errors, multiplied by 1/√ᾱ, would drown every sample in glaring colours.
    beta_T=0.01,
    batch_size=16, train_num_steps=3000, learning_rate=1e-3, image_resolution=32, ch=32, ch_mult=(1, 1, 2), attn=(2,), num_res_blocks=1,
    dropout=0.0,
)  # fmt: skip
PRESETS = {"canonical": CANONICAL, "laptop": LAPTOP}


def from_plain(values: dict) -> Recipe:
    """The inverse of Recipe.to_plain. Raises ValueError for unknown or missing names."""
    if set(values) != {field.name for field in fields(Recipe)}:
        raise ValueError("the recipe has other fields than this version's")
    return Recipe(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def remarks(recipe: Recipe, is_stand_in: bool) -> list[str]:
    """Why a model of this recipe is not gradable as the assignment's; empty when it is."""
    theirs, ours = recipe.to_plain(), CANONICAL.to_plain()
    changed = [f"{name} is {theirs[name]} instead of {ours[name]}" for name in ours if theirs[name] != ours[name]]
    reasons = ["not gradable as canonical: " + ", ".join(changed)] if changed else []
    return reasons + ["trained on the stand-in faces, not on AFHQ"] * is_stand_in
