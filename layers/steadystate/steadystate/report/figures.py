"""Figures in a text, in English and Korean: amounts with their units, times of day, dates.

What was read is blanked, so that nothing is read twice; a figure keeps its place in the text.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["percent", "length", "dollars", "won", "times", "count"]


class Amount(NamedTuple):
    """A number with its unit: `value` in the unit as written, `factor` to the kind's own unit
    (seconds, percent, dollars), `places` the decimal places that it shows."""

    text: str
    start: int
    value: float
    factor: float
    places: int
    kind: Kind


class Clock(NamedTuple):
    """A time of day; `second` and `minute` are None where the text shows none."""

    text: str
    start: int
    hour: int
    minute: int | None
    second: int | None


class Day(NamedTuple):
    """A date; `year` is None where the text shows none."""

    text: str
    start: int
    year: int | None
    month: int
    day: int


_UNITS: dict[str, tuple[Kind, float]] = {
    "%": ("percent", 1.0),
    "%p": ("percent", 1.0),
    "percent": ("percent", 1.0),
    "per cent": ("percent", 1.0),
    "percentage point": ("percent", 1.0),
    "퍼센트": ("percent", 1.0),
    "프로": ("percent", 1.0),
    "ms": ("length", 0.001),
    "msec": ("length", 0.001),
    "millisecond": ("length", 0.001),
    "밀리초": ("length", 0.001),
    "s": ("length", 1.0),
    "sec": ("length", 1.0),
    "second": ("length", 1.0),
    "초": ("length", 1.0),
    "m": ("length", 60.0),
    "min": ("length", 60.0),
    "minute": ("length", 60.0),
    "분": ("length", 60.0),
    "h": ("length", 3600.0),
    "hr": ("length", 3600.0),
    "hour": ("length", 3600.0),
    "시간": ("length", 3600.0),
    "usd": ("dollars", 1.0),
    "us$": ("dollars", 1.0),
    "dollar": ("dollars", 1.0),
    "달러": ("dollars", 1.0),
    "cent": ("dollars", 0.01),
    "센트": ("dollars", 0.01),
    "krw": ("won", 1.0),
    "won": ("won", 1.0),
    "원": ("won", 1.0),
    "x": ("times", 1.0),
    "times": ("times", 1.0),
    "-fold": ("times", 1.0),
    "배": ("times", 1.0),
}
_PLURAL = {"percentage point", "second", "millisecond", "min", "minute", "hour", "dollar", "cent"}
_PLURAL |= {"sec", "hr"}
_UNIT = "|".join(
    re.escape(u) + ("s?" if u in _PLURAL else "") for u in sorted(_UNITS, key=len, reverse=True)
)
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_AMOUNT = re.compile(
    rf"(?P<money>US\$|[$₩])?\s?(?P<sign>(?<![\w.)%~–])[-−])?(?P<number>(?<![\d.,]){_NUMBER})(?!\d)"
    rf"(?:[\s\u00a0-]?(?P<unit>{_UNIT})(?![a-z0-9]))?",
    re.I,
)
_RATE = re.compile(r"\s+(?:a|per|each|every) (?:second|minute|hour)")
_BETWEEN = re.compile(
    rf"(?P<first>{_NUMBER})(?=\s*(?:to|and|or|through|[-–~/]|에서|부터|와|과|또는|및)\s*"
    rf"(?:[$₩])?(?P<second>{_NUMBER})[\s-]?(?P<unit>{_UNIT})(?![a-z0-9]))",
    re.I,
)

_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "thirty": 30,
    "sixty": 60, "hundred": 100,
}  # fmt: skip
_KOREAN_WORDS = {
    "한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9,
    "열": 10, "스무": 20,
}  # fmt: skip
_SPELLED = re.compile(rf"\b({'|'.join(_WORDS)})\b(?=[\s-]+([a-z]+))", re.I)
_KOREAN_SPELLED = re.compile(
    rf"(?<![가-힣])({'|'.join(_KOREAN_WORDS)})\s?(배|시간|개|건|대|명|번)(?!째)"
)
_SCALES = {"twice": 2.0, "double": 2.0, "doubled": 2.0, "thrice": 3.0, "triple": 3.0}
_SCALES |= {"tripled": 3.0, "quadrupled": 4.0, "tenfold": 10.0, "twofold": 2.0}
_SCALE = re.compile(rf"\b({'|'.join(_SCALES)})\b", re.I)
_SHARE = re.compile(r"(\d+)\s*분의\s*(\d+)|(?<![\d:./,])(\d{1,2})/(\d{1,2})(?![\d:/.,])")
_SHARE_WORDS = {"half": 50.0, "halved": 50.0, "절반": 50.0, "a third": 100 / 3, "a quarter": 25.0}
_SHARE_WORDS |= {"two thirds": 200 / 3, "three quarters": 75.0, "one third": 100 / 3}
_SHARE_WORDS |= {"one quarter": 25.0}
_SHARE_WORD = re.compile(
    rf"(?P<over>(?:more|less) than |over |under |at least |at most )?"
    rf"(?P<share>{'|'.join(sorted(_SHARE_WORDS, key=len, reverse=True))})(?![a-z])"
    rf"(?P<after>\s*(?:넘게|이상|이하|미만|도))?",
    re.I,
)

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|"
_MONTH += r"December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?"
_DATES = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?=[T\s.,;:)]|$|[가-힣])"),
    re.compile(r"(?:(?P<year>\d{4})년\s*)?(?P<month>\d{1,2})월\s*(?P<day>\d{1,2})일"),
    re.compile(rf"\b(?P<day>\d{{1,2}}) (?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?", re.I),
    re.compile(rf"\b(?P<month>{_MONTH}) (?P<day>\d{{1,2}})(?:,? (?P<year>\d{{4}}))?\b", re.I),
)
_CLOCKS = (
    re.compile(
        r"(?:(?P<half>오전|오후)\s*)?(?P<hour>\d{1,2})시(?!간)"
        r"(?:\s*(?P<minute>\d{1,2})분)?(?:\s*(?P<second>\d{1,2})초)?"
    ),
    re.compile(
        r"(?<![\d:.])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
        r"(?!:?\d)Z?(?:\s*(?P<half>[ap]\.?m\b\.?))?",
        re.I,
    ),
)


class Read(NamedTuple):
    """All figures of a text, and the text with them blanked."""

    amounts: list[Amount]
    clocks: list[Clock]
    days: list[Day]
    rest: str


def read_figures(text: str) -> Read:
    """Return all figures of a text."""
    blanked = _Blanked(text)
    days = [day for pattern in _DATES for day in _days(blanked, pattern)]
    clocks = [clock for pattern in _CLOCKS for clock in _clocks(blanked, pattern)]
    amounts = [*_shares(blanked), *_ranges(blanked)]
    amounts += [_amount(match) for match in blanked.take(_AMOUNT)]
    amounts += _spelled(blanked)
    return Read(sorted(amounts, key=lambda a: a.start), clocks, days, blanked.text)


class _Blanked:
    """A text in which what has been read is replaced by blanks of the same length."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Give each match, and blank it."""
        for match in list(pattern.finditer(self.text)):
            yield match
            self.blank(*match.span())

    def blank(self, start: int, end: int) -> None:
        self.text = self.text[:start] + "\u0001" * (end - start) + self.text[end:]


