"""The real client administers registries, members, teams, people and keys."""

import subprocess
import sys

from tests.client.fixtures import NewPerson
from tests.client.live import Person, Server, client_environment, run_script


def test_wandb_login_checks_the_key(server: Server, admin: Person) -> None:
    def login(key: str) -> "subprocess.CompletedProcess[str]":
        env = {k: v for k, v in client_environment(server, admin).items() if k != "WANDB_API_KEY"}
        return subprocess.run(
            [sys.executable, "-m", "wandb", "login", "--relogin", key, "--host", server.url],
            env=env | {"WANDB_SILENT": "false"},
            cwd=admin.home,
            capture_output=True,
            text=True,
            timeout=60,
        )

    done = login(admin.api_key)
    assert done.returncode == 0, done.stderr
    assert "logged in as: admin (main)" in done.stderr
    refused = login("0" * 40)
    assert refused.returncode != 0
    assert "The API key is wrong, revoked or expired." in refused.stderr


def test_a_registry_is_made_edited_renamed_and_deleted(server: Server, admin: Person) -> None:
    result = run_script(
        server,
        admin,
        """
import wandb
api = wandb.Api()
made = api.create_registry("cool", "organization", organization="registrum", description="d",
                           artifact_types=["model"])
result = [[made.name, made.full_name, made.visibility, list(made.artifact_types), made.description]]
made.description, made.visibility = "", "restricted"
made.artifact_types.append("dataset")
made.save()
again = api.registry("cool", organization="registrum")
result.append([again.description, again.visibility, sorted(again.artifact_types)])
again.name = "cooler"
again.save()
result.append(api.registry("cooler", organization="registrum-org").id == made.id)
for attempt in (lambda: api.registry("cool", organization="registrum"),
                lambda: api.registry("cooler", organization="nobody"),
                lambda: api.create_registry("cooler", "organization", organization="registrum")):
    try:
        attempt()
    except Exception as error:
        result.append(type(error).__name__)
again.delete()
try:
    again.delete()
except ValueError:
    result.append("gone")
""",
    )
    assert result == [
        ["cool", "wandb-registry-cool", "organization", ["model"], "d"],
        ["", "restricted", ["dataset", "model"]],
        True,
        "ValueError",
        "CommError",
        "ValueError",
        "gone",
    ]


def test_registries_are_listed_and_filtered(server: Server, admin: Person) -> None:
    result = run_script(
        server,
        admin,
        """
import wandb
api = wandb.Api()
def names(**given):
    return sorted(r.name for r in api.registries(organization="registrum", **given))
result = [
    {"model", "dataset"} <= set(names()),
    names(filter={"name": "model"}),
    names(filter={"name": {"$regex": "^wandb-registry-data"}}),
    names(filter={"$or": [{"name": "model"}, {"name": "dataset"}]}),
]
""",
    )
    assert result == [True, ["model"], ["dataset"], ["dataset", "model"]]


def test_members_get_and_change_roles(server: Server, admin: Person, new_person: NewPerson) -> None:
    ann, bob = new_person("ann", "viewer", in_team=False), new_person("bob", None, in_team=False)
    result = run_script(
        server,
        admin,
        """
import wandb
api = wandb.Api()
registry = api.create_registry("people", "restricted", organization="registrum")
def roles():
    return sorted([m.user.username, m.role] for m in registry.user_members())
registry.add_members(api.user(ann), api.user(bob), api.team("main"))
result = [roles(), [[m.team.name, m.role] for m in registry.team_members()]]
registry.update_member(api.user(ann), "member").update_member(api.team("main"), "viewer")
registry.remove_members(api.user(bob)).remove_members(api.user(bob))
result += [roles(), [[m.team.name, m.role] for m in registry.team_members()]]
for change in (lambda: registry.update_member(api.user(ann), "boss"),
               lambda: registry.update_member(api.user(bob), "viewer")):
    try:
        change()
    except Exception as error:
        result.append(str(error))
""",
        ann=ann.username,
        bob=bob.username,
    )
    assert result == [
        sorted(
            [
                ["admin", "admin"],
                [ann.username, "restricted_viewer"],
                [bob.username, "restricted_viewer"],
            ]
        ),
        [["main", "restricted_viewer"]],
        sorted([["admin", "admin"], [ann.username, "member"]]),
        [["main", "viewer"]],
        "There is no role 'boss'; the roles are restricted_viewer, viewer, member, admin.",
        "There is no such member of registry 'people'.",
    ]
    seen = """
import wandb
api = wandb.Api()
try:
    result = api.registry("people", organization="registrum").name
except Exception as error:
    result = type(error).__name__
"""
    assert run_script(server, ann, seen) == "people"
    assert run_script(server, bob, seen) == "CommError"


