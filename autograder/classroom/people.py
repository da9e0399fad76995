"""Who is who: the people that handed in, the people on a roster, and which of them are the same. Pure.

A number is of somebody: Canvas, Moodle and the school each number people in their own way, and one's number is never taken for another's.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from autograder.classroom.records import CANVAS, MOODLE, SCHOOL, HandedIn
from autograder.kit.names import same_email, same_id, same_name, ways_to_write, words_of, written_together
from autograder.submission.rules import listed


@dataclass(frozen=True)
class Person:
    """Somebody, as far as is known; "" for what is not. Texts are clean lines."""

    name: str
    school_id: str = ""  # Canvas calls it SIS User ID, Gradescope SID, Moodle ID number
    canvas_id: str = ""  # Canvas's own number of a user
    moodle_id: str = ""  # Moodle's number of a participant in one assignment
    other_id: str = ""  # a number, and nobody says whose, or it cannot be this person's
    email: str = ""
    login: str = ""
    github: str = ""
    section: str = ""
    team: str = ""

    @property
    def number(self) -> str:
        """The one to show."""
        return self.school_id or self.canvas_id or self.moodle_id or self.other_id

    @property
    def called(self) -> str:
        """For a remark: the name, and what tells this person from another of that name."""
        more = self.number or self.email
        return f"{self.name} ({more})" if more and more != self.name else self.name


@dataclass(frozen=True)
class Matched:
    """People with what the roster knows of them, in the order given; the people of the roster that none of them is; and remarks."""

    people: tuple[Person, ...]
    absent: tuple[Person, ...] = ()
    remarks: tuple[str, ...] = ()


def members_of(one: HandedIn) -> list[Person]:
    """The student who handed in, and the other members of the group."""
    ids = [one.student_id, *one.partner_ids, *[""] * len(one.partners)]
    emails = [one.email, *one.partner_emails, *[""] * len(one.partners)]
    kind = {SCHOOL: "school_id", CANVAS: "canvas_id", MOODLE: "moodle_id"}.get(one.numbered_by, "other_id")
    who = zip((one.student, *one.partners), ids, emails, strict=False)
    more = {"section": one.section}
    return [Person(name, email=email, **more, **({kind: number} if number else {})) for name, number, email in who]


def team_of(person: Person, roster: Sequence[Person]) -> list[Person]:
    """The members, where it is a team of the roster that handed in, under its name: its number is the team's and nobody's. Else the person."""
    name = same_name(person.name)
    if any(same_name(one.name) == name for one in roster):
        return [person]
    return [one for one in roster if one.team and _team_name(one.team) == _team_name(person.name)] or [person]


def _team_name(text: str) -> str:
    return same_name(text.replace("_", " "))  # as Moodle writes it into the name of a folder


# The keys by which somebody is found on a roster, the strongest first

PARTICIPANT = "participant"
Keys = Callable[[Person], Iterable[str]]
_BY: tuple[tuple[str, Keys, Keys], ...] = (  # what it is, the keys of one who handed in, those of one on the roster
    ("number", lambda p: _some("canvas", p.canvas_id), lambda r: _some("canvas", r.canvas_id)),
    (PARTICIPANT, lambda p: _some("moodle", p.moodle_id), lambda r: _some("moodle", r.moodle_id)),
    ("number", lambda p: _some("school", same_id(p.school_id)), lambda r: _some("school", same_id(r.school_id))),
    ("address", lambda p: _some("", same_email(p.email)), lambda r: {*_some("", same_email(r.email)), *_some("", same_email(r.login))}),
    ("account", lambda p: _ends(p), lambda r: _some("", r.github.casefold())),
    ("name", lambda p: _some("", same_name(p.name)), lambda r: _some("", same_name(r.name))),
    ("name", lambda p: _some("", written_together(p.name)), lambda r: {f" {way}" for way in ways_to_write(r.name)}),
)  # fmt: skip


def _some(kind: str, key: str) -> list[str]:
    return [f"{kind} {key}"] if key else []


def _ends(person: Person) -> list[str]:
    """What may be the GitHub account in the name of a repository, `<assignment>-<account>`; the longest first."""
    if person.number or person.email:
        return []
    parts = person.name.casefold().split("-")
    return [f" {'-'.join(parts[k:])}" for k in range(len(parts))]


def match(people: Sequence[Person], roster: Sequence[Person]) -> Matched:
    """Find each of the people on the roster, by number, address, GitHub account or name. What is not certain is left as it is, and said."""
    tables = [_table(roster, keys) for _, _, keys in _BY]
    claims = [_claims(person, tables, roster) for person in people]
    wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)  # of the roster → (how strong the claim is, whose)
    for n, claim in enumerate(claims):
        if claim.one is not None:
            wanted[claim.one].append((min(claim.by), n))
    owner = {first: r for r, some in wanted.items() if (first := _strongest(some)) is not None}
    remarks: dict[str, list[str]] = defaultdict(list)
    moodle = any(one.moodle_id for one in roster)
    found = []
    for n, (person, claim) in enumerate(zip(people, claims, strict=True)):
        if n in owner:
            found.append(_filled(person, roster[owner[n]], remarks))
        else:
            left = _left(person, claim, roster, remarks)
            found.append(_numberless(left, person.moodle_id) if moodle and person.moodle_id else left)
    claimed = {r for claim in claims for r in (*claim.by.values(), *claim.several)}
    absent = tuple(one for r, one in enumerate(roster) if r not in claimed)
    said = [f"{what}: {listed(sorted(who), most=MOST_NAMED)}." for what, who in remarks.items()]
    return Matched(tuple(found), absent, (*said, *_shared(roster)))


MOST_NAMED = 500  # in one remark about people of whom each must be looked at
_UNKNOWN = "Handed in, and not to be found on the roster, so that names and numbers are those of what was handed in"
_AT_ODDS = "Their number, address and name are of different people on the roster, so no number was used; correct what is wrong, or override by hand"
_SEVERAL = "More than one on the roster is called so, and nothing else tells who it is"
_TWICE = "On the roster this is one person, and more than one handed in under it; these stand under their own names, so keep one"
_RENUMBERED = "The roster has another number than what was handed in; the roster's was taken"
_OTHER_NAME = "Found on the roster by number or address, under quite another name; look whether it is the same person"
_WRITTEN = "Found on the roster by a name that is written otherwise there"


@dataclass(frozen=True)
class _Claim:
    """Whom of the roster somebody may be. `by`: rank of a key → the one who has it. `several`: those who share the strongest shared key."""

    by: Mapping[int, int]
    several: tuple[int, ...]

    @property
    def one(self) -> int | None:
        """Where all keys agree."""
        return next(iter(self.by.values())) if len(set(self.by.values())) == 1 else None


def _table(roster: Sequence[Person], keys: Keys) -> Mapping[str, tuple[int, ...]]:
    """Key → those who have it."""
    of: dict[str, list[int]] = defaultdict(list)
    for r, one in enumerate(roster):
        for key in keys(one):
            of[key].append(r)
    return {key: tuple(some) for key, some in of.items()}


def _claims(person: Person, tables: Sequence[Mapping[str, tuple[int, ...]]], roster: Sequence[Person]) -> _Claim:
    by: dict[int, int] = {}
    several: tuple[int, ...] = ()
    for rank, ((what, keys, _), table) in enumerate(zip(_BY, tables)):
        hit = next((table[key] for key in keys(person) if key in table), ())
        if what == PARTICIPANT:  # the number may be a group's, whose folder has the group's name
            hit = tuple(r for r in hit if _alike(person, roster[r]))
        if len(hit) == 1:
            by[rank] = hit[0]
        elif not several:
            several = hit
    return _Claim(by, () if by else several)


def _alike(person: Person, known: Person) -> bool:
    """Whether the names have a word in common, or are one name written otherwise."""
    shared = set(words_of(person.name)) & set(words_of(known.name))
    return bool(shared) or written_together(person.name) in ways_to_write(known.name)


def _numberless(person: Person, number: str) -> Person:
    """With a number that is no participant's: there is a list of all participants, and it is not on it."""
    return replace(person, moodle_id="", other_id=person.other_id or number)


