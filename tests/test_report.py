"""The renderings of a verdict: they agree, keep to their formats, and let nothing through that acts on its reader."""

import dataclasses
import io
import json
import math
import random
import re
import subprocess
import sys
import time
import unicodedata
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from autograder.report import (
    IndexEntry,
    TerminalReport,
    clean_line,
    clean_text,
    make_console,
    one_line,
    print_summary,
    render_html,
    results_json,
    to_gradescope,
    write_index,
    write_reports,
)
from autograder.report.evidence import tabulate
from autograder.report.figures import loss_curve, noising_strip, samples_scatter
from autograder.report.image_figures import fid_scale
from autograder.report.view import check_numbers, present
from autograder.report.wording import inline, paragraphs
from autograder.text import clean_data
from autograder.verdict import CheckResult, Figure, Notice, Verdict

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover='alert(3)' ]]> <!-- --></style></title> "
    "{{ 7*7 }} {% raw %} &lt; **bold** [link](javascript:alert(4)) ![i](http://evil.example/p.png) `tick` "
    "```\nfence\n``` "
    "[red]rich[/red] [link=http://evil.example]go[/link] :bomb: "
    "\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x1b\\\x1b[31mred\x1b[2J\x1b[1A"
    "\x9b31m\x90dcs\x9c\x1b_apc\x1b\\\x1bc\x1b(0\x08\x08\x7f\x00 "
    f"{BIDI}\u200b\ufeff\U000e0041 \ud800 \udfff \u2028\u2029\r overwritten"
)


def check(number: int, task: str = "1-2", **values) -> CheckResult:
    settings = {"points": 0.0, "max_points": 2.0, "title": f"`q_sample` has property {number}."} | values
    return CheckResult(id=f"{task}.test_{number}", task=task, **settings)


def verdict(*checks: CheckResult, **values) -> Verdict:
    settings = {
        "assignment": "swiss_roll",
        "title": "Swiss roll",
        "submission": "lab1.zip",
        "digest": "ab" * 32,
        "profile": "default",
        "tasks": (
            {"id": "1-1", "title": "SimpleNet", "points": 4, "regions": ["network.py:SimpleNet.forward"]},
            {"id": "1-2", "title": "Forward process", "points": 8, "regions": ["ddpm.py:DiffusionModule.q_sample"]},
        ),
        "state": "complete",
        "environment": {"isolation": "process", "torch": "2.6"},
        "seed_commitment": "c0ffee",
        "seconds": 3.25,
    } | values
    return Verdict(checks=checks, **settings)


