"""The real client logs runs and reads them back."""

from tests.client.fixtures import NewPerson
from tests.client.live import Person, Server, run_script

LOG = """
import wandb
run = wandb.init(
    project=project, entity="main", id=run_id, config={"lr": 0.1, "net": {"deep": True}},
    tags=["b", "a"], group="g", job_type="train", notes="some notes",
)
for step in range(steps):
    wandb.log({"loss": 1 / (step + 1), "step_twice": 2 * step})
    if step % 250 == 0:
        print(f"at step {step}")
run.summary["best"] = 7
result = {"name": run.name, "url": run.url, "id": run.id}
run.finish()
"""


def test_a_run_is_logged_and_read_back(server: Server, admin: Person, project: str) -> None:
    logged = run_script(server, admin, LOG, project=project, run_id="first", steps=1000)
    assert logged["id"] == "first"
    assert logged["name"].endswith("-1")
    found = run_script(
        server,
        admin,
        """
        import wandb
        run = wandb.Api().run(f"main/{project}/first")
        sampled = run.history(keys=["loss"], samples=50, pandas=False)
        full = run.history(samples=100, pandas=False)
        result = {
            "state": run.state, "config": run.config, "tags": run.tags, "group": run.group,
            "job_type": run.job_type, "notes": run.notes, "name": run.name,
            "best": run.summary["best"], "last": run.summary["_step"],
            "steps": [row["_step"] for row in run.scan_history()],
            "losses": [row["loss"] for row in run.scan_history(keys=["loss"], page_size=100)],
            "between": [row["_step"] for row in run.scan_history(min_step=10, max_step=20)],
            "sampled": len(sampled), "full": len(full), "last_step": run.lastHistoryStep,
            "user": run.user.username, "files": sorted(file.name for file in run.files()),
            "log": [line.content for line in run.console_logs(per_page=2)],
            "tail": [line.content for line in run.console_logs(last=1)],
            "read_only": run.read_only,
        }
        """,
        project=project,
    )
    assert found["state"] == "finished"
    assert found["config"] == {"lr": 0.1, "net": {"deep": True}}
    assert sorted(found["tags"]) == ["a", "b"]
    assert (found["group"], found["job_type"], found["notes"]) == ("g", "train", "some notes")
    assert found["name"] == logged["name"]
    assert (found["best"], found["last"], found["last_step"]) == (7, 999, 999)
    assert found["steps"] == list(range(1000))
    assert found["losses"] == [1 / (step + 1) for step in range(1000)]
    assert found["between"] == list(range(10, 20))
    assert (found["sampled"], found["full"]) == (50, 100)
    assert found["user"] == admin.username
    assert {"config.yaml", "wandb-metadata.json", "wandb-summary.json"} <= set(found["files"])
    assert [text for text in found["log"] if text.startswith("at step")] == [
        f"at step {step}" for step in (0, 250, 500, 750)
    ]
    assert len(found["tail"]) == 1
    assert found["read_only"] is False


def test_a_run_is_resumed_where_it_ended(server: Server, admin: Person, project: str) -> None:
    run_script(server, admin, LOG, project=project, run_id="again", steps=10)
    resumed = run_script(
        server,
        admin,
        """
        import wandb
        run = wandb.init(project=project, entity="main", id="again", resume="must")
        state = wandb.Api().run(f"main/{project}/again").state
        before = {"step": run.starting_step, "resumed": run.resumed, "lr": run.config["lr"], "name": run.name}
        for step in range(5):
            wandb.log({"loss": -step})
        run.finish()
        found = wandb.Api().run(f"main/{project}/again")
        result = before | {
            "steps": [row["_step"] for row in found.scan_history()], "state": found.state,
            "last": found.summary["loss"], "meanwhile": state, "tags": sorted(found.tags),
        }
        """,
        project=project,
    )
    assert (resumed["resumed"], resumed["step"], resumed["lr"]) == (True, 10, 0.1)
    assert (resumed["meanwhile"], resumed["tags"]) == ("running", ["a", "b"])
    assert resumed["steps"] == list(range(15))
    assert (resumed["state"], resumed["last"]) == ("finished", -4)


def test_resuming_what_is_not_there_is_refused(server: Server, admin: Person, project: str) -> None:
    done = run_script(
        server,
        admin,
        f'import wandb; wandb.init(project="{project}", entity="main", id="x", resume="must")',
        check=False,
    )
    assert done.returncode != 0


