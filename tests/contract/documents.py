"""Finds every GraphQL document that an installed `wandb` package can send, without importing it.

Two places hold them: string literals of Python modules (`python_texts.py`), and the block of string
constants in the compiled `wandb-core`. That block has no terminators: an operation ends where its
braces balance, and what follows belongs to it only if it is a fragment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from tests.contract.python_texts import OPERATION, python_texts

_BINARY_START = re.compile(OPERATION.replace(r"\b", "").encode())
_NEXT_FRAGMENT = re.compile(rb"\s*fragment\s+\w+\s+on\s+\w+\s*\{")
_BRACE = re.compile(rb'[{}\x00]|"(?:[^"\\\n]|\\.)*"')


@dataclass(frozen=True)
class Document:
    """One operation: its name, the file it stands in, its text with every fragment it names."""

    name: str
    source: str
    text: str


@dataclass(frozen=True)
class Unreadable:
    """A text that begins like a document but doesn't parse, with the parser's reason."""

    source: str
    text: str
    reason: str


def documents_of(site_packages: Path) -> list[Document]:
    """Every document of the `wandb` package in that folder, each distinct one once.

    Raises:
        ValueError: a text that looks like a document can't be parsed.
    """
    found, unreadable = collect(site_packages)
    if unreadable:
        raise ValueError("\n".join(f"{u.source}: {u.reason}\n{u.text[:200]}" for u in unreadable))
    return found


def collect(site_packages: Path) -> tuple[list[Document], list[Unreadable]]:
    """The documents of the package, and the texts that could not be read."""
    texts = [*python_texts(site_packages / "wandb"), *_binary_texts(site_packages / "wandb")]
    parsed: list[tuple[str, DocumentNode]] = []
    unreadable = []
    for source, text in dict.fromkeys(texts):
        try:
            parsed.append((source, parse(text, no_location=True)))
        except GraphQLSyntaxError as error:
            unreadable.append(Unreadable(source, text, error.message))
    documents = dict.fromkeys(_documents(parsed))
    return sorted(documents, key=lambda d: (d.source, d.name)), unreadable


def _documents(parsed: list[tuple[str, DocumentNode]]) -> Iterator[Document]:
    """One document an operation, with the fragments it spreads: its own module's come first."""
    everywhere = {f.name.value: f for _, document in parsed for f in _fragments(document)}
    by_source: dict[str, dict[str, FragmentDefinitionNode]] = {}
    for source, document in parsed:
        by_source.setdefault(source, {}).update({f.name.value: f for f in _fragments(document)})
    for source, document in parsed:
        pool = everywhere | by_source[source] | {f.name.value: f for f in _fragments(document)}
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                parts = [operation, *_needed(operation, pool)]
                text = print_ast(DocumentNode(definitions=tuple(parts)))
                yield Document(operation.name.value if operation.name else "", source, text)


def _fragments(document: DocumentNode) -> list[FragmentDefinitionNode]:
    return [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.names.append(node.name.value)


def _needed(
    operation: OperationDefinitionNode, pool: dict[str, FragmentDefinitionNode]
) -> list[FragmentDefinitionNode]:
    """The fragments reachable from the operation; undefined ones are left to the validator."""
    reached: dict[str, FragmentDefinitionNode] = {}
    open_nodes: list[OperationDefinitionNode | FragmentDefinitionNode] = [operation]
    while open_nodes:
        spreads = _Spreads()
        visit(open_nodes.pop(), spreads)
        for name in spreads.names:
            if name in pool and name not in reached:
                reached[name] = pool[name]
                open_nodes.append(pool[name])
    return list(reached.values())


def _binary_texts(package: Path) -> Iterator[tuple[str, str]]:
    binary = package / "bin" / "wandb-core"
    if not binary.exists():
        return
    image = binary.read_bytes()
    for start in _BINARY_START.finditer(image):
        text = image[start.start() : _end_of_document(image, start.start())]
        if text and text.isascii():
            yield "bin/wandb-core", text.decode("ascii")


def _end_of_document(image: bytes, start: int) -> int:
    """Offset after the operation and its fragments; `start` when its braces don't balance."""
    depth, end = 0, start
    for brace in _BRACE.finditer(image, start):
        if brace[0] == b"\x00":
            return end
        depth += {b"{": 1, b"}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == b"}":
            end = brace.end()
            if not _NEXT_FRAGMENT.match(image, end):
                return end
    return end
