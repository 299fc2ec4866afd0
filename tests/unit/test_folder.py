"""A pack's folder is there whole or not at all, and nobody's files are lost to it."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from actors.study.material import StudyPack
from actors.study.pack import write_pack
from actors.study.pack.folder import NAMES
from pipeline.errors import InvalidInput, ResourceExhausted
from tests.support.packs import SAMPLE, hostile_pack, sample_pack


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_a_pack_is_written_with_all_its_files(tmp_path: Path) -> None:
    """Every documented name is there, pack.json is the pack, and nothing else is left beside it."""
    pack = sample_pack()
    written = write_pack(pack, tmp_path / "new" / "deep" / "pack")
    assert names(written) == NAMES
    assert StudyPack.model_validate_json((written / "pack.json").read_text(encoding="utf-8")) == pack
    assert names(written.parent) == {"pack"}


def test_the_folder_may_be_read_by_others_as_any_new_folder_may(tmp_path: Path) -> None:
    """The folder and its files follow the umask, not the privacy of a temporary folder."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    written = write_pack(sample_pack(), tmp_path / "pack")
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    assert stat.S_IMODE((written / "index.html").stat().st_mode) == stat.S_IMODE((other / "file").stat().st_mode)


def test_a_part_that_could_not_be_made_has_no_files(tmp_path: Path) -> None:
    """A failed quiz leaves no empty quiz behind, and the page says so."""
    written = write_pack(sample_pack().model_copy(update={"quiz": None, "graph": None}), tmp_path / "pack")
    assert names(written) == {"index.html", "pack.json"}


def test_a_former_pack_is_replaced_whole(tmp_path: Path) -> None:
    """The second pack has its own files only, and nothing of the first is left."""
    out = tmp_path / "pack"
    write_pack(sample_pack(), out)
    (out / ".DS_Store").touch()
    write_pack(sample_pack().model_copy(update={"title": "Second", "quiz": None}), out)
    assert names(out) == {"index.html", "pack.json", "graph.json", "graph.graphml"}
    assert "Second" in (out / "pack.json").read_text(encoding="utf-8")
    assert names(tmp_path) == {"pack"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A folder made beforehand is filled."""
    (tmp_path / "pack").mkdir()
    assert names(write_pack(sample_pack(), tmp_path / "pack")) == NAMES


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    """The folder that the link names is replaced, not the link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_pack(sample_pack(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == NAMES


@pytest.mark.parametrize(
    "held",
    [
        {"notes.txt": "mine"},
        {"pack.json": "not json"},
        {"pack.json": "[1]"},
        {"pack.json": '{"name": "somebody\'s project"}'},
        {"index.html": "<h1>my site</h1>"},
        {"pack.json": '{"title": "", "status": "", "documents": []}', "notes.txt": "mine"},
    ],
)
def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path, held: dict[str, str]) -> None:
    """Files that are not a pack are named as the reason and stay as they were."""
    out = tmp_path / "mine"
    out.mkdir()
    for name, text in held.items():
        (out / name).write_text(text)
    with pytest.raises(InvalidInput, match=r"--out .*mine") as refused:
        write_pack(sample_pack(), out)
    assert refused.value.field == "out"
    assert {one.name: one.read_text() for one in out.iterdir()} == held
    assert names(tmp_path) == {"mine"}


def test_a_file_of_the_name_is_refused(tmp_path: Path) -> None:
    """A file is not replaced by a folder."""
    (tmp_path / "pack").write_text("mine")
    with pytest.raises(InvalidInput, match="there is a file of this name"):
        write_pack(sample_pack(), tmp_path / "pack")
    with pytest.raises(InvalidInput, match="pack is a file"):
        write_pack(sample_pack(), tmp_path / "pack" / "below")
    assert (tmp_path / "pack").read_text() == "mine"


@pytest.mark.parametrize("here", [".", "..", "/"])
def test_the_folder_one_stands_in_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    """The working folder and those above it are never moved aside."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="in use"):
        write_pack(sample_pack(), Path(here))


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    """The system's own reason is passed on with the option's name."""
    with pytest.raises(InvalidInput, match="too long"):
        write_pack(sample_pack(), tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").is_dir(), reason="root may write everywhere here")
def test_a_place_that_may_not_be_written_is_told() -> None:
    """A read-only place is the user's to change, so it is InvalidInput."""
    with pytest.raises(InvalidInput, match=r"--out /proc/sys/pack: .*; nothing was written"):
        write_pack(sample_pack(), Path("/proc/sys/pack"))


def test_a_write_that_fails_midway_leaves_the_former_pack(tmp_path: Path) -> None:
    """A limit on file size stops the new pack in its first large file; the old one is untouched and no rest is left."""
    out = tmp_path / "pack"
    write_pack(sample_pack(), out)
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises((InvalidInput, ResourceExhausted), match="nothing was written"):
            write_pack(hostile_pack(), out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before
    assert names(tmp_path) == {"pack"}


def test_a_full_disk_is_told_as_a_want_of_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal of a sync for want of room is no fault of the input."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceExhausted, match="No space left"):
        write_pack(sample_pack(), tmp_path / "pack")
    assert names(tmp_path) == set()


def test_a_reader_never_sees_half_a_pack(tmp_path: Path) -> None:
    """While packs are replaced over and over, whoever looks in finds all files of one pack or no folder at all."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from actors.study.material import StudyPack
        from actors.study.pack import write_pack
        pack = StudyPack.model_validate_json(Path(sys.argv[1]).read_text())
        for _ in range(12):
            write_pack(pack, Path(sys.argv[2]))
        """
    )
    out = tmp_path / "pack"
    writer = subprocess.Popen([sys.executable, "-c", program, str(SAMPLE), str(out)], cwd=Path.cwd())
    looks = 0
    while writer.poll() is None:
        try:
            folder = os.open(out, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            # One folder, held open: what it held when it was put in place, or what is left once it was replaced.
            found = set(os.listdir(folder))  # noqa: PTH208 - an open folder has no path
            if os.path.samestat(out.stat(), os.fstat(folder)):
                assert found == NAMES
                looks += 1
        except FileNotFoundError:
            continue
        finally:
            os.close(folder)
    assert writer.wait(timeout=60) == 0
    assert looks > 0
    assert names(tmp_path) == {"pack"}
