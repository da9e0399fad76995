"""Task 2-1: what comes of samples, checkpoints and deliverables. FID itself is tested in test_fid_*.py; here it is a number."""

import ast
import contextlib
import copy
import dataclasses
import io
import re
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from autograder.assignments.image_diffusion import outcome, perfect_sampler
from autograder.assignments.image_diffusion.outcome import Outcome
from autograder.assignments.image_diffusion.rule import Rule
from autograder.commands import demo as demo_command
from autograder.commands import grade_one as command
from autograder.errors import UserError
from autograder.grading.checks import Carry, Held, Note, WrongAnswer
from autograder.grading.deliverables import missing_deliverables
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.prepare import given_to_worker, prepare_files
from autograder.grading.session import Grading, Options
from autograder.manifest import Manifest, load_manifest
from autograder.sandbox import pictures
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import Submission, read_submission
from tests.bulk import bulk
from tests.check_runs import named

COUNT = 6
MANIFEST = load_manifest("image_diffusion")
RULE = MANIFEST.outcome
assert isinstance(RULE, Rule)
SMALL: Manifest = dataclasses.replace(
    MANIFEST,
    files=dataclasses.replace(MANIFEST.files, num_samples=COUNT),
    outcome=dataclasses.replace(RULE, num_inference_timesteps=2, batch_size=4),
)
DDPM = solution_files(MANIFEST)["ddpm.py"]


def picture(mode: str = "RGB", size: tuple[int, int] = (64, 64), form: str = "PNG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image = Image.new("I;16", size) if mode == "I;16" else image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, format=form)
    return buffer.getvalue()


def good_images(count: int = COUNT) -> dict[str, bytes]:
    return {f"{index}.png": picture(seed=index) for index in range(count)}


def judge(sandbox: Sandbox, images: dict[str, bytes], findings: Mapping[str, str] = {}, **more: Any) -> Outcome:
    """An outcome that has measured, with an FID of 12 ± 1.5 for whatever images."""
    files = solution_files(MANIFEST)
    judged = Outcome(
        OutcomeContext(SMALL, sandbox, files, MANIFEST.limits, b"secret of the test", "digest", images=images, **more)
    )
    judged._figures_of = lambda pixels: {  # type: ignore[method-assign]
        "fid": {"value": 12.0, "standard_error": 1.5, "floor": {"mean": 0.8}}, "look_at": ["two images are equal"],
        "findings": dict(findings), "duplicates": {"identical": 0}, "trace_ratio": 1.3,
        "reference": {"description": "a stand-in"},
    }  # fmt: skip
    try:
        judged.measure()
    finally:
        judged.close()
    return judged


# Images


def test_good_images_come_through_pixel_by_pixel(sandbox: Sandbox) -> None:
    found = judge(sandbox, good_images())
    expected = [np.asarray(Image.open(io.BytesIO(good_images()[f"{i}.png"]))) for i in range(COUNT)]
    assert np.array_equal(found.measure().pixels, np.stack(expected))
    assert found.measure().origin == "samples/"
    assert [figure.name for figure in found.figures()] == ["samples", "fid"]
    assert [(notice.kind, notice.deduction) for notice in found.notices()] == [("staff", 0.0)] * 3
    assert "stand-in for the real data" in found.notices()[-1].message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "odd.png is no PNG or JPEG image"),
        (b"not a picture", "odd.png is no PNG or JPEG image"),
        (picture()[:700], "odd.png is damaged"),
        (picture(size=(32, 32)), "odd.png has 32 × 32 pixels"),
        (picture(size=(64, 65)), "odd.png has 64 × 65 pixels"),
        (picture("L"), "odd.png has the mode L"),
        (picture("RGBA"), "odd.png has the mode RGBA"),
        (picture("P"), "odd.png has the mode P"),
        (picture("I;16"), "odd.png has the mode I;16"),
        (picture("CMYK", form="JPEG"), "odd.png has the mode CMYK"),
        (picture("P", form="GIF"), "odd.png is no PNG or JPEG image"),
        (picture(form="WEBP"), "odd.png is no PNG or JPEG image"),
        (picture(form="TIFF"), "odd.png is no PNG or JPEG image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "odd.png is no PNG or JPEG image"),
    ],
)  # fmt: skip
def test_an_image_that_is_not_what_it_must_be_is_named(sandbox: Sandbox, content: bytes, sentence: str) -> None:
    with pytest.raises(WrongAnswer, match=sentence):
        judge(sandbox, {**good_images(COUNT - 1), "odd.png": content})


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


