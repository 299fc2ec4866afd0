"""Every Redis key, spelled once.

All keys of a deployment share one hash tag, so that they live in one slot of a cluster and one script may touch them.
Scripts get the prefix as their only declared key and build the rest from it with the same words; ``lua/_shared.lua``
is the other half of this file.

========================  ======  ==============================================================================
key                       type    holds
========================  ======  ==============================================================================
``run:<id>``              hash    the run record: the truth about one run (fields: ``RECORD``)
``run:<id>:log``          list    its events as JSON, oldest first; also a channel that tells of new ones
``run:<id>:steps``        hash    step name -> result of the finished step; ``~restored``: put back from a copy
``run:<id>:errors``       list    one JSON object a failed attempt
``run:<id>:calls``        list    one JSON object a call of a language model
``run:<id>:children``     set     the runs it started and waits for
``run:<id>:text``         hash    ``<stream>`` -> its length, ``<stream>/<n>`` -> piece n of its text
``flow:<id>``             hash    a flow: its state, how many nodes are pending, the state of each node
``flow:<id>:log``         list    what happened to its nodes; also a channel
``ready:<q>``             zset    lanes, ``<tier>:<group>[<0x1f><gates>]``, by tier, then by virtual time
``ready:<q>:<lane>``      zset    run ids of one lane by number, then by age
``debt:<q>``              hash    ``<tier>:<group>`` -> what its runs cost above their number: paid with its next turns
``turns:<q>``             hash    ``<tier>:<group>`` -> the turn after the last one of a group with gates
``blocked:<gate>``        zset    ``<q><newline><lane>`` by turn: what waits at a gate (see ``lua/_gates.lua``)
``held``                  hash    ``<q><newline><lane>`` -> the gate it waits at
``gates``                 zset    gates that something waits at, by the time to look at them again
``limits``                hash    ``declared:<name>``, ``set:<name>[=<key>]`` -> JSON: what is in force
``breakers``              hash    the same of breakers; ``declared:*`` is for all that are not named
``budgets``               hash    the same of budgets
``declared_by``           hash    worker -> when, then ``<kind> <name>`` lines of what it declares
``breaker_names``         zset    breakers of which something is known, by the time it is forgotten
``rate:<limit>``          string  GCRA: the theoretical arrival time, in ms
``tokens:<limit>``        string  the same in tokens
``permits:<limit>``       zset    who holds a permit, ``<run>`` or ``<run>|<fence>|<call>``, by the time it was taken
``breaker:<name>``        hash    state, until when, who probes, and calls and failures of the window
``budget:<name>:<n>``     hash    used and reserved in period n: micros, tokens, held_micros, held_tokens
``budget:<name>:<n>:held`` hash   ``<run>|<fence>|<call>`` -> ``<micros>:<tokens>`` that it has reserved
``budget:<name>:<n>:keys`` zset   ``<name>=<key>`` of those used in period n
``shut``                  hash    gate -> since when it lets nobody through
``patience``              zset    lanes by when their first run has waited long enough
``chains``                set     gates of chains that lanes wait at
``usage``                 hash    ``<actor>|<model>`` -> mean tokens of such calls
``reserved:<call>``       string  the answer to a call that was reserved: asked again, it is the same
``settled:<call>``        string  a call that was settled: settling it again changes nothing
``paused``                hash    ``queue:<q>``, ``actor:<a>``, ``group:<g>`` -> since when
``waiting``               zset    runs that wait for an input or for their children, by the time they began to
``review``                zset    runs that wait for a person, by the time they began to
``pressure``              string  set while Redis is nearly full: nothing new is accepted
``probe``                 string  what a health check wrote last, in ms; it expires
``clock:<q>``             hash    tier -> virtual time of the group served last
``weight``                hash    group -> its share, 1 if absent
``wake:<q>``              list    at most one token: "there may be work"; idle workers block on it
``wake:<worker>``         list    a token that makes one worker look up
``delayed``               zset    run ids by the time they are due, in ms of Redis time
``leases``                zset    run ids by the time their lease ends
``parked``                set     names of actors no worker knew
``parked:<actor>``        zset    their runs, in order
``finished:<state>``      zset    completed, dead and cancelled runs by the time they ended
``ended``                 stream  the feed of ended runs: an entry a call, a field a run, until it is rolled up
``ended:runs``            string  how many runs are in it
``ended:cut``             hash    runs that were dropped from it unread, from and until when
``ended:feed``            string  its name, for good
``key:<actor>:<key>``     string  idempotency key -> run id
``queues``                set     every queue that ever held a run
``workers``               zset    worker ids by the time they were last heard of
``sweep``                 hash    who reconciles, until when, and the time of the last sweep
``seq``                   string  counter: the age of a run
``kept``                  string  written behind each promise that replicas have to confirm (engine/script.py)
``schedules``             zset    names of schedules, by when they were last declared
``schedule:<name>``       hash    what was declared, the cursor ``last_ms``, and counts (``lua/fire_schedule.lua``)
``schedule:<name>:ticks`` zset    ticks that have a run, in ms, by when that was recorded
``schedule:<name>:runs``  hash    tick -> its run
``schedule:<name>:log``   list    what it did last, as JSON, the newest first
``schedulers``            hash    set of schedules -> until when who leads: ``<ms> <scheduler>``
``wake:schedules:<set>``  list    a token that makes one scheduler look up
``tally``                 hash    what happened in Redis, and in no worker's commit -> how often (``_shared.lua``)
``serving``               hash    worker -> the queues, actors and models it serves, as JSON
``served``                zset    ``<kind> <name>`` of queues, actors and models, by when a worker last declared them
``exporter``              hash    who exports the metrics that are read from Redis, and until when
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
    "first_ms": "start of its first attempt, once there was a second",
    "since_ms": "since when it might have started then",
    "billed": "what its calls of models took, by model, until it ends",
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
    "brood": "children it waits for, or waited for",
    "parent": "the run that waits for it",
    "gates": "what stands before its start (lua/_gates.lua)",
    "version": "of the payload, if it is not the first",
    "patience_ms": "how long it may wait at gates; a day if absent",
    "waited_ms": "how long its snoozes were in all",
    "timeouts": "attempts that ended at their time limit",
    "degraded": "set if its result was made without the models it asked for",
    "sent": "the last sending that put its payload in the place of its own",
    "answered": "ticket of the last answer that a person gave",
    "reported": "fence of the attempt that reported last",
    "more": "set if it has any of the fields that few runs have",
    "review": "what a person has to decide, as JSON",
    "retry_of": "the dead run it was made from",
    "retried_as": "the run that was made from it",
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


def policies(namespace: str, kind: str) -> str:
    """Spell the settings of limits, breakers or budgets."""
    return f"{{{namespace}}}:{kind}"


def breaker(namespace: str, name: str) -> str:
    """Spell the state of a breaker."""
    return f"{{{namespace}}}:breaker:{name}"


def budget(namespace: str, name: str, window: int) -> str:
    """Spell what a budget has used in a period."""
    return f"{{{namespace}}}:budget:{name}:{window}"


def paused(namespace: str) -> str:
    """Spell what is paused."""
    return f"{{{namespace}}}:paused"


def gates(namespace: str) -> str:
    """Spell the gates that something waits at."""
    return f"{{{namespace}}}:gates"


def blocked(namespace: str, gate: str) -> str:
    """Spell the lanes that wait at a gate."""
    return f"{{{namespace}}}:blocked:{gate}"


def held(namespace: str) -> str:
    """Spell at which gate each lane waits."""
    return f"{{{namespace}}}:held"


def permits(namespace: str, limit: str) -> str:
    """Spell who holds the permits of a limit."""
    return f"{{{namespace}}}:permits:{limit}"


def calls(namespace: str, run_id: str) -> str:
    """Spell the calls of language models that a run made."""
    return f"{{{namespace}}}:run:{run_id}:calls"


def children(namespace: str, run_id: str) -> str:
    """Spell the runs that a run started and waits for."""
    return f"{{{namespace}}}:run:{run_id}:children"


def review(namespace: str) -> str:
    """Spell the index of runs that wait for a person."""
    return f"{{{namespace}}}:review"


def waiting(namespace: str) -> str:
    """Spell the index of runs that wait for an input or for their children."""
    return f"{{{namespace}}}:waiting"


def schedules(namespace: str) -> str:
    """Spell the schedules that were declared."""
    return f"{{{namespace}}}:schedules"


def schedule(namespace: str, name: str) -> str:
    """Spell the state of a schedule."""
    return f"{{{namespace}}}:schedule:{name}"


def schedulers(namespace: str) -> str:
    """Spell who leads."""
    return f"{{{namespace}}}:schedulers"
