"""Actors that send, wait, fail and call others on, so that one trace and one id can be followed through all of it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import warnings

from pydantic import BaseModel

from pipeline import Flow, Run, Transient, actor
from pipeline.tracing import headers
from tests.actors.plain import QUICK


class Leaf(BaseModel):
    """What the last of a chain is sent: by which way it comes."""

    way: str


class Tree(BaseModel):
    """What the first of a chain is sent."""

    leaves: list[str] = ["gathered-0", "gathered-1"]
    fails: int = 0


class Found(BaseModel):
    """What a node of the flow found."""

    way: str


@actor(name="test.leaf", retry=QUICK)
def leaf(one: Leaf, run: Run) -> Found:
    """Log a line by our logger and one by a library's; it takes so long that whoever gathers it has to wait."""
    time.sleep(0.3)
    run.log.info("leaf_reached", way=one.way)
    logging.getLogger("some.library").warning("a library speaks of %s", one.way)
    return Found(way=one.way)


@actor(name="test.tree", retry=QUICK)
def tree(request: Tree, run: Run) -> dict[str, str]:
    """Take a step, change the world, send, gather; fail the first attempts if asked to."""
    run.step(look)
    if run.attempt <= request.fails:
        raise Transient(f"not yet, says {os.environ.get('CANARY_API_KEY', 'nobody')}")
    called = run.effect(call_out, key="call", idempotent=True)
    run.step(send_on)
    run.gather(leaf, [Leaf(way=way) for way in request.leaves])
    return called


def look() -> str:
    """Log a line inside of a step."""
    logging.getLogger("some.library").warning("seen in a step")
    return "seen"


def send_on() -> str:
    """Send a run of its own."""
    return leaf.send(Leaf(way="sent")).id


def call_out() -> dict[str, str]:
    """Give what a service that is called would be told."""
    return headers()


@actor(name="test.unruly", retry=QUICK)
def unruly(run: Run) -> None:
    """Have everything speak that speaks by itself: warnings, threads, event loops, the database."""
    warnings.warn("soon gone", UserWarning, stacklevel=1)
    secret = os.environ.get("CANARY_API_KEY", "nobody")

    def fall() -> None:
        raise RuntimeError(f"fell in a thread with {secret}")

    thread = threading.Thread(target=fall, name="falling")
    thread.start()
    thread.join()
    asyncio.run(_lose())
    logging.getLogger("sqlalchemy.engine.Engine").warning("SELECT 1")
    run.log.info("unruly_done")


async def _lose() -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "a task was lost", "exception": OSError("gone")})


@actor(name="test.first_node", retry=QUICK)
def first_node(way: str, run: Run) -> Found:
    """Begin a flow."""
    run.log.info("leaf_reached", way=way)
    return Found(way=way)


class Ways(BaseModel):
    """What the flow is asked for."""

    ways: list[str]


class Paths(BaseModel):
    """What the last node of the flow gets."""

    found: list[Found]


@actor(name="test.last_node", retry=QUICK)
def last_node(paths: Paths, run: Run) -> int:
    """End a flow."""
    run.log.info("leaf_reached", way="joined")
    return len(paths.found)


forest = Flow("forest", Ways)
forest.add(last_node, found=forest.all(forest.each("ways", first_node)))