ALL_STATUSES = verdict(
    check(1, "1-1", status="passed", points=2.0, message="distance 14.2, below 20", evidence={"distance": 14.2}),
    check(2, "1-1", status="failed", message="at t = 0 it adds noise", hint="look at Alg. 2", carried=("p_sample",)),
    check(
        3,
        status="failed",
        points=1.5,
        message="half of it",
        evidence={"t": [0, 1, 999], "got": [1.0, math.nan, -math.inf]},
    ),
    check(4, status="broken", message="raised IndexError: index 1000", printed="step 1\rstep 2\rstep 3\n"),
    check(5, status="not_run", message="training was switched off"),
    check(6, status="grader_error", message="KeyError: 'secret seed 4711'", evidence={"seed": 4711}),
    notices=(
        Notice("hard_coded_device", 'ddpm.py, line 9 names the device "cuda:0".', deduction=1.0),
        Notice("outside_todo", "ddpm.py was edited.", detail="--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new"),
        Notice("staff", "worker restarted, token 0815"),
    ),
)
HOSTILE_VERDICT = verdict(
    *(
        check(
            index,
            title=HOSTILE,
            status=status,
            message=HOSTILE + "A" * 1_000_000,
            hint=HOSTILE,
            misconceptions=(HOSTILE,),
            carried=(HOSTILE,),
            evidence={
                HOSTILE: HOSTILE,
                "nan": math.nan,
                "big": 10**6000,
                "deep": [[[[[[1]]]]]],
                "other": {1, 2},
                "list": list(range(999)),
            },
            printed=HOSTILE * 100,
            seconds=math.nan,
        )
        for index, status in enumerate(("passed", "failed", "broken", "not_run", "grader_error"))
    ),
    submission=HOSTILE,
    title=HOSTILE,
    reason=HOSTILE,
    notices=(Notice("outside_todo", HOSTILE, detail=HOSTILE * 50), Notice(HOSTILE, HOSTILE, deduction=0.5)),
    environment={HOSTILE: HOSTILE},
    digest=HOSTILE,
    started=HOSTILE,
)
FULL = verdict(*(check(i, "1-1", status="passed", points=2.0) for i in (1, 2)))
VERDICTS = {
    "all statuses": ALL_STATUSES,
    "hostile": HOSTILE_VERDICT,
    "full marks": FULL,
    "running": dataclasses.replace(ALL_STATUSES, state="running"),
    "running, nothing yet": verdict(check(1), check(2), state="running"),
    "interrupted": dataclasses.replace(ALL_STATUSES, state="interrupted", reason="Ctrl-C"),
    "refused": verdict(check(1), state="refused", reason="lab1.zip is not a zip archive"),
    "void": dataclasses.replace(ALL_STATUSES, notices=(Notice("outside_todo", "edited", voids=True),)),
    "tiers": verdict(
        check(1, status="passed", points=25, max_points=25),
        check(2, status="failed", max_points=25),
        rule="tiers",
        tiers=(50.0, 25.0),
    ),
    "tiers without points": verdict(
        check(1, status="passed", max_points=0), check(2, max_points=0), rule="tiers", tiers=(50.0, 25.0)
    ),
    "no checks": verdict(tasks=()),
    "task not listed": verdict(check(1, "9-9", status="failed"), tasks=()),
    "more points than there are": verdict(
        check(1, status="passed", points=math.inf), check(2, status="failed", points=99.0)
    ),
}
every_verdict = pytest.mark.parametrize("given", VERDICTS.values(), ids=VERDICTS.keys())


def terminal(given: Verdict, **settings) -> str:
    file = io.StringIO()
    print_summary(given, Console(file=file, width=80, **settings))
    return file.getvalue()


