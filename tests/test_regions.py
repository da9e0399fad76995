"""What a region is called: full names in what is loaded, short ones in what people write and read."""

import pytest

from autograder.errors import UserError
from autograder.grading.told_apart import confused_regions
from autograder.manifest import assignment_ids, load_manifest, parse_manifest
from autograder.regions import judged_together, parts_of, resolve, shortest, told, told_shortly
from tests.bulk import bulk

KNOWN = (
    "network.py:SimpleNet.__init__",
    "network.py:SimpleNet.forward",
    "ddpm.py:DDPM.forward",
    "ddpm.py:DDPM.sample",
    "conditional.py:DDPM.forward",
    "libs/noise.py:draw",
    "more/noise.py:draw",
    "ddpm.py:schedule",
    "conditional.py:schedule",
    "ddpm.py:sample",
)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("SimpleNet", "network.py:SimpleNet"),
        ("network.py:SimpleNet", "network.py:SimpleNet"),
        ("SimpleNet.forward", "network.py:SimpleNet.forward"),
        ("ddpm.py:DDPM", "ddpm.py:DDPM.forward"),
        ("ddpm.py:DDPM.forward", "ddpm.py:DDPM.forward"),
        ("conditional.py:DDPM", "conditional.py:DDPM.forward"),
        ("DDPM.sample", "ddpm.py:DDPM.sample"),
        ("ddpm.py:sample", "ddpm.py:sample"),
        ("libs/noise.py:draw", "libs/noise.py:draw"),
        ("ddpm.py:schedule", "ddpm.py:schedule"),
    ],
)
def test_a_name_that_can_mean_one_thing_only_is_enough(name: str, full: str):
    assert resolve(name, KNOWN, "here") == full
    assert resolve(full, KNOWN, "here") == full or full not in KNOWN


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("DDPM", "here: the region 'DDPM' may mean 'conditional.py:DDPM' or 'ddpm.py:DDPM'; write the full name."),
        ("sample", "may mean 'ddpm.py:DDPM.sample' or 'ddpm.py:sample'"),
        ("draw", "may mean 'libs/noise.py:draw' or 'more/noise.py:draw'"),
        ("noise.py:draw", "may mean 'libs/noise.py:draw' or 'more/noise.py:draw'"),
        ("schedule", "may mean 'conditional.py:schedule' or 'ddpm.py:schedule'"),
        ("DDPM.sampel", "there is no region 'DDPM.sampel'; the nearest is 'ddpm.py:DDPM.sample'."),
        ("SimpelNet", "the nearest is 'network.py:SimpleNet."),
        ("network.py:DDPM", "there is no region 'network.py:DDPM'"),
        ("DDPM.__init__", "there is no region"),
        ("", "there is no region ''"),
        ("ddpm.py:", "there is no region"),
        ("ample", "there is no region 'ample'"),
    ],
)
def test_any_other_name_is_refused_in_one_sentence(name: str, sentence: str):
    with pytest.raises(UserError) as error:
        resolve(name, KNOWN, "here")
    assert str(error.value).startswith("here: ")
    assert sentence in str(error.value)


def test_a_class_means_its_constructor_and_forward_and_no_other_method():
    both = KNOWN[:2]
    assert parts_of("network.py:SimpleNet", KNOWN) == both
    assert parts_of("ddpm.py:DDPM", KNOWN) == ("ddpm.py:DDPM.forward",)
    assert parts_of("ddpm.py:DDPM.sample", KNOWN) == ("ddpm.py:DDPM.sample",)
    assert judged_together(KNOWN) == {name: (name,) for name in KNOWN} | {"network.py:SimpleNet": both}


def test_students_read_short_names_with_the_file_where_two_are_called_the_same():
    assert [told(name, KNOWN) for name in KNOWN] == [
        "SimpleNet.__init__",
        "SimpleNet.forward",
        "DDPM.forward in ddpm.py",
        "DDPM.sample",
        "DDPM.forward in conditional.py",
        "draw in libs/noise.py",
        "draw in more/noise.py",
        "schedule in ddpm.py",
        "schedule in conditional.py",
        "sample",
    ]
    assert told_shortly("network.py:SimpleNet", KNOWN) == told_shortly(KNOWN[1], KNOWN) == "SimpleNet"
    assert told_shortly("ddpm.py:DDPM.forward", KNOWN) == "DDPM in ddpm.py"
    assert told_shortly("ddpm.py:DDPM.sample", KNOWN) == "DDPM.sample"
    assert told_shortly("a.py:Model.loss", ("a.py:Model.loss", "a.py:Model.step")) == "loss"
    assert shortest("train.py:main") == shortest("main") == "main"


@pytest.mark.parametrize(
    ("regions", "sentence"),
    [
        ('"b.py:f"', "task 1 lists the region 'b.py:f'; write a file of files.todo and a name, as 'a.py:Class.function'"),
        ('"f"', "task 1 lists the region 'f'"),
        ('"a.py:"', "task 1 lists the region 'a.py:'"),
        ('"a.py:f", "a.py:f"', "the region 'a.py:f' is listed twice"),
    ],
)
def test_a_manifest_with_a_region_that_cannot_be_is_refused(regions: str, sentence: str):
    text = f"""
        id = "toy"
        title = "A toy"
        course = "none"
        folder = "toy_todo"
        default_profile = "default"
        files = {{ todo = ["a.py"], given = [] }}
        tasks = [{{ id = "1", title = "One", points = 1, regions = [{regions}] }}]
        profiles.default.title = "all"
    """
    with pytest.raises(UserError, match=sentence):
        parse_manifest(text, "toy.toml")


@pytest.mark.parametrize("assignment", bulk(assignment_ids(), kept=["image_diffusion", "minimal_diffusion"]))
def test_the_regions_of_every_assignment_are_told_apart(assignment: str):
    assert confused_regions(load_manifest(assignment)) == []
