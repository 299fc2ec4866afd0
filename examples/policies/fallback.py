"""A chain of two models: the first answers badly, and then cannot be asked at all."""

from datetime import timedelta

from here import project, story, worker
from pydantic import BaseModel

from pipeline import Models, Run, actor, llm
from pipeline.engine.gates import Gates
from pipeline.testing import Answer, SimulatedProvider, wrong_shape


class Haiku(BaseModel):
    lines: list[str]


@actor(name="haiku.write", models=Models("openai:gpt-4o-mini", "openai:gpt-4o", tries=2))
def write(subject: str, run: Run) -> str:
    """Write a haiku with the model that the run has come to."""
    run.step(compose, subject, run.model)
    return run.model


def compose(subject: str, model: str) -> Haiku:
    return llm.generate(model, Haiku, instructions="Write a haiku.", prompt=subject, max_output_tokens=500).output


def main() -> None:
    with SimulatedProvider() as provider, worker() as inspector:
        llm.configure(llm.Providers(openai_base_url=provider.url))
        provider.on("gpt-4o-mini", wrong_shape())
        provider.on("gpt-4o", Answer({"lines": ["old silent pond", "a frog jumps in", "the sound of water"]}))

        first = write.send("a pond")
        print("a bad answer:", story(inspector, first.id))
        for call in inspector.show(first.id)["calls"]:
            print(f"  {call['model']}: {call['outcome']}")

        gates = Gates(project().store)
        gates.open_breaker("openai:gpt-4o-mini", ms=60_000)
        second = write.send("a river")
        print("a breaker is open:", story(inspector, second.id))
        print("  written by", second.result(timedelta(seconds=10)))
        gates.close_breaker("openai:gpt-4o-mini")


if __name__ == "__main__":
    main()
