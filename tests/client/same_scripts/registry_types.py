"""The list of a registry's artifact types: what can be added, taken back and saved."""

import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api()

registry = api.create_registry(
    f"{NAME}-typed", "organization", organization="Blue Whale", artifact_types=["model", "dataset"]
)
types = registry.artifact_types
print(sorted(types), registry.allow_all_artifact_types, len(types), "model" in types)


def attempt(what, act):
    try:
        print(what, act())
    except Exception as error:
        kinds = (ValueError, TypeError, IndexError)
        print(what, [kind.__name__ for kind in kinds if isinstance(error, kind)])


def put(index, value):
    registry.artifact_types[index] = value


def drop(index):
    del registry.artifact_types[index]


types.append("report")
types.append("report")
types.append("model")
print(len(types), types[-1], types.draft, [types[2]], types[2:])
attempt("remove saved", lambda: types.remove("model"))
attempt("remove unknown", lambda: types.remove("nothing"))
attempt("remove draft", lambda: types.remove("report"))
attempt("insert", lambda: types.insert(2, "report"))
attempt("insert before saved", lambda: types.insert(0, "early"))
attempt("insert far", lambda: types.insert(99, "late"))
attempt("set draft", lambda: put(2, "paper"))
attempt("set saved", lambda: put(0, "x"))
attempt("set nowhere", lambda: put(12, "x"))
attempt("set slice", lambda: put(slice(0, 1), ["x"]))
attempt("delete saved", lambda: drop(0))
attempt("delete draft", lambda: drop(-1))
attempt("delete slice", lambda: drop(slice(0, 2)))
attempt("delete nowhere", lambda: drop(40))
attempt("extend", lambda: types.extend(["a", "b", "a"]))
attempt("pop", types.pop)
print(list(types)[2:], types.draft, types == list(types), types == ["model"])
registry.save()
print(sorted(registry.artifact_types), registry.artifact_types.draft)
attempt("remove what was saved", lambda: registry.artifact_types.remove("paper"))

everything = api.create_registry(f"{NAME}-all", "organization", organization="Blue Whale")
everything.artifact_types.append("model")
attempt("add while all are allowed", everything.save)
everything.allow_all_artifact_types = False
everything.save()
print(list(everything.artifact_types), everything.allow_all_artifact_types)
everything.allow_all_artifact_types = True
everything.save()
print(list(everything.artifact_types), everything.allow_all_artifact_types)
everything.artifact_types.append("bad/type")
everything.allow_all_artifact_types = False
attempt("a type with a slash", everything.save)
everything.load()
print(list(everything.artifact_types), everything.artifact_types)
for one in (registry, everything):
    one.delete()