def test_a_failing_script_fails_its_run(server: Server, admin: Person, project: str) -> None:
    script = f"""
    import wandb
    wandb.init(project="{project}", entity="main", id="bad")
    raise RuntimeError("boom")
    """
    assert run_script(server, admin, script, check=False).returncode == 1
    state = run_script(
        server,
        admin,
        'import wandb; result = wandb.Api().run(f"main/{project}/bad").state',
        project=project,
    )
    assert state == "failed"


def test_an_offline_run_is_synced(server: Server, admin: Person, project: str) -> None:
    found = run_script(
        server,
        admin,
        """
        import glob, os, subprocess, sys, wandb
        with wandb.init(project=project, entity="main", id="off", mode="offline") as run:
            for step in range(30):
                wandb.log({"loss": step})
        (folder,) = glob.glob(os.path.join(os.environ["WANDB_DIR"], "wandb", "offline-run-*-off"))
        subprocess.run([sys.executable, "-m", "wandb", "sync", folder], check=True)
        read = wandb.Api().run(f"main/{project}/off")
        result = {"steps": [row["_step"] for row in read.scan_history()], "state": read.state}
        """,
        project=project,
    )
    assert found == {"steps": list(range(30)), "state": "finished"}


READ = """
    read = wandb.Api().run(f"main/{project}/{run_id}")
    seen = {
        "losses": [(row["_step"], row["loss"]) for row in read.scan_history()],
        "loss": read.summary["loss"], "machine": len(read.history(stream="system", pandas=False)),
        "console": [line.content for line in read.console_logs()], "state": read.state,
        "counted": read._attrs["historyKeys"]["keys"]["loss"]["typeCounts"][0]["count"],
    }
"""

SYNC = """
    import glob, os, subprocess, sys, wandb
    def sync(kind, *how):
        (folder,) = glob.glob(os.path.join(os.environ["WANDB_DIR"], "wandb", f"{kind}-*-{run_id}"))
        subprocess.run([sys.executable, "-m", "wandb", "sync", *how, folder], check=True)
"""


def test_a_run_synced_twice_has_everything_once(
    server: Server, admin: Person, project: str
) -> None:
    once, twice = run_script(
        server,
        admin,
        f"""
    {SYNC}
    with wandb.init(project=project, entity="main", id=run_id, mode="offline") as run:
        for step in range(30):
            run.log({{"loss": step}})
            print("line", step)
    sync("offline-run")
    {READ}
    once = seen
    sync("offline-run", "--include-synced")
    {READ}
    result = [once, seen]
        """,
        project=project,
        run_id="twice",
    )
    assert once["losses"] == [[step, step] for step in range(30)]
    assert once["console"] == [f"line {step}" for step in range(30)]
    assert once["machine"] > 0
    assert (once["loss"], once["counted"], once["state"]) == (29, 30, "finished")
    assert twice == once


def test_a_run_that_died_on_its_way_is_completed_by_a_sync(
    server: Server, admin: Person, project: str
) -> None:
    died = run_script(
        server,
        admin,
        """
        import os, signal, wandb
        settings = wandb.Settings(x_file_stream_transmit_interval=0.1)
        run = wandb.init(project=project, entity="main", id="dead", settings=settings)
        step = 0
        while True:
            run.log({"loss": step})
            step += 1
            if step % 50 == 0 and len(list(wandb.Api().run(f"main/{project}/dead").scan_history())) > 50:
                os.kill(os.getpid(), signal.SIGKILL)
        """,
        project=project,
        check=False,
    )
    assert died.returncode == -9
    found = run_script(
        server,
        admin,
        f"""
    {SYNC}
    {READ}
    before = seen
    sync("run", "--include-online")
    {READ}
    result = [before, seen]
        """,
        project=project,
        run_id="dead",
    )
    before, after = (each["losses"] for each in found)
    assert 50 < len(before) <= len(after)
    assert after == [[step, step] for step in range(len(after))]
    assert found[1]["counted"] == len(after)


def test_a_resumed_run_synced_twice_has_its_history_once(
    server: Server, admin: Person, project: str
) -> None:
    found = run_script(
        server,
        admin,
        f"""
    {SYNC}
    with wandb.init(project=project, entity="main", id=run_id) as run:
        for step in range(5):
            run.log({{"loss": step}})
    again = wandb.Settings(mode="offline", resume="allow")
    with wandb.init(project=project, entity="main", id=run_id, settings=again) as run:
        for step in range(5):
            run.log({{"loss": 100 + step}})
    for how in ([], ["--include-synced"], ["--include-synced"]):
        sync("offline-run", *how)
    {READ}
    result = seen
        """,
        project=project,
        run_id="both",
    )
    assert found["losses"] == [[step, step if step < 5 else 95 + step] for step in range(10)]
    assert found["counted"] == 10


