"""How the progress of a study is shown: bars on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from pipeline.cli.output import clean, error_console, tell

if TYPE_CHECKING:
    from pipeline.events import Event

#: With more documents than this, bars of what is finished make room for the others.
FEW = 3

#: What people call the work of each actor.
WORK = {
    "document.extract": "reading",
    "graph.generate": "graph",
    "quiz.generate": "quiz",
    "connection.explain": "connections",
    "pack.assemble": "pack",
}

#: The actor that ends last of those that work on one document, whatever becomes of the others.
LAST_OF_DOCUMENT = "connection.explain"


@dataclass(frozen=True, slots=True)
class Part:
    """One run of a study: its document, or the whole of it, and what is done."""

    document: str
    actor: str
    item: int = 0  # two documents may have one name

    @property
    def work(self) -> str:
        """What people call it."""
        return WORK.get(self.actor, self.actor)


class View(Protocol):
    """Shows what happens to the parts of a study, inside its block."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""

    def see(self, part: Part, event: Event) -> None:
        """Show one event."""

    def note(self, text: str) -> None:
        """Show a line about the study as a whole."""


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def see(self, part: Part, event: Event) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


@dataclass
class Lines:
    """Prints a line to stderr when a part reaches another stage, and when it ends."""

    _stages: dict[Part, str] = field(default_factory=dict)
    _began: dict[Part, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def see(self, part: Part, event: Event) -> None:
        """Print a line if the event changes what the part is doing."""
        said = _told(event)
        if event.event == "started":
            self._began[part] = event.at_ms
            self._stages.pop(part, None)
            return
        if event.event == "completed":
            said = f"done in {(event.at_ms - self._began.get(part, event.at_ms)) / 1000:.1f} s"
        if event.event == "progress":
            stage = str(event.data.get("stage", ""))
            if self._stages.get(part) == stage:
                return
            self._stages[part] = stage
        if said:
            tell(f"{part.document}: {part.work}: {said}")

    def note(self, text: str) -> None:
        """Print a line."""
        tell(text)


class Bars:
    """Draws a bar on stderr for each document and stage."""

    def __init__(self, documents: int) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.table import Column

        name = Column(no_wrap=True, overflow="ellipsis", max_width=24)
        at = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._documents = documents
        self._tasks: dict[Part, Any] = {}
        columns = [
            TextColumn("{task.fields[document]}", markup=False, table_column=name),
            TextColumn("{task.fields[work]}", markup=False, style="cyan"),
            BarColumn(bar_width=18),
            TaskProgressColumn(),
            TextColumn("{task.fields[at]}", markup=False, style="dim", table_column=at),
        ]
        self._progress = Progress(*columns[documents == 1 :], console=error_console(), expand=True)
        self._all = None
        if documents > FEW:
            self._all = self._add(f"{documents} documents", "all", total=documents)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def see(self, part: Part, event: Event) -> None:
        """Move the part's bar."""
        if part not in self._tasks:
            if event.event != "started":  # left out before it began: no bar, and the summary says why
                if event.final:
                    self._count(part)
                return
            self._tasks[part] = self._add(part.document, part.work)
        task, said = self._tasks[part], _told(event)
        if event.event == "progress":
            self._progress.update(task, completed=event.data.get("percent", 0.0), at=said)
        elif event.event == "completed":
            self._progress.update(task, completed=100.0, at="done", visible=self._documents <= FEW)
        elif said:
            self._progress.update(task, at=said)
        if event.final:
            self._progress.stop_task(task)
            self._count(part)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        tell(text)

    def _count(self, part: Part) -> None:
        if self._all is not None and part.actor == LAST_OF_DOCUMENT:
            self._progress.update(self._all, advance=1)

    def _add(self, document: str, work: str, total: float = 100.0) -> Any:
        return self._progress.add_task("", total=total, document=clean(document), work=work, at="")


def view_of(documents: int, *, quiet: bool) -> View:
    """Give the view that fits where stderr goes."""
    if quiet:
        return Quiet()
    return Bars(documents) if error_console().is_terminal else Lines()


def _told(event: Event) -> str:
    data = {"reason": "", "stage": "", "message": ""} | event.data
    wait = f"{data.get('delay_ms', 0) / 1000:.1f} s"
    told = {
        "progress": f"{data['stage']}: {data['message']}" if data["message"] else str(data["stage"]),
        "retrying": f"failed ({data['reason']}), tries again in {wait}",
        "dead": f"failed ({data['reason']})",
        "cancelled": f"left out ({data['reason']})",
        "fallback": str(data["reason"]).removeprefix("model: "),
        "snoozed": f"waits ({data['reason']}), {wait}",
        "review": f"waits for a person: {data['reason']}; see: dramaturg review ls",
        "stalled": "its worker was lost, goes on with another",
    }
    return clean(told.get(event.event, ""))
