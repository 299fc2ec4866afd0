"""What a run saved in the database is taken back when it turns out to be cancelled (F19)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.study.packs import PackParts, assemble_pack
from pipeline import Cancelled, artifacts
from pipeline.artifacts import ArtifactStore
from pipeline.testing import MemoryJournal, run_inline

EMPTY = PackParts(sources=(), documents=[], graphs=[], quizzes=[], explanations=[])


@pytest.fixture
def store(database_url: str) -> Iterator[ArtifactStore]:
    """The database of this process, empty."""
    before = list(artifacts._bound)
    kept = ArtifactStore(database_url)
    artifacts.set_artifacts(kept)
    yield kept
    artifacts._bound[:] = before
    kept.close()


class _AskedMeanwhile(MemoryJournal):
    """Hears that somebody asked the run to stop when it saves its step."""

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        super().save_step(name, value, replace=replace)
        self.cancelled = True


def test_a_pack_is_there_when_its_run_is_done(store: ArtifactStore) -> None:
    """The last step keeps it."""
    run_inline(assemble_pack, EMPTY)
    assert [saved.kind for saved in store.list()] == ["pack"]


def test_the_pack_of_a_run_that_is_cancelled_while_it_is_kept_is_not_there(store: ArtifactStore) -> None:
    """The cancel came after the step had begun, and the run is not completed: nothing of it is published."""
    with pytest.raises(Cancelled):
        run_inline(assemble_pack, EMPTY, journal=_AskedMeanwhile())
    assert store.list() == ()
