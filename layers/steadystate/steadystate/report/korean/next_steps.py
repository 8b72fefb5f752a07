"""What to do next, and what was not tested, in Korean."""

from collections.abc import Callable

from steadystate.report.advice import Advice, Kind, advice_of, unjudged, was_tested
from steadystate.report.brief import Brief, ObjectiveBrief
from steadystate.report.contracts import Paragraphs
from steadystate.report.korean.particles import joined
from steadystate.report.korean.phrases import interval, observed, probes
from steadystate.report.shown import amount, clock, duration, number, seconds


def next_steps(brief: Brief) -> Paragraphs:
    """Return one paragraph for each piece of advice: what was seen, then what to do."""
    return [_TOLD[advice.kind](brief, advice) for advice in advice_of(brief)]


def _named(advice: Advice) -> ObjectiveBrief:
    if advice.objective is None:
        raise LookupError(f"the advice {advice.kind!r} is about no objective")
    return advice.objective


def _seen(advice: Advice) -> str:
    return f"{observed(_named(advice))}."


def _open_undo(brief: Brief, _: Advice) -> list[str]:
    left = ", ".join(u.what for u in brief.undo if u.state == "open")
    return [
        f"{left} 원상 복구를 아직 다시 읽어 확인하지 못했습니다.",
        "이 일을 가장 먼저 하십시오: 상태 머신 recover를 실행하고, 이 실행이 남긴 것이 없어질 "
        "때까지 FIS를 살펴보십시오.",
    ]


def _stored_verdict(brief: Brief, _: Advice) -> list[str]:
    return [
        f"문서에는 {joined(brief.stored_verdict, '이라고/라고')} 적혀 있지만 표본으로는 "
        f"{brief.verdict}입니다.",
        "누가 문서를 바꿨는지, 또는 어느 버전이 썼는지 알기 전에는 이 문서를 넘기지 마십시오.",
    ]


def _stopped_by_a_person(brief: Brief, _: Advice) -> list[str]:
    return [
        f"관측 {brief.looks}번 만에 실행이 멈췄습니다.",
        "멈춘 이유가 사라지면 시나리오를 다시 실행하십시오.",
    ]


def _broken(brief: Brief, _: Advice) -> list[str]:
    where = f"{brief.why_name}에서 " if brief.why_name else ""
    return [
        f"{where}시험 장치가 고장 났습니다: “{brief.why_text}”.",
        "고친 다음 시나리오를 다시 실행하십시오. 이 실행은 워크로드에 대해 아무것도 말해 주지 "
        "않습니다.",
    ]


def _not_steady(brief: Brief, _: Advice) -> list[str]:
    return [
        f"장애를 주기 전의 프로브 {probes(brief.probes)} 가운데 {probes(brief.failed)}이 "
        f"실패했거나 기준을 벗어난 것이 있었습니다: “{brief.why_text}”.",
        f"장애가 없는데도 {brief.workload} 워크로드가 왜 불안정한지 찾은 뒤, 시나리오를 다시 "
        "실행하십시오.",
    ]


def _not_hit(brief: Brief, _: Advice) -> list[str]:
    said = f"FIS의 상태는 “{brief.fault_status}”이고, " if brief.fault_status else ""
    return [
        f"{said}맞힌 대상은 {brief.targets_hit}개입니다.",
        "대상의 태그와 상태, FIS의 실험을 살펴본 뒤 시나리오를 다시 실행하십시오.",
    ]


