"""What is told alike of runs of every kind, in Korean."""

from steadystate.report.brief import RunBrief
from steadystate.report.contracts import SectionKey
from steadystate.report.korean.particles import joined
from steadystate.report.korean.phrases import event, probes
from steadystate.report.minutes import Minute, Miss
from steadystate.report.shown import amount, clock, dollars, minute, number

OTHER_TITLES: dict[SectionKey, str] = {
    "tested": "무엇을 시험했는가",
    "happened": "분 단위로 본 경과",
    "verdict": "판정과 이유",
    "weak_point": "약한 곳",
    "next_steps": "다음에 할 일",
    "not_tested": "시험하지 않은 것",
}
"""The titles of all sections but "recovery"."""

_STATES = {"BROKEN": "깨졌습니다", "BLIND": "데이터를 보지 못했습니다"}


def main_sentence(brief: RunBrief, reason: str) -> str:
    """Return the verdict with its reason."""
    told = f"{brief.verdict}: {reason}."
    if brief.stored_verdict:
        stored = joined(brief.stored_verdict, "을/를")
        return f"저장된 판정 {stored} 표본이 뒷받침하지 않습니다; {told}"
    return told


def explained(brief: RunBrief) -> list[str]:
    """Return why a run was asked for, and what its scenario is about."""
    told = []
    if brief.reason_given:
        told.append(f"요청 이유는 “{brief.reason_given}”입니다.")
    if brief.description:
        told.append(f"시나리오의 설명은 이렇습니다: “{brief.description.rstrip('.')}”.")
    return told


def row(one: Minute) -> list[str]:
    """Return a minute, or several as one, with what happened in it."""
    when = minute(one.started_at)
    if one.last_at != one.started_at:
        when += f"~{minute(one.last_at)}"
    if one.failed:
        told = (
            f"프로브 {probes(one.sent)} 가운데 {probes(one.failed)}이 실패했고, 가장 나쁜 1초에는 "
            f"{joined(f'{number(one.worst_percent)} %', '이/가')} 실패했습니다"
        )
    elif one.sent:
        told = f"프로브 {probes(one.sent)}이 모두 답을 받았습니다"
    else:
        told = "프로브를 보내지 않았습니다"
    return [
        f"{when}: {told}.",
        *(_miss(miss) for miss in one.misses),
        *(f"{clock(e.at)}에 {event(e)}." for e in one.events),
    ]


def _miss(miss: Miss) -> str:
    value, limit = (amount(v, miss.unit, "ko") for v in (miss.value, miss.limit))
    rose = "올라" if miss.upper else "떨어져"
    return f"{miss.sli} 지표가 {value}까지 {rose} 한계 {joined(limit, '을/를')} 벗어났습니다."


def recorded(brief: RunBrief) -> list[str]:
    """Return why a run ended as it did, in the words of its record."""
    if not brief.why_text:
        return []
    said = joined(f"“{brief.why_text}”", "이라고/라고")
    return [f"기록에는 {said} 남아 있습니다."]


def guardrails(brief: RunBrief) -> list[str]:
    """Return how each guardrail stood."""
    return [
        f"{g.name} 가드레일은 지켜졌습니다({g.sli} {g.bound})."
        if g.state == "HELD"
        else f"{g.name} 가드레일({g.sli} {g.bound})은 {_STATES[g.state]}: “{g.reason}”."
        for g in brief.guardrails
    ]


def ending(brief: RunBrief) -> list[str]:
    """Return what was undone, when that was read back, and what the run cost."""
    told = [
        f"{u.what} 원상 복구는 {clock(u.verified_at)}에 다시 읽어 확인했습니다."
        if u.verified_at
        else f"{u.what} 원상 복구는 아직 확인되지 않았습니다({u.state})."
        for u in brief.undo
    ]
    if brief.cost_dollars is None:
        return told
    planned = brief.planned_dollars
    beside = "" if planned is None else f"(계획 {dollars(planned, 'ko')})"
    return [*told, f"실행에 든 비용은 {dollars(brief.cost_dollars, 'ko')}입니다{beside}."]
