from tests.acceptance.test_study_flow import *
def test_x(studio):
    model = studio.provider.on("keyless", Unless("knowledge graph", bad_key("sk-0123456789abcdef")))
    flow = begin(studio.stage, model, leaves=LEAVES)
    import time; time.sleep(8)
    for n,r in flow.runs.items():
        rec=studio.stage.inspector.show(r.id) or {}
        print("ZZ",n,rec["state"],rec.get("reason"),rec.get("errors") and rec["errors"][-1]["message"][:100])
    assert 0
