"""A canary told in English: sentences from a brief, by section. Times are UTC."""

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
from steadystate.report.english.phrases import count
from steadystate.report.english.rows import (
    OTHER_TITLES,
    ending,
    guardrails,
    main_sentence,
    recorded,
    requested,
    row,
)
from steadystate.report.shown import clock, day, number, seconds

TITLES = OTHER_TITLES | {"recovery": "The way back"}


def title(brief: CanaryBrief) -> str:
    """Return the narrative's title."""
    return f"{brief.scenario} on {brief.workload}: {brief.verdict}"


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
    looks = count(brief.looks, "look")
    cut_short = {
        "broken": f"the machinery broke after {looks}",
        "stopped by a person": f"a person stopped the canary after {looks}",
        "never began": f"no traffic was moved; looks kept: {brief.looks}",
        "taken back": f"the canary of run {brief.rollback_of} was taken back",
    }
    if brief.rollback_of and brief.end == "not promoted":
        return f"the canary of run {brief.rollback_of} was not taken back"
    if brief.end in cut_short or not brief.steps:
        return cut_short.get(brief.end, cut_short["never began"])
    last = brief.steps[-1].weight_percent
    if brief.end == "promoted":
        return (
            f"the canary was promoted to {last} % in {count(len(brief.steps), 'step')}, with "
            f"evidence in {count(brief.looks, 'look')}"
        )
    metric = fired(brief)
    if metric is not None:
        return f"the canary went back from {last} %, as {_against(metric)}"
    if brief.end == "rolled back":
        return f"the canary went back from {last} %, for “{brief.stop_by or brief.why_text}”"
    return f"the canary got to {last} % and was not promoted with evidence"


def _against(metric: MetricBrief) -> str:
    """Return both sides of a metric, and its e-value, as a clause."""
    if metric.canary_percent is None or metric.stable_percent is None:
        return (
            f"{metric.name} could not be compared, with "
            f"{count(metric.canary_total, 'request')} on the canary and "
            f"{count(metric.stable_total, 'request')} on stable"
        )
    slow = ""
    if metric.slow_over_milliseconds is not None:
        slow = f" (slow is over {number(metric.slow_over_milliseconds)} ms)"
    return (
        f"{metric.name}{slow} was {_share(metric.canary_percent)} on the canary and "
        f"{_share(metric.stable_percent)} on stable, with an e-value of "
        f"{_e_value(metric.peak_e_value)} against a limit of {_e_value(metric.limit_e_value)}"
    )


def _share(percent: float | None) -> str:
    return "not measured" if percent is None else f"{number(percent)} %"


def _promotion(metric: MetricBrief) -> str:
    value = metric.promotion_e_value
    if value is not None and value >= largest_told(metric.needed_e_value):
        return f"over {number(value)}"
    return _e_value(value)


def _e_value(value: float | None) -> str:
    if value is None:
        return "nothing"
    return f"under {number(value)}" if value <= SMALLEST else number(value)


def _tested(brief: CanaryBrief) -> Paragraphs:
    first = [
        f"The canary {brief.scenario} was run on the workload {brief.workload} on "
        f"{day(brief.started_at, 'en')} from {clock(brief.started_at)} to "
        f"{clock(brief.ended_at)}; all times are UTC.",
        *requested(brief),
    ]
    if brief.rollback_of:
        return [first]
    plan = [f"{_metric_plan(m)}." for m in brief.metrics]
    if brief.step_percent:
        weights = ", ".join(f"{w} %" for w in brief.step_percent)
        plan.insert(0, f"Traffic was to move to the canary by steps of weight: {weights}.")
    plan.append(
        f"A step is promoted when the canary is shown, at {number(brief.confidence_percent)} % "
        f"confidence, to be under {number(brief.margin_times)} times stable or good enough alone."
    )
    return [first, plan]


def _metric_plan(metric: MetricBrief) -> str:
    what = "errors"
    if metric.slow_over_milliseconds is not None:
        what = f"requests slower than {number(metric.slow_over_milliseconds)} ms"
    return (
        f"The metric {metric.name} counts {what} on both sides; an e-value of "
        f"{_e_value(metric.limit_e_value)} rolls back"
    )


