// What is done to the notes and the drawn curves of a score, as functions of an edit that give another one; none changes what it is given.
//
// Here an edit has `notes`, rows of start and end in seconds, MIDI number, velocity (0 to 1), whether a breath follows, and the number of
// the note, which is its place in the score, and that of an added one goes on from there; in order, one at a time. `pitch` and `loudness`
// have strokes that were drawn over the curves: rows of [seconds, cents or dB] by which the curve is moved, in order, no two over each
// other. read() and written() are the way from and to what the page knows: changes against the score (ddsing.play.edit).

const [START, END, MIDI, VELOCITY, BREATH, NUMBER] = [0, 1, 2, 3, 4, 5];
const LEAST_NOTE_S = 0.03;
const TOUCHING_S = 0.001; // what is rounded is no overlap
const USUAL_NOTE_S = 0.5;
const USUAL_VELOCITY = 0.7;
const MOST_UNDONE = 200;

const milli = (value) => Math.round(value * 1000) / 1000;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

// From and to the page

// The edit that the page's changes make of a score's notes.
function read(score, { changed = [], added = [], removed = [], pitch = [], loudness = [] }) {
  const [other, gone] = [new Map(changed), new Set(removed)];
  const own = score.map((note, number) => [...(other.get(number) ?? note), number]).filter((note) => !gone.has(note[NUMBER]));
  const more = added.map((note, place) => [...note, score.length + place]);
  return { notes: inOrder([...own, ...more]), pitch: strokesOf(pitch), loudness: strokesOf(loudness) };
}

// What the page is told: the notes that are other than in the score, and the curves as points, 0 where nothing is drawn.
function written(score, line, { notes, pitch, loudness }) {
  const left = new Map(notes.map((note) => [note[NUMBER], note.slice(0, NUMBER)]));
  const changed = [];
  const removed = [];
  score.forEach((note, number) => {
    const now = left.get(number);
    if (!now) removed.push(number);
    else if (now.some((value, column) => value !== note[column])) changed.push([number, now]);
  });
  const added = notes.filter((note) => note[NUMBER] >= score.length).sort((a, b) => a[NUMBER] - b[NUMBER]);
  const rows = added.map((note) => note.slice(0, NUMBER));
  return { version: 1, line, changed, added: rows, removed, pitch: pointsOf(pitch), loudness: pointsOf(loudness) };
}

const inOrder = (notes) => [...notes].sort((a, b) => a[START] - b[START] || a[NUMBER] - b[NUMBER]);

function pointsOf(strokes) {
  return strokes.flatMap((stroke) => [[stroke[0][0], 0], ...stroke, [stroke[stroke.length - 1][0], 0]]);
}

// A stroke ends where two points are 0; a point that only brings the curve to its first or from its last value is none of it.
function strokesOf(points) {
  const runs = [];
  points.forEach((point, index) => {
    const before = points[index - 1];
    if (!before || (before[1] === 0 && point[1] === 0)) runs.push([]);
    runs[runs.length - 1].push(point);
  });
  const steps = (one, other) => one && other && one[0] === other[0] && one[1] === 0;
  return runs
    .map((run) => (steps(run[0], run[1]) ? run.slice(1) : run))
    .map((run) => (steps(run[run.length - 1], run[run.length - 2]) ? run.slice(0, -1) : run))
    .filter((run) => run.length > 1);
}

// Notes

// The notes that are held win: what they cover of others is cut off, and what is left too short is dropped.
function merged(edit, own, others) {
  const sorted = inOrder(own);
  const notes = inOrder([...others.flatMap((note) => uncovered(note, sorted)), ...sorted]);
  const places = new Map(notes.map((note, index) => [note, index]));
  return { edit: { ...edit, notes }, chosen: sorted.map((note) => places.get(note)) };
}

