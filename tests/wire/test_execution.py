"""From a request to status and body: what the client branches on."""

import logging
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from registrum.core import errors
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.execution import Engine
from registrum.server.graphql.fitting import build
from registrum.server.graphql.scalars import SCALARS
from registrum.server.graphql.selection import selected

SDL = """
scalar JSON
scalar DateTime
type Query {
  thing(name: String, artifactID: ID): Thing
  surely(name: String): Thing!
  things(first: Int = 3): Things!
  anything: JSON
  older(than: DateTime): String
  sweeps: Int
}
type Mutation { fail(how: String!): Thing  act: Thing }
type Things { nodes: [Thing!]! totalCount: Int! }
type Thing { id: ID! versionIndex: Int owner(how: String): Thing parts: [Thing!]! }
"""

OUTCOMES: dict[str, Exception] = {
    "NotFound": errors.NotFound("There is no such thing."),
    "Forbidden": errors.Forbidden("Viewers may not."),
    "Conflict": errors.NameTaken("The name is taken."),
    "Unprocessable": errors.DigestMismatch("The digest is false."),
    "Late": errors.DeadlineExceeded("Out of time."),
    "Who": errors.Unauthenticated("Who are you?"),
    "Bug": KeyError("secret detail"),
}


@dataclass
class Context:
    request_id: str = "r-1"
    asked: list[Any] = field(default_factory=list)


def engine() -> Engine:
    query = Root("Query", unsupported={"sweeps": "Sweeps are not part of this server."})
    mutation, thing = Root("Mutation"), Type("Thing", reads={"parts": lambda t: t.get("parts", [])})
    stone = {"id": "1", "versionIndex": 7, "parts": [{"id": "2"}]}

    @query.field("thing")
    def resolve_thing(_: None, info: Info, name: str | None, artifact_id: str | None) -> Any:
        info.context.asked.append((name, artifact_id, selected(info)))
        if name in OUTCOMES:
            raise OUTCOMES[name]
        return None if name == "nothing" else stone

    @query.field("surely")
    def resolve_surely(_: None, info: Info, name: str | None) -> Any:
        return resolve_thing(None, info, name, None)

    @query.field("things")
    def resolve_things(_: None, info: Info, first: int) -> Any:
        info.context.asked.append(selected(info))
        return {"nodes": [stone] * first, "totalCount": 3}

    @query.field("anything")
    def resolve_anything(_: None, info: Info) -> Any:
        return {"half": "\ud800", "large": 2**70}

    @query.field("older")
    def resolve_older(_: None, info: Info, than: Any) -> str:
        return repr(than)

    @mutation.field("fail")
    def resolve_fail(_: None, info: Info, how: str) -> Any:
        raise OUTCOMES[how]

    @mutation.field("act")
    def resolve_act(_: None, info: Info) -> Any:
        return stone

    @thing.field("owner")
    def resolve_owner(_: Any, info: Info, how: str | None) -> Any:
        if how:
            raise OUTCOMES[how]
        return stone

    return Engine(build([SDL], [query, mutation, thing, *SCALARS]))


@pytest.fixture(scope="module")
def subject() -> Engine:
    return engine()


def ask(
    subject: Engine, text: str, variables: dict[str, Any] | None = None, name: str | None = None
) -> tuple[int, dict[str, Any]]:
    status, body = subject.execute(text, variables, name, Context())
    return status, orjson.loads(body)


@pytest.mark.parametrize("name", [None, "", "Q"])
def test_the_operation_name_may_be_absent_or_empty(subject: Engine, name: str | None) -> None:
    assert ask(subject, "#graphql\nquery Q { thing { id } }", None, name) == (
        200,
        {"data": {"thing": {"id": "1"}}},
    )


def test_the_operation_name_chooses_and_must_exist(subject: Engine) -> None:
    text = "query A { a: thing { id } } query B { b: thing { id } }"
    assert ask(subject, text, None, "B")[1] == {"data": {"b": {"id": "1"}}}
    assert ask(subject, text)[0] == 400
    assert ask(subject, text, None, "C")[0] == 400


def test_extra_unused_and_null_variables_are_ignored(subject: Engine) -> None:
    text = "query($unused: String, $name: String) { thing(name: $name) { id } } fragment F on Thing { id }"
    assert ask(subject, text, {"usedAs": 1, "name": None, "extra": {}})[0] == 200


def test_arguments_arrive_in_snake_case_and_none_where_absent(subject: Engine) -> None:
    context = Context()
    subject.execute('{ thing(artifactID: "x") { id } }', None, None, context)
    assert context.asked[0][:2] == (None, "x")


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("NotFound", 404, "not_found"),
        ("Forbidden", 403, "forbidden"),
        ("Conflict", 409, "name_taken"),
        ("Unprocessable", 422, "digest_mismatch"),
        ("Late", 503, "deadline_exceeded"),
        ("Who", 401, "unauthenticated"),
    ],
)
def test_a_failed_mutation_has_its_status_and_message(
    subject: Engine, how: str, status: int, code: str
) -> None:
    expected = {
        "errors": [
            {
                "message": str(OUTCOMES[how]),
                "extensions": {"code": code, "requestId": "r-1"},
            }
        ],
        "data": None,
    }
    assert ask(subject, f'mutation {{ fail(how: "{how}") {{ id }} }}') == (status, expected)


