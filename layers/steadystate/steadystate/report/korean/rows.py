"""Minutes, undo and cost, in Korean, for runs of every kind."""

from collections.abc import Sequence

from steadystate.report.brief import UndoBrief
from steadystate.report.korean.particles import joined
from steadystate.report.korean.phrases import event, probes
from steadystate.report.minutes import Minute, Miss
from steadystate.report.shown import amount, clock, dollars, minute, number


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


def undo(records: Sequence[UndoBrief]) -> list[str]:
    """Return what was undone, and when that was read back."""
    return [
        f"{u.what} 원상 복구는 {clock(u.verified_at)}에 다시 읽어 확인했습니다."
        if u.verified_at
        else f"{u.what} 원상 복구는 아직 확인되지 않았습니다({u.state})."
        for u in records
    ]


def cost(paid: float | None, planned: float | None) -> list[str]:
    """Return what a run cost."""
    if paid is None:
        return []
    told = f"실행에 든 비용은 {dollars(paid, 'ko')}입니다"
    return [told + (f"(계획 {dollars(planned, 'ko')})." if planned is not None else ".")]
