"""Routes for operators, without a server behind them."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from registrum import __version__
from registrum.core.errors import Unavailable
from registrum.server import health


def get(path: str, **checks: health.Check) -> httpx.Response:
    app = Starlette(routes=health.routes(checks, health.Metrics()))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(ask())


def fails(error: Exception) -> health.Check:
    def check() -> None:
        raise error

    return check


def test_healthz_and_version_answer() -> None:
    assert get("/healthz").json() == {"status": "ok"}
    assert get("/version").json()["version"] == __version__


def test_ready_when_every_check_returns() -> None:
    answer = get("/readyz", database=lambda: 1, store=lambda: None)
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "store": "ok"}


@pytest.mark.parametrize(
    ("error", "why"),
    [(Unavailable("The store is full."), "The store is full."), (OSError("/secret"), "OSError")],
)
def test_not_ready_says_which_and_why_and_gives_nothing_away(error: Exception, why: str) -> None:
    answer = get("/readyz", database=lambda: 1, store=fails(error))
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "store": why}


def test_metrics_count_requests_by_few_labels() -> None:
    metrics = health.Metrics()
    for number in range(3):
        metrics.observe_request("GET", f"/somebody/{number}", 200, 0.01)
    metrics.observe_request("POST", "/graphql", 200, 0.01)
    metrics.observe_request("GET", "/artifactsV2/default/team/1/2", 200, 0.01)
    text = metrics.text().decode()
    assert 'registrum_http_requests_total{area="other",method="GET",status="200"} 3.0' in text
    assert 'registrum_http_request_seconds_count{area="graphql"} 1.0' in text
    assert 'registrum_http_request_seconds_count{area="artifactsV2"} 1.0' in text
