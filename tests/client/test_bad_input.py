"""Bad input against a live server: a clear refusal that no client retries, nothing stored, and the server goes on."""

import base64
import gzip
import json
import re
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from registrum.core.ids import encode
from tests.client.fixtures import NewPerson
from tests.client.hand import ARTIFACT, COMMIT, UPSERT, VERSIONS, Answer, Hand, Refused, send
from tests.client.live import Person, Server, run_script
from tests.services.desk import entries_of, manifest, md5_of

FINAL = {400, 401, 403, 404, 409, 413, 422}
VIEWER = "query V { viewer { username } }"


@pytest.fixture
def hand(server: Server, project: str) -> Hand:
    return Hand(server, server.admin, project)


def basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'api:{key}'.encode()).decode()}"}


def graphql(server: Server, body: bytes | str, **headers: str) -> Answer:
    sent = basic(server.admin.api_key) | {"Content-Type": "application/json"} | headers
    return send("POST", f"{server.url}/graphql", body, sent)


def check_refusal(answer: Answer, *statuses: int) -> str:
    """The message of a refusal as it should be."""
    assert answer.status in (statuses or FINAL), answer
    assert answer.headers["x-request-id"]
    message = answer.message()
    assert message
    assert b"Traceback" not in answer.body
    assert b'File "' not in answer.body
    return message


def is_refused(hand: Hand, query: str, **variables: Any) -> tuple[int, str]:
    """Status and message of an operation that must be refused."""
    status, body = hand.ask(query, **variables)
    assert status in FINAL, (status, body)
    assert "Traceback" not in json.dumps(body)
    return status, body["errors"][0]["message"]


@pytest.mark.parametrize(
    "authorization",
    [
        *("Basic", "Basic !!!", "Bearer", "Digest x", "Basic \xff\xfe", "Basic " + "A" * 50_000),
        "Basic " + base64.b64encode(b"api:" + b"k" * 40).decode(),
        "Basic " + base64.b64encode("api:\x00ключ".encode()).decode(),
        "Bearer a.b.c",
    ],
)
def test_a_wrong_key_is_401_with_a_message_on_every_route(
    server: Server, authorization: str
) -> None:
    head = {"Authorization": authorization.encode("latin-1").decode("latin-1")}
    asked = [
        ("POST", "/graphql", json.dumps({"query": VIEWER})),
        ("GET", "/artifactsV2/default/main/p/c/x/y/00000000000000000000000000000000/f", None),
        ("GET", "/artifacts/main/00000000000000000000000000000000", None),
        ("POST", "/files/main/p/r/file_stream", "{}"),
    ]
    for method, path, body in asked:
        message = check_refusal(send(method, server.url + path, body, head), 400, 401)
        assert authorization[6:20] not in message or not authorization[6:]


def test_a_revoked_key_is_401_at_once_and_wandb_says_why(
    server: Server, new_person: NewPerson, project: str
) -> None:
    ann = new_person("ann")
    hand = Hand(server, ann, project)
    hand.log({"a": b"1"})
    found = hand.data("query K { viewer { apiKeys { edges { node { id } } } } }")
    key = found["viewer"]["apiKeys"]["edges"][0]["node"]["id"]
    hand.data("mutation($i: String!) { deleteApiKey(input: {id: $i}) { success } }", i=key)
    status, body = hand.ask(VIEWER)
    assert status == 401
    assert "key" in body["errors"][0]["message"]
    script = """
    import wandb
    try:
        wandb.Api().artifact("main/x/y:v0")
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    """
    assert "API key" in run_script(server, ann, script)


