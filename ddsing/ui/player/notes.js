// A piano roll that is edited: the notes of a score, its pitch curve over them and its loudness below. Notes are dragged, stretched,
// added and deleted, and both curves are drawn over; what was done is undone and redone here, and sent to the page a moment later.
//
// Data: `place`, the same for as long as it is the same line of a score; `name`; `score`, the line's notes, and `line`, its digest; `edit`,
// the changes that the page knows, see read(); `answered`, the id of the last edit that it has heard of; `duration_s`; `step_s` between the
// points of `pitch`, in 1/256 semitone, and of `loudness`, from `silence_db` to 0 dB, both as the style sings them, unsigned 16 bits in
// base64; `transpose`, the semitones by which it is sung higher than it is written; `range`, the lowest and the highest note that the
// instrument sings well, or null; `highest`, the highest note that can be sung; `longest_s`, until when; `player`, whose position is shown.

const LANE_PX = 84;
const SEND_MS = 400;
const AGAIN_MS = 5000; // what the page has not heard of by then may be lost, with the connection
const EDGE_PX = { mouse: 7, touch: 16 };
const DRAG_PX = 3;
const MOST_PUT_AWAY = 30; // edits, of which each has all notes
const MOST_NOTES_PUT_AWAY = 60_000;
const LEVELS = 65535; // from silence to 0 dB
const SECOND_PX = 90; // at first
const kept = (window.ddsingNotes ??= new Map()); // by place: what was done and what is shown, while its place is drawn anew

function adopt(root, component) {
  const find = (name) => root.querySelector(name);
  const self = {
    root, component, data: {}, box: find(".roll"), stage: find(".stage"), canvas: find(".drawn"), over: find(".over"), lane: LANE_PX,
    scroll: find(".scroll"), status: find(".status"), zooms: find(".zooms"), legend: find(".legend"), tool: "notes", chosen: [],
    pointers: new Map(), held: [...root.querySelectorAll("[data-column]")], buttons: [...root.querySelectorAll("[data-id]")],
  };
  listenToView(self);
  listenToPointer(self);
  self.box.onkeydown = (event) => key(self, event);
  self.box.addEventListener("focusout", () => flush(self)); // what is pressed next is about the notes as they are
  for (const button of self.buttons) button.onclick = () => act(self, button.dataset.id);
  for (const field of self.held) listenToField(self, field);
  self.leaving = () => document.visibilityState === "hidden" && flush(self);
  document.addEventListener("visibilitychange", self.leaving);
  return self;
}

function listenToField(self, field) {
  field.onchange = () => typed(self, field);
  field.onkeydown = (event) => {
    if (event.key === "Enter") typed(self, field);
  };
}

// What is edited

function take(self, data) {
  const other = data.place !== self.data.place;
  if (other) {
    flush(self);
    const found = kept.get(data.place) ?? putAwayBefore(data.place);
    Object.assign(self, { history: begun(given(data)), view: null, waiting: null, sent: null, chosen: [], drag: null, draft: null, lasso: null, ...found });
  }
  self.data = data;
  const answer = self.waiting?.id === data.answered;
  if (answer) heard(self);
  self.drawn = given(data); // what the curves are drawn for
  if (!self.waiting && !self.draft && !same(self.history.now, self.drawn)) {
    self.history = answer ? { ...self.history, now: self.drawn } : done(self.history, self.drawn); // as the page took it, or from elsewhere
  }
  if (self.waiting && other) later(self);
  else if (self.waiting?.id === self.sent) later(self, AGAIN_MS);
  self.styled = { pitch: points(data.pitch), loudness: points(data.loudness) };
  lengthen(self);
  self.view ??= { start: 0, width: Math.min(self.data.duration_s, Math.max(2, (self.stage.clientWidth || 900) / SECOND_PX)) };
  refresh(self);
  self.pitches = reach(self);
  choose(self, self.chosen.filter((index) => index < now(self).notes.length), true);
  keep(self);
}

const points = (text) => Float32Array.from(new Uint16Array(bytes(text).buffer));
const given = (data) => read(data.score, data.edit);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const now = (self) => self.history.now;
const shown = (self) => self.draft?.edit ?? now(self); // while something is dragged or drawn

function keep(self) {
  const { history, view, waiting, pitches } = self;
  kept.set(self.data.place, { history, view, waiting, pitches });
}

