"""Task 1-1: the blocks, and the U-Net of the first diagram."""

from autograder.assignments.mnist_diffusion import networks
from autograder.assignments.mnist_diffusion.unet_judge import Judge
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student


@task("1-1", points=2, region="unet.py:Conv", shows_work=True)
def test_conv(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`Conv` is a convolution (kernel 3, stride 1, padding 1), BatchNorm2d and GELU."""
    sizes = draw.integer(2, 3), draw.integer(5, 7)
    Judge(student, reference, draw, note, carry)(networks.block("Conv", draw, 6, sizes))


@task("1-1", points=2, region="unet.py:DownConv", shows_work=True)
def test_down_conv(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`DownConv` is a convolution (kernel 3, stride 2, padding 1), BatchNorm2d and GELU: it halves the side."""
    sizes = draw.integer(2, 3), draw.integer(5, 7)
    Judge(student, reference, draw, note, carry)(networks.block("DownConv", draw, 8, sizes))


@task("1-1", points=2, region="unet.py:UpConv", shows_work=True)
def test_up_conv(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`UpConv` is a transposed convolution (kernel 4, stride 2, padding 1), BatchNorm2d and GELU: it doubles the side."""
    sizes = draw.integer(5, 7), draw.integer(2, 3)
    Judge(student, reference, draw, note, carry)(networks.block("UpConv", draw, 4, sizes))


@task("1-1", points=1, region="unet.py:Flatten", shows_work=True)
def test_flatten(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`Flatten` is the average of each 7 × 7 map, and GELU."""
    Judge(student, reference, draw, note, carry)(networks.block("Flatten", draw, 7))


@task("1-1", points=2, region="unet.py:Unflatten", shows_work=True)
def test_unflatten(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`Unflatten` makes 7 × 7 maps of 1 × 1: a transposed convolution (kernel 7), BatchNorm2d and GELU."""
    Judge(student, reference, draw, note, carry)(networks.block("Unflatten", draw, 1, (draw.integer(5, 7),)))


@task("1-1", points=2, region="unet.py:ConvBlock", shows_work=True)
def test_conv_block(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`ConvBlock` is Conv(in_channels, out_channels) and Conv(out_channels, out_channels)."""
    sizes = draw.integer(2, 3), draw.integer(5, 7)
    Judge(student, reference, draw, note, carry)(networks.block("ConvBlock", draw, 6, sizes))


@task("1-1", points=2, region="unet.py:DownBlock", shows_work=True)
def test_down_block(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`DownBlock` is DownConv(in_channels, out_channels) and ConvBlock(out_channels, out_channels)."""
    sizes = draw.integer(2, 3), draw.integer(5, 7)
    Judge(student, reference, draw, note, carry)(networks.block("DownBlock", draw, 8, sizes))


@task("1-1", points=2, region="unet.py:UpBlock", shows_work=True)
def test_up_block(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`UpBlock` is UpConv(in_channels, out_channels) and ConvBlock(out_channels, out_channels)."""
    sizes = draw.integer(5, 7), draw.integer(2, 3)
    Judge(student, reference, draw, note, carry)(networks.block("UpBlock", draw, 4, sizes))


@task("1-1", points=5, region="unet.py:UnconditionalUNet", shows_work=True)
def test_unconditional_unet(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`UnconditionalUNet` is the U-Net of the first diagram: its blocks, their channels, the three concatenations, and a bare Conv2d at the end."""
    Judge(student, reference, draw, note, carry)(networks.unconditional(draw))
