"""The contract with the clients: whatever their packages can send validates against our SDL."""

import re
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from graphql import (
    GraphQLSchema,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_introspection_type,
    is_object_type,
    is_specified_directive,
    is_specified_scalar_type,
    parse,
    validate,
    validate_schema,
)

from tests.contract.client_models import looser_fields
from tests.contract.documents import Document, documents_of
from tests.contract.left_out import LEFT_OUT, LOOSER_THAN_MODELS
from tests.older_clients import OLDER, site_packages_of

NEWEST = "0.31.0"
WORDS_OF_PROSE = {"per"}  # "one child query per (ordered) parent"
SDL = Path(__file__).parents[2] / "src" / "registrum" / "server" / "graphql" / "schema"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema("\n".join(file.read_text() for file in sorted(SDL.glob("*.graphql"))))


@pytest.fixture(scope="module")
def newest() -> Path:
    """Where the client of this environment is installed."""
    assert version("wandb") == NEWEST
    return Path(str(distribution("wandb").locate_file("")))


@pytest.fixture(scope="module")
def documents(newest: Path) -> list[Document]:
    return documents_of(newest)


@pytest.fixture(scope="module", params=OLDER)
def older(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """An older release, and where it is installed."""
    return request.param, site_packages_of(request.param)


def refused(schema: GraphQLSchema, documents: list[Document]) -> dict[str, list[str]]:
    """Names of the operations that don't validate, with the reasons."""
    found: dict[str, list[str]] = {}
    for document in documents:
        if errors := validate(schema, parse(document.text)):
            found.setdefault(document.name, []).extend(
                f"{document.source}: {error.message}" for error in errors
            )
    return found


def test_the_sdl_is_a_valid_schema(schema: GraphQLSchema) -> None:
    assert validate_schema(schema) == []


def test_the_newest_client_s_documents_validate(
    schema: GraphQLSchema, documents: list[Document]
) -> None:
    failures = refused(schema, documents)
    assert failures.keys() == LEFT_OUT[NEWEST].keys(), failures


@pytest.mark.slow
def test_older_clients_documents_validate(schema: GraphQLSchema, older: tuple[str, Path]) -> None:
    release, folder = older
    failures = refused(schema, documents_of(folder))
    assert failures.keys() == LEFT_OUT[release].keys(), failures


def test_documents_come_from_both_halves_of_the_client(documents: list[Document]) -> None:
    core = {d.name for d in documents if d.source == "bin/wandb-core"}
    python = {d.name for d in documents if d.source.endswith(".py")}
    assert {"UpsertBucket", "CreateArtifact", "CommitArtifact", "LinkArtifact"} <= core
    assert {"FetchRegistry", "Runs", "UseArtifact", "DeleteApiKey", "UpsertSweep"} <= python


def test_no_operation_of_the_client_escapes_the_extraction(
    newest: Path, documents: list[Document]
) -> None:
    assert missed_operations(newest, documents) == set()


@pytest.mark.slow
def test_no_operation_of_an_older_client_escapes_the_extraction(older: tuple[str, Path]) -> None:
    _, folder = older
    assert missed_operations(folder, documents_of(folder)) == set()


def missed_operations(site_packages: Path, documents: list[Document]) -> set[tuple[str, str]]:
    """Operations that a plain look at the sources and the binary finds and `documents` lacks."""
    package = site_packages / "wandb"
    begins = re.compile(rb"\b(?:query|mutation|subscription)[ \t]+(\w+)\s*[({]\s*(?:\$|\w+)")
    seen = set()
    for file in [*package.rglob("*.py"), package / "bin" / "wandb-core"]:
        where = file.relative_to(package).as_posix()
        if not where.startswith("vendor/"):
            seen |= {(where, name.decode()) for name in begins.findall(file.read_bytes())}
    in_prose = {where_name for where_name in seen if where_name[1] in WORDS_OF_PROSE}
    return seen - in_prose - {(d.source, d.name) for d in documents}


def test_every_reason_to_leave_a_document_out_is_said() -> None:
    for reason in [r for left in LEFT_OUT.values() for r in left.values()]:
        assert reason.endswith(".")


def test_the_sdl_promises_what_the_client_s_models_require(schema: GraphQLSchema) -> None:
    looser = looser_fields(schema)
    assert looser.keys() == LOOSER_THAN_MODELS.keys(), looser


def test_everything_in_the_sdl_is_described(schema: GraphQLSchema) -> None:
    assert [name for name, said in described(schema).items() if not said] == []


def described(schema: GraphQLSchema) -> dict[str, str | None]:
    """Every type, field, argument and value of our own, with what the SDL says of it."""
    said: dict[str, str | None] = {}
    for kind in schema.type_map.values():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        said[kind.name] = kind.description
        if is_enum_type(kind):
            said |= {f"{kind}.{name}": value.description for name, value in kind.values.items()}
        elif is_input_object_type(kind):
            said |= {f"{kind}.{name}": field.description for name, field in kind.fields.items()}
        elif is_object_type(kind) or is_interface_type(kind):
            for name, field in kind.fields.items():
                said[f"{kind}.{name}"] = field.description
                for argument, value in field.args.items():
                    said[f"{kind}.{name}({argument}:)"] = value.description
    for directive in schema.directives:
        if not is_specified_directive(directive):
            said[f"@{directive.name}"] = directive.description
    return said
