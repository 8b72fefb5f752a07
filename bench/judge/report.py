"""The outcomes as a table and as a chart."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.judge.outcome import Outcome

OURS = "Steadystate"
ALLOWED = 0.01
# (title, healthy, healthy but noisy, regression)
PANELS = (
    ("0.1 % -> 1 % bad", "A/A 0.1 %", "A/A 0.1 %, overdispersed", "0.1 -> 1 %"),
    ("1 % -> 5 % bad", "A/A 1 %", "A/A 1 %, overdispersed", "1 -> 5 %"),
)


def cell(outcome: Outcome) -> str:
    """Share of false rollbacks, or the median delay in minutes and how many were found."""
    if outcome.found is None:
        return f"{100 * outcome.false_rollbacks:.2f} %"
    if outcome.median_delay_minutes is None:
        return "none found"
    return f"{outcome.median_delay_minutes:g} min ({100 * outcome.found:.1f} %)"


def table(outcomes: Sequence[Outcome]) -> str:
    """Rules down, rows across, in two Markdown tables: healthy canaries, then bad ones."""
    tables = []
    for title, healthy in (("False rollbacks", True), ("Median delay (found)", False)):
        chosen = [o for o in outcomes if (o.found is None) is healthy]
        rows = list(dict.fromkeys(o.row for o in chosen))
        cells = {(o.rule, o.row): cell(o) for o in chosen}
        lines = [" | ".join(["", title, *rows, ""]).strip(), "|---" * (len(rows) + 1) + "|"]
        lines += [
            " | ".join(["", rule, *(cells[rule, row] for row in rows), ""]).strip()
            for rule in dict.fromkeys(o.rule for o in chosen)
        ]
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)


def draw_chart(outcomes: Sequence[Outcome], path: Path) -> None:
    """False rollbacks against delay. Left and low is better; below the line is allowed."""
    mpl.rcParams["svg.hashsalt"] = "steadystate"
    figure, axes = plt.subplots(1, 2, figsize=(12, 5.5), sharey=True, layout="constrained")
    rules = list(dict.fromkeys(o.rule for o in outcomes))
    for panel, axis in zip(PANELS, axes, strict=True):
        _draw_panel(axis, panel, {(o.rule, o.row): o for o in outcomes}, rules)
    axes[0].set_ylabel("false rollbacks in 60 minutes")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    figure.suptitle("Healthy canaries rolled back against minutes to find a bad one")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw_panel(
    axis: Axes,
    panel: tuple[str, str, str, str],
    by_name: dict[tuple[str, str], Outcome],
    rules: Sequence[str],
) -> None:
    title, healthy, noisy, bad = panel
    for number, rule in enumerate(rules):
        delay = by_name[rule, bad].median_delay_minutes
        if delay is None:
            continue
        shares = [by_name[rule, row].false_rollbacks for row in (healthy, noisy)]
        colour = "black" if rule == OURS else f"C{number}"
        size = 150 if rule == OURS else 60
        marker = "*" if rule == OURS else "o"
        axis.plot([delay, delay], shares, color=colour, linewidth=1)
        axis.scatter(delay, shares[0], s=size, color=colour, marker=marker, label=rule)
        axis.scatter(delay, shares[1], s=size, facecolor="none", edgecolor=colour, marker=marker)
    axis.axhline(ALLOWED, color="grey", linestyle="--", linewidth=1)
    axis.text(
        0.99, ALLOWED, "alpha 1 %", transform=axis.get_yaxis_transform(), va="bottom", ha="right"
    )
    axis.set_yscale("symlog", linthresh=0.001)
    axis.set_ylim(-0.0002, 1.4)
    axis.set_yticks([0, 0.001, 0.01, 0.1, 1], ["0", "0.1 %", "1 %", "10 %", "100 %"])
    axis.set_xlim(left=0)
    axis.set_xlabel("median delay, minutes")
    axis.set_title(f"{title} (filled: Poisson, hollow: overdispersed)")
