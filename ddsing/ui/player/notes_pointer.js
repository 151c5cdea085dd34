// The pointer on a piano roll that is edited: notes are chosen, dragged and stretched, curves drawn; a finger on nothing scrolls, two zoom.

function listenToPointer(self) {
  const { stage } = self;
  stage.onpointerdown = (event) => press(self, event);
  stage.onpointermove = (event) => move(self, event);
  stage.onpointerup = (event) => release(self, event);
  stage.onpointercancel = (event) => letGo(self, event);
  stage.ondblclick = (event) => doubled(self, event);
  // A finger on a note moves that, and not the page; it must be said before the browser begins to scroll.
  stage.addEventListener("touchstart", (event) => claim(self, event), { passive: false });
}

function claim(self, event) {
  const first = event.touches[0];
  const here = event.touches.length > 1 || self.tool !== "notes" || at(self, { ...position(first), pointerType: "touch" });
  if (here && event.cancelable) event.preventDefault();
}

const position = ({ clientX, clientY }) => ({ clientX, clientY });

function at(self, event) {
  const { x, y } = place(self, event);
  if (x < KEYS_PX || y < RULER_PX || y > self.stage.clientHeight - self.lane) return null;
  const edge = EDGE_PX[event.pointerType] ?? EDGE_PX.mouse;
  const scale = {
    second: self.view.width / (self.stage.clientWidth - KEYS_PX), // of a pixel, as is the semitone
    semitone: (edge / (self.stage.clientHeight - RULER_PX - self.lane)) * (self.pitches.high - self.pitches.low),
    edge,
  };
  return touched(now(self).notes, timeAt(self, x), pitchAt(self, y) - self.data.transpose, scale);
}

function press(self, event) {
  if (event.button) return;
  self.stage.setPointerCapture(event.pointerId);
  self.pointers.set(event.pointerId, place(self, event));
  if (self.pointers.size === 2) return pinch(self);
  if (self.pointers.size > 2) return undefined;
  const { x, y } = place(self, event);
  if (self.tool !== "notes") return beginLine(self, x, y);
  const found = at(self, event);
  if (!found) return pressNothing(self, event, x, y);
  pressNote(self, event, found);
  self.drag = { kind: found.edge ?? "move", index: found.index, x, y, from: timeAt(self, x), pitch: pitchAt(self, y), moved: false };
  return undefined;
}

function pressNote(self, event, { index }) {
  const more = event.shiftKey || event.ctrlKey || event.metaKey;
  const there = self.chosen.includes(index);
  if (more) choose(self, there ? self.chosen.filter((one) => one !== index) : [...self.chosen, index].sort((a, b) => a - b));
  else if (!there) choose(self, [index]);
}

function pressNothing(self, event, x, y) {
  const kind = event.pointerType === "mouse" && y <= self.stage.clientHeight - self.lane ? "lasso" : "scroll";
  self.drag = { kind, x, y, from: timeAt(self, x), start: self.view.start, moved: false };
}

function move(self, event) {
  const { x, y } = place(self, event);
  if (!self.pointers.has(event.pointerId)) return hover(self, event);
  self.pointers.set(event.pointerId, { x, y });
  if (self.pinched) return pinching(self);
  if (self.draft?.what) return drawTo(self, x, y, event.shiftKey);
  if (!self.drag) return undefined;
  self.drag.moved ||= Math.hypot(x - self.drag.x, y - self.drag.y) > DRAG_PX;
  if (self.drag.moved) dragTo(self, x, y, event.shiftKey);
  return undefined;
}

function hover(self, event) {
  const found = self.tool === "notes" && event.pointerType === "mouse" ? at(self, event) : null;
  self.stage.style.cursor = self.tool !== "notes" ? "" : !found ? "default" : found.edge === null ? "grab" : "ew-resize";
}

function dragTo(self, x, y, free) {
  const { drag } = self;
  if (drag.kind === "lasso") return lassoTo(self, x, y);
  if (drag.kind === "scroll") return show(self, drag.start - ((x - drag.x) / (self.stage.clientWidth - KEYS_PX)) * self.view.width, self.view.width);
  const edit = now(self);
  if (drag.kind === "move") {
    self.draft = moved(edit, self.chosen, stepped(self, timeAt(self, x) - drag.from, free), Math.round(pitchAt(self, y) - drag.pitch), reachable(self));
  } else {
    const end = edit.notes[drag.index][drag.kind] + timeAt(self, x) - drag.from;
    self.draft = stretched(edit, drag.index, drag.kind, free ? end : magnet(end, edges(self, [drag.index]), nearness(self)));
  }
  refresh(self);
  say(self, draftSaid(self));
  return paint(self);
}

const nearness = (self) => (6 * self.view.width) / (self.stage.clientWidth - KEYS_PX);

// Where the notes that are not held begin and end.
function edges(self, held) {
  const own = new Set(held);
  return self.history.now.notes.flatMap((note, index) => (own.has(index) ? [] : [note[START], note[END]]));
}

