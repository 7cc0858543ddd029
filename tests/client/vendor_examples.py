"""The examples in the docstrings of the vendor's package, collected by machine, and what stands for their placeholders."""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import wandb

ROOT = Path(wandb.__file__).parent
WHERE = (
    "apis/public/**/*.py",
    "sdk/artifacts/**/*.py",
    "sdk/wandb_config.py",
    "sdk/wandb_init.py",
    "sdk/wandb_login.py",
    "sdk/wandb_run.py",
    "sdk/wandb_summary.py",
    "__init__.pyi",
)
"""Where the reference of what we have is written: the registry with all that it leads to, artifacts, and runs."""

FENCE = re.compile(r"```(?:python)?[^\S\n]*\n(.*?)```", re.DOTALL)


class Example(NamedTuple):
    """A block of code of a docstring; `name` is that of the thing, with the block's number there."""

    name: str
    code: str


def collected() -> dict[str, Example]:
    """Every example by its name; one that stands in several places once."""
    found: dict[str, Example] = {}
    for pattern in WHERE:
        for path in sorted(ROOT.glob(pattern)):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            module = path.relative_to(ROOT).with_suffix("").as_posix()
            for thing, text in _docstrings(tree, module):
                for number, block in enumerate(FENCE.findall(text)):
                    one = Example(f"{thing} {number}", textwrap.dedent(block).strip())
                    if all(_same(one.code) != _same(other.code) for other in found.values()):
                        found[one.name] = one
    return found


def _same(code: str) -> str:
    return "".join(code.replace(",", "").split())