def test_another_projects_things_are_as_if_they_did_not_exist(
    server: Server, hand: Hand, new_person: NewPerson
) -> None:
    artifact = hand.log({"a.txt": b"secret"})
    digest = base64.b64decode(md5_of(b"secret")).hex()
    pending = hand.begin(entries_of({"b": b"pending"}))
    missing = encode("Artifact", 999_999)
    stranger = Hand(server, new_person("sam", None, in_team=False), hand.project)
    delete = "mutation($i: DeleteArtifactInput!) { deleteArtifact(input: $i) { artifact { id } } }"
    update = "mutation($i: UpdateArtifactInput!) { updateArtifact(input: $i) { artifact { id } } }"
    use = "mutation($i: UseArtifactInput!) { useArtifact(input: $i) { artifact { id } } }"
    run = {"entityName": stranger.person.username, "projectName": "own", "runName": "r"}
    stranger.data(UPSERT, e=stranger.person.username, p="own", n="r")
    for real in (artifact, pending):
        for query, ask in (
            (delete, lambda i: {"i": {"artifactID": i, "deleteAliases": True}}),
            (update, lambda i: {"i": {"artifactID": i, "description": "mine"}}),
            (COMMIT, lambda i: {"i": {"artifactID": i}}),
            (use, lambda i: {"i": {"artifactID": i} | run}),
            (ARTIFACT, lambda i: {"id": i}),
        ):
            theirs, none = stranger.ask(query, **ask(real)), stranger.ask(query, **ask(missing))
            assert without_ids(theirs) == without_ids(none)
    for path in ("a.txt", "none"):
        with pytest.raises(Refused) as refused:
            stranger.places(artifact, {path: b"secret"})
        assert refused.value.status == 404
    named = stranger.ask(VERSIONS, e="main", p=hand.project, c="net")
    assert named == stranger.ask(VERSIONS, e="main", p="no-such-project", c="net")
    answers = {
        name: send("GET", f"{server.url}{path}", headers=basic(stranger.person.api_key))
        for name, path in {
            "real": f"/artifactsV2/default/main/{hand.project}/net/{quote(artifact)}//{digest}/a.txt",
            "none": f"/artifactsV2/default/main/{hand.project}/no/{quote(missing)}//{'0' * 32}/a.txt",
            "v1": f"/artifacts/main/{digest}",
        }.items()
    }
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 404)
    real, none = (
        (answers[name].status, json.loads(answers[name].body)) for name in ("real", "none")
    )
    assert without_ids(real) == without_ids(none)
    stream = f"/files/main/{hand.project}/r/file_stream"
    theirs = send("POST", server.url + stream, "{}", basic(stranger.person.api_key))
    none = send(
        "POST", f"{server.url}/files/main/no/r/file_stream", "{}", basic(stranger.person.api_key)
    )
    assert theirs.status == none.status == 404
    assert hand.check_whole(artifact) == {"a.txt": b"secret"}


def without_ids(answer: tuple[int, dict[str, Any]]) -> str:
    return re.sub(r'"requestId": "\w+"', "", json.dumps(answer))


NAMES = ["..", ".", "/", "a/b", "../up", "a\x00b", "a\nb", "x" * 10_000, ""]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:12])
def test_impossible_names_are_refused_wherever_a_name_goes(
    server: Server, hand: Hand, name: str
) -> None:
    made = hand.log({"a": b"1"})
    before = counted(server)
    link = "mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }"
    tag = "mutation($i: UpdateArtifactInput!) { updateArtifact(input: $i) { artifact { id } } }"
    alias = "mutation($i: AddAliasesInput!) { addAliases(input: $i) { success } }"
    project = "mutation($e: String, $p: String) { upsertModel(input: {entityName: $e, name: $p}) { model { id } } }"
    team = 'mutation($n: String!) { createTeam(input: {teamName: $n, teamAdminUserName: "admin"}) { entity { id } } }'
    run_files = "mutation($i: CreateRunFilesInput!) { createRunFiles(input: $i) { runID } }"
    model = {"entityName": "registrum-org", "projectName": "wandb-registry-model"}
    hand.data(UPSERT, e="main", p=hand.project, n="r")
    run = {"entityName": "main", "projectName": hand.project, "runName": "r"}
    is_refused(hand, link, i=model | {"artifactID": made, "artifactPortfolioName": name})
    aliases = [{"alias": name, "artifactCollectionName": "net"}]
    is_refused(hand, alias, i={"artifactID": made, "aliases": aliases})
    is_refused(hand, team, n=name)
    if name != "a/b":
        is_refused(hand, run_files, i=run | {"files": [name]})
    if name != "":
        is_refused(hand, project, e="main", p=name)
        is_refused(hand, UPSERT, e="main", p=hand.project, n=name)
    is_refused(hand, tag, i={"artifactID": made, "tagsToAdd": [{"tagName": name}]})
    for change in (
        {"projectName": name},
        {"artifactTypeName": name},
        {"artifactCollectionName": name},
        {"entityName": name or "none"},  # Empty means one's own default.
        {"runName": name or "none"},
    ):
        with pytest.raises(Refused) as refused:
            hand.begin(entries_of({"b": b"2"}), **change)
        assert refused.value.status in FINAL, change
    assert counted(server) == before
    assert list(hand.versions()) == [0]


