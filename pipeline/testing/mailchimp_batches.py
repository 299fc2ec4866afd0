"""Batches of a simulated Mailchimp: calls that are made in its own time, and their packed results."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.testing.mailchimp_state import Problem, hash_of, moment
from pipeline.testing.simulated_api import Answer, Request


@dataclass
class _Batch:
    id: str
    submitted_at: datetime
    operations: list[dict[str, Any]]
    results: list[dict[str, Any]] = field(default_factory=list)
    completed_at: datetime | None = None


class Batches:
    """Keeps batches; one is done when it is asked about ``takes`` after it was submitted, at the earliest."""

    def __init__(self, now: Callable[[], datetime], operate: Callable[[str, str, Any], tuple[int, Any]]) -> None:
        self.takes = timedelta()
        self.kept: dict[str, _Batch] = {}
        self._now = now
        self._operate = operate

    def route(self, request: Request, path: str, results_url: str) -> tuple[int, Any]:
        """Answer what is asked about batches."""
        batch_id = path.removeprefix("/batches").strip("/")
        if request.method == "POST" and not batch_id:
            operations = request.json.get("operations") if isinstance(request.json, dict) else None
            if not operations:
                raise Problem(400, "Your request did not validate.", errors={"operations": "Data is missing"})
            made = _Batch(hash_of(f"batch/{len(self.kept)}")[:10], self._now(), operations)
            self.kept[made.id] = made
            return 200, self._shown(made, results_url)
        batch = self.kept.get(batch_id)
        if batch is None:
            raise Problem(404, "The requested resource could not be found.")
        if batch.completed_at is None and self._now() >= batch.submitted_at + self.takes:
            self._work(batch)
        return 200, self._shown(batch, results_url)

    def packed(self, path: str) -> Answer:
        """Give the results of a batch as it gives them: a tar.gz of JSON."""
        batch = self.kept.get(path.removeprefix("/results/").removesuffix(".tar.gz"))
        if batch is None or batch.completed_at is None:
            return 403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>"
        told = io.BytesIO()
        with tarfile.open(fileobj=told, mode="w:gz", compresslevel=1) as archive:
            for number, start in enumerate(range(0, len(batch.results), 200)):
                content = json.dumps(batch.results[start : start + 200]).encode()
                entry = tarfile.TarInfo(f"./{batch.id}-{number}.json")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return 200, {"Content-Type": "application/gzip"}, told.getvalue()

    def _work(self, batch: _Batch) -> None:
        for one in batch.operations:
            body = json.loads(one["body"]) if one.get("body") else None
            status, answer = self._operate(one["method"], "/3.0/" + one["path"].lstrip("/"), body)
            told = {"status_code": status, "operation_id": one.get("operation_id", "")}
            batch.results.append({**told, "response": "" if answer is None else json.dumps(answer)})
        batch.completed_at = self._now()

    @staticmethod
    def _shown(batch: _Batch, results_url: str) -> dict[str, Any]:
        done = batch.completed_at is not None
        return {
            "id": batch.id,
            "status": "finished" if done else "pending",
            "total_operations": len(batch.operations),
            "finished_operations": len(batch.results),
            "errored_operations": sum(one["status_code"] >= 400 for one in batch.results),  # noqa: PLR2004 - HTTP's
            "submitted_at": moment(batch.submitted_at),
            "completed_at": moment(batch.completed_at),
            "response_body_url": f"{results_url}/{batch.id}.tar.gz?signature=good-for-minutes" if done else "",
        }
