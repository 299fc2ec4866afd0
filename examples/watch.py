"""Text in a browser while it is written.

``dramaturg worker watch`` runs the actor, ``uvicorn --factory watch:app`` the page; then open http://127.0.0.1:8000.
"""

import secrets
import time

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Mount, Route

from pipeline import Run, actor
from pipeline.event_stream import events_app
from pipeline.event_tokens import EventTokens

PAGE = """\
<!doctype html><meta charset="utf-8"><title>watch</title>
<p><button>Tell me something</button> <progress max="100" value="0"></progress></p><p id="text"></p>
<script>
  const shown = document.getElementById("text"), bar = document.querySelector("progress")
  document.querySelector("button").onclick = async () => {
    const { address } = await (await fetch("tell", { method: "POST" })).json()
    let letters = []                                  // characters as Python counts them, not UTF-16 halves
    const source = new EventSource(address)           // comes back by itself, with the id of the last event it got
    source.onmessage = message => {
      const { event, data } = JSON.parse(message.data)
      if (event === "text") letters = letters.slice(0, data.at).concat(Array.from(data.text))
      if (event === "reset" && data.stream) letters.length = data.to
      if (event === "gap") letters = Array.from(data.texts.text ?? "")
      if (event === "progress") bar.value = data.percent
      shown.textContent = letters.join("")
      if (["completed", "dead", "cancelled"].includes(event)) source.close()
    }
  }
</script>
"""

TALE = "Every word of this comes over the wire as soon as it is written, and none of them comes twice."


class Tale(BaseModel):
    """How long to think before each word."""

    seconds: float = 0.15


@actor(name="watch.tell", queue="watch")
def tell(tale: Tale, run: Run) -> int:
    """Tell a tale, word by word."""
    words = TALE.split()
    for number, word in enumerate(words, 1):
        run.write(word + " ")
        run.progress("telling", 100 * number / len(words))
        time.sleep(tale.seconds)
    return len(words)


def app() -> Starlette:
    """Make the application: a page, a way to start a run, and the events of runs."""
    tokens = EventTokens(secrets.token_bytes())  # of all processes of an application: from its settings

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    def start(_request: Request) -> JSONResponse:
        run = tell.send(Tale())
        return JSONResponse({"address": f"events/runs/{run.id}/events?token={tokens.issue(run.id)}"})

    events = Mount("/events", events_app(tell.broker, authorize=tokens))
    return Starlette(routes=[Route("/", page), Route("/tell", start, methods=["POST"]), events])
