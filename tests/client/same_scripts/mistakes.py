"""What can't be, and how it is told: kinds of exceptions."""

import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})
registry = api.create_registry(f"{NAME}-there", "organization")


def attempt(what, act, *kinds):
    try:
        act()
        print(what, "was done")
    except kinds:
        print(what, "is told")


comm, error = wandb.errors.CommError, wandb.Error
attempt("twice", lambda: api.create_registry(f"{NAME}-there", "organization"), ValueError)
attempt("visibility", lambda: api.create_registry(f"{NAME}-x", "public"), ValueError)
attempt("slash", lambda: api.create_registry(f"{NAME}/x", "organization"), ValueError)
attempt("no name", lambda: api.create_registry("", "organization"), ValueError)
attempt("long", lambda: api.create_registry("x" * 114, "organization"), ValueError)
attempt(
    "no type",
    lambda: api.create_registry(f"{NAME}-x", "organization", artifact_types=["a:b"]),
    ValueError,
)
attempt(
    "no organization",
    lambda: api.create_registry(f"{NAME}-x", "organization", "Nowhere"),
    Exception,
)
attempt("missing", lambda: api.registry(f"{NAME}-not-there"), ValueError)
attempt("missing organization", lambda: api.registry(f"{NAME}-there", "Nowhere"), comm)
attempt("organization", lambda: api.organization("Nowhere"), comm)
attempt("name set", lambda: setattr(registry, "name", ""), ValueError)
attempt("id set", lambda: setattr(registry, "id", "x"), AttributeError)
attempt("entity set", lambda: setattr(registry, "entity", "x"), AttributeError)
registry.name = "a/b"
attempt("bad name saved", registry.save, ValueError)
attempt("bad name loaded", registry.load, ValueError)
registry = api.registry(f"{NAME}-there")

attempt("filter field", lambda: api.registries(filter={"colour": "red"}), ValueError)
attempt(
    "filter field of collections", lambda: registry.collections(filter={"alias": "x"}), ValueError
)
attempt("filter field of versions", lambda: registry.versions(filter={"colour": "x"}), ValueError)
attempt("twice the same", lambda: registry.versions(filter={"tag": "x", "tags": "y"}), ValueError)
attempt(
    "filter deep down",
    lambda: api.registries(filter={"$or": [{"name": "x"}, {"colour": "y"}]}),
    ValueError,
)
attempt("order", lambda: api.registries(order="colour"), ValueError)
attempt("order of versions", lambda: registry.versions(order="name"), ValueError)
attempt("order sign", lambda: api.registries(order="*name"), ValueError)
attempt("per_page", lambda: api.registries(per_page=0), ValueError)
attempt("per_page", lambda: registry.versions(per_page=-1), ValueError)
ordered = api.registries(order="name")
attempt("start below order", lambda: ordered.collections(start="abc"), ValueError)
attempt("start below order", lambda: ordered.versions(start="abc"), ValueError)
attempt(
    "start below order",
    lambda: registry.collections(order="name").versions(start="abc"),
    ValueError,
)
attempt("len of chained", lambda: len(ordered.collections()), TypeError)
attempt("cursor of chained", lambda: ordered.versions().cursor, wandb.errors.UnsupportedError)
attempt("place in chained", lambda: ordered.versions()[0], wandb.errors.UnsupportedError)
attempt("organization of search", lambda: list(api.registries("Nowhere")), ValueError)
attempt("organization of search", lambda: list(api.registries("Nowhere").collections()), ValueError)
attempt("organization of search", lambda: list(api.registries("Nowhere").versions()), ValueError)
attempt("bad cursor", lambda: list(api.registries(start="abc")), Exception)

attempt("artifact", lambda: api.artifact(f"whales/{NAME}-source/nothing:v0"), comm)
attempt(
    "artifact of type",
    lambda: api.artifact(f"whales/{NAME}-source/weights-0:v0", type="dataset"),
    comm,
)
attempt("artifact None", lambda: api.artifact(None), comm)
attempt("artifact path", lambda: api.artifact("a/b/c/d:v0"), comm)
attempt(
    "collection", lambda: api.artifact_collection("model", f"whales/{NAME}-source/nothing"), comm
)
attempt("type", lambda: api.artifact_type("nothing", f"whales/{NAME}-source"), comm)
attempt("types", lambda: list(api.artifact_types("whales/nowhere-at-all")), ValueError)
attempt("run", lambda: api.run(f"whales/{NAME}-source/nothing"), comm)
attempt("runs", lambda: list(api.runs("whales/nowhere-at-all")), ValueError)
attempt("path", lambda: api.from_path("a/b/c/d/e"), error)
attempt("project id", lambda: api.project("nowhere-at-all", "whales").id, ValueError)
print(
    api.artifact_exists(f"whales/{NAME}-source/nothing:v0"),
    api.artifact_exists(f"whales/{NAME}-source/weights-0:v0"),
)
print(api.artifact_exists(f"whales/{NAME}-source/weights-0:v0", "dataset"))
print(api.artifact_exists(f"whales/{NAME}-source/weights-0:v0", type="model"))
print(api.artifact_collection_exists(f"whales/{NAME}-source/weights-0", "model"))
print(api.artifact_collection_exists(f"whales/{NAME}-source/weights-9", "model"))
print(api.artifact_collection_exists(name=f"whales/{NAME}-source/weights-0", type="dataset"))
print(api.user("nobody-of-that-name"), api.users("nobody-of-that-name"))
attempt("bad key", lambda: wandb.Api(api_key="k" * 40), wandb.errors.AuthenticationError)
registry.delete()
