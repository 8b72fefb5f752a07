"""Phrases that several parts of a Korean narrative use."""

from steadystate.domain.verdict import Verdict
from steadystate.report.brief import ObjectiveBrief, RecoveryBrief
from steadystate.report.korean.particles import joined
from steadystate.report.minutes import EventBrief
from steadystate.report.shown import amount, duration, number, seconds

_BOUNDS = {"<": "미만", "<=": "이하", ">": "초과", ">=": "이상"}


def short(recovery: RecoveryBrief) -> str:
    """Return recovery against its target as a clause without its end."""
    target = duration(recovery.target_seconds, "ko")
    if recovery.from_fault is None:
        return f"목표 {target}에 견줄 회복 시간을 재지 못했습니다"
    if recovery.first_breach_at is None:
        return f"장애 뒤의 프로브 {probes(recovery.probes)} 가운데 실패한 것이 없었습니다"
    took = interval(recovery.from_fault.low_seconds, recovery.from_fault.high_seconds)
    if recovery.verdict is Verdict.FAIL:
        return f"회복에 {took} 걸려 목표 {joined(target, '을/를')} 넘겼습니다"
    if recovery.from_fault.high_seconds is None:
        return f"회복에 {took} 걸렸고 회복이 증명되지 않았습니다(목표 {target})"
    return f"서비스는 장애 뒤 {took} 만에 온전해졌습니다(목표 {target})"


def interval(low: float, high: float | None) -> str:
    """Return an interval in words."""
    if high is None:
        return f"적어도 {seconds(low, 'ko')}"
    return f"{low:,.1f}~{seconds(high, 'ko')}"


def probes(count: float) -> str:
    """Return a count of probes."""
    return f"{count:,.0f}건"


def bound(one: ObjectiveBrief) -> str:
    """Return the bound of an objective in words."""
    if one.limit is None:
        return one.bound
    limit = amount(one.limit, one.unit, "ko")
    if one.compare == "=":
        return f"정확히 {limit}"
    told = f"{limit} {_BOUNDS[one.compare]}"
    if one.multiple is None:
        return told
    if one.floored:
        return f"{told}, 기준값의 {number(one.multiple)}배에 둔 하한"
    return f"{told}, 기준값의 {number(one.multiple)}배"


def observed(one: ObjectiveBrief) -> str:
    """Return what an objective showed, as a sentence without its full stop."""
    if one.observed is None:
        why = "기준값이" if one.limit is None else "데이터가"
        return f"{one.name} 목표는 {one.sli} 지표의 {why} 없어 판정하지 못했습니다"
    value = joined(amount(one.observed, one.unit, "ko"), "으로/로")
    kept = "지켰습니다" if one.verdict is Verdict.PASS else "벗어났습니다"
    return f"{one.name} 목표는 {value} 기준({bound(one)})을 {kept}"


_EVENTS = {
    "planned": "실행을 계획했습니다",
    "steady": "서비스가 안정되어 있음을 확인했습니다",
    "not steady": "서비스가 안정되어 있지 않음을 확인했습니다",
    "fault started": "장애를 시작했습니다",
    "guardrail tripped": "가드레일이 실행을 멈췄습니다",
    "fault over": "장애가 끝났습니다",
    "undone": "원상 복구를 다시 읽어 확인했습니다",
    "recovered": "회복이 증명되었습니다",
    "recovery limit passed": "회복을 기다리는 한계를 넘겼습니다",
    "not tested": "아무것도 시험하지 못했음이 드러났습니다",
    "judged": "판정했습니다",
    "released": "워크로드를 놓아주었습니다",
    "weights shifted": "가중치를 옮겼습니다",
    "step promoted": "단계를 승격했습니다",
    "going back": "되돌리기 시작했습니다",
    "step approved": "사람이 단계를 승인했습니다",
    "final bake over": "마지막 베이크가 끝났습니다",
    "approval needed": "사람에게 승인을 물었습니다",
    "chaos gate started": "카오스 관문을 시작했습니다",
    "chaos gate passed": "카오스 관문을 통과했습니다",
    "halted": "모든 실행을 멈추라는 지시를 보았습니다",
}


def event(one: EventBrief) -> str:
    """Return one moment of the timeline as a sentence without its full stop."""
    what = _EVENTS.get(one.what, f"“{one.what}” 기록이 남았습니다")
    return f"{what}(기록: “{one.detail}”)" if one.detail else what