// The time shown goes as far as the last note does.
function lengthen(self) {
  const last = now(self).notes.reduce((most, note) => Math.max(most, note[END]), 0);
  self.data = { ...self.data, duration_s: Math.max(self.data.duration_s, last + 1) };
}

// The lowest and the highest note that is shown: what is sung, and a little more.
function reach(self) {
  const sung = [...self.curve.points].filter(Boolean).map((point) => point / 256 - self.data.transpose);
  const midi = [...now(self).notes.map((note) => note[MIDI]), ...sung];
  const [low, high] = [midi.reduce((a, b) => Math.min(a, b)), midi.reduce((a, b) => Math.max(a, b))];
  const half = Math.max(8, (high - low) / 2 + 3);
  const middle = (low + high) / 2 + self.data.transpose;
  return { low: middle - half, high: middle + half };
}

// The notes as they can be sung, written.
const reachable = ({ data }) => [Math.max(0, -data.transpose), data.highest - data.transpose, data.longest_s];

// The curves that are shown: as the style sings them, with what is drawn; and, until the page has drawn them anew, moved with the notes.
function refresh(self) {
  const { data, styled, drawn } = self;
  const edit = shown(self);
  const n = Math.ceil(data.duration_s / data.step_s);
  const stay = (values, rest) => Float32Array.from({ length: n }, (_, index) => values[index] ?? rest);
  const guess = (values, how) => guessed(values, data.step_s, drawn.notes, edit.notes, how);
  const pitch = guess(stay(styled.pitch, styled.pitch[styled.pitch.length - 1]), {
    lift: 256, fresh: (note) => 256 * (note[MIDI] + data.transpose), rest: null,
  });
  const loudest = styled.loudness.reduce((most, level) => Math.max(most, level), 0);
  const level = guess(stay(styled.loudness, 0), { lift: 0, fresh: () => loudest, rest: 0 });
  self.base = { pitch, db: level.map((one) => data.silence_db * (1 - one / LEVELS)) };
  const [cents, db] = [offsets(edit.pitch, n, data.step_s), offsets(edit.loudness, n, data.step_s)];
  const sounds = self.base.db.map((one) => one > data.silence_db + 1);
  self.curve = { points: pitch.map((one, index) => (sounds[index] ? within(one + cents[index] * 2.56, 1, data.highest * 256) : 0)), look: "main" };
  self.loud = self.base.db.map((one, index) => (sounds[index] ? within(one + db[index], data.silence_db, 0) : one));
}

// A change is done: it can be undone, and is sent.
function commit(self, { edit, chosen }, words = "") {
  if (same(edit, self.history.now)) return;
  self.history = done(self.history, edit);
  changed(self, chosen, words);
}

function changed(self, chosen, words) {
  self.draft = null;
  self.waiting = { edit: self.history.now, id: `${Date.now().toString(36)}.${Math.random().toString(36).slice(2, 8)}` };
  putAway(self);
  lengthen(self);
  refresh(self);
  self.pitches = reach(self);
  choose(self, chosen, Boolean(words));
  if (words) say(self, words);
  keep(self);
  later(self);
}

function later(self, wait_ms = SEND_MS) {
  clearTimeout(self.timer);
  self.timer = setTimeout(() => flush(self, wait_ms === AGAIN_MS), wait_ms);
}

// What the page has not heard of is sent, and kept until it has: also over a reload.
function flush(self, again = false) {
  if (!self.waiting || (self.waiting.id === self.sent && !again)) return;
  clearTimeout(self.timer);
  self.sent = self.waiting.id;
  const { score, line, place } = self.data;
  self.component.setTriggerValue("edit", { id: self.waiting.id, place, edit: written(score, line, self.waiting.edit) });
}

function heard(self) {
  self.waiting = null;
  putAway(self);
}

const drawer = (place) => `ddsing.notes.${place}`;

// For a reload: what is not sent yet, and what can be undone.
function putAway(self) {
  const { past, now: edit, future } = self.history;
  const most = Math.min(MOST_PUT_AWAY, Math.ceil(MOST_NOTES_PUT_AWAY / edit.notes.length));
  const history = { past: past.slice(-most), now: edit, future: future.slice(0, most) };
  try {
    sessionStorage.setItem(drawer(self.data.place), JSON.stringify({ waiting: self.waiting, history }));
  } catch {
    sessionStorage.removeItem(drawer(self.data.place)); // no room: it is sent in a moment
  }
}

