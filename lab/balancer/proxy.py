"""Answers the requests of one load balancer: picks the rule and the target, and passes on."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from lab.balancer.access_log import AccessLog
from lab.balancer.messages import (
    BUFFERED_BODY_BYTES,
    answer_headers,
    elb_error,
    own_response,
    request_body,
    request_headers,
    seen,
)
from lab.balancer.metrics import Metrics
from lab.balancer.model import FixedResponse, Forward, LoadBalancer, Redirect, Rule, Target
from lab.balancer.routing import SmoothWeighted, find_rule, redirect_location
from lab.balancer.targets import GroupTargets
from lab.balancer.tunnel import Tunnel

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 10.0
"""An ALB's own limit for a connection to a target."""
CLIENT_LEFT = 460
"""AWS's status for a client that closed before the answer."""

_CONNECTION_ERRORS = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    ConnectionRefusedError,
)


class Routes(Protocol):
    """What the proxy asks for at every request."""

    def balancer(self, arn: str) -> LoadBalancer: ...

    def group(self, arn: str) -> GroupTargets | None: ...

    def address(self, target: Target) -> tuple[str, int] | None:
        """Host and port of a target; None when it has none (now)."""


@dataclass(eq=False)
class Exchange:
    """One request, from its arrival to the end of its answer (or of its tunnel).

    `status` is the target's, `elb_status` what the client got. `task` is set while a target
    works on it; `cut` when the target's draining ran out of time meanwhile. `begun` is the
    answer whose head the client has already got.
    """

    started_at: float
    started: float
    group: GroupTargets | None = None
    target: Target | None = None
    task: "asyncio.Task[object] | None" = None
    cut: bool = False
    begun: web.StreamResponse | None = None
    status: int | None = None
    elb_status: int = 0
    response_seconds: float | None = None
    error: str | None = None


