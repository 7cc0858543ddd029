"""Logs artifacts by the wire's own documents, one step at a time, so that a test can do each of them wrong, or die between two."""

import hashlib
import http.client
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.client.live import Person, Server
from tests.services.desk import digest_of, entries_of, manifest, md5_of

CREATE = """mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id state versionIndex } } }"""
FILES = """mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) {
  files { edges { node { name uploadUrl storagePath
  uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
COMPLETE = """mutation($i: CompleteMultipartUploadArtifactInput!) {
  completeMultipartUploadArtifact(input: $i) { digest } }"""
MANIFEST = """mutation($i: CreateArtifactManifestInput!) { createArtifactManifest(input: $i) {
  artifactManifest { id file { uploadUrl } } } }"""
COMMIT = """mutation($i: CommitArtifactInput!) { commitArtifact(input: $i) { artifact { id state versionIndex } } }"""
ARTIFACT = """query($id: ID!) { artifact(id: $id) { id state digest versionIndex size fileCount
  currentManifest { file { directUrl } } files(first: 1000) { edges { node { name directUrl sizeBytes digest } } } } }"""
VERSIONS = """query($e: String!, $p: String!, $c: String!) { project(entityName: $e, name: $p) {
  artifactCollection(name: $c) { artifacts(first: 1000) {
  edges { version node { id state digest versionIndex aliases { alias } } } } } } }"""
UPSERT = """mutation($e: String, $p: String, $n: String) { upsertBucket(input:
  {entityName: $e, modelName: $p, name: $n}) { bucket { id name } } }"""


@dataclass
class Answer:
    """Status, headers in lower case, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def message(self) -> str:
        """The first error's sentence."""
        return str(json.loads(self.body)["errors"][0]["message"])


def send(
    method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read())
    finally:
        connection.close()


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