def counted(server: Server) -> dict[str, int]:
    """How many projects and collections there are of main's."""
    found = server.graphql(
        server.admin,
        'query C { entity(name: "main") { projects(first: 1000) { edges { node { name } } } } }',
    )["entity"]["projects"]["edges"]
    return {edge["node"]["name"]: 1 for edge in found}


PATHS = ["../a", "/etc/passwd", "a/../../b", "a\x00b", "x" * 10_000, "", "..", "a/./b"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:12])
def test_paths_that_lead_out_are_refused_as_files_and_in_manifests(hand: Hand, path: str) -> None:
    entries = entries_of({path: b"1"})
    artifact = hand.begin(entries)
    with pytest.raises(Refused) as refused:
        hand.places(artifact, {path: b"1"})
    assert refused.value.status == 400
    with pytest.raises(Refused) as refused:
        hand.places(artifact, {"fine": b"1", path: b"1"})
    assert refused.value.status == 400
    hand.upload(artifact, {"fine": b"1"})
    hand.upload_manifest(artifact, manifest(entries))
    assert is_refused(hand, COMMIT, i={"artifactID": artifact})[0] == 400
    assert hand.versions() == {}


def committed(
    hand: Hand, entries: Mapping[str, Any], document: bytes, **change: Any
) -> tuple[int, str]:
    artifact = hand.begin(entries, **change)
    hand.upload(artifact, {"a": b"alpha"})
    hand.upload_manifest(artifact, document)
    found = is_refused(hand, COMMIT, i={"artifactID": artifact})
    assert hand.versions() == {}
    return found


def test_manifests_that_do_not_hold_together_are_refused_whole(server: Server, hand: Hand) -> None:
    Hand(server, server.admin, f"{hand.project}-other").log({"b": b"of another project"})
    a = entries_of({"a": b"alpha"})
    both = entries_of({"a": b"alpha", "b": b"of another project"})
    longer = {"a": a["a"] | {"size": 6}}
    negative = {"a": a["a"] | {"size": -1}}
    other = {"a": a["a"] | {"digest": md5_of(b"other")}}
    born = {"b": both["b"] | {"birthArtifactID": "QXJ0aWZhY3Q6OTk5OTk="}} | a
    for entries, status, said in (
        (both, 422, "'b'"),
        (born, 422, "'b'"),
        (longer, 422, "6"),
        (negative, 400, "size"),
        (other, 422, "'a'"),
    ):
        found, message = committed(hand, entries, manifest(entries))
        assert (found, said in message) == (status, True), message
    found, message = committed(hand, a, manifest(a), digest="0" * 32)
    assert (found, "0" * 32 in message) == (422, True)
    for document in (
        b"",
        b"{",
        b"[]",
        b'{"version": 2}',
        b"\xff\xfe",
        b'{"a":' * 100_000,
        manifest({}, contents=[]),
    ):
        assert committed(hand, a, document)[0] in (400, 422)
    hand.log({"a": b"alpha"})
    assert list(hand.versions()) == [0]


def test_a_manifest_that_never_came_or_is_another_is_refused(hand: Hand) -> None:
    entries = entries_of({"a": b"alpha"})
    artifact = hand.begin(entries)
    assert is_refused(hand, COMMIT, i={"artifactID": artifact})[0] == 422
    place = hand.manifest_place(artifact, manifest(entries))
    assert is_refused(hand, COMMIT, i={"artifactID": artifact})[0] == 422
    check_refusal(send("PUT", place, manifest(entries) + b" "), 422)
    assert is_refused(hand, COMMIT, i={"artifactID": artifact})[0] == 422
    assert hand.versions() == {}


