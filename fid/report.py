"""Renderings: tables for the terminal, plain values for JSON, pages with pictures. All take finished figures and compute none."""

import base64
import io
import math
import unicodedata
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image
from rich.table import Table
from rich.text import Text

from fid.images import ImageSet
from fid.measurement import Measurement
from fid.reference import QUANTILES, Reference
from fid.table import HEADINGS, Row, cells, number, p_text

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("fid", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def plain(text: object) -> str:
    """Text without control, direction and surrogate characters, so that a file name cannot act on a terminal or a page."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else "�" for c in str(text))


_PAGES.filters["plain"] = plain
_PAGES.filters["number"] = number
_PAGES.filters["p_text"] = p_text


def png(pixels: np.ndarray, enlarge: int = 1) -> str:
    """(H, W, 3) uint8 as a data URI, each pixel enlarged to a square."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.repeat(enlarge, 0).repeat(enlarge, 1))).save(
        buffer, "PNG", optimize=True
    )
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def shrunk(pixels: np.ndarray, side: int = 128) -> np.ndarray:
    """The image made no larger than side × side, for a page."""
    if max(pixels.shape[:2]) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)


def grid(images: ImageSet, columns: int = 16, rows: int = 6) -> str:
    """Images spread evenly over the set, as one picture (data URI)."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), columns * rows)).round().astype(int))
    tiles = [shrunk(images.image(int(i)), 64) for i in chosen]
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    lines = math.ceil(len(tiles) / columns)
    canvas = np.full((lines * height, columns * width, 3), 255, np.uint8)
    for k, tile in enumerate(tiles):
        row, column = divmod(k, columns)
        canvas[row * height : row * height + tile.shape[0], column * width : column * width + tile.shape[1]] = tile
    return png(canvas)


def figures(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value, and how to read it, of every figure of a measurement."""
    fid, kid, duplicates, copies = summary["fid"], summary["kid"], summary["duplicates"], summary["memorisation"]
    floor = fid["floor"]
    rows = [
        (
            "FID",
            f"{number(fid['value'])} ± {number(fid['standard_error'])}",
            f"at n = {fid['n']}; the error is one standard error (group jackknife)",
        ),
        (
            "floor",
            f"{number(floor['mean'])} ± {number(floor['sd'])}",
            f"FID of {floor['n']} real images against the others; a perfect sampler scores this",
        ),
        ("uniform noise", number(fid["noise"]), "FID of noise, the other end of the scale"),
        (
            "KID × 1000",
            f"{number(1000 * kid['value'])} ± {number(1000 * kid['standard_error'])}",
            "0 for real images; unbiased at any n",
        ),
        ("density", f"{summary['density']:.3f}", "near 1 for real images; low: implausible images; high: crowded ones"),
        ("coverage", f"{summary['coverage']:.3f}", "near 0.97 for real images; low: kinds of images are missing"),
        ("trace ratio", f"{summary['trace_ratio']:.3f}", "variance of the samples' features over that of real images"),
        ("identical images", str(duplicates["identical"]), "pixel for pixel equal to another sample"),
        ("near duplicates", str(duplicates["near"]), f"about {duplicates['near_expected']:.0f} for real images"),
    ]
    if copies is None:
        return [*rows, ("copies of training images", "not looked for", "name the training images with --bank")]
    for key, name in (("pixels", "in pixels"), ("features", "in features"), ("both", "in both")):
        test = copies[key]
        rows.append(
            (
                f"closer than real {name}",
                f"{test['count']} ({p_text(test['p_value'])})",
                f"about {test['expected']:.0f} where nothing is copied",
            )
        )
    return rows


def measurement_table(summary: dict[str, Any], samples: Path) -> Table:
    """The figures of one measurement for the terminal."""
    network = summary["network"]
    table = Table(
        "what",
        "value",
        "how to read it",
        title=Text(plain(f"{samples}: {summary['images']['count']} images, network {network['name']}")),
    )
    for name, value, meaning in figures(summary):
        table.add_row(name, Text(value, style="bold" if name == "FID" else ""), Text(meaning, style="dim"))
    return table


def score_table(rows: list[Row], title: str) -> Table:
    """The reference scores for the terminal."""
    table = Table(*HEADINGS, title=Text(title))
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in cells(row)))
    return table


def reference_summary(reference: Reference) -> dict[str, Any]:
    """A reference as plain values for JSON, without its arrays."""
    return {
        "description": reference.description, "n": reference.moments.n, "dimension": len(reference.moments.mean),
        "factor_rows": len(reference.moments.factor),
        "size": list(reference.size), "network": reference.network, "network_digest": reference.network_digest,
        "preprocessing": reference.preprocessing,
        "images_digest": reference.images_digest, "trace": reference.moments.trace, "noise": reference.noise_fid,
        "floor": {"n": reference.floor.n, "mean": reference.floor.mean, "sd": reference.floor.sd},
        "neighbour_quantiles": dict(zip(map(str, QUANTILES), reference.neighbour_quantiles)),
    }  # fmt: skip


