"""Makes a registry, edits all that can be edited, renames and removes it."""

import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale"})

registry = api.create_registry(
    name=f"{NAME}-shelf", visibility="restricted", organization="Blue Whale", description="First."
)


def show(one):
    print(one.name, one.full_name, one.entity, one.organization, one.path)
    print(repr(one.description), one.visibility, one.allow_all_artifact_types, one.artifact_types)
    print(type(one.id).__name__, type(one.created_at).__name__, one.updated_at is None)


show(registry)
again = api.registry(f"{NAME}-shelf", "Blue Whale")
print(again.id == registry.id, again.created_at == registry.created_at)
print(api.registry(name=f"{NAME}-shelf").id == registry.id)

registry.description = "Second."
registry.visibility = "organization"
print(registry.description, again.description)
registry.save()
again.load()
show(again)

again.description = "Never saved."
again.load()
print(again.description)

registry.name = f"{NAME}-rack"
print(registry.name, registry.full_name)
registry.save()
show(registry)
for name in (f"{NAME}-shelf", f"{NAME}-rack"):
    try:
        print(name, api.registry(name).id == registry.id)
    except ValueError:
        print(name, "is not there")

plain = api.create_registry(f"{NAME}-plain", "organization")
print(plain.description, plain.allow_all_artifact_types, list(plain.artifact_types))
print([r.name for r in api.registries(filter={"name": {"$regex": f"{NAME}-"}}, order="name")])
plain.delete()
print(plain.name)
print([r.name for r in api.registries(filter={"name": {"$regex": f"{NAME}-"}}, order="name")])
registry.delete()
try:
    registry.load()
except ValueError:
    print("gone")

direct = wandb.Api().organization("Blue Whale")
print(direct.name, direct.org_entity.name, type(direct.id).__name__)
made = type(registry).create(api, "Blue Whale", f"{NAME}-direct", "restricted")
print(type(made).__name__, made.name, made.visibility)
made.delete()
