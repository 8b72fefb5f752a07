"""Which rule a request meets, and who gets it next. Pure."""

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

from lab.balancer.model import Condition, Redirect, Rule

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Request:
    """What rules can look at. `path` has no query string; header names are in lower case."""

    method: str
    host: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    source_ip: str


def find_rule(rules: Iterable[Rule], request: Request) -> Rule:
    """The first rule, by priority, all of whose conditions are met.

    `rules` are sorted and end with the default rule, which has no condition.
    Raises LookupError when they do not.
    """
    for rule in rules:
        if all(is_met(condition, request) for condition in rule.conditions):
            return rule
    raise LookupError("the listener has no default rule")


def is_met(condition: Condition, request: Request) -> bool:
    """Whether any value of the condition matches. Raises ValueError on a field not supported."""
    values = condition.values
    match condition.field:
        case "path-pattern":
            return any(_matches(value, request.path) for value in values)
        case "host-header":
            host = request.host.rpartition(":")[0] or request.host
            return any(_matches(value.lower(), host.lower()) for value in values)
        case "http-request-method":
            return request.method in values
        case "http-header":
            name = condition.http_header.lower()
            found = [text for key, text in request.headers if key.lower() == name]
            return any(_matches(v.lower(), text.lower()) for v in values for text in found)
        case "query-string":
            pairs = parse_qsl(request.query, keep_blank_values=True)
            return any(_matches_query(value, pairs) for value in values)
        case "source-ip":
            source = ip_address(request.source_ip)
            return any(source in ip_network(value, strict=False) for value in values)
        case unknown:
            raise ValueError(f"rule condition {unknown!r} is not supported by the lab")


def redirect_location(redirect: Redirect, request: Request, *, protocol: str, port: int) -> str:
    """The Location header of a redirect; default ports are left out, as an ALB does."""
    host = request.host.rpartition(":")[0] or request.host
    parts = {
        "protocol": protocol,
        "host": host,
        "port": str(port),
        "path": request.path.removeprefix("/"),
        "query": request.query,
    }

    def fill(template: str) -> str:
        return re.sub(r"#\{(\w+)\}", lambda found: parts.get(found[1], found[0]), template)

    scheme = fill(redirect.protocol).lower()
    target_port = fill(redirect.port)
    authority = fill(redirect.host)
    if (scheme, target_port) not in {("http", "80"), ("https", "443")}:
        authority += f":{target_port}"
    query = fill(redirect.query)
    return f"{scheme}://{authority}{fill(redirect.path)}" + (f"?{query}" if query else "")


class SmoothWeighted(Generic[K]):
    """Smooth weighted round robin, as nginx does it.

    With integer weights that sum to W, any W choices in a row hold each key exactly as often
    as its weight says, spread as evenly as can be. Equal weights are a plain round robin.
    """

    def __init__(self) -> None:
        self._credit: dict[K, float] = {}

    def choose(self, weights: Sequence[tuple[K, float]]) -> K | None:
        """The next key; None when no weight is positive. Keys may come and go between calls."""
        credit = self._credit
        total = 0.0
        best: K | None = None
        for key, weight in weights:
            if weight <= 0:
                continue
            total += weight
            credit[key] = credit.get(key, 0.0) + weight
            if best is None or credit[key] > credit[best]:
                best = key
        if best is not None:
            credit[best] -= total
        if len(credit) > len(weights):
            present = {key for key, _ in weights}
            self._credit = {key: value for key, value in credit.items() if key in present}
        return best


def _matches_query(value: str, pairs: Sequence[tuple[str, str]]) -> bool:
    key, separator, pattern = value.partition("=")
    if not separator:
        return any(_matches(value.lower(), text.lower()) for _, text in pairs)
    return any(
        _matches(key.lower(), name.lower()) and _matches(pattern.lower(), text.lower())
        for name, text in pairs
    )


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """AWS's wildcards: `*` is any run of characters, `?` is exactly one."""
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(c) or re.escape(c) for c in pattern), re.DOTALL)