def _happened(brief: CanaryBrief) -> Paragraphs:
    steps = [_step(s) for s in brief.steps]
    if not brief.minutes and not steps:
        return [["No look was kept, so nothing can be told of what happened."]]
    head = (
        []
        if not brief.looks
        else [
            f"{_looks_kept(brief)}, and {number(brief.failed)} of "
            f"{count(brief.probes, 'probe')} failed."
        ]
    )
    if brief.missing_looks:
        head.append(f"Of {count(brief.missing_looks, 'look')} nothing was kept.")
    return [p for p in (head, steps, *(row(m) for m in brief.minutes)) if p]


def _looks_kept(brief: CanaryBrief) -> str:
    return f"{count(brief.looks, 'look')} {'was' if brief.looks == 1 else 'were'} kept"


def _step(step: StepBrief) -> str:
    told = f"The step of {step.weight_percent} %"
    if step.shifted_at:
        told += f" was shifted at {clock(step.shifted_at)}"
    if step.read_back_at:
        told += f", read back at {clock(step.read_back_at)}"
    told += f" and ended as {step.outcome}" if step.ended_at else " and did not end"
    if step.ended_at:
        told += f" at {clock(step.ended_at)}"
    if step.approved_by:
        told += f", approved by “{step.approved_by}”"
    if step.experiment_run:
        told += f"; the experiment {step.experiment_run} ran in it"
        told += f" with {step.experiment_verdict}" if step.experiment_verdict else ""
    return f"{told}."


def _verdict(brief: CanaryBrief) -> Paragraphs:
    first = [summary(brief)]
    first += recorded(brief)
    metrics = []
    for m in brief.metrics if brief.looks else ():
        metrics.append(
            f"{m.name}: {number(m.canary_bad)} bad of {count(m.canary_total, 'request')} on the "
            f"canary, {number(m.stable_bad)} of {count(m.stable_total, 'request')} on stable."
        )
        metrics.append(f"{_against(m)}.")
        if m.promotion_e_value is not None and m.needed_e_value is not None:
            metrics.append(
                f"For promotion {m.name} had at best an e-value of "
                f"{_promotion(m)}, and {_e_value(m.needed_e_value)} is needed."
            )
    rails = guardrails(brief) if brief.looks else []
    return [p for p in (first, metrics, rails, ending(brief)) if p]


def _way_back(brief: CanaryBrief) -> list[str]:
    back = brief.rollback
    if back is None:
        told = ["No way back was needed." if brief.steps else "Nothing had to be taken back."]
        if brief.weights:
            last = brief.weights[-1]
            told.append(
                f"The last weights read back, at {clock(last.at)}, were "
                f"{_weights(last.stable_percent, last.canary_percent)}."
            )
        return told
    told = [f"The decision to go back fell at {clock(back.decided_at)}."]
    if back.restored_at and back.restore_seconds is not None:
        told.append(
            f"At {clock(back.restored_at)} the weights were read back as "
            f"{_weights(back.stable_percent, back.canary_percent)}: it took "
            f"{seconds(back.restore_seconds, 'en')} to go back."
        )
    else:
        told.append("The original weights have not been read back.")
    return told


def _weights(stable: int | None, canary: int | None) -> str:
    sides = (("stable", stable), ("the canary", canary))
    return " and ".join(
        f"none for {name}" if w is None else f"{w} % for {name}" for name, w in sides
    )