def _guardrail(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    return [
        f"가드레일이 깨졌습니다: “{brief.why_text}”.",
        f"장애 뒤로 프로브 {probes(recovery.probes)} 가운데 {probes(recovery.failed)}이 "
        "실패했습니다.",
        "처음 몇 분이 보여 주는 것을 고치고, 온전한 장애를 주기 전에 더 적은 대상으로 "
        "되풀이하십시오.",
    ]


def _blind(brief: Brief, _: Advice) -> list[str]:
    return [
        f"실행을 지켜볼 수 없었습니다: “{brief.why_text}”.",
        "그 지표의 출처를 고치거나, 장애 중에도 남아 있는 지표를 가드레일에 주십시오. 그런 다음 "
        "시나리오를 다시 실행하십시오.",
    ]


def _limit(brief: Brief, _: Advice) -> list[str]:
    return [
        f"장애가 제때 끝나지 않았습니다: “{brief.why_text}”.",
        f"FIS에서 실험 {brief.fault_id} 기록을 살펴보고, 시나리오를 다시 실행하십시오.",
    ]


def _missed_errors(brief: Brief, advice: Advice) -> list[str]:
    recovery = brief.recovery
    told = [_seen(advice)]
    if recovery.first_breach_at and recovery.last_failed_at:
        told.append(
            f"{clock(recovery.first_breach_at)}부터 {clock(recovery.last_failed_at)}까지의 오류를 "
            "살펴보십시오: 누가 그 답을 했고, 로드 밸런서가 사라진 쪽으로 얼마나 오래 요청을 "
            "보냈습니까?"
        )
    else:
        told.append("프로브는 실패하지 않았으니, 고객만 보내는 요청에서 찾으십시오.")
    return [
        *told,
        "상태 확인을 더 자주 하고, 되풀이해도 되는 요청을 다시 보내면 이 시간이 짧아집니다.",
    ]


def _missed_latency(_: Brief, advice: Advice) -> list[str]:
    one = _named(advice)
    worst = joined(amount(one.worst, one.unit, "ko"), "이었습니다/였습니다")
    return [
        _seen(advice),
        f"평균은 봉우리를 감춥니다: 점 {one.points:,}개 가운데 가장 나쁜 것은 {worst}.",
        "그때의 대기열, 재시도, 시간 초과를 살펴보고, 남은 쪽이 모든 트래픽을 감당할 만했는지 "
        "확인하십시오.",
    ]


def _missed_after(_: Brief, advice: Advice) -> list[str]:
    return [
        _seen(advice),
        "다른 모든 것이 끝난 뒤에 장애가 남긴 것입니다. 다음 실행 전에 바로잡고, 서비스가 왜 "
        "스스로 그러지 못했는지 찾으십시오.",
    ]


def _missed_other(_: Brief, advice: Advice) -> list[str]:
    return [
        _seen(advice),
        f"이 장애에서 무엇이 {_named(advice).sli} 지표를 움직이는지 찾으십시오.",
    ]


def _no_data(brief: Brief, _: Advice) -> list[str]:
    names = ", ".join(f"{o.name}({o.sli})" for o in unjudged(brief))
    return [
        f"판정할 숫자가 없었던 목표는 이렇습니다: {names}.",
        "출처가 이 장애 중에도 값을 내는지, 트래픽이 있었는지 살펴보십시오. 기준값에 견주는 "
        "기준에는 이력이나 하한이 필요합니다.",
    ]


def _recovery_missed(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    low = seconds(recovery.from_fault.low_seconds if recovery.from_fault else 0.0, "ko")
    target = joined(duration(recovery.target_seconds, "ko"), "을/를")
    told = [f"회복에 적어도 {joined(low, '이/가')} 걸려 목표 {target} 넘겼습니다."]
    if recovery.first_breach_at and recovery.injected_at:
        told.append(
            f"장애는 {clock(recovery.injected_at)}에 작용했고 첫 프로브는 "
            f"{clock(recovery.first_breach_at)}에 실패했습니다."
        )
    return [*told, "그 뒤는 알아차리고 바꾸는 시간입니다. 더 오래 걸린 쪽을 찾아 줄이십시오."]


def _recovery_unproven(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    return [
        f"회복이 증명되지 않았습니다: 프로브가 {seconds(recovery.good_seconds, 'ko')} 동안 "
        f"성공했고, 필요한 길이는 {number(recovery.needed_good_seconds)}초입니다.",
        "시나리오의 recovery.limit 값을 늘리거나, 프로브가 왜 계속 실패했는지 찾으십시오.",
    ]


def _recovery_between(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    took = (
        interval(recovery.from_fault.low_seconds, recovery.from_fault.high_seconds)
        if recovery.from_fault
        else ""
    )
    target = joined(duration(recovery.target_seconds, "ko"), "이/가")
    return [
        f"회복에 {took} 걸렸고, 목표 {target} 그 사이에 있습니다.",
        f"구간이 좁아지도록 프로브를 1초에 {number(brief.probes_a_second)}번보다 자주 보내십시오.",
    ]


def _recovery_wide(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    return [
        f"회복이 끝난 시각을 {seconds(recovery.resolution_seconds or 0.0, 'ko')}까지만 압니다"
        f"(목표 {duration(recovery.target_seconds, 'ko')}).",
        f"프로브를 1초에 {number(brief.probes_a_second)}번보다 자주 보내십시오.",
    ]


def _little_room(_: Brief, advice: Advice) -> list[str]:
    left = joined(f"{number(_named(advice).room_percent or 0.0)} %", "만/만")
    return [
        _seen(advice),
        f"기준까지 {left} 남았으니, 트래픽이 늘거나 장애가 길어지면 벗어날 수 있습니다. 그런 일이 "
        "일어나기 전에 시험하십시오.",
    ]


def _missing_looks(brief: Brief, _: Advice) -> list[str]:
    return [
        f"관측 {brief.missing_looks}번의 표본이 없습니다.",
        "어디서 사라졌는지 찾으십시오. 그동안 일어난 일은 어느 판정에도 들어 있지 않습니다.",
    ]


def _unread_looks(brief: Brief, _: Advice) -> list[str]:
    return [
        f"관측 {brief.looks}번 가운데 {brief.unread_looks}번은 읽지 못한 것이 있습니다.",
        "해당 표본의 notes 항목을 보고, 다음 실행 전에 출처를 고치십시오.",
    ]


def _harder(brief: Brief, _: Advice) -> list[str]:
    return [
        f"대상 {brief.targets_hit}개를 맞혔는데도 상한이 있는 모든 목표가 그 절반 넘게 여유를 "
        "남겼습니다.",
        "다음에는 대상을 늘리거나 장애를 더 오래 주십시오. 그리고 계속 그런지 알 수 있도록 이 "
        "시나리오를 일정에 올리십시오.",
    ]


def _again(brief: Brief, _: Advice) -> list[str]:
    return [
        f"목표 {len(brief.objectives)}개를 모두 지켰습니다.",
        "이를 깨뜨리는 변경을 알아차리도록 시나리오를 일정에 올리십시오.",
    ]


_TOLD: dict[Kind, Callable[[Brief, Advice], list[str]]] = {
    "open undo": _open_undo,
    "stored verdict": _stored_verdict,
    "stopped by a person": _stopped_by_a_person,
    "broken": _broken,
    "not steady": _not_steady,
    "not hit": _not_hit,
    "guardrail": _guardrail,
    "blind": _blind,
    "limit": _limit,
    "missed errors": _missed_errors,
    "missed latency": _missed_latency,
    "missed after": _missed_after,
    "missed other": _missed_other,
    "no data": _no_data,
    "recovery missed": _recovery_missed,
    "recovery unproven": _recovery_unproven,
    "recovery between": _recovery_between,
    "recovery wide": _recovery_wide,
    "little room": _little_room,
    "missing looks": _missing_looks,
    "unread looks": _unread_looks,
    "harder": _harder,
    "again": _again,
}


def not_tested(brief: Brief) -> list[str]:
    """Return what the run says nothing about."""
    if not was_tested(brief):
        told = [
            f"장애가 작용하지 않았으므로 {brief.scenario} 시나리오의 어느 것도 시험하지 못했습니다."
        ]
    else:
        names = ", ".join(f.name for f in brief.faults)
        told = [
            f"{names} 말고 다른 장애, 그리고 한 번에 {brief.targets_hit}개보다 많은 대상은 "
            "시험하지 않았습니다."
        ]
    if unknown := [o.name for o in unjudged(brief)]:
        told.append(f"데이터가 없어 판정하지 못한 목표는 {', '.join(unknown)}입니다.")
    if brief.unasked:
        names = ", ".join(s.name for s in brief.unasked)
        told.append(f"재기는 했지만 목표로 삼지 않은 지표는 {names}입니다.")
    if brief.overrides:
        told.append(
            f"시나리오를 쓰인 그대로 실행하지 않았습니다. 바꾼 값: {', '.join(brief.overrides)}."
        )
    return [
        *told,
        f"프로브는 한 주소로 1초에 {number(brief.probes_a_second)}번 요청했고, "
        f"{number(brief.probe_timeout_seconds)}초 안에 맞는 답을 받지 못한 요청을 실패로 셌습니다. "
        "느린 답은 목표가 다룹니다.",
        f"지표의 주기는 {number(brief.metric_period_seconds)}초입니다. 그보다 짧은 일은 평균으로만 "
        "나타납니다.",
        "한 번의 실행은 한 번의 추첨입니다. 이번에 일어난 일을 보여 줄 뿐, 얼마나 자주 그럴지는 "
        "보여 주지 않습니다.",
    ]
