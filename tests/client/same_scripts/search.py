"""Finds registries, collections and versions on all three levels; filters, orders, cursors, slices."""

import itertools
import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})

made = []
for index, letter in enumerate("abc"):
    made.append(
        api.create_registry(f"{NAME}-{letter}", "organization", description=f"Number {index}.")
    )
for place, registry in enumerate(made):
    for number in range(3):
        for version in range(place + 1):
            source = api.artifact(f"whales/{NAME}-source/weights-{number}:v{version}")
            aliases = ["best"] if version == 0 else []
            source.link(f"wandb-registry-{registry.name}/model-{number}", aliases=aliases)
collection = api.artifact_collection("model", f"wandb-registry-{NAME}-b/model-1")
collection.tags = ["prod", "checked twice"]
collection.description = "The card."
collection.save()

mine = {"name": {"$regex": f"^wandb-registry-{NAME}-"}}
found = api.registries("Blue Whale", filter=mine, order="+name")
print([r.name for r in found], [r.name for r in found], found.cursor is not None)
print([r.name for r in api.registries(filter=mine, order="-name")])
print([r.name for r in api.registries(filter=mine, order="-created_at", per_page=1)])
print([r.name for r in api.registries(filter={"name": f"{NAME}-b"})])
print(
    [
        r.name
        for r in api.registries(
            filter={"name": {"$in": [f"{NAME}-c", f"wandb-registry-{NAME}-a"]}}, order="name"
        )
    ]
)
print(
    [
        r.name
        for r in api.registries(
            filter={"$and": [mine, {"$not": {"name": f"{NAME}-b"}}]}, order="name"
        )
    ]
)
print([r.name for r in api.registries(filter={**mine, "description": {"$contains": "Number 1"}})])
print(
    [
        r.name
        for r in api.registries(
            filter={"$or": [{"name": f"{NAME}-a"}, {"description": "Number 2."}], **mine},
            order="name",
        )
    ]
)

pages = api.registries(filter=mine, order="name", per_page=2)
print(pages.cursor, pages.more, pages.length, pages.index, pages.per_page, len(pages.objects))
print(next(pages).name, pages.length, pages.index, pages.more, len(pages.objects))
print(pages[2].name, pages[0].name, [r.name for r in pages[0:2]], pages.more)
try:
    pages[9]
except IndexError:
    print("no tenth")
pages = api.registries(filter=mine, order="name", per_page=2)
first = [r.name for r in itertools.islice(pages, 2)]
rest = api.registries(filter=mine, order="name", per_page=2, start=pages.cursor)
print(first, [r.name for r in rest], rest.next.__name__ in ("next", "__next__"))

collections = api.registries(filter=mine).collections()
print(len(collections), sorted({c.name for c in collections}), len(list(collections)))
ordered = api.registries(filter=mine).collections(order="-name")
print([c.name for c in ordered][:4], len(ordered), [c.name for c in ordered[:2]])
tagged = api.registries().collections(filter={"tag": "prod", "name": "model-1"})
print(
    [
        (c.name, c.project, c.entity, c.type, sorted(c.tags), c.description)
        for c in tagged
        if NAME in c.project
    ]
)
print(
    [c.organization for c in made[0].collections()],
    [c.aliases for c in made[0].collections(order="name")],
)
b = made[1].collections(filter={"name": {"$in": ["model-0", "model-2"]}}, order="name", per_page=1)
print([c.name for c in b], b.cursor is not None, len(b))
resumed = made[1].collections(order="name", per_page=1)
print(next(resumed).name, [c.name for c in made[1].collections(order="name", start=resumed.cursor)])

versions = made[2].versions()
print(len(list(versions)), sorted({v.version for v in versions}), versions.length)
print(sorted(v.name for v in made[2].versions(filter={"alias": "best"})))
print(sorted(v.name for v in made[2].versions(filter={"version": {"$in": ["v1", "v2"]}})))
print(sorted(v.name for v in made[2].versions(filter={"metadata.score": {"$gt": 0.5}})))
print([v.name for v in made[0].versions(order="linked_at")])
print([v.name for v in made[0].versions(order="-linked_at", per_page=2)])
print([v.qualified_name for v in made[0].versions(order="+linked_at")[:2]])
best = (
    api.registries(filter=mine)
    .collections(filter={"name": {"$regex": "model-[01]"}})
    .versions(filter={"$or": [{"alias": "best"}, {"tag": "nothing"}]})
)
print(sorted(v.qualified_name for v in best))
for version in made[1].versions(filter={"alias": "best"}, order="linked_at"):
    print(
        version.name,
        version.version,
        version.aliases,
        version.type,
        version.is_link,
        version.collection.name,
    )
    print(
        version.entity,
        version.project,
        version.source_entity,
        version.source_project,
        version.source_name,
    )
half = made[2].versions(order="linked_at", per_page=4)
some = [v.name for v in itertools.islice(half, 4)]
print(some, [v.name for v in made[2].versions(order="linked_at", per_page=4, start=half.cursor)])
print(
    list(api.registries(filter={"name": f"{NAME}-none"})),
    list(made[0].versions(filter={"alias": "x"})),
)
print(len(made[0].collections(filter={"name": "nothing"})))

chained = api.registries(filter=mine, order="-name").collections(order="name")
print([f"{c.project}/{c.name}" for c in chained])
chained = api.registries(filter=mine, order="-name").versions(
    filter={"alias": "best"}, order="linked_at"
)
print([v.qualified_name for v in chained])
chained = made[2].collections(order="-name").versions(order="linked_at")
print([v.name for v in chained])
chained = (
    api.registries(filter=mine, order="name").collections(filter={"name": "model-1"}).versions()
)
print(sorted(v.qualified_name for v in chained))
for registry in made:
    registry.delete()
