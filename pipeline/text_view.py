"""TextView: the texts of a run as a reader shows them, put together from its events."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.events import Event


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A change of a text: everything after its first ``at`` characters is ``text`` now.

    ``epoch`` counts the claims of the run: a piece of a higher one comes from a later attempt.
    """

    stream: str
    at: int
    text: str
    epoch: int


@dataclass
class TextView:
    """Takes every event of a run in its order, and holds its texts as they are then."""

    texts: dict[str, str] = field(default_factory=dict)

    def apply(self, event: Event) -> list[TextPiece]:
        """Take an event, and say what it changed."""
        data = event.data
        if event.event == "text":
            changed = [TextPiece(data["stream"], data["at"], data["text"], data["epoch"])]
        elif event.event == "reset" and "stream" in data:
            changed = [TextPiece(data["stream"], data["to"], "", data["epoch"])]
        elif event.event == "gap":
            told = dict.fromkeys(self.texts, "") | data["texts"]
            changed = [TextPiece(stream, 0, text, data["epoch"]) for stream, text in told.items()]
        else:
            return []
        for piece in changed:
            self.texts[piece.stream] = self.texts.get(piece.stream, "")[: piece.at] + piece.text
        return changed
