"""Reads the evidence of a run as it was stored."""

import hashlib
from dataclasses import dataclass

from steadystate.errors import InvalidDocument, ReportMissing
from steadystate.evidence import Evidence
from steadystate.keys import evidence_key
from steadystate.ports import EvidenceStore
from steadystate.report import replay


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """The evidence, and the SHA-256 of the document as it lies in the bucket, in hexadecimal."""

    evidence: Evidence
    sha256: str


def read_evidence(run_id: str, store: EvidenceStore) -> StoredEvidence:
    """Return the evidence of a run.

    Raises
    ------
    ReportMissing
        There is none, it is half-written, or it is of a schema that this version does not know.
    """
    key = evidence_key(run_id)
    text = store.get(run_id)
    if text is None:
        raise ReportMissing(f"run {run_id} has no evidence: {key} is not in the bucket")
    try:
        evidence = replay.read_evidence(text, key)
    except InvalidDocument as error:
        raise ReportMissing(str(error)) from error
    return StoredEvidence(evidence, hashlib.sha256(text.encode()).hexdigest())