class Proxy:
    """The request handler of one load balancer."""

    def __init__(
        self,
        arn: str,
        routes: Routes,
        session: aiohttp.ClientSession,
        metrics: Metrics,
        access_log: AccessLog,
    ) -> None:
        self._arn = arn
        self._routes = routes
        self._session = session
        self._metrics = metrics
        self._access_log = access_log
        self._choices: dict[str, tuple[Forward, SmoothWeighted[str]]] = {}
        self._with_target: set[Exchange] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = Exchange(time.time(), time.monotonic())
        balancer = self._routes.balancer(self._arn)
        try:
            response = await self._answer(request, balancer, exchange)
            exchange.elb_status = response.status
        except asyncio.CancelledError:
            exchange.elb_status = exchange.status if exchange.status == 101 else CLIENT_LEFT
            exchange.error = "the client closed the connection"
            raise
        except Exception as error:
            log.exception("%s %s failed inside the load balancer", request.method, request.path)
            exchange.error = f"{type(error).__name__}: {error}"
            exchange.elb_status = 500
            response = _failed(request, exchange, 500)
        finally:
            if exchange.status != 101:
                self._count(balancer, exchange)
            self._write_log(request, balancer, exchange)
        return response

    def cut(self, group_arn: str, target: Target) -> None:
        """End what is still under way to a target whose draining time is over."""
        for exchange in self._with_target:
            if (
                exchange.target == target
                and exchange.group is not None
                and exchange.group.group.arn == group_arn
                and exchange.task is not None
            ):
                exchange.cut = True
                exchange.task.cancel()

    async def _answer(
        self, request: web.BaseRequest, balancer: LoadBalancer, exchange: Exchange
    ) -> web.StreamResponse:
        facts = seen(request)
        rule = find_rule(balancer.rules, facts)
        match rule.action:
            case Forward():
                return await self._forward(request, balancer, rule, rule.action, exchange)
            case FixedResponse(status, content_type, body):
                return own_response(status, body, content_type)
            case Redirect() as redirect:
                location = redirect_location(redirect, facts, protocol="http", port=balancer.port)
                return own_response(redirect.status, location=location)

    async def _forward(
        self,
        request: web.BaseRequest,
        balancer: LoadBalancer,
        rule: Rule,
        forward: Forward,
        exchange: Exchange,
    ) -> web.StreamResponse:
        group_arn = self._choose_group(rule.arn, forward)
        group = exchange.group = self._routes.group(group_arn) if group_arn else None
        target = exchange.target = group.choose(time.monotonic()) if group else None
        if group is None or target is None:
            exchange.error = "no target to send to" if group else "no target group with a weight"
            return elb_error(503)
        task = exchange.task = asyncio.current_task()
        state = group.states[target]
        state.exchanges += 1
        self._with_target.add(exchange)
        try:
            return await self._pass_on(request, balancer, group, target, exchange)
        except asyncio.CancelledError:
            if not exchange.cut or task is None:
                raise
            task.uncancel()
            exchange.error = "the target's deregistration delay is over"
            return _failed(request, exchange, 502)
        finally:
            self._with_target.discard(exchange)
            state.exchanges -= 1

    def _choose_group(self, rule_arn: str, forward: Forward) -> str | None:
        known = self._choices.get(rule_arn)
        if known is None or known[0] != forward:
            # New weights start from scratch: the split is exact from this request on.
            known = self._choices[rule_arn] = (forward, SmoothWeighted())
        return known[1].choose(forward.weights)

    async def _pass_on(
        self,
        request: web.BaseRequest,
        balancer: LoadBalancer,
        group: GroupTargets,
        target: Target,
        exchange: Exchange,
    ) -> web.StreamResponse:
        """The target's answer, or 502 and 504 as an ALB gives them. Nothing is tried twice."""
        failure: Exception
        try:
            return await self._ask(request, balancer, target, exchange)
        except (aiohttp.ConnectionTimeoutError, aiohttp.SocketTimeoutError) as error:
            status, failure = 504, error
        except (aiohttp.ClientError, ConnectionRefusedError) as error:
            status, failure = 502, error
        if isinstance(failure, _CONNECTION_ERRORS):
            self._metrics.target_connection_failed(
                time.time(), balancer.dimension, group.group.dimension
            )
        exchange.error = f"{type(failure).__name__}: {failure}"
        return _failed(request, exchange, status)

    async def _ask(
        self,
        request: web.BaseRequest,
        balancer: LoadBalancer,
        target: Target,
        exchange: Exchange,
    ) -> web.StreamResponse:
        address = self._routes.address(target)
        if address is None:
            raise ConnectionRefusedError(f"{target.id} has no address")
        url = URL.build(
            scheme="http",
            host=address[0],
            port=address[1],
            path=request.rel_url.raw_path,
            query_string=request.rel_url.raw_query_string,
            encoded=True,
        )
        body = await request_body(request)
        sent = time.monotonic()
        async with self._session.request(
            request.method,
            url,
            headers=request_headers(request, balancer.port),
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=CONNECT_TIMEOUT_SECONDS,
                sock_read=balancer.idle_timeout_seconds,
            ),
        ) as answer:
            exchange.response_seconds = time.monotonic() - sent
            if answer.status == 101:
                return await self._tunnel(request, answer, balancer, exchange)
            return await _relay(request, answer, exchange)

    async def _tunnel(
        self,
        request: web.BaseRequest,
        answer: aiohttp.ClientResponse,
        balancer: LoadBalancer,
        exchange: Exchange,
    ) -> web.StreamResponse:
        """Relay an upgraded connection until it ends. It counts as a request when it begins."""
        response = await _begin(request, answer, exchange)
        self._count(balancer, exchange)
        client, target = request.transport, answer.connection
        protocol = target.protocol if target else None
        if client is None or protocol is None or protocol.transport is None:
            raise aiohttp.ServerDisconnectedError("closed while the connection was upgraded")
        tunnel = Tunnel(client, protocol.transport)
        protocol.read_timeout = None
        protocol.set_parser(tunnel.from_target, None)
        request.protocol.set_parser(tunnel.from_client)  # type: ignore[arg-type]
        await tunnel.run(balancer.idle_timeout_seconds)
        return response

    def _count(self, balancer: LoadBalancer, exchange: Exchange) -> None:
        with_target = exchange.group if exchange.target else None
        self._metrics.request_done(
            time.time(),
            balancer.dimension,
            with_target.group.dimension if with_target else None,
            status=exchange.status,
            elb_status=exchange.elb_status,
            response_seconds=exchange.response_seconds,
        )

    def _write_log(
        self, request: web.BaseRequest, balancer: LoadBalancer, exchange: Exchange
    ) -> None:
        group, target = exchange.group, exchange.target
        self._access_log.write(
            at=exchange.started_at,
            load_balancer=balancer.arn,
            target_group=group.group.arn if group else None,
            target=f"{target.id}:{target.port}" if target else None,
            method=request.method,
            path=request.path_qs,
            status=exchange.status,
            elb_status=exchange.elb_status,
            duration_seconds=time.monotonic() - exchange.started,
            error=exchange.error,
        )


async def _begin(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, exchange: Exchange
) -> web.StreamResponse:
    """Send the answer's head."""
    response = web.StreamResponse(
        status=answer.status, reason=answer.reason, headers=answer_headers(answer)
    )
    exchange.status = answer.status
    exchange.begun = response
    await response.prepare(request)
    return response


async def _relay(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, exchange: Exchange
) -> web.StreamResponse:
    """Pass an answer on: a short one whole, another as it comes."""
    length = answer.content_length
    if length and length <= BUFFERED_BODY_BYTES and request.method != hdrs.METH_HEAD:
        body = await answer.read()
        exchange.status = answer.status
        headers = answer_headers(answer)
        return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=body)
    response = await _begin(request, answer, exchange)
    async for chunk in answer.content.iter_any():
        try:
            await response.write(chunk)
        except ConnectionError as error:
            raise asyncio.CancelledError from error  # the client's side, not the target's
    return response


def _failed(request: web.BaseRequest, exchange: Exchange, status: int) -> web.StreamResponse:
    """The balancer's error. After the head is out, all that is left is to break the answer off."""
    if exchange.begun is None:
        return elb_error(status)
    if request.transport is not None:
        request.transport.close()
    return exchange.begun
