"""People, teams, organizations, projects and types, as the API tells of them."""

import sys

import wandb

NAME = sys.argv[1]
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})

viewer = api.viewer
print(viewer, viewer.username, viewer.email, viewer.admin, viewer.teams, viewer.entity)
print(viewer.name, viewer.flags, type(viewer.id).__name__, len(viewer.api_keys))
print(api.default_entity, api.settings["entity"], api.settings["organization"])
print(sorted(user.username for user in api.users("bw-m")), api.user("bw-olga").username)

team = api.team("whales")
print(team, team.name, team.is_team, team.entity_type, sorted(m.username for m in team.members))
print(
    [
        (m, m.name, m.admin, m.pending, m.account_type)
        for m in team.members
        if m.username == "bw-olga"
    ]
)

organization = api.organization()
print(organization.name, organization.org_entity.name, organization.org_entity.entity_type)

key = viewer.generate_api_key("for a test")
print(len(key) >= 40, len(viewer.api_keys), viewer.delete_api_key(viewer.api_keys[-1]))
try:
    viewer.delete_api_key("no such key")
except ValueError:
    print("no such key")

project = api.project(f"{NAME}-source", "whales")
print(project, project.name, project.entity, project.path, type(project.id).__name__)
print(project.url.split("/")[3:], project.owner.username)
print(
    [t.name for t in project.artifacts_types()], [c.name for c in project.collections(order="name")]
)
print(f"{NAME}-source" in [p.name for p in api.projects("whales")])
print(f"{NAME}-source" in [p.name for p in api.projects()])
print([p.name for p in api.projects("whales", per_page=1)][:1] == [api.projects("whales")[0].name])
api.create_project(f"{NAME}-made", "whales")
print(api.from_path(f"whales/{NAME}-made"), api.from_path(f"{NAME}-made").path)

types = api.artifact_types(f"whales/{NAME}-source")
print([t.name for t in types], types[0], types[0].name, types[0].type)
kind = api.artifact_type("model", f"whales/{NAME}-source")
print(kind, kind.name, kind.entity, kind.project, [c.name for c in kind.collections(order="-name")])
print(kind.collection("weights-0"), len(kind.collections()))
for collection in api.artifact_collections(f"whales/{NAME}-source", "model", order="name"):
    print(
        collection, collection.name, collection.type, collection.is_sequence(), collection.aliases
    )
collection = api.artifact_collection("model", f"whales/{NAME}-source/weights-2")
print(collection.entity, collection.project, collection.description, collection.tags)
print([a.name for a in collection.artifacts()], len(collection.artifacts()))
artifacts = api.artifacts("model", f"whales/{NAME}-source/weights-2", per_page=1)
print(
    len(artifacts),
    [a.name for a in artifacts],
    artifacts[0].version,
    [a.version for a in artifacts[1:3]],
)
print(
    [
        a.version
        for a in api.artifacts("model", f"whales/{NAME}-source/weights-2", order="+created_at")
    ]
)
resumed = api.artifacts("model", f"whales/{NAME}-source/weights-2", per_page=2)
print(
    resumed[0].version,
    [
        a.version
        for a in api.artifacts("model", f"whales/{NAME}-source/weights-2", start=resumed.cursor)
    ],
)
print(list(api.artifacts("model", f"whales/{NAME}-source/weights-2", tags=["nothing"])))