class Page(HTMLParser):
    """Collects what a browser would build from a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.by_class: dict[str, str] = {}
        self.open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.text += " " if tag in ("p", "td", "th", "div", "li", "pre", "h2", "h3") else ""
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "img", "br"):
            self.open.append((tag, dict(attrs).get("class") or ""))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, "the page is not well nested"

    def handle_data(self, data):
        if not self.open or self.open[-1][0] != "style":
            self.text += data
        for _, names in self.open:
            for name in names.split():
                self.by_class[name] = self.by_class.get(name, "") + data

    def handle_comment(self, data):
        pytest.fail("a comment in the page")


# ---------------------------------------------------------------- clean_text


def harmless(text: str) -> bool:
    """No control but tab and newline, no bidirectional override, no lone surrogate, and all of it can be encoded."""
    text.encode("utf-8")
    return not any(
        (unicodedata.category(c) == "Cc" and c not in "\n\t")
        or unicodedata.bidirectional(c) in BIDI_CLASSES
        or 0xD800 <= ord(c) <= 0xDFFF
        for c in text
    )


BIDI_CLASSES = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ᾱ_t = √(1−β)\n\tx̄ 🙂", "ᾱ_t = √(1−β)\n\tx̄ 🙂"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;without an end\nnext line", "0;without an end\nnext line"),
        ("\x9b2J\x90q\x9cgone", "gone"),
        ("\x1b\x1b[0m[31m", "[31m"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\ud83d\ude00 \udc80", "\ufffd\ufffd \ufffd"),
        ("a\r\nb\rc\x85d\u2028e", "a\nb\nc\nd\ne"),
        ("a\n \n\n\t\n\nb", "a\n\nb"),
        ("e" + "\u0301" * 100, "e" + "\u0301" * 4),
        ("\x00\x07\x08\x7f\ufeff", ""),
    ],
)
def test_clean_text_takes_away_what_acts_and_keeps_what_is_read(text, expected):
    assert clean_text(text, 1000) == expected


def test_clean_text_is_harmless_and_bounded_for_any_text():
    draw = random.Random(7)
    pieces = [
        "\x1b",
        "[",
        "]",
        "0;",
        "\x07",
        "\\",
        "m",
        "\x9b",
        "\x9d",
        "\x90",
        "\x9c",
        "\r",
        "\n",
        "\t",
        "x",
        " ",
        "é",
        *BIDI,
        "\ud800",
    ]
    for _ in range(3000):
        text = "".join(draw.choices(pieces, k=draw.randrange(40)))
        assert harmless(clean_text(text, 1000))
        assert clean_text(clean_text(text, 1000), 1000) == clean_text(text, 1000)
        assert len(clean_text(text, 10)) <= 10 + len("… (1,000,000 more characters)")
        assert "\n" not in clean_line(text, 1000)


def test_truncation_says_how_much_is_missing():
    assert clean_text("abcdef", 4) == "abcd… (2 more characters)"
    assert clean_text("abcdef", 6) == "abcdef"
    assert clean_text("a" * 1_000_000, 100).endswith("… (999,900 more characters)")
    assert clean_line("a" * 1_000_000, 100).endswith("… (999,900 more characters)")


@pytest.mark.parametrize("piece", ["\x1b]", "\x9d", "\x1b[0", "\x1b", "\n ", " \n\n", "\u0301", "\x1b]0;\x1b", "\r"])
def test_cleaning_takes_linear_time(piece):
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    clean_text(text, len(text))
    assert time.process_time() - started < 60  # of the processor's time: below 1; what is quadratic takes hours


def test_evidence_becomes_json_data_whatever_it_is():
    data = clean_data(
        {
            "nan": math.nan,
            "inf": -math.inf,
            "big": 10**6000,
            "text": HOSTILE,
            "set": {1},
            "many": list(range(1000)),
            3: None,
        }
    )
    json.dumps(data, allow_nan=False)
    assert (data["nan"], data["inf"], data["set"], data["3"]) == ("nan", "-inf", "(set)", None)
    assert data["many"][-1] == "… (940 more)"


# ---------------------------------------------------------------- what is said


def test_a_number_begins_with_its_task_and_counts_in_the_order_of_the_rubric():
    numbers = check_numbers(ALL_STATUSES)
    assert list(numbers.values()) == ["1-1.1", "1-1.2", "1-2.1", "1-2.2", "1-2.3", "1-2.4"]


def test_within_a_task_what_failed_comes_first_and_nothing_is_lost():
    view = present(ALL_STATUSES)
    assert [check.number for check in view.checks] == ["1-1.2", "1-1.1", "1-2.1", "1-2.2", "1-2.4", "1-2.3"]
    assert view.start is not None
    assert view.start.number == "1-1.2"
    assert [check.state for check in view.checks] == [
        "failed",
        "passed",
        "partial",
        "broken",
        "grader_error",
        "not_run",
    ]


def test_a_check_without_its_points_is_no_pass():
    (view,) = present(verdict(check(1, status="passed", points=0.0))).checks
    assert view.state == "failed"


def test_grader_errors_and_staff_notices_are_for_staff():
    for text in (
        render_html(ALL_STATUSES),
        results_json(to_gradescope(ALL_STATUSES)),
        terminal_for_students(ALL_STATUSES),
    ):
        assert "0815" not in text
        assert "4711" not in text
        assert "worker restarted" not in text
    for text in (render_html(ALL_STATUSES, audience="staff"), terminal(ALL_STATUSES)):
        assert "worker restarted" in text
        assert "secret seed" in text


def terminal_for_students(given: Verdict) -> str:
    file = io.StringIO()
    print_summary(given, Console(file=file, width=80), audience="student")
    return file.getvalue()


def test_lists_of_one_length_become_columns():
    table = tabulate(
        {
            "t": [0, 1],
            "std": {"expected": [0.0, 0.01], "yours": [0.5, math.nan]},
            "n": 4096,
            "flag": True,
            "e": -1.25e-7,
        }
    )
    assert table.header == ("t", "std.expected", "std.yours")
    assert table.rows == (("0", "0", "0.5"), ("1", "0.01", "NaN"))
    assert table.facts == (("n", "4096"), ("flag", "yes"), ("e", "−1.25e−7"))
    assert not tabulate({})


def test_inline_changes_the_look_and_never_the_words():
    text = "`q_sample` gives x_t = √ᾱ_t x₀, x_{t−1} in task 1-2.3, but 'x_t' and p_sample and a_b_c stay"
    parts = inline(text)
    assert ("code", "q_sample") in parts
    assert [part for kind, part in parts if kind == "sub"] == ["t", "t", "t−1"]
    assert [part for kind, part in parts if kind == "number"] == ["1-2.3"]
    joined = "".join(part for _, part in parts)
    assert joined == text.replace("`", "").replace("x_t =", "xt =").replace("ᾱ_t", "ᾱt").replace("x_{t−1}", "xt−1")


def test_a_task_that_is_not_judged_is_not_listed():
    assert [task.id for task in present(verdict(check(1, "1-2"))).tasks] == ["1-2"]


def test_indented_lines_keep_their_columns():
    assert paragraphs("one\ntwo\n  a  b\n  1  2\n\nthree") == [
        ("text", "one\ntwo"),
        ("aligned", "  a  b\n  1  2"),
        ("text", "three"),
    ]


# ---------------------------------------------------------------- all renderings


@every_verdict
def test_the_score_is_the_same_everywhere(given):
    expected = f"{given.score:.2f}".rstrip("0").rstrip("."), f"{given.max_score:.2f}".rstrip("0").rstrip(".")
    page = Page(render_html(given))
    assert tuple(re.findall(r"[\d.]+", page.by_class["score"])) == expected
    assert re.findall(r"^Score ([\d.]+) / ([\d.]+)$", terminal(given), re.MULTILINE) == [expected]
    assert one_line(given).startswith(" / ".join(expected))
    results = to_gradescope(given)
    assert results["score"] == given.score
    assert f"{expected[0]} / {expected[1]} points" in results["output"]
    assert IndexEntry.of(given, "a/report.html").points == " / ".join(expected)
    plain = given.rule == "sum" and given.state != "refused" and not given.notices
    if plain:
        assert sum(test["score"] for test in results["tests"]) == pytest.approx(given.score)


@every_verdict
def test_every_check_appears_in_every_rendering(given):
    page, results = Page(render_html(given)), to_gradescope(given)
    assert len(results["tests"]) == len(given.checks)
    for number in check_numbers(given).values():
        assert number in [test["number"] for test in results["tests"]]
        assert number in page.text or given.state == "refused"


@pytest.mark.parametrize("state", ["running", "interrupted", "refused", "complete"])
def test_hostile_text_reaches_no_screen(state):
    given = dataclasses.replace(HOSTILE_VERDICT, state=state)
    assert harmless(terminal(given))
    assert harmless(one_line(given))
    assert harmless(render_html(given))
    assert all(harmless(text) for text in strings(to_gradescope(given)))


def strings(value):
    """All texts in JSON data, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def test_renderings_of_a_flood_stay_small():
    assert len(render_html(HOSTILE_VERDICT)) < 400_000
    assert len(terminal(HOSTILE_VERDICT)) < 60_000
    assert len(results_json(to_gradescope(HOSTILE_VERDICT))) < 400_000


