"""The U-Net: shapes, forms of t, parameters, gradients."""

import pytest
import torch

from tests.image_assignment import image_assignment

assignment = image_assignment()
UNet, module = assignment.network.UNet, assignment.module
TINY = dict(T=10, image_resolution=8, ch=32, ch_mult=[1, 2], attn=[1], num_res_blocks=1, dropout=0.1)


def tiny() -> torch.nn.Module:
    torch.manual_seed(0)
    return UNet(**TINY).eval()


def awake() -> torch.nn.Module:
    """The same in float64 with larger weights: at the start the network's output, and what t does to it, is almost nothing."""
    network = tiny().double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return network


def count_by_hand(ch, ch_mult, attn, blocks) -> int:
    """Parameters of the architecture of the course's network, added up layer by layer."""

    def conv(i, o, k):
        return i * o * k * k + o

    def linear(i, o):
        return i * o + o

    def residual(i, o, attention):
        shortcut = conv(i, o, 1) if i != o else 0
        return (
            2 * i
            + conv(i, o, 3)
            + linear(4 * ch, o)
            + 2 * o
            + conv(o, o, 3)
            + shortcut
            + attention * (2 * o + 4 * conv(o, o, 1))
        )

    total, now, skips = linear(256, 4 * ch) + linear(4 * ch, 4 * ch) + conv(3, ch, 3), ch, [ch]
    for level, mult in enumerate(ch_mult):
        for _ in range(blocks):
            total, now = total + residual(now, ch * mult, level in attn), ch * mult
            skips.append(now)
        if level < len(ch_mult) - 1:
            total += conv(now, now, 3)
            skips.append(now)
    total += residual(now, now, True) + residual(now, now, False)
    for level in reversed(range(len(ch_mult))):
        for _ in range(blocks + 1):
            total, now = total + residual(now + skips.pop(), ch * ch_mult[level], level in attn), ch * ch_mult[level]
        total += conv(now, now, 3) if level else 0
    return total + 2 * now + conv(now, 3, 3)


def test_the_canonical_network_has_the_parameters_of_the_courses():
    with torch.device("meta"):  # shapes only
        network = UNet()
    count = sum(p.numel() for p in network.parameters())
    assert count == count_by_hand(128, [1, 2, 2, 2], [1], 4) == 58_753_283


def test_parameter_names_are_the_courses():
    names = set(tiny().state_dict())
    for name in ("head.weight", "time_embedding.mlp.0.weight", "downblocks.0.block1.0.weight", "downblocks.0.temb_proj.1.bias",
                 "downblocks.1.main.weight", "downblocks.2.attn.proj_q.weight", "middleblocks.0.attn.group_norm.weight",
                 "middleblocks.1.block2.3.weight", "upblocks.2.main.bias", "upblocks.0.shortcut.weight", "tail.2.bias"):  # fmt: skip
        assert name in names


