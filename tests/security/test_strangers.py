"""Who has not said who they are learns nothing: whatever they ask for, what is there is answered as what is not."""

from __future__ import annotations

import pytest

from tests.security.running import PASSWORD, Running

THERE = ("/sockshop", "/sockshop/production", "/sockshop/-/history", "/sockshop/-/live", "/sockshop/production/command")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_stranger_cannot_tell_which_projects_the_bridge_has(daemon: Running, method: str) -> None:
    for path in THERE:
        there = daemon.bridge.request(method, path)
        other = daemon.bridge.request(method, path.replace("sockshop", "socksho2"))
        assert there.status_code == other.status_code
        assert there.status_code in (401, 405)
        assert there.text.replace("sockshop", "socksho2") == other.text
        assert "sockshop" not in there.text
        assert dict(there.headers) | {"date": ""} == dict(other.headers) | {"date": ""}


def test_whoever_is_known_is_led_back_to_the_project(daemon: Running) -> None:
    page = daemon.bridge.get("/sockshop/nowhere/at/all", auth=("ada", PASSWORD))
    assert page.status_code == 404
    assert 'href="/sockshop"' in page.text
