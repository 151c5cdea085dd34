// A piano roll: curves over a grid of notes, with loudness below. A stretch of time is selected by dragging or with the
// keyboard, and what is done to it is the page's affair: it is sent as an action, and new curves come back.
//
// Data: `place`, `name`, `duration_s`, `step_s` of the curves' points; `curves`, each with `name`, `look` (main, faint, before) and
// `values`, 256 times the MIDI number of each point as unsigned 16 bits in base64, 0 for none; `loudness`, 8 bits a point; `notes`
// and `marks`, each [start_s, end_s, ...]; `actions`, see fill(); `player`, whose position is shown.

const LOUD_PX = 34;
const rolls = (window.ddsingRolls ??= new Map()); // by place: what is shown and selected, while its place is drawn anew

function adopt(root, component) {
  const find = (name) => root.querySelector(name);
  const self = {
    root, component, data: {}, box: find(".roll"), tools: find(".tools"), stage: find(".stage"), canvas: find(".drawn"),
    over: find(".over"), lane: LOUD_PX, scroll: find(".scroll"), from: find(".from"), to: find(".to"), status: find(".status"),
    hint: find(".hint"), legend: find(".legend"), drawing: false, line: null, zooms: find(".zooms"),
  };
  listen(self);
  return self;
}

function listen(self) {
  listenToView(self);
  self.stage.onpointerdown = (event) => press(self, event);
  self.stage.onpointermove = (event) => move(self, event);
  self.stage.onpointerup = (event) => release(self, event);
  self.stage.onpointercancel = () => {
    self.drag = null;
    self.line = null;
    paint(self);
  };
  self.stage.onkeydown = (event) => key(self, event);
  for (const field of [self.from, self.to]) {
    field.onchange = () => typed(self);
    field.onkeydown = (event) => {
      if (event.key === "Enter") typed(self); // what such a handler returns would count: false swallows the key
    };
  }
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
    if (line.length > 1) send(self, { id: "line", points: thinned(line) });
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

function paint(self) {
  if (!self.view || !self.stage.clientWidth) return;
  const scene = sceneOf(self);
  const { pen, width, height, bottom } = scene;
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
  showScroller(self);
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

function paintLine({ self, pen, colour, x, y }) {
  if (!self.line) return;
  pen.strokeStyle = colour("--main");
  pen.lineWidth = 3;
  pen.beginPath();
  self.line.forEach(([time, pitch], index) => pen[index ? "lineTo" : "moveTo"](x(time), y(pitch)));
  pen.stroke();
}

export default function (component) {
  const self = rollOf(component);
  take(self, component.data);
  self.stage.setAttribute("aria-label", `Pitch curve of ${component.data.name}`);
  fill(self);
  fields(self);
  explain(self);
  paint(self);
  watch(self);
  return ending(self, () => {
    instances.delete(self.root);
    self.ignore();
  });
}