@dataclass
class Hand:
    """One person at work in one project."""

    server: Server
    person: Person
    project: str
    entity: str = "main"

    def ask(self, query: str, **variables: Any) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        token = b64encode(f"api:{self.person.api_key}".encode()).decode()
        body = json.dumps({"query": query, "variables": variables})
        head = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        answer = send("POST", f"{self.server.url}/graphql", body, head)
        return answer.status, json.loads(answer.body)

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of what must succeed."""
        status, body = self.ask(query, **variables)
        if status != 200 or "errors" in body:
            raise Refused(status, body)
        return dict(body["data"])

    def begin(self, entries: Mapping[str, Mapping[str, Any]], **change: Any) -> str:
        """Creates an artifact; its global id."""
        return str(self.create(entries, **change)["id"])

    def create(self, entries: Mapping[str, Mapping[str, Any]], **change: Any) -> dict[str, Any]:
        """Creates an artifact, or finds one."""
        name = change.get("artifactCollectionName", "net")
        ask = {
            "entityName": self.entity,
            "projectName": self.project,
            "artifactTypeName": "model",
            "artifactCollectionName": name,
            "digest": digest_of(entries),
            "aliases": [{"alias": "latest", "artifactCollectionName": name}],
            "enableDigestDeduplication": True,
        }
        return dict(self.data(CREATE, i=ask | change)["createArtifact"]["artifact"])

    def places(self, artifact: str, files: Mapping[str, bytes]) -> dict[str, str | None]:
        """Where each file is to be put; None where that is not needed."""
        wanted = [
            {"artifactID": artifact, "name": path, "md5": md5_of(content)}
            for path, content in files.items()
        ]
        edges = self.data(FILES, i={"artifactFiles": wanted})["createArtifactFiles"]["files"][
            "edges"
        ]
        return {edge["node"]["name"]: edge["node"]["uploadUrl"] for edge in edges}

    def upload(self, artifact: str, files: Mapping[str, bytes]) -> int:
        """Puts what is not there yet; how many files that was."""
        urls = {path: url for path, url in self.places(artifact, files).items() if url}
        for path, url in urls.items():
            answer = send("PUT", url, files[path])
            if answer.status != 200:
                raise Refused(answer.status, answer.body)
        return len(urls)

    def upload_parts(self, artifact: str, path: str, content: bytes, part_size: int) -> None:
        """Puts one file in parts, the last one first, and has them joined; nothing where it is there already."""
        parts = [content[at : at + part_size] for at in range(0, len(content), part_size)]
        wanted = {
            "artifactID": artifact,
            "name": path,
            "md5": md5_of(content),
            "uploadPartsInput": [
                {"partNumber": number, "hexMD5": hashlib.md5(part).hexdigest()}
                for number, part in enumerate(parts, 1)
            ],
        }
        found = self.data(FILES, i={"artifactFiles": [wanted]})["createArtifactFiles"]["files"]
        node = found["edges"][0]["node"]
        if node["uploadUrl"] is None:
            return
        places = node["uploadMultipartUrls"]
        ask = {
            "artifactID": artifact,
            "storagePath": node["storagePath"],
            "uploadID": places["uploadID"],
            "completeMultipartAction": "Complete",
            "completedParts": [],
        }
        for place in reversed(places["uploadUrlParts"]):
            part = parts[place["partNumber"] - 1]
            answer = send("PUT", place["uploadUrl"], part, {"Content-Md5": md5_of(part)})
            if answer.status != 200:
                raise Refused(answer.status, answer.body)
            done = {"partNumber": place["partNumber"], "hexMD5": answer.headers["etag"]}
            ask["completedParts"].append(done)
        self.data(COMPLETE, i=ask)

    def manifest_place(self, artifact: str, document: bytes, **change: Any) -> str:
        """Where a manifest is to be put."""
        ask = {
            "artifactID": artifact,
            "name": "wandb_manifest.json",
            "digest": md5_of(document),
            "entityName": self.entity,
            "projectName": self.project,
            "runName": "",
            "type": "FULL",
        }
        made = self.data(MANIFEST, i=ask | change)["createArtifactManifest"]
        return str(made["artifactManifest"]["file"]["uploadUrl"])

    def upload_manifest(self, artifact: str, document: bytes) -> None:
        """Announces and puts a manifest."""
        answer = send("PUT", self.manifest_place(artifact, document), document)
        if answer.status != 200:
            raise Refused(answer.status, answer.body)

    def commit(self, artifact: str) -> tuple[int, dict[str, Any]]:
        """Status and body of the commit."""
        return self.ask(COMMIT, i={"artifactID": artifact})

    def log(self, files: Mapping[str, bytes], *, in_parts: str | None = None, **change: Any) -> str:
        """All of it; the artifact's global id. The file `in_parts` goes in parts of 1 MiB."""
        entries = entries_of(files)
        made = self.create(entries, **change)
        artifact = str(made["id"])
        if made["state"] != "COMMITTED":
            if in_parts is not None:
                self.upload_parts(artifact, in_parts, files[in_parts], 1 << 20)
            self.upload(artifact, files)
            self.upload_manifest(artifact, manifest(entries))
            status, body = self.commit(artifact)
            if status != 200 or "errors" in body:
                raise Refused(status, body)
        return artifact

    def versions(self, collection: str = "net") -> dict[int, dict[str, Any]]:
        """What the collection holds by version; empty where there is none."""
        found = self.data(VERSIONS, e=self.entity, p=self.project, c=collection)["project"]
        if found is None or found["artifactCollection"] is None:
            return {}
        edges = found["artifactCollection"]["artifacts"]["edges"]
        return {int(edge["version"][1:]): edge["node"] for edge in edges}

    def check_whole(self, artifact: str) -> dict[str, bytes]:
        """Downloads a version and compares everything that is said about it; its files."""
        found = self.data(ARTIFACT, id=artifact)["artifact"]
        assert found["state"] == "COMMITTED"
        document = json.loads(send("GET", found["currentManifest"]["file"]["directUrl"]).body)
        assert digest_of(document["contents"]) == found["digest"]
        nodes = [edge["node"] for edge in found["files"]["edges"]]
        assert {node["name"] for node in nodes} == set(document["contents"])
        assert found["fileCount"] == len(nodes)
        contents = {}
        for node in nodes:
            answer = send("GET", node["directUrl"])
            assert answer.status == 200, (node, answer)
            digest = b64encode(hashlib.md5(answer.body).digest()).decode()
            assert digest == node["digest"] == document["contents"][node["name"]]["digest"]
            assert len(answer.body) == node["sizeBytes"]
            contents[node["name"]] = answer.body
        assert found["size"] == sum(map(len, contents.values()))
        return contents
