"""`python -m fid reference | measure | table`: see docs/fid.md."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fid.errors import UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="FID that can be trusted: reference statistics, measurement, table.",
)

NetworkName = Annotated[str | None, typer.Option("--network", help="tiny, afhq-inception or inception-2015")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="weights of the network: .safetensors or a torch state dictionary")
]
Json = Annotated[Path | None, typer.Option("--json", help="write the figures to this file")]
Html = Annotated[Path | None, typer.Option("--html", help="write a page with pictures to this file")]
Convert = Annotated[
    bool, typer.Option("--convert", help="turn grey, palette and transparent images to RGB instead of refusing them")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="threads, fixed for repeatable bits")]
Device = Annotated[str, typer.Option("--device", help="cpu or cuda")]


def parse_count(text: str) -> int | None:
    """ "500" → 500, "any" → None."""
    if text == "any":
        return None
    if not text.isdigit() or int(text) < 2:
        raise UserError(f"--count is a number of at least 2, or any; it was {text!r}.")
    return int(text)


def write(path: Path | None, text: str) -> None:
    """Write a file that the user named, and its folder; UserError where that fails."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from error


@app.command()
def reference(
    folder: Annotated[Path, typer.Argument(help="folder of real images, subfolders included")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the reference file, .npz")],
    network: NetworkName = None,
    weights: Weights = None,
    description: Annotated[str, typer.Option(help="what these images are, kept in the file")] = "",
    convert: Convert = False,
    threads: Threads = None,
    device: Device = "cpu",
    json_file: Json = None,
    html_file: Html = None,
) -> None:
    """Compute the reference statistics of a folder of real images, once."""
    from fid import report
    from fid.features import THREADS, load_network
    from fid.images import open_folder
    from fid.measurement import make_reference
    from fid.progress import show
    from fid.reference import save_reference

    loaded = load_network(network or "tiny", weights, device=device)
    images = open_folder(folder, convert=convert, progress=show)
    made = make_reference(images, loaded, threads=threads or THREADS, description=description, progress=show)
    save_reference(made, output)
    summary = report.reference_summary(made)
    Console().print(report.reference_table(made, output))
    write(json_file, json.dumps(summary, indent=1, ensure_ascii=False))
    write(
        html_file,
        report.render(
            "reference.html.jinja", title=f"Reference {output.name}", reference=summary, grid=report.grid(images)
        ),
    )


@app.command()
def measure(
    reference_file: Annotated[Path, typer.Argument(metavar="REFERENCE", help="file made by `python -m fid reference`")],
    samples: Annotated[Path, typer.Argument(help="folder of samples")],
    bank: Annotated[
        list[Path] | None,
        typer.Option("--bank", help="folder of training or validation images for the memorisation report; repeatable"),
    ] = None,
    count: Annotated[str, typer.Option(help="how many images there must be, or any")] = "500",
    thresholds: Annotated[
        str | None,
        typer.Option(help="FID thresholds to mark, with commas between; 20,40 for afhq-inception, else none"),
    ] = None,
    network: NetworkName = None,
    weights: Weights = None,
    convert: Convert = False,
    threads: Threads = None,
    device: Device = "cpu",
    json_file: Json = None,
    html_file: Html = None,
) -> None:
    """Measure a folder of samples: FID with its error, KID, density and coverage, duplicates, copies of training images."""
    from fid import report
    from fid.features import THREADS, load_network
    from fid.images import open_folder
    from fid.measurement import make_bank
    from fid.measurement import measure as measure_samples
    from fid.progress import show
    from fid.reference import load_reference

    wanted = parse_count(count)
    known = load_reference(reference_file)
    marks = parse_thresholds(
        thresholds if thresholds is not None else "20,40" if known.network == "afhq-inception" else ""
    )
    loaded = load_network(network or known.network, weights, device=device)
    known.check(loaded.name, loaded.digest, loaded.definition.preprocessing)
    images = open_folder(samples, count=wanted, size=known.size, convert=convert, progress=show)
    folders = [open_folder(folder, size=known.size, convert=convert, progress=show) for folder in bank or []]
    threads = threads or THREADS
    made_bank = make_bank(folders, loaded, threads=threads, progress=show) if folders else None
    result = measure_samples(known, images, loaded, bank=made_bank, thresholds=marks, threads=threads, progress=show)
    write(json_file, json.dumps(result.summary, indent=1, ensure_ascii=False))
    write(html_file, report.measurement_page(result))
    Console().print(report.measurement_table(result.summary, samples))
    for sentence in result.summary["look_at"]:
        Console().print("Look at:", report.plain(sentence), style="yellow", markup=False, highlight=False)


def parse_thresholds(text: str) -> tuple[float, ...]:
    """ "20,40" → (20.0, 40.0)."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UserError(f"--thresholds are numbers with commas between, such as 20,40; they were {text!r}.") from error


@app.command()
def table(
    data: Annotated[Path, typer.Argument(help="real images in AFHQ's layout: train/ and val/ with class folders")],
    reference_file: Annotated[Path, typer.Argument(metavar="REFERENCE", help="file made by `python -m fid reference`")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Markdown file for the table")] = None,
    samples: Annotated[
        list[str] | None, typer.Option("--samples", help="NAME=DIR: a row for samples in a folder; repeatable")
    ] = None,
    title: Annotated[str, typer.Option(help="heading of the table")] = "Reference scores",
    network: NetworkName = None,
    weights: Weights = None,
    convert: Convert = False,
    threads: Threads = None,
    device: Device = "cpu",
    json_file: Json = None,
    html_file: Html = None,
) -> None:
    """Scores of what is known: real images, copies, blur, noise, one class, a collapsed sampler, and samples in folders."""
    from fid import report
    from fid import table as tables
    from fid.features import THREADS, load_network
    from fid.progress import show
    from fid.reference import load_reference

    known = load_reference(reference_file)
    loaded = load_network(network or known.network, weights, device=device)
    known.check(loaded.name, loaded.digest, loaded.definition.preprocessing)
    named = [tables.parse_samples(text) for text in samples or []]
    rows = tables.scores(data, known, loaded, named, convert=convert, threads=threads or THREADS, progress=show)
    write(output, tables.markdown(rows, title, known))
    write(
        json_file,
        json.dumps([{"name": row.name, **row.measurement.summary} for row in rows], indent=1, ensure_ascii=False),
    )
    write(html_file, report.table_page(rows, title))
    Console().print(report.score_table(rows, title))


def main() -> None:
    """Run the command line; errors of users are one sentence on stderr and exit status 2, Ctrl-C is status 130."""
    try:
        app()
    except UserError as error:
        print("Error:", "".join(c if c.isprintable() else "�" for c in str(error)), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Stopped. Nothing was written.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
