"""A canary told in Korean: sentences from a brief, by section. Times are UTC."""

from collections.abc import Callable

from steadystate.domain.e_value import SMALLEST, largest_told
from steadystate.report.canary_advice import (
    Kind,
    advice_of,
    most_different,
    nearest,
    no_experiment,
    unconvincing,
    untried,
)
from steadystate.report.canary_brief import (
    NOTABLE_TIMES,
    CanaryBrief,
    MetricBrief,
    StepBrief,
    fired,
)
from steadystate.report.contracts import Paragraphs, SectionKey
from steadystate.report.korean.particles import joined
from steadystate.report.korean.phrases import probes
from steadystate.report.korean.records import in_korean
from steadystate.report.korean.rows import (
    OTHER_TITLES,
    ending,
    explained,
    guardrails,
    main_sentence,
    recorded,
    row,
)
from steadystate.report.shown import clock, day, number, seconds

TITLES = OTHER_TITLES | {"recovery": "되돌리기"}

OUTCOMES = {
    "baking": "지켜보는 중",
    "promoted": "승격",
    "approved": "사람의 승인",
    "rejected": "사람의 거절",
    "held": "보류",
    "rolled back": "되돌림",
    "finished": "완료",
}


def title(brief: CanaryBrief) -> str:
    """Return the narrative's title."""
    return f"{brief.workload} 워크로드의 {brief.scenario} 카나리: {brief.verdict}"


def summary(brief: CanaryBrief) -> str:
    """Return the verdict and its main number in one sentence."""
    return main_sentence(brief, _main_reason(brief))


def sections(brief: CanaryBrief) -> dict[SectionKey, Paragraphs]:
    """Return the sentences of each section, paragraph by paragraph."""
    return {
        "tested": _tested(brief),
        "happened": _happened(brief),
        "verdict": _verdict(brief),
        "recovery": [_way_back(brief)],
        "weak_point": [_weak_point(brief)],
        "next_steps": _next_steps(brief),
        "not_tested": [_not_tested(brief)],
    }


def _main_reason(brief: CanaryBrief) -> str:
    cut_short = {
        "broken": f"관측 {brief.looks}번 뒤에 장치가 고장 났습니다",
        "stopped by a person": f"관측 {brief.looks}번 만에 사람이 카나리를 멈췄습니다",
        "taken back": f"{brief.rollback_of} 실행의 카나리를 되돌렸습니다",
        "never began": f"트래픽을 옮기지 않았습니다(관측 {brief.looks}번)",
    }
    if brief.rollback_of and brief.end == "not promoted":
        return f"{brief.rollback_of} 실행의 카나리를 되돌리지 못했습니다"
    if brief.end in cut_short or not brief.steps:
        return cut_short.get(brief.end, cut_short["never began"])
    last = f"{brief.steps[-1].weight_percent} %"
    if brief.end == "promoted":
        return (
            f"카나리가 {len(brief.steps)}단계를 거쳐 {last}까지 올라갔으며, 관측 {brief.looks}번이 "
            "이를 뒷받침합니다"
        )
    metric = fired(brief)
    if metric is not None:
        return f"카나리를 {last}에서 되돌렸습니다; {_against(metric)}"
    if brief.end == "rolled back":
        return f"카나리를 {last}에서 되돌렸습니다(까닭: {_why(brief)})"
    return f"카나리가 {last}까지 갔지만 증거로 승격하지는 못했습니다"


def _why(brief: CanaryBrief) -> str:
    return in_korean(brief.stop_by) or f"“{brief.why_text}”"


def _against(metric: MetricBrief) -> str:
    """Return both sides of a metric, and its e-value, as a sentence without its full stop."""
    if metric.canary_percent is None or metric.stable_percent is None:
        return (
            f"{metric.name} 지표는 견줄 수 없었습니다(카나리 요청 {probes(metric.canary_total)}, "
            f"stable 요청 {probes(metric.stable_total)})"
        )
    slow = ""
    if metric.slow_over_milliseconds is not None:
        slow = f"({number(metric.slow_over_milliseconds)} ms보다 느린 요청)"
    limit = joined(_e_value(metric.limit_e_value), "이었습니다/였습니다")
    return (
        f"{metric.name} 지표{slow}는 카나리에서 {_share(metric.canary_percent)}, stable 쪽에서 "
        f"{_share(metric.stable_percent)}였고, e-값은 {_e_value(metric.peak_e_value)}, 한계는 "
        f"{limit}"
    )


