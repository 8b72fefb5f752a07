"""Where things lie in the bucket."""


def evidence_key(run_id: str) -> str:
    """Return where the evidence of a run lies in the bucket."""
    return f"runs/{run_id}/run.json"


def narrative_key(run_id: str, language: str) -> str:
    """Return where the narrative of a run lies in the bucket."""
    return f"reports/{run_id}/narrative.{language}.json"


def report_key(run_id: str, language: str) -> str:
    """Return where the PDF of a run lies in the bucket."""
    return f"reports/{run_id}/report.{language}.pdf"