def sixteen_bits() -> bytes:
    """A PNG of 64 × 64 with 16 bits in each of three channels, which Pillow does not write."""
    head = struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(64 * 6) for _ in range(64)))
    chunks = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


WHITE = Image.new("RGB", (64, 64), "white")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (sixteen_bits(), "odd.png has 16 bits a channel"),
        (saved(WHITE, transparency=(255, 255, 255)), "odd.png has a transparent colour"),
        (saved(WHITE, save_all=True, append_images=[Image.new("RGB", (64, 64))]), "odd.png holds 2 frames"),
    ],
)
def test_an_image_that_would_be_read_differently_from_how_it_looks_is_named(
    sandbox: Sandbox, content: bytes, sentence: str
) -> None:
    with pytest.raises(WrongAnswer, match=sentence):
        judge(sandbox, {**good_images(COUNT - 1), "odd.png": content})


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_sample_is_turned_as_its_exif_tag_says(orientation: int) -> None:
    upright = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes each, as Image.Transpose
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[274] = orientation
    mode, pixels = pictures.decode(saved(stored, exif=exif))
    assert mode == "RGB"
    assert np.array_equal(pixels, np.asarray(upright))


@pytest.mark.parametrize("tag", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"nonsense"])
def test_a_broken_exif_tag_costs_nothing(tag: bytes) -> None:
    mode, pixels = pictures.decode(saved(WHITE, "JPEG", exif=tag))
    assert mode == "RGB"
    assert pixels is not None
    assert pixels.min() > 250


def test_an_image_that_claims_to_be_enormous_is_not_decoded(sandbox: Sandbox) -> None:
    bomb = bytearray(picture())
    bomb[16:24] = (50_000).to_bytes(4, "big") * 2  # width and height in the header
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with pytest.raises(WrongAnswer, match=r"bomb.png claims (more than|50000)"):
        judge(sandbox, {**good_images(COUNT - 1), "bomb.png": bytes(bomb)})


@pytest.mark.parametrize("count", [1, COUNT - 1, COUNT + 1])
def test_another_number_of_images_is_no_measurement(sandbox: Sandbox, count: int) -> None:
    with pytest.raises(WrongAnswer, match=rf"There must be {COUNT} images in samples/; there are {count}\."):
        judge(sandbox, good_images(count))


def test_neither_samples_nor_checkpoint(sandbox: Sandbox) -> None:
    with pytest.raises(WrongAnswer, match="There is no folder samples/ with images"):
        judge(sandbox, {})


def test_the_threshold_decides_and_the_grey_zone_is_said(sandbox: Sandbox) -> None:
    found = judge(sandbox, good_images())
    found.expect("fid_full", Note(), Carry())
    found.rule = dataclasses.replace(found.rule, fid_full=11.0)
    with pytest.raises(WrongAnswer, match=r"below 11; it is 12.0 ± 1.5. That is within two standard errors"):
        found.expect("fid_full", Note(), Carry())
    found.rule = dataclasses.replace(found.rule, fid_full=5.0)
    with pytest.raises(WrongAnswer, match=r"below 5; it is 12.0 ± 1.5. Real images score 0.8 here"):
        found.expect("fid_full", Note(), Carry())


