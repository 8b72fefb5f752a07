"""A run told in English: sentences from a brief, by section. Times are UTC."""

from steadystate.domain.verdict import Verdict
from steadystate.report.advice import most_changed, was_tested, weakest
from steadystate.report.brief import Brief, ObjectiveBrief, RecoveryBrief
from steadystate.report.contracts import Paragraphs, SectionKey
from steadystate.report.english.next_steps import next_steps, not_tested
from steadystate.report.english.phrases import bound, count, interval, observed, short
from steadystate.report.english.rows import (
    OTHER_TITLES,
    ending,
    guardrails,
    main_sentence,
    recorded,
    requested,
    row,
)
from steadystate.report.shown import amount, clock, day, duration, number, seconds

TITLES = OTHER_TITLES | {"recovery": "Recovery"}

ACTIONS = {
    "aws:ec2:terminate-instances": "terminates instances",
    "aws:ec2:stop-instances": "stops instances",
    "aws:ec2:reboot-instances": "reboots instances",
    "aws:ecs:stop-task": "stops tasks",
    "aws:ecs:task-cpu-stress": "takes processor time",
    "aws:ecs:task-kill-process": "kills a process",
    "aws:ecs:task-network-blackhole-port": "cuts off a port",
    "aws:ecs:task-network-latency": "slows the network",
    "aws:ecs:task-network-packet-loss": "drops network packets",
    "aws:rds:reboot-db-instances": "restarts the database",
    "aws:fis:wait": "waits",
    "AWSFIS-Run-CPU-Stress": "takes processor time",
    "AWSFIS-Run-Kill-Process": "kills a process",
    "AWSFIS-Run-Network-Latency": "slows the network",
    "AWSFIS-Run-Network-Latency-Sources": "slows the network",
    "AWSFIS-Run-Network-Packet-Loss": "drops network packets",
    "AWSFIS-Run-Network-Blackhole-Port": "cuts off a port",
}


def title(brief: Brief) -> str:
    """Return the narrative's title."""
    return f"{brief.scenario} on {brief.workload}: {brief.verdict}"


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
        return f"all {total} objectives were kept, and {short(recovery)}"
    if missed:
        more = f"; {len(missed)} of {total} objectives were missed" if len(missed) > 1 else ""
        return f"{observed(missed[0])}{more}"
    if brief.verdict is Verdict.FAIL:
        return short(recovery)
    if recovery.verdict is Verdict.INCONCLUSIVE:
        return short(recovery)
    return f"{len(unknown)} of {total} objectives could not be judged"


_WHY = {
    "stopped by a person": lambda b: f"a person stopped the run after {count(b.looks, 'look')}",
    "broken": lambda b: (
        f"the machinery broke after {count(b.looks, 'look')}, so the run says nothing about "
        f"{b.workload}"
    ),
    "not steady": lambda b: (
        f"not tested, as {b.workload} was not steady before the fault: "
        f"{number(b.failed)} of {count(b.probes, 'probe')} failed"
    ),
    "not hit": lambda b: f"not tested, as the fault hit {b.targets_hit} targets",
    "guardrail": lambda b: (
        f"a guardrail stopped the run after {number(b.recovery.failed)} of "
        f"{count(b.recovery.probes, 'probe')} had failed"
    ),
    "blind": lambda b: f"the run was stopped, as it could not be watched: “{b.why_text}”",
    "limit": lambda b: f"the run was stopped, as the fault did not end: “{b.why_text}”",
}


def _tested(brief: Brief) -> Paragraphs:
    first = [
        f"The scenario {brief.scenario} was run on the workload {brief.workload} on "
        f"{day(brief.started_at, 'en')} from {clock(brief.started_at)} to "
        f"{clock(brief.ended_at)}; all times are UTC.",
        *requested(brief),
    ]
    faults = [_fault(brief, k) for k in range(len(brief.faults))]
    bounds = "; ".join(f"{o.name} {bound(o)}" for o in brief.objectives)
    asks = [
        f"{count(len(brief.objectives), 'objective')} had to be kept: {bounds}.",
        f"Recovery had to be over within {duration(brief.recovery.target_seconds, 'en')}.",
    ]
    if brief.guardrails:
        rails = ", ".join(f"{g.name} ({g.sli} {g.bound})" for g in brief.guardrails)
        asks.append(f"{count(len(brief.guardrails), 'guardrail')} watched over the run: {rails}.")
    return [first, faults, asks] if faults else [first, asks]


def _fault(brief: Brief, index: int) -> str:
    fault = brief.faults[index]
    what = ACTIONS.get(fault.document or fault.action)
    does = f"{what} ({fault.document or fault.action})" if what else f"is {fault.action}"
    lasting = f" for {duration(fault.duration_seconds, 'en')}" if fault.duration_seconds else ""
    if not fault.targets:
        return f"The fault {fault.name} {does}{lasting}."
    shown = ", ".join(fault.targets[:3]) + (", …" if len(fault.targets) > 3 else "")
    targets = count(len(fault.targets), "target")
    return f"The fault {fault.name} {does}{lasting}; it was aimed at {targets}: {shown}."


