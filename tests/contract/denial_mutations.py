"""Examples of every field of `Mutation`: what is asked, and the rights it takes."""

from collections.abc import Iterator
from typing import Any

from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX
from tests.contract.denial_examples import Example
from tests.contract.denial_needs import (
    Account,
    Administrator,
    InOrganization,
    InTeam,
    Leaving,
    LoggedInto,
    NamedRegistry,
    Version,
    Within,
)
from tests.contract.denial_world import World, entity_of, name_of, path_of

A = Action
DIGEST = "0" * 32


def mutations(world: World) -> Iterator[Example]:
    """Examples of every field of `Mutation`."""
    for field, name, given, *needs in _all_mutations(world):
        then = needs.pop() if isinstance(needs[-1], int) else 200
        yield Example(field, name, {"input": given}, tuple(needs), then=then)


def _all_mutations(world: World) -> Iterator[tuple[Any, ...]]:
    yield from _people(world)
    yield from _registries(world)
    yield from _members(world)
    yield from _linking(world)
    yield from _editing(world)
    yield from _uploading(world)
    yield from _running(world)


def _people(world: World) -> Iterator[tuple[Any, ...]]:
    root, boss, captain = (
        Administrator(), InOrganization(A.ADMINISTER_ORGANIZATION), InTeam(A.ADMINISTER_TEAM),
    )  # fmt: skip
    yield "createUser", "new", {"email": "new@example.org"}, root
    yield "deleteUser", "zoe", {"username": "zoe"}, root
    yield "updateUser", "her name", {"username": "vera", "name": "Vera"}, Account("vera")
    yield (
        "updateUser",
        "make administrator",
        {"username": "vera", "admin": True},
        Account("vera"),
        root,
    )
    yield "generateApiKey", "her own", {"username": "vera", "description": "x"}, Account("vera")
    yield (
        "deleteApiKey",
        "her own",
        {"id": world.id("ApiKey", "vera")},
        Account("vera", is_hidden=True),
    )
    yield "createOrganization", "new", {"name": "qnew", "adminUsername": "zoe"}, root
    yield (
        "deleteOrganization",
        "other",
        {"name": "qglobex"},
        InOrganization(A.ADMINISTER_ORGANIZATION, "qglobex"),
    )
    yield "deleteOrganization", "protected alias", {"name": "qacme"}, boss, 409
    yield "addOrganizationMember", "zoe", {"organizationName": "qacme", "username": "zoe"}, boss
    yield (
        "removeOrganizationMember",
        "carl",
        {"organizationName": "qacme", "username": "carl"},
        boss,
    )
    yield (
        "updateOrganizationMember",
        "carl",
        {"organizationName": "qacme", "username": "carl", "role": "viewer"},
        boss,
    )
    yield (
        "createTeam",
        "new",
        {"teamName": "qnew", "teamAdminUserName": "carl", "organizationName": "qacme"},
        boss,
    )
    yield (
        "deleteTeam",
        "research",
        {"teamName": "qgang"},
        InTeam(A.ADMINISTER_TEAM, "qgang"),
        InOrganization(A.ADMINISTER_ORGANIZATION, "qglobex"),
    )
    yield (
        "createInvite",
        "carl",
        {"entityName": "qresearch", "username": "carl", "role": "member"},
        captain,
    )
    yield (
        "createInvite",
        "somebody new",
        {"entityName": "qresearch", "email": "n@example.org", "role": "viewer"},
        captain,
    )
    yield (
        "deleteInvite",
        "tina",
        {"entityName": "qresearch", "id": world.id("User", "olaf")},
        Leaving("olaf", "qresearch"),
    )
    yield (
        "updateTeamMember",
        "tina",
        {"teamName": "qresearch", "username": "tina", "role": "member"},
        captain,
    )
    yield (
        "createServiceAccount",
        "new",
        {"entityName": "qresearch", "description": "robot"},
        captain,
    )


