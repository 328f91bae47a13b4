"""`memory onnx`: the embedding model, written once for ONNX Runtime."""

from pathlib import Path
from typing import Annotated, cast

import typer

from interlock.serving.cli.options import AsJson
from interlock.serving.cli.output import Machine


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("onnx")(write)


def write(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to; set INTERLOCK_MINILM to it afterwards.")],
    json: AsJson = False,
) -> int:
    """Write the embedding model for ONNX Runtime: the same vectors by less work, and without torch."""
    from interlock.runtime.models.embeddings import MiniLM, minilm
    from interlock.runtime.models.onnx_minilm import write_onnx

    machine = Machine(json)
    made = write_onnx(folder, cast(MiniLM, minilm()))
    machine.write({"folder": str(folder.absolute()), "name": made.name})
    typer.echo(f"wrote {made.name}; use it with INTERLOCK_MINILM={folder.absolute()}", err=True)
    return 0
