"""A run told in Korean: sentences from a brief, by section. Times are UTC."""

from steadystate.domain.verdict import Verdict
from steadystate.report.advice import most_changed, was_tested, weakest
from steadystate.report.brief import Brief, ObjectiveBrief, RecoveryBrief
from steadystate.report.contracts import Paragraphs, SectionKey
from steadystate.report.korean.next_steps import next_steps, not_tested
from steadystate.report.korean.particles import joined
from steadystate.report.korean.phrases import bound, interval, observed, probes, short
from steadystate.report.korean.rows import (
    OTHER_TITLES,
    ending,
    explained,
    guardrails,
    main_sentence,
    recorded,
    row,
)
from steadystate.report.shown import amount, clock, day, duration, number, seconds

TITLES = OTHER_TITLES | {"recovery": "회복"}

ACTIONS = {
    "aws:ec2:terminate-instances": "인스턴스를 종료합니다",
    "aws:ec2:stop-instances": "인스턴스를 멈춥니다",
    "aws:ec2:reboot-instances": "인스턴스를 다시 시작합니다",
    "aws:ecs:stop-task": "태스크를 멈춥니다",
    "aws:ecs:task-cpu-stress": "프로세서 시간을 빼앗습니다",
    "aws:ecs:task-kill-process": "프로세스를 죽입니다",
    "aws:ecs:task-network-blackhole-port": "포트를 막습니다",
    "aws:ecs:task-network-latency": "네트워크를 느리게 합니다",
    "aws:ecs:task-network-packet-loss": "네트워크 패킷을 잃게 합니다",
    "aws:rds:reboot-db-instances": "데이터베이스를 다시 시작합니다",
    "aws:fis:wait": "기다립니다",
    "AWSFIS-Run-CPU-Stress": "프로세서 시간을 빼앗습니다",
    "AWSFIS-Run-Kill-Process": "프로세스를 죽입니다",
    "AWSFIS-Run-Network-Latency": "네트워크를 느리게 합니다",
    "AWSFIS-Run-Network-Latency-Sources": "네트워크를 느리게 합니다",
    "AWSFIS-Run-Network-Packet-Loss": "네트워크 패킷을 잃게 합니다",
    "AWSFIS-Run-Network-Blackhole-Port": "포트를 막습니다",
}


def title(brief: Brief) -> str:
    """Return the narrative's title."""
    return f"{brief.workload} 워크로드의 {brief.scenario} 실험: {brief.verdict}"


def summary(brief: Brief) -> str:
    """Return the verdict and its main number in one sentence."""
    return main_sentence(brief, _main_reason(brief))


def sections(brief: Brief) -> dict[SectionKey, Paragraphs]:
    """Return the sentences of each section, paragraph by paragraph."""
    return {
        "tested": _tested(brief),
        "happened": _happened(brief),
        "verdict": _verdict(brief),
        "recovery": [_recovery(brief.recovery)],
        "weak_point": [_weak_point(brief)],
        "next_steps": next_steps(brief),
        "not_tested": [not_tested(brief)],
    }


def _main_reason(brief: Brief) -> str:
    recovery, total = brief.recovery, len(brief.objectives)
    if brief.why:
        return _WHY[brief.why](brief)
    missed = [o for o in brief.objectives if o.verdict is Verdict.FAIL]
    unknown = [o for o in brief.objectives if o.verdict is Verdict.INCONCLUSIVE]
    if brief.verdict is Verdict.PASS:
        return f"목표 {total}개를 모두 지켰고, {short(recovery)}"
    if missed:
        more = f"(목표 {total}개 가운데 {len(missed)}개가 벗어남)" if len(missed) > 1 else ""
        return f"{observed(missed[0])}{more}"
    if Verdict.FAIL in (brief.verdict, recovery.verdict):
        return short(recovery)
    if recovery.verdict is Verdict.INCONCLUSIVE:
        return short(recovery)
    return f"목표 {total}개 가운데 {len(unknown)}개를 판정하지 못했습니다"


