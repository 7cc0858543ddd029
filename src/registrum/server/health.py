"""Routes for those who operate the server: is it up, is it ready, what is it, how much does it do."""

import asyncio
import logging
import os
import platform
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from registrum import __version__
from registrum.core.errors import RegistrumError

Check = Callable[[], object]
"""Returns when the thing works, raises when it does not; runs in a thread."""

CHECK_LIMIT_S = 5.0
_SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_AREAS = frozenset(
    {
        *("graphql", "blobs", "files", "artifacts", "artifactsV2"),
        *("static", "healthz", "readyz", "metrics", "version"),
    }
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
_log = logging.getLogger(__name__)


class Metrics:
    """What /metrics shows. Give `observe_request` to `RequestLog`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "registrum_http_requests",
            "Requests answered.",
            ["area", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "registrum_http_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ["area"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}
        if _SHARED_FOLDER not in os.environ:
            ProcessCollector(registry=self.registry)

    def observe_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Counts one request; labels are of few values, whatever is asked for."""
        area = path[1:].partition("/")[0]
        if area not in _AREAS:
            area = "other"
        key = (area, method if method in _METHODS else "other", status)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(key[0], key[1], str(status))
            self._timers[area] = self._seconds.labels(area)
        counter.inc()
        self._timers[area].observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus's text form; of all server processes where several share a folder."""
        if _SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)


def routes(checks: Mapping[str, Check], metrics: Metrics) -> list[Route]:
    """`/healthz`, `/readyz`, `/metrics` and `/version`.

    Args:
        checks: what /readyz asks, by name: the database, the store.
        metrics: what /metrics shows.
    """

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        names = list(checks)
        found = await asyncio.gather(*(_outcome(name, checks[name]) for name in names))
        ready = all(outcome == "ok" for outcome in found)
        answer = {
            "status": "ready" if ready else "not ready",
            "checks": dict(zip(names, found, strict=True)),
        }
        return JSONResponse(answer, 200 if ready else 503)

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})

    async def version(_: Request) -> Response:
        return JSONResponse(
            {"name": "registrum", "version": __version__, "python": platform.python_version()}
        )

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", show_metrics),
        Route("/version", version),
    ]


async def _outcome(name: str, check: Check) -> str:
    """`ok`, or why not, in words that give nothing away."""
    try:
        await asyncio.wait_for(asyncio.to_thread(check), CHECK_LIMIT_S)
    except TimeoutError:
        return f"no answer within {CHECK_LIMIT_S:g} s"
    except RegistrumError as error:
        return error.message
    except Exception as error:  # An edge: whatever a driver raises means "not ready".
        _log.warning("readiness of %s: %s", name, error)
        return type(error).__name__
    return "ok"
