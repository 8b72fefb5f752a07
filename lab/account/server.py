"""The account's HTTP server: moto's API, and `/lab/…`."""

import importlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from lab.account import fis, seams, uses
from lab.account.parts import Parts

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Environ = dict[str, Any]


# Whose state the data plane reports -> moto's service; the seam has the same name.
_REPORTS = {"caches": "elasticache", "containers": "ecs", "databases": "rds"}


class Application(DomainDispatcherApplication):
    """Dispatches requests to moto's services; each is loaded at its first request."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(create_backend_app)
        self._parts = parts
        self._loading: dict[str, threading.Lock] = {}
        self._services: dict[str | None, Any] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/lab/"):
            status, text = self._lab(environ)
            body = text.encode()
            headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [body]
        answer: Iterable[bytes] = self.get_application(environ)(environ, start_response)
        return answer

    def get_application(self, environ: Environ) -> Any:
        path = environ.get("PATH_INFO", "")
        host = "moto_api" if path.startswith("/moto-api") else None
        service = self.get_backend_for_host(
            host or self.infer_service_region_host(environ, path) or "s3.us-east-1.amazonaws.com"
        )
        return self.app_instances.get(service) or self.load(service)

    def get_backend_for_host(self, host: str | None) -> Any:
        """The service of a host. moto lists its own folders to answer, for each request."""
        if host not in self._services:
            self._services[host] = super().get_backend_for_host(host)
        return self._services[host]

    def load(self, service: str) -> Any:
        """The WSGI application of a service. Several services may load at the same time."""
        with self.lock:
            lock = self._loading.setdefault(service, threading.Lock())
        with lock:
            if service not in self.app_instances:
                seams.connect(service, self._parts)
                create: Any = self.create_app
                self.app_instances[service] = create(service)
            return self.app_instances[service]

    def _lab(self, environ: Environ) -> tuple[HTTPStatus, str]:
        """The data plane's own requests: what really is, so that the account can tell it."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        told: dict[str, Callable[[], str]] = {
            "/lab/ready": lambda: "ok\n",
            "/lab/access": uses.as_json,
            "/lab/experiments": lambda: json.dumps(self._parts.experiments.going_on()),
            "/lab/sabotage": lambda: json.dumps(self._parts.sabotage.told()),
            "/lab/throttles": lambda: json.dumps(self._parts.throttles.told()),
        }
        if method == "GET" and path in told:
            return HTTPStatus.OK, told[path]()
        kind, _, name = path.removeprefix("/lab/").partition("/")
        try:
            if (method, kind) == ("GET", "caches"):
                return HTTPStatus.OK, self._auth_token(unquote(name))
            body = _content(environ)
            if (method, path) == ("POST", "/lab/target-health"):
                self._report_health(body)
            elif (method, path) == ("POST", "/lab/sabotage"):
                self._parts.sabotage.set_rules(body)
            elif (method, path) == ("POST", "/lab/throttles"):
                self._parts.throttles.set(body)
            elif (method, kind) == ("POST", "experiments") and name:
                self._parts.experiments.report(unquote(name), body, time.time())
            elif method == "POST" and kind in _REPORTS and name:
                self._report(kind, unquote(name), body)
            else:
                return HTTPStatus.NOT_FOUND, f"there is no {method} {path}\n"
        except KeyError:
            return HTTPStatus.NOT_FOUND, f"there is no {name}\n"
        except (fis.InvalidError, TypeError) as error:
            return HTTPStatus.BAD_REQUEST, f"{error}\n"
        return HTTPStatus.OK, "ok\n"

    def _report_health(self, body: Any) -> None:
        from lab.account.seams import load_balancing

        self.load("elbv2")
        load_balancing.report_health(self._parts, body)

    def _report(self, kind: str, identifier: str, body: Any) -> None:
        self.load(_REPORTS[kind])
        seam = importlib.import_module(f"lab.account.seams.{kind}")
        seam.report(self._parts, identifier, body)

    def _auth_token(self, identifier: str) -> str:
        """What the data plane, which stands for a cache, cannot ask the API for."""
        from lab.account.seams import caches

        self.load("elasticache")
        return json.dumps({"auth_token": caches.auth_token(self._parts, identifier)})


def _content(environ: Environ) -> Any:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    try:
        return json.loads(environ["wsgi.input"].read(size))
    except ValueError as error:
        raise fis.InvalidError(f"the body is not JSON: {error}") from error