def _registries(world: World) -> Iterator[tuple[Any, ...]]:
    closed, vault = world.id("Project", "qclosed"), world.id("Project", "qvault")
    by_name = {"entityName": "qacme-org", "name": name_of("qclosed")}
    new = {"entityName": "qacme-org", "name": REGISTRY_PREFIX + "qnew"}
    yield "upsertModel", "new registry", new, InOrganization(A.CREATE_REGISTRY)
    yield (
        "upsertModel",
        "new project",
        {"entityName": "qresearch", "name": "qnew"},
        InTeam(A.CREATE_PROJECT),
    )
    for how, key, need in (("id", {"id": closed}, Within), ("name", by_name, NamedRegistry)):
        yield (
            "upsertModel",
            f"description by {how}",
            {**key, "description": "new"},
            need(A.EDIT_PROJECT, "qclosed"),
        )
        yield (
            "upsertModel",
            f"visibility by {how}",
            {**key, "access": "PRIVATE"},
            need(A.ADMINISTER, "qclosed"),
        )
        types = [{"name": "qmore"}]
        yield (
            "upsertModel",
            f"types by {how}",
            {**key, "artifactTypes": types},
            need(A.ADD_TYPES, "qclosed"),
        )
        every = {**key, "allowAllArtifactTypesInRegistry": True}
        yield "upsertModel", f"all types by {how}", every, need(A.ADD_TYPES, "qclosed")
    edit = {"id": world.id("Project", "qdemo"), "description": "new"}
    yield "upsertModel", "a team's project", edit, Within(A.EDIT_PROJECT, "qdemo")
    rename = {"newProjectName": REGISTRY_PREFIX + "qrenamed"}
    named = {"entityName": "qacme-org", "oldProjectName": name_of("qclosed"), **rename}
    yield "renameProject", "registry", named, Within(A.EDIT_PROJECT, "qclosed")
    named = {"entityName": "qresearch", "oldProjectName": "qdemo", "newProjectName": "qrenamed"}
    yield "renameProject", "a team's project", named, Within(A.EDIT_PROJECT, "qdemo")
    yield "deleteModel", "registry", {"id": vault}, Within(A.DELETE_PROJECT, "qvault")
    yield "deleteModel", "protected alias", {"id": closed}, Within(A.DELETE_PROJECT, "qclosed"), 409
    with_links = {"id": world.id("Project", "qdemo")}
    yield (
        "deleteModel",
        "its versions have a protected alias",
        with_links,
        Within(A.DELETE_PROJECT, "qdemo"),
        409,
    )
    yield (
        "deleteModel",
        "a team's project",
        {"id": world.id("Project", "qloot")},
        Within(A.DELETE_PROJECT, "qloot"),
    )
    yield (
        "updateRegistryOrganizationRole",
        "member",
        {"projectId": closed, "role": "member"},
        Within(A.ADMINISTER, "qclosed"),
    )
    protect = {"projectId": closed, "aliases": ["silver"]}
    yield "protectAliases", "one", protect, Within(A.PROTECT_ALIAS, "qclosed")
    yield "unprotectAliases", "one", protect, Within(A.PROTECT_ALIAS, "qclosed")
    named = {"entityName": "qacme-org", "projectName": name_of("qclosed"), "name": "qmore"}
    yield "createArtifactType", "registry", named, Within(A.ADD_TYPES, "qclosed")
    named = {"entityName": "qresearch", "projectName": "qdemo", "name": "more"}
    yield "createArtifactType", "a team's project", named, Within(A.WRITE, "qdemo")
    ttl = {"ttlDurationSeconds": 86400}
    yield "updateDefaultTtl", "team", {"entityName": "qresearch", **ttl}, InTeam(A.ADMINISTER_TEAM)
    named = {"entityName": "qresearch", "projectName": "qdemo", **ttl}
    yield "updateDefaultTtl", "project", named, Within(A.ADMINISTER, "qdemo")


def _members(world: World) -> Iterator[tuple[Any, ...]]:
    project = {"projectId": world.id("Project", "qclosed")}
    need = Within(A.ADMINISTER, "qclosed")
    people = {"userIds": [world.id("User", "gus")]}
    yield (
        "createProjectMembers",
        "a person",
        {**project, "userIds": [world.id("User", "mel")]},
        need,
    )
    yield (
        "createProjectMembers",
        "a team",
        {**project, "teamIds": [world.id("Entity", "qresearch")]},
        need,
    )
    yield "deleteProjectMembers", "a person", {**project, **people}, need
    given = {**project, "userId": world.id("User", "gus"), "userProjectRole": "viewer"}
    yield "updateProjectMember", "a person", given, need
    vault = {"projectId": world.id("Project", "qvault"), "teamId": world.id("Entity", "qresearch")}
    yield (
        "updateProjectTeamMember",
        "a team",
        {**vault, "teamProjectRole": "member"},
        Within(A.ADMINISTER, "qvault"),
    )