def _days(blanked: _Blanked, pattern: re.Pattern[str]) -> Iterator[Day]:
    for match in blanked.take(pattern):
        month = match["month"]
        number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
        year = int(match["year"]) if match["year"] else None
        yield Day(match[0], match.start(), year, number, int(match["day"]))


def _clocks(blanked: _Blanked, pattern: re.Pattern[str]) -> Iterator[Clock]:
    for match in blanked.take(pattern):
        hour, half = int(match["hour"]), (match["half"] or "").lower()
        if half and hour == 12:
            hour = 0
        if half.startswith("p") or half == "오후":
            hour += 12
        minute, second = (int(match[n]) if match[n] else None for n in ("minute", "second"))
        yield Clock(match[0], match.start(), hour, minute, second)


def _shares(blanked: _Blanked) -> Iterator[Amount]:
    for match in blanked.take(_SHARE):
        low, high = (match[1], match[2]) if match[1] else (match[4], match[3])
        share = 100.0 * float(high) / float(low) if float(low) else 0.0
        yield Amount(match[0], match.start(), share, 1.0, 0, "percent")
    for match in blanked.take(_SHARE_WORD):
        if not match["over"] and not match["after"]:
            share = _SHARE_WORDS[match["share"].lower()]
            yield Amount(match[0], match.start(), share, 1.0, 0, "percent")


def _ranges(blanked: _Blanked) -> Iterator[Amount]:
    """The first number of a range takes the unit of the second."""
    for match in blanked.take(_BETWEEN):
        kind, factor = _unit(match["unit"])
        yield _made(match["first"], match.start(), factor, kind)


def _amount(match: re.Match[str]) -> Amount:
    kind, factor = _unit(match["unit"]) if match["unit"] else ("count", 1.0)
    if kind == "times" and _RATE.match(match.string, match.end()):
        kind = "count"  # "20 times a second"
    if match["money"]:
        kind = "won" if match["money"] == "₩" else "dollars"
    digits = ("-" if match["sign"] else "") + match["number"]
    return _made(digits, match.start("number"), factor, kind, match[0].strip())


def _made(digits: str, start: int, factor: float, kind: Kind, text: str = "") -> Amount:
    plain = digits.replace(",", "")
    return Amount(text or digits, start, float(plain), factor, len(plain.partition(".")[2]), kind)


def _unit(text: str) -> tuple[Kind, float]:
    known = text.lower()
    return _UNITS[known] if known in _UNITS else _UNITS[known.removesuffix("s")]


def _spelled(blanked: _Blanked) -> Iterator[Amount]:
    for match in blanked.take(_SCALE):
        yield Amount(match[0], match.start(), _SCALES[match[1].lower()], 1.0, 0, "times")
    for match in list(_SPELLED.finditer(blanked.text)):
        following = match[2].lower()
        unit = following if following in _UNITS else following.removesuffix("s")
        kind, factor = _UNITS.get(unit, ("count", 1.0))
        if unit == "m":
            kind, factor = "count", 1.0
        yield Amount(match[0], match.start(), _WORDS[match[1].lower()], factor, 0, kind)
    for match in list(_KOREAN_SPELLED.finditer(blanked.text)):
        kind, factor = _UNITS.get(match[2], ("count", 1.0))
        yield Amount(match[0], match.start(), _KOREAN_WORDS[match[1]], factor, 0, kind)
