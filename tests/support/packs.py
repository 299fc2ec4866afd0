"""Study packs for the tests of what is made of them: a good one, and one that is out to do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from actors.study.material import (
    Concept,
    DocumentPack,
    Evidence,
    Explanation,
    Explanations,
    KnowledgeGraph,
    Making,
    Quiz,
    QuizItem,
    Relation,
    StudyPack,
)

SAMPLE = Path(__file__).parent.parent / "material" / "sample_pack.json"

Kind = Literal["multiple_choice", "cloze", "true_false", "short_answer"]

#: Texts that would run, load or restyle something wherever one of them were read as markup.
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</script\n><script>alert(1)</script>",
    "<!--<script>alert(1)//-->",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</div></div><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.example/x.png>",
    "<img src=//evil.example/x.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=https://evil.example/x.swf>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>body{display:none}</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><button>go</button></form>",
    "<details open ontoggle=alert(1)>x</details>",
    "<input autofocus onfocus=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '"><b id=broken>x</b>',
    "`${alert(1)}`",
    "${alert(1)} $title {{constructor.constructor('alert(1)')()}}",
    "\u2028alert(1)\u2029//",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e \\",
    "</SCRIPT ><ScRiPt>alert(1)</sCrIpT>",
    "__proto__",
    "constructor",
)


def sample_pack() -> StudyPack:
    """A pack as the pipeline makes it: 37 concepts, 58 relations, 12 questions, 6 explanations, one document lost."""
    return StudyPack.model_validate_json(SAMPLE.read_text(encoding="utf-8"))


def hostile_pack() -> StudyPack:
    """A pack with every hostile text in every field that holds free text."""
    made = Making(generator=HOSTILE[0], calls=1, dropped=dict.fromkeys(HOSTILE, 1))
    found = [Evidence(sentence=f"{text} is a thing.", page=1, document=text) for text in HOSTILE]
    numbered = range(len(HOSTILE))
    concepts = tuple(
        Concept(
            id=text,
            label=text,
            aliases=(f"{text} again",),
            definition=found[at],
            weight=1 / (at + 1),
            evidence=(found[at], found[at - 1]),
        )
        for at, text in enumerate(HOSTILE)
    )
    relations = tuple(
        Relation(source=HOSTILE[at - 1], target=text, type=text, weight=1, evidence=(found[at],))
        for at, text in enumerate(HOSTILE)
    )
    kinds: tuple[Kind, ...] = ("multiple_choice", "cloze", "true_false", "short_answer")
    items = tuple(
        QuizItem(
            question=f"{HOSTILE[at]} ____ {HOSTILE[at]}",
            kind=kinds[at % 4],
            answer="True" if at % 4 == 2 else HOSTILE[at],
            options=(HOSTILE[at - 1], HOSTILE[at], HOSTILE[at - 2]) if at % 4 < 2 else (),
            passage=HOSTILE[at],
            page=1,
            document=HOSTILE[at],
            difficulty="easy",
        )
        for at in numbered
    )
    explanations = tuple(
        Explanation(
            source=HOSTILE[at - 1], target=text, path=(HOSTILE[at - 1], text), text=text, citations=(found[at],)
        )
        for at, text in enumerate(HOSTILE)
    )
    return StudyPack(
        title=" ".join(HOSTILE),
        status="partial",
        documents=tuple(
            DocumentPack(document=text, status="failed" if at % 2 else "partial", language=text, problems=(text,))
            for at, text in enumerate(HOSTILE)
        ),
        graph=KnowledgeGraph(concepts=concepts, relations=relations, made=made),
        quiz=Quiz(items=items, made=made),
        explanations=Explanations(items=explanations, made=made),
        problems=HOSTILE,
        stages=dict.fromkeys(HOSTILE, 1.0),
    )
