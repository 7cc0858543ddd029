"""`registrum completion`: completion for shells."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes this command in a shell.

    For bash: registrum completion bash >> ~/.bashrc. For zsh: the same with ~/.zshrc. For fish:
    registrum completion fish > ~/.config/fish/completions/registrum.fish.
    """
    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(root, {}, "registrum", "_REGISTRUM_COMPLETE").source())
