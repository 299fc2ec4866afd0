"""Seven kinds of secrets, said in every way by an actor, counted wherever something is kept or told (S08)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
import zstandard

from pipeline import InvalidInput, RunFailed
from pipeline.event_stream import events_app
from tests.acceptance.test_secrets import everything
from tests.actors import leaking
from tests.actors.leaking import Trusting
from tests.chaos.stage import stage
from tests.support.apart import apart
from tests.support.backups import Kept
from tests.support.collector import collecting
from tests.support.command_line import CommandHere
from tests.support.listening import ask as listen
from tests.support.listening import serving
from tests.support.probed import ask, free_ports
from tests.support.waiting import eventually

SOON = timedelta(seconds=30)

#: What must turn up nowhere, by where it comes from.
CANARIES = {
    "environment": "canary-env/0123+456=789",
    "setting": "canary-setting-0123456789",
    "argument": "canary-argument-0123456789",
    "header": "canary-header-0123456789",
    "userinfo": "canary-userinfo-0123456789",
    "prompt": "canary-prompt-0123456789",
    "section": "canary-section-0123456789",
}


def spellings(canary: str) -> set[bytes]:
    """A canary as text may spell it."""
    raw = canary.encode()
    texts = {canary, quote(canary, safe=""), json.dumps(canary)[1:-1], raw.hex(), repr(raw)[2:-1]}
    # Without what depends on its neighbours.
    texts |= {b64encode(b"." * before + raw + b"..").decode()[4:-6] for before in range(3)}
    return {text.encode() for text in texts}


def count(told: bytes) -> dict[str, int]:
    """Say how often each kind of secret is in something."""
    return {
        kind: found
        for kind, canary in CANARIES.items()
        if (found := sum(told.count(spelling) for spelling in spellings(canary)))
    }


@contextmanager
def parrot() -> Iterator[str]:
    """A provider of models that refuses, and says all that it was sent."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"])).decode()
            said = f"cannot read {self.headers['authorization']} {json.loads(sent)['messages']}"
            answer = json.dumps({"error": {"message": said, "type": "invalid_request_error"}}).encode()
            self.send_response(400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


async def streamed(port: int, run_id: str) -> bytes:
    """Give the events of a run that ended, as a browser gets them."""
    answer = await listen(port, f"/runs/{run_id}/events")
    return await answer.body()


def plain(stored: bytes) -> bytes:
    """Give a file of a backup as it was before it was compressed."""
    if not stored.startswith(zstandard.FRAME_HEADER):
        return stored
    return zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True).read()


def test_seven_kinds_of_secrets_are_nowhere(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in logs, keys, metrics, events, spans, dead letters, tracebacks, answers of commands or backups."""
    port = free_ports(2)
    with parrot() as provider, collecting() as collector, stage(redis_url, tmp_path, "kept") as here:
        address = redis_url.replace("redis://", f"redis://default:{CANARIES['setting']}@")
        env = here.env(
            address,
            CANARY_API_KEY=CANARIES["environment"],
            OPENAI_API_KEY=CANARIES["header"],
            OPENAI_BASE_URL=provider,
            LEAKED_HEADER=CANARIES["header"],
            LEAKED_USER=CANARIES["userinfo"],
            LEAKED_PROMPT=CANARIES["prompt"],
            DRAMATURG_WEBHOOKS_LEADS_SECRET=CANARIES["section"],
            DRAMATURG_PROBES_PORT=str(port),
            DRAMATURG_LOG_LEVEL="debug",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        )
        worker = here.running.python(
            *("-m", "pipeline.cli", "worker", "--processes", "1", "--threads", "2", leaking.__name__), env=env
        )
        worker.wait_for_output("worker_ready")
        doctor = here.running.python("-m", "pipeline.cli", "doctor", env=env)
        with pytest.raises(InvalidInput) as refused:
            leaking.trusting.send(Trusting(key=CANARIES["argument"]))
        told = {"refusal at send": str(refused.value).encode()}
        handles = {how: leaking.leaking.send(how) for how in ("everything", "prompt")}
        for how, handle in handles.items():
            with pytest.raises(RunFailed) as failure:
                handle.result(SOON)
            told[f"failure, {how}"] = str(failure.value).encode()
        eventually(lambda: len(collector.named("process test.leaking")) == 2, SOON)
        told["spans"] = b"".join(collector.raw)
        told["Redis, all keys"] = everything(here.store.client)
        told["metrics"] = b"".join(ask(place, "/metrics").body.encode() for place in (port, port + 1))
        with serving(events_app(here.broker, authorize=lambda *_: True)) as events:
            told["events"] = b"".join(apart(streamed(events, handle.id)) for handle in handles.values())
        command = CommandHere(env)
        told["dead letters"] = command("dead", "ls", "--json").stdout.encode()
        told["dramaturg runs"] = command("runs", "show", handles["everything"].id, "--json").stdout.encode()
        doctor.wait()
        told["dramaturg doctor"] = doctor.output.encode()
        worker.terminate()
        worker.wait()
        told["logs"] = worker.output.encode()
        kept = Kept(tmp_path, redis_url, monkeypatch)
        kept.backup()
        told["backup"] = b"".join(
            plain(path.read_bytes()) for path in (tmp_path / "backups").rglob("*") if path.is_file()
        )
    assert b"process test.leaking" in told["spans"]
    for place in ("failure, everything", "Redis, all keys", "dead letters", "dramaturg runs", "logs", "backup"):
        assert b"boom with" in told[place], place
    assert b"it is ***, and so on" in told["Redis, all keys"]
    assert b"***" in told["events"]
    assert b"[...]" in told["failure, prompt"]
    assert b"dramaturg_" in told["metrics"]
    figures = {place: count(text) for place, text in told.items()}
    print(  # noqa: T201 - the figures are asked for
        "\n".join(f"{place}: {len(told[place]):,} bytes, {sum(found.values())}" for place, found in figures.items())
    )
    assert not any(figures.values()), figures
    assert all(json.loads(line)["logger"] for line in told["logs"].decode().splitlines())