def _linking(world: World) -> Iterator[tuple[Any, ...]]:
    for name, target in (
        ("twice", "qclosed"), ("twice", "qvault"), ("twice", "qdrop"), ("private", "qclosed"),
        ("own", "qdrop"), ("guarded", "qdrop"),
    ):  # fmt: skip
        path = path_of(target)
        by_name = {
            "entityName": path.entity,
            "projectName": path.name,
            "artifactPortfolioName": "fresh",
        }
        needs = (Version(A.DOWNLOAD, name), Within(A.LINK, target))
        yield (
            "linkArtifact",
            f"{name} into {target}",
            {"artifactID": world.id("Artifact", name), **by_name},
            *needs,
        )
        if name == "twice":
            yield (
                "linkArtifact",
                f"by client id into {target}",
                {"clientID": "client-twice", **by_name},
                *needs,
            )
    into = {"artifactPortfolioID": world.id("ArtifactCollection", "qclosed-ranker")}
    needs = (Version(A.DOWNLOAD, "private"), Within(A.LINK, "qclosed"))
    private = {"artifactID": world.id("Artifact", "private")}
    yield "linkArtifact", "by collection id", {**private, **into}, *needs
    gold = [{"alias": "qclosed-gold", "artifactCollectionName": "fresh"}]
    path = path_of("qclosed")
    by_name = {
        "entityName": path.entity,
        "projectName": path.name,
        "artifactPortfolioName": "fresh",
    }
    yield (
        "linkArtifact",
        "with a protected alias",
        {**private, **by_name, "aliases": gold},
        *needs,
        Within(A.PROTECT_ALIAS, "qclosed"),
    )
    theirs = path_of("qtheirs")
    abroad = {
        "entityName": theirs.entity,
        "projectName": theirs.name,
        "artifactPortfolioName": "fresh",
    }
    twice = {"artifactID": world.id("Artifact", "twice")}
    yield (
        "linkArtifact",
        "across organizations",
        {**twice, **abroad},
        Version(A.DOWNLOAD, "twice"),
        Within(A.LINK, "qtheirs"),
        403,
    )
    yield "unlinkArtifact", "registry", {**twice, **into}, Within(A.LINK, "qclosed")
    guarded = {"artifactPortfolioID": world.id("ArtifactCollection", "qclosed-guarded")}
    yield (
        "unlinkArtifact",
        "protected alias",
        {"artifactID": world.id("Artifact", "guarded"), **guarded},
        Within(A.LINK, "qclosed"),
        409,
    )
    for run, project in (("qdemo-run", "qdemo"), ("qrita-run", "qrita")):
        given = {"entityName": entity_of(project), "projectName": project, "runName": run}
        needs = (Version(A.DOWNLOAD, "twice"), Within(A.WRITE, project))
        yield "useArtifact", f"by {run}", {**given, **twice}, *needs


def _editing(world: World) -> Iterator[tuple[Any, ...]]:
    for project, collection in (("qclosed", "qclosed-ranker"), ("qdemo", "demo-net")):
        kind = "Portfolio" if project == "qclosed" else "Sequence"
        key = {f"artifact{kind}ID": world.id("ArtifactCollection", collection)}
        edit = Within(A.EDIT_COLLECTION, project)
        yield f"updateArtifact{kind}", "card", {**key, "description": "new"}, edit
        yield f"updateArtifact{kind}", "name", {**key, "name": "renamed"}, edit
        path = path_of(project)
        named = {
            "entityName": path.entity,
            "projectName": path.name,
            "artifactCollectionName": collection,
        }
        tagged = {**named, "tags": [{"tagName": "fresh"}]}
        yield "createArtifactCollectionTagAssignments", collection, tagged, edit
        yield "deleteArtifactCollectionTagAssignments", collection, tagged, edit
        for alias in ("plain", "qclosed-gold"):
            given = {
                "artifactID": world.id("Artifact", "twice"),
                "aliases": [{**named, "alias": alias}],
            }
            needs = (
                (edit,)
                if alias == "plain" or project == "qdemo"
                else (edit, Within(A.PROTECT_ALIAS, project))
            )
            yield "addAliases", f"{alias} in {collection}", given, *needs
            yield "deleteAliases", f"{alias} in {collection}", given, *needs
    vault = {"artifactPortfolioID": world.id("ArtifactCollection", "qvault-copy")}
    yield "deleteArtifactPortfolio", "copy", vault, Within(A.DELETE_COLLECTION, "qvault")
    guarded = {"artifactPortfolioID": world.id("ArtifactCollection", "qclosed-guarded")}
    yield (
        "deleteArtifactPortfolio",
        "protected alias",
        guarded,
        Within(A.DELETE_COLLECTION, "qclosed"),
        409,
    )
    net = {"artifactSequenceID": world.id("ArtifactCollection", "demo-net")}
    yield (
        "deleteArtifactSequence",
        "protected alias",
        net,
        Within(A.DELETE_COLLECTION, "qdemo"),
        409,
    )
    rita = {"artifactSequenceID": world.id("ArtifactCollection", "rita-net")}
    yield "deleteArtifactSequence", "personal", rita, Within(A.DELETE_COLLECTION, "qrita")
    yield (
        "moveArtifactSequence",
        "new type",
        {**rita, "destinationArtifactTypeName": "other"},
        Within(A.EDIT_COLLECTION, "qrita"),
    )
    ranker = {"artifactSequenceID": world.id("ArtifactCollection", "qclosed-ranker")}
    yield (
        "moveArtifactSequence",
        "registry",
        {**ranker, "destinationArtifactTypeName": "qtype-qclosed"},
        Within(A.EDIT_COLLECTION, "qclosed"),
        409,
    )
    for name in ("twice", "private"):
        key = {"artifactID": world.id("Artifact", name)}
        need = Version(A.WRITE, name)
        yield (
            "updateArtifact",
            name,
            {**key, "description": "new", "tagsToAdd": [{"tagName": "x"}]},
            need,
        )
        yield "deleteArtifact", name, {**key, "deleteAliases": True}, need
    yield (
        "deleteArtifact",
        "protected alias",
        {"artifactID": world.id("Artifact", "guarded"), "deleteAliases": True},
        Version(A.WRITE, "guarded"),
        409,
    )