# ---------------------------------------------------------------- terminal


@every_verdict
def test_the_terminal_summary_fits_80_columns_and_needs_no_colour(given):
    text = terminal(given)
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    for check_view in present(given, "staff").lost:
        assert f"{check_view.number} {check_view.word}" in text


def test_the_terminal_says_what_why_and_what_was_carried():
    text = " ".join(terminal(ALL_STATUSES).split())
    assert "1-1.2 failed 0 / 2" in text
    assert "q_sample has property 2." in text
    assert "at t = 0 it adds noise" in text
    assert "Likely cause: look at Alg. 2" in text
    assert "Carried forward: The reference's p_sample stood in for yours" in text
    assert "| step 3" in text
    assert "step 2" not in text
    assert "not judged: 1-2.3 (training was switched off)" in text
    assert "Hard-coded device −1 point" in text
    assert "3.5 from the checks − 1 point deducted = 2.5." in text


def test_long_messages_wrap_below_themselves():
    lines = terminal(verdict(check(1, status="failed", message="word " * 60, hint="cause " * 40))).splitlines()
    wrapped = [line for line in lines if "word" in line or "cause" in line]
    assert len(wrapped) > 6
    assert all(line.startswith("    ") and line == line.rstrip() for line in wrapped)


def test_markup_and_emoji_codes_are_shown_not_read():
    text = terminal(HOSTILE_VERDICT, force_terminal=True, markup=True, emoji=True)
    assert "[red]rich[/red]" in text
    assert ":bomb:" in text
    assert "http://evil.example]go" in text
    assert not re.findall(r"\x1b(?!\[[0-9;]*m)", text), "only colours, and only ours"


