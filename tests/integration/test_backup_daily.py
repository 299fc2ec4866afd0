"""backup.daily: what has a manifest is whole and was tried out, whatever was killed, full or damaged on the way."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from actors.upkeep.backup.freshness import look
from actors.upkeep.backup.manifest import read_manifest
from actors.upkeep.backup.place import open_place
from actors.upkeep.backup.settings import BackupSettings
from actors.upkeep.backup.work import REHEARSAL
from actors.upkeep.backups import backup_daily
from pipeline import sections
from pipeline.blobs import Blobs
from pipeline.errors import AuthFailed, InvalidInput, Permanent, ResourceExhausted
from pipeline.installation import private_redis
from pipeline.testing import MemoryJournal
from tests.support.backups import DiskJournal, Kept, in_child
from tests.support.processes import alive


@pytest.fixture
def kept(redis_client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """300 keys, 500 rows and 12 blobs, one of them in several pieces."""
    here = Kept(tmp_path, redis_url, monkeypatch)
    for number in range(300):
        redis_client.hset(f"{{kept}}:run:{number}", mapping={"state": "completed", "message": "x" * 300})
    here.fill_database(500)
    for number in range(11):
        here.blobs.put(os.urandom(3000) + bytes([number]))
    here.blobs.put(os.urandom(200_000))
    yield here
    sections.forget()


def rows(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        return int(database.execute("SELECT count(*) FROM notes").fetchone()[0])


def blobs_in(kept: Kept) -> set[str]:
    return {name for name in kept.files() if name.startswith("blobs/")}


def test_a_backup_is_restored_before_it_is_there_and_everything_comes_back(
    kept: Kept, redis_client: redis.Redis
) -> None:
    """Keys, rows and the hashes of all blobs, on a machine that has lost all of them."""
    report = kept.backup()
    assert (report.proof, report.notes) == ("restored", ())
    assert (report.keys, report.rows, report.blobs, report.new_blobs) == (300, 500, 12, 12)
    assert look(kept.clock.now()) == (
        "ok",
        f"Backups: the newest in {kept.folder}/backups is 0 h old ({report.id}, restored).",
        "",
    )
    late = look(kept.clock.now() + timedelta(hours=27))
    assert late is not None
    assert late.level == "error"

    redis_client.flushall()
    (kept.folder / "here.db").unlink()
    empty = Blobs(kept.folder / "empty")
    done = kept.restore(report.id, blobs=empty)
    assert (done.keys, done.rows, done.blobs) == (300, 500, 12)
    assert redis_client.dbsize() == 300
    assert rows(kept.folder / "here.db") == 500
    for digit in "0123456789abcdef":
        assert list(empty.listed(digit)) == list(kept.blobs.listed(digit))
    assert all(empty.get(sha) for digit in "0123456789abcdef" for sha in empty.listed(digit))


def test_what_is_not_empty_is_overwritten_only_by_name(kept: Kept, redis_client: redis.Redis) -> None:
    """And nothing is touched unless everything may be."""
    name = kept.backup().id
    kept.fill_database(1)
    redis_client.set("{kept}:run:new", "x")
    with pytest.raises(InvalidInput, match="--force database"):
        kept.restore(name, force=["redis"])
    with pytest.raises(InvalidInput, match="--force redis"):
        kept.restore(name, force=["database"])
    assert rows(kept.folder / "here.db") == 501
    assert redis_client.dbsize() == 301
    kept.restore(name, force=["redis", "database"])
    assert rows(kept.folder / "here.db") == 500
    assert redis_client.dbsize() == 300


def test_blobs_are_stored_once_and_leave_with_the_last_backup_that_has_them(kept: Kept) -> None:
    """Retention removes backups, their parts, and the blobs that no other backup has."""
    kept.set(daily="2", weekly="0", monthly="0")
    first = kept.backup()
    before = blobs_in(kept)
    gone = next(iter(kept.blobs.listed("0")), None) or next(
        sha for d in "123456789abcdef" for sha in kept.blobs.listed(d)
    )
    kept.blobs.path(gone).unlink()
    second = kept.backup()
    assert (second.blobs, second.new_blobs, second.removed) == (11, 0, ())
    assert blobs_in(kept) == before
    third = kept.backup()
    assert third.removed == (first.id,)
    assert kept.names() == [second.id, third.id]
    assert not [name for name in kept.files() if first.id in name]
    assert blobs_in(kept) == before, "they are so new that another run may be about to need them"
    for name in before:
        os.utime(kept.folder / "backups" / name, (0, 0))
    kept.backup()
    assert {name for name in before if gone not in name} == blobs_in(kept)
    for name in kept.names():
        kept.verify(name)


def test_a_damaged_backup_is_never_published_and_removes_nothing(kept: Kept) -> None:
    """A byte that changes between writing and reading back, in each of the parts."""
    kept.set(daily="1", weekly="0", monthly="0")
    good = kept.backup()
    for part in ("redis", "database", "blobs-"):
        files = {name for name in kept.files() if part in name}
        journal = _Spoiler(clock=kept.clock).of(kept, part, files)
        with pytest.raises(Permanent, match="damaged"):
            kept.backup(journal=journal)
        assert kept.names() == [good.id]
    kept.verify(good.id)


class _Spoiler(MemoryJournal):
    """Changes a byte of a new part as soon as all are copied."""

    def of(self, kept: Kept, part: str, before: set[str]) -> _Spoiler:
        self._kept, self._part, self._before = kept, part, before
        return self

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        super().save_step(name, value, replace=replace)
        if name == "copy_blobs[15]":
            new = next(name for name in self._kept.files() if self._part in name and name not in self._before)
            path = self._kept.folder / "backups" / new
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)


def test_a_backup_that_is_damaged_later_says_so(kept: Kept) -> None:
    """A piece that is gone, a piece that is shorter, and a manifest that somebody edited."""
    name = kept.backup().id
    manifest = read_manifest(open_place(BackupSettings.current()), name)
    assert manifest.database is not None
    place = kept.folder / "backups"
    piece = place / manifest.database.pieces[0].name
    content = piece.read_bytes()
    piece.write_bytes(content[:-1])
    with pytest.raises(Permanent, match="damaged"):
        kept.verify(name)
    piece.unlink()
    with pytest.raises(InvalidInput, match="There is no"):
        kept.verify(name)
    piece.write_bytes(content)
    file = place / "backups" / f"{name}.json"
    file.write_text(file.read_text().replace('"rows"', '"raws"').replace("500", "501"))
    with pytest.raises(Permanent, match="manifest"):
        kept.verify(name)
    with pytest.raises(InvalidInput, match="not the name"):
        kept.verify("../../etc/passwd")


def test_a_full_disk_leaves_old_backups_and_no_traces(kept: Kept) -> None:
    """A limit on the size of files stands for the disk: the kernel says no in the middle of a write."""
    good = kept.backup()
    before = kept.files()
    kept.blobs.put(os.urandom(60_000))
    kept.fill_database(3000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = MemoryJournal(clock=kept.clock)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(ResourceExhausted):
            kept.backup("database", "blobs", journal=journal)
        with pytest.raises(ResourceExhausted, match=r"Make room|room for"):
            kept.backup("blobs")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    after = kept.files()
    assert {name: after[name] for name in before} == before, "what was there is as it was"
    assert not [name for name in after if "unfinished" in name]
    cut = [name for name in after if (kept.folder / "backups" / name).stat().st_size == 50_000]
    assert not cut, "written as far as there was room"
    assert not list((kept.folder / "home" / "backup").iterdir())
    assert kept.names() == [good.id]
    assert kept.backup(journal=journal).rows == 3500


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_killed_at_any_point_nothing_visible_is_broken_and_it_goes_on(kept: Kept, share: float) -> None:
    """A process that is killed before it does the next thing to the disk; its long form is in tests/chaos."""
    kept.set(daily="1", weekly="0", monthly="0")
    file = kept.folder / "journal"

    def make() -> None:
        kept.backup(journal=DiskJournal(clock=kept.clock).at(file))

    _, deeds = in_child(lambda: kept.backup(journal=DiskJournal(clock=kept.clock).at(kept.folder / "rehearsed")))
    kept.clock.forward(timedelta(days=1))
    assert deeds > 50
    status, _ = in_child(make, killed_at=int(deeds * share))
    assert os.WIFSIGNALED(status)
    assert kept.names(), "the old one stays until there is another"
    for name in kept.names():
        kept.verify(name)
    sent = {name for name in kept.files() if "unfinished" not in name}
    report = kept.backup(journal=DiskJournal(clock=kept.clock).at(file))
    assert kept.names() == [report.id]
    assert kept.verify(report.id)["blobs"].proof == "restored"
    assert not list((kept.folder / "home" / "backup").iterdir()), "what the killed one left here is gone"
    if share > 0.3:
        assert [name for name in sent if report.id in name and "redis" in name], "what was up was not sent again"
        assert len([name for name in kept.files() if report.id in name and "/redis." in name]) == 1


def test_the_redis_of_a_killed_rehearsal_is_ended_by_the_next_backup(kept: Kept) -> None:
    """It is a process of its own, and outlives the one that started it."""
    told = kept.folder / "server"

    def rehearse() -> None:
        with kept.work() as work, private_redis("kept", work.folder / REHEARSAL) as there:
            assert there is not None
            told.write_text(str(there[0].client.info("server")["process_id"]))
            os.kill(os.getpid(), signal.SIGKILL)

    in_child(rehearse)
    pid = int(told.read_text())
    assert alive(pid)
    with kept.work():
        assert not alive(pid)


def test_an_encrypted_backup_is_opened_by_its_identity_only(kept: Kept, redis_client: redis.Redis) -> None:
    """Without the identity it is compared and says so; with another one it is refused; with its own it comes back."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    kept.set(recipients=str(identity.to_public()))
    redis_client.set("{kept}:note", "a canary in Redis")
    blind = kept.backup()
    assert blind.proof == "checksums"
    assert "no identity" in blind.notes[0]
    for name in kept.files():
        assert b"canary" not in (kept.folder / "backups" / name).read_bytes()
    with pytest.raises(InvalidInput, match="encrypted"):
        kept.restore(blind.id)
    locked = next(kept.folder / "backups" / name for name in kept.files() if "/redis." in name)
    content = locked.read_bytes()
    locked.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Permanent, match="damaged"):
        kept.verify(blind.id)
    locked.write_bytes(content)
    (kept.folder / "wrong").write_text(str(pyrage.x25519.Identity.generate()))
    kept.set(identity=str(kept.folder / "wrong"))
    with pytest.raises(AuthFailed, match="cannot be opened"):
        kept.verify(blind.id)
    (kept.folder / "right").write_text(f"# made today\n{identity}\n")
    kept.set(identity=str(kept.folder / "right"))
    assert {one.proof for one in kept.verify(blind.id).values()} == {"restored"}
    seeing = kept.backup()
    assert (seeing.proof, seeing.new_blobs) == ("restored", 0)
    redis_client.flushall()
    kept.restore(seeing.id, force=["database"])
    assert redis_client.get("{kept}:note") == b"a canary in Redis"
    kept.set(recipients="age1nonsense")
    with pytest.raises(InvalidInput, match="no recipient"):
        kept.backup()