function uncovered(note, own) {
  let [start, end] = note;
  for (const one of own) {
    if (one[START] >= end - TOUCHING_S) break; // they are in order
    if (one[END] <= start + TOUCHING_S) continue;
    if (one[START] > start) end = one[START];
    else start = one[END];
  }
  if (start === note[START] && end === note[END]) return [note];
  return end - start < LEAST_NOTE_S - 1e-9 ? [] : [withTimes(note, start, end)];
}

function withTimes(note, start, end) {
  return [milli(start), milli(end), ...note.slice(MIDI)];
}

function parted(edit, chosen) {
  const own = new Set(chosen);
  return [edit.notes.filter((_, index) => own.has(index)), edit.notes.filter((_, index) => !own.has(index))];
}

// Notes moved in time and by semitones, together, as far as there is room, from `lowest` to `highest` and until `last_s`; what was drawn
// over them comes along.
function moved(edit, chosen, seconds, semitones, [lowest, highest, last_s = Infinity]) {
  const [own, others] = parted(edit, chosen);
  if (!own.length) return { edit, chosen };
  const ends = own[own.length - 1][END];
  const later = within(seconds, -own[0][START], Math.max(0, last_s - ends));
  const pitches = own.map((note) => note[MIDI]);
  const up = within(semitones, lowest - Math.min(...pitches), highest - Math.max(...pitches));
  const rows = own.map((note) => [milli(note[START] + later), milli(note[END] + later), note[MIDI] + up, ...note.slice(VELOCITY)]);
  const found = merged(edit, later ? rows : own.map((note, index) => [note[START], note[END], ...rows[index].slice(MIDI)]), others);
  const [pitch, loudness] = [edit.pitch, edit.loudness].map((strokes) => carried(strokes, own, later));
  return { ...found, edit: { ...found.edit, pitch, loudness } };
}

// Strokes of which the parts over some notes are moved in time; they cover what they come to lie upon.
function carried(strokes, notes, seconds) {
  if (!strokes.length || !seconds) return strokes;
  const inside = notes.flatMap(([start, end]) => strokes.map((stroke) => between(stroke, start, end)));
  const rest = notes.reduce((left, [start, end]) => erased(left, start, end), strokes);
  const shifted = inside.filter((stroke) => stroke.length > 1).map((stroke) => stroke.map(([at, value]) => [milli(at + seconds), value]));
  return shifted.reduce((left, stroke) => overlaid(left, stroke), rest);
}

// One end of a note moved to a time.
function stretched(edit, index, edge, at) {
  const note = edit.notes[index];
  const [, others] = parted(edit, [index]);
  const start = edge === START ? within(at, 0, note[END] - LEAST_NOTE_S) : note[START];
  const end = edge === END ? Math.max(at, note[START] + LEAST_NOTE_S) : note[END];
  return merged(edit, [withTimes(note, start, end)], others);
}

// Another note where nothing is sung, as long and as loud as the one before it; null where there is no room.
function added(edit, at, midi, nScore) {
  const { notes } = edit;
  const before = notes.filter((note) => note[START] <= at).pop();
  const after = notes.find((note) => note[START] > at);
  if (before && before[END] > at + 1e-9) return null;
  const length = before ? before[END] - before[START] : USUAL_NOTE_S;
  const end = Math.min(at + length, after ? after[START] : Infinity);
  if (end - at < LEAST_NOTE_S - 1e-9) return null;
  const number = notes.reduce((most, note) => Math.max(most, note[NUMBER] + 1), nScore);
  return merged(edit, [[milli(at), milli(end), midi, before ? before[VELOCITY] : USUAL_VELOCITY, false, number]], notes);
}

// The first time from one on at which there is room for a note.
function freeFrom(notes, at) {
  for (const [start, end] of notes) {
    if (start >= at + LEAST_NOTE_S) break;
    at = Math.max(at, end);
  }
  return at;
}

function without(edit, chosen) {
  const [, notes] = parted(edit, chosen);
  return { edit: { ...edit, notes }, chosen: [] };
}

