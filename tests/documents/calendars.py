"""A blackout calendar that is right, to be changed."""

CALENDAR = """\
document: steadystate/blackouts/v1
time_zone: Asia/Seoul
blackouts:
  year-end: {first_day: 2026-12-24, last_day: "2027-01-02", reason: freeze}
  office: {days: [mon, tue, wed, thu, fri], hours: 09:00-18:00, workloads: [bank]}
  night: {hours: 22:00-24:00, time_zone: Europe/Berlin}
"""