@pytest.mark.parametrize(
    ("identical", "trace_ratio", "sentence"),
    [
        (450, 0.95, "450 of the 500 are copies of others: look for a seed that your sampler sets"),
        (3, 12.2, "vary 12 times as much as those of real images, .* was the model trained to the end"),
        (50, 2.0, "^$"),
    ],
)
def test_what_stands_out_of_a_high_fid_says_where_to_look(identical: int, trace_ratio: float, sentence: str) -> None:
    summary = {"duplicates": {"identical": identical}, "trace_ratio": trace_ratio}
    assert re.search(sentence, outcome._what_stands_out(summary, 500))


def test_a_reference_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="There is no reference nowhere; make it with `python -m fid reference"):
        dataclasses.replace(RULE, reference="nowhere").reference_path()


# Checkpoints


def checkpoint(resolution: int = 64, **changes: Any) -> bytes:
    """A small, untrained model in the format of the handout's trainer."""
    import sys

    sys.path[:0] = [str(MANIFEST.solution)]
    try:
        from ddpm import BaseScheduler, DiffusionModule
        from network import UNet
    finally:
        sys.path.remove(str(MANIFEST.solution))
        for name in ("ddpm", "network", "module"):
            sys.modules.pop(name, None)
    settings = dict(T=10, image_resolution=resolution, ch=32, ch_mult=[1, 1], attn=[], num_res_blocks=1, dropout=0.0)
    schedule = dict(num_train_timesteps=10, beta_1=0.01, beta_T=0.3, mode="linear")
    torch.manual_seed(0)
    model = DiffusionModule(UNet(**settings), BaseScheduler(**schedule))
    buffer = io.BytesIO()
    content = {"network": settings, "var_scheduler": schedule, "state_dict": model.state_dict(), **changes}
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def drawn(sandbox: Sandbox) -> Outcome:
    """What was drawn from a checkpoint that was not trained, with a few images beside it, which do not hide it."""
    return judge(sandbox, good_images(COUNT - 1), checkpoint=checkpoint())


def test_samples_are_drawn_from_a_checkpoint(drawn: Outcome) -> None:
    assert drawn.measure().pixels.shape == (COUNT, 64, 64, 3)
    assert drawn.measure().origin == f"your checkpoint (samples/ holds {COUNT - 1} images, not {COUNT})"
    assert drawn.measure().pixels.std() > 10


@pytest.mark.proof  # as above
def test_samples_are_drawn_where_there_are_none(sandbox: Sandbox) -> None:
    found = judge(sandbox, {}, checkpoint=checkpoint())
    assert found.measure().pixels.shape == (COUNT, 64, 64, 3)
    assert found.measure().origin == f"your checkpoint (samples/ holds 0 images, not {COUNT})"


@pytest.mark.parametrize(("count", "read"), [(0, True), (499, True), (500, False), (501, True)])
def test_the_intake_reads_a_checkpoint_where_the_number_of_images_is_not_right(
    tmp_path: Path, count: int, read: bool
) -> None:
    manifest = load_manifest("image_diffusion")
    (tmp_path / "samples").mkdir()
    (tmp_path / "ddpm.py").write_bytes(solution_files(manifest)["ddpm.py"])
    (tmp_path / "last.ckpt").write_bytes(b"a checkpoint")
    for index in range(count):
        (tmp_path / "samples" / f"{index}.png").write_bytes(b"an image")
    assert read_submission(tmp_path, manifest).checkpoint == (b"a checkpoint" if read else None)


def test_complete_samples_are_taken_before_a_checkpoint(sandbox: Sandbox) -> None:
    assert judge(sandbox, good_images(), checkpoint=b"not looked at").measure().origin == "samples/"