def _docstrings(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for child in ast.iter_child_nodes(node):
                child.owner = node  # type: ignore[attr-defined]
            if text := ast.get_docstring(node):
                yield _path(node, name), text


def _path(node: ast.AST, module: str) -> str:
    if isinstance(node, ast.Module):
        return module
    owner = getattr(node, "owner", None)
    own = str(getattr(node, "name", ""))
    return own if owner is None or isinstance(owner, ast.Module) else f"{owner.name}.{own}"


NO_PART = {
    "Api.create_custom_chart": "charts",
    "plot_table": "charts",
    "Api.reports": "reports",
    "Api.webhook_integrations": "automations",
    "Api.slack_integrations": "automations",
    "Api.automation": "automations",
    "Api.automations": "automations",
    "Api.create_automation": "automations",
    "Api.update_automation": "automations",
    "apis/public/sweeps": "sweeps",
    "Sweeps": "sweeps",
    "controller": "sweeps",
    "Run.log_code": "files of a run",
    "Run.save": "files of a run",
    "Run.log 4": "no Python: a bracket is missing",
    "Run.log 6": "media",
    "Run.log 7": "media",
    "Run.log 8": "media",
    "Run.log 9": "media",
    "Run.log 10": "media",
    "Run.log 11": "charts",
    "Run.log 12": "media",
    "Config 1": "a YAML file of settings",
    "Config 2": "no Python: a loop without a body",
    "Config 3": "no Python: a loop without a body",
    "Config 4": "absl's flags",
    "Config 6": "TensorFlow's flags",
}
"""Examples of what is no part of a registry, by the name of the thing or the example, and why."""

RUN = "NAME-run"

PLACEHOLDERS = {
    '"my-org"': '"Blue Whale"',
    '"my-registry"': '"NAME-club"',
    '"some-user"': '"bw-nora"',
    '"other-user"': '"bw-vic"',
    '"my-team"': '"whales"',
    '"old-team"': '"whales"',
    '"my_collection"': '"NAME-ranker"',
    '"my_tag"': '"prod"',
    '{"$regex": "model"}': '{"$regex": "^wandb-registry-NAME-"}',
    '"project/artifact:alias"': '"NAME-project/weights:best"',
    '"project/artifact:version"': '"NAME-project/weights:v1"',
    '"entity/project/artifact:alias"': '"whales/NAME-project/weights:best"',
    '"entity/project/artifact:version"': '"whales/NAME-project/weights:v1"',
    '"entity/project/artifact_name"': '"whales/NAME-project/weights"',
    '"entity/project/run_id"': f'"whales/NAME-project/{RUN}"',
    '"entity/project/run-id"': f'"whales/NAME-project/{RUN}"',
    '"entity/project"': '"whales/NAME-project"',
    '"my_entity/project"': '"whales/NAME-project"',
    '"project"': '"NAME-project"',
    '"entity"': '"whales"',
    'type_name="type"': 'type_name="model"',
    '"artifact-example"': '"NAME-runs"',
    '"my-pending-run"': '"NAME-pending"',
    '"my_project"': '"NAME-runs"',
    '"./downloads"': '"FOLDER"',
    '"download_directory"': '"FOLDER"',
    "wandb.init()": 'wandb.init(project="NAME-runs")',
    "wandb.init(config=": 'wandb.init(project="NAME-runs", config=',
    "from wandb.": "from PACKAGE.",
}
"""What an example leaves open, and what is put there; NAME is the scene's name, FOLDER an empty folder's."""

OF_ONE = {
    "Api.from_path 0": {
        '"team/project"': '"whales/NAME-project"',
        '"team/project/runs/run_id"': f'"whales/NAME-project/runs/{RUN}"',
        'sweep = api.from_path("team/project/sweeps/sweep_id")': "",
        'report = api.from_path("team/project/reports/report_name")': "",
    },
    "Api.artifact_collection_exists 0": {
        'type="type"': 'type="model"',
        '"collection_name"': '"whales/NAME-project/weights"',
    },
    "Api.create_registry 0": {'"my-registry"': '"NAME-made"'},
    "Registry.artifact_types 0": {
        'registry.artifact_types.append("model")': 'registry.artifact_types.append("NAME-model")',
    },
    "apis/public/projects 0": {
        "    # Get sweeps\n": "",
        "    for sweep in project.sweeps():\n": "",
        '        print(f"Sweep ID: {sweep.id}")\n': "",
        '        print(f"State: {sweep.state}")': "",
    },
    "Run.create 0": {"run = Run.create(": "run = wandb.apis.public.Run.create("},
    "Team 0": {'"user@example.com"': '"NAME@example.org"'},
    "Team 1": {'"my-team"': '"NAME-team"'},
    "Run 0": {'{"accuracy": acc, "loss": loss}': '{"accuracy": 0.9, "loss": 0.1}'},
    "Run.log 3": {"with wandb.init(": "current_step = 10\nwith wandb.init("},
    "Run.link_artifact 0": {
        '"team_entity"': '"whales"',
        '"project_name"': '"NAME-project"',
        '"artifact_type"': '"model"',
        '"path/to/local/file"': '"notes.txt"',
        '"registry_name"': '"NAME-club"',
    },
    "Run.use_artifact 0": {
        '"<example>"': '"NAME-project"',
        '"<name>:<alias>"': '"weights:best"',
        '"<name>:v<version>"': '"weights:v1"',
        '"<entity>/<project>/<name>:<alias>"': '"whales/NAME-project/weights:best"',
        '"<entity>/<project>/<name>:v<version>"': '"whales/NAME-project/weights:v1"',
    },
    "Config 0": {"wandb.init(": "my_config_dict = {'epochs': 4}\nrun = wandb.init("},
    "Config 5": {"with wandb.init(": "import argparse\nwith wandb.init("},
    "Summary 0": {
        "wandb.init(": (
            "from argparse import Namespace\n\nargs = Namespace(epochs=3)\ntest = lambda: (0.5, epoch / 4)\nwandb.init("
        )
    },
    # The vendor's client could do nothing more in this process afterwards.
    "setup 0": {"wandb.teardown()": "pass"},
    "Artifact.history_step 0": {
        "run = artifact": (
            "import wandb\n\nartifact = wandb.Api().artifact('whales/NAME-project/trained:v0')\nrun = artifact"
        ),
        "my_metric": "loss",
    },
    "ArtifactManifestEntry.ref_url 0": {
        "ref_url = ": (
            "import wandb\n\nsource_artifact = wandb.Api().artifact('whales/NAME-project/weights:v1')\n"
            "derived_artifact = wandb.Artifact('derived', 'model')\nref_url = "
        ),
        '"file.txt"': '"a.txt"',
    },
}
"""Placeholders of one example; they are put in before the others."""

MENDED = {
    **{f"Api.runs {number}": {"Api.runs(": "wandb.Api().runs("} for number in range(5)},
    "Api.artifact_collection_exists 0": {"wandb.Api.": "wandb.Api()."},
    "Registry.artifact_types 0": {
        "create_registry()": 'create_registry("NAME-typed", "restricted", "Blue Whale", artifact_types=["x"])'
    },
    "Registry.add_members 0": {"username=": "", 'name="whales"': '"whales"'},
    "Registry.remove_members 0": {"username=": "", 'name="whales"': '"whales"'},
    "Run.used_artifacts 0": {"\ntest_artifact": ""},
    "Artifact.history_step 0": {"sample_history(": "scan_history("},
    "setup 0": {
        'settings={"NAME-project": "NAME-runs"}': 'settings=wandb.Settings(project="NAME-runs")'
    },
}
"""Examples that fail as they are documented, and what mends them: shown to fail under the vendor's package, and run mended."""


OF_ALL = frozenset(
    {
        "apis/public/projects 0",
        "Projects 0",
        "Api.registries 4",
        "apis/public/runs 0",
        "apis/public/files 0",
        "Files 0",
    }
)
"""Examples that only read, and tell of everything that is there: both packages read the same scene."""


def is_no_part(name: str) -> bool:
    """Whether an example is of something that is no part of a registry."""
    return name in NO_PART or name.rpartition(" ")[0] in NO_PART


def filled(example: Example, scene: str, package: str, mended: bool = False) -> str:
    """The code of an example, to be run: with things of that scene, and with that package."""
    code = example.code
    for table in (
        OF_ONE.get(example.name, {}),
        PLACEHOLDERS,
        MENDED.get(example.name, {}) if mended else {},
    ):
        for open_, put in table.items():
            if table is not PLACEHOLDERS:
                assert open_ in code, f"{example.name} has no {open_!r} any more"
            code = code.replace(open_, put)
    if not re.search("^(import wandb$|from PACKAGE)", code, re.MULTILINE):
        code = f"import wandb\nfrom PACKAGE.apis.public import Api\n\napi = wandb.Api()\n{code}"
    elif "wandb." in code and "import wandb" not in code:
        code = f"import wandb\n{code}"
    if package != "wandb":
        code = code.replace("import wandb\n", f"import {package} as wandb\n")
    return (
        code.replace("NAME", scene).replace("PACKAGE", package).replace("FOLDER", str(Path.cwd()))
    )
