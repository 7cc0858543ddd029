"""Examples of every field of `Query`: what is asked, and the rights it takes."""

from collections.abc import Iterator

from registrum.core.policy import Action
from tests.contract.denial_examples import Example
from tests.contract.denial_needs import (
    Acquaintance,
    InOrganization,
    InTeam,
    Never,
    SignedIn,
    Version,
    Within,
)
from tests.contract.denial_world import PLACES, PROJECTS, World, entity_of, name_of

A = Action


ARTIFACT = """
fragment artifact on Artifact {
  id digest size description metadata state fileCount tags { name }
  artifactType { name }
  artifactSequence { name project { name entity { name } } }
  createdBy { ... on Run { name project { name } } ... on User { username } }
  usedBy(first: 10) { totalCount edges { node { name project { name } } } }
  aliases { alias artifactCollection { name project { name } } }
  artifactMemberships(first: 10) { totalCount edges { node { ...membership } } }
}
fragment membership on ArtifactCollectionMembership {
  id versionIndex aliases { alias } artifactCollection { __typename name project { name } }
}
"""
COLLECTION = """
fragment collection on ArtifactCollection {
  __typename id name description project { name entity { name } } tags { edges { node { name } } }
  aliases(first: 10) { edges { node { alias } } }
  artifacts(first: 10) { totalCount edges { version node { ...artifact } } }
}
"""
OF_PROJECT = """
  id name description access entity { name organization { name } } user { username } readOnly
  protectedAliases
  members { username role { name } effectiveRole { name } } teamMembers { team { name } role { name } }
"""
PROJECT = """
fragment project on Project {
  OF_PROJECT
  artifactTypes { edges { node { name artifactCollections(first: 10) { totalCount edges { node { name } } } } } }
  artifactCollections(first: 10) { totalCount edges { node { ...collection } } }
  runs(first: 10) { totalCount edges { node { name files(first: 10) { edges { node { name directUrl } } } } } }
}
""".replace("OF_PROJECT", OF_PROJECT)
ENTITY = """
fragment entity on Entity {
  id name isTeam storageBytes organization { name }
  members { username role }
  projects(first: 50) { edges { node { name } } }
  artifactCollections(first: 50) { totalCount edges { node { name project { name } } } }
  artifactMemberships(first: 50) { totalCount edges { node { ...membership artifact { ...artifact } } } }
}
"""
EVERYTHING = {"artifact": ARTIFACT, "collection": COLLECTION, "project": PROJECT, "entity": ENTITY}


def _query(arguments: str, selection: str, *fragments: str) -> str:
    return f"query({arguments}) {{ {selection} }}" + "".join(EVERYTHING[f] for f in fragments)


IN_PROJECT = ("project", "collection", "artifact")
BY_PATH = "$entity: String, $name: String"
FILES = "files(first: 10) { totalCount edges { node { name url directUrl digest sizeBytes } } }"


def queries(world: World) -> Iterator[Example]:
    """Examples of every field of `Query`."""
    yield from _entities_and_people()
    for project in PROJECTS:
        path = {"entity": entity_of(project), "name": name_of(project)}
        need = (Within(A.READ, project),)
        text = _query(
            BY_PATH, "project(name: $name, entityName: $entity) { ...project }", *IN_PROJECT
        )
        yield Example("project", f"{project} by name", path, need, text)
        # The same by another name: what is within is looked at above.
        text = _query(BY_PATH, f"model(name: $name, entityName: $entity) {{ {OF_PROJECT} }}")
        yield Example("model", f"{project} by name", path, need, text)
        text = _query(
            BY_PATH, "entity(name: $entity) { project(name: $name) { ...project } }", *IN_PROJECT
        )
        # The entity is seen by more people than its projects are; what is hidden is null there.
        yield Example("entity", f"{project} within", path, (), text)
    yield from _collections(world)
    yield from _artifacts(world)
    text = "query($id: ID!) { launchAgent(id: $id) { id } }"
    yield Example(
        "launchAgent", "there are none", {"id": world.id("Run", "qdemo-run")}, (Never(),), text
    )