def _share(percent: float | None) -> str:
    return "측정 없음" if percent is None else f"{number(percent)} %"


def _promotion(metric: MetricBrief) -> str:
    value = metric.promotion_e_value
    if value is not None and value >= largest_told(metric.needed_e_value):
        return f"{number(value)} 이상"
    return _e_value(value)


def _e_value(value: float | None) -> str:
    if value is None:
        return "없음"
    return f"{number(value)} 미만" if value <= SMALLEST else number(value)


def _tested(brief: CanaryBrief) -> Paragraphs:
    first = [
        f"{brief.workload} 워크로드에 {brief.scenario} 카나리를 {day(brief.started_at, 'ko')} "
        f"{clock(brief.started_at)}부터 {clock(brief.ended_at)}까지 실행했습니다.",
        "시각은 모두 UTC입니다.",
    ]
    if brief.requested_by:
        first.append(f"요청한 사람은 “{brief.requested_by}”입니다.")
    first += explained(brief)
    if brief.rollback_of:
        return [first]
    plan = [_metric_plan(m) for m in brief.metrics]
    if brief.step_percent:
        weights = ", ".join(f"{w} %" for w in brief.step_percent)
        plan.insert(0, f"카나리로 옮길 트래픽의 단계별 가중치는 {weights}입니다.")
    plan.append(
        f"{number(brief.confidence_percent)} % 신뢰도로 카나리가 stable의 "
        f"{number(brief.margin_times)}배에 못 미치거나 그 자체로 충분히 좋다는 것이 보이면 다음 "
        "단계로 갑니다."
    )
    return [first, plan]


def _metric_plan(metric: MetricBrief) -> str:
    what = "오류를"
    if metric.slow_over_milliseconds is not None:
        what = f"{number(metric.slow_over_milliseconds)} ms보다 느린 요청을"
    limit = joined(_e_value(metric.limit_e_value), "이/가")
    return f"{metric.name} 지표는 양쪽의 {what} 세며, e-값 {limit} 되면 되돌립니다."


def _happened(brief: CanaryBrief) -> Paragraphs:
    steps = [_step(s) for s in brief.steps]
    if not brief.minutes and not steps:
        return [["남은 관측이 없어 무슨 일이 있었는지 말할 수 없습니다."]]
    head = (
        []
        if not brief.looks
        else [
            f"관측 {brief.looks}번을 기록했고, 프로브 {probes(brief.probes)} 가운데 "
            f"{probes(brief.failed)}이 실패했습니다."
        ]
    )
    if brief.missing_looks:
        head.append(f"관측 {brief.missing_looks}번은 표본이 남아 있지 않습니다.")
    return [p for p in (head, steps, *(row(m) for m in brief.minutes)) if p]


def _step(step: StepBrief) -> str:
    told = f"{step.weight_percent} % 단계는"
    if step.shifted_at:
        told += f" {clock(step.shifted_at)}에 옮겼고"
    if step.read_back_at:
        told += f" {clock(step.read_back_at)}에 다시 읽었으며"
    outcome = joined(OUTCOMES.get(step.outcome, step.outcome), "으로/로")
    told += (
        f" {clock(step.ended_at)}에 {outcome} 끝났습니다" if step.ended_at else " 끝나지 않았습니다"
    )
    if step.approved_by:
        told += f"(승인: “{step.approved_by}”)"
    if step.experiment_run:
        verdict = f"({step.experiment_verdict})" if step.experiment_verdict else ""
        told += f"; {step.experiment_run} 실험{verdict}을 이 단계에서 실행했습니다"
    return f"{told}."