_WHY = {
    "stopped by a person": lambda b: f"관측 {b.looks}번 만에 사람이 실행을 멈췄습니다",
    "broken": lambda b: (
        f"관측 {b.looks}번 뒤에 시험 장치가 고장 나, 이 실행은 {b.workload} 워크로드에 대해 "
        "아무것도 말해 주지 않습니다"
    ),
    "not steady": lambda b: (
        f"장애를 주기 전부터 {b.workload} 워크로드가 안정되지 않아 시험하지 않았습니다"
        f"(프로브 {probes(b.probes)} 가운데 {probes(b.failed)} 실패)"
    ),
    "not hit": lambda b: f"장애가 맞힌 대상이 {b.targets_hit}개여서 시험하지 못했습니다",
    "guardrail": lambda b: (
        f"장애 뒤 프로브 {probes(b.recovery.probes)} 가운데 {probes(b.recovery.failed)}이 실패한 "
        "끝에 가드레일이 실행을 멈췄습니다"
    ),
    "blind": lambda b: f"지켜볼 수 없어 실행을 멈췄습니다(기록: “{b.why_text}”)",
    "limit": lambda b: f"장애가 제때 끝나지 않아 실행을 멈췄습니다(기록: “{b.why_text}”)",
}


def _tested(brief: Brief) -> Paragraphs:
    first = [
        f"{brief.workload} 워크로드에 {brief.scenario} 시나리오를 {day(brief.started_at, 'ko')} "
        f"{clock(brief.started_at)}부터 {clock(brief.ended_at)}까지 실행했습니다. "
        "시각은 모두 UTC입니다."
    ]
    if brief.requested_by:
        first.append(f"요청한 사람은 {brief.requested_by}입니다.")
    first += explained(brief)
    faults = [_fault(brief, k) for k in range(len(brief.faults))]
    bounds = "; ".join(f"{o.name} {bound(o)}" for o in brief.objectives)
    asks = [
        f"지켜야 할 목표는 {len(brief.objectives)}개입니다: {bounds}.",
        f"회복은 {duration(brief.recovery.target_seconds, 'ko')} 안에 끝나야 합니다.",
    ]
    if brief.guardrails:
        rails = ", ".join(f"{g.name}({g.sli} {g.bound})" for g in brief.guardrails)
        asks.append(f"가드레일 {len(brief.guardrails)}개가 실행을 지켜봤습니다: {rails}.")
    return [first, faults, asks] if faults else [first, asks]


def _fault(brief: Brief, index: int) -> str:
    fault = brief.faults[index]
    name = fault.document or fault.action
    does = ACTIONS.get(name, "작용합니다")
    lasting = f"{duration(fault.duration_seconds, 'ko')} 동안 " if fault.duration_seconds else ""
    told = f"{fault.name} 장애({name})는 {lasting}{does}"
    if not fault.targets:
        return f"{told}."
    shown = ", ".join(fault.targets[:3]) + (", …" if len(fault.targets) > 3 else "")
    return f"{told}. 겨눈 대상은 {len(fault.targets)}개입니다: {shown}."


def _happened(brief: Brief) -> Paragraphs:
    if not brief.minutes:
        return [["남은 관측이 없어 무슨 일이 있었는지 말할 수 없습니다."]]
    head = [
        f"{duration(brief.window_seconds, 'ko')}짜리 관측 {brief.looks}번을 기록했고, 프로브 "
        f"{probes(brief.probes)} 가운데 {probes(brief.failed)}이 실패했습니다."
    ]
    if brief.missing_looks:
        head.append(f"관측 {brief.missing_looks}번은 표본이 남아 있지 않습니다.")
    return [head, *([*row(m)] for m in brief.minutes)]


def _verdict(brief: Brief) -> Paragraphs:
    first = [summary(brief)]
    if brief.changed:
        first.append(f"다시 판정하니 저장된 것과 다른 것은 {', '.join(brief.changed)} 부분입니다.")
    first += recorded(brief)
    parts = [_objective(o) for o in brief.objectives]
    rails = guardrails(brief)
    return [p for p in (first, parts, rails, ending(brief)) if p]


def _objective(one: ObjectiveBrief) -> str:
    told = f"{one.verdict}: {observed(one)}"
    if one.observed is None:
        return f"{told}."
    if one.when == "after":
        return f"{told}(회복 뒤의 마지막 점)."
    if one.aggregate == "worst":
        return f"{told}(점 {one.points:,}개 가운데 가장 나쁜 것)."
    worst = amount(one.worst, one.unit, "ko")
    return f"{told}(점 {one.points:,}개에 관측 {one.observations:,.0f}건, 가장 나쁜 점 {worst})."


