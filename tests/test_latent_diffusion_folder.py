"""What students of `latent_diffusion` get beside their files: settings, data, checkpoints, and a training that resumes exactly."""

import copy
import gzip
import json
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.latent_diffusion_folder import FOLDER, TINY, TINY_FACES, student_folder, write_config
from tests.mnist_folder import write_mnist


@pytest.fixture(autouse=True)
def given(monkeypatch, tmp_path):
    """The modules; in an empty folder, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path / "code")
    modules = student_folder(monkeypatch)
    monkeypatch.setattr(modules.train, "open_board", lambda *_: None)
    yield modules
    torch.set_num_threads(threads)


def refused(given, function, *arguments) -> str:
    """The sentence with which a script's `main` ends for bad input: one line, exit status 1."""
    with pytest.raises(SystemExit) as stopped:
        given.errors.run(lambda: function(*arguments))
    said = stopped.value.code
    assert isinstance(said, str)
    assert said.startswith("Error: ")
    assert "\n" not in said
    return said


def differences(a, b, path="") -> list[str]:
    """Where two nested states are not equal bit by bit."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) and a.dtype == b.dtype else [path]
    if isinstance(a, dict):
        return [d for key in a.keys() | b.keys() for d in differences(a.get(key), b.get(key), f"{path}/{key}")]
    if isinstance(a, list | tuple):
        return [path] * (len(a) != len(b)) + [
            d for i, pair in enumerate(zip(a, b)) for d in differences(*pair, f"{path}/{i}")
        ]
    return [] if a == b else [path]


def trained(given, settings, name, *options) -> dict:
    given.train.main([write_config(settings, Path("tiny.yaml")), "--output", name, *options])
    return given.checkpoints.load_checkpoint(f"../logs/{name}/checkpoint.safetensors")


# --- settings ---------------------------------------------------------------------------------------------------------


def test_the_settings_of_one_run_are_not_those_of_the_next(given):
    """The starter handed out its defaults by reference."""
    before = copy.deepcopy(given.config.DEFAULTS)
    first = given.config.load_config(write_config({}, Path("a.yaml")))
    first["model"]["dim_mults"].append(8)
    first["training"]["epochs"] = 1
    second = given.config.load_config(write_config({"model": {"dim": 8}}, Path("b.yaml")))
    assert before == given.config.DEFAULTS
    assert second["model"]["dim_mults"] == [1, 2, 4]
    assert second["training"] == before["training"]


def test_the_text_of_a_list_is_not_shared_either(given):
    settings = {"model": {"dim_mults": [1, 2]}}
    merged = given.config.merged(settings)
    merged["model"]["dim_mults"].append(4)
    assert settings == {"model": {"dim_mults": [1, 2]}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("training: {epoch: 3}", "there is no setting training.epoch; the nearest name is training.epochs."),
        ("modle: {dim: 3}", "there is no setting modle; the nearest name is model."),
        ("model: {dim: wide}", "model.dim must be a whole number, not 'wide'."),
        ("model: {dim: true}", "model.dim must be a whole number, not True."),
        ("model: {dim_mults: [1, two]}", "model.dim_mults must be a list of whole numbers"),
        ("model: {use_vae: 1}", "model.use_vae must be true or false, not 1."),
        ("model: 3", "model must hold names and values"),
        ("training: {epochs: 0}", "training.epochs must be positive, not 0."),
        ("training: {learning_rate: -1e-3}", "training.learning_rate must be positive"),
        ("training: {learning_rate: fast}", "training.learning_rate must be a number, not 'fast'."),
        ("training: {learning_rate: .nan}", "training.learning_rate must be positive"),
        ("data: {name: cifar}", "data.name is 'cifar'; it can be mnist, afhq."),
        ("[1, 2]", "the file must hold names and values"),
        ("model: {dim: [", "line 1 is not valid YAML"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(given, text, sentence):
    Path("bad.yaml").write_text(text)
    assert sentence in refused(given, given.train.main, ["bad.yaml"])


def test_a_learning_rate_may_be_written_without_a_dot(given):
    """YAML takes 2e-5 for text."""
    Path("a.yaml").write_text("training: {learning_rate: 2e-5}\nmodel: {attn_levels: []}")
    settings = given.config.load_config("a.yaml")
    assert settings["training"]["learning_rate"] == 2e-5
    assert settings["model"]["attn_levels"] == []


@pytest.mark.parametrize("name", sorted(path.name for path in (FOLDER / "configs").glob("*.yaml")))
def test_the_configurations_make_networks_for_their_data(given, name):
    settings = given.config.load_config(FOLDER / "configs" / name)
    assert settings["model"]["num_classes"] == {"mnist": 10, "afhq": 3}[settings["data"]["name"]]
    tables = given.ddpm.schedule(settings["model"]["timesteps"], quadratic=settings["model"]["use_vae"])
    assert tables["sqrt_alphas_cumprod"][-1] < 0.1  # the sampler starts from noise
    if "laptop" in name:
        model = given.models.make_model(settings)
        assert model.use_vae == (settings["data"]["name"] == "afhq")
        settings["data"]["drawn_per_class"] = 1
        given.datasets.load_images(settings, "data")


def test_the_courses_settings_are_the_courses(given):
    mnist = given.config.load_config(FOLDER / "configs" / "mnist.yaml")
    afhq = given.config.load_config(FOLDER / "configs" / "afhq.yaml")
    assert (mnist["model"]["timesteps"], mnist["training"]["epochs"], mnist["training"]["batch_size"]) == (500, 30, 64)
    assert (afhq["model"]["img_shape"], afhq["model"]["dim"], afhq["model"]["context_dim"]) == ([3, 128, 128], 96, 96)
    assert (afhq["model"]["use_vae"], afhq["training"]["epochs"]) == (True, 200)
    assert {settings["training"]["learning_rate"] for settings in (mnist, afhq)} == {2e-5}
    assert {settings["training"]["ema_decay"] for settings in (mnist, afhq)} == {0.999}


# --- data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_is_used_where_it_is(given, packed):
    write_mnist(Path("data"))
    if packed:
        for path in list(Path("data/MNIST/raw").iterdir()):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    images = given.datasets.load_digits(32, Path("data"))
    assert images.name == "MNIST"
    assert images.pixels.shape == (20, 1, 32, 32)
    assert images.labels.tolist() == [i % 10 for i in range(20)]
    assert images.pixels[:, :, 2:-2, 2:-2].min() == 255
    assert images.pixels.sum() == 255 * 20 * 28 * 28  # the rim is black


def test_a_damaged_mnist_is_named_and_drawn_digits_do_not_replace_it(given):
    write_mnist(Path("data"))
    path = Path("data/MNIST/raw/train-images-idx3-ubyte")
    path.write_bytes(path.read_bytes()[:-1])
    assert "is no whole file of MNIST" in refused(given, given.datasets.load_digits, 28, Path("data"))


def test_pixels_are_in_the_range_that_the_model_takes(given):
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert torch.allclose(given.datasets.to_model(pixels, use_vae=False), torch.tensor([-1, -0.6, 1]))
    assert torch.allclose(given.datasets.to_model(pixels, use_vae=True), torch.tensor([0, 0.2, 1]))


def test_faces_are_drawn_once_and_drawing_goes_on_where_it_was_stopped(given, monkeypatch):
    first = given.datasets.load_faces(32, Path("data"), drawn_per_class=2)
    assert first.name == given.datasets.DRAWN_FACES
    assert first.pixels.shape == (6, 3, 32, 32)
    assert first.labels.tolist() == [0, 0, 1, 1, 2, 2]
    drawn = sorted(Path("data/drawn_faces/32").rglob("*.png"))
    drawn[3].unlink()
    jobs, draw = [], given.datasets.render_face

    def counted(*arguments):
        jobs.append(arguments)
        return draw(*arguments)

    monkeypatch.setattr(given.datasets, "render_face", counted)
    again = given.datasets.load_faces(32, Path("data"), drawn_per_class=2)
    assert len(jobs) == 1
    assert torch.equal(first.pixels, again.pixels)


def test_photographs_are_used_where_they_are(given):
    for i, category in enumerate(("cat", "dog", "wild")):
        Path("data/afhq/train", category).mkdir(parents=True)
        Image.new("RGB", (40, 40), (100 * i, 0, 0)).save(f"data/afhq/train/{category}/a.png")
    images = given.datasets.load_faces(16, Path("data"))
    assert images.name == "images in AFHQ's layout, afhq/"
    assert images.pixels[:, 0, 0, 0].tolist() == [0, 100, 200]
    assert images.labels.tolist() == [0, 1, 2]
    Path("data/afhq/train/dog/a.png").write_bytes(b"no image")
    assert "dog/a.png is not a readable image" in refused(given, given.datasets.load_faces, 16, Path("data"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"img_shape": [1, 30, 30]}, "digits are 28 × 28, or 32 × 32 with a rim"),
        ({"img_shape": [3, 28, 28]}, "has 3 channels; these images have 1"),
        ({"img_shape": [1, 28, 32]}, "the images here are square"),
        ({"num_classes": 3}, "model.num_classes is 3; these images have 10 classes"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(given, changes, sentence):
    config = write_config(TINY | {"model": TINY["model"] | changes}, Path("a.yaml"))
    assert sentence in refused(given, given.train.main, [config])


# --- the autoencoder --------------------------------------------------------------------------------------------------


def test_latent_diffusion_has_the_projects_own_weights(given):
    model = given.ddpm.DDPM((3, 64, 64), dim=8, context_dim=8, use_vae=True)
    weights = load_file(given.tiny_autoencoder.DECODER_FILE)
    assert torch.equal(model.vae.decoder.state_dict()["1.weight"], weights["1.weight"].float())
    files = (given.tiny_autoencoder.ENCODER_FILE, given.tiny_autoencoder.DECODER_FILE)
    assert sum(path.stat().st_size for path in files) <= 2_000_000


def test_the_autoencoder_knows_faces_again_and_its_latents_are_of_unit_scale(given):
    """Faces that it was not trained on. Grey costs 0.2 of the brightness and more; the scale decides how much noise hides a latent."""
    faces = np.stack([given.faces.render_face(category, 7, 64) for category in ("cat", "dog", "wild")])
    x = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255
    vae = given.tiny_autoencoder.TAESD()
    with torch.no_grad():
        latents = vae.encoder(x)
        found = vae.decoder(latents)
    assert latents.shape == (3, 4, 8, 8)
    assert 0.5 < latents.std() < 2
    assert (found - x).abs().mean() < 0.08
    assert (found - x).abs().mean() < 0.5 * (x.mean((2, 3), keepdim=True) - x).abs().mean()


def test_weights_are_read_at_any_width_and_from_both_kinds_of_files(given):
    autoencoder = given.tiny_autoencoder
    encoder, decoder = autoencoder.make_encoder(8), autoencoder.make_decoder(16)
    save_file(encoder.state_dict(), "encoder.safetensors")
    torch.save(decoder.state_dict(), "decoder.pth")
    found = autoencoder.TAESD("encoder.safetensors", "decoder.pth")
    assert differences(dict(encoder.state_dict()), dict(found.encoder.state_dict())) == []
    assert differences(dict(decoder.state_dict()), dict(found.decoder.state_dict())) == []


def test_weights_that_are_none_are_refused_in_a_sentence(given):
    autoencoder = given.tiny_autoencoder
    save_file(autoencoder.make_decoder(8).state_dict(), "decoder.safetensors")
    Path("broken.safetensors").write_bytes(b"no weights")
    Path("broken.pth").write_bytes(b"no weights")
    torch.save(autoencoder.make_decoder(8), "whole.pth")  # a pickled module, which could run code
    torch.save([1, 2], "list.pth")
    for name, sentence in {
        "none.safetensors": "There is no file of weights",
        "broken.safetensors": "is no readable file of weights",
        "broken.pth": "is broken, or holds more than tensors",
        "whole.pth": "is broken, or holds more than tensors",
        "list.pth": "holds no state dict",
        "decoder.safetensors": "does not hold this half of TAESD",
    }.items():
        assert sentence in refused(given, autoencoder.TAESD, name)


def test_the_layout_is_that_of_taesd(given):
    """Compared with the implementation in diffusers: the same numbers from the same weights, and the names of TAESD's own files."""
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed (the dev extra has it)")
    theirs = diffusers.AutoencoderTiny().eval()
    ours_encoder, ours_decoder = given.tiny_autoencoder.make_encoder(), given.tiny_autoencoder.make_decoder()
    encoder = {name.removeprefix("layers."): value for name, value in theirs.encoder.state_dict().items()}
    # diffusers keeps the clamp out of its list of layers, so TAESD's numbers are higher by one.
    decoder = {}
    for name, value in theirs.decoder.state_dict().items():
        number, _, rest = name.removeprefix("layers.").partition(".")
        decoder[f"{int(number) + 1}.{rest}"] = value
    assert list(ours_encoder.state_dict()) == list(encoder)
    assert list(ours_decoder.state_dict()) == list(decoder)
    assert (
        len(encoder) == len(decoder) == 67
    )  # ten blocks of three convolutions; five others, of which three have no bias
    ours_encoder.load_state_dict(encoder)
    ours_decoder.load_state_dict(decoder)
    x, latents = torch.rand(2, 3, 32, 48), 3 * torch.randn(2, 4, 4, 6)
    with torch.no_grad():
        assert torch.allclose(ours_encoder(x), theirs.encoder(2 * x - 1), atol=1e-5)
        assert torch.allclose(2 * ours_decoder(latents) - 1, theirs.decoder(latents), atol=1e-5)