def _verdict(brief: CanaryBrief) -> Paragraphs:
    first = [summary(brief)]
    first += recorded(brief)
    metrics = []
    for m in brief.metrics if brief.looks else ():
        metrics.append(
            f"{m.name} 지표에서 카나리는 요청 {probes(m.canary_total)} 가운데 "
            f"{probes(m.canary_bad)}, stable은 요청 {probes(m.stable_total)} 가운데 "
            f"{probes(m.stable_bad)}이 나빴습니다."
        )
        metrics.append(f"{_against(m)}.")
        if m.promotion_e_value is not None and m.needed_e_value is not None:
            needed = joined(_e_value(m.needed_e_value), "이/가")
            metrics.append(
                f"{m.name} 지표가 승격되려면 e-값 {needed} 필요하고, 가장 높은 값은 "
                f"{_promotion(m)}입니다."
            )
    rails = guardrails(brief) if brief.looks else []
    return [p for p in (first, metrics, rails, ending(brief)) if p]


def _way_back(brief: CanaryBrief) -> list[str]:
    back = brief.rollback
    if back is None:
        told = ["되돌릴 필요가 없었습니다." if brief.steps else "되돌릴 것이 없었습니다."]
        if brief.weights:
            last = brief.weights[-1]
            told.append(
                f"마지막으로 {clock(last.at)}에 다시 읽은 가중치는 "
                f"{_weights(last.stable_percent, last.canary_percent)}입니다."
            )
        return told
    told = [f"되돌리기로 정한 시각은 {clock(back.decided_at)}입니다."]
    if back.restored_at and back.restore_seconds is not None:
        took = joined(seconds(back.restore_seconds, "ko"), "이/가")
        told.append(
            f"{clock(back.restored_at)}에 가중치를 다시 읽으니 "
            f"{_weights(back.stable_percent, back.canary_percent)}였고, 되돌리는 데 {took} "
            "걸렸습니다."
        )
    else:
        told.append("원래 가중치를 아직 다시 읽어 확인하지 못했습니다.")
    return told


def _weights(stable: int | None, canary: int | None) -> str:
    sides = (("stable", stable), ("카나리", canary))
    return ", ".join(f"{name} " + ("없음" if w is None else f"{w} %") for name, w in sides)


def _weak_point(brief: CanaryBrief) -> list[str]:
    told = []
    worst, closest = most_different(brief), nearest(brief)
    if worst is not None and (worst.ratio_times or 0.0) <= NOTABLE_TIMES:
        told.append(
            f"카나리에서 눈에 띄게 나쁜 지표는 없습니다. 가장 가까운 것은 {worst.name} 지표로 "
            f"카나리 {_share(worst.canary_percent)}, stable {_share(worst.stable_percent)}입니다."
        )
    elif worst is not None and worst.ratio_times is not None:
        told.append(
            f"양쪽이 가장 크게 다른 것은 {worst.name} 지표입니다: 카나리 "
            f"{_share(worst.canary_percent)}, stable {_share(worst.stable_percent)}로 "
            f"{number(worst.ratio_times)}배입니다."
        )
    if closest is not None and closest.fired_at:
        told.append(f"{closest.name} 지표가 카나리를 되돌렸습니다. e-값이 한계에 이르렀습니다.")
    elif closest is not None:
        told.append(
            f"되돌리기에 가장 가까이 간 것은 {closest.name} 지표이며, e-값이 한계의 "
            f"{number(closest.peak_percent or 0.0)} %까지 갔습니다."
        )
    return told or ["약한 곳이 드러날 만큼 요청이 많은 쪽이 없었습니다."]


def _next_steps(brief: CanaryBrief) -> Paragraphs:
    return [_ADVICE[kind](brief) for kind in advice_of(brief)]


def _stored_verdict(brief: CanaryBrief) -> list[str]:
    stored = joined(brief.stored_verdict, "이라고/라고")
    return [
        f"문서에는 {stored} 적혀 있지만 관측은 그렇지 않습니다.",
        "누가 바꿨는지 알기 전에는 이 문서를 넘기지 마십시오.",
    ]


