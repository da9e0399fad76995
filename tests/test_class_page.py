"""The class page: right figures, nothing that a student wrote acts on its reader, and it works in a real browser."""

import base64
import dataclasses
import hashlib
import re
import shutil
from collections import Counter
from pathlib import Path
from statistics import median
from urllib.parse import unquote

import pytest

from autograder.classroom.page.records import Course
from autograder.classroom.page.view import link, present_class
from autograder.classroom.page.write import CLASS_POLICY, write_class_page
from autograder.classroom.records import Graded, HandedIn
from autograder.classroom.similarity import Line, Pair, Person, Side
from autograder.outcome_rule import Measure
from autograder.verdict import CheckResult, Notice
from tests.class_data import make_class, write_reports_of
from tests.test_report import ALL_STATUSES, FULL, HOSTILE, HOSTILE_VERDICT, VERDICTS, check, harmless, verdict
from tests.test_report import Page as AnyPage

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Page(AnyPage):
    """A page that may have a search field, an element without an end."""

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        if tag == "input":
            self.open.pop()


def graded(given=FULL, name: str = "Ada Lovelace", folder: str = "reports/ada", **handed_in) -> Graded:
    return Graded(HandedIn(Path("ada.zip"), name, **handed_in), given, folder)


# ---------------------------------------------------------------- the figures


def test_the_distribution_counts_every_complete_submission_once():
    students = make_class(200)
    view = present_class("Class", students)
    scores = [item.verdict.score for item in students if item.verdict.state == "complete"]
    assert sum(bar.number for bar in view.bars) == len(scores) < len(students)
    for bar in view.bars:
        last = bar is view.bars[-1]
        assert bar.number == sum(bar.low <= s < bar.high or (last and s == bar.high) for s in scores)
    assert view.bars[-1].high == view.maximum == 50
    assert float(dict(view.numbers)["median"]) == pytest.approx(median(scores), abs=0.005)


def test_the_first_sentence_says_whether_every_task_was_judged():
    full, part = verdict(check(1, status="passed")), verdict(check(1, status="passed"), check(2, status="not_run"))
    refused = dataclasses.replace(full, state="refused")

    def sentence(*verdicts):
        return present_class("", [graded(one, folder=f"{number}") for number, one in enumerate(verdicts)]).sentence

    partly = "so the points are those of the tasks that were."
    assert sentence(full, full) == "2 submissions, all graded in full."
    assert sentence(part, part) == f"2 submissions, all graded. Not every task was judged, {partly}"
    assert sentence(full, part, refused) == (
        "3 submissions, 2 graded, 1 refused. Points, shares and the distribution count those graded. "
        f"Not every task was judged in 1 of them, {partly}"
    )


@pytest.mark.parametrize("maximum", [0.3, 1.0, 3.0, 7.0, 20.0, 99.0, 50.0, 1234.5])
def test_bars_of_a_round_width_reach_from_nothing_to_the_maximum(maximum):
    full = verdict(check(1, status="passed", points=maximum, max_points=maximum))
    none = verdict(check(1, status="failed", max_points=maximum))
    bars = present_class("", [graded(full), graded(none, folder="b")]).bars
    assert bars[0].low == 0
    assert bars[-1].high == pytest.approx(maximum)
    assert [bar.low for bar in bars[1:]] == [bar.high for bar in bars[:-1]]
    assert (bars[0].number, bars[-1].number) == ((1, 1) if len(bars) > 1 else (2, 2))
    assert 5 <= len(bars) <= 20


def test_points_by_task_are_means_over_those_who_were_judged():
    half = verdict(check(1, "1-1", status="passed", points=2.0), check(2, "1-1", status="failed"), check(3, "1-2"))
    view = present_class("", [graded(FULL), graded(half, folder="b")])
    (task,) = view.tasks  # nobody was judged in 1-2
    assert (task.id, task.mean, task.maximum, task.full, task.zero, task.judged) == ("1-1", 3.0, 4.0, 1, 0, 2)
    assert [(row.number, row.passed, row.judged) for row in task.checks] == [("1-1.1", 2, 2), ("1-1.2", 1, 2)]