def _recovery(recovery: RecoveryBrief) -> list[str]:
    target = duration(recovery.target_seconds, "ko")
    if recovery.injected_at is None:
        return [f"장애가 작용하지 않아 회복할 것이 없었습니다(목표 {target})."]
    told = [f"장애는 {clock(recovery.injected_at)}에 작용하기 시작했습니다."]
    if not recovery.probes:
        told.append(f"그 뒤로 보낸 프로브가 없습니다. 목표는 {target}입니다.")
    elif recovery.first_breach_at is None:
        told.append(
            f"그 뒤의 프로브 {probes(recovery.probes)} 가운데 실패한 것이 없습니다(목표 {target})."
        )
    else:
        told.append(
            f"첫 프로브가 {clock(recovery.first_breach_at)}에 실패했고, 장애 뒤의 프로브 "
            f"{probes(recovery.probes)} 가운데 {probes(recovery.failed)}이 실패했습니다."
        )
    if recovery.first_breach_at and recovery.from_fault:
        took = interval(recovery.from_fault.low_seconds, recovery.from_fault.high_seconds)
        told.append(f"장애로부터 회복까지 {took} 걸렸고, 목표는 {target}입니다.")
        if recovery.from_breach:
            felt = interval(recovery.from_breach.low_seconds, recovery.from_breach.high_seconds)
            told.append(f"고객이 겪은 시간, 곧 첫 실패로부터는 {felt}입니다.")
    if recovery.recovered_at:
        sharp = seconds(recovery.resolution_seconds or 0.0, "ko")
        told.append(
            f"서비스는 {clock(recovery.recovered_at)}에 온전해졌으며, 이 시각은 {sharp}까지 압니다."
        )
    if recovery.good_probes is not None and recovery.needed_probes is not None:
        told.append(
            f"마지막 실패 뒤로 프로브가 {seconds(recovery.good_seconds, 'ko')} 동안 성공했고"
            f"(필요한 길이 {number(recovery.needed_good_seconds)}초), 필요한 성공 "
            f"{recovery.needed_probes}건 가운데 {recovery.good_probes}건을 봤습니다."
        )
    return [*told, f"회복의 판정은 {recovery.verdict}입니다."]


def _weak_point(brief: Brief) -> list[str]:
    if not was_tested(brief):
        return ["장애가 작용하지 않았으므로 약한 곳에 대해 숫자가 말해 주는 것이 없습니다."]
    told = []
    weak, changed, recovery = weakest(brief), most_changed(brief), brief.recovery
    if weak and weak.room_percent is not None:
        value, limit = (amount(v, weak.unit, "ko") for v in (weak.observed, weak.limit))
        share = f"{number(abs(weak.room_percent))} %"
        if weak.room_percent < 0:
            told.append(
                f"기준을 가장 크게 벗어난 것은 {weak.name} 목표입니다: {joined(value, '으로/로')} "
                f"한계 {joined(limit, '을/를')} {share} 벗어났습니다."
            )
        else:
            told.append(
                f"기준에 가장 가까이 간 것은 {weak.name} 목표입니다: {joined(value, '으로/로')} "
                f"한계 {limit}의 {joined(share, '이/가')} 남았습니다."
            )
    if changed:
        one, ratio = changed
        before, after = (amount(v, one.unit, "ko") for v in (one.baseline, one.observed))
        told.append(
            f"기준값에 견주어 가장 크게 달라진 것은 {one.name} 목표의 {one.sli} 지표로, "
            f"{before}에서 {joined(after, '으로/로')} {number(ratio)}배가 되었습니다."
        )
    if recovery.outage_percent is not None:
        meaning = (
            "그동안 거의 아무 답도 하지 못했습니다"
            if recovery.outage_percent > 90
            else "서비스의 나머지는 계속 답했습니다"
        )
        told.append(
            f"첫 실패부터 마지막 실패까지 프로브 {probes(recovery.outage_probes)} 가운데 "
            f"{joined(f'{number(recovery.outage_percent)} %', '이/가')} 실패했으니, {meaning}."
        )
    if recovery.used_percent is not None and recovery.first_breach_at:
        told.append(
            f"회복은 목표 시간의 {joined(f'{number(recovery.used_percent)} %', '을/를')} 썼습니다."
        )
    return told or ["기준과 견줄 수 있는 숫자를 가진 목표가 없습니다."]
