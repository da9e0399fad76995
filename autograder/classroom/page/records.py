"""The parts of a `ClassView`, see view.py. All texts are clean and of bounded length; none is escaped yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.classroom.page.similar import Similar
from autograder.outcome_rule import Measure


@dataclass(frozen=True)
class Student:
    """Whom a line is about. `link` leads to the report, relative to the page; "" where there is none."""

    name: str
    about: str  # identifier and partners
    link: str


@dataclass(frozen=True)
class Bar:
    """Of the histogram: how many scores lie in low ≤ score < high; the last one includes its upper end."""

    low: float
    high: float
    number: int


@dataclass(frozen=True)
class CheckRow:
    number: str
    title: str
    passed: int
    judged: int


@dataclass(frozen=True)
class TaskRow:
    id: str
    title: str
    maximum: float
    mean: float
    full: int
    zero: int
    judged: int
    checks: tuple[CheckRow, ...]

    @property
    def share(self) -> float:
        return self.mean / self.maximum if self.maximum > 0 else 0.0


@dataclass(frozen=True)
class Mistake:
    """A misconception, or, with id "", what is wrong in a task in a way that no known misconception explains."""

    id: str
    task: str
    explanation: str
    students: tuple[Student, ...]


@dataclass(frozen=True)
class Flag:
    """Something that a person should look at, and about whom it is said. `students` is empty for the class as a whole."""

    heading: str
    text: str
    students: tuple[tuple[Student, str], ...]


@dataclass(frozen=True)
class Near:
    student: Student
    what: str  # "Chamfer distance, DDPM"
    value: float
    threshold: float
    error: float  # a standard error, or 0 where none is known
    passed: bool
    points: float  # that hang on it


@dataclass(frozen=True)
class Cost:
    """What grading took, of one kind: the quantiles over the class and who took most."""

    what: str
    unit: str
    median: float
    upper: float  # 95 of 100 take no more
    most: float
    students: tuple[tuple[Student, float], ...]


@dataclass(frozen=True)
class Picture:
    student: Student
    source: str  # link to the PNG, relative to the page
    caption: str


@dataclass(frozen=True)
class Row:
    """A line of the table of all students."""

    student: Student
    score: float
    maximum: float
    tasks: tuple[float | None, ...]  # in the order of the view's tasks; None where the task was not judged
    state: str  # "" for a submission that was graded in full
    flags: tuple[str, ...]
    mistakes: tuple[str, ...]
    seconds: float
    megabytes: float
    held: float = 0.0

    @property
    def share(self) -> float:
        return min(max(self.score / self.maximum, 0.0), 1.0) if self.maximum > 0 else 0.0

    @property
    def find(self) -> str:
        """What a search looks through."""
        return " ".join(
            (self.student.name, self.student.about, self.state, *self.flags, *self.mistakes)
        ).lower()  # as class.js does


@dataclass(frozen=True)
class ClassView:
    """Everything that the page says. All texts are clean and of bounded length; none is escaped yet."""

    title: str
    assignment: str
    sentence: str
    maximum: float
    numbers: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    tasks: tuple[TaskRow, ...]
    mistakes: tuple[Mistake, ...]
    unexplained: tuple[Mistake, ...]  # without a misconception, by task
    flags: tuple[Flag, ...]
    near: tuple[Near, ...]
    costs: tuple[Cost, ...]
    similar: Similar
    pictures: tuple[Picture, ...]
    rows: tuple[Row, ...]

    @property
    def highest(self) -> int:
        return max((bar.number for bar in self.bars), default=0)


@dataclass(frozen=True)
class Course:
    """What the page needs to know of the assignment."""

    explanations: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # misconception → (task, explanation)
    measures: Mapping[str, Measure] = field(default_factory=dict)  # by check, the figures that decide outcomes
    outcomes: frozenset[str] = frozenset()  # the tasks of kind "outcome"
