"""Members of a registry: people and teams, as objects, ids and members; their roles."""

import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})
registry = api.create_registry(f"{NAME}-club", "restricted")


def show():
    print([(m.user.username, m.user.name, m.user.email, m.role) for m in registry.user_members()])
    print([(m.team.name, m.role, m.team.is_team) for m in registry.team_members()])
    print([type(m).__name__ for m in registry.members()], [m.role for m in registry.members()])


show()
nora, vic = api.user("bw-nora"), api.user(username_or_email="bw-vic")
whales = api.team("whales")
print(nora, vic, whales, nora.username, nora.email)
print(registry.add_members(nora, vic.id, whales) is registry)
show()
registry.update_member(nora, "admin").update_member(vic.id, "viewer")
registry.update_member(whales, role="restricted_viewer")
show()
registry.update_member(member=whales.id, role="member")
registry.add_members(nora)
show()
for member in registry.members():
    if member.role == "member":
        print(member.kind.value, repr(member).partition("(")[0])
        registry.update_member(member, "viewer")
show()
max_ = api.user("bw-max")
registry.add_members(max_, max_, max_.id)
print(sorted(m.user.username for m in registry.user_members()))
team_member = registry.team_members()[0]
user_member = next(m for m in registry.user_members() if m.user.username == "bw-nora")
print(team_member.team.name, user_member.user)
print(registry.remove_members(team_member, user_member, max_) is registry)
show()


def attempt(what, act):
    try:
        act()
        print(what, "was done")
    except (TypeError, ValueError) as error:
        print(what, [k.__name__ for k in (TypeError, ValueError) if isinstance(error, k)])
    except Exception:
        print(what, "was refused")


attempt("nobody", registry.add_members)
attempt("nobody out", registry.remove_members)
attempt("a number", lambda: registry.add_members(7))
attempt("none", lambda: registry.remove_members(None))
attempt("a name", lambda: registry.add_members("bw-nora"))
attempt("the id of a project", lambda: registry.add_members(registry.id))
attempt("update a number", lambda: registry.update_member(7, "admin"))
attempt("a list", lambda: registry.add_members([nora]))
attempt("a bad role", lambda: registry.update_member(vic, "emperor"))
attempt("not a member", lambda: registry.update_member(max_, "admin"))
attempt("remove who is none", lambda: registry.remove_members(max_))
show()
everyone = [m.user for m in registry.user_members() if m.user.username != "bw-mia"]
registry.remove_members(*everyone)
show()
registry.delete()
attempt("members of what is gone", registry.user_members)
attempt("teams of what is gone", registry.team_members)