def test_misconceptions_are_counted_by_student_and_explained():
    def wrong(*names: str) -> CheckResult:
        return check(len(names) + 1, status="failed", misconceptions=names)

    students = [
        graded(verdict(wrong("a"), wrong("a", "b")), "One", "1"),
        graded(verdict(wrong("a")), "Two", "2"),
        graded(verdict(wrong()), "Three", "3"),
    ]
    view = present_class("", students, course=Course({"a": ("1-2", "Look at Eq. 4.")}))
    assert [(m.id, m.task, m.explanation, [s.name for s in m.students]) for m in view.mistakes] == [
        ("a", "1-2", "Look at Eq. 4.", ["One", "Two"]),
        ("b", "", "", ["One"]),
    ]
    assert [(m.task, [s.name for s in m.students]) for m in view.unexplained] == [("1-2", ["Three"])]


def test_a_check_is_of_an_outcome_by_its_task_and_not_by_its_name():
    """ "confident" holds "fid"; what a course calls its outcome says nothing."""
    behaviour = dataclasses.replace(check(1, "1-2", status="failed"), id="1-2.confident_samples_the_mean")
    outcome = dataclasses.replace(check(1, "5", status="failed"), id="5.the_loss_falls")
    course = Course(outcomes=frozenset({"5"}))
    view = present_class("", [graded(verdict(behaviour, outcome), "One", "1")], course=course)
    assert [mistake.task for mistake in view.unexplained] == ["1-2"]


def test_frequencies_agree_with_an_independent_count():
    students = make_class(120)
    counts = Counter(m for item in students for m in {m for c in item.verdict.checks for m in c.misconceptions})
    view = present_class("", students)
    assert {m.id: len(m.students) for m in view.mistakes} == counts
    numbers = [len(m.students) for m in view.mistakes]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize(
    ("value", "error", "is_near"), [(19.0, None, True), (24.1, None, False), (15.9, None, False), ("nan", None, False)]
)
def test_a_chamfer_distance_is_near_within_the_margin_of_the_rule(value, error, is_near):
    measure = Measure("1-5.ddpm_samples", "Chamfer distance", 20.0, near=0.2)
    result = CheckResult("1-5.ddpm_samples", "1-5", "t", 0.0, 12.5, "failed", evidence={"Chamfer distance": value})
    view = present_class("", [graded(verdict(result))], course=Course(measures={measure.check: measure}))
    assert [(case.value, case.threshold) for case in view.near] == ([(value, 20.0)] if is_near else [])


@pytest.mark.parametrize(("value", "is_near"), [(20.9, True), (21.1, False), (19.1, True)])
def test_an_fid_is_near_within_two_standard_errors(value, is_near):
    measure = Measure("2-1.fid_full", "FID", 20.0, error="standard error")
    result = CheckResult(
        "2-1.fid_full", "2-1", "t", 0.0, 15, "failed", evidence={"FID": value, "standard error": 0.5}
    )
    assert bool(present_class("", [graded(verdict(result))], course=Course(measures={measure.check: measure})).near) == is_near


def flagged(*students: Graded) -> dict[str, list[str]]:
    flags: dict[str, list[str]] = {}
    for flag in present_class("", students).flags:
        flags.setdefault(flag.heading, []).extend(student.name for student, _ in flag.students)
    return flags


def test_whatever_a_person_should_look_at_is_flagged_with_its_student():
    levels = {"process": "process", "files": "process, user, files", "network": "process, user, files, network"}
    students = [
        graded(dataclasses.replace(FULL, environment={"isolation": levels[name]}), name, name) for name in levels
    ]
    assert flagged(*students) == {"Isolation": ["process", "files"]}
    assert flagged(students[0]) == {"Isolation": ["process"]}, "below files, though nobody got further"
    assert flagged(students[2]) == {}
    students = [graded(VERDICTS[name], name, f"r/{i}") for i, name in enumerate(("refused", "interrupted", "running"))]
    assert flagged(*students)["Refused"] == ["refused"]
    assert flagged(*students)["Not finished"] == ["interrupted", "running"]
    assert flagged(graded(ALL_STATUSES))["Grader error"] == ["Ada Lovelace"]
    assert flagged(graded(ALL_STATUSES))["Edits outside the TODO marks"] == ["Ada Lovelace"]