function putAwayBefore(place) {
  try {
    return JSON.parse(sessionStorage.getItem(drawer(place)));
  } catch {
    return null;
  }
}

function undo(self) {
  if (!self.history.past.length) return;
  self.history = undone(self.history);
  changed(self, [], "Undone.");
}

function redo(self) {
  if (!self.history.future.length) return;
  self.history = redone(self.history);
  changed(self, [], "Restored.");
}

// What is chosen

function choose(self, chosen, quietly = false) {
  self.chosen = chosen;
  const rows = self.history ? chosen.map((index) => now(self).notes[index]) : [];
  self.selected = rows.length ? [Math.min(...rows.map((note) => note[START])), Math.max(...rows.map((note) => note[END]))] : null;
  if (!self.data.place) return;
  if (!quietly) say(self, said(self));
  fields(self);
  paint(self);
}

function said(self) {
  const { notes } = now(self);
  if (!self.chosen.length) return "";
  if (self.chosen.length > 1) return `${self.chosen.length} notes.`;
  const [index] = self.chosen;
  const [start, end, midi] = notes[index];
  return `${noteName(midi + self.data.transpose)}, ${start.toFixed(2)} to ${end.toFixed(2)} s. Note ${index + 1} of ${notes.length}.`;
}

function say(self, text) {
  self.status.textContent = text;
}

const SHOWN = {
  [START]: (value) => value.toFixed(2),
  [END]: (value) => value.toFixed(2),
  [MIDI]: (value, self) => noteName(value + self.data.transpose),
  [VELOCITY]: (value) => String(Math.round(value * 100)),
};

function fields(self) {
  const note = self.chosen.length === 1 ? now(self).notes[self.chosen[0]] : null;
  const editing = self.box.getRootNode().activeElement;
  for (const field of self.held) {
    const column = Number(field.dataset.column);
    field.disabled = !note;
    if (editing !== field || !note) field.value = note ? SHOWN[column](note[column], self) : "";
  }
  const off = {
    undo: !self.history.past.length, redo: !self.history.future.length, delete: !self.chosen.length,
    undraw: !(self.tool === "loudness" ? now(self).loudness : now(self).pitch).length,
  };
  for (const button of self.buttons) {
    button.disabled = Boolean(off[button.dataset.id]);
    if (button.dataset.tool) button.setAttribute("aria-pressed", button.dataset.id === self.tool);
  }
  self.zooms.querySelector('[value="selection"]').disabled = !self.selected;
}

// What was typed; what can't be meant is put back.
function typed(self, field) {
  const [index] = self.chosen;
  const note = now(self).notes[index];
  if (!note) return;
  const column = Number(field.dataset.column);
  const written = column === MIDI ? readNote(field.value) : Number(field.value.replace(",", "."));
  const value = column === MIDI && written !== null ? written - self.data.transpose : written;
  if (field.value.trim() === SHOWN[column](note[column], self)) return;
  if (field.value.trim() && value !== null && Number.isFinite(value)) commit(self, withValue(self, index, column, value));
  field.value = SHOWN[column](now(self).notes[self.chosen[0] ?? index][column], self);
}

function withValue(self, index, column, value) {
  const edit = now(self);
  if (column === MIDI) return moved(edit, [index], 0, value - edit.notes[index][MIDI], reachable(self));
  if (column === VELOCITY) return valued(edit, [index], VELOCITY, within(value, 0, 100) / 100);
  return stretched(edit, index, column, Math.min(value, self.data.longest_s));
}

// Actions, by their buttons and keys

function act(self, id) {
  if (id === "undo") undo(self);
  else if (id === "redo") redo(self);
  else if (id === "delete") remove(self);
  else if (id === "add") addNear(self);
  else if (id === "undraw") undraw(self);
  else useTool(self, id);
}

const TOOLS = { notes: "", pitch: "Draw the pitch over the notes.", loudness: "Draw the loudness in the strip at the bottom." };

function useTool(self, tool) {
  self.tool = tool;
  self.stage.dataset.drawing = tool !== "notes";
  fields(self);
  say(self, TOOLS[tool]);
}

function remove(self) {
  const many = self.chosen.length;
  if (many === now(self).notes.length) say(self, "One note must stay.");
  else if (many) commit(self, without(now(self), self.chosen), many === 1 ? "The note is deleted." : `${many} notes are deleted.`);
}

