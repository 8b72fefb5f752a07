"""Narratives as a model might write them: figures of a run in many forms, in both languages.

They are made from the evidence's own numbers, by other code than the product's. A figure stands
between ⟦ and ⟧, with its form, so that a test can put a wrong one in its place.
"""

import random
import re
from collections.abc import Callable
from datetime import datetime

from steadystate.documents.fields import Language
from steadystate.evidence import Evidence, ObjectiveEvidence

SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
KOREAN = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열")
MARK = re.compile("⟦([^|⟧]*)\\|([^|⟧]*)\\|([^⟧]*)⟧")

Form = Callable[[float], str]


class Writer:
    """Writes sentences about one run."""

    def __init__(self, evidence: Evidence, language: Language, seed: int) -> None:
        self.evidence, self.language = evidence, language
        self.rng = random.Random(seed)
        self.forms: dict[str, Form] = {}

    def put(self, value: float, form: Form) -> str:
        """Mark a figure, so that it can be found again and said of another value."""
        name = str(len(self.forms))
        self.forms[name] = form
        return f"⟦{name}|{value!r}|{form(value)}⟧"

    def digits(self, value: float, most: int) -> int:
        """Choose how many decimal places to show: enough to say something of the value."""
        least = 0 if abs(value) >= 10 else 1 if abs(value) >= 1 else 3
        return self.rng.randint(least, max(least, most))

    def number(self, value: float, most: int, after: tuple[str, ...]) -> str:
        places, unit = self.digits(value, most), self.rng.choice(after)
        return self.put(value, lambda v: f"{v:,.{places}f}{unit}")

    def percent(self, value: float) -> str:
        units = ("%", " %", " percent") if self.language == "en" else ("%", " %", "퍼센트")
        return self.number(value, 2, units)

    def seconds(self, value: float) -> str:
        if 0.2 < value < 2 and self.rng.random() < 0.3:
            return self.put(value, lambda v: f"{1000 * v:,.0f} ms")
        units = (" s", " seconds", "s") if self.language == "en" else ("초", " 초")
        return self.number(value, 2, units)

    def whole(self, value: float) -> str:
        """A time that somebody set."""
        if value >= 120 and value % 60 == 0 and self.rng.random() < 0.7:
            units = (" minutes", " min") if self.language == "en" else ("분",)
            unit = self.rng.choice(units)
            return self.put(value, lambda v: f"{v / 60:.0f}{unit}")
        units = (" seconds", " s") if self.language == "en" else ("초",)
        unit = self.rng.choice(units)
        return self.put(value, lambda v: f"{v:.0f}{unit}")

    def count(self, value: int, noun: str) -> str:
        """A count; in Korean `noun` is the counter after it."""
        if 2 <= value <= 10 and self.rng.random() < 0.4:
            if self.language == "en":
                return self.put(value, lambda v: f"{SPELLED[int(v) % 11]} {noun}s")
            if noun in ("개", "건", "번"):
                return self.put(value, lambda v: f"{KOREAN[int(v) % 11] or '열'} {noun}")
        if self.language == "ko":
            return self.put(value, lambda v: f"{v:,.0f}{noun}")
        plural = "" if value == 1 else "s"
        return self.put(value, lambda v: f"{v:,.0f} {noun}{plural}")

    def clock(self, at: datetime) -> str:
        value = at.hour * 3600.0 + at.minute * 60 + at.second
        form = self.rng.choice(self._clocks())
        return self.put(value, lambda v: form(int(v) // 3600 % 24, int(v) // 60 % 60, int(v) % 60))

    def _clocks(self) -> list[Callable[[int, int, int], str]]:
        if self.language == "en":
            return [
                lambda h, m, s: f"{h:02}:{m:02}:{s:02}",
                lambda h, m, s: f"{h:02}:{m:02}:{s:02} UTC",
                lambda h, m, s: f"{h % 12 or 12}:{m:02}:{s:02} {'am' if h < 12 else 'pm'}",
            ]
        return [
            lambda h, m, s: f"{h:02}:{m:02}:{s:02}",
            lambda h, m, s: f"{h}시 {m}분 {s}초",
            lambda h, m, s: f"{'오전' if h < 12 else '오후'} {h % 12 or 12}시 {m}분 {s}초",
        ]

    def value(self, value: float, unit: str) -> str:
        if unit == "percent":
            return self.percent(value)
        if unit == "milliseconds":
            return self.number(value, 1, (" ms", "ms"))
        if unit == "won":
            return self.number(value, 0, (" KRW",) if self.language == "en" else ("원",))
        return self.put(value, lambda v: f"{v:,.0f}")

    def sentences(self) -> list[str]:
        """Return a narrative, with its figures marked."""
        told = [self._objective(o) for o in self.evidence.objectives if o.observed is not None]
        told += self._recovery() + self._run()
        self.rng.shuffle(told)
        return told

    def _objective(self, one: ObjectiveEvidence) -> str:
        assert one.observed is not None
        assert one.limit is not None
        seen, limit = self.value(one.observed, one.unit), self.value(one.limit, one.unit)
        if self.language == "en":
            return self.rng.choice(
                [
                    f"The objective {one.name} showed {seen} against a limit of {limit}.",
                    f"For {one.name} we saw {seen}; the bound was {limit}.",
                    f"At {seen}, {one.name} is judged {one.verdict} with a bound of {limit}.",
                ]
            )
        return self.rng.choice(
            [
                f"{one.name} 목표의 관측값은 {seen}, 한계는 {limit}입니다.",
                f"한계 {limit}에 대해 {one.name} 목표는 {seen}를 보였습니다.",
                f"{one.name} 목표는 {one.verdict}이며 값은 {seen}입니다(기준 {limit}).",
            ]
        )

    def _recovery(self) -> list[str]:
        recovery = self.evidence.recovery
        assert recovery is not None
        if recovery.injected_at is None:
            return []
        target, began = self.whole(recovery.target_seconds), self.clock(recovery.injected_at)
        english = self.language == "en"
        told = [
            f"The fault took effect at {began}." if english else f"장애는 {began}에 시작됐습니다."
        ]
        if recovery.from_fault and recovery.first_breach_at:
            low = self.seconds(recovery.from_fault.low)
            told.append(
                f"It took at least {low} to recover, and the target was {target}."
                if english
                else f"회복에는 적어도 {low} 걸렸고 목표는 {target}입니다."
            )
        if recovery.from_fault and recovery.from_fault.high and recovery.first_breach_at:
            low, high = (f"{v:,.1f}" for v in (recovery.from_fault.low, recovery.from_fault.high))
            told.append(
                self.rng.choice(
                    [
                        f"Recovery from the fault lasted between {low} and {high} seconds.",
                        f"The outage was over {low}–{high} s after the fault.",
                    ]
                    if english
                    else [
                        f"회복까지 {low}초에서 {high}초가 걸렸습니다.",
                        f"장애 뒤 {low}~{high}초 만에 회복되었습니다.",
                    ]
                )
            )
        return told

    def _run(self) -> list[str]:
        ticks = [t for s in self.evidence.samples for t in s.ticks]
        sent, failed = sum(t.sent for t in ticks), sum(t.failed for t in ticks)
        began, cost = self.clock(self.evidence.started_at), self.evidence.cost.actual["total"]
        paid = self.put(cost, lambda v: f"${v:.3f}" if self.language == "en" else f"{v:.3f}달러")
        objectives = len(self.evidence.objectives)
        if self.language == "en":
            return [
                f"Of {self.count(sent, 'probe')}, {self.count(failed, 'probe')} failed.",
                f"The run began at {began} and cost {paid}.",
                f"It judged {self.count(objectives, 'objective')}.",
            ]
        return [
            f"프로브 {self.count(sent, '건')} 가운데 {self.count(failed, '건')}이 실패했습니다.",
            f"실행은 {began}에 시작했고 비용은 {paid}입니다.",
            f"목표 {self.count(objectives, '개')}를 판정했습니다.",
        ]


def plain(sentence: str) -> str:
    """Return a sentence without its marks."""
    return MARK.sub(lambda m: m[3], sentence)
