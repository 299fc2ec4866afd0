"""What the offline generator made in place of a model says so, and is made again with one command (F5)."""

from __future__ import annotations

from datetime import timedelta

from actors.study.flows import StudyRequest, study
from actors.study.material import DocumentSource
from pipeline import Models
from pipeline.blobs import Blobs
from pipeline.testing import Answer, SimulatedProvider, out_of_quota
from tests.chaos.stage import Stage
from tests.readers import honest
from tests.support.waiting import eventually

SOON = timedelta(seconds=60)
LEAVES = (
    "Chlorophyll is a green pigment that absorbs sunlight. Chlorophyll stands in the membrane of the chloroplast. "
    "The chloroplast is an organelle that makes glucose. Photosynthesis uses sunlight and carbon dioxide. "
    "Photosynthesis produces glucose and oxygen in the chloroplast."
)


def test_a_degraded_pack_is_made_again_by_a_model(here: Stage) -> None:
    """The account has no credit: offline steps in, and says so; later the same flow is made by the model alone."""
    with SimulatedProvider() as provider:
        model = provider.on("poor", out_of_quota())
        here.worker(threads=4, modules=(), env={"DATABASE_URL": f"sqlite:///{here.folder}/d.db"})
        blob = Blobs(here.folder / "home" / "blobs").put(LEAVES.encode())
        source = DocumentSource(blob=blob, name="leaves.txt")
        flow = study.send(StudyRequest(documents=(source,)), models=Models(model, "offline"))
        pack = flow.result(SOON)
        assert pack.graph
        assert (pack.graph.made.generator, pack.graph.made.degraded) == ("offline", True)
        assert any("in place of a model" in problem for problem in pack.documents[0].problems)
        shown = here.inspector.show(flow.runs["graph.generate[0]"].id) or {}
        assert shown["degraded"] == f"made offline in place of {model}"
        assert shown.get("attempt") == 1
        eventually(lambda: flow.state() == "completed", SOON)

        provider.on("poor", Answer(honest))
        done = here.running.python("-m", "pipeline.cli", "runs", "regenerate", flow.id, env=here.env())
        done.wait(timedelta(seconds=30))
        assert "queued" in done.output, done.output
        again = flow.result(SOON)
        assert again.graph
        assert (again.graph.made.generator, again.graph.made.degraded) == (model, False)
        assert again.documents[0].problems == ()
        extracted = here.inspector.show(flow.runs["document.extract[0]"].id) or {}
        assert extracted["fence"] == 1, "what was not degraded is not made again"