def test_logging_under_an_id_again_without_resuming_replaces_the_history(
    server: Server, admin: Person, project: str
) -> None:
    run_script(server, admin, LOG, project=project, run_id="same", steps=20)
    found = run_script(
        server,
        admin,
        f"""
    import wandb
    with wandb.init(project=project, entity="main", id=run_id) as run:
        for step in range(3):
            run.log({{"loss": -step}})
    {READ}
    result = seen
        """,
        project=project,
        run_id="same",
    )
    assert found["losses"] == [[0, 0], [1, -1], [2, -2]]
    assert (found["counted"], found["loss"]) == (3, -2)


def test_two_processes_log_to_one_run_at_once(server: Server, admin: Person, project: str) -> None:
    found = run_script(
        server,
        admin,
        f"""
    import subprocess, sys, wandb
    script = '''
    import sys, wandb
    settings = wandb.Settings(mode="shared", x_primary=sys.argv[2] == "0", x_label=sys.argv[2],
        x_file_stream_transmit_interval=0.1)
    with wandb.init(project=sys.argv[1], entity="main", id="shared", settings=settings) as run:
        print("began", flush=True)
        sys.stdin.readline()
        for step in range(100):
            run.log({{"loss": 1000 * int(sys.argv[2]) + step}})
    '''
    command = [sys.executable, "-c", __import__("textwrap").dedent(script), project]
    started = []
    for number in "01":
        one = subprocess.Popen([*command, number], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while "began" not in one.stdout.readline():
            assert one.poll() is None
        started.append(one)
    for one in started:
        one.stdin.write("go\\n")
        one.stdin.flush()
    for one in started:
        one.communicate()
    {READ}
    result = seen
        """,
        project=project,
        run_id="shared",
    )
    losses = sorted(loss for _, loss in found["losses"])
    assert losses == [*range(100), *range(1000, 1100)]


def test_runs_are_listed_filtered_and_sorted(server: Server, admin: Person, project: str) -> None:
    found = run_script(
        server,
        admin,
        """
        import wandb
        for name, lr in (("a", 0.3), ("b", 0.1), ("c", 0.2)):
            with wandb.init(project=project, entity="main", id=name, config={"lr": lr}) as run:
                run.log({"loss": 10 * lr})
        api = wandb.Api()
        def ids(**ask):
            return [run.id for run in api.runs(f"main/{project}", **ask)]
        result = [
            ids(), ids(order="-created_at", per_page=2), ids(filters={"config.lr": {"$gte": 0.2}}),
            ids(order="+config.lr.value"), ids(order="-summary_metrics.loss"),
            ids(filters={"state": "finished", "$or": [{"config.lr.value": 0.1}]}),
            [len(api.runs(f"main/{project}")), len(api.runs(f"main/{project}", filters={"config.lr": 0.1}))],
        ]
        """,
        project=project,
    )
    assert found == [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["a", "c"],
        ["b", "c", "a"],
        ["a", "c", "b"],
        ["b"],
        [3, 1],
    ]


def test_runs_are_edited_and_deleted(server: Server, admin: Person, project: str) -> None:
    found = run_script(
        server,
        admin,
        """
        import wandb
        api = wandb.Api()
        made = api.create_run(run_id="made", project=project, entity="main")
        run = api.run(f"main/{project}/made")
        run.config["lr"] = 5
        run.tags.append("x")
        run.name = "renamed"
        run.summary["score"] = 3
        run.update()
        api.flush()
        again = wandb.Api().run(f"main/{project}/made")
        seen = [again.config, again.tags, again.name, again.summary["score"], again.state]
        again.update_state("failed")
        seen.append(wandb.Api().run(f"main/{project}/made").state)
        again.stop()
        again.delete()
        try:
            wandb.Api().run(f"main/{project}/made")
        except Exception as error:
            seen.append(str(error))
        result = seen
        """,
        project=project,
    )
    assert found[:5] == [{"lr": 5}, ["x"], "renamed", 3, "running"]
    assert found[5] == "failed"
    assert "Could not find run" in found[6]


