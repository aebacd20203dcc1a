"""The published NodeSet2 files, read by themselves: nothing here knows our table."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

SPACES = {
    "u": "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd",
    "t": "http://opcfoundation.org/UA/2008/02/Types.xsd",
}
FILES = {
    "di": "Opc.Ua.Di.NodeSet2.xml",
    "machinery": "Opc.Ua.Machinery.NodeSet2.xml",
    "isa95": "opc.ua.isa95-jobcontrol.nodeset2.xml",
    "jobs": "Opc.Ua.Machinery.Jobs.Nodeset2.xml",
    "packml": "Opc.Ua.PackML.NodeSet2.xml",
}


@dataclass
class Published:
    """A node as the standard has it; references by the reference type's node, each with its direction."""

    node_class: str
    name: str
    data_type: str
    rank: int
    abstract: bool
    element: ET.Element
    references: set[tuple[str, str, bool]] = field(default_factory=set)
    resolve: Any = None

    def first(self, reference: str) -> str:
        return next((target for kind, target, forward in self.references if kind == reference and forward), "")


def read(folder: Path, prefixes: dict[str, str]) -> dict[str, Published]:
    """Every node of the five models by "prefix:number", references completed in both directions."""
    nodes: dict[str, Published] = {}
    for name in FILES.values():
        nodes |= _read_one(folder / name, prefixes)
    for here, node in list(nodes.items()):
        for kind, target, forward in list(node.references):
            if target in nodes:
                nodes[target].references.add((kind, here, not forward))
    return nodes


def _read_one(path: Path, prefixes: dict[str, str]) -> dict[str, Published]:
    root = ET.parse(path).getroot()
    spaces = [
        "http://opcfoundation.org/UA/",
        *(uri.text or "" for uri in root.iterfind("u:NamespaceUris/u:Uri", SPACES)),
    ]
    names = [prefixes.get(uri, uri) for uri in spaces]
    aliases = {alias.get("Alias"): alias.text or "" for alias in root.iterfind("u:Aliases/u:Alias", SPACES)}

    def resolve(text: str) -> str:
        found = re.fullmatch(r"(?:ns=(\d+);)?i=(\d+)", aliases.get(text, text).strip())
        assert found, f"{path.name}: {text}"
        return f"{names[int(found[1] or 0)]}:{found[2]}"

    def browse_name(text: str) -> str:
        found = re.fullmatch(r"(\d+):(.*)", text)
        return f"{names[int(found[1])]}:{found[2]}" if found else f"ua:{text}"

    nodes = {}
    for element in root:
        node_class = element.tag.partition("}UA")[2]
        if not node_class:
            continue
        node = Published(
            node_class,
            browse_name(element.get("BrowseName", "")),
            resolve(element.get("DataType", "i=24")) if node_class in ("Variable", "VariableType") else "",
            int(element.get("ValueRank", "-1")),
            element.get("IsAbstract") == "true",
            element,
            resolve=resolve,
        )
        for reference in element.iterfind("u:References/u:Reference", SPACES):
            forward = reference.get("IsForward") != "false"
            node.references.add((resolve(reference.get("ReferenceType", "")), resolve(reference.text or ""), forward))
        nodes[resolve(element.get("NodeId", ""))] = node
    return nodes