def _happened(brief: Brief) -> Paragraphs:
    if not brief.minutes:
        return [["No look was kept, so nothing can be told of what happened."]]
    head = [
        f"{count(brief.looks, 'look')} of {duration(brief.window_seconds, 'en')} "
        f"{'was' if brief.looks == 1 else 'were'} kept, and "
        f"{number(brief.failed)} of {count(brief.probes, 'probe')} failed."
    ]
    if brief.missing_looks:
        head.append(f"Of {count(brief.missing_looks, 'look')} nothing was kept.")
    return [head, *([*row(m)] for m in brief.minutes)]


def _verdict(brief: Brief) -> Paragraphs:
    first = [summary(brief)]
    if brief.changed:
        first.append(f"Judged again, these come out otherwise than stored: {_list(brief.changed)}.")
    first += recorded(brief)
    parts = [_objective(o) for o in brief.objectives]
    rails = guardrails(brief)
    return [p for p in (first, parts, rails, ending(brief)) if p]


def _list(names: list[str]) -> str:
    return ", ".join(names)


def _objective(one: ObjectiveBrief) -> str:
    told = f"{one.verdict}: {observed(one)}"
    if one.observed is None:
        return f"{told}."
    if one.when == "after":
        return f"{told} (the last point after recovery)."
    if one.aggregate == "worst":
        return f"{told} (the worst of {count(one.points, 'point')})."
    rests = f"{count(one.observations, 'observation')} in {count(one.points, 'point')}"
    return f"{told} ({rests}, worst point {amount(one.worst, one.unit, 'en')})."


def _recovery(recovery: RecoveryBrief) -> list[str]:
    target = duration(recovery.target_seconds, "en")
    if recovery.injected_at is None:
        return [f"No fault took effect, so there was nothing to recover from; target {target}."]
    told = [f"The fault took effect at {clock(recovery.injected_at)}."]
    probes = count(recovery.probes, "probe")
    if not recovery.probes:
        told.append(f"No probe was sent after it; the target was {target}.")
    elif recovery.first_breach_at is None:
        told.append(f"None of {probes} failed after it; the target was {target}.")
    else:
        told.append(
            f"The first probe failed at {clock(recovery.first_breach_at)}, and "
            f"{number(recovery.failed)} of {probes} failed after the fault."
        )
    if recovery.first_breach_at and recovery.from_fault:
        took = interval(recovery.from_fault.low_seconds, recovery.from_fault.high_seconds)
        told.append(f"From the fault, recovery took {took}; the target was {target}.")
        if recovery.from_breach:
            felt = interval(recovery.from_breach.low_seconds, recovery.from_breach.high_seconds)
            told.append(
                f"From the first failed probe, which is what customers felt, it was {felt}."
            )
    if recovery.recovered_at:
        sharp = f", known to {seconds(recovery.resolution_seconds or 0.0, 'en')}"
        told.append(f"The service was whole again at {clock(recovery.recovered_at)}{sharp}.")
    if recovery.good_probes is not None and recovery.needed_probes is not None:
        told.append(
            f"After the last failure the probes were good for "
            f"{seconds(recovery.good_seconds, 'en')}, and "
            f"{number(recovery.needed_good_seconds)} s were asked for; "
            f"{recovery.good_probes} good probes were seen of {recovery.needed_probes} needed."
        )
    return [*told, f"The verdict on recovery is {recovery.verdict}."]


def _weak_point(brief: Brief) -> list[str]:
    if not was_tested(brief):
        return ["The fault was never in effect, so the numbers say nothing about a weak point."]
    told = []
    weak, changed, recovery = weakest(brief), most_changed(brief), brief.recovery
    if weak and weak.room_percent is not None:
        if weak.room_percent < 0:
            told.append(
                f"{weak.name} missed its bound by most: {amount(weak.observed, weak.unit, 'en')}, "
                f"{number(-weak.room_percent)} % past {amount(weak.limit, weak.unit, 'en')}."
            )
        else:
            told.append(
                f"{weak.name} came closest to its bound: {amount(weak.observed, weak.unit, 'en')} "
                f"left {number(weak.room_percent)} % of {amount(weak.limit, weak.unit, 'en')}."
            )
    if changed:
        one, ratio = changed
        told.append(
            f"Against its baseline {one.name} changed most: {number(ratio)} times, from "
            f"{amount(one.baseline, one.unit, 'en')} to {amount(one.observed, one.unit, 'en')}."
        )
    if recovery.outage_percent is not None:
        share = f"{number(recovery.outage_percent)} % of {count(recovery.outage_probes, 'probe')}"
        meaning = (
            "so next to nothing was answered meanwhile"
            if recovery.outage_percent > 90
            else "so the rest of the service went on answering"
        )
        told.append(f"From the first to the last failure {share} failed, {meaning}.")
    if recovery.used_percent is not None and recovery.first_breach_at:
        told.append(f"Recovery used {number(recovery.used_percent)} % of its target.")
    return told or ["No objective has a number that could be compared with its bound."]
