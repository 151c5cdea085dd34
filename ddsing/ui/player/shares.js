// Shares over time, stacked: drawn as SVG by a script that is small, where Plotly's takes longer to read than a page.
// Drag to look closer, double-click for all of it; the pointer tells the shares at its moment.

const COLOURS = ["#149384", "#cf7d16", "#9a63b8", "#3f87d6"];
const HEIGHT = 230, LEFT = 56, RIGHT = 12, BOTTOM = 40, ROW = 22; // pixels
const STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

const escaped = (text) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
const marked = (name, colour) => `<span><i style="background: ${colour}"></i>${escaped(name)}</span>`;

// The shares at a moment: linear from point to point, as before the first and after the last.
function sharesAt(points, time) {
  const after = points.findIndex(([at]) => at >= time);
  if (after <= 0) return points.at(after)[1]; // of -1: the last
  const [[begin, from], [end, to]] = [points[after - 1], points[after]];
  const done = (time - begin) / (end - begin);
  return from.map((share, place) => share + done * (to[place] - share));
}

// Where each name of the legend begins and in which row, in a width; it is part of the drawing, which can be saved.
function legend(names, width) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "12px sans-serif";
  const places = [];
  let [x, row] = [LEFT, 0];
  for (const name of names) {
    const wide = pen.measureText(name).width + 40;
    if (x > LEFT && x + wide > width) [x, row] = [LEFT, row + 1];
    places.push({ x, y: 14 + ROW * row });
    x += wide;
  }
  return { places, top: 12 + ROW * (row + 1) };
}

function drawing(self, width) {
  const { names, points, duration_s: duration } = self.data;
  const { places, top } = legend(names, width);
  const [from, to] = self.seen;
  const wide = width - LEFT - RIGHT, low = HEIGHT - BOTTOM + top - ROW - 12, high = low - top;
  const x = (time) => LEFT + (wide * (time - from)) / (to - from);
  const y = (share) => low - high * share;
  self.place = { x, from, to, wide, top, low };
  const times = [...new Set([0, ...points.map(([time]) => Math.min(time, duration)), duration])].sort((a, b) => a - b);
  const shares = times.map((time) => sharesAt(points, time));
  const edges = [times.map(() => 0)]; // below the first, between two, above the last, at each of the times
  names.forEach((_, place) => edges.push(edges.at(-1).map((sum, at) => sum + shares[at][place])));
  const line = (edge) => times.map((time, at) => `${x(time).toFixed(2)},${y(edge[at]).toFixed(2)}`);
  const areas = names.map((_, place) => {
    const corners = [...line(edges[place]), ...line(edges[place + 1]).reverse()].join(" ");
    return `<polygon points="${corners}" fill="${COLOURS[place]}" fill-opacity="0.5" stroke="${COLOURS[place]}"/>`;
  });
  const step = STEPS_S.find((one) => (one * wide) / (to - from) >= 60) ?? STEPS_S.at(-1);
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const ticks = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + 1e-9; n++) ticks.push(n * step);
  const grid = [
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => `M${LEFT} ${y(share)}h${wide}`),
    ...ticks.map((time) => `M${x(time)} ${top}V${low}`),
  ].join("");
  const text = (at, height, said, anchor, more = "") =>
    `<text x="${at}" y="${height}" text-anchor="${anchor}" ${more}>${escaped(said)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escaped(self.data.said)}" width="${width}"
    height="${low + BOTTOM}" font-family="sans-serif" font-size="12" fill="currentColor">
    <clipPath id="inside"><rect x="${LEFT}" y="${top}" width="${wide}" height="${high}"/></clipPath>
    <path d="${grid}" stroke="rgba(128, 138, 144, 0.22)" fill="none"/>
    <g clip-path="url(#inside)">${areas.join("")}</g>
    ${[0, 25, 50, 75, 100].map((one) => text(LEFT - 8, y(one / 100) + 4, `${one}`, "end")).join("")}
    ${ticks.map((time) => text(x(time), low + 16, time.toFixed(digits), "middle")).join("")}
    ${text(LEFT + wide / 2, low + 34, "time, s", "middle")}
    ${text(0, 0, "share, %", "middle", `transform="translate(14 ${low - high / 2}) rotate(-90)"`)}
    ${names.map((name, at) => text(places[at].x + 18, places[at].y, name, "start")).join("")}
    ${names.map((_, at) => `<rect x="${places[at].x}" y="${places[at].y - 10}" width="12" height="12"
      fill="${COLOURS[at]}" fill-opacity="0.6"/>`).join("")}
  </svg>`;
}