def test_files_are_saved_read_and_deleted(server: Server, admin: Person, project: str) -> None:
    found = run_script(
        server,
        admin,
        """
        import os, pathlib, tempfile, wandb
        folder = pathlib.Path(tempfile.mkdtemp())
        (folder / "deep").mkdir()
        (folder / "deep" / "notes.txt").write_text("hello")
        with wandb.init(project=project, entity="main", id="saver") as run:
            run.save(str(folder / "deep" / "notes.txt"), base_path=str(folder))
        read = wandb.Api().run(f"main/{project}/saver")
        text = read.file("deep/notes.txt").download(root=str(folder / "down")).read()
        (folder / "later.bin").write_bytes(b"x" * 100_000)
        os.chdir(folder)
        later = read.upload_file("later.bin")
        (folder / "later.bin").write_bytes(b"y" * 5)
        read.upload_file("later.bin")
        sizes = {file.name: file.size for file in read.files(names=["later.bin", "deep/notes.txt"])}
        matching = [file.name for file in read.files(pattern="%.txt")]
        read.file("later.bin").delete()
        left = [file.name for file in wandb.Api().run(f"main/{project}/saver").files()]
        result = [text, sizes, matching, "later.bin" in left]
        """,
        project=project,
    )
    assert found[0] == "hello"
    assert found[1] == {"deep/notes.txt": 5, "later.bin": 5}
    assert "deep/notes.txt" in found[2]
    assert found[3] is False


def test_a_registry_and_anothers_project_take_no_runs(
    server: Server, admin: Person, new_person: NewPerson, project: str
) -> None:
    run_script(server, admin, LOG, project=project, run_id="mine", steps=1)
    stranger = new_person("sam", organization_role=None, in_team=False)
    script = """
    import wandb
    try:
        wandb.init(project=project, entity=entity, settings=wandb.Settings(init_timeout=20))
        result = "made"
    except Exception as error:
        result = str(error)
    """
    refused = run_script(server, stranger, script, project=project, entity="main")
    assert refused != "made"
    assert "main" in refused
    in_registry = run_script(
        server, admin, script, project="wandb-registry-model", entity="registrum-org"
    )
    assert "registr" in in_registry


def test_an_alert_is_taken(server: Server, admin: Person, project: str) -> None:
    run_script(
        server,
        admin,
        """
        import wandb
        with wandb.init(project=project, entity="main", id="alarm") as run:
            run.alert(title="loss is up", text="very much")
        """,
        project=project,
    )
    assert any("loss is up" in line for line in server.log)


def test_a_run_is_rewound(server: Server, admin: Person, project: str) -> None:
    run_script(server, admin, LOG, project=project, run_id="back", steps=20)
    found = run_script(
        server,
        admin,
        """
        import wandb
        run = wandb.init(project=project, entity="main", resume_from="back?_step=7")
        for step in range(2):
            run.log({"loss": -1.0 - step})
        run.finish()
        read = wandb.Api().run(f"main/{project}/back")
        result = [(row["_step"], row["loss"]) for row in read.scan_history()]
        """,
        project=project,
    )
    assert [step for step, _ in found] == list(range(10))
    assert [loss for _, loss in found[8:]] == [-1, -2]


def test_a_run_branches_off_another(server: Server, admin: Person, project: str) -> None:
    run_script(server, admin, LOG, project=project, run_id="trunk", steps=20)
    found = run_script(
        server,
        admin,
        """
        import wandb
        branch = dict(project=project, entity="main", fork_from="trunk?_step=7")
        with wandb.init(**branch, id="branch", config={"fresh": 1}) as run:
            run.log({"loss": -1.0})
            run.config["later"] = 2
            run.log({"loss": -2.0})
        with wandb.init(project=project, entity="main", id="branch", resume="must") as run:
            run.log({"loss": -3.0})
        rows = {}
        for name in ("trunk", "branch"):
            read = wandb.Api().run(f"main/{project}/{name}")
            rows[name] = [(row["_step"], row["loss"]) for row in read.scan_history()]
        try:
            wandb.init(project=project, entity="main", fork_from="nobody?_step=7")
            refusal = ""
        except wandb.errors.CommError as error:
            refusal = str(error)
        result = {**rows, "config": dict(read.config), "last": read.lastHistoryStep, "refusal": refusal}
        """,
        project=project,
    )
    assert len(found["trunk"]) == 20
    assert found["branch"][:8] == found["trunk"][:8]
    assert found["branch"][8:] == [[8, -1], [9, -2], [10, -3]]
    assert found["last"] == 10
    assert found["config"]["fresh"] == 1
    assert found["config"]["later"] == 2
    assert "nobody" in found["refusal"]
