"""An API key is nowhere to be seen: not in what things look like, in logs, in errors, nor in what the command prints."""

import pytest

from tests.client import processes
from tests.client.live import Person, Server, run_script
from tests.sdk.test_command_line import environment

SESSION = """
import copy, gc, logging, os, pprint, sys, traceback, warnings
logging.basicConfig(level=logging.DEBUG)
warnings.simplefilter("always")
import registrum

key = os.environ.pop("WANDB_API_KEY")
registrum.login(key=key)
api = registrum.Api()
registry = api.create_registry(project, "organization")
run = registrum.init(project=project, entity="main", config={"a": 1}, settings=registrum.Settings(api_key=key))
artifact = registrum.Artifact("net", "model")
with artifact.new_file("w.bin", "wb") as file:
    file.write(bytes(1 << 20))
run.log_artifact(artifact)
linked = run.link_artifact(artifact, f"wandb-registry-{project}/net")
found = api.artifact(linked.qualified_name)
found.download()
lists = [api.registries(), api.registries().collections(), api.registries().versions(), api.runs(f"main/{project}"),
         api.projects("main"), registry.members(), found.files(), run.config, run.summary, api.viewer.teams]
print([list(one) for one in lists])

def attempt(act):
    try:
        act()
    except Exception as error:
        traceback.print_exc()
        print(repr(error), str(error), vars(error))

attempt(lambda: api.registry("none-such"))
attempt(lambda: api.artifact("main/none/x:v0"))
attempt(lambda: api.create_registry(project, "organization"))
attempt(lambda: run.log({"x": object()}))
attempt(lambda: registrum.Api(overrides={"base_url": "http://127.0.0.1:9"}, api_key=key))
attempt(lambda: registrum.Api(api_key=key[:-1] + "z"))
attempt(lambda: registrum.login(key=key[:-1] + "z"))
attempt(lambda: registrum.Api(overrides={"base_url": "no address"}, api_key=key))
attempt(lambda: copy.copy(api).nothing)
run.finish()
ours = [one for one in gc.get_objects() if type(one).__module__.startswith("registrum")]
kinds = {type(one).__name__ for one in ours}
for one in [*ours, *lists]:
    print(repr(one), str(one), f"{one}")
    pprint.pprint(one)
print(sorted(kinds))
assert {"Api", "Service", "Credentials", "Run", "Artifact", "Registry", "User", "Settings"} <= kinds | {"Settings"}, kinds
"""


def test_nothing_of_a_session_shows_the_key(server: Server, admin: Person, project: str) -> None:
    done = run_script(server, admin, SESSION, check=False, project=project)
    assert done.returncode == 0, done.stderr[-2000:]
    told = done.stdout + done.stderr
    assert "DEBUG:urllib3" in told, "logs are on"
    assert "Traceback" in told
    assert "Credentials(url=" in told
    for secret in (admin.api_key, admin.api_key[:-1], admin.api_key[6:]):
        assert secret not in told, told[max(told.find(secret) - 300, 0) :][:400]


@pytest.mark.parametrize(
    "words",
    ["whoami", "whoami --json", "registry show none", "key list --json", "user list --json", "version show a/b --url http://127.0.0.1:9"],
)  # fmt: skip
def test_no_command_prints_it(server: Server, admin: Person, words: str) -> None:
    for more in ({}, {"REGISTRUM_API_KEY": admin.api_key[:-1] + "z"}):
        environ = environment(server, admin) | more
        done = processes.run("-m", "registrum", *words.split(), environ=environ)
        assert admin.api_key[:-1] not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_person_who_asks_wrongly_is_told_what_the_log_calls_it(
    server: Server, admin: Person, project: str
) -> None:
    """Every error is of one family, with a code and the server's request id where it has answered."""
    script = """
    import registrum
    api = registrum.Api()
    told = []
    for act in (
        lambda: api.registry("none-such"),
        lambda: api.create_registry("model", "organization"),
        lambda: api.create_registry("a:b/c", "organization"),
        lambda: api.artifact("main/none/x:v0"),
        lambda: api.run("main/none/x"),
        lambda: api.team("none-such"),
        lambda: registrum.init(entity="nobody-such", project="x"),
        lambda: registrum.init(mode="offline"),
        lambda: registrum.log({"a": 1}),
        lambda: registrum.Artifact("x", "model").download(),
        lambda: registrum.Api(overrides={"base_url": "http://127.0.0.1:9"}),
    ):
        try:
            act()
            told.append(None)
        except registrum.Error as error:
            told.append([error.code, error.message, getattr(error, "request_id", None), isinstance(error, registrum.errors.Refused)])
    result = told
    """
    told = run_script(server, admin, script)
    assert all(told), told
    for code, message, request_id, is_of_server in told:
        assert code.replace("_", "").isalpha()
        assert code == code.lower()
        assert len(message.split()) > 3, "a sentence"
        assert bool(request_id) == is_of_server, (code, message)
    assert {own[0] for own in told} >= {"not_found", "unavailable", "conflict", "not_supported"}
