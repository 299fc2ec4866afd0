"""Backups from end to end: everything is lost while work is under way, and put back; and the commands people use."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pipeline.engine.connection import connect
from tests.chaos import backing
from tests.chaos.stage import Stage
from tests.support.command_line import CommandHere, CommandLine
from tests.support.redis_server import RedisServer


def test_after_a_loss_nothing_is_missing_and_nothing_is_sent_twice(here: Stage) -> None:
    """Runs in flight go on; an effect that may have happened since the copy is looked up, or waits for a person."""
    report = backing.drill(here, count=60, settled=timedelta(seconds=60))
    assert not report.broken, report


def test_a_person_makes_lists_tries_out_and_puts_back(tmp_path: Path) -> None:
    """now, ls, verify and restore, with what is in the way told; doctor sees the newest."""
    with RedisServer() as server:
        env = {
            "REDIS_URL": server.url,
            "DRAMATURG_HOME": str(tmp_path / "home"),
            "DRAMATURG_PROCESSES": "1",
            "DRAMATURG_BACKUP_TO": str(tmp_path / "to"),
        }
        with_workers, here = CommandLine(tmp_path, env), CommandHere(env)
        assert "no backups" in here("backup", "ls").stdout
        assert "no backups" in here("backup", "verify", code=1).stderr
        assert "DRAMATURG_BACKUP_TO" in with_workers("backup", "now", code=2, DRAMATURG_BACKUP_TO="").stderr
        report = with_workers("backup", "now", "--json").json
        assert report["proof"] == "restored"
        assert [row["id"] for row in here("backup", "ls", "--json").json["backups"]] == [report["id"]]
        assert here("backup", "verify", report["id"], "--json").json["checked"]["redis"]["proof"] == "restored"
        assert "There is no backup" in here("backup", "verify", "nothing", code=2).stderr
        assert "there are blobs, database, redis" in here("backup", "restore", "latest", "--only", "all", code=2).stderr
        assert "stop them first" in here("backup", "restore", "latest", code=2).stderr
        with connect(server.url) as client:
            client.delete("{dramaturg}:workers")
            assert "--force redis" in here("backup", "restore", "latest", "--only", "redis", code=2).stderr
            done = here(
                "backup", "restore", "latest", "--force", "redis", "--force", "database", "--yes", "--json"
            ).json
            assert (done["keys"], done["running"]) == (report["keys"], 1), "the backup's own run was under way"
            assert client.exists("{dramaturg}:ready:upkeep")
        assert f"Backups: the newest in {tmp_path}/to" in here("doctor", code=0).stdout
