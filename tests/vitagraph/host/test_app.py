"""What the page and the probes ask for."""

from __future__ import annotations

from pipeline.runtime.health import MemberHealth
from tests.vitagraph.host.fakes import FakeCallManager, Host, bearer


def test_app_lists_the_graphs_for_the_page() -> None:
    """As it lists them."""
    assert Host().get("/graphs").json() == {
        "graphs": [{"name": "assistant", "description": "Talks."}, {"name": "echo", "description": "Says it back."}],
        "default": "assistant",
    }


def test_app_health_probes_reflect_capacity_and_draining() -> None:
    """A full or draining host lives, but gets no new calls from a balancer."""
    host = Host()
    assert (host.get("/healthz").status_code, host.get("/readyz").json()) == (200, {"ready": True, "degraded": []})
    busy = Host(manager=FakeCallManager(reason="all 2 lines are busy"))
    answer = busy.get("/readyz")
    told = {"ready": False, "reason": "all 2 lines are busy", "degraded": []}
    assert (answer.status_code, answer.json()) == (503, told)
    assert busy.get("/healthz").status_code == 200


def test_app_health_names_unhealthy_members() -> None:
    """An operator learns that a stand-in does the work; what is wrong, only who may call: it may name a path."""
    ill = MemberHealth("asr", "asr.whisper", 0, "unhealthy", 5, 5, "no model at /models/whisper")
    calls = FakeCallManager(ill=[ill])
    answer = Host(manager=calls).get("/readyz")
    told = {"node": "asr", "member": "asr.whisper", "message": "no model at /models/whisper"}
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "degraded": [told]})
    host = Host(manager=calls, key="the-key")
    assert host.get("/readyz").json()["degraded"] == [{**told, "message": ""}]
    assert host.get("/readyz", headers=bearer("the-key")).json()["degraded"] == [told]


def test_app_responses_contain_no_secrets() -> None:
    """Nothing that anybody can fetch has the key or the TURN secret in it."""
    host = Host(key="the-key", turn_secret="the-secret", ice=("turn:turn.example",))
    for path in ("/", "/graphs", "/docs", "/openapi.json", "/readyz"):
        answer = host.get(path, headers=bearer("the-key"))
        assert "the-key" not in answer.text and "the-secret" not in answer.text
