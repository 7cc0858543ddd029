"""The world of the denial tests: two organizations, registries of every kind, a team, people of every role, artifacts linked twice.

Everything that belongs to a project and that an outsider could learn has a name that begins with `q` and the project's
name; so a test can tell from an answer's text alone whether it gives away what is hidden.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from registrum.core import ids
from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.linking import LinkArtifact
from registrum.core.policy import Role
from registrum.core.projects import REGISTRY_PREFIX, ProjectName
from registrum.core.runs import RunName, SaveRun
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.store import BlobKey, Expected
from registrum.server.db import Database, tables, users
from registrum.server.db.tx import Tx
from registrum.server.services import uploads
from registrum.server.services.aliases import protect_aliases
from registrum.server.services.credentials import Secrets
from registrum.server.services.keys import generate_api_key
from registrum.server.services.linking import link_artifact
from registrum.server.services.members import add_members
from registrum.server.services.organizations import (
    CreateOrganization,
    add_member,
    create_organization,
)
from registrum.server.services.projects import UpsertProject, upsert_project
from registrum.server.services.run_files import create_run_files
from registrum.server.services.runs import save_run
from registrum.server.services.setup import SYSTEM
from registrum.server.services.teams import (
    CreateTeam,
    InviteToTeam,
    create_invite,
    create_service_account,
    create_team,
)
from registrum.server.services.uploads import AnnounceManifest, UploadFile
from registrum.server.services.users import CreateUser, create_user
from tests.roles import Facts, Place, Team
from tests.services.desk import Desk, digest_of, entries_of, md5_of

SECRET = b"a secret of the tests, long enough"
ORGANIZATIONS = {
    "qacme": {
        "oscar": Role.ADMIN,
        "olaf": Role.VIEWER,
        **dict.fromkeys(
            ["carl", "rita", "vera", "mel", "ada", "tina", "tom", "tess", "pat", "svc"], Role.MEMBER
        ),
    },
    "qglobex": {"mallory": Role.ADMIN, "dora": Role.MEMBER},
}
TEAMS = {
    "qresearch": Team(
        "qacme",
        {"tess": Role.ADMIN, "tom": Role.MEMBER, "tina": Role.VIEWER, "olaf": Role.MEMBER}
        | {"svc": Role.MEMBER},
    ),
    "qgang": Team("qglobex", {"mallory": Role.ADMIN, "dora": Role.MEMBER}),
}
PROJECTS = {
    "qdemo": Place("team", "qresearch", "qacme"),
    "qloot": Place("team", "qgang", "qglobex"),
    "qsolo": Place("user", "pat"),
    "qrita": Place("user", "rita"),
    "qopen": Place("registry", "qacme", "qacme"),
    "qclosed": Place(
        "registry", "qacme", "qacme", "restricted",
        people={
            "gus": Role.RESTRICTED_VIEWER, "rita": Role.RESTRICTED_VIEWER, "vera": Role.VIEWER,
            "mel": Role.MEMBER, "svc": Role.MEMBER, "ada": Role.ADMIN, "oscar": Role.ADMIN,
        },
    ),
    "qvault": Place(
        "registry", "qacme", "qacme", "restricted",
        people={
            "oscar": Role.ADMIN, "vera": Role.RESTRICTED_VIEWER, "mel": Role.VIEWER,
            "dora": Role.VIEWER, "olaf": Role.MEMBER,
        },
        teams={"qresearch": Role.VIEWER},
    ),
    "qdrop": Place(
        "registry", "qacme", "qacme", "restricted",
        people={"oscar": Role.ADMIN, "rita": Role.MEMBER, "gus": Role.MEMBER, "pat": Role.MEMBER},
    ),
    "qtheirs": Place("registry", "qglobex", "qglobex", people={"mallory": Role.ADMIN}),
}  # fmt: skip
FACTS = Facts(ORGANIZATIONS, TEAMS, PROJECTS, frozenset({"root"}))
ROLES = {
    None: "anonymous",
    "mallory": "stranger",
    "gus": "guest restricted viewer",
    "carl": "same-organization non-member",
    "rita": "restricted viewer",
    "vera": "viewer",
    "mel": "member",
    "ada": "admin",
    "olaf": "organization viewer",
    "oscar": "organization admin",
    "root": "instance admin",
    "tina": "team viewer",
    "tom": "team member",
    "tess": "team admin",
    "svc": "service account",
    "pat": "owner of a personal project",
    "dora": "guest viewer of another organization",
}
FILES = {"model.bin": b"the weights", "notes.txt": b"the notes"}
BIG = bytes(6 << 20)
OWN_FILES = {"own.bin": b"pat's own weights"}
# Where each artifact can be reached: the project it was logged to, then its links.
PLACES = {
    "twice": ("qdemo", "qclosed", "qvault"),
    "public": ("qdemo", "qopen"),
    "guarded": ("qdemo", "qclosed"),
    "private": ("qdemo",),
    "pending": ("qdemo",),
    "own": ("qsolo", "qdrop"),
    "ritas": ("qrita",),
}


def entity_of(project: str) -> str:
    """The entity's name of a project."""
    place = PROJECTS[project]
    return f"{place.owner}-org" if place.kind == "registry" else place.owner