def _regression(brief: CanaryBrief) -> list[str]:
    told = [
        f"{m.name} 지표가 {clock(m.fired_at)}에 카나리를 되돌렸습니다."
        for m in brief.metrics
        if m.fired_at
    ]
    return [
        *told[:1],
        "그 시각까지 두 버전의 로그를 견주어 보고, 다시 트래픽을 주기 전에 새 버전을 고치십시오.",
    ]


def _more_evidence(brief: CanaryBrief) -> list[str]:
    seen = f"관측 {brief.looks}번으로는 모자랐습니다."
    if one := unconvincing(brief):
        seen = (
            f"{one.name} 지표는 카나리의 요청 {probes(one.canary_total)}으로 e-값 "
            f"{_promotion(one)}에 그쳤고, 필요한 값은 "
            f"{_e_value(one.needed_e_value)}입니다."
        )
    return [
        seen,
        "단계를 더 오래 지켜보거나, 트래픽을 늘리거나, 충분히 좋다고 볼 비율을 정한 뒤 카나리를 "
        "다시 시작하십시오.",
    ]


_ADVICE: dict[Kind, Callable[[CanaryBrief], list[str]]] = {
    "open undo": lambda _: [
        "원래 가중치를 아직 다시 읽어 확인하지 못했습니다.",
        "이 일을 가장 먼저 하십시오: 리스너의 가중치를 보고, 필요하면 손으로 맞추십시오.",
    ],
    "stored verdict": _stored_verdict,
    "broken": lambda _: ["장치가 고장 났습니다.", "고친 다음 카나리를 다시 시작하십시오."],
    "stopped by a person": lambda _: [
        "사람이 멈췄습니다.",
        "이유가 사라지면 다시 시작하십시오.",
    ],
    "regression": _regression,
    "taken back": lambda b: [
        f"이 실행은 {b.rollback_of} 실행을 되돌린 것입니다.",
        "다음 카나리 전에 새 버전의 문제를 고치십시오.",
    ],
    "not taken back": lambda b: [
        f"{b.rollback_of} 실행을 되돌리지 못했습니다.",
        "리스너의 가중치를 보고, 처음의 가중치를 손으로 맞추거나 되돌리기를 다시 시작하십시오.",
    ],
    "rolled back": lambda b: [
        f"카나리를 되돌린 까닭: {_why(b)}.",
        "다음 카나리 전에 그것부터 해결하십시오.",
    ],
    "more evidence": _more_evidence,
    "promoted": lambda b: [
        f"모든 단계가 증거를 얻어 승격했고 관측은 모두 {b.looks}번입니다.",
        "하루치 트래픽을 볼 때까지 옛 쪽을 남겨 두었다가 정리하십시오.",
    ],
    "no experiment": lambda _: [
        "실험을 실행한 단계가 없습니다.",
        "새 버전이 장애도 견디는지 보이도록 다음 카나리의 한 단계에 실험을 넣으십시오.",
    ],
}


def _not_tested(brief: CanaryBrief) -> list[str]:
    names = ", ".join(m.name for m in brief.metrics)
    told = [f"양쪽을 견준 지표는 {names}뿐입니다."] if brief.looks else []
    if left := untried(brief):
        told.append(f"해 보지 않은 단계는 {', '.join(f'{w} %' for w in left)}입니다.")
    if no_experiment(brief):
        told.append("어느 단계에서도 새 버전에 장애를 주지 않았습니다.")
    if brief.fault_looks:
        told.append(f"실험의 장애 중에 본 관측 {brief.fault_looks}번은 비교에서 뺐습니다.")
    if brief.overrides:
        changed = ", ".join(brief.overrides)
        told.append(f"시나리오를 쓰인 그대로 실행하지 않았습니다. 바꾼 값: {changed}.")
    return [
        *told,
        f"지표의 주기는 {number(brief.metric_period_seconds)}초이고 실행은 "
        f"{seconds(brief.run_seconds, 'ko')} 걸렸습니다.",
        "몇 시간 뒤에야 드러나는 일은 여기에 없습니다.",
    ]