def _entities_and_people() -> Iterator[Example]:
    text = _query("$name: String", "entity(name: $name) { ...entity }", "entity", "artifact")
    for name, need in (
        ("qresearch", InTeam(A.READ_ENTITY)),
        ("qgang", InTeam(A.READ_ENTITY, "qgang")),
        ("qacme-org", InOrganization(A.READ_ORGANIZATION)),
        ("qglobex-org", InOrganization(A.READ_ORGANIZATION, "qglobex")),
        ("pat", Acquaintance("pat")),
    ):
        yield Example("entity", name, {"name": name}, (need,), text)
        models = "query($name: String) { models(entityName: $name) { edges { node { name description } } } }"
        yield Example("models", f"of {name}", {"name": name}, (need,), models)
    people = "{ name teams(first: 50) { edges { node { name } } } members(first: 50) { edges { node { user { username } role } } } "
    people += "orgEntity { ...entity } }"
    for name in ("qacme", "qglobex", "qacme-org"):
        need = InOrganization(A.READ_ORGANIZATION, name.removesuffix("-org"))
        text = _query("$name: String!", f"organization(name: $name) {people}", "entity", "artifact")
        yield Example("organization", name, {"name": name}, (need,), text)
    text = _query(
        "", f"organizations {{ edges {{ node {people} }} }}", "entity", "artifact"
    ).replace("()", "")
    yield Example("organizations", "all", {}, (), text)
    user = "{ username email admin apiKeys { edges { node { name } } } teams { edges { node { name } } } "
    user += "organizations { name } projects(first: 50) { edges { node { name } } } }"
    yield Example("viewer", "oneself", {}, (SignedIn(),), f"{{ viewer {user} }}")
    text = f"query($text: String) {{ users(query: $text) {{ edges {{ node {user} }} }} }}"
    yield Example("users", "by name", {"text": "vera"}, (), text)
    yield Example("users", "nobody in particular", {}, (), text)
    yield Example(
        "serverInfo", "features", {}, (), "{ serverInfo { features { name isEnabled } } }"
    )


COLLECTIONS = {
    "demo-net": "qdemo", "solo-net": "qsolo", "rita-net": "qrita", "qclosed-ranker": "qclosed",
    "qclosed-guarded": "qclosed", "qvault-copy": "qvault", "qopen-ranker": "qopen", "qdrop-own": "qdrop",
}  # fmt: skip


def _collections(world: World) -> Iterator[Example]:
    for name, project in COLLECTIONS.items():
        text = _query(
            "$id: ID!", "artifactCollection(id: $id) { ...collection }", "collection", "artifact"
        )
        given = {"id": world.id("ArtifactCollection", name)}
        need = Within(A.READ, project)
        yield Example("artifactCollection", f"{name} by id", given, (need,), text)
        path = {"entity": entity_of(project), "name": name_of(project), "version": f"{name}:v0"}
        through = "project(name: $name, entityName: $entity) { artifactCollectionMembership(name: $version) {"
        text = f"query({BY_PATH}, $version: String!) {{ {through} versionIndex {FILES} }} }} }}"
        yield Example(
            "project", f"files of {name} by name", path, (Within(A.DOWNLOAD, project),), text
        )


def _artifacts(world: World) -> Iterator[Example]:
    for name in PLACES:
        given = {"id": world.id("Artifact", name)}
        text = _query("$id: ID!", "artifact(id: $id) { ...artifact }", "artifact")
        yield Example("artifact", f"{name} by id", given, (Version(A.READ, name),), text)
        text = f"query($id: ID!) {{ artifact(id: $id) {{ {FILES} }} }}"
        yield Example(
            "artifact", f"files of {name} by id", given, (Version(A.DOWNLOAD, name),), text
        )
        text = "query($id: ID!) { artifact(id: $id) { currentManifest { id file { sizeBytes digest } } } }"
        yield Example(
            "artifact", f"manifest of {name} by id", given, (Version(A.READ, name),), text
        )
    for name in ("twice", "private"):
        text = "query($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
        given = {"id": f"client-{name}"}
        yield Example("clientIDMapping", name, given, (Version(A.READ, name),), text)