def name_of(project: str) -> str:
    """The full name of a project."""
    return REGISTRY_PREFIX + project if PROJECTS[project].kind == "registry" else project


def path_of(project: str) -> ProjectName:
    """Both."""
    return ProjectName(entity_of(project), name_of(project))


@dataclass
class World:
    """What was made.

    Attributes:
        actors: by name; None is nobody.
        artifacts: numbers, by the names in `PLACES`.
        numbers: of everything else, by kind and name.
        upload_id: of an upload in parts that has begun.
        run_blob: key of the file that the run saved.
    """

    actors: dict[str | None, Actor]
    artifacts: dict[str, int] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    upload_id: str = ""
    run_blob: str = ""

    def id(self, kind: str, name: str) -> str:
        """The global id of something."""
        return ids.encode(
            kind, self.artifacts[name] if kind == "Artifact" else self.numbers[kind, name]
        )


def build(database: Database, folder: Path) -> World:
    """Makes it by the use cases themselves, as the people whose part it is."""
    world = World(database.write(SYSTEM, _people))
    database.write(world.actors["oscar"], lambda tx: _registries(tx, world, "qacme"))
    database.write(world.actors["mallory"], lambda tx: _registries(tx, world, "qglobex"))
    loot = UpsertProject(entity="qgang", name="qloot", description="about qloot")
    database.write(world.actors["mallory"], lambda tx: upsert_project(tx, loot))
    store = DiskStore(folder)
    try:
        for name in ("tess", "pat", "rita"):
            _log(Desk(database, store, world.actors[name]), world, name)
    finally:
        store.close()
    database.write(world.actors["root"], lambda tx: _links(tx, world))
    with database.read(world.actors["root"]) as tx:
        _number(tx, world)
    return world


def _people(tx: Tx) -> dict[str | None, Actor]:
    actors: dict[str | None, Actor] = {None: ANONYMOUS}
    for name in (*filter(None, ROLES), "zoe"):
        if name != "svc":
            number = create_user(
                tx, CreateUser(f"{name}@example.org", username=name, is_admin=name == "root")
            )
            actors[name] = Actor(number, name, name == "root")
    for organization, people in ORGANIZATIONS.items():
        first = next(iter(people))
        create_organization(
            tx, CreateOrganization(organization, admin=first, core_registries=False)
        )
        for name, role in people.items():
            if name not in ("svc", first):
                add_member(tx, organization, name, role.label)
    secrets = Secrets([SECRET])
    for name, team in TEAMS.items():
        admin = next(iter(team.people))
        create_team(tx, CreateTeam(name, admin=admin, organization=team.organization))
        for who, role in team.people.items():
            if who not in ("svc", admin):
                ask = InviteToTeam(name, None, who, role.label, secrets.new_token())
                create_invite(tx, ask)
    number = create_service_account(tx, "qresearch", "svc", secrets.new_key())
    found = users.by_ids(tx, [number])[number]
    actors["svc"] = Actor(number, found.username)
    for who in ("vera", "root"):
        generate_api_key(tx, secrets.new_key(), username=who)
    return actors


def _registries(tx: Tx, world: World, organization: str) -> None:
    for name, place in PROJECTS.items():
        if place.kind != "registry" or place.owner != organization:
            continue
        access = "RESTRICTED" if place.visibility == "restricted" else "PRIVATE"
        types = (("model", None), ("qtype-" + name, None))
        ask = UpsertProject(
            entity=entity_of(name),
            name=name_of(name),
            access=access,
            types=types,
            description=f"about {name}",
        )
        number = upsert_project(tx, ask).project_id
        for who, role in place.people.items():
            user_id = world.actors[who].user_id or 0
            add_members(tx, number, [user_id], [], role.label, named=[user_id])
        for team, role in place.teams.items():
            team_id = tx.value(select(tables.entities.c.id).where(tables.entities.c.name == team))
            add_members(tx, number, [], [team_id], role.label)
        if name == "qclosed":
            protect_aliases(tx, number, ["qclosed-gold"])


