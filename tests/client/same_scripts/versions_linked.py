"""A version is linked, found by alias, described, fetched, verified, unlinked and removed."""

import os
import sys
import tempfile

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})
registry = api.create_registry(f"{NAME}-models", "organization", artifact_types=["model"])

source = api.artifact(f"{NAME}-source/weights-1:v1")
print(source.name, source.qualified_name, source.version, source.type, source.state, source.aliases)
print(
    source.entity,
    source.project,
    source.collection.name,
    source.digest,
    source.size,
    source.file_count,
)
print(source.metadata, source.description, source.tags, source.is_link, source.is_draft())
print(source.source_name, source.source_version, source.source_entity, source.source_project)

link = source.link(f"wandb-registry-{registry.name}/weights", aliases=["best", "stage"])
print(link.name, link.qualified_name, link.is_link, sorted(link.aliases), link.version)
print(link.source_qualified_name, link.source_artifact.qualified_name, link.collection.name)
second = api.artifact(f"whales/{NAME}-source/weights-1:v2").link(
    f"Blue Whale/wandb-registry-{registry.name}/weights"
)
print(second.name, second.aliases, second.version)
third = api.artifact(f"whales/{NAME}-source/weights-1:v0", type="model").link(
    f"blue-whale-org/wandb-registry-{registry.name}/weights", ["stage"]
)
print(third.name, third.aliases)
for alias in ("best", "stage", "latest", "v0", "v1", "v2"):
    found = api.artifact(f"wandb-registry-{registry.name}/weights:{alias}")
    print(alias, found.name, found.version, sorted(found.aliases), found.source_version)
print([a.qualified_name for a in source.linked_artifacts])

best = api.artifact(f"Blue Whale/wandb-registry-{registry.name}/weights:best", type="model")
with tempfile.TemporaryDirectory() as folder:
    path = best.download(root=os.path.join(folder, "here"))
    print(os.path.basename(path), sorted(os.listdir(path)))
    with open(os.path.join(path, "a.txt")) as file:
        print(file.read())
    best.verify(root=path)
    print(os.path.basename(best.file(os.path.join(folder, "one"))))
    entry = best.get_entry("a.txt")
    print(entry.path, entry.size, entry.digest)
print([(f.name, f.size) for f in best.files()], len(best.files()))
print(sorted(best.manifest.entries), "a.txt" in best.manifest.entries)

source.description = "Said."
source.tags = ["raw", "kept"]
source.metadata["checked"] = True
source.aliases.append("mine")
source.save()
again = api.artifact(f"whales/{NAME}-source/weights-1:mine")
print(again.description, sorted(again.tags), again.metadata, sorted(again.aliases))
best = api.artifact(f"wandb-registry-{registry.name}/weights:best")
best.aliases.remove("best")
best.aliases.append("better")
best.save()
best = api.artifact(f"wandb-registry-{registry.name}/weights:better")
print(best.name, best.version, sorted(best.aliases), sorted(best.tags), best.description)
print(api.artifact_exists(f"wandb-registry-{registry.name}/weights:best"))
print([v.name for v in registry.versions(filter={"tag": "kept"})])
print([v.name for v in registry.versions(filter={"metadata.checked": True})])

best.unlink()
print(api.artifact_exists(f"wandb-registry-{registry.name}/weights:better"))
print(
    sorted(v.version for v in registry.versions()), sorted(a.name for a in source.linked_artifacts)
)
try:
    source.unlink()
except ValueError:
    print("a source is no link")
try:
    api.artifact(f"whales/{NAME}-source/weights-0:v0").link("wandb-registry-nowhere-at-all/weights")
except Exception:
    print("no such registry")
gone = api.artifact(f"whales/{NAME}-source/weights-1:v2")
gone.delete(delete_aliases=True)
print(
    api.artifact_exists(f"whales/{NAME}-source/weights-1:v2"),
    [v.version for v in registry.versions()],
)
registry.delete()