def test_what_is_said_of_all_is_said_once_and_what_is_said_of_some_names_them():
    def noted(*messages: str) -> list[Graded]:
        notices = tuple(Notice("staff", message) for message in messages)
        return [graded(dataclasses.replace(FULL, notices=notices, environment={}))]

    flags = present_class("", noted("FID against a stand-in.") * 20 + noted("12 of 500 are copies.", "x")).flags
    assert [(f.heading, len(f.students)) for f in flags if "stand-in" in f.text] == [("About the whole class", 0)]
    assert [len(f.students) for f in flags if "copies" in f.text] == [1]


def test_nobody_is_lost_from_the_table():
    students = [graded(given, name, f"r/{i}") for i, (name, given) in enumerate(VERDICTS.items())]
    rows = present_class("", students).rows
    assert sorted(row.student.name for row in rows) == sorted(VERDICTS)
    assert {row.student.name: row.score for row in rows} == {n: pytest.approx(v.score) for n, v in VERDICTS.items()}


# ---------------------------------------------------------------- hostile text, links


HOSTILE_PAIR = Pair(
    Side(
        (Person(HOSTILE, "reports/x"), Person(HOSTILE)), (Line(HOSTILE, heading=True), Line("    " + HOSTILE, "rare"))
    ),
    Side((Person(HOSTILE),), tuple(Line(HOSTILE * 50, "common") for _ in range(2000))),
    "alike",
    0.5,
    3,
    note=HOSTILE,
)


@pytest.fixture
def hostile_page(tmp_path) -> str:
    hostile = graded(
        HOSTILE_VERDICT, HOSTILE, "reports/x", student_id=HOSTILE, email=HOSTILE, partners=(HOSTILE, HOSTILE)
    )
    more = [
        graded(dataclasses.replace(HOSTILE_VERDICT, state=state, notices=(Notice("staff", HOSTILE),)), HOSTILE, f"r/{state}")
        for state in ("complete", "refused", "interrupted")
    ]  # fmt: skip
    write_class_page(tmp_path / "class.html", HOSTILE, [hostile, *more, graded()], [HOSTILE_PAIR])
    return (tmp_path / "class.html").read_text(encoding="utf-8")


