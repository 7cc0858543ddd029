"""`registrum.init()`: what a run of our own SDK reports is what the real client reads."""

import pytest

from tests.client.live import Person, Server, run_script

READ = """
import wandb
run = wandb.Api().run(f"{entity}/{project}/{run}")
result = {
    "state": run.state, "name": run.name, "config": dict(run.config), "tags": run.tags, "group": run.group,
    "summary": {k: v for k, v in dict(run.summary).items() if not k.startswith("_")},
    "rows": [{k: v for k, v in row.items() if k not in ("_runtime", "_timestamp")} for row in run.scan_history()],
}
"""


def read(server: Server, person: Person, project: str, run: str) -> dict:
    """The run as the real client shows it."""
    return run_script(server, person, READ, entity="main", project=project, run=run)


def test_what_a_run_logs_is_read_by_the_client(server: Server, admin: Person, project: str) -> None:
    script = """
    import registrum as wandb
    with wandb.init(entity="main", project=project, name="first", config={"lr": 0.1}, tags=["a"], group="g") as run:
        run.config.layers = 3
        run.config.update({"opt": {"name": "adam"}})
        for step in range(1000):
            run.log({"loss": 1 / (step + 1), "nested": {"x": step}})
        wandb.log({"nan": float("nan")})
        run.summary["best"] = 0.001
    result = [run.id, run.path, run.url]
    """
    run_id, path, url = run_script(server, admin, script, project=project)
    found = read(server, admin, project, run_id)
    assert path == f"main/{project}/{run_id}"
    assert url == f"{server.url}/main/{project}/runs/{run_id}"
    assert (found["state"], found["name"], found["tags"], found["group"]) == (
        "finished",
        "first",
        ["a"],
        "g",
    )
    assert found["config"] == {"lr": 0.1, "layers": 3, "opt": {"name": "adam"}}
    assert [row["_step"] for row in found["rows"]] == list(range(1001))
    assert found["rows"][999]["loss"] == 1 / 1000
    assert found["summary"]["best"] == 0.001
    assert found["summary"]["loss"] == 1 / 1000


def test_steps_may_be_given_and_completed_in_parts(
    server: Server, admin: Person, project: str
) -> None:
    script = """
    import registrum as wandb
    run = wandb.init(entity="main", project=project)
    run.log({"a": 1}, commit=False)
    run.log({"b": 2})
    run.log({"a": 3}, step=5)
    run.log({"b": 4}, step=5)
    run.log({"late": 1}, step=2)
    run.log({"a": 6}, step=7)
    run.finish()
    result = run.id
    """
    run_id = run_script(server, admin, script, project=project)
    assert read(server, admin, project, run_id)["rows"] == [
        {"_step": 0, "a": 1, "b": 2},
        {"_step": 5, "a": 3, "b": 4},
        {"_step": 7, "a": 6},
    ]


def test_a_run_is_gone_on_with(server: Server, admin: Person, project: str) -> None:
    begin = """
    import registrum
    with registrum.init(entity="main", project=project, id="again", config={"lr": 1}) as run:
        for i in range(3):
            run.log({"i": i})
    """
    run_script(server, admin, begin, project=project)
    go_on = """
    import registrum
    with registrum.init(entity="main", project=project, id="again", resume=how, config={"more": 2}) as run:
        result = [run.resumed, run.starting_step, dict(run.config)]
        run.log({"i": 3})
    """
    for how in ("must", "allow"):
        resumed, _, config = run_script(server, admin, go_on, project=project, how=how)
        assert (resumed, config) == (True, {"lr": 1, "more": 2})
    rows = read(server, admin, project, "again")["rows"]
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4]
    refused = """
    import registrum
    result = []
    for name, how in (("again", None), ("again", "never"), ("absent", "must")):
        try:
            registrum.init(entity="main", project=project, id=name, resume=how)
        except registrum.errors.Error as error:
            result.append([error.code, str(error)])
    """
    found = run_script(server, admin, refused, project=project)
    assert [code for code, _ in found] == ["conflict", "conflict", "not_found"]
    assert "resume='allow'" in found[0][1]


def test_the_client_goes_on_with_a_run_of_ours(server: Server, admin: Person, project: str) -> None:
    ours = """
    import registrum
    with registrum.init(entity="main", project=project, id="shared") as run:
        run.log({"i": 0}); run.log({"i": 1})
    """
    theirs = """
    import wandb
    with wandb.init(entity="main", project=project, id="shared", resume="must") as run:
        run.log({"i": 2})
    """
    run_script(server, admin, ours, project=project)
    run_script(server, admin, theirs, project=project)
    assert [row["i"] for row in read(server, admin, project, "shared")["rows"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("", "finished"),
        ("raise KeyError('x')", "failed"),
        ("run.finish(3)", "failed"),
        ("import sys; sys.exit(3)", "failed"),
        ("import sys; sys.exit(0)", "finished"),
    ],
)
def test_the_end_of_the_process_is_the_end_of_the_run(
    server: Server, admin: Person, project: str, ending: str, state: str
) -> None:
    script = f"""
    import registrum
    run = registrum.init(entity="main", project=project, id="ends")
    registrum.log({{"a": 1}})
    {ending}
    """
    run_script(server, admin, script, project=project, check=False)
    found = read(server, admin, project, "ends")
    assert (found["state"], len(found["rows"])) == (state, 1)


