"""What the OpenAPI document promises, tried with made-up requests: whatever is asked, nothing breaks."""

import asyncio
import os
import shutil

import httpx
import pytest
import schemathesis
from drill_case import started_here
from guard_live import live_web
from guard_web import BASE, PASSWORD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.guard import Role
from twin.guard.sessions import echo
from viz.guard.gate import COOKIE

EXAMPLES = int(os.environ.get("HUTONG_EXAMPLES", "10"))
"""Requests that are made up for each operation; HUTONG_EXAMPLES=500 for a long run."""
KNOWN = {"name": ["plaza", "evening", "open"], "table": ["streets", "grids"], "object_id": ["hall"], "courtyard_id": ["hall"],
         "layout": ["open", "checked"], "which": ["density_max", "travel_time"], "number": [1]}
"""Names of things that there are, so that requests come further than the first question."""


@pytest.fixture(scope="module")
def served_here(plaza, rehearsed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    shutil.copytree(rehearsed, folder / "library")
    web = live_web(plaza, folder / "library" / "runs", folder / "library" / "scenarios", folder)
    web.guard.accounts.add("all", list(Role), password=PASSWORD, grids=None)
    room = started_here(web.server, plaza)
    KNOWN["drill"] = [room.id]
    yield web.server, web.guard
    web.server.state.drills.close()
    web.close()


class Asking:
    """Sends made-up requests as an account that may do everything, and keeps what came back."""

    def __init__(self, server, session):
        self.session, self.broken, self.seen = session, [], set()
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(app=server, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60)

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.close()

    def try_it(self, operation):
        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(), st.randoms(use_true_random=False))
        def one(case, random):
            for name in sorted(set(case.path_parameters or ()) & set(KNOWN)):
                if random.random() < 0.6:
                    case.path_parameters[name] = random.choice(KNOWN[name])
            self.ask(operation.label, case)
        one()

    def ask(self, label, case):
        request = case.as_transport_kwargs(base_url=BASE)
        sent = {key: request[key] for key in ("method", "url", "params", "json") if key in request}
        if isinstance(request.get("data"), (str, bytes)):
            sent["content"] = request["data"]
        sent["headers"] = {**request.get("headers", {}), "X-CSRFToken": echo(self.session), "Cookie": f"{COOKIE}={self.session}"}
        try:
            answer = self.runner.run(self.patiently(sent))
        except (httpx.InvalidURL, UnicodeEncodeError):
            return  # no client can send this
        self.seen.add((label, answer.status_code))
        if answer.status_code >= 500 or answer.status_code in (401, 403):
            self.broken.append((answer.status_code, case.as_curl_command(), answer.text[:200]))

    async def patiently(self, sent):
        while (answer := await self.client.request(**sent)).status_code == 429:
            await asyncio.sleep(0.3)
        return answer


def test_whatever_is_asked_nothing_breaks(served_here):
    server, guard = served_here
    schema = schemathesis.openapi.from_dict(server.openapi())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 25
    asking = Asking(server, guard.sessions.open("all"))
    try:
        for operation in operations:
            asking.try_it(operation)
    finally:
        asking.close()
    assert asking.broken == []
    met = {label for label, status in asking.seen if status < 300}
    assert len(met) >= 0.6 * len(operations), sorted({operation.label for operation in operations} - met)