def test_a_blob_that_is_damaged_here_is_left_out_and_told(kept: Kept) -> None:
    """It does not keep the others from being backed up."""
    sha = kept.blobs.put(b"whole")
    kept.blobs.path(sha).write_bytes(b"other")
    report = kept.backup("blobs")
    assert (report.blobs, report.damaged_blobs, report.keys, report.tables) == (12, 1, 0, 0)


def test_a_run_that_was_put_back_does_not_make_its_backup_twice(kept: Kept) -> None:
    """The copy of Redis holds the run that made it, at the step it was at."""
    journal = MemoryJournal(clock=kept.clock)
    report = kept.backup(journal=journal)
    files = kept.files()
    kept.fill_database(5)
    journal.steps = {"begin": journal.steps["begin"]}
    assert kept.backup(journal=journal).id == report.id
    assert kept.files() == files


def test_nothing_is_made_where_nobody_said_where_to(kept: Kept) -> None:
    """And doctor has nothing to say about it."""
    kept.set(to="")
    with pytest.raises(InvalidInput, match="DRAMATURG_BACKUP_TO"):
        kept.backup()
    assert look() is None
    kept.set(to=str(kept.folder / "nothing yet"))
    found = look()
    assert found is not None
    assert found.level == "warning"
    kept.set(to="ftp://somewhere")
    with pytest.raises(InvalidInput, match="s3://"):
        kept.backup()


def test_progress_never_goes_back(kept: Kept) -> None:
    """Every stage is told, in percent of the whole."""
    journal = MemoryJournal(clock=kept.clock)
    kept.backup(journal=journal)
    percents = [float(report["percent"]) for report in journal.reports]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert backup_daily.queue_name == "upkeep"
