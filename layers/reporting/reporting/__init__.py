"""Reports as PDF. `document.render` draws a run, `trend.render_trend` a workload over its runs."""
