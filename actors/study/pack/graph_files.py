"""The knowledge graph as files that graph programs read: NetworkX node-link JSON and GraphML."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

from actors.study.material import Concept, Evidence, KnowledgeGraph, Relation, StudyPack

# What XML 1.0 cannot hold, not even escaped; ElementTree writes it all the same.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

NODE_FIELDS = {
    "label": "string",
    "aliases": "string",
    "weight": "double",
    "definition": "string",
    "definition_page": "int",
    "definition_document": "string",
    "evidence": "string",
}
LINK_FIELDS = {"type": "string", "weight": "double", "evidence": "string"}


def graph_json(pack: StudyPack, graph: KnowledgeGraph) -> str:
    """Write NetworkX node-link JSON, a directed multigraph: ``node_link_graph(data, edges="links")`` reads it."""
    document = {
        "directed": True,
        "multigraph": True,
        "graph": {
            "title": pack.title,
            "status": pack.status,
            "documents": [one.document for one in pack.documents],
            "generator": graph.made.generator,
        },
        "nodes": [
            {
                "id": concept.id,
                "label": concept.label,
                "aliases": list(concept.aliases),
                "weight": concept.weight,
                "definition": _evidence(concept.definition) if concept.definition else None,
                "evidence": [_evidence(one) for one in concept.evidence],
            }
            for concept in graph.concepts
        ],
        "links": [
            {
                "source": relation.source,
                "target": relation.target,
                "type": relation.type,
                "weight": relation.weight,
                "evidence": [_evidence(one) for one in relation.evidence],
            }
            for relation in graph.relations
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def graph_ml(graph: KnowledgeGraph) -> str:
    """Write GraphML of the same graph; lists are JSON text, because GraphML has no lists."""
    root = ET.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for scope, fields in (("node", NODE_FIELDS), ("edge", LINK_FIELDS)):
        for name, kind in fields.items():
            key = {"id": f"{scope}_{name}", "for": scope, "attr.name": name, "attr.type": kind}
            ET.SubElement(root, "key", key)
    drawn = ET.SubElement(root, "graph", id="G", edgedefault="directed")
    for concept in graph.concepts:
        node = ET.SubElement(drawn, "node", id=_text(concept.id))
        _fill(node, "node", _node_values(concept))
    for number, relation in enumerate(graph.relations):
        ends = {"id": f"e{number}", "source": _text(relation.source), "target": _text(relation.target)}
        _fill(ET.SubElement(drawn, "edge", ends), "edge", _link_values(relation))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _node_values(concept: Concept) -> dict[str, Any]:
    found = concept.definition
    return {
        "label": concept.label,
        "aliases": json.dumps(concept.aliases, ensure_ascii=False),
        "weight": concept.weight,
        "definition": found.sentence if found else None,
        "definition_page": found.page if found else None,
        "definition_document": found.document if found else None,
        "evidence": json.dumps([_evidence(one) for one in concept.evidence], ensure_ascii=False),
    }


def _link_values(relation: Relation) -> dict[str, Any]:
    return {
        "type": relation.type,
        "weight": relation.weight,
        "evidence": json.dumps([_evidence(one) for one in relation.evidence], ensure_ascii=False),
    }


def _fill(element: ET.Element, scope: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is not None:
            ET.SubElement(element, "data", key=f"{scope}_{name}").text = _text(str(value))


def _evidence(one: Evidence) -> dict[str, Any]:
    return {"sentence": one.sentence, "page": one.page, "document": one.document}


def _text(value: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