def test_a_forked_child_neither_logs_nor_ends_the_run(
    server: Server, admin: Person, project: str
) -> None:
    script = """
    import os, sys, registrum
    run = registrum.init(entity="main", project=project)
    child = os.fork()
    if child == 0:
        try:
            run.log({"a": 1})
        except registrum.errors.Error as error:
            os._exit(7 if error.code == "conflict" else 8)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    run.log({"b": 1})
    run.finish()
    result = [run.id, status]
    """
    run_id, status = run_script(server, admin, script, project=project)
    assert status == 7
    assert read(server, admin, project, run_id)["rows"] == [{"_step": 0, "b": 1}]


def test_wrong_use_is_told(server: Server, admin: Person, project: str) -> None:
    script = """
    import registrum
    result = []
    def told(kind, act):
        try:
            act()
        except kind as error:
            result.append(str(error))
    told(registrum.errors.Error, lambda: registrum.log({"a": 1}))
    told(registrum.errors.Error, lambda: registrum.init(mode="offline"))
    told(registrum.errors.Error, lambda: registrum.init(resume_from="x?_step=1"))
    run = registrum.init(entity="main", project=project)
    told(TypeError, lambda: run.log({"image": object()}))
    told(TypeError, lambda: run.log([1]))
    run.finish()
    told(registrum.errors.Error, lambda: run.log({"a": 1}))
    told(registrum.errors.Error, lambda: registrum.init(entity="nobody-such", project="p"))
    """
    found = run_script(server, admin, script, project=project)
    assert len(found) == 7, found
    assert "init()" in found[0]
    assert "offline" in found[1]
    assert "resume_from" in found[2]
    assert "'log.image'" in found[3]
    assert "over" in found[5]


def test_settings_and_the_environment_say_what_init_does_not(
    server: Server, admin: Person, project: str
) -> None:
    script = """
    import os
    import registrum as wandb
    own = wandb.setup(settings=wandb.Settings(project=project, entity="main", run_group="all", api_key="local-secret"))
    assert "secret" not in repr(own)
    wandb.setup(settings={"api_key": os.environ["WANDB_API_KEY"]})
    os.environ |= {"WANDB_TAGS": "a,b", "WANDB_JOB_TYPE": "train", "REGISTRUM_NAME": "from outside", "WANDB_NAME": "no"}
    told = []
    for given in (None, wandb.Settings(run_name="by settings", run_tags=["c"], silent=True), {"run_id": "named"}):
        with wandb.init(settings=given, notes="n") as run:
            wandb.define_metric("loss", summary="min")
            told.append([run.name, run.project, run.entity, list(run.tags), run.group, run.job_type, run.notes])
    assert run.id == "named"
    wandb.teardown()
    with wandb.init(entity="main", mode="online") as run:
        told.append([run.name, run.project])
    result = told
    """
    rest = ["main", ["a", "b"], "all", "train", "n"]
    assert run_script(server, admin, script, project=project) == [
        ["from outside", project, *rest],
        ["by settings", project, "main", ["c"], "all", "train", "n"],
        ["from outside", project, *rest],
        ["from outside", "uncategorized"],
    ]


def test_models_are_logged_used_and_linked_by_functions_of_the_package(
    server: Server, admin: Person, project: str
) -> None:
    script = """
    import registrum as wandb
    open("weights.bin", "w").write("1 2 3")
    with wandb.init(entity="main", project=project):
        wandb.log_model("weights.bin", name="net", aliases=["good"])
        read = open(wandb.use_model("net:good")).read()
        linked = wandb.link_model("weights.bin", project, name="net")
    result = [read, linked.qualified_name.partition("/")[2]]
    """
    assert run_script(server, admin, script, project=project) == [
        "1 2 3",
        f"wandb-registry-model/{project}:v0",
    ]


def test_a_login_is_for_the_process_whatever_the_environment_says(
    server: Server, admin: Person
) -> None:
    """As of the vendor's client: the address and key that `login` is given are those of what follows."""
    script = """
    import os
    key, url = os.environ.pop("WANDB_API_KEY"), os.environ.pop("WANDB_BASE_URL")
    os.environ["WANDB_API_KEY"] = "local-" + "0" * 40
    import registrum as wandb
    assert wandb.login(key=key, host=url)
    result = [wandb.Api().viewer.username, wandb.Api().settings["base_url"] == url]
    """
    assert run_script(server, admin, script) == ["admin", True]