def test_hostile_text_is_text_on_the_page(hostile_page):
    page = Page(hostile_page)
    assert not page.open, "every element is closed"
    assert harmless(page.text)
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert page.tags.count("script") == 1
    assert not {"iframe", "object", "embed", "link", "base", "form", "audio", "video", "svg"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        assert harmless(value), (tag, name)
        assert name not in ("srcset", "background", "action", "formaction", "xlink:href")
        if name == "href":
            assert re.fullmatch(r"#[a-z]+|\./(reports|r)/[A-Za-z]+/report\.html", value)
        if name == "style":
            assert re.fullmatch(r"(width|height):\d+(\.\d+)?%", value)
    assert len(hostile_page) < 600_000


def test_the_only_script_that_may_run_is_the_page_s_own(hostile_page):
    (script,) = re.findall(r"<script>(.*?)</script>", hostile_page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', hostile_page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "http" not in CLASS_POLICY
    assert hostile_page.index("Content-Security-Policy") < hostile_page.index("<style>")
    assert "url(" not in hostile_page
    assert "@import" not in hostile_page


@pytest.mark.parametrize("folder", ["../up", "/etc", "a/../../b", "a\\b", "..", "reports/../.."])
def test_reports_must_lie_below_the_page(folder):
    with pytest.raises(ValueError, match="do not lie below"):
        present_class("", [graded(folder=folder)])


@pytest.mark.parametrize(
    "folder", ["reports/Ada L", "javascript:alert(1)", "r/<b>&'\"", "r/é\udce9", "r/%2e%2e", "a?b#c"]
)
def test_a_link_leads_to_the_folder_whatever_it_is_called(folder):
    found = link(folder, "report.html")
    assert re.fullmatch(r"\./[A-Za-z0-9._~/%-]+", found)
    assert unquote(found[2:], errors="surrogateescape") == f"{folder}/report.html"


def test_links_within_the_page_lead_somewhere(tmp_path):
    write_class_page(tmp_path / "class.html", "Class", make_class(60))
    page = Page((tmp_path / "class.html").read_text(encoding="utf-8"))
    targets = [value for _, name, value in page.attributes if name == "id"]
    assert len(targets) == len(set(targets))
    links = {value[1:] for _, name, value in page.attributes if name == "href" and value.startswith("#")}
    assert links
    assert links <= set(targets)


def test_an_empty_class_has_a_page(tmp_path):
    write_class_page(tmp_path / "class.html", "Class", [])
    assert "No submission was graded." in (tmp_path / "class.html").read_text(encoding="utf-8")


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def big_class(tmp_path_factory):
    home = tmp_path_factory.mktemp("class")
    students = make_class(500)
    write_reports_of(home, students)
    write_class_page(home / "class.html", "Assignment 3", students, [HOSTILE_PAIR])
    return home / "class.html", students


@pytest.fixture
def page(browser, big_class):
    """The page of 500 students, opened. What a browser complains about, or fetches from elsewhere, fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="light")
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.on("request", lambda request: trouble.extend([] if request.url.startswith("file://") else [request.url]))
    page.goto(big_class[0].as_uri())
    yield page
    context.close()
    assert trouble == []


def shown_names(page) -> list[str]:
    return page.eval_on_selector_all(
        "#students tbody tr:not([hidden]) th", "all => all.map(cell => cell.dataset.value)"
    )


def test_sorting_puts_every_student_in_order(page, big_class):
    scores = sorted((item.verdict.score for item in big_class[1]), reverse=True)
    column = "all => all.map(row => Number(row.cells[1].dataset.value))"
    before = shown_names(page)
    page.click("#students thead th:nth-child(2) button")
    assert page.eval_on_selector_all("#students tbody tr", column) == scores
    assert page.get_attribute("#students thead th:nth-child(2)", "aria-sort") == "descending"
    page.click("#students thead th:nth-child(2) button")
    assert page.eval_on_selector_all("#students tbody tr", column) == scores[::-1]
    page.click("#students thead th:nth-child(1) button")
    assert sorted(shown_names(page)) == sorted(before)
    assert len(before) == 500
    page.click("#students thead th:nth-child(3) button")
    values = page.eval_on_selector_all("#students tbody tr", "all => all.map(row => row.cells[2].dataset.value)")
    assert "" in values
    assert values.index("") == len([v for v in values if v != ""]), "what was not judged stands last"


def test_search_finds_names_identifiers_and_mistakes(page, big_class):
    students = big_class[1]
    page.fill("#search", "lovelace")
    assert set(shown_names(page)) == {i.handed_in.student for i in students if "Lovelace" in i.handed_in.student}
    assert page.inner_text("#found") == f"{len(shown_names(page))} of 500"
    page.fill("#search", students[7].handed_in.student_id)
    assert shown_names(page) == [students[7].handed_in.student]
    name = next(m for item in students for c in item.verdict.checks for m in c.misconceptions)
    page.fill("#search", name)
    assert len(shown_names(page)) == sum(
        any(name in c.misconceptions for c in item.verdict.checks) for item in students
    )
    page.fill("#search", "nobody is called this")
    assert shown_names(page) == []
    page.fill("#search", "")
    assert len(shown_names(page)) == 500


def test_a_name_leads_to_its_report(page, big_class):
    item = big_class[1][42]
    page.fill("#search", item.handed_in.student_id)
    page.click("#students tbody tr:not([hidden]) a")
    assert page.title() == "Report 42"


def test_pictures_load_when_scrolled_to(page):
    page.locator("#pictures img").first.scroll_into_view_if_needed()
    width = page.eval_on_selector("#pictures img", "image => image.decode().then(() => image.naturalWidth)")
    assert width == 600


def test_nothing_sticks_out_on_a_phone_and_the_colours_turn_dark(page):
    def ground() -> tuple[int, ...]:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return tuple(map(int, re.findall(r"\d+", colour)[:3]))

    assert min(ground()) > 200
    page.emulate_media(color_scheme="dark")
    assert max(ground()) < 60
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_page_prints(page):
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_without_its_script_the_page_is_complete(browser, big_class):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(big_class[0].as_uri())
    assert page.locator("#students tbody tr").count() == 500
    assert not page.is_visible("#search")
    context.close()


def test_the_browser_runs_nothing_that_a_student_wrote(browser, hostile_page, tmp_path):
    context = browser.new_context()
    page = context.new_page()
    ran: list[str] = []
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    page.on("request", lambda request: ran.extend([] if request.url.startswith("file://") else [request.url]))
    page.goto((tmp_path / "class.html").as_uri())
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.hover("#students tbody th a")
    assert "scripted" in (page.get_attribute("html", "class") or ""), "the page's own script did run"
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(9)>')")
    page.wait_for_timeout(100)
    context.close()
    assert ran == []