def _uploading(world: World) -> Iterator[tuple[Any, ...]]:
    pending = {"artifactID": world.id("Artifact", "pending")}
    need = Version(A.WRITE, "pending")
    where = {"entityName": "qresearch", "projectName": "qdemo"}
    begin = {
        **where,
        "artifactTypeName": "model",
        "artifactCollectionName": "demo-net",
        "digest": DIGEST,
    }
    yield "createArtifact", "new version", begin, LoggedInto(A.WRITE, "qdemo")
    again = {**begin, "digest": DIGEST, "clientID": "client-private"}
    yield "createArtifact", "a client id that is taken", again, LoggedInto(A.WRITE, "qdemo"), 409
    spec = {**pending, "name": "more.txt", "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    yield "createArtifactFiles", "pending", {"artifactFiles": [spec], "storageLayout": "V2"}, need
    parts = {
        **pending,
        "completeMultipartAction": "Complete",
        "completedParts": [],
        "storagePath": "x",
        "uploadID": world.upload_id,
    }
    # Nothing was uploaded, so who may is told that parts are missing.
    yield "completeMultipartUploadArtifact", "parts missing", parts, need, 422
    manifest = {
        **pending,
        **where,
        "name": "wandb_manifest.json",
        "digest": "",
        "runName": "qdemo-run",
        "type": "FULL",
    }
    yield "createArtifactManifest", "again", manifest, need
    yield "commitArtifact", "nothing uploaded", pending, need, 422


def _running(world: World) -> Iterator[tuple[Any, ...]]:
    where = {"entityName": "qresearch", "projectName": "qdemo", "runName": "qdemo-run"}
    write, run = Within(A.WRITE, "qdemo"), {"id": world.id("Run", "qdemo-run")}
    yield "upsertBucket", "by id", {**run, "notes": "new"}, write
    named = {"entityName": "qresearch", "modelName": "qdemo", "name": "qdemo-run", "notes": "new"}
    yield "upsertBucket", "by name", named, LoggedInto(A.WRITE, "qdemo")
    yield "upsertBucket", "new", {**named, "name": "fresh"}, LoggedInto(A.WRITE, "qdemo")
    yield "updateRunState", "requeue", {**run, "state": "pending"}, write
    yield "stopRun", "by id", run, write
    yield "deleteRun", "by id", {"id": world.id("Run", "qdemo-other")}, write
    yield "deleteRun", "with a protected version", {**run, "deleteArtifacts": True}, write, 409
    yield (
        "rewindRun",
        "no such step",
        {**where, "metricName": "_step", "metricValue": 1.0},
        write,
        400,
    )
    yield "notifyScriptableRunAlert", "by name", {**where, "title": "x", "text": "y"}, write
    yield "createRunFiles", "by name", {**where, "files": ["more.txt"]}, write
    yield "markRunFilesUploaded", "by name", {**where, "files": ["qdemo-log.txt"]}, write
    yield "deleteFiles", "by id", {"files": [world.id("RunFile", "qdemo-log.txt")]}, write
