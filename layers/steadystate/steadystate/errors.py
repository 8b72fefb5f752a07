"""What can go wrong, by name. The class names are the contract that Catch and Retry match.

SteadystateError
+-- Refused               nothing was touched
|   +-- InvalidDocument   a document or an input is wrong: the message names file and field
|   +-- WorkloadBusy      another run holds the workload: the message names it, and since when
|   +-- PreflightFailed   the run would hit nothing, the wrong thing, or a service in trouble
|   +-- InBlackout        the calendar lets no run start: the message names entry and end
|   +-- Halted            a person pulled the kill switch: the message names who, why and since when
+-- FaultFailed           FIS refused to start the experiment, or the experiment failed
+-- GateClosed            no person is waited for any more: a canary goes back
+-- SplitFailed           the load balancer refused to tell or to take weights
|   +-- TrafficElsewhere  the listener is gone, or forwards to anything but the two sides
+-- LeaseLost             the run no longer holds its workload, so it may not act
+-- UndoIncomplete        an undo could not be read back yet: retried, then swept
+-- ReportMissing         a report could not be made or stored: the message names what is missing
+-- TransientError        throttling or a passing fault of a service: retried
"""


class SteadystateError(Exception):
    """Base of all errors that the project raises on purpose."""


class Refused(SteadystateError):  # noqa: N818 - the names are words of the state machines
    """The run may not begin; nothing was touched."""


class InvalidDocument(Refused):
    """A document or an input is wrong; one line for each problem, each naming file and field."""


class WorkloadBusy(Refused):
    """Another run holds the lease on the workload."""


class PreflightFailed(Refused):
    """What the run would touch is missing, not allowed, or already in trouble."""


class InBlackout(Refused):
    """The calendar lets no run start now."""


class Halted(Refused):
    """The kill switch is pulled, or cannot be read; nothing may start."""


class FaultFailed(SteadystateError):  # noqa: N818
    """The fault could not be started, or broke while it ran."""


class SplitFailed(SteadystateError):  # noqa: N818
    """Weights could not be read or set: the message says where, and why."""


class TrafficElsewhere(SplitFailed):
    """What split the traffic is gone, or forwards as it was not planned: somebody changed it."""


class GateClosed(SteadystateError):  # noqa: N818
    """The wait for a person is over without an answer: the canary goes back."""


class LeaseLost(SteadystateError):  # noqa: N818
    """The lease expired and another run took the workload over."""


class UndoIncomplete(SteadystateError):  # noqa: N818
    """Something that must be undone has not been read back as undone."""


class ReportMissing(SteadystateError):  # noqa: N818
    """A report, or what it is made of, is not there; the run's verdict stands all the same."""


class TransientError(SteadystateError):
    """A service was throttling or briefly away; the same call may succeed."""