def growing(given: Verdict):
    """The verdict as it grows, check by check."""
    empty = tuple(CheckResult(c.id, c.task, c.title, 0.0, c.max_points) for c in given.checks)
    grown = dataclasses.replace(given, checks=empty, state="running")
    yield grown
    for result in given.checks:
        grown = grown.with_check(result)
        yield grown


def test_without_a_terminal_each_finished_check_is_one_line():
    file = io.StringIO()
    with TerminalReport(Console(file=file, width=80)) as report:
        for step in growing(ALL_STATUSES):
            report.update(step, running="1-2.test_3", progress=("training", 100, 5000))
            report.update(step)
    lines = file.getvalue().splitlines()
    finished = [line for line in lines if re.search(r"1-\d\.\d", line)]
    assert len(finished) == sum(c.status != "not_run" for c in ALL_STATUSES.checks)
    assert "✓ passed" in finished[0]
    assert finished[0].endswith("2 / 2")
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("given", [ALL_STATUSES, HOSTILE_VERDICT], ids=["all statuses", "hostile"])
def test_on_a_terminal_the_table_shows_what_runs_and_goes_away(given):
    file = io.StringIO()
    with TerminalReport(Console(file=file, width=80, height=24, force_terminal=True, legacy_windows=False)) as report:
        for step in growing(given):
            report.update(step, running=given.checks[3].id, progress=("training\x1b[2J", 100, 0))
    text = file.getvalue()
    assert "now" in text
    assert "training" in text
    assert "Score so far" in text
    assert not re.findall(r"\x1b(?!\[[0-9;]*m|\[\?25[hl]|\[2K|\[1A)", text), "only colours and the moves of the table"
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), "the cursor is back"


def test_an_output_that_knows_only_ascii_gets_question_marks_and_no_crash():
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_summary(HOSTILE_VERDICT, make_console(file))
    file.flush()
    assert b"? 1-2.2 failed" in raw.getvalue() or b"failed" in raw.getvalue()


# ---------------------------------------------------------------- Gradescope

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
SCHEMA = {  # after https://gradescope-autograders.readthedocs.io/en/latest/specs/
    "type": "object",
    "additionalProperties": False,
    "required": ["score", "tests"],
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "execution_time": {"type": "number", "minimum": 0},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": [
                    "score",
                    "max_score",
                    "status",
                    "name",
                    "name_format",
                    "number",
                    "output",
                    "output_format",
                ],
                "properties": {
                    "score": {"type": "number", "minimum": 0},
                    "max_score": {"type": "number", "minimum": 0},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string", "minLength": 1, "maxLength": 300},
                    "name_format": FORMAT,
                    "number": {"type": "string", "pattern": r"^\d+-\d+\.\d+$"},
                    "output": {"type": "string", "minLength": 1},
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}


@every_verdict
def test_results_keep_to_the_schema_of_gradescope(given):
    text = results_json(to_gradescope(given))
    results = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    jsonschema.validate(results, SCHEMA)
    assert all(test["score"] <= test["max_score"] for test in results["tests"])
    assert text.isascii()
    assert not set("<>&\x1b") & set(text)
    formats = {results[key] for key in ("output_format", "test_output_format", "test_name_format")}
    formats |= {test[key] for test in results["tests"] for key in ("output_format", "name_format")}
    assert formats == {"text"}, "no format that renders anything"


def test_gradescope_tells_the_student_the_same_as_the_report():
    results = to_gradescope(ALL_STATUSES)
    output = {test["number"]: test["output"] for test in results["tests"]}
    assert "Likely cause: look at Alg. 2" in output["1-1.2"]
    assert "The reference's `p_sample` stood in for yours" in output["1-1.2"]
    assert "◐ partly, 1.5 / 2 points" in output["1-2.1"]
    assert "999   −∞" in output["1-2.1"]
    assert "| step 3" in output["1-2.2"]
    assert [test["status"] for test in results["tests"]] == ["passed", *["failed"] * 5]
    assert "Where to start: 1-1.2" in results["output"]
    assert "Hard-coded device (−1 point)" in results["output"]
    assert "+new" in results["output"]