def reference_table(reference: Reference, output: Path) -> Table:
    """A reference for the terminal."""
    table = Table("what", "value", title=Text(plain(output)))
    floor = reference.floor
    table.add_row("images", f"{reference.moments.n}, {reference.size[0]} × {reference.size[1]}")
    table.add_row("network", f"{reference.network}, digest {reference.network_digest[:12]}")
    table.add_row("factor", f"{len(reference.moments.factor)} × {len(reference.moments.mean)}")
    table.add_row(
        "floor", f"FID {number(floor.mean)} ± {number(floor.sd)} for {floor.n} real images against the others"
    )
    table.add_row("uniform noise", f"FID {number(reference.noise_fid)}")
    if output.exists():
        table.add_row("file", f"{output.stat().st_size / 1e6:.2f} MB")
    return table


def scale(summary: dict[str, Any], width: int = 860) -> Markup:
    """Where FID stands between floor, thresholds and noise, as an SVG with a logarithmic axis."""
    fid = summary["fid"]
    value, error, floor = fid["value"], fid["standard_error"], fid["floor"]["mean"]
    marks = [("floor", floor), *((f"threshold {t:g}", t) for t in fid["thresholds"]), ("uniform noise", fid["noise"])]
    marks = [(name, x) for name, x in marks if x == x and x > 0]
    low = max(min([x for _, x in marks] + [max(value, 1e-3)]) / 2, 1e-4)
    high = max([x for _, x in marks] + [value]) * 1.6

    def at(x: float) -> float:
        return 20 + (width - 40) * math.log(min(max(x, low), high) / low) / math.log(high / low)

    parts = [f'<line x1="20" x2="{width - 20}" y1="70" y2="70" class="axis"/>']
    for exponent in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = at(10.0**exponent)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="66" y2="74" class="axis"/><text x="{x:.1f}" y="142" class="tick">{10.0**exponent:g}</text>'
        )
    ends = [-1e9, -1e9]
    for name, position in sorted(marks, key=lambda mark: mark[1]):
        x = at(position)
        label = f"{name} {number(position)}" if "threshold" not in name else name
        half = 3.6 * len(label)
        centre = min(max(x, half), width - half)
        level = 0 if centre - half > ends[0] + 8 else 1
        ends[level] = centre + half
        y = 100 + 18 * level
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="58" y2="{y - 12}" class="mark"/><text x="{centre:.1f}" y="{y}" class="label">{label}</text>'
        )
    if error == error:
        parts.append(
            f'<line x1="{at(value - 2 * error):.1f}" x2="{at(value + 2 * error):.1f}" y1="70" y2="70" class="error"/>'
        )
    x = at(value)
    text = f"FID {number(value)} ± {number(error)}"
    parts.append(
        f'<circle cx="{x:.1f}" cy="70" r="7" class="here"/><text x="{min(max(x, 100), width - 100):.1f}" y="42" class="value">{text}</text>'
    )
    described = f"FID {number(value)} on a logarithmic scale with the floor at {number(floor)}"
    return Markup(f'<svg viewBox="0 0 {width} 150" role="img" aria-label="{described}">{"".join(parts)}</svg>')


def pairs(result: Measurement) -> list[dict[str, Any]]:
    """The closest pairs with their pictures: sample, nearest bank image in pixels, nearest in features."""
    if result.memorisation is None or result.bank is None:
        return []
    index = {name: i for i, name in enumerate(result.samples.names)}
    shown = []
    for pair in result.summary["memorisation"]["pairs"]:
        i = index[pair["sample"]]
        pictures = [
            result.samples.image(i), result.bank.image(int(result.memorisation.nearest_in_pixels[i]))[1],
            result.bank.image(int(result.memorisation.nearest_in_features[i]))[1],
        ]  # fmt: skip
        shown.append({**pair, "pictures": [png(shrunk(picture)) for picture in pictures]})
    return shown


def render(template: str, **values: Any) -> str:
    """A page from fid/templates; all text is escaped."""
    return _PAGES.get_template(template).render(**values)


def measurement_page(result: Measurement) -> str:
    """The HTML page of one measurement: scale, figures, samples, closest pairs."""
    return render(
        "measure.html.jinja", title=f"FID of {result.samples.folder.name}", summary=result.summary, figures=figures(result.summary),
        scale=scale(result.summary), grid=grid(result.samples), pairs=pairs(result),
    )  # fmt: skip


def table_page(rows: list[Row], title: str) -> str:
    """The HTML page of a table of scores, with a strip of images for every row."""
    lines = [(cells(row), grid(row.measurement.samples, 12, 1)) for row in rows]
    return render("table.html.jinja", title=title, headings=HEADINGS, rows=lines, summary=rows[0].measurement.summary)
