"""Two tenants with 5,000 tokens a day each, as policies.toml says; one asks for more than that."""

from here import project, story, worker
from pydantic import BaseModel

from pipeline import actor, llm
from pipeline.engine.controls import Controls
from pipeline.testing import Answer, SimulatedProvider

MODEL = "openai:gpt-4o-mini"


class Answered(BaseModel):
    text: str


@actor(name="question.answer")
def answer(question: str) -> Answered:
    """Answer a question; each call is paid for by the tenant who asked."""
    return llm.generate(MODEL, Answered, instructions="Answer.", prompt=question, max_output_tokens=1000).output


def main() -> None:
    with SimulatedProvider() as provider, worker() as inspector:
        llm.configure(llm.Providers(openai_base_url=provider.url))
        provider.on("gpt-4o-mini", Answer({"text": "42"}, tokens_in=1500, tokens_out=500))
        for tenant in ("acme", "acme", "acme", "zeta"):
            print(f"{tenant}: {story(inspector, answer.send('Why?', group=tenant).id)}")
        print(f"calls that were made: {len(provider.calls)}")
        for row in Controls(project().store).budgets("tenants=acme", "tenants=zeta"):
            print(f"{row['budget']}: used {row['used']['tokens']}, left {row['left']['tokens']} tokens")


if __name__ == "__main__":
    main()
