// A piano roll: curves over a grid of notes, with loudness below. A stretch of time is selected by dragging or with the
// keyboard, and what is done to it is the page's affair: it is sent as an action, and new curves come back.
//
// Data: `place`, `name`, `duration_s`, `step_s` of the curves' points; `curves`, each with `name`, `look` (main, faint, before) and
// `values`, 256 times the MIDI number of each point as unsigned 16 bits in base64, 0 for none; `loudness`, 8 bits a point; `notes`
// and `marks`, each [start_s, end_s, ...]; `actions`, see fill(); `player`, whose position is shown.

const KEYS_PX = 44; // the note names on the left
const RULER_PX = 20;
const LOUD_PX = 34;
const LEAST_S = 0.25; // of time that is shown
const LEAP = 1024; // four semitones
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);
const rolls = (window.ddsingRolls ??= new Map()); // by place: what is shown and selected, while its place is drawn anew

function noteName(midi) {
  const nearest = Math.round(midi);
  return `${NAMES[((nearest % 12) + 12) % 12]}${Math.floor(nearest / 12) - 1}`;
}

function bytes(text) {
  const raw = atob(text ?? "");
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

function adopt(root, component) {
  const find = (name) => root.querySelector(name);
  const self = {
    root, component, data: {}, box: find(".roll"), tools: find(".tools"), stage: find(".stage"), canvas: find(".drawn"),
    over: find(".over"), scroll: find(".scroll"), from: find(".from"), to: find(".to"), status: find(".status"),
    hint: find(".hint"), legend: find(".legend"), drawing: false, line: null, zooms: find(".zooms"),
  };
  listen(self);
  return self;
}

function listen(self) {
  self.resized = new ResizeObserver(() => paint(self));
  self.resized.observe(self.stage);
  self.stage.onpointerdown = (event) => press(self, event);
  self.stage.onpointermove = (event) => move(self, event);
  self.stage.onpointerup = (event) => release(self, event);
  self.stage.onpointercancel = () => {
    self.drag = null;
    self.line = null;
    paint(self);
  };
  self.stage.onkeydown = (event) => key(self, event);
  self.stage.addEventListener("wheel", (event) => wheel(self, event), { passive: false });
  self.scroll.oninput = () => show(self, Number(self.scroll.value), self.view.width);
  for (const field of [self.from, self.to]) {
    field.onchange = () => typed(self);
    field.onkeydown = (event) => {
      if (event.key === "Enter") typed(self); // what such a handler returns would count: false swallows the key
    };
  }
  for (const button of self.zooms.children) button.onclick = () => zoomed(self, button.value);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  self.schemed = () => setTimeout(() => paint(self), 100);
  scheme.addEventListener("change", self.schemed);
  self.ignore = () => {
    self.resized.disconnect();
    scheme.removeEventListener("change", self.schemed);
    cancelAnimationFrame(self.frame);
  };
}

// What is shown and selected

function take(self, data) {
  const other = data.place !== self.data.place;
  self.data = data;
  self.curves = data.curves.map((curve) => ({ ...curve, points: new Uint16Array(bytes(curve.values).buffer) }));
  self.loud = bytes(data.loudness);
  if (other) {
    const kept = rolls.get(data.place);
    self.view = kept?.view ?? { start: 0, width: data.duration_s };
    self.selected = kept?.selected ?? null;
  }
  self.pitches = reach(self);
  keep(self);
}

function keep(self) {
  rolls.set(self.data.place, { view: self.view, selected: self.selected });
}

// The lowest and the highest note that is shown: what is sung, and a little more.
function reach(self) {
  let low = Infinity;
  let high = -Infinity;
  for (const { points, look } of self.curves) {
    if (look === "faint") continue;
    for (const value of points) {
      if (value && value < low) low = value;
      if (value > high) high = value;
    }
  }
  for (const [, , midi] of self.data.notes ?? []) [low, high] = [Math.min(low, midi * 256), Math.max(high, midi * 256)];
  if (low > high) [low, high] = [57 * 256, 69 * 256];
  const middle = (low + high) / 512;
  const half = Math.max(7, (high - low) / 512 + 2);
  return { low: middle - half, high: middle + half };
}

function show(self, start, width) {
  const { duration_s } = self.data;
  width = Math.min(Math.max(width, Math.min(LEAST_S, duration_s)), duration_s);
  self.view = { start: Math.min(Math.max(0, start), duration_s - width), width };
  keep(self);
  paint(self);
}

function zoomed(self, how) {
  const { start, width } = self.view;
  const middle = self.selected ? (self.selected[0] + self.selected[1]) / 2 : start + width / 2;
  const at = Math.min(Math.max(middle, start), start + width);
  if (how === "all") return show(self, 0, self.data.duration_s);
  if (how === "selection") {
    if (!self.selected) return undefined;
    const [from, to] = self.selected;
    return show(self, from - (to - from) * 0.25, (to - from) * 1.5);
  }
  const factor = how === "in" ? 0.5 : 2;
  return show(self, at - (at - start) * factor, width * factor);
}

function choose(self, from, to, quietly = false) {
  const clip = (at) => Math.round(Math.min(Math.max(0, at), self.data.duration_s) * 1000) / 1000;
  const [low, high] = [clip(Math.min(from, to)), clip(Math.max(from, to))];
  self.selected = high > low ? [low, high] : null;
  keep(self);
  if (!quietly) say(self, said(self));
  fields(self);
  paint(self);
}

function said(self) {
  if (!self.selected) return "Nothing is selected.";
  const [from, to] = self.selected;
  const main = self.curves.find((curve) => curve.look === "main");
  const part = main.points.slice(Math.floor(from / self.data.step_s), Math.ceil(to / self.data.step_s)).filter(Boolean);
  const time = `${from.toFixed(2)} to ${to.toFixed(2)} s`;
  if (!part.length) return `${time}: no clear pitch.`;
  const low = noteName(part.reduce((a, b) => Math.min(a, b)) / 256);
  const high = noteName(part.reduce((a, b) => Math.max(a, b)) / 256);
  return `${time}: ${low === high ? low : `${low} to ${high}`}.`;
}

function say(self, text) {
  self.status.textContent = text;
}

function fields(self) {
  const [from, to] = self.selected ?? ["", ""];
  const editing = self.box.getRootNode().activeElement;
  if (editing !== self.from) self.from.value = from === "" ? "" : from.toFixed(2);
  if (editing !== self.to) self.to.value = to === "" ? "" : to.toFixed(2);
  for (const button of self.tools.querySelectorAll("button[data-needs]")) button.disabled = !self.selected;
  self.zooms.querySelector('[value="selection"]').disabled = !self.selected;
}

function typed(self) {
  if (self.from.value === "" || self.to.value === "") return;
  const [from, to] = [Number(self.from.value), Number(self.to.value)];
  choose(self, from, to);
  const { start, width } = self.view;
  if (from < start || to > start + width) show(self, (from + to) / 2 - width / 2, Math.max(width, (to - from) * 1.2));
}

// Pointer

function place(self, event) {
  const box = self.stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function timeAt(self, x) {
  return self.view.start + ((x - KEYS_PX) / (self.stage.clientWidth - KEYS_PX)) * self.view.width;
}

function pitchAt(self, y) {
  const { low, high } = self.pitches;
  const height = self.stage.clientHeight - RULER_PX - LOUD_PX;
  return high - ((y - RULER_PX) / height) * (high - low);
}

function press(self, event) {
  if (event.button) return;
  const { x, y } = place(self, event);
  self.stage.setPointerCapture(event.pointerId);
  if (self.drawing) {
    self.line = [[timeAt(self, x), pitchAt(self, y)]];
    return;
  }
  const extended = event.shiftKey && self.selected;
  self.drag = { from: extended ? self.selected[0] : timeAt(self, x), x, moved: Boolean(extended) };
}

function move(self, event) {
  const { x, y } = place(self, event);
  if (self.line) {
    const point = [timeAt(self, x), pitchAt(self, y)];
    const last = self.line[self.line.length - 1];
    if (event.shiftKey) self.line = [self.line[0], point];
    else if (point[0] > last[0]) self.line.push(point);
    paint(self);
  } else if (self.drag) {
    self.drag.moved ||= Math.abs(x - self.drag.x) > 3;
    if (self.drag.moved) choose(self, self.drag.from, timeAt(self, x), true);
  }
}

function release(self, event) {
  const { x } = place(self, event);
  if (self.line) {
    const line = self.line;
    self.line = null;
    if (line.length > 1) send(self, { id: "line", points: thinned(line, self.view.width / self.stage.clientWidth) });
    paint(self);
  } else if (self.drag) {
    if (self.drag.moved) choose(self, self.drag.from, timeAt(self, x));
    else {
      const at = timeAt(self, x);
      const mark = (self.data.marks ?? []).find(([from, to]) => at >= from - self.view.width / 100 && at <= to + self.view.width / 100);
      if (mark) choose(self, mark[0], mark[1]);
      else choose(self, at, at);
      player(self)?.mixer.seek(Math.max(0, at));
    }
    self.drag = null;
  }
}

// A line without the points that are between two others on nearly the same way (Ramer, Douglas and Peucker).
function thinned(line, pixel_s) {
  if (line.length < 3) return line;
  const [first, last] = [line[0], line[line.length - 1]];
  let farthest = 0;
  let at = 0;
  line.forEach(([time, pitch], index) => {
    const share = (time - first[0]) / Math.max(last[0] - first[0], 1e-9);
    const off = Math.abs(pitch - (first[1] + share * (last[1] - first[1])));
    if (off > farthest) [farthest, at] = [off, index];
  });
  if (farthest < 0.05) return [first, last];
  return [...thinned(line.slice(0, at + 1), pixel_s), ...thinned(line.slice(at), pixel_s).slice(1)];
}

function wheel(self, event) {
  const { start, width } = self.view;
  if (event.ctrlKey || event.metaKey) {
    const at = timeAt(self, place(self, event).x);
    const factor = 1.0015 ** event.deltaY;
    show(self, at - (at - start) * factor, width * factor);
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    show(self, start + ((event.deltaX || event.deltaY) / self.stage.clientWidth) * width, width);
  } else return;
  event.preventDefault();
}

// Keyboard

function key(self, event) {
  const { view, data } = self;
  const control = event.ctrlKey || event.metaKey;
  const small = view.width / 100;
  const [from, to] = self.selected ?? [view.start + view.width / 2, view.start + view.width / 2];
  const actions = data.actions.filter((one) => one.keys?.includes(`${control ? "Control+" : ""}${event.shiftKey ? "Shift+" : ""}${event.key}`));
  if (actions.length) {
    if (actions[0].needs && !self.selected) say(self, "Select a stretch first, with the arrow keys or by dragging.");
    else act(self, actions[0]);
  } else if (control && event.key === "a") choose(self, 0, data.duration_s);
  else if (control || event.altKey) return;
  else if (event.key === "ArrowRight" && event.shiftKey) choose(self, from, to + small);
  else if (event.key === "ArrowLeft" && event.shiftKey) choose(self, from, Math.max(from + small, to - small));
  else if (event.key === "ArrowRight") choose(self, from + small, Math.max(to, from + small) + small);
  else if (event.key === "ArrowLeft") choose(self, from - small, Math.max(to - small, from));
  else if (event.key === "Home") choose(self, 0, Math.max(to - from, small));
  else if (event.key === "End") choose(self, data.duration_s - Math.max(to - from, small), data.duration_s);
  else if (event.key === "PageDown") show(self, view.start + view.width, view.width);
  else if (event.key === "PageUp") show(self, view.start - view.width, view.width);
  else if (event.key === "+" || event.key === "=") zoomed(self, "in");
  else if (event.key === "-") zoomed(self, "out");
  else if (event.key === "Escape" && self.selected) choose(self, 0, 0);
  else return;
  if (self.selected) follow(self);
  event.preventDefault();
  event.stopPropagation(); // the player hears the arrows, too
}

function follow(self) {
  const [from, to] = self.selected;
  const { start, width } = self.view;
  if (to > start + width) show(self, to - width, width);
  else if (from < start) show(self, from, width);
}

// Actions

function act(self, action) {
  if (action.id === "draw") return draw(self, !self.drawing);
  const [from, to] = self.selected ?? [0, 0];
  say(self, `${action.label}.`);
  return send(self, action.needs ? { id: action.id, from, to } : { id: action.id });
}

function send(self, action) {
  self.component.setTriggerValue("action", action);
}

function draw(self, drawing) {
  self.drawing = drawing;
  self.stage.dataset.drawing = drawing;
  self.tools.querySelector('[data-id="draw"]')?.setAttribute("aria-pressed", drawing);
  say(self, drawing ? "Draw the pitch over the curve; hold Shift for a straight line." : "");
}

// `actions`: id, label, title, group, keys; `needs` a selection, `off` where there is nothing to do.
function fill(self) {
  const wanted = JSON.stringify(self.data.actions);
  if (wanted === self.filled) return;
  self.filled = wanted;
  const focused = self.box.getRootNode().activeElement?.dataset?.id;
  const groups = new Map();
  for (const action of self.data.actions) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: action.label, title: action.title ?? action.label });
    button.dataset.id = action.id;
    if (action.needs) button.dataset.needs = true;
    button.disabled = Boolean(action.off);
    if (action.keys) button.setAttribute("aria-keyshortcuts", action.keys.join(" "));
    if (action.id === "draw") button.setAttribute("aria-pressed", self.drawing);
    button.onclick = () => act(self, action);
    groups.set(action.group, [...(groups.get(action.group) ?? []), button]);
  }
  self.tools.replaceChildren(
    ...[...groups].map(([name, buttons]) => {
      const group = document.createElement("div");
      group.className = "group";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", name);
      group.append(...buttons);
      return group;
    }),
  );
  if (focused) self.tools.querySelector(`[data-id="${focused}"]:not(:disabled)`)?.focus();
}