// How far held notes are moved: so that they join another one if they nearly do.
function stepped(self, seconds, free) {
  const others = free ? [] : edges(self, self.chosen);
  const rows = self.chosen.map((index) => self.history.now.notes[index]);
  const joins = [rows[0][START], rows[rows.length - 1][END]].map((edge) => magnet(edge + seconds, others, nearness(self)) - edge);
  return joins.find((one) => one !== seconds) ?? seconds;
}

function draftSaid(self) {
  const [index] = self.draft.chosen;
  const [start, end, midi] = self.draft.edit.notes[index];
  return `${noteName(midi + self.data.transpose)}, ${start.toFixed(2)} to ${end.toFixed(2)} s`;
}

function lassoTo(self, x, y) {
  const { drag } = self;
  const [from, to] = [drag.from, timeAt(self, x)].sort((a, b) => a - b);
  const [top, end] = [drag.y, y].sort((a, b) => a - b);
  self.lasso = { from, to, top, end };
  const [high, low] = [pitchAt(self, top), pitchAt(self, end)].map((midi) => midi - self.data.transpose);
  const inside = ([start, stop, midi]) => stop > from && start < to && midi > low - 0.5 && midi < high + 0.5;
  choose(self, now(self).notes.flatMap((note, index) => (inside(note) ? [index] : [])), true);
}

function release(self, event) {
  if (!self.pointers.delete(event.pointerId)) return;
  if (self.pinched) return endPinch(self);
  const { drag, draft } = self;
  Object.assign(self, { drag: null, draft: null, lasso: null });
  if (draft?.what) return endLine(self, draft);
  if (draft) refresh(self);
  if (draft) commit(self, draft);
  else if (drag?.kind === "lasso" && drag.moved) choose(self, self.chosen);
  else if (drag && !drag.moved && ["lasso", "scroll"].includes(drag.kind)) pressedNothing(self, drag);
  return paint(self);
}

function pressedNothing(self, drag) {
  choose(self, []);
  player(self)?.mixer.seek(Math.max(0, drag.from));
}

function letGo(self, event) {
  self.pointers.delete(event.pointerId);
  Object.assign(self, { drag: null, draft: null, lasso: null, pinched: null });
  refresh(self);
  paint(self);
}

function doubled(self, event) {
  const { x, y } = place(self, event);
  if (self.tool !== "notes" || x < KEYS_PX || y < RULER_PX || y > self.stage.clientHeight - self.lane || at(self, event)) return;
  const start = magnet(timeAt(self, x), edges(self, []), nearness(self));
  add(self, start, pitchAt(self, y) - self.data.transpose);
}

// The brush

const UNITS = { pitch: { scale: 100, tolerance: 2, most: 4800 }, loudness: { scale: 1, tolerance: 0.2, most: 60 } }; // cents, dB

function valueOf(self, y) {
  return self.tool === "pitch" ? within(pitchAt(self, y), 0, self.data.highest) : dbAt(self, y);
}

function beginLine(self, x, y) {
  const point = [Math.max(0, timeAt(self, x)), valueOf(self, y)];
  self.draft = { edit: self.history.now, what: self.tool, stroke: [point], last: point, first: point };
}

// With Shift a straight line from where it began.
function drawTo(self, x, y, straight) {
  const { draft } = self;
  const point = [within(timeAt(self, x), 0, self.data.duration_s), valueOf(self, y)];
  draft.stroke = straight ? brushed([draft.first], draft.first, point) : brushed(draft.stroke, draft.last, point);
  draft.last = point;
  paint(self);
}

function endLine(self, { what, stroke: line }) {
  const { step_s } = self.data;
  const base = self.base[what === "pitch" ? "pitch" : "db"];
  const curve = (at) => base[within(Math.round(at / step_s), 0, base.length - 1)] / (what === "pitch" ? 256 : 1);
  const stroke = strokeTo(line, curve, step_s, UNITS[what]);
  if (stroke) commit(self, { edit: drawnOver(now(self), what, stroke), chosen: self.chosen }, `The ${what} is drawn.`);
  return paint(self);
}

// Two fingers: what was between them stays between them.
function pinch(self) {
  const [one, other] = [...self.pointers.values()].map(({ x }) => timeAt(self, x));
  Object.assign(self, { drag: null, draft: null, lasso: null, pinched: { one, other } });
  refresh(self);
  paint(self);
}

function pinching(self) {
  const xs = [...self.pointers.values()].map(({ x }) => x);
  if (xs.length < 2) return;
  const { one, other } = self.pinched;
  const view = pinchedView(one, other, xs[0] - KEYS_PX, xs[1] - KEYS_PX, self.stage.clientWidth - KEYS_PX);
  if (view) show(self, view.start, view.width);
}

function endPinch(self) {
  if (!self.pointers.size) self.pinched = null;
}
