"""One request that a simulated provider received, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Dialect = Literal["openai", "anthropic"]

#: How much of a prompt is kept in the log.
_PROMPT_LIMIT = 500


@dataclass
class Call:
    """A request, read the same way whichever of the two interfaces was spoken."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    #: Seconds since the provider was made, by its own clock.
    at: float = 0.0
    #: What the model was told to do with it.
    behaviour: str = ""
    #: The status that was sent; none before one is.
    status: int | None = None
    #: Whether the caller went away before it was answered.
    abandoned: bool = False
    #: Whether the answer was sent whole.
    answered: bool = False

    @property
    def dialect(self) -> Dialect:
        """Which interface was spoken."""
        return "anthropic" if self.path.endswith("/messages") else "openai"

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body.get("model", ""))

    @property
    def prompt(self) -> str:
        """What the user's messages say."""
        return "\n".join(_text(message["content"]) for message in self._messages() if message["role"] == "user")

    @property
    def instructions(self) -> str:
        """What the system's messages say."""
        said = [_text(m["content"]) for m in self._messages() if m["role"] in ("system", "developer")]
        return "\n".join([_text(self.body.get("system", "")), *said]).strip()

    @property
    def streamed(self) -> bool:
        """Whether the answer is to come as a stream of events."""
        return bool(self.body.get("stream"))

    @property
    def tool(self) -> str | None:
        """The tool the answer is to be given through, if it is."""
        tools = self.body.get("tools") or []
        if not tools:
            return None
        return str(tools[0]["name"] if self.dialect == "anthropic" else tools[0]["function"]["name"])

    def row(self) -> dict[str, Any]:
        """Give the call as it stands in the log: no header of it, so no key."""
        return {
            "at": round(self.at, 3),
            "model": self.model,
            "dialect": self.dialect,
            "streamed": self.streamed,
            "behaviour": self.behaviour,
            "status": self.status,
            "answered": self.answered,
            "abandoned": self.abandoned,
            "prompt_characters": len(self.prompt),
            "prompt": self.prompt[:_PROMPT_LIMIT],
        }

    def _messages(self) -> list[dict[str, Any]]:
        return list(self.body.get("messages", []))


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content or "")