def _left(person: Person, claim: _Claim, roster: Sequence[Person], remarks: dict[str, list[str]]) -> Person:
    """Who is not certainly one of the roster."""
    if claim.one is not None:
        remarks[_TWICE].append(f"{person.called}, like {roster[claim.one].called}")
    elif claim.by:
        whose = {f"{roster[r].called} by {_BY[rank][0]}" for rank, r in claim.by.items()}
        remarks[_AT_ODDS].append(f"{person.called} would be {' but '.join(sorted(whose))}")
        return Person(person.name, other_id=person.number, email=person.email)
    elif claim.several:
        remarks[_SEVERAL].append(person.called)
    else:
        remarks[_UNKNOWN].append(person.called)
    return person


def _strongest(claims: Sequence[tuple[int, int]]) -> int | None:
    """Who has the one strongest claim; None where two are equally strong."""
    first, *rest = sorted(claims)
    kind = _BY[first[0]][0]
    return first[1] if not any(_BY[rank][0] == kind for rank, _ in rest) else None


def _filled(person: Person, known: Person, remarks: dict[str, list[str]]) -> Person:
    """What the roster knows goes before what was handed in."""
    written_so = written_together(person.name) in ways_to_write(known.name)
    by_name = not (person.number or person.email)
    if not by_name and not _alike(person, known):
        remarks[_OTHER_NAME].append(f"{person.called} is {known.called}")
    if by_name and written_so and same_name(person.name) != same_name(known.name):
        remarks[_WRITTEN].append(f"{person.called} is {known.called}")
    if person.school_id and known.school_id and same_id(person.school_id) != same_id(known.school_id):
        remarks[_RENUMBERED].append(f"{person.called} is {known.called}")
    values = {field.name: getattr(known, field.name) or getattr(person, field.name) for field in fields(Person)}
    return replace(person, **values)


