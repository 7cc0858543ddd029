"""A small organization on a live server, and the real client within this process as each of its people.

Organization `Blue Whale` (entity `blue-whale-org`) with the team `whales`; olga administers both. mia and max are members of both;
nora is in the organization only, vic too, as a viewer; gus is a stranger. In the registry `deep` (restricted) ada is admin, nora
member, vera viewer and rae restricted viewer; of these only nora belongs to the organization, and none to the team.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import wandb

from tests.client.hand import Hand
from tests.client.live import Person, Server, client_environment

ORGANIZATION = "Blue Whale"
ENTITY = "blue-whale-org"
TEAM = "whales"
PEOPLE = ("olga", "mia", "max", "nora", "vic", "gus", "ada", "vera", "rae")

USER = """mutation($e: String!, $u: String, $k: String) {
  createUser(input: {email: $e, username: $u, apiKey: $k}) { user { id } } }"""
MAKE_ORGANIZATION = """mutation($o: String!, $u: String) {
  createOrganization(input: {name: $o, adminUsername: $u}) { organization { id } } }"""
JOIN = """mutation($o: String!, $u: String!, $r: String!) { addOrganizationMember(input:
  {organizationName: $o, username: $u, role: $r}) { success } }"""
MAKE_TEAM = """mutation($t: String!, $u: String, $o: String) { createTeam(input:
  {teamName: $t, teamAdminUserName: $u, organizationName: $o}) { entity { id } } }"""
INVITE = """mutation($t: String!, $u: String!) {
  createInvite(input: {entityName: $t, username: $u}) { invite { id } } }"""


@dataclass
class Whale:
    """The organization, and clients of its people.

    Attributes:
        home: a folder for downloads.
    """

    server: Server
    people: dict[str, Person]
    home: Path
    _apis: dict[str, wandb.Api] = field(default_factory=dict)

    def api(self, name: str) -> wandb.Api:
        """The client of somebody, kept for all tests."""
        if name not in self._apis:
            self._apis[name] = self.new_api(name)
        return self._apis[name]

    def new_api(self, name: str, **overrides: str) -> wandb.Api:
        """A client that has nothing in its memory yet."""
        given = {"base_url": self.server.url, "organization": ORGANIZATION, "entity": TEAM}
        return wandb.Api(overrides=given | overrides, api_key=self.people[name].api_key)

    def forget(self) -> None:
        """Ends the vendor's client in this process, which keeps whom it was signed in as; what comes next begins anew."""
        self._apis.clear()
        wandb.teardown()

    def ask(self, name: str, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL operation, as somebody."""
        return self.server.graphql(self.people[name], query, **variables)

    def log(
        self, project: str, collection: str, text: str, *aliases: str, **change: Any
    ) -> wandb.Artifact:
        """Logs a version with one file of that text, as mia, and gets it by the client as mia."""
        hand = Hand(self.server, self.people["mia"], project, TEAM)
        hand.data(
            "mutation($e: String, $p: String!) { upsertModel(input: {entityName: $e, name: $p}) { inserted } }",
            e=TEAM,
            p=project,
        )
        if "metadata" in change:
            change["metadata"] = json.dumps(change["metadata"])
        given = [
            {"alias": alias, "artifactCollectionName": collection} for alias in ("latest", *aliases)
        ]
        key = hand.log(
            {"a.txt": text.encode()},
            artifactCollectionName=collection,
            aliases=given,
            **change,
        )
        found = self.api("mia")._artifact_from_id(key)
        assert found is not None
        return found


@contextmanager
def whale(server: Server, home: Path) -> Iterator[Whale]:
    """Makes the organization; the environment has this process's client touch `home` only."""
    people = {
        name: Person(f"bw-{name}", f"local-{name.replace('-', '_')}" + "w" * 40, home / name)
        for name in PEOPLE
    }
    for person in people.values():
        email = f"{person.username}@example.org"
        server.graphql(server.admin, USER, e=email, u=person.username, k=person.api_key)
    owner = people["olga"].username
    server.graphql(server.admin, MAKE_ORGANIZATION, o=ORGANIZATION, u=owner)
    server.graphql(people["olga"], MAKE_TEAM, t=TEAM, u=owner, o=ORGANIZATION)
    for name, role in (("mia", "member"), ("max", "member"), ("nora", "member"), ("vic", "viewer")):
        username = people[name].username
        server.graphql(people["olga"], JOIN, o=ORGANIZATION, u=username, r=role)
    for name in ("mia", "max"):
        server.graphql(people["olga"], INVITE, t=TEAM, u=people[name].username)
    with pytest.MonkeyPatch.context() as patch:
        environment = client_environment(server, people["mia"])
        for name, value in environment.items():
            if name.startswith("WANDB_") or name in ("HOME", "NETRC"):
                patch.setenv(name, value)
        made = Whale(server, people, home)
        deep = made.api("olga").create_registry("deep", "restricted", ORGANIZATION)
        for name, role in (
            ("ada", "admin"),
            ("nora", "member"),
            ("vera", "viewer"),
            ("rae", "restricted_viewer"),
        ):
            user = made.api("olga").user(people[name].username)
            assert user
            deep.add_members(user).update_member(user, role)
        yield made
        wandb.teardown()


def reason(act: Callable[[], object], kind: type[BaseException] = Exception) -> str:
    """The sentences of the exception that this must end in, with its causes."""
    with pytest.raises(kind) as caught:
        act()
    told: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        told.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(told)