@pytest.mark.parametrize(
    ("untouched", "sentence"),
    [
        (set(), None),
        ({"p_sample", "p_sample_loop"}, None),  # drawn with DDIM
        ({"ddim_p_sample_loop"}, None),  # drawn with DDPM
        ({"compute_loss"}, "compute_loss is not done"),
        ({"p_sample_loop", "ddim_p_sample"}, "p_sample_loop is not done and ddim_p_sample is not done"),
    ],
)  # fmt: skip
def test_samples_that_the_code_cannot_have_drawn_are_for_a_person_to_ask_about(
    sandbox: Sandbox, untouched: set[str], sentence: str | None
) -> None:
    judged = judge(sandbox, good_images(), untouched=named(*untouched))
    found = [notice for notice in judged.notices() if "can hardly have been drawn" in notice.message]
    assert [notice.kind for notice in found] == (["staff"] if sentence else [])
    assert all(sentence in notice.message and notice.deduction == 0 for notice in found)
    with pytest.raises(Held, match=sentence) if sentence else contextlib.nullcontext():
        judged.expect("fid_full", Note(), Carry())


BOTH_SAMPLERS = frozenset({"p_sample_loop", "ddim_p_sample"})


@pytest.mark.parametrize(
    ("wrong", "held"),
    [
        (frozenset(), False),
        ({"p_sample", "p_sample_loop"}, False),  # drawn with DDIM
        ({"ddim_p_sample"}, False),  # drawn with DDPM
        ({"q_sample", "compute_loss"}, False),  # a loss that is wrong may still train a model
        (BOTH_SAMPLERS, True),
        ({"p_sample", "ddim_p_sample_loop", "compute_loss"}, True),
    ],
)
def test_an_fid_beside_samplers_that_fail_is_held(sandbox: Sandbox, wrong: frozenset[str], held: bool) -> None:
    judged = judge(sandbox, good_images())
    with (
        pytest.raises(Held, match=r"can hardly have been drawn with the code beside them: .* is wrong")
        if held
        else contextlib.nullcontext()
    ):
        judged.expect("fid_full", Note(), Carry(named(*wrong)))


@pytest.mark.parametrize("finding", ["below_floor", "copies"])
def test_what_fid_finds_holds_the_points_where_the_policy_says_so(sandbox: Sandbox, finding: str) -> None:
    judged = judge(sandbox, good_images(), findings={finding: "It is odd."})
    with pytest.raises(Held, match=r"^It is odd\.$"):
        judged.expect("fid_half", Note(), Carry())
    assert [notice.message for notice in judged.notices()].count("It is odd.") == 1
    lenient = dataclasses.replace(SMALL, policy=dataclasses.replace(SMALL.policy, hold=()))
    judged.context = dataclasses.replace(judged.context, manifest=lenient)
    judged.expect("fid_half", Note(), Carry())


def test_an_fid_that_is_not_reached_is_lost_and_not_held(sandbox: Sandbox) -> None:
    judged = judge(sandbox, good_images(), findings={"copies": "It is odd."})
    judged.rule = dataclasses.replace(judged.rule, fid_full=5.0)
    with pytest.raises(WrongAnswer):
        judged.expect("fid_full", Note(), Carry(named(*BOTH_SAMPLERS)))


def test_notices_name_the_files_of_the_student(sandbox: Sandbox) -> None:
    images = {f"kitten {index}.png": content for index, content in enumerate(good_images().values())}
    found = judge(sandbox, images)
    summary = {
        "look_at": ["2 images are copies, such as 0001.png = 0005.png."],
        "findings": {"copies": "as is 0002.png"},
    }
    assert found._by_name(summary)["findings"] == {"copies": "as is kitten 2.png"}
    assert found._by_name(summary)["look_at"] == ["2 images are copies, such as kitten 1.png = kitten 5.png."]


def test_a_checkpoint_that_was_not_trained_is_held(drawn: Outcome) -> None:
    judged = copy.copy(drawn)
    assert judged.measure().loss is not None
    with pytest.raises(
        Held, match=r"The network of the checkpoint does not know the images .* loss on them is [01]\.\d\d"
    ):
        judged.expect("fid_full", Note(), Carry())
    judged.measured = dataclasses.replace(judged.measure(), loss=0.02)
    judged.expect("fid_full", Note(), Carry())
    with pytest.raises(Held, match="ddim_p_sample is wrong"):  # which draws from a checkpoint, and nothing else does
        judged.expect("fid_full", Note(), Carry(named("ddim_p_sample")))
    judged.expect("fid_full", Note(), Carry(named("p_sample")))


