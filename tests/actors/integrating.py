"""An actor behind the breaker of an integration that is down until it is mended."""

from __future__ import annotations

from datetime import timedelta

from pipeline import Breaker, InvalidInput, Retry, Run, Transient, actor
from tests.actors.notes import note
from tests.support.ledger import here

#: Opens soon, and is tried again soon.
CUSTOMERS = Breaker(
    "customers",
    minimum=4,
    window=timedelta(seconds=30),
    open_for=timedelta(seconds=1),
    ramp=timedelta(milliseconds=500),
)


@actor(
    name="test.sync",
    breaker=CUSTOMERS,
    retry=Retry(attempts=5, base=timedelta(milliseconds=100), cap=timedelta(milliseconds=200)),
)
def sync(what: str, run: Run) -> int:
    """Write to the integration; a wrong ``what`` is refused by it, which says nothing of its health."""
    note("started")
    if what == "wrong":
        raise InvalidInput("there is no such field", field="what")
    if not here().count("mended"):
        raise Transient("503")
    note("effect")
    return run.attempt