// Notes with another value in a column that is not a time.
function valued(edit, chosen, column, value) {
  const own = new Set(chosen);
  const notes = edit.notes.map((note, index) => (own.has(index) ? note.map((old, at) => (at === column ? value : old)) : note));
  return { edit: { ...edit, notes }, chosen };
}

// Drawing

function valueAt(stroke, at) {
  const next = stroke.findIndex(([time]) => time >= at);
  if (next <= 0) return stroke[next < 0 ? stroke.length - 1 : 0][1];
  const [[t0, v0], [t1, v1]] = [stroke[next - 1], stroke[next]];
  return t1 > t0 ? v0 + ((at - t0) / (t1 - t0)) * (v1 - v0) : v1;
}

// The part of a stroke from one time to another; none where it has none there.
function between(stroke, from, to) {
  const [first, last] = [stroke[0][0], stroke[stroke.length - 1][0]];
  const [start, end] = [Math.max(from, first), Math.min(to, last)];
  if (end <= start) return [];
  const middle = stroke.filter(([at]) => at > start && at < end);
  return [[start, valueAt(stroke, start)], ...middle, [end, valueAt(stroke, end)]];
}

// Strokes without what they have from one time to another.
function erased(strokes, from, to) {
  return strokes.flatMap((stroke) => {
    const [first, last] = [stroke[0][0], stroke[stroke.length - 1][0]];
    if (last <= from || first >= to) return [stroke];
    return [between(stroke, first, from), between(stroke, to, last)].filter((one) => one.length > 1);
  });
}

// A stroke over others, which it replaces where it is.
function overlaid(strokes, stroke) {
  const left = erased(strokes, stroke[0][0], stroke[stroke.length - 1][0]);
  return [...left, stroke].sort((a, b) => a[0][0] - b[0][0]);
}

// The brush goes from one point to another, forwards or backwards: what was drawn between them is replaced.
function brushed(stroke, from, to) {
  const [low, high] = from[0] <= to[0] ? [from, to] : [to, from];
  const before = stroke.filter(([at]) => at < low[0]);
  const after = stroke.filter(([at]) => at > high[0]);
  return low[0] === high[0] ? [...before, to, ...after] : [...before, low, high, ...after];
}

// A line as it was drawn, as a stroke by which the curve is moved onto it; `curve` gives that at a time, in the same unit, before any
// stroke. `most` is how far at most; a point for each of the curve's, where the tolerance needs it; null where the brush has not moved.
function strokeTo(line, curve, step_s, { scale, tolerance, most }) {
  const [first, last] = [Math.max(0, line[0][0]), line[line.length - 1][0]];
  const times = [first];
  for (let k = Math.floor(first / step_s) + 1; k * step_s < last; k++) times.push(k * step_s);
  if (milli(last) <= milli(first)) return null;
  const all = [...times, last].map((at) => [at, within(scale * (valueAt(line, at) - curve(at)), -most, most)]);
  const rows = thinned(all, tolerance).map(([at, value]) => [milli(at), Math.round(value * 100) / 100]);
  return rows.filter(([at], index) => !index || at > rows[index - 1][0]);
}

function drawnOver(edit, what, stroke) {
  return { ...edit, [what]: overlaid(edit[what], stroke) };
}

function undrawn(edit, what, from, to) {
  return { ...edit, [what]: erased(edit[what], from, to) };
}

// Curves as they are shown until the page has drawn them anew