# --- the model's tables and the running mean --------------------------------------------------------------------------


@pytest.mark.parametrize("use_vae", [False, True])
def test_the_tables_go_where_the_model_goes(given, use_vae):
    """The starter left them on the CPU. The device "meta" stands for a GPU."""
    model = given.ddpm.DDPM((3, 16, 16), dim=8, context_dim=8, timesteps=5, use_vae=use_vae).to("meta")
    tables = (
        "betas",
        "sqrt_recip_alphas",
        "sqrt_alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "posterior_variance",
    )
    for name in tables:
        assert getattr(model, name).device.type == "meta"
        assert getattr(model, name).shape == (5,)
    assert not set(tables) & set(model.state_dict())  # they are no part of what is handed in


def test_the_running_mean_leaves_the_autoencoder_out(given):
    model = given.ddpm.DDPM((3, 16, 16), dim=8, context_dim=8, timesteps=5, use_vae=True)
    mean = given.utils.EMA(model).mean
    assert mean
    assert not [name for name in mean if name.startswith("vae.")]
    assert sorted(mean) == sorted(f"model.{name}" for name in model.model.state_dict())


def test_the_running_mean_is_that_of_its_definition_and_takes_buffers_over(given):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    ema, expected = given.utils.EMA(model, 0.9), model[0].weight.detach().clone().double()
    for n in range(1, 201):
        with torch.no_grad():
            model[0].weight.normal_()
        model(torch.randn(4, 2))
        ema.update(model)
        decay = min(0.9, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * model[0].weight.detach().double()
    assert torch.allclose(ema.mean["0.weight"].double(), expected, atol=1e-5)
    assert torch.equal(ema.mean["1.running_mean"], model[1].running_mean)
    assert ema.mean["1.num_batches_tracked"] == 200
    own = model[0].weight.detach().clone()
    with ema.applied(model):
        assert torch.equal(model[0].weight, ema.mean["0.weight"])
    assert torch.equal(model[0].weight, own)


def test_default_is_the_fallback_or_what_it_gives(given):
    assert given.utils.default(0, 5) == 0
    assert given.utils.default(None, 5) == 5
    assert given.utils.default(None, lambda: 6) == 6


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupt_at(given, monkeypatch):
    """Makes Ctrl-C come in the middle of the step of that number."""

    def at(number):
        whole = given.trainer.Trainer.one_step

        def one_step(self):
            if self.step == number - 1:
                signal.raise_signal(signal.SIGINT)
            return whole(self)

        monkeypatch.setattr(given.trainer.Trainer, "one_step", one_step)

    return at


def test_a_second_ctrl_c_stops_at_once_with_one_sentence(given, monkeypatch, capsys):
    def pressed_twice(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(given.trainer.Trainer, "one_step", pressed_twice)
    with pytest.raises(SystemExit) as stopped:
        given.errors.run(lambda: trained(given, TINY, "a"))
    assert stopped.value.code == 130
    assert capsys.readouterr().err.endswith("\nStopped at once, by Ctrl-C; what was not written yet is lost.\n")


@pytest.mark.parametrize(("settings", "step"), [  # in the middle of an epoch, and at its end
    pytest.param(TINY, 2, id="pixels-2"),
    pytest.param(TINY, 3, id="pixels-3", marks=pytest.mark.proof),
    pytest.param(TINY_FACES, 2, id="latents-2", marks=pytest.mark.proof),
    pytest.param(TINY_FACES, 3, id="latents-3"),
])  # fmt: skip
def test_a_resumed_training_is_the_uninterrupted_one_bit_by_bit(given, settings, step, interrupt_at):
    """The starter began the saved epoch again."""
    uninterrupted = trained(given, settings, "a")
    interrupt_at(step)
    with pytest.raises(SystemExit) as stopped:
        trained(given, settings, "b")
    assert stopped.value.code == 130
    state = given.checkpoints.load_checkpoint("../logs/b/checkpoint.safetensors")
    assert state["step"] == step
    torch.manual_seed(12345)  # what happened in the meantime does not matter
    given.train.main(["../logs/b/config.yaml", "--resume", "../logs/b"])
    resumed = given.checkpoints.load_checkpoint("../logs/b/checkpoint.safetensors")
    assert len(resumed["losses"]) == 6
    assert differences(uninterrupted, resumed) == []
    assert Path("../logs/a/model.safetensors").read_bytes() == Path("../logs/b/model.safetensors").read_bytes()


def test_every_epoch_sees_other_images_first_and_each_once(given):
    orders = [given.utils.epoch_order(50, 3, epoch).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_samples_do_not_change_the_training(given):
    often = trained(given, TINY, "a", "-c", "1")
    seldom = trained(given, TINY, "b", "-c", "5")
    assert differences(often, seldom) == []
    assert sorted(path.name for path in Path("../logs/a").glob("sample-*")) == ["sample-1.png", "sample-2.png"]
    assert sorted(path.name for path in Path("../logs/b").glob("sample-*")) == ["sample-2.png"]


def test_what_is_left_is_the_mean_of_the_weights_and_can_be_drawn_with(given):
    state = trained(given, TINY_FACES, "a")
    weights = load_file("../logs/a/model.safetensors")
    assert differences(weights, dict(state["ema"]["mean"])) == []
    model, config, data = given.models.load_model("../logs/a/model.safetensors")
    assert data == given.datasets.DRAWN_FACES
    assert config == given.config.load_config("../logs/a/config.yaml") == given.config.merged(TINY_FACES)
    images = given.models.draw(model, torch.tensor([0, 1, 2]))
    assert images.shape == (3, 3, 32, 32)
    assert 0 <= images.min() <= images.max() <= 1
    given.sample.main(["../logs/a", "--method", "ddim", "--steps", "2", "--per_class", "1"])
    assert Path("../logs/a/samples-ddim-2.png").is_file()


def test_both_editions_of_the_methods_are_understood(given):
    calls = []

    class Newer:
        timesteps = 5

        def compute_loss(self, x_start, label, noise=None):
            calls.append(noise)
            return torch.tensor(1.0)

        def generate(self, labels):
            return torch.zeros(len(labels), 1, 2, 2)

        def eval(self): ...

    class Older(Newer):
        def compute_loss(self, x_start, label, t, noise=None):
            calls.append(t)
            return torch.tensor(2.0)

    x, labels = torch.zeros(7, 1, 2, 2), torch.zeros(7, dtype=torch.long)
    assert given.models.loss_of(Newer(), x, labels) == 1
    assert given.models.loss_of(Older(), x, labels) == 2
    assert calls[0] is None
    assert calls[1].shape == (7,)
    assert calls[1].dtype == torch.int64
    assert 0 <= calls[1].min() <= calls[1].max() < 5
    assert given.models.draw(Newer(), labels, batch_size=3).shape == (7, 1, 2, 2)


def test_a_part_that_is_not_done_ends_in_a_sentence(given, monkeypatch, capsys):
    def not_done(*_):
        raise NotImplementedError("TODO 3: DDPM.p_sample")

    monkeypatch.setattr(given.ddpm.DDPM, "p_sample", not_done)
    trained(given, TINY, "a")  # samples can wait
    assert "No samples yet, since this is not done: TODO 3: DDPM.p_sample." in capsys.readouterr().out
    monkeypatch.setattr(given.ddpm.DDPM, "q_sample", not_done)
    assert "This needs a part that is not done yet" in refused(given, given.train.main, ["tiny.yaml", "--output", "b"])


def test_code_that_fails_in_sampling_does_not_end_the_training(given, monkeypatch, capsys):
    def fails(*_):
        raise TypeError("a mistake")

    monkeypatch.setattr(given.ddpm.DDPM, "p_sample", fails)
    assert trained(given, TINY, "a")["step"] == 6
    assert "Your code failed when samples were drawn" in capsys.readouterr().out


def test_a_loss_that_is_no_number_ends_the_training(given, monkeypatch):
    monkeypatch.setattr(given.ddpm.DDPM, "q_sample", lambda self, x, t, noise: x / 0)
    config = write_config(TINY, Path("tiny.yaml"))
    assert "The loss is nan at step 1." in refused(given, given.train.main, [config])


def test_mistakes_in_starting_get_one_sentence(given):
    config = write_config(TINY, Path("tiny.yaml"))
    other = write_config(TINY | {"sampling": {"per_class": 2}}, Path("other.yaml"))
    trained(given, TINY, "a")
    Path("text.safetensors").write_text("no checkpoint")
    save_file({"a": torch.zeros(1)}, "weights.safetensors")
    for options, sentence in {
        (config, "--output", "a"): "holds a training already",
        (config, "--output", "../a"): "must be a name, not a path",
        (config, "--resume", "nowhere"): "There is no checkpoint nowhere",
        (config, "--resume", "text.safetensors"): "is no readable checkpoint",
        (config, "--resume", "weights.safetensors"): "is no checkpoint of a training",
        (other, "--resume", "../logs/a"): "are not those that this training was begun with",
        ("none.yaml",): "none.yaml cannot be read",
        (config, "-p", "0"): "count steps and epochs",
        (config, "--device", "nonsense"): "PyTorch cannot use --device nonsense",
    }.items():
        assert sentence in refused(given, given.train.main, list(options))
    write_mnist(Path("data"))
    assert "begun on other images" in refused(given, given.train.main, [config, "--resume", "../logs/a"])


def test_a_checkpoint_is_data_and_comes_back_as_it_was(given):
    state = {"a": {3: torch.arange(4), "b": [torch.tensor(1.5), (1, "x", None, True)]}, "c": 0.1}
    given.checkpoints.save_checkpoint(state, "deep/a.safetensors")
    back = given.checkpoints.load_checkpoint("deep/a.safetensors")
    assert differences(state, back) == []
    assert list(back["a"]) == [3, "b"]
    assert [path.name for path in Path("deep").iterdir()] == ["a.safetensors"]


def test_a_crash_in_writing_leaves_the_old_checkpoint(given, monkeypatch):
    given.checkpoints.save_checkpoint({"a": 1}, "a.safetensors")

    def crash(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(given.checkpoints, "save_file", crash)
    with pytest.raises(KeyboardInterrupt):
        given.checkpoints.save_checkpoint({"a": 2}, "a.safetensors")
    assert given.checkpoints.load_checkpoint("a.safetensors") == {"a": 1}


def test_the_loss_is_on_tensorboard(given, monkeypatch):
    seen = []

    class Board:
        def add_scalar(self, *arguments):
            seen.append(arguments)

        def close(self): ...

    monkeypatch.setattr(given.train, "open_board", lambda *_: Board())
    state = trained(given, TINY, "a")
    assert seen == [("training/loss", loss, i) for i, loss in enumerate(state["losses"], 1)]


@pytest.mark.slow
def test_the_autoencoders_training_goes_on_where_it_was_stopped(given, monkeypatch):
    module = given.train_autoencoder
    rows = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
    monkeypatch.setattr(module, "make_images", lambda folder: [rows])
    options = ["--steps", "3", "--batch_size", "1", "--width", "8"]
    module.main([*options, "--folder", "a", "--weights", "e.safetensors", "d.safetensors"])
    monkeypatch.setattr(module, "SAVE_EVERY", 2)
    whole = module.Training.one_step

    def stopped(self, *arguments):
        if self.step == 2:
            raise KeyboardInterrupt
        return whole(self, *arguments)

    monkeypatch.setattr(module.Training, "one_step", stopped)
    with pytest.raises(SystemExit):
        module.main([*options, "--folder", "b", "--weights", "e2.safetensors", "d2.safetensors"])
    monkeypatch.setattr(module.Training, "one_step", whole)
    module.main([*options, "--folder", "b", "--weights", "e2.safetensors", "d2.safetensors"])
    assert differences(load_file("e.safetensors"), load_file("e2.safetensors")) == []
    given.tiny_autoencoder.TAESD("e.safetensors", "d.safetensors")


# --- what is handed in ------------------------------------------------------------------------------------------------


def test_the_zip_has_code_writeup_and_results_and_nothing_else(given, monkeypatch, capsys):
    for name in ("libs/ddpm.py", "libs/unet.py", "train.py", "configs/a.yaml", "writeup/report.pdf", "data/secret.png",
                 "libs/weights/tiny_encoder.safetensors", "libs/__pycache__/x.py", ".git/hook.py",
                 "../logs/a/model.safetensors", "../logs/a/checkpoint.safetensors", "../logs/a/sample-5.png",
                 "../logs/a/tensorboard/events", "../logs/b/model.safetensors"):  # fmt: skip
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    monkeypatch.setattr(given.zip_submission, "MOST_MODEL", len("../logs/a/model.safetensors"))
    Path("../logs/b/model.safetensors").write_text("x" * 100)
    given.zip_submission.main([])
    with zipfile.ZipFile("submission.zip") as archive:
        names = sorted(archive.namelist())
    assert names == [
        "code/configs/a.yaml", "code/libs/ddpm.py", "code/libs/unet.py", "code/train.py",
        "results/a/model.safetensors", "results/a/sample-5.png", "writeup/report.pdf",
    ]  # fmt: skip
    assert "b/model.safetensors has more than" in capsys.readouterr().out


def test_no_zip_is_made_elsewhere(given):
    assert "There is no libs/ddpm.py here" in refused(given, given.zip_submission.main, [])
    assert not Path("submission.zip").exists()


def test_the_configuration_lies_in_the_handed_in_model(given):
    trained(given, TINY, "a")
    from safetensors import safe_open

    with safe_open("../logs/a/model.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["made of"])["config"] == given.config.merged(TINY)
