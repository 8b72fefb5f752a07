"""The embedded AWS account: a threaded AWS API server whose state machines, functions, events,
schedules and metrics work for real on this machine."""