def test_bodies_that_are_not_what_was_announced_are_refused(server: Server, hand: Hand) -> None:
    content = bytes(range(256)) * 20_000
    files = {"big": content, "small": b"12345"}
    entries = entries_of(files)
    artifact = hand.begin(entries)
    for name, place in hand.places(artifact, files).items():
        right = files[name]
        for body in (right[:-1], right + b"x", b"x" + right[1:], b""):
            check_refusal(send("PUT", str(place), body), 400, 422)
        cut_off(str(place), right)
        assert send("PUT", str(place), None, {"Transfer-Encoding": "gzip"}).status == 400
    hand.upload_manifest(artifact, manifest(entries))
    assert is_refused(hand, COMMIT, i={"artifactID": artifact})[0] == 422
    assert not [path for path in server.data_dir.rglob("incoming/*") if path.stat().st_size]
    assert hand.upload(artifact, files) == 2
    assert hand.commit(artifact)[0] == 200
    assert hand.check_whole(artifact) == files


def cut_off(url: str, body: bytes) -> None:
    """Sends half of a body, and waits until the server has closed."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as peer:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        peer.sendall(head.encode() + body[: len(body) // 2])
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1 << 16) == b""


def test_addresses_that_were_altered_are_403(hand: Hand) -> None:
    artifact = hand.log({"a": b"alpha", "b": b"beta"})
    nodes = hand.data(ARTIFACT, id=artifact)["artifact"]["files"]["edges"]
    a, b = (edge["node"]["directUrl"] for edge in nodes)
    other_blob = b.split("?")[0] + "?" + a.split("?")[1]
    later = re.sub(r"e=(\d+)", lambda found: f"e={int(found[1]) + 9}", a)
    renamed = a.replace("/a?", "/b?")
    for url in (other_blob, later, renamed, a[:-2], a.split("&s=")[0], a + "&x=1", a.split("?")[0]):
        check_refusal(send("GET", url), 403)
    check_refusal(send("PUT", a, b"mine"), 403)
    assert hand.check_whole(artifact) == {"a": b"alpha", "b": b"beta"}


def test_queries_and_bodies_that_are_too_much_or_nothing_are_refused(server: Server) -> None:
    deep = "query Q " + '{ project(name: "p") ' * 200 + "{ id }" + " }" * 200
    bodies: list[Any] = [
        *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b'{"query": "\\ud800"}', b"1" * 5000),
        *({}, {"query": None}, {"query": 17}, {"query": ""}, {"query": "{"}, {"query": "{ nope }"}),
        *(
            {"query": deep},
            {"query": "{" * 100_000},
            {"query": "query Q { viewer { id } }" + " " * 2_000_000},
        ),
        {"query": "query Q { viewer { id " + "a: id " * 400_000 + "} }"},
        {"query": VIEWER, "variables": []},
        {"query": VIEWER, "variables": "x"},
        {"query": VIEWER, "operationName": ["V"]},
        {"query": VIEWER, "operationName": "Other"},
        {"query": "query A { viewer { id } } query B { viewer { id } }"},
        {"query": "subscription S { viewer { id } }"},
        {"query": "query Q { ...A } fragment A on Query { ...B } fragment B on Query { ...A }"},
    ]
    for body in bodies:
        sent = body if isinstance(body, bytes) else json.dumps(body)
        check_refusal(graphql(server, sent), 400, 413)
    nested = b'{"query": "x", "variables": ' + b'{"a":' * 90_000 + b"1" + b"}" * 90_001
    check_refusal(graphql(server, nested), 400)
    packed = gzip.compress(json.dumps({"query": VIEWER}).encode())
    assert graphql(server, packed, **{"Content-Encoding": "gzip"}).status == 200
    for broken in (packed[:-9], b"no gzip", packed[:20]):
        check_refusal(graphql(server, broken, **{"Content-Encoding": "gzip"}), 400)
    bomb = gzip.compress(b" " * (200 << 20))
    check_refusal(graphql(server, bomb, **{"Content-Encoding": "gzip"}), 413)
    assert graphql(server, json.dumps({"query": VIEWER})).status == 200


def test_what_is_small_when_packed_and_huge_when_read_is_refused(server: Server) -> None:
    packed = {"Content-Encoding": "gzip"}
    viewer = json.dumps({"query": VIEWER})
    lists = b'{"query": "{ viewer { id } }", "variables": {"a": [%s[]]}}' % (b"[]," * 3_000_000)
    assert "lists and objects" in check_refusal(graphql(server, lists), 413)
    assert "lists and objects" in check_refusal(
        graphql(server, gzip.compress(lists), **packed), 413
    )
    long = viewer.encode() + b" " * (3 << 20)
    for body, headers in ((long, {}), (gzip.compress(long), packed)):
        assert graphql(server, body, **headers).status == 200
        for wrong in ({}, basic("local-" + "0" * 40)):
            answer = send("POST", f"{server.url}/graphql", body, wrong | headers)
            assert check_refusal(answer, 401)
    # Without a key small ones are answered, as `wandb login` asks before it has any.
    assert send("POST", f"{server.url}/graphql", viewer).status == 200
    assert (
        send("POST", f"{server.url}/graphql", gzip.compress(viewer.encode()), packed).status == 200
    )


def test_metadata_and_filters_that_are_no_json_are_refused(hand: Hand) -> None:
    entries = entries_of({"a": b"1"})
    for metadata in (
        "{",
        "[]",
        "17",
        '{"a": NaN}}',
        '{"a":' * 90_000,
        "\x00",
        '{"a": "' + "x" * (9 << 20) + '"}',
    ):
        with pytest.raises(Refused) as refused:
            hand.begin(entries, metadata=metadata)
        assert refused.value.status in (400, 413), metadata[:20]
    hand.log({"a": b"1"})
    versions = """query($f: JSONString, $o: String) { project(entityName: "main", name: "%s") { artifactType(name: "model") {
      artifactCollection(name: "net") { artifacts(filters: $f, order: $o) { totalCount } } } } }"""
    runs = """query($f: JSONString, $o: String) { project(entityName: "main", name: "%s") {
      runs(filters: $f, order: $o) { totalCount } } }"""
    for query in (versions % hand.project, runs % hand.project):
        for found in (
            "{",
            "[]",
            "x",
            '{"$nope": 1}',
            '{"createdAt": {"$gt": {}}}',
            '{"a":' * 90_000,
        ):
            assert is_refused(hand, query, f=found)[0] == 400, found[:20]
        assert is_refused(hand, query, f='{"name": {"$regex": "("}}')[0] == 400
        assert is_refused(hand, query, o="+no\x00such")[0] == 400


def test_the_client_shows_the_reason_at_once(server: Server, admin: Person, project: str) -> None:
    script = """
    import wandb
    said = []
    def attempt(work):
        try:
            work()
            said.append("done")
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    api = wandb.Api()
    with wandb.init(entity="main", project=project) as run:
        artifact = wandb.Artifact("net", type="model")
        with artifact.new_file("a") as file:
            file.write("1")
        run.log_artifact(artifact).wait()
        attempt(lambda: run.link_artifact(artifact, "wandb-registry-nowhere/x"))
        artifact.tags.append("two words")
        attempt(lambda: api.artifacts("model", f"main/{project}/other")[0])
        attempt(lambda: api.artifact(f"main/{project}/net:v7"))
        attempt(lambda: list(api.runs(f"main/{project}", filters={"$nope": 1})))
    attempt(lambda: wandb.init(entity="no-such-entity", project=project))
    result = said
    """
    said = run_script(server, admin, script, project=project, timeout_s=60)
    assert "done" not in said
    assert all(len(each) > 20 for each in said), said
    assert not [
        each for each in said if "service process is busy" in each or "timed out" in each.lower()
    ]