def _log(desk: Desk, world: World, who: str) -> None:
    made = world.artifacts
    if who == "tess":
        where = {"entity": "qresearch", "project": "qdemo"}
        for run in ("qdemo-run", "qdemo-other"):
            desk.write(lambda tx, run=run: save_run(tx, RunName(*where.values(), run), SaveRun()))  # type: ignore[misc]
        common = {**where, "run": "qdemo-run", "collection": "demo-net"}
        for name in ("twice", "public", "guarded", "private"):
            files = {**FILES, "which": name.encode()} if name != "twice" else FILES
            made[name] = desk.log(
                files, client_id=f"client-{name}", aliases=("latest", f"qdemo-{name}"), **common
            ).id
        _begin(desk, world, common)
        _save_file(desk, BlobKey.new().text)
    if who == "pat":
        made["own"] = desk.log(OWN_FILES, entity="pat", project="qsolo", collection="solo-net").id
    if who == "rita":
        desk.write(lambda tx: save_run(tx, RunName("rita", "qrita", "qrita-run"), SaveRun()))
        made["ritas"] = desk.log(
            {"r": b"r"}, entity="rita", project="qrita", collection="rita-net"
        ).id
    desk.close()


def _begin(desk: Desk, world: World, where: dict[str, str]) -> None:
    """A version that is being uploaded, with a file in parts."""
    number = desk.begin(digest_of(entries_of({"big": BIG})), **where)
    world.artifacts["pending"] = number
    halves = (BIG[: 5 << 20], BIG[5 << 20 :])
    parts = tuple(hashlib.md5(half, usedforsecurity=False).hexdigest() for half in halves)
    wanted = UploadFile(number, "big", md5_of(BIG), None, None, parts)
    (place,) = uploads.create_files(desk, [wanted], None)
    world.upload_id = place.upload_id or ""
    ask = AnnounceManifest(number, "wandb_manifest.json", "FULL", "")
    desk.write(lambda tx: uploads.announce_manifest(tx, ask, BlobKey.new().text))


def _save_file(desk: Desk, key: str) -> None:
    name = RunName("qresearch", "qdemo", "qdemo-run")
    desk.write(lambda tx: create_run_files(tx, name, {"qdemo-log.txt": key}))
    desk.put(key, b"what the run said", Expected(None))


def _links(tx: Tx, world: World) -> None:
    targets = {
        "twice": [("qclosed", "qclosed-ranker", ("qclosed-best",)), ("qvault", "qvault-copy", ())],
        "public": [("qopen", "qopen-ranker", ("qopen-best",))],
        "guarded": [("qclosed", "qclosed-guarded", ("qclosed-gold",))],
        "own": [("qdrop", "qdrop-own", ())],
    }
    for name, links in targets.items():
        for project, collection, aliases in links:
            where = path_of(project)
            number = world.artifacts[name]
            link_artifact(tx, LinkArtifact(number, None, where, collection, None, aliases))


def _number(tx: Tx, world: World) -> None:
    """Notes the numbers of everything that has a global id."""
    kinds = {
        "Project": select(tables.projects.c.id, tables.projects.c.name),
        "ArtifactCollection": select(tables.collections.c.id, tables.collections.c.name),
        "Run": select(tables.runs.c.id, tables.runs.c.name),
        "Entity": select(tables.entities.c.id, tables.entities.c.name),
        "User": select(tables.users.c.id, tables.users.c.username),
        "RunFile": select(tables.run_files.c.id, tables.run_files.c.name),
        "ApiKey": select(tables.api_keys.c.id, tables.users.c.username).join(
            tables.users, tables.users.c.id == tables.api_keys.c.user_id
        ),
    }
    for kind, query in kinds.items():
        for number, name in tx.rows(query):
            world.numbers[kind, name.removeprefix(REGISTRY_PREFIX)] = number
    world.numbers["User", "svc"] = world.actors["svc"].user_id or 0
    world.run_blob = tx.value(select(tables.run_files.c.pending_blob_id))