// What the lines are, of which there is more than one; and the marks.
function explain(self) {
  const shown = self.curves.filter(({ points }) => points.some(Boolean));
  const looks = shown.length > 1 ? shown.map(({ name, look }) => [name, look]).reverse() : [];
  if (self.data.marks?.length && self.data.marked) looks.push([self.data.marked, "mark"]);
  self.legend.replaceChildren(
    ...looks.map(([name, look]) => {
      const item = document.createElement("span");
      Object.assign(item, { textContent: name, className: look });
      return item;
    }),
  );
  self.legend.hidden = !looks.length;
}

// Drawing

function fit(canvas, width, height) {
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

function paint(self) {
  if (!self.view || !self.stage.clientWidth) return;
  const [width, height] = [self.stage.clientWidth, self.stage.clientHeight];
  const pen = fit(self.canvas, width, height);
  const style = getComputedStyle(self.box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const { low, high } = self.pitches;
  const bottom = height - LOUD_PX;
  const scene = {
    self, pen, width, height, bottom, colour,
    x: (seconds) => KEYS_PX + ((seconds - self.view.start) / self.view.width) * (width - KEYS_PX),
    y: (midi) => RULER_PX + ((high - midi) / (high - low)) * (bottom - RULER_PX),
  };
  paintGrid(scene);
  pen.save();
  pen.beginPath();
  pen.rect(KEYS_PX, 0, width - KEYS_PX, height);
  pen.clip();
  paintSelection(scene);
  paintMarks(scene);
  paintLoudness(scene);
  pen.beginPath();
  pen.rect(KEYS_PX, RULER_PX, width - KEYS_PX, bottom - RULER_PX);
  pen.clip();
  for (const curve of self.curves) paintCurve(scene, curve);
  paintLine(scene);
  pen.restore();
  Object.assign(self.scroll, { max: Math.max(0, self.data.duration_s - self.view.width), step: self.view.width / 50, value: self.view.start });
  self.scroll.parentElement.hidden = self.view.width >= self.data.duration_s - 1e-6;
  self.scroll.setAttribute("aria-valuetext", `from ${self.view.start.toFixed(1)} s`);
}

function paintGrid({ self, pen, width, bottom, height, colour, x, y }) {
  const { low, high } = self.pitches;
  pen.font = `11px ${colour("--st-font") || "sans-serif"}`;
  pen.textBaseline = "middle";
  const row = y(0) - y(1);
  for (let midi = Math.ceil(low - 0.5); midi <= high + 0.5; midi++) {
    const tone = ((midi % 12) + 12) % 12;
    const [top, end] = [Math.max(RULER_PX, y(midi + 0.5)), Math.min(bottom, y(midi - 0.5))];
    if (end <= top) continue;
    pen.fillStyle = colour(BLACK.has(tone) ? "--black" : "--white");
    pen.fillRect(KEYS_PX, top, width - KEYS_PX, end - top);
    pen.fillStyle = colour("--grid");
    pen.fillRect(0, end, width, tone === 0 ? 1.5 : 0.5);
    const labelled = row >= 13 || tone === 0 || (row >= 7 && [0, 4, 7, 9].includes(tone));
    if (labelled && y(midi) > RULER_PX + 6 && y(midi) < bottom - 5) {
      pen.fillStyle = colour(tone === 0 ? "--strong" : "--weak");
      pen.fillText(noteName(midi), 6, y(midi));
    }
  }
  const step = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120].find((one) => (one / self.view.width) * width > 62) ?? 300;
  for (let at = Math.ceil(self.view.start / step) * step; at <= self.view.start + self.view.width; at += step) {
    pen.fillStyle = colour("--grid");
    pen.fillRect(x(at), RULER_PX, 0.75, height - RULER_PX);
    pen.fillStyle = colour("--weak");
    const text = step >= 1 ? clock(at + 1e-6) : `${(Math.round(at * 100) / 100).toString()} s`;
    if (x(at) < width - 24) pen.fillText(text, x(at) + 3, RULER_PX / 2);
  }
}

function paintSelection({ self, pen, height, colour, x }) {
  if (!self.selected) return;
  const [from, to] = self.selected.map(x);
  pen.fillStyle = colour("--chosen");
  pen.fillRect(from, RULER_PX, to - from, height - RULER_PX);
  pen.fillStyle = colour("--main");
  pen.fillRect(from - 1, RULER_PX, 1.5, height - RULER_PX);
  pen.fillRect(to, RULER_PX, 1.5, height - RULER_PX);
}

function paintMarks({ self, pen, bottom, colour, x, y }) {
  pen.fillStyle = colour("--mark");
  for (const [from, to] of self.data.marks ?? []) {
    const wide = Math.max(4, x(to) - x(from));
    pen.globalAlpha = 0.18;
    pen.fillRect(x(from), RULER_PX, wide, bottom - RULER_PX);
    pen.globalAlpha = 1;
    pen.fillRect(x(from), RULER_PX, wide, 4);
  }
  pen.fillStyle = colour("--noted");
  for (const [from, to, midi] of self.data.notes ?? []) {
    pen.fillRect(x(from), y(midi + 0.4), Math.max(1, x(to) - x(from)), y(0) - y(0.8));
  }
}

function paintLoudness({ self, pen, width, height, colour }) {
  const { loud, data, view } = self;
  if (!loud.length) return;
  const perPixel = view.width / (width - KEYS_PX) / (data.duration_s / loud.length);
  pen.fillStyle = colour("--quiet");
  for (let pixel = KEYS_PX; pixel < width; pixel++) {
    const first = Math.floor((view.start / data.duration_s) * loud.length + (pixel - KEYS_PX) * perPixel);
    let most = 0;
    for (let i = first; i < Math.min(loud.length, first + Math.max(1, Math.ceil(perPixel))); i++) most = Math.max(most, loud[i]);
    const tall = (most / 255) * (LOUD_PX - 4);
    pen.fillRect(pixel, height - tall, 1, tall);
  }
}

const LOOKS = {
  main: { colour: "--main", width: 2.25 },
  before: { colour: "--before", width: 1.5, dash: [4, 3] },
  faint: { colour: "--before", width: 1, dash: [1, 3] },
};

// Between two points a line; with several in a pixel, what they span. Leaps are no line.
function paintCurve({ self, pen, width, colour, x, y }, { points, look }) {
  const { step_s } = self.data;
  const first = Math.max(0, Math.floor(self.view.start / step_s) - 1);
  const last = Math.min(points.length - 1, Math.ceil((self.view.start + self.view.width) / step_s) + 1);
  const every = Math.max(1, Math.floor(((last - first) / (width - KEYS_PX)) * 0.5));
  const drawn = LOOKS[look] ?? LOOKS.main;
  pen.strokeStyle = colour(drawn.colour);
  pen.lineWidth = drawn.width;
  pen.lineJoin = "round";
  pen.setLineDash(every > 1 ? [] : (drawn.dash ?? []));
  pen.beginPath();
  let before = 0;
  for (let i = first; i <= last; i += every) {
    let [low, high] = [points[i], points[i]];
    for (let k = i + 1; k < i + every && k <= last; k++) {
      if (!points[k]) continue;
      low = low ? Math.min(low, points[k]) : points[k];
      high = Math.max(high, points[k]);
    }
    if (!high) {
      before = 0;
      continue;
    }
    const at = x(i * step_s);
    const joined = before && Math.abs(before - low) < LEAP;
    if (joined) pen.lineTo(at, y(low / 256));
    else pen.moveTo(at, y(low / 256));
    if (high - low >= LEAP) pen.lineTo(at + 0.5, y(low / 256));
    else if (high > low) pen.lineTo(at, y(high / 256));
    else if (!joined) pen.lineTo(at + 0.5, y(high / 256));
    before = high - low >= LEAP ? low : high;
  }
  pen.stroke();
  pen.setLineDash([]);
}

function paintLine({ self, pen, colour, x, y }) {
  if (!self.line) return;
  pen.strokeStyle = colour("--main");
  pen.lineWidth = 3;
  pen.beginPath();
  self.line.forEach(([time, pitch], index) => pen[index ? "lineTo" : "moveTo"](x(time), y(pitch)));
  pen.stroke();
}

function player(self) {
  return shared.players.get(self.data.player);
}

// Where the player is, while it plays.
function watch(self) {
  cancelAnimationFrame(self.frame);
  const tick = () => {
    if (!onPage(self.root)) return;
    const mixer = player(self)?.mixer;
    const at = mixer && (mixer.playing || mixer.position > 0) ? mixer.position : -1;
    if (at !== self.at && self.view) {
      self.at = at;
      const [width, height] = [self.stage.clientWidth, self.stage.clientHeight];
      const pen = fit(self.over, width, height);
      const x = KEYS_PX + ((at - self.view.start) / self.view.width) * (width - KEYS_PX);
      pen.fillStyle = getComputedStyle(self.box).getPropertyValue("--strong");
      if (at >= 0 && x >= KEYS_PX) pen.fillRect(x, RULER_PX, 1.5, height - RULER_PX);
    }
    self.frame = requestAnimationFrame(tick);
  };
  tick();
}

export default function (component) {
  const root = component.parentElement;
  let self = instances.get(root);
  if (!self) {
    self = adopt(root, component);
    instances.set(root, self);
  }
  self.component = component;
  take(self, component.data);
  self.stage.setAttribute("aria-label", `Pitch curve of ${component.data.name}`);
  fill(self);
  fields(self);
  explain(self);
  paint(self);
  watch(self);
  return () => {
    instances.delete(root);
    self.ignore();
  };
}
