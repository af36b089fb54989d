"""``xbatch completion``: verbs, options and file names completed by the shell."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command(
    "completion",
    epilog="""\b
Examples:
  eval "$(xbatch completion bash)"                                      in ~/.bashrc
  eval "$(xbatch completion zsh)"                                       in ~/.zshrc
  xbatch completion fish > ~/.config/fish/completions/xbatch.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL."""
    from click.shell_completion import get_completion_class

    from xbatch.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(cli, {}, "xbatch", "_XBATCH_COMPLETE").source())
