"""Runs make, use and link artifacts; then they are read back."""

import os
import sys
import tempfile

import wandb

NAME = sys.argv[1]
PROJECT = f"{NAME}-runs"
api = wandb.Api(overrides={"organization": "Blue Whale", "entity": "whales"})
registry = api.create_registry(f"{NAME}-lineage", "organization")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "data.txt")
    with open(path, "w") as file:
        file.write(f"data of {NAME}")
    with wandb.init(
        project=PROJECT, entity="whales", name="maker", job_type="make", config={"rate": 0.1}
    ) as run:
        data = wandb.Artifact("data", type="dataset", description="Numbers.", metadata={"rows": 3})
        data.add_file(path)
        data.add_dir(folder, name="copy")
        with data.new_file("notes/readme.md") as file:
            file.write("# Read me")
        logged = run.log_artifact(data, aliases=["raw"])
        logged.wait()
        print(logged.name, logged.version, sorted(logged.aliases), logged.type, logged.metadata)
        maker = run.path
    with wandb.init(
        project=PROJECT, entity="whales", name="trainer", tags=["a", "b"], notes="Note.", group="g"
    ) as run:
        used = run.use_artifact("data:raw")
        print(
            used.name, used.version, sorted(os.listdir(used.download(os.path.join(folder, "got"))))
        )
        for step in range(5):
            run.log({"loss": 1 / (step + 2), "step_twice": 2 * step})
        run.config["rate"] = 0.2
        run.config.update({"depth": 3, "nested": {"a": [1, 2]}})
        run.summary["best"] = 0.2
        model = wandb.Artifact("model", "model")
        with model.new_file("weights.bin", "wb") as file:
            file.write(NAME[:1].encode() * 100)
        run.log_artifact(model, aliases=["good"])
        linked = run.link_artifact(model, f"wandb-registry-{registry.name}/model", aliases=["prod"])
        print(linked.name, sorted(linked.aliases), linked.is_link, linked.entity, linked.project)
        trainer = run.path

run = api.run(trainer)
print(run.name, run.state, run.entity, run.project, run.tags, run.notes, run.group, run.job_type)
print(
    sorted(run.config.items()),
    run.summary["best"],
    run.summary["loss"],
    run.summary["step_twice"],
    run.lastHistoryStep,
)
print(
    [a.name for a in run.logged_artifacts() if a.type == "model"],
    [a.name for a in run.used_artifacts()],
)
print(len(run.used_artifacts()), run.user.username, run.url.split("/")[3:6], len(run.path))
print(
    [row["loss"] for row in run.scan_history()],
    [sorted(row.items()) for row in run.scan_history(keys=["step_twice", "loss"])],
)
print([row["loss"] for row in run.scan_history(keys=["loss"], min_step=1, max_step=3)])
print([sorted(row) for row in run.scan_history(keys=["nothing"])])
print(run.history(keys=["loss"], pandas=False))
print([row["step_twice"] for row in run.history(pandas=False)])
print([a.qualified_name.split("/")[-1] for a in api.run(maker).logged_artifacts()])

runs = api.runs(f"whales/{PROJECT}")
print(len(runs), [r.name for r in runs], [r.state for r in runs], runs)
print([r.name for r in api.runs(f"whales/{PROJECT}", order="-created_at")])
print([r.name for r in api.runs(f"whales/{PROJECT}", {"config.rate": 0.2})])
print(
    [
        r.name
        for r in api.runs(
            f"whales/{PROJECT}", filters={"$or": [{"tags": "a"}, {"display_name": "no"}]}
        )
    ]
)
print(
    [
        r.name
        for r in api.runs(f"whales/{PROJECT}", {"summary_metrics.loss": {"$lt": 0.5}}, per_page=1)
    ]
)
print([r.name for r in api.runs(f"whales/{PROJECT}", {"jobType": "make"}, lazy=False)])
print([(r.config.get("rate"), r.summary.get("best")) for r in runs], runs[1].name)

data = api.artifact(f"whales/{PROJECT}/data:latest")
print(
    data.logged_by().name,
    [r.name for r in data.used_by()],
    sorted(data.manifest.entries),
    data.description,
)
print(api.artifact(f"wandb-registry-{registry.name}/model:prod").logged_by().name)

run.tags = ["c"]
run.name = "renamed"
run.notes = "New."
run.config["depth"] = 4
run.update()
run.summary.update({"best": 0.1, "more": {"deep": 1}})
again = wandb.Api().run("/".join(run.path))
print(
    again.tags,
    again.name,
    again.notes,
    sorted(again.config.items()),
    again.summary["best"],
    again.summary["more"]["deep"],
)
print(
    again.summary_metrics["best"],
    sorted(k for k in again.summary._json_dict if not k.startswith("_")),
)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "note.txt")
    with open(path, "w") as file:
        file.write("noted")
    file = run.upload_file(path, root=folder)
    print(
        file.name, file.size, run.file("note.txt").name, [f.name for f in run.files(["note.txt"])]
    )
    print([f.name for f in run.files(pattern="note%")])
    with run.file("note.txt").download(os.path.join(folder, "back")) as back:
        print(back.read())
    try:
        run.file("note.txt").download(os.path.join(folder, "back"))
    except (ValueError, wandb.errors.CommError):
        print("it is there")
    run.file("note.txt").delete()
    print([f.name for f in run.files(["note.txt"])])
made = api.create_run(run_id=f"{NAME}-made", project=PROJECT, entity="whales")
print(made.id, made.state, made.use_artifact(data).name, [a.name for a in made.used_artifacts()])
print(made.update_state("failed"), made.state)
made.delete()
try:
    wandb.Api().run(f"whales/{PROJECT}/{NAME}-made")
except (ValueError, wandb.errors.CommError):
    print("no such run")
registry.delete()
