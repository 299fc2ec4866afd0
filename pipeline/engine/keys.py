"""Every Redis key, spelled once.

All keys of a deployment share one hash tag, so that they live in one slot of a cluster and one script may touch them.
Scripts get the prefix as their only declared key and build the rest from it with the same words; ``lua/_shared.lua``
is the other half of this file.

========================  ======  ==============================================================================
key                       type    holds
========================  ======  ==============================================================================
``run:<id>``              hash    the run record: the truth about one run (fields: ``RECORD``)
``run:<id>:log``          list    its events as JSON, oldest first; also a channel that tells of new ones
``run:<id>:steps``        hash    step name -> result of the finished step
``run:<id>:errors``       list    one JSON object a failed attempt
``flow:<id>``             hash    a flow: its state, how many nodes are pending, the state of each node
``flow:<id>:log``         list    what happened to its nodes; also a channel
``ready:<q>``             zset    ``<tier>:<group>`` by tier, then by virtual time: whose turn it is
``ready:<q>:<t>:<g>``     zset    run ids of one group by number, then by age
``clock:<q>``             hash    tier -> virtual time of the group served last
``weight``                hash    group -> its share, 1 if absent
``wake:<q>``              list    at most one token: "there may be work"; idle workers block on it
``wake:<worker>``         list    a token that makes one worker look up
``delayed``               zset    run ids by the time they are due, in ms of Redis time
``leases``                zset    run ids by the time their lease ends
``parked``                set     names of actors no worker knew
``parked:<actor>``        zset    their runs, in order
``finished:<state>``      zset    completed, dead and cancelled runs by the time they ended
``key:<actor>:<key>``     string  idempotency key -> run id
``queues``                set     every queue that ever held a run
``workers``               zset    worker ids by the time they were last heard of
``sweep``                 hash    who reconciles, until when, and the time of the last sweep
``seq``                   string  counter: the age of a run
========================  ======  ==============================================================================
"""

from __future__ import annotations

#: Fields of a run record, and what they hold.
RECORD = {
    "message": "the Dramatiq message, as JSON",
    "actor": "name of the actor",
    "queue": "its queue",
    "tier": "0 critical, 1 high, 2 normal, 3 low",
    "group": "the tenant it counts for; may be empty",
    "number": "order inside a tier, lower first",
    "place": "score in the ready set: keeps the run's turn when it is given back",
    "state": "see pipeline.events.STATES",
    "queued_ms": "when it was accepted",
    "due_ms": "when it may start, if later",
    "deadline_ms": "when it is too late to start",
    "fence": "how often it was claimed; the token of the present lease",
    "starts": "claims since the last sign of progress; three dead workers make a crash loop",
    "attempt": "attempts spent",
    "snoozes": "waits that spent no attempt",
    "worker": "who holds, or held, the lease",
    "claim": "id of the claim call that took it",
    "started_ms": "start of the present or last attempt",
    "finished_ms": "when it reached a final state",
    "result": "the result as JSON, or @<sha256> of a blob",
    "reason": "why it is dead, cancelled, snoozed or retrying",
    "progress": "the last report, as JSON",
    "watched": "set once somebody followed its log: from then on new entries are announced",
    "dropped": "events that the log no longer holds",
    "cancel": "set once somebody asked it to stop",
    "key": "its idempotency key",
    "flow": "the flow it belongs to",
    "node": "its name in the flow",
    "needs": "inputs still missing",
    "feeds": "runs that wait for it: <id>:<1 required, 0 tolerates failure>, separated by spaces",
}


def prefix(namespace: str) -> str:
    """Spell what every key begins with; the braces are the cluster's hash tag."""
    return f"{{{namespace}}}:"


def run(namespace: str, run_id: str) -> str:
    """Spell the record of a run."""
    return f"{{{namespace}}}:run:{run_id}"


def steps(namespace: str, run_id: str) -> str:
    """Spell the results of a run's finished steps."""
    return f"{{{namespace}}}:run:{run_id}:steps"


def errors(namespace: str, run_id: str) -> str:
    """Spell the failures of a run's attempts."""
    return f"{{{namespace}}}:run:{run_id}:errors"


def flow(namespace: str, flow_id: str) -> str:
    """Spell the record of a flow."""
    return f"{{{namespace}}}:flow:{flow_id}"


def ready(namespace: str, queue: str) -> str:
    """Spell the groups of a queue that have runs to start."""
    return f"{{{namespace}}}:ready:{queue}"


def ready_group(namespace: str, queue: str, member: str) -> str:
    """Spell the runs of one ``<tier>:<group>`` of a queue."""
    return f"{{{namespace}}}:ready:{queue}:{member}"


def wake(namespace: str, name: str) -> str:
    """Spell the wake-up token of a queue or of one worker."""
    return f"{{{namespace}}}:wake:{name}"


def delayed(namespace: str) -> str:
    """Spell the index of runs that are not due yet."""
    return f"{{{namespace}}}:delayed"


def leases(namespace: str) -> str:
    """Spell the index of running runs by the end of their lease."""
    return f"{{{namespace}}}:leases"


def parked(namespace: str) -> str:
    """Spell the set of actors that no worker knew."""
    return f"{{{namespace}}}:parked"


def parked_actor(namespace: str, actor: str) -> str:
    """Spell the index of runs of one unknown actor."""
    return f"{{{namespace}}}:parked:{actor}"


def finished(namespace: str, state: str) -> str:
    """Spell the index of runs that reached a final state, by time."""
    return f"{{{namespace}}}:finished:{state}"


def queues(namespace: str) -> str:
    """Spell the set of every queue that ever held a run."""
    return f"{{{namespace}}}:queues"


def workers(namespace: str) -> str:
    """Spell the index of worker processes, by when they were last heard of."""
    return f"{{{namespace}}}:workers"