@pytest.mark.parametrize(
    "t", [7, torch.tensor(7), torch.tensor([7]), torch.tensor([7, 7, 7])], ids=["int", "()", "(1,)", "(B,)"]
)
def test_every_form_of_t_gives_the_same(t):
    network, x = awake(), torch.randn(3, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = torch.cat([network(x[i : i + 1], torch.tensor([7])) for i in range(3)])
    assert network(x, t).shape == x.shape
    assert torch.allclose(network(x, t), expected, rtol=1e-9)


def test_each_row_has_its_own_t():
    network, x = awake(), torch.randn(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    both = network(x.repeat(2, 1, 1, 1), torch.tensor([1, 9]))
    assert torch.allclose(both[0], network(x, 1)[0], rtol=1e-9)
    assert torch.allclose(both[1], network(x, 9)[0], rtol=1e-9)
    assert (both[0] - both[1]).abs().max() > 1e-2 * both.abs().max(), "t must matter"


def test_gradients_reach_every_parameter():
    network = awake().float().train()
    (network(torch.randn(2, 3, 8, 8), torch.tensor([3, 4])) * torch.randn(2, 3, 8, 8)).sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_dropout_works_in_training_only():
    network, x = awake(), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(network(x, 3), network(x, 3))
    network.train()
    assert not torch.equal(network(x, 3), network(x, 3))


def test_the_first_prediction_is_nearly_zero():
    assert tiny()(torch.randn(2, 3, 8, 8), 5).abs().max() < 1e-3


def test_attention_is_softmax_attention():
    torch.manual_seed(0)
    block = module.AttnBlock(32).double()
    x = torch.randn(2, 32, 4, 4, dtype=torch.float64)
    h = torch.nn.functional.group_norm(x, 8, block.group_norm.weight, block.group_norm.bias)
    q, k, v = (
        torch.einsum("oc,bcyx->boyx", p.weight[:, :, 0, 0], h) + p.bias[:, None, None]
        for p in (block.proj_q, block.proj_k, block.proj_v)
    )
    weights = torch.einsum("bcij,bckl->bijkl", q, k).div(32**0.5).flatten(3).softmax(dim=3).unflatten(3, (4, 4))
    attended = torch.einsum("bijkl,bckl->bcij", weights, v)
    expected = (
        x + torch.einsum("oc,bcyx->boyx", block.proj.weight[:, :, 0, 0], attended) + block.proj.bias[:, None, None]
    )
    assert torch.allclose(block(x), expected, atol=1e-12)


def test_the_time_embedding_tells_all_times_apart():
    embedding = module.TimeEmbedding(64).double()
    rows = embedding(torch.arange(1000))
    distance = torch.cdist(rows, rows) + 1e9 * torch.eye(1000)
    assert distance.min() > 1e-3


def test_normalisation_keeps_the_mean_colour_and_has_ddpms_32_groups():
    """With one channel in a group, adding a constant to a channel would change nothing: no network could learn colours."""
    assert [module.norm(channels).num_groups for channels in (32, 64, 96, 128, 256, 512)] == [8, 16, 24, 32, 32, 32]
    network, x = awake(), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    brighter = network(x + torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)[:, None, None], 4)
    assert (brighter - network(x, 4)).mean(dim=(2, 3)).abs().max() > 1e-2 * network(x, 4).std()


def test_memory_format_does_not_matter():
    network, x = awake(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    expected = network(x, 4)
    result = network.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last), 4)
    assert torch.allclose(result, expected, rtol=1e-9)


def test_task_1s_ddpm_trains_samples_saves_and_loads(tmp_path):
    """A student may copy ddpm.py over from task 1."""
    ddpm = assignment.ddpm
    module = ddpm.DiffusionModule(tiny(), ddpm.BaseScheduler(10)).eval()
    assert module.image_resolution == 8
    loss = module.compute_loss(torch.zeros(64, 3, 8, 8))
    assert 0.9 < loss < 1.1, (
        "an untrained network predicts 0, so the loss is the variance of 12,288 normal numbers: 1 ± 0.013"
    )
    assert module.p_sample_loop((2, 3, 8, 8)).shape == (2, 3, 8, 8)
    assert module.ddim_p_sample_loop((2, 3, 8, 8), num_inference_timesteps=5).shape == (2, 3, 8, 8)
    module.save(tmp_path / "model.ckpt")
    other = ddpm.DiffusionModule(UNet(**{**TINY, "ch": 64}), ddpm.BaseScheduler(5))
    other.load(tmp_path / "model.ckpt")
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(other.eval().network(x, 3), module.network(x, 3))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (dict(ch=48), "multiple of 32"),
        (dict(image_resolution=9), "divisible by 2"),
        (dict(attn=[2]), "attn names resolutions by index"),
        (dict(use_cfg=True), "without class labels"),
    ],
)
def test_sizes_that_make_no_network_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        UNet(**{**TINY, **settings})


@pytest.mark.parametrize(
    ("x", "t", "sentence"),
    [
        (torch.zeros(1, 3, 16, 16), 0, r"expects images of shape \(B, 3, 8, 8\)"),
        (torch.zeros(3, 8, 8), 0, "expects images of shape"),
        (torch.zeros(3, 3, 8, 8), torch.tensor([1, 2]), "one for each of the 3 images"),
    ],
)
def test_inputs_of_other_shapes_are_refused(x, t, sentence):
    with pytest.raises(ValueError, match=sentence):
        tiny()(x, t)
