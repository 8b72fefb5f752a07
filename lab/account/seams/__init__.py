"""Every private seam of moto (5.2.5) that the account relies on, one module a service.

`connect` puts the account's own parts in place of what moto only records. Each seam has a test in
tests/lab/account that fails when moto changes. Nothing else in the lab imports moto's insides.
"""

import importlib
import threading

from lab.account.parts import Parts

# moto's service -> modules here that must be connected before its first request.
_MODULES = {
    "autoscaling": ("load_balancing", "autoscaling"),
    "cloudwatch": ("metrics",),
    "dynamodb": ("tables",),
    "ec2": ("load_balancing", "autoscaling"),
    "ecs": ("containers",),
    "elasticache": ("caches",),
    "elbv2": ("load_balancing", "autoscaling"),
    "events": ("events",),
    "fis": ("experiments",),
    "lambda": ("functions",),
    "rds": ("databases",),
    "s3": ("buckets",),
    "stepfunctions": ("functions", "step_functions", "nested_executions"),
}
_ALL = tuple(dict.fromkeys(name for names in _MODULES.values() for name in names))

_lock = threading.RLock()
_connected: set[str] = set()


def connect(service: str, parts: Parts) -> None:
    """Put the seams of one of moto's services in place, once; this imports the service."""
    names = (*_ALL, "stacks") if service == "cloudformation" else _MODULES.get(service, ())
    with _lock:
        for name in ("identity", *names):
            if name not in _connected:
                importlib.import_module(f"lab.account.seams.{name}").connect(parts)
                _connected.add(name)