def _weak_point(brief: CanaryBrief) -> list[str]:
    told = []
    worst, closest = most_different(brief), nearest(brief)
    if worst is not None and (worst.ratio_times or 0.0) <= NOTABLE_TIMES:
        told.append(
            f"No metric was notably worse on the canary; nearest was {worst.name} with "
            f"{_share(worst.canary_percent)} against {_share(worst.stable_percent)} on stable."
        )
    elif worst is not None and worst.ratio_times is not None:
        told.append(
            f"{worst.name} differed most between the sides: the canary had "
            f"{_share(worst.canary_percent)} and stable {_share(worst.stable_percent)}, "
            f"{number(worst.ratio_times)} times as much."
        )
    if closest is not None and closest.fired_at:
        told.append(f"{closest.name} took the canary back: its e-value reached its limit.")
    elif closest is not None:
        told.append(
            f"{closest.name} came closest to going back: its e-value reached "
            f"{number(closest.peak_percent or 0.0)} % of its limit."
        )
    return told or ["No side had enough requests for a weak point to show."]


def _next_steps(brief: CanaryBrief) -> Paragraphs:
    return [_ADVICE[kind](brief) for kind in advice_of(brief)]


def _regression(brief: CanaryBrief) -> list[str]:
    told = [
        f"{m.name} rolled the canary back at {clock(m.fired_at)}."
        for m in brief.metrics
        if m.fired_at
    ]
    return [
        *told[:1],
        "Compare the logs of both versions up to that moment, and mend the new version before it "
        "gets traffic again.",
    ]


def _more_evidence(brief: CanaryBrief) -> list[str]:
    seen = f"{_looks_kept(brief)}, which did not suffice."
    if one := unconvincing(brief):
        seen = (
            f"{one.name} had {count(one.canary_total, 'request')} on the canary and an e-value of "
            f"{_promotion(one)} of {_e_value(one.needed_e_value)} needed."
        )
    return [
        seen,
        "Let the steps bake longer, send more traffic, or state a rate of bad requests that is "
        "good enough; then start the canary again.",
    ]


_ADVICE: dict[Kind, Callable[[CanaryBrief], list[str]]] = {
    "open undo": lambda _: [
        "The original weights have not been read back.",
        "Do this first: look at the listener's weights and set them by hand if need be.",
    ],
    "stored verdict": lambda b: [
        f"The document says {b.stored_verdict}, and its looks say otherwise.",
        "Do not pass it on before it is known who changed it.",
    ],
    "broken": lambda _: ["The machinery broke.", "Mend that, and start the canary again."],
    "stopped by a person": lambda _: [
        "A person stopped it.",
        "Start again when the reason is gone.",
    ],
    "regression": _regression,
    "taken back": lambda b: [
        f"This run took back run {b.rollback_of}.",
        "Mend what was wrong with the new version before its next canary.",
    ],
    "not taken back": lambda b: [
        f"Run {b.rollback_of} was not taken back.",
        "Look at the listener's weights, and set the original ones by hand or start the way back "
        "again.",
    ],
    "rolled back": lambda b: [
        f"The canary went back for “{b.stop_by or b.why_text}”.",
        "See to what that names before the next canary.",
    ],
    "more evidence": _more_evidence,
    "promoted": lambda b: [
        f"Every step was promoted with evidence, {count(b.looks, 'look')} in all.",
        "Keep the old side until the next day's traffic has been seen, then let it go.",
    ],
    "no experiment": lambda _: [
        "No step ran an experiment.",
        "Let a step of the next canary name an experiment, so that the new version is shown to "
        "bear a fault too.",
    ],
}


def _not_tested(brief: CanaryBrief) -> list[str]:
    names = ", ".join(m.name for m in brief.metrics)
    told = [f"The sides were compared by {names} alone."] if brief.looks else []
    if left := untried(brief):
        told.append(f"These steps were not tried: {', '.join(f'{w} %' for w in left)}.")
    if no_experiment(brief):
        told.append("The new version was under no fault in any step.")
    if brief.fault_looks:
        told.append(
            f"{count(brief.fault_looks, 'look')} under the fault of an experiment were left out of "
            "the comparison."
        )
    if brief.overrides:
        told.append(
            f"The scenario was not run as written; overridden were: {', '.join(brief.overrides)}."
        )
    return [
        *told,
        f"Metrics have a period of {number(brief.metric_period_seconds)} s, and the run took "
        f"{seconds(brief.run_seconds, 'en')}: what shows only after hours is not in it.",
    ]
