"""Edits collections: of a registry and of a project."""

import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})
registry = api.create_registry(f"{NAME}-cards", "organization")
for number in range(2):
    source = api.artifact(f"whales/{NAME}-source/weights-{number}:v0")
    source.link(f"wandb-registry-{registry.name}/heavy", aliases=[f"n{number}", "all"])


def show(one):
    print(
        one.name,
        one.type,
        one.description,
        sorted(one.tags),
        one.is_sequence(),
        sorted(one.aliases),
    )


heavy = next(registry.collections())
show(heavy)
heavy.description = "# Heavy\nWeighs much."
heavy.tags = ["one", "two", "one"]
print(heavy.tags)
heavy.save()
show(api.artifact_collection("model", f"{registry.full_name}/heavy"))
heavy.tags.append("three")
heavy.tags.remove("one")
heavy.name = "heavier"
heavy.save()
show(heavy)
show(api.artifact_collection("model", f"blue-whale-org/{registry.full_name}/heavier"))
show(api.artifact_collection("model", f"Blue Whale/{registry.full_name}/heavier"))


def attempt(what, act):
    try:
        act()
        print(what, "was done")
    except Exception as error:
        print(what, isinstance(error, (ValueError, wandb.errors.CommError)))


attempt("bad tag", lambda: setattr(heavy, "tags", ["a/b"]))
attempt("bad name", lambda: setattr(heavy, "name", "a/b"))
attempt("type of links", lambda: setattr(heavy, "type", "dataset"))
attempt("id", lambda: setattr(heavy, "project", "x"))
print([a.name for a in heavy.artifacts()], [a.aliases for a in heavy.artifacts()])

logged = api.artifact_collection("model", f"whales/{NAME}-source/weights-2")
show(logged)
logged.description = "Logged."
logged.tags = ["raw"]
logged.save()
logged.type = "checkpoint"
logged.save()
show(api.artifact_collection("checkpoint", f"whales/{NAME}-source/weights-2"))
logged.type = "model"
logged.tags = []
logged.save()
show(api.artifact_collection("model", f"whales/{NAME}-source/weights-2"))
logged.type = "job"
attempt("reserved type", logged.save)
heavy.delete()
print(len(registry.collections()), api.artifact_exists(f"whales/{NAME}-source/weights-1:v0"))
registry.delete()