def test_visibility_is_set_for_all_and_for_some():
    results = to_gradescope(
        ALL_STATUSES, "after_due_date", check_visibility={"1-1": "visible", "1-2.test_5": "after_published"}
    )
    assert [test["visibility"] for test in results["tests"]] == [
        *["visible"] * 2,
        *["after_due_date"] * 2,
        "after_published",
        "after_due_date",
    ]
    assert (results["visibility"], results["stdout_visibility"]) == ("after_due_date", "hidden")
    with pytest.raises(ValueError, match="after_published"):
        to_gradescope(ALL_STATUSES, check_visibility={"1-1": "never"})


def test_a_refused_submission_says_why_and_gets_nothing():
    results = to_gradescope(VERDICTS["refused"])
    assert results["score"] == 0
    assert "Not graded: lab1.zip is not a zip archive." in results["output"]
    assert "not judged" in results["tests"][0]["output"]


# ---------------------------------------------------------------- HTML

PNG = loss_curve([1.0, 0.5, 0.4]).png


@every_verdict
def test_the_page_holds_nothing_that_runs_or_loads(given):
    page = Page(
        render_html(given, [Figure("loss", HOSTILE, PNG), Figure("fake", "not a picture", b"<svg onload=alert(1)>")])
    )
    assert not page.open, "every element is closed"
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "svg", "input", "audio", "video"} & set(
        page.tags
    )
    assert page.tags.count("img") == 1
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("srcset", "background", "action", "formaction", "xlink:href")
        if name == "src":
            assert re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/=]+", value)
        if name == "href":
            assert re.fullmatch(r"#[A-Za-z0-9-]+", value)
        if name == "style":
            assert re.fullmatch(r"width:\d+(\.\d)?%", value), (tag, value)


@every_verdict
def test_links_within_the_page_lead_somewhere(given):
    page = Page(render_html(given))
    targets = [value for _, name, value in page.attributes if name == "id"]
    assert len(targets) == len(set(targets))
    assert {value[1:] for _, name, value in page.attributes if name == "href"} <= set(targets)


def test_the_page_forbids_scripts_and_loading_before_anything_else():
    page = render_html(ALL_STATUSES)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert policy
    rules = policy[1].replace("&#39;", "'")
    assert rules.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert "url(" not in page
    assert "@import" not in page


def test_hostile_text_is_text_on_the_page():
    page = Page(render_html(HOSTILE_VERDICT))
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "49" not in re.findall(r"\{\{[^}]*\}\}|\b49\b", page.text)


def test_the_page_says_what_failed_why_and_where_to_look():
    page = Page(render_html(ALL_STATUSES, [Figure("loss", "Loss of the training.", PNG)]))
    text = " ".join(page.text.split())
    for part in (
        "Start here: 1-1.2 q_sample has property 2.",
        "✗ failed 1-1.2 0 / 2",
        "at t = 0 it adds noise",
        "Likely cause look at Alg. 2",
        "Carried forward. The reference's p_sample stood in for yours here",
        "Where to look: SimpleNet in network.py",
        "What your code printed step 3",
        "The grader itself failed on this check.",
        "training was switched off",
        "distance 14.2, below 20",
        "Hard-coded device −1 point",
        "+new",
        "Loss of the training.",
        "How this was graded: isolation process",
        "seed commitment c0ffee",
    ):
        assert part in text
    assert "Loss of the training." in [value for _, name, value in page.attributes if name == "alt"]


# ---------------------------------------------------------------- index


def test_the_index_links_the_reports_below_it(tmp_path):
    entries = [
        IndexEntry.of(FULL, "passes_all/report.html", "the reference solution"),
        IndexEntry.of(HOSTILE_VERDICT, "javascript:alert(1)/rep<ort>.html"),
    ]
    write_index(tmp_path / "index.html", entries)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    links = [value for _, name, value in page.attributes if name == "href"]
    assert links == ["./passes_all/report.html", "./javascript%3Aalert%281%29/rep%3Cort%3E.html"]
    assert "script" not in page.tags
    assert "4 / 4" in page.text
    assert "the reference solution" in page.text
    assert harmless(page.text)
    write_index(tmp_path / "index.html", [])
    assert "No submission was graded." in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/report.html", "a/../../b", "..", "a\\b"])