// A note after the one that is chosen, else in the middle of what is shown.
function addNear(self) {
  const { notes } = now(self);
  const last = notes[self.chosen[self.chosen.length - 1]];
  const wanted = last ? last[END] : self.view.start + self.view.width / 2;
  add(self, freeFrom(notes, wanted), last ? last[MIDI] : (self.pitches.low + self.pitches.high) / 2 - self.data.transpose);
}

function add(self, at, midi) {
  const [lowest, highest, last_s] = reachable(self);
  const found = added(now(self), Math.max(0, at), within(Math.round(midi), lowest, highest), self.data.score.length);
  if (found && at < last_s) commit(self, found);
  else say(self, "There is no room for a note.");
  follow(self);
}

// Without a selection, all that was drawn over pitch or loudness.
function undraw(self) {
  const what = self.tool === "loudness" ? "loudness" : "pitch";
  const [from, to] = self.selected ?? [0, Infinity];
  commit(self, { edit: undrawn(now(self), what, from, to), chosen: self.chosen }, `The ${what} is as the style sings it.`);
}

function follow(self) {
  if (!self.selected) return;
  const [from, to] = self.selected;
  const { start, width } = self.view;
  if (to > start + width) show(self, Math.min(from, to - width * 0.8), width);
  else if (from < start) show(self, from - width * 0.2, width);
}

// Keyboard

function key(self, event) {
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key === "Enter") flush(self); // and then the page hears it
  if (event.altKey || event.target.matches("input")) return;
  const pressed = control ? withControl(self, event) : event.target === self.stage && plainly(self, event);
  if (!pressed) return;
  event.preventDefault();
  event.stopPropagation(); // the player hears the arrows, too
}

function withControl(self, event) {
  const letter = event.key.toLowerCase();
  if (letter === "z" && !event.shiftKey) undo(self);
  else if (letter === "y" || letter === "z") redo(self);
  else if (letter === "a") choose(self, now(self).notes.map((_, index) => index));
  else return false;
  return true;
}

function plainly(self, event) {
  const { view, chosen } = self;
  const last = now(self).notes.length - 1;
  const step = event.shiftKey ? view.width / 200 : 0;
  if (event.key === "ArrowUp" || event.key === "ArrowDown") nudge(self, 0, (event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 12 : 1));
  else if (event.key === "ArrowRight" && step) nudge(self, step, 0);
  else if (event.key === "ArrowLeft" && step) nudge(self, -step, 0);
  else if (event.key === "ArrowRight") go(self, chosen.length ? Math.min(last, chosen[chosen.length - 1] + 1) : firstShown(self));
  else if (event.key === "ArrowLeft") go(self, chosen.length ? Math.max(0, chosen[0] - 1) : firstShown(self));
  else if (event.key === "Home") go(self, 0);
  else if (event.key === "End") go(self, last);
  else if (event.key === "Delete" || event.key === "Backspace") remove(self);
  else if (event.key === "Enter") addNear(self);
  else if (event.key === "PageDown") show(self, view.start + view.width, view.width);
  else if (event.key === "PageUp") show(self, view.start - view.width, view.width);
  else if (event.key === "+" || event.key === "=") zoomed(self, "in");
  else if (event.key === "-") zoomed(self, "out");
  else if (event.key === "Escape" && (chosen.length || self.tool !== "notes")) escape(self);
  else return false;
  return true;
}

function escape(self) {
  useTool(self, "notes");
  choose(self, []);
}

function firstShown(self) {
  const { notes } = now(self);
  return Math.max(0, notes.findIndex((note) => note[END] > self.view.start));
}

function go(self, index) {
  if (!now(self).notes[index]) return say(self, said(self));
  choose(self, [index]);
  return follow(self);
}

function nudge(self, seconds, semitones) {
  if (!self.chosen.length) return say(self, "Choose a note first, with the arrow keys or the pointer.");
  commit(self, moved(now(self), self.chosen, seconds, semitones, reachable(self)));
  return follow(self);
}

export default function (component) {
  const self = rollOf(component);
  take(self, component.data);
  self.stage.setAttribute("aria-label", `Notes of ${component.data.name}`);
  fields(self);
  paint(self);
  watch(self);
  return ending(self, () => {
    flush(self);
    clearTimeout(self.timer);
    instances.delete(self.root);
    document.removeEventListener("visibilitychange", self.leaving);
    self.ignore();
  });
}
