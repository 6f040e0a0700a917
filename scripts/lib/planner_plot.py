"""The planner's speed-up and energy over a fixed choice, as one SVG: in the form of Neurosurgeon's figures."""

from bench import Row

WIDTH, LEFT, BAR, GAP, TOP = 960, 110, 14, 14, 60
SUBJECTS = (("cloud-only", "#4e79a7"), ("device-only", "#f28e2b"))
PANELS = (
    ("speed-up over {}, mean", "times as fast, mean"),
    ("speed-up over {}, most", "times as fast, at most"),
    ("the same for objective energy, over {}", "% of energy saved, objective energy"),
)


def svg(rows: list[Row]) -> str:
    """The picture. A case is a model of the grid, or all of it."""
    cases = list(dict.fromkeys(row.case for row in rows if row.case.startswith("grid, ")))
    values = {(row.case, row.metric): row.value for row in rows}
    panel = (WIDTH - LEFT) / len(PANELS)
    height = TOP + len(cases) * (2 * BAR + GAP) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for place, (name, colour) in enumerate(SUBJECTS):
        x = LEFT + 140 * place
        parts.append(f'<rect x="{x}" y="12" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="21">over {name}</text>')
    for row, case in enumerate(cases):
        y = TOP + row * (2 * BAR + GAP)
        parts.append(f'<text x="12" y="{y + BAR + 4}">{case.removeprefix("grid, ")}</text>')
    for column, (metric, title) in enumerate(PANELS):
        left = LEFT + column * panel
        found = [values.get((case, metric.format(name)), 0.0) for case in cases for name, _ in SUBJECTS]
        scale = (panel - 70) / max([*found, 1e-9])
        parts.append(f'<text x="{left:.0f}" y="{TOP - 14}" font-weight="bold">{title}</text>')
        for index, value in enumerate(found):
            y = TOP + index // 2 * (2 * BAR + GAP) + index % 2 * BAR
            width = max(value, 0.0) * scale
            colour = SUBJECTS[index % 2][1]
            parts.append(f'<rect x="{left:.0f}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{left + width + 5:.1f}" y="{y + BAR - 4}" font-size="11">{value:.3g}</text>')
    return "\n".join([*parts, "</svg>", ""])