function paint(self) {
  const width = self.stage.clientWidth;
  if (!width) return;
  self.drawn.innerHTML = drawing(self, width);
  self.whole.hidden = self.seen[0] === 0 && self.seen[1] === self.data.duration_s;
  hideReadout(self);
}

function look(self, from, to) {
  self.seen = [from, to];
  paint(self);
}

const timeAt = (self, event) => {
  const { from, to, wide } = self.place;
  const along = (event.clientX - self.stage.getBoundingClientRect().left - LEFT) / wide;
  return from + (to - from) * Math.min(1, Math.max(0, along));
};

function hideReadout(self) {
  self.readout.hidden = self.cursor.hidden = true;
}

function tell(self, event) {
  const { x, top, low } = self.place;
  const time = timeAt(self, event), at = x(time), began = self.began === null ? at : x(self.began);
  const rows = sharesAt(self.data.points, time)
    .map((share, place) => `${marked(self.data.names[place], COLOURS[place])} <b>${Math.round(100 * share)} %</b>`);
  self.readout.innerHTML = `<em>${time.toFixed(2)} s</em>${rows.map((row) => `<div>${row}</div>`).join("")}`;
  self.readout.hidden = self.cursor.hidden = false;
  const beyond = at + self.readout.offsetWidth + 20 > self.stage.clientWidth;
  self.readout.style.left = `${Math.max(0, beyond ? at - self.readout.offsetWidth - 10 : at + 10)}px`;
  self.readout.style.top = `${top + 6}px`;
  Object.assign(self.cursor.style, {
    left: `${Math.min(at, began)}px`, width: `${Math.abs(at - began)}px`, top: `${top}px`, height: `${low - top}px`,
  });
}

function save(self) {
  const svg = self.drawn.firstElementChild.cloneNode(true);
  svg.style.color = getComputedStyle(self.stage).color;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([svg.outerHTML], { type: "image/svg+xml" }));
  link.download = "ddsing.svg";
  link.click();
  URL.revokeObjectURL(link.href);
}

function build(root) {
  const [stage, drawn, readout, cursor, whole, saved] = ["stage", "drawn", "readout", "cursor", "whole", "save"]
    .map((name) => root.querySelector(`.${name}`));
  const self = { stage, drawn, readout, cursor, whole, began: null };
  stage.onpointerdown = (event) => {
    if (event.button || event.target.closest("button")) return;
    self.began = timeAt(self, event);
    stage.setPointerCapture(event.pointerId);
  };
  stage.onpointermove = (event) => tell(self, event);
  stage.onpointerup = (event) => {
    if (self.began === null) return;
    const [from, to] = [self.began, timeAt(self, event)].sort((a, b) => a - b);
    self.began = null;
    if (self.place.x(to) - self.place.x(from) > 8) look(self, from, to);
  };
  stage.onpointercancel = stage.onpointerleave = () => {
    self.began = null;
    hideReadout(self);
  };
  stage.ondblclick = whole.onclick = () => look(self, 0, self.data.duration_s);
  saved.onclick = () => save(self);
  self.watching = new ResizeObserver(() => paint(self));
  self.watching.observe(stage);
  return self;
}

export default function (component) {
  const root = component.parentElement, before = instances.get(root);
  const self = before ?? build(root);
  instances.set(root, self);
  const { duration_s: duration } = component.data;
  if (self.data?.duration_s !== duration) self.seen = [0, duration];
  self.data = component.data;
  paint(self);
  return ending(self, () => {
    self.watching.disconnect();
    instances.delete(root);
  });
}