def _shared(roster: Sequence[Person]) -> list[str]:
    """A remark on numbers, addresses and accounts that two people of the roster share: nobody is found by them."""
    remarks = []
    for what, value in (
        ("number", lambda p: same_id(p.school_id)), ("number", lambda p: p.canvas_id), ("number", lambda p: p.moodle_id),
        ("e-mail address", lambda p: same_email(p.email)), ("GitHub account", lambda p: p.github.casefold()),
    ):  # fmt: skip
        count = Counter(value(one) for one in roster)
        shared = [one.called for one in roster if value(one) and count[value(one)] > 1]
        if shared:
            remarks.append(
                f"They share a {what} on the roster, so nobody was found by it: {listed(shared, most=len(shared))}."
            )
    return remarks


def absent_remark(absent: Sequence[Person], note: str = "") -> str:
    who = listed(sorted(person.called for person in absent), most=len(absent))
    return f"On the roster, and handed in nothing{note}: {who}."


# The people of a class


@dataclass(frozen=True)
class Everybody:
    """Everybody who handed in, once; for each submission the numbers of its members in that list; and remarks."""

    people: tuple[Person, ...]
    members: tuple[tuple[int, ...], ...]
    remarks: tuple[str, ...] = ()


def everybody(submissions: Sequence[HandedIn], roster: Sequence[Person]) -> Everybody:
    """Who stands in several submissions is one by number or e-mail address, never by name, and only where it is known which one is newer.

    Else they stay apart, and their number is used for neither: a number on a file is what somebody typed.
    """
    people: list[Person] = []
    at: dict[str, int] = {}  # key → the one who has it, in submissions with a time
    members: dict[int, tuple[int, ...]] = {}
    for k, one in sorted(enumerate(submissions), key=lambda pair: pair[1].moment):
        own = []
        for person in [p for member in members_of(one) for p in team_of(member, roster)]:
            keys = _keys(person) if one.submitted_at else []
            n = next((at[key] for key in keys if key in at and _may_be(people[at[key]], person)), len(people))
            if n == len(people):
                people.append(person)
            else:
                people[n] = _joined(people[n], person)
            at |= {key: n for key in keys if key not in at}
            own.append(n)
        members[k] = tuple(dict.fromkeys(own))
    apart, remarks = _without_shared_numbers(people)
    return Everybody(tuple(apart), tuple(members[k] for k in range(len(submissions))), tuple(remarks))


def _without_shared_numbers(people: Sequence[Person]) -> tuple[list[Person], list[str]]:
    """Whoever has the number of another has it as `other_id`, which no platform gets."""
    kinds = ("school_id", "canvas_id", "moodle_id")
    count = Counter((kind, same_id(number)) for one in people for kind in kinds if (number := getattr(one, kind)))
    apart, shared = [], []
    for one in people:
        taken = {kind: "" for kind in kinds if count[kind, same_id(getattr(one, kind))] > 1}
        if taken:
            shared.append(f"{one.name} ({one.number})")
        apart.append(replace(one, **taken, other_id=one.other_id or one.number) if taken else one)
    said = "They carry one number with another, and nobody says which is the newer or whose it is, so no platform gets it; keep one"
    return apart, [f"{said}: {listed(sorted(shared), most=MOST_NAMED)}."] if shared else []


def _keys(person: Person) -> list[str]:
    numbers = {
        "school": person.school_id,
        "canvas": person.canvas_id,
        "moodle": person.moodle_id,
        "other": person.other_id,
    }
    keys = [f"{whose} {same_id(number)}" for whose, number in numbers.items() if number]
    return [*keys, f"email {same_email(person.email)}"] if person.email else keys


def _may_be(one: Person, other: Person) -> bool:
    """Not where both have a number of one kind, and it is not the same."""
    pairs = [(one.school_id, other.school_id), (one.canvas_id, other.canvas_id), (one.moodle_id, other.moodle_id)]
    return all(not a or not b or same_id(a) == same_id(b) for a, b in pairs)


def _joined(old: Person, new: Person) -> Person:
    """What the newer says, and where it says nothing, the older."""
    return Person(**{field.name: getattr(new, field.name) or getattr(old, field.name) for field in fields(Person)})


def named_by_roster(submissions: Sequence[HandedIn], roster: Sequence[Person]) -> tuple[list[HandedIn], list[str]]:
    """The hand-ins as the class page shows them, with names and numbers of the roster; and remarks, on who handed in nothing too."""
    if not roster:
        return list(submissions), []
    found = everybody(submissions, roster)
    matched = match(found.people, roster)
    shown = [_shown(one, [matched.people[n] for n in own]) for one, own in zip(submissions, found.members)]
    return shown, [*([absent_remark(matched.absent)] if matched.absent else []), *found.remarks, *matched.remarks]


def _shown(one: HandedIn, people: Sequence[Person]) -> HandedIn:
    first, *others = people
    return replace(
        one, student=first.name, student_id=first.number, email=first.email, partners=tuple(p.name for p in others),
        partner_ids=tuple(p.number for p in others), partner_emails=tuple(p.email for p in others),
    )  # fmt: skip
