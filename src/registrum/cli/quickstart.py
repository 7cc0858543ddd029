"""The first steps with the `wandb` client, as the server prints them and the README shows them."""

SCRIPT = """\
import wandb

with wandb.init(project="first-steps") as run:
    run.log({"accuracy": 0.9})
    model = wandb.Artifact("my-model", type="model")
    with model.new_file("weights.txt") as file:
        file.write("1 2 3")
    run.log_artifact(model).wait()
    run.link_artifact(model, "wandb-registry-model/My model", aliases=["production"])

artifact = wandb.Api().artifact("wandb-registry-model/My model:production")
print(artifact.name, artifact.download())
"""


def login(url: str, api_key: str) -> str:
    """The shell lines that point the client at the server at `url`."""
    return f"pip install wandb\nwandb login --host {url} {api_key}\n"
