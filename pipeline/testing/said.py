"""What a simulated model says, apart from how either interface writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline.testing.call import Call

#: Characters a token, roughly.
_TOKEN = 4


@dataclass(frozen=True)
class Said:
    """An answer and what it took; ``piece`` is how many characters of it go into one event of a stream."""

    text: str = ""
    refusal: str | None = None
    truncated: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int = 0
    piece: int = 200

    @property
    def pieces(self) -> list[str]:
        """The text in the pieces it is streamed in."""
        return [self.text[start : start + self.piece] for start in range(0, len(self.text), self.piece)]

    def read(self, call: Call) -> int:
        """Count the tokens of the request, unless it was said how many they are."""
        return len(json.dumps(call.body)) // _TOKEN if self.tokens_in is None else self.tokens_in

    @property
    def written(self) -> int:
        """The tokens of the answer."""
        return max(1, len(self.text) // _TOKEN) if self.tokens_out is None else self.tokens_out
