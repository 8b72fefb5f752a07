"""Does a sentence say only what stands in the evidence? Figures, times, names, verdicts."""

import re
from collections.abc import Iterator

from steadystate.documents.fields import Language
from steadystate.report.bindings import fields_beside
from steadystate.report.facts import Fact, Facts
from steadystate.report.figures import Amount, Clock, Day, read_figures
from steadystate.report.names import (
    VERDICTS,
    blank_names,
    blank_quotes,
    mentioned,
    unknown_names,
    unknown_quotes,
)
from steadystate.report.nouns import CUES, is_spoken_of, noun_of

_SUCCESS = re.compile(
    r"\b(?:run|experiment|canary|test|service|system|workload|everything)\W+(?:\w+\W+){0,3}?"
    r"(?:passed|succeeded|successful)\b"
    r"|\ball (?:of )?(?:the )?(?:\d+ |\w+ )?objectives (?:were |have been )?"
    r"(?:kept|met|passed|held)"
    r"|목표를? ?\d*개?를? ?모두 (?:지켰|지키|달성|충족)|모든 목표를? ?(?:지켰|지키|달성|충족|통과)"
    r"|(?:실행|실험|시험|카나리|서비스)[은는이가]? ?(?:\S+ )?(?:통과했|통과하|성공했|성공하)",
    re.I,
)
_NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
_PARTS = re.compile(rf"(?<![\d.]){_NUMBER} of {_NUMBER} (?![a-z]+ (?:a|per) )")
_PARTS_KOREAN = re.compile(rf"{_NUMBER}(?:건|개|번) (?:가운데|중|중에) {_NUMBER}(?:건|개|번)")
_SPAN = re.compile(rf"(?<!from )(?<![\d:.]){_NUMBER}(?: to |~|–){_NUMBER}(?![\d:])")
_KEPT = re.compile(
    r"(?:kept|met|held|keeps|meets) (?:its|the) (?:bound|limit|objective)|을 지켰", re.I
)
_MISSED = re.compile(
    r"(?:missed|broke|violated|exceeded|misses) (?:its|the) (?:bound|limit|objective)"
    r"|기준\S* ?(?:\S+ )?벗어났",
    re.I,
)


def problems_of(sentence: str, facts: Facts, language: Language) -> list[str]:
    """Return what a sentence says that the evidence does not; nothing means that it may stand."""
    found = [f"quote {q}" for q in unknown_quotes(sentence, facts)]
    bare = blank_quotes(sentence)
    found += [f"name {n}" for n in unknown_names(bare, facts, korean=language == "ko")]
    subjects = mentioned(bare, facts)
    found += _wrong_verdicts(bare, subjects, facts)
    text = blank_names(bare, facts)
    figures = read_figures(text)
    found += [f"time {c.text}" for c in figures.clocks if not _is_time(c, facts)]
    found += [f"date {d.text}" for d in figures.days if not _is_day(d, facts)]
    spoken_of = subjects | {_row(clock) for clock in figures.clocks if clock.second is None}
    for amount in figures.amounts:
        nouns = noun_of(amount, text)
        spelled = not re.search(r"\d", amount.text)
        if spelled and amount.kind == "count" and not nouns:
            continue  # "one run", "two things": no figure
        beside = fields_beside(amount, text)
        if not any(
            _agrees(amount, fact)
            and (beside is None or fact.field in beside)
            and _may_mean(amount, nouns, spoken_of, text, fact)
            for fact in facts.figures
        ):
            found.append(f"figure {amount.text}")
    found += [f"order {m[0]}" for m in _PARTS.finditer(text) if _value(m[1]) > _value(m[2])]
    found += [f"order {m[0]}" for m in _PARTS_KOREAN.finditer(text) if _value(m[1]) < _value(m[2])]
    found += [f"order {m[0]}" for m in _SPAN.finditer(text) if _value(m[1]) > _value(m[2])]
    return found


def _may_mean(
    amount: Amount, nouns: frozenset[str], subjects: set[str], text: str, fact: Fact
) -> bool:
    """Whether a figure can be about a fact: of its kind, its noun, and what is spoken of."""
    cue = CUES.get(fact.field, "")
    if fact.kind != amount.kind or (cue and not re.search(cue, text, re.I)):
        return False
    named, about = bool(nouns & fact.nouns), bool(subjects & fact.subjects)
    if subjects and not (about or (not fact.subjects and (cue or fact.nouns))):
        return False
    if nouns and not named:
        return not fact.nouns and (about or amount.kind != "count")
    if nouns or amount.kind != "count":
        return True
    if subjects:
        return about and not fact.nouns
    return not fact.nouns or is_spoken_of(fact.nouns, text)


def _agrees(amount: Amount, fact: Fact) -> bool:
    """Whether a figure is the fact, within half of the last place that the figure shows."""
    if amount.text.startswith(("-", "−")) and fact.value > 0:
        return False
    digits = amount.text.lstrip("-−$₩ ")
    if re.match(r"0\d", digits) or (not amount.value and not amount.places and fact.value):
        return False
    slack = (0.5 * 10.0**-amount.places + 1e-9) * amount.factor
    if re.search(r"\d\s*분의|\d/\d|half|절반|third|quarter", amount.text):
        slack = 2.0
    written = abs(amount.value * amount.factor)
    if amount.kind == "count" and amount.places == 0:
        return written in (abs(fact.value), abs(fact.shown)) or (
            fact.value != int(fact.value) and abs(written - abs(fact.value)) <= slack
        )
    return any(
        abs(written - abs(value)) <= min(slack, 0.2 * abs(value) + 0.06 * amount.factor)
        for value in (fact.value, fact.shown)
    )


def _value(digits: str) -> float:
    return float(digits.replace(",", "").rstrip("."))


def _row(clock: Clock) -> str:
    return f"{clock.hour:02}:{clock.minute or 0:02}"


def _is_time(clock: Clock, facts: Facts) -> bool:
    for at in facts.instants:
        if at.hour != clock.hour or (clock.minute is not None and at.minute != clock.minute):
            continue
        rounded = at.second + (at.microsecond >= 500_000)
        if clock.second is None or clock.second in (at.second, rounded):
            return True
    return False


def _is_day(day: Day, facts: Facts) -> bool:
    return any(
        at.month == day.month and at.day == day.day and day.year in (None, at.year)
        for at in facts.instants
    )


def _wrong_verdicts(text: str, subjects: set[str], facts: Facts) -> Iterator[str]:
    """Give the verdicts that neither the run nor a part named in the sentence has."""
    of_run = {facts.verdict, *facts.verdicts.get("", ())}
    if re.search(r"stored|document says|저장|문서", text):
        of_run.add(facts.stored_verdict)
    if re.search(r"experiment|실험", text):
        of_run |= facts.verdicts.get("experiment", set())
    if re.search(r"recover|회복", text):
        of_run |= facts.verdicts.get("recovery", set())
    of_parts = {v for s in subjects for v in facts.verdicts.get(s, ())}
    for verdict in re.findall(r"[A-Z]{4,}", text):
        if verdict in VERDICTS and verdict not in of_run | of_parts:
            yield f"verdict {verdict}"
    if _SUCCESS.search(text) and facts.verdict != "PASS":
        yield "claim of success"
    if len(of_parts) == 1 and len(subjects & set(facts.verdicts)) == 1:
        (verdict,) = of_parts
        if _KEPT.search(text) and verdict != "PASS":
            yield "claim that a bound was kept"
        if _MISSED.search(text) and verdict != "FAIL":
            yield "claim that a bound was missed"