def test_teams_take_in_people_and_machines(server: Server, admin: Person) -> None:
    result = run_script(
        server,
        admin,
        """
import wandb
api = wandb.Api()
api.create_user("tess@example.org")
team = api.create_team("night-shift")
result = [team.invite("tess"), team.invite("tess"), team.invite("late@example.org", admin=True),
          team.invite("nobody-of-that-name")]
robot = team.create_service_account("deploy bot")
result.append([robot.account_type, robot.name, len(robot.api_key)])
result.append(wandb.Api(api_key=robot.api_key).default_entity)
team.load(True)
result.append([[m.username, m.admin, m.pending, m.api_key] for m in team.members])
result.append([team.members[1].delete(), len(team.load(True)["members"])])
""",
    )
    assert result == [
        True,
        False,
        True,
        False,
        ["SERVICE", "deploy bot", 40],
        "night-shift",
        [
            ["admin", True, False, None],
            ["tess", False, False, None],
            ["late", True, True, None],
            ["deploy-bot", False, False, None],
        ],
        [True, 3],
    ]


def test_who_left_a_team_or_lost_it_works_in_their_own_entity(
    server: Server, admin: Person, new_person: NewPerson
) -> None:
    person = new_person("fay", in_team=False)
    result = run_script(
        server,
        admin,
        """
import wandb
def default():
    return wandb.Api(api_key=key).default_entity
result = [default()]
for name in ("left", "gone"):
    team = wandb.Api().create_team(name)
    team.invite(username)
    result.append(default())
    if name == "left":
        [fay] = [m for m in team.load(True) and team.members if m.username == username]
        fay.delete()
        result.append(default())
""",
        key=person.api_key,
        username=person.username,
    )
    assert result == [person.username, "left", person.username, "gone"]
    server.graphql(admin, 'mutation { deleteTeam(input: {teamName: "gone"}) { success } }')
    found = run_script(server, person, "import wandb; result = wandb.Api().default_entity")
    assert found == person.username


def test_keys_are_shown_once_and_revoked_at_once(server: Server, new_person: NewPerson) -> None:
    person = new_person("kim")
    result = run_script(
        server,
        person,
        """
import wandb
me = wandb.Api().viewer
secret = me.generate_api_key("laptop")
own = wandb.Api(api_key=secret)
result = [own.viewer.username == me.username, secret in own.viewer.api_keys]
me = own.viewer
result.append(me.delete_api_key(me.api_keys[-1]))
try:
    wandb.Api(api_key=secret)
except Exception as error:
    result.append("wrong, revoked or expired" in str(error))
""",
    )
    assert result == [True, False, True, True]


def test_projects_are_made_and_listed(server: Server, admin: Person, project: str) -> None:
    result = run_script(
        server,
        admin,
        """
import wandb
wandb.Api().create_project(project, "main")
found = [p for p in wandb.Api().projects("main") if p.name == project]
result = [[p.entity, p.is_benchmark, p.owner.username] for p in found]
""",
        project=project,
    )
    assert result == [["main", False, "admin"]]