FROM_FACES = "faces.render_face('cat', int(torch.randint(10**9, ())))"


def test_a_sampler_that_asks_for_the_program_of_the_faces_gets_nothing(sandbox: Sandbox) -> None:
    code = DDPM.decode()
    start = code.index('"""', code.index('"""', code.index("def ddim_p_sample_loop(")) + 3) + 4
    images = f"        import faces\n        x = torch.tensor(np.stack([{FROM_FACES} for _ in range(shape[0])]))\n"
    code = code[:start] + images + "        return x.permute(0, 3, 1, 2) / 127.5 - 1\n" + code[start:]
    given = Submission("work", {"ddpm.py": code.encode()}, "digest")
    files, _ = prepare_files(MANIFEST, given)
    context = OutcomeContext(
        SMALL, sandbox, files, MANIFEST.limits, b"secret of the test", "digest", checkpoint=checkpoint()
    )
    judged = Outcome(context)
    with pytest.raises(
        StudentFailure, match=r"faces\.py draws data, and there is none of it while your code is graded"
    ):
        judged.measure()
    judged.close()


@pytest.mark.parametrize("assignment", ["image_diffusion", "swiss_roll"])
def test_what_stands_in_for_given_files_has_all_their_names(assignment: str) -> None:
    manifest = load_manifest(assignment)
    stand_ins = {path.name: path for path in (manifest.home / "worker").glob("*.py")}
    assert stand_ins
    assert set(stand_ins) <= set(manifest.files.given)
    for name, path in stand_ins.items():
        assert given_to_worker(manifest)[name] == path.read_bytes()
        tree = ast.parse((manifest.solution / name).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        names |= {
            t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
        }
        space: dict[str, Any] = {"__name__": "stand_in"}
        exec(compile(path.read_text(encoding="utf-8"), name, "exec"), space)
        for wanted in names:
            assert wanted in space or space["__getattr__"](wanted)


def test_the_swiss_roll_of_the_worker_is_noise() -> None:
    space: dict[str, Any] = {"__name__": "stand_in"}
    exec(given_to_worker(load_manifest("swiss_roll"))["dataset.py"], space)
    points = space["load_twodim"](4096, "swiss_roll").numpy()
    assert points.shape == (4096, 2)
    assert abs(points.std() - 1) < 0.1
    assert next(iter(space["TwoDimDataClass"]("moon", 64, 16).get_dataloader())).shape == (16, 2)
    with pytest.raises(ValueError, match="unknown data set 'cheese'"):
        space["load_twodim"](4, "cheese")


@pytest.mark.parametrize("wrapper", bulk(("_orig_mod.", "module.", "module._orig_mod."), kept=["module._orig_mod."]))
def test_a_compiled_or_parallel_network_is_read_like_any_other(wrapper: str, sandbox: Sandbox) -> None:
    """Both at once here, each alone in `make proof`."""
    plain = torch.load(io.BytesIO(checkpoint()), weights_only=True)["state_dict"]
    wrapped = {name.replace("network.", f"network.{wrapper}", 1): weight for name, weight in plain.items()}
    assert wrapped.keys() != plain.keys()
    found = judge(sandbox, {}, checkpoint=checkpoint(state_dict=wrapped))
    assert found.measure().pixels.shape == (COUNT, 64, 64, 3)


def test_a_checkpoint_of_another_resolution_is_not_gradable(sandbox: Sandbox) -> None:
    with pytest.raises(
        WrongAnswer, match=r"draws images of another size than 64×64; only a model of the canonical preset"
    ):
        judge(sandbox, {}, checkpoint=checkpoint(32))


class Payload:
    """Pickles to a call, as the attack in a checkpoint with code would."""

    def __reduce__(self) -> Any:
        return exec, ("raise RuntimeError('code of the checkpoint has run')",)


WRONG_CHECKPOINTS = {
    "empty": lambda: b"",
    "garbage": lambda: b"not a checkpoint",
    "other weights": lambda: checkpoint(state_dict={}),
    "code in it": lambda: checkpoint(network=Payload()),
}


@pytest.mark.parametrize("what", bulk(WRONG_CHECKPOINTS, kept=["code in it"]))
def test_a_wrong_checkpoint_is_one_sentence_and_runs_nothing(sandbox: Sandbox, what: str) -> None:
    """All of them in `make proof`."""
    content = WRONG_CHECKPOINTS[what]()
    with pytest.raises(Exception, match=r"checkpoint\.ckpt") as error:
        judge(sandbox, {}, checkpoint=content)
    assert "code of the checkpoint has run" not in str(error.value)


# A whole submission


def submission(path: Path, images: int, extra: tuple[str, ...] = ("loss.png",)) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image_diffusion_todo/ddpm.py", DDPM)
        for name, content in good_images(images).items():
            archive.writestr(f"image_diffusion_todo/samples/{name}", content)
        for name in extra:
            archive.writestr(f"image_diffusion_todo/{name}", b"any")
    return path


def test_deliverables_are_counted_and_cost_what_the_manifest_says(tmp_path: Path) -> None:
    complete = read_submission(submission(tmp_path / "Jane_Doe_20241234.zip", 8), MANIFEST)
    assert missing_deliverables(MANIFEST, complete) == []
    poor = read_submission(submission(tmp_path / "final.zip", 7, ()), MANIFEST)
    notices = missing_deliverables(MANIFEST, poor)
    assert [notice.deduction for notice in notices] == [5.0, 5.0, 5.0]
    sentences = " ".join(notice.message for notice in notices)
    assert "a plot of the training loss" in sentences
    assert "7 of 8 found" in sentences
    assert "must be called NAME_STUDENTID.zip" in sentences


def test_what_is_judged_makes_the_digest(tmp_path: Path) -> None:
    one = read_submission(submission(tmp_path / "a.zip", 3), MANIFEST)
    other = read_submission(submission(tmp_path / "b.zip", 4), MANIFEST)
    again = read_submission(submission(tmp_path / "c.zip", 3, ()), MANIFEST)
    assert one.digest == again.digest != other.digest
    assert sorted(one.images) == ["0.png", "1.png", "2.png"]


def test_of_two_folders_of_samples_none_is_judged_and_nothing_else_is_lost(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("code/ddpm.py", DDPM)
        for folder in ("one", "two"):
            archive.writestr(f"{folder}/samples/0.png", picture())
    given = read_submission(tmp_path / "two.zip", MANIFEST)
    assert given.images == {}
    assert any(
        "may lie in one/samples and two/samples, so none were judged" in notice.message for notice in given.notices
    )
    assert "ddpm.py" in given.files


def test_what_sampling_and_systems_write_beside_the_samples_is_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        archive.writestr("code/ddpm.py", DDPM)
        archive.writestr("samples/0.png", picture())
        for name in ("sampling.json", ".DS_Store", "._0.png", "Thumbs.db"):
            archive.writestr(f"samples/{name}", b"any")
        archive.writestr("__MACOSX/samples/._0.png", b"any")
    given = read_submission(tmp_path / "mac.zip", MANIFEST)
    assert list(given.images) == ["0.png"]
    assert not any("samples" in notice.message for notice in given.notices)


def test_samples_in_folders_of_their_class_are_taken_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "ddpm.py").write_bytes(DDPM)
    for index in range(4):
        path = tmp_path / "samples" / ("cat" if index % 2 else "dog") / f"{index % 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed=index))
    (tmp_path / "samples" / "cat" / "Thumbs.db").write_bytes(b"any")
    given = read_submission(tmp_path, MANIFEST)
    assert sorted(given.images) == ["cat/1.png", "dog/0.png"]
    assert [n.message for n in given.notices] == [
        "The images were taken from samples/cat and samples/dog; all of them may lie in samples itself."
    ]
    (tmp_path / "samples" / "0.png").write_bytes(picture())
    given = read_submission(tmp_path, MANIFEST)
    assert list(given.images) == ["0.png"]
    assert [n.message for n in given.notices] == [
        "The images that lie in samples itself were judged; 2 in samples/cat and samples/dog were not."
    ]


def test_pictures_of_a_training_are_no_samples(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as archive:
        archive.writestr("ddpm.py", DDPM)
        archive.writestr("results/run/settings.json", "{}")
        archive.writestr("results/run/samples/step=500.png", picture())
    assert read_submission(tmp_path / "run.zip", MANIFEST).images == {}


def test_a_name_that_is_no_utf8_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "ddpm.py").write_bytes(DDPM)
    (tmp_path / "samples").mkdir()
    with open(bytes(tmp_path) + b"/samples/b\xfcld.png", "wb") as file:
        file.write(picture())
    assert len(read_submission(tmp_path, MANIFEST).images) == 1


def test_a_whole_submission_gets_behaviour_and_fid(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {
        "fid": {"value": 30.0, "standard_error": 1.0, "floor": {"mean": 1.0}},
        "look_at": [],
        "findings": {},
        "duplicates": {"identical": 0},
        "trace_ratio": 1.0,
        "reference": {"description": "r"},
    }
    monkeypatch.setattr(outcome.Outcome, "_figures_of", lambda self, pixels: figures)
    given = read_submission(submission(tmp_path / "Jane_1.zip", COUNT + 2), MANIFEST)
    manifest = dataclasses.replace(MANIFEST, files=dataclasses.replace(MANIFEST.files, num_samples=COUNT + 2))
    verdict = Grading(manifest, given, Options(hints="none"), sandbox, b"secret of the test").run()
    assert [verdict.task_points(task) for task in ("1-2", "1-3", "1-4")] == [(8.0, 8.0), (7.0, 7.0), (5.0, 5.0)]
    assert verdict.task_points("2-1") == (15.0, 30.0)
    assert (verdict.score, verdict.max_score) == (35.0, 50.0)


# The demo


@pytest.mark.proof
def test_the_sample_submission_of_the_demo_is_too_good_to_be_drawn_by_a_model(sandbox: Sandbox, tmp_path: Path) -> None:
    with open(demo_command.EXAMPLES / "examples.toml", "rb") as file:
        example = next(e for e in tomllib.load(file)["examples"] if e.get("drawn"))
    with demo_command._as_handed_in(example) as path:
        images = [image.read_bytes() for image in (path / "samples").iterdir()]
        verdict = command.grade_one(path, MANIFEST, Options(hints="none"), tmp_path, sandbox, quiet=True)
    assert len(set(images)) == MANIFEST.files.num_samples
    assert verdict.task_points("2-1") == (0.0, 30.0)
    assert {check.status for check in verdict.checks if check.task == "2-1"} == {"held"}
    assert (verdict.score, verdict.held) == (20.0 - example["deduction"], 30.0)
    notices = [notice.message for notice in verdict.notices]
    assert all(any(re.search(sentence, notice) for notice in notices) for sentence in example["says"])
    assert any("stand-in for the real data" in notice for notice in notices)
    assert not any("copies" in notice and "not looked for" not in notice for notice in notices)


def test_faces_of_the_demo_are_in_no_data_set() -> None:
    faces = perfect_sampler.load_faces()
    used = [range(first, first + 1_000_000) for first in faces.FIRST_SEED.values()]
    assert not any(perfect_sampler.FIRST_SEED + index in seeds for index in (0, 499) for seeds in used)
