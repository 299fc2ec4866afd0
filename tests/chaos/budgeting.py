"""Money and tokens that many calls want at once: never overspent, and used as far as they go (R32)."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal

from pipeline.budget import Budget
from pipeline.engine import keys
from pipeline.engine.gates import Gates
from pipeline.limit import Limit
from tests.actors import spending as module
from tests.actors.spending import Spending, spend
from tests.chaos.stage import Report, Stage
from tests.support.gate_state import GateState
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
MONEY = "test.money"
TOKENS = "test.tokens"
#: What a token read and a token written cost, in millionths of a dollar (``tests.actors.asking.KNOWN``).
READ, WRITTEN = 1, 2


def token_limit(
    here: Stage,
    *,
    runs: int,
    workers: int,
    threads: int,
    a_second: int,
    calls_a_second: float,
    seconds: float,
    overstated: float,
) -> Report:
    """Calls that ask for more tokens than they use leave no more than a tenth of what is allowed unused."""
    report, gates = Report(), Gates(here.store)
    limit = Limit(TOKENS, tokens=int(a_second * 10), per=10 * SECOND, on="call")
    gates.put("limits", TOKENS, limit.config())
    here.workers(workers, threads=threads, modules=[module.__name__])
    used = int(a_second / calls_a_second)
    asks = Spending(
        tokens_in=used // 2, tokens_out=used // 2, bytes_in=100, most_out=int(used * overstated), seconds=0.1
    )
    ids = here.accept(spend.send_many([asks] * runs))
    eventually(lambda: here.ledger.count("took") > 0, 20 * SECOND)
    begun = time.time()
    states = here.settle(ids, timedelta(seconds=seconds))
    lasted = time.time() - begun
    took = sorted((entry.at, int(entry.step)) for entry in here.ledger.entries(what="took"))
    within = [(at, tokens) for at, tokens in took if at <= begun + lasted]
    tokens = sum(tokens for _, tokens in within[1:])
    share = tokens / ((within[-1][0] - within[0][0]) * a_second)
    starts = here.ledger.count("started")
    report.figures = {
        "calls": len(within),
        "tokens": tokens,
        "used": f"{share:.1%}",
        "starts a call": round(starts / max(1, len(within)), 2),
        "states": dict(Counter(states.values())),
        "lasted_s": round(lasted, 1),
    }
    report.expect(f"at least 90 % of it is used: {share:.1%}", share >= 0.9)
    burst = limit.config()["token_burst"] / a_second
    report.expect(f"and no more than there is: {share:.1%}", share <= 1 + burst / lasted + 0.02)
    report.expect(
        f"nobody dies: {Counter(states.values())}",
        set(states.values()) <= {"completed", "snoozed", "queued", "running"},
    )
    return report


def budget_stop(
    here: Stage,
    *,
    dollars: float,
    then: str,
    runs: int,
    calls: int,
    workers: int,
    threads: int,
    per: timedelta | None,
    patience: timedelta = timedelta(minutes=1),
) -> Report:
    """R32: more calls than a budget allows, several at once: it is never overspent, and nobody dies who may wait."""
    report, gates = Report(), Gates(here.store)
    budget = Budget(MONEY, usd=Decimal(str(dollars)), per=per, then=then)  # type: ignore[arg-type] # wait or stop
    gates.put("budgets", MONEY, budget.config())
    here.workers(workers, threads=threads, modules=[module.__name__])
    asks = Spending(calls=calls, tokens_in=500, tokens_out=400, bytes_in=1_600, most_out=1_000, seconds=0.02)
    most, real = (1_000 + 2_000) / 1e6, (500 + 800) / 1e6
    began = here.inspector.now_ms()
    ids = here.accept(spend.send_many([asks] * runs))
    if then == "wait" and per is not None and per > timedelta(minutes=1):
        eventually(lambda: not _at_work(here, ids), patience, every=0.1 * SECOND)
        states = here.states(ids)
    else:
        states = here.settle(ids, patience)
    ended = here.inspector.now_ms()
    spent = _spent(here, budget, began, ended)
    paid = here.ledger.count("took") * real
    ends = Counter(states.values())
    report.figures = {
        "calls": here.ledger.count("took"),
        "spent": [round(one, 6) for one in spent],
        "paid": round(paid, 6),
        "budget": dollars,
        "states": dict(ends),
        "starts": here.ledger.count("started"),
        "took_s": round((ended - began) / 1000, 1),
    }
    report.expect(f"no period is overspent: {spent}", all(one <= dollars + 1e-9 for one in spent))
    report.expect(f"what is counted is what was paid: {paid}", abs(sum(spent) - paid) < 1e-9)
    report.expect("a full one is used but for less than the most of one call", max(spent) > dollars - most)
    if then == "stop":
        report.expect(f"those who come too late die: {ends}", set(ends) == {"completed", "dead"})
        reasons = {(here.inspector.show(run) or {}).get("reason") for run in ids if states[run] == "dead"}
        report.expect(f"and say why: {reasons}", reasons == {"permanent: budget exceeded"})
    else:
        report.expect(f"nobody dies: {ends}", set(ends) <= {"completed", "snoozed"})
        spends = {(here.inspector.show(run) or {}).get("attempt") for run in ids} - {None}
        report.expect(f"no attempt is spent on waiting: {spends}", spends <= {0, 1})
    held = [GateState(here.store).spent(MONEY, budget.config(), ended)[f"held_{what}"] for what in ("micros", "tokens")]
    report.expect(f"nothing stays reserved: {held}", held == [0, 0])
    return report


def killed_reservations(
    here: Stage, *, workers: int, threads: int, lease: float, runs: int, calls: int, seconds: float
) -> Report:
    """Half of the workers are killed in the middle of their calls: what they had reserved is free within a lease."""
    report, gates = Report(), Gates(here.store)
    budget, few = Budget(MONEY, usd=10**6, per=None), Limit(TOKENS, concurrency=workers * threads, on="call")
    gates.put("budgets", MONEY, budget.config())
    gates.put("limits", TOKENS, few.config())
    started = here.workers(workers, threads=threads, modules=[module.__name__], lease=lease)
    asks = Spending(calls=calls, tokens_in=500, tokens_out=400, bytes_in=1_600, most_out=1_000, seconds=seconds)
    ids = here.accept(spend.send_many([asks] * runs))
    eventually(lambda: here.ledger.count("asking") >= workers * threads, 30 * SECOND)
    victims = started[: workers // 2]
    for worker in victims:
        worker.kill()
    killed = time.monotonic()
    pids = {worker.pid for worker in victims}
    entries = here.ledger.entries(what="asking")
    dead = {f"{entry.run}|{entry.fence}|" for entry in entries if entry.worker in pids}
    held_key = keys.budget(here.store.namespace, MONEY, 0) + ":held"

    def leaked() -> list[str]:
        holders = [holder.decode() for holder in here.store.client.hkeys(held_key)]
        holders += [
            holder.decode() for holder in here.store.client.zrange(keys.permits(here.store.namespace, TOKENS), 0, -1)
        ]
        return [holder for holder in holders if holder.startswith(tuple(dead))]

    at_first = len(leaked())
    eventually(lambda: not leaked(), timedelta(seconds=60))
    back = time.monotonic() - killed
    states = here.settle(ids, timedelta(seconds=120))
    now = here.inspector.now_ms()
    spent = GateState(here.store).spent(MONEY, budget.config(), now)
    report.figures = {
        "leaked": at_first,
        "back_s": round(back, 1),
        "lease_s": lease,
        "states": dict(Counter(states.values())),
    }
    report.expect("something was in use when they died", at_first > 0)
    report.expect(f"it is free within a lease, and a call: {back:.1f}", back <= lease + seconds + 1)
    report.expect("all completed", set(states.values()) == {"completed"})
    report.expect(
        f"nothing stays reserved: {spent}", spent["held_micros"] == 0 and GateState(here.store).in_use(TOKENS) == 0
    )
    return report


def _at_work(here: Stage, ids: list[str]) -> int:
    return sum(state in {"queued", "running"} for state in here.states(ids).values())


def _spent(here: Stage, budget: Budget, began_ms: int, ended_ms: int) -> list[float]:
    """Give what was spent in each period, in dollars."""
    config = budget.config()
    per = config["per_ms"]
    moments = [0] if per == 0 else range(began_ms - began_ms % per, ended_ms + 1, per)
    return [GateState(here.store).spent(MONEY, config, at)["micros"] / 1e6 for at in moments]