def test_the_index_refuses_a_report_outside_its_folder(tmp_path, path):
    with pytest.raises(ValueError, match="does not lie below"):
        write_index(tmp_path / "index.html", [IndexEntry(path, "x", 1.0, 2.0, "")])


# ---------------------------------------------------------------- figures and files


def size(figure: Figure) -> tuple[int, int]:
    assert figure.png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(figure.png[16:20], "big"), int.from_bytes(figure.png[20:24], "big")


def test_figures_are_small_pngs_of_the_same_numbers_each_time():
    noise = np.random.default_rng(0).normal(size=(5000, 2))
    for draw in (
        lambda: loss_curve(np.abs(noise[:, 0]), "loss"),
        lambda: samples_scatter(noise, noise[:2048] * 2, "DDPM", "samples"),
        lambda: noising_strip({t: noise * t for t in (0, 100, 250, 500, 999)}, "x_t over t"),
    ):
        figure = draw()
        assert len(figure.png) < 150_000
        assert min(size(figure)) > 200
        assert draw().png == figure.png


@pytest.mark.parametrize("fid", [0.05, 2.1, 19, 55, 2927, 22065])
def test_where_an_fid_stands_is_written_inside_of_the_picture(fid):
    png = fid_scale(fid, fid / 20, 3.99, {"full": 20.0, "half": 40.0}).png
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    margins = np.concatenate([pixels[:, :3].ravel(), pixels[:, -3:].ravel()])
    assert margins.min() == margins.max() > pixels.min()


def test_figures_take_whatever_numbers_come_and_say_what_is_missing():
    bad = np.full((10, 2), np.nan)
    mixed = np.vstack([np.zeros((6, 2)), [[np.inf, 0.0]], [[1e300, -1e300]]])
    assert loss_curve([], "c").caption == "c"
    assert loss_curve([np.nan, 1.0, np.inf], "c").caption == "c 2 of 3 values are not finite and not drawn."
    assert loss_curve([1e308, -1e308, 1e-300] * 50, "c").caption == "c"
    assert samples_scatter(np.zeros((0, 2)), bad, "t").caption == "10 of 10 samples are not finite and not drawn."
    figure = samples_scatter(np.random.default_rng(0).normal(size=(99, 2)), mixed, "$\\frac{bad tex", "c")
    assert figure.caption == "c 1 of 8 samples are not finite and not drawn. 1 of 8 samples lie outside the frame."
    assert re.fullmatch(r"[a-z0-9_]+", figure.name)
    assert noising_strip({}, "c").caption == "c"
    assert noising_strip({0: bad, 5: np.zeros((0, 2))}).caption == "10 of 10 points are not finite and not drawn."


def test_importing_the_report_does_not_import_matplotlib_and_drawing_never_uses_pyplot():
    program = (
        "import sys, autograder.report, autograder.report.figures as figures; assert 'matplotlib' not in sys.modules; "
        "figures.loss_curve([1.0, 2.0]); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_write_reports_leaves_all_files_and_no_others(tmp_path):
    figures = [Figure("../../evil name", "a", PNG), Figure("evil_name", "b", PNG), Figure("", "c", PNG)]
    for given in (VERDICTS["running"], ALL_STATUSES):  # may be called again
        paths = write_reports(given, figures, tmp_path / "out")
    names = ["results.json", "report.html", "figures/evil_name.png", "figures/evil_name_2.png", "figures/figure.png"]
    assert [path.relative_to(tmp_path / "out").as_posix() for path in paths] == names
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == sorted(names)
    assert json.loads(paths[0].read_text(encoding="utf-8"))["extra_data"]["state"] == "complete"
    assert paths[1].read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_verdict_read_back_renders_the_same():
    back = Verdict.from_json(ALL_STATUSES.to_json())
    assert to_gradescope(back) == to_gradescope(ALL_STATUSES)
    assert render_html(back) == render_html(ALL_STATUSES)


def test_what_was_taken_off_is_not_called_all_right():
    right = check(1, status="passed", points=2.0)
    assert present(verdict(right, state="complete")).sentence == "Everything is right: the check passed."
    late = verdict(right, state="complete", notices=(Notice("late", "Handed in late.", deduction=0.5),))
    assert present(late).sentence == "All 1 check passed; what was taken off stands in the notices."