def test_missing_on_a_nullable_query_field_is_null(subject: Engine) -> None:
    assert ask(subject, '{ thing(name: "NotFound") { id } }') == (200, {"data": {"thing": None}})
    assert ask(subject, '{ thing { owner(how: "NotFound") { id } } }') == (
        200,
        {"data": {"thing": {"owner": None}}},
    )
    assert ask(subject, 'mutation { act { owner(how: "NotFound") { id } } }')[0] == 200


def test_missing_on_a_field_that_cannot_be_null_is_404(subject: Engine) -> None:
    assert ask(subject, '{ surely(name: "NotFound") { id } }')[0] == 404


def test_other_failures_of_queries_keep_their_status(subject: Engine) -> None:
    assert ask(subject, '{ thing(name: "Forbidden") { id } }')[0] == 403
    assert ask(subject, '{ thing { owner(how: "Late") { id } } }')[0] == 503


def test_what_retrying_cannot_cure_decides_the_status(subject: Engine) -> None:
    status, body = ask(
        subject, '{ a: thing(name: "Late") { id } b: thing(name: "Forbidden") { id } }'
    )
    assert status == 403
    assert [e["extensions"]["code"] for e in body["errors"]] == ["deadline_exceeded", "forbidden"]


def test_what_was_done_is_told_beside_what_failed(subject: Engine) -> None:
    status, body = ask(subject, 'mutation { act { id } fail(how: "Conflict") { id } }')
    assert status == 200
    assert body["data"] == {"act": {"id": "1"}, "fail": None}
    assert body["errors"][0]["path"] == ["fail"]


@pytest.mark.parametrize(
    "text", ['{ thing(name: "Bug") { id } }', '{ surely(name: "nothing") { id } }']
)
def test_bugs_are_logged_and_not_shown(
    subject: Engine, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "registrum.graphql"):
        status, body = ask(subject, text)
    assert status == 500
    assert body["errors"] == [
        {
            "message": "Internal error; the server's log has the details under request r-1.",
            "extensions": {"code": "internal", "requestId": "r-1"},
        }
    ]
    assert "r-1" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        ("{ nonsense }", None, "Cannot query field 'nonsense' on type 'Query'."),
        ("{ thing( }", None, "Syntax Error"),
        ("", None, "no query"),
        ("query($n: Int!) { things(first: $n) { totalCount } }", {}, "$n"),
        ("query($t: DateTime) { older(than: $t) }", {"t": "yesterday"}, "ISO 8601"),
        ('{ older(than: "yesterday") }', None, "ISO 8601"),
        ("{ sweeps }", None, "Sweeps are not part of this server."),
        ("subscription { thing }", None, ""),
    ],
)
def test_malformed_requests_are_400(
    subject: Engine, text: str, variables: dict[str, Any] | None, message: str
) -> None:
    for _ in range(2):  # the second answer comes out of the cache
        status, body = ask(subject, text, variables)
        assert status == 400
        assert message in body["errors"][0]["message"]
        assert body["data"] is None


def test_variables_must_be_an_object(subject: Engine) -> None:
    assert subject.execute("{ thing { id } }", [1], None, None).status == 400  # type: ignore[arg-type]


def test_times_are_parsed_to_utc(subject: Engine) -> None:
    _, body = ask(subject, '{ older(than: "2026-11-23T11:30:00+01:00") }')
    assert body["data"]["older"].startswith("datetime.datetime(2026, 11, 23, 10, 30")


def test_what_the_fast_encoder_refuses_is_still_answered(subject: Engine) -> None:
    status, body = subject.execute("{ anything }", None, None, None)
    assert status == 200
    assert b'"half":"\\ud800"' in body


def test_loaders_see_what_is_selected(subject: Engine) -> None:
    context = Context()
    text = """query($no: Boolean = false, $yes: Boolean!) {
      things { ...F ... on Things { nodes { n: versionIndex owner @include(if: $no) { id } } } }
    } fragment F on Things { nodes { __typename parts @skip(if: $no) { id } } totalCount @include(if: $yes) }"""
    for yes in (True, False, True):
        subject.execute(text, {"yes": yes}, None, context)
    first, second, third = context.asked
    assert first.paths == {
        "nodes",
        "nodes.versionIndex",
        "nodes.parts",
        "nodes.parts.id",
        "totalCount",
    }
    assert "totalCount" not in second
    assert third is first
    assert first.under("nodes").paths == {"versionIndex", "parts", "parts.id"}
    assert "owner" not in first.under("nodes")
    assert not first.under("owner").paths


def test_toggles_do_not_share_a_projection(subject: Engine) -> None:
    text = (
        "query($yes: Boolean!) { things(first: 1) { totalCount @include(if: $yes) nodes { id } } }"
    )
    for yes in (True, False, True):
        _, body = ask(subject, text, {"yes": yes})
        assert ("totalCount" in body["data"]["things"]) is yes