// A curve whose parts under notes have gone where those have; `lift` is by how much it is higher for a semitone, `fresh` gives what an
// added note begins with, and `rest` is left where a note was, or null for what was there. Elsewhere it is as it was.
function guessed(points, step_s, before, after, { lift, fresh, rest }) {
  const [known, left] = [before, after].map((notes) => new Map(notes.map((note) => [note[NUMBER], note])));
  const still = (one, other) => one && other && [START, END, MIDI].every((column) => one[column] === other[column]);
  const found = points.slice();
  const frames = (seconds) => Math.round(seconds / step_s);
  for (const note of rest === null ? [] : before) {
    if (!still(note, left.get(note[NUMBER]))) found.fill(rest, frames(note[START]), frames(note[END]));
  }
  for (const note of after) {
    const old = known.get(note[NUMBER]);
    if (still(note, old)) continue;
    const last = Math.min(found.length, frames(note[END]));
    for (let frame = frames(note[START]); frame < last; frame++) {
      const from = old ? frames(Math.min(old[START] + frame * step_s - note[START], old[END] - step_s)) : 0;
      found[frame] = old ? points[within(from, 0, points.length - 1)] + lift * (note[MIDI] - old[MIDI]) : fresh(note);
    }
  }
  return found;
}

// What strokes add to each point of a curve.
function offsets(strokes, n, step_s) {
  const found = new Float32Array(n);
  for (const stroke of strokes) {
    let next = 1;
    const last = Math.min(n - 1, Math.floor(stroke[stroke.length - 1][0] / step_s + 1e-6));
    for (let frame = Math.ceil(stroke[0][0] / step_s - 1e-6); frame <= last; frame++) {
      while (next < stroke.length - 1 && stroke[next][0] < frame * step_s) next++;
      const [[t0, v0], [t1, v1]] = [stroke[next - 1], stroke[next]];
      found[frame] = v0 + within((frame * step_s - t0) / (t1 - t0), 0, 1) * (v1 - v0);
    }
  }
  return found;
}

// What was done, and what was undone

function begun(edit) {
  return { past: [], now: edit, future: [] };
}

function done({ past, now }, edit) {
  return { past: [...past, now].slice(-MOST_UNDONE), now: edit, future: [] };
}

function undone({ past, now, future }) {
  return past.length ? { past: past.slice(0, -1), now: past[past.length - 1], future: [now, ...future] } : { past, now, future };
}

function redone({ past, now, future }) {
  return future.length ? { past: [...past, now], now: future[0], future: future.slice(1) } : { past, now, future };
}

// Words and places

// A note's name as people write it, "A4", "c#3", "Db5", "H3", or its MIDI number; null for anything else.
function readNote(text) {
  const plain = text.trim();
  if (/^\d{1,3}(\.5)?$/.test(plain)) return Number(plain);
  const found = /^([a-hA-H])([#♯b♭]?)(-?\d)$/.exec(plain);
  if (!found) return null;
  const tone = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11, h: 11 }[found[1].toLowerCase()];
  const midi = 12 * (Number(found[3]) + 1) + tone + ({ "#": 1, "♯": 1, b: -1, "♭": -1 }[found[2]] ?? 0);
  return midi;
}

// A time, drawn to the nearest of some others if one is near.
function magnet(at, others, near) {
  const nearest = others.reduce((best, one) => (Math.abs(one - at) < Math.abs(best - at) ? one : best), Infinity);
  return Math.abs(nearest - at) <= near ? nearest : at;
}

// The note at a time and a pitch, and which part of it: its start, its end or else the whole of it.
function touched(notes, at, pitch, { second, semitone, edge }) {
  const near = (note) => at >= note[START] - edge * second && at <= note[END] + edge * second && Math.abs(pitch - note[MIDI]) <= Math.max(0.5, semitone);
  const inside = notes.findIndex((note) => near(note) && at >= note[START] && at <= note[END]);
  const index = inside < 0 ? notes.findIndex(near) : inside;
  if (index < 0) return null;
  const [start, end] = notes[index];
  const reachable = Math.min(edge * second, (end - start) / 3);
  if (at >= end - reachable) return { index, edge: END };
  return { index, edge: at <= start + reachable ? START : null };
}

// What is shown so that two times are at two places of a width; null where these are too near each other, or crossed.
function pinchedView(one, other, left, right, width) {
  if (Math.abs(right - left) < 8) return null;
  const second = (other - one) / (right - left);
  return second > 0 ? { start: one - left * second, width: width * second } : null;
}
