"""What people with less to say may do, and how they are told what they may not."""

import os
import sys

import wandb

NAME = sys.argv[1]
SETTINGS = {"organization": "Blue Whale"}
mia = wandb.Api(overrides={**SETTINGS, "entity": "whales"})
vic = wandb.Api(overrides=SETTINGS, api_key=os.environ["KEY_OF_VIC"])
gus = wandb.Api(overrides=SETTINGS, api_key=os.environ["KEY_OF_GUS"])
print(mia.viewer.username, vic.viewer.username, gus.viewer.username)

restricted = mia.create_registry(f"{NAME}-closed", "restricted", description="Secret.")
shared = mia.create_registry(f"{NAME}-open", "organization", description="Known.")
for registry in (restricted, shared):
    mia.artifact(f"{NAME}-source/weights-0:v0").link(f"wandb-registry-{registry.name}/weights")


def attempt(what, act, *kinds):
    try:
        print(what, act())
    except kinds as error:
        print(what, "refused", getattr(error, "message", None) if "CommError" in str(kinds) else "")


comm = wandb.errors.CommError
named = {"name": {"$in": [f"{NAME}-closed", f"{NAME}-open"]}}
for who, api in (("mia", mia), ("vic", vic)):
    print(who, [r.name for r in api.registries(filter=named, order="name")])
    print(who, len(api.registries(filter=named).collections()))
    print(who, [v.qualified_name for v in api.registries(filter=named).versions(order="linked_at")])
    for name in (f"{NAME}-closed", f"{NAME}-open"):
        attempt(
            f"{who} {name}", lambda api=api, name=name: api.registry(name).description, ValueError
        )
        attempt(
            f"{who} {name}",
            lambda api=api, name=name: api.artifact_exists(f"wandb-registry-{name}/weights:v0"),
            comm,
        )
attempt("gus sees", lambda: [r.name for r in gus.registries("Blue Whale")], ValueError)
attempt("gus gets", lambda: gus.registry(f"{NAME}-open", "Blue Whale").name, Exception)
attempt(
    "gus reads",
    lambda: gus.artifact(f"Blue Whale/wandb-registry-{NAME}-open/weights:v0").name,
    Exception,
)
attempt("vic makes", lambda: vic.create_registry(f"{NAME}-vic", "organization").name, ValueError)
attempt("vic makes a project", lambda: vic.create_project(f"{NAME}-vic", "whales"), Exception)

open_of_vic = vic.registry(f"{NAME}-open")
open_of_vic.description = "Vic was here."
attempt("vic saves", open_of_vic.save, ValueError)
attempt("vic deletes", open_of_vic.delete, ValueError)
attempt("vic adds", lambda: open_of_vic.add_members(vic.viewer), Exception)
attempt("vic looks", lambda: [m.user.username for m in open_of_vic.user_members()], ValueError)
collection = next(open_of_vic.collections())
collection.description = "Vic was here, too."
attempt("vic describes", collection.save, comm)
attempt("vic deletes the collection", collection.delete, comm)
version = next(open_of_vic.versions())
print(version.name, version.aliases, version.metadata)
version.aliases.append("vics")
attempt("vic gives an alias", version.save, comm)
attempt("vic unlinks", version.unlink, comm)

restricted.add_members(vic.viewer.id).update_member(vic.viewer.id, "viewer")
print([r.name for r in vic.registries(filter=named, order="name")])
print(vic.artifact(f"wandb-registry-{NAME}-closed/weights:latest").name)
restricted.update_member(vic.viewer.id, "admin")
closed = vic.registry(f"{NAME}-closed")
closed.description = "Vic may."
closed.save()
print(mia.registry(f"{NAME}-closed").description)
closed.remove_members(vic.viewer.id)
attempt("vic out", lambda: vic.registry(f"{NAME}-closed").name, ValueError)
shared.load()
print(shared.description)
for registry in (restricted, shared):
    registry.delete()
