"""A picture as a page of its own: the drawing, how busy each pipe is, a legend, and zoom; nothing is loaded."""

from __future__ import annotations

from html import escape

from syncheck.timeline import Picture
from syncheck.timeline_svg import LEFT, STYLE, markup

_PAGE = """
:root { color-scheme: light dark } body { margin: 0; background: #fff; color: #1f2328;
  font: 13px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
header, footer { padding: 10px 16px } h1 { font-size: 16px; margin: 0 0 4px } p { margin: 2px 0; color: #656d76 }
main { overflow-x: auto; border-block: 1px solid #d8dee4 } main svg { display: block }
button { font: inherit; padding: 1px 10px; margin-right: 4px } .key { display: inline-block; margin-right: 14px }
.key i { display: inline-block; width: 14px; height: 10px; margin-right: 5px; border-radius: 2px }
table { border-collapse: collapse; margin-top: 8px } td, th { padding: 1px 12px 1px 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.bar { background: #4f8edc; height: 8px; border-radius: 2px }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 } p { color: #9198a1 }
  main { border-color: #30363d } .bar { background: #6ea8f0 } }
"""
_SCRIPT = """
const main = document.querySelector("main"), svg = main.querySelector("svg"), left = %d;
const width = svg.viewBox.baseVal.width, height = svg.viewBox.baseVal.height;
let zoom = 1;
function show(next) {
  const middle = (main.scrollLeft + main.clientWidth / 2 - left) / zoom;
  zoom = Math.min(Math.max(next, (main.clientWidth - left) / (width - left)), 40);
  const grow = x => left + (x - left) * zoom, total = grow(width);
  svg.setAttribute("width", total); svg.setAttribute("viewBox", `0 0 ${total} ${height}`);
  for (const e of svg.querySelectorAll("rect,text,line,path")) if (!e.closest(".labels")) scale(e, grow);
  for (const g of svg.querySelectorAll(".tick"))
    g.setAttribute("visibility", g.dataset.n %% Math.ceil(0.7 / zoom) ? "hidden" : "visible");
  for (const t of svg.querySelectorAll(".instruction text"))
    t.setAttribute("visibility",
      t.previousElementSibling.width.baseVal.value > t.textContent.length * 6.2 + 4 ? "visible" : "hidden");
  main.scrollLeft = middle * zoom + left - main.clientWidth / 2;
}
function scale(e, grow) {
  for (const name of ["x", "x1", "x2"]) {
    if (!e.hasAttribute(name)) continue;
    const was = e.dataset[name] ??= e.getAttribute(name);
    if (+was >= left) e.setAttribute(name, grow(+was));
  }
  if (e.tagName === "rect" && e.hasAttribute("x")) {
    const was = e.dataset.w ??= e.getAttribute("width");
    e.setAttribute("width", was * zoom);
  } else if (e.classList.contains("bg")) e.setAttribute("width", grow(width));
  if (e.tagName === "path") {
    const was = e.dataset.d ??= e.getAttribute("d");
    e.setAttribute("d", was.replace(/([MLC ])(-?[\\d.]+) (-?[\\d.]+)/g, (_, op, x, y) => `${op}${grow(+x)} ${y}`));
  }
}
for (const b of document.querySelectorAll("button")) b.onclick = () => show(b.value ? zoom * b.value : +b.name);
const labels = svg.querySelector(".labels");
main.onscroll = () => labels.setAttribute("transform", `translate(${main.scrollLeft} 0)`);
const race = svg.querySelector(".mix");
if (race) main.scrollLeft = race.getBBox().x - main.clientWidth / 2;
addEventListener("keydown", e => { if (e.key === "+") show(zoom * 2); if (e.key === "-") show(zoom / 2); });
"""
_KEYS = (
    ("instruction", "#4f8edc"), ("waits for a flag or signal", "#c5ced8"), ("barrier", "#9aa4b2"),
    ("flag", "#8b98a8"), ("cross-core signal", "#c9463d"), ("race", "#d1242f"),
)  # fmt: skip


def html(picture: Picture) -> str:
    """The page."""
    title = escape(picture.title)
    keys = "".join(f'<span class="key"><i style="background:{color}"></i>{name}</span>' for name, color in _KEYS)
    rows = "".join(
        f'<tr><td>{track[0]}</td><td>{track[1]}</td><td class="n">{picture.busy[track]:.1%}</td>'
        f'<td style="width:240px"><div class="bar" style="width:{picture.busy[track]:.1%}"></div></td></tr>'
        for track in picture.tracks
        if track in picture.busy
    )
    table = f"<table><tr><th>core</th><th>pipe</th><th>busy</th><th></th></tr>{rows}</table>" if rows else ""
    buttons = (
        '<button value="2">+</button><button value="0.5">&minus;</button><button name="1">1:1</button>'
        '<button name="0">all of it</button>'
        "point at a box for its line, its loops and its bytes"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width"><style>{_PAGE}{STYLE}</style></head>\n'
        f"<body><header><h1>{title}</h1><p>{picture.length} {picture.unit}. {keys}</p><p>{buttons}</p></header>\n"
        f"<main>\n{markup(picture, style=False)}</main>\n<footer>{table}</footer>\n"
        f"<script>{_SCRIPT % LEFT}</script></body></html>\n"
    )
