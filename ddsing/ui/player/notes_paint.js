// How a piano roll that is edited looks.

function paint(self) {
  if (!self.view || !self.history || !self.stage.clientWidth) return;
  const scene = sceneOf(self);
  const { pen, width, height, bottom } = scene;
  paintGrid(scene);
  paintScale(scene);
  pen.save();
  clip(pen, KEYS_PX, bottom, width - KEYS_PX, height - bottom);
  paintLoudness(scene);
  pen.restore();
  pen.save();
  clip(pen, KEYS_PX, RULER_PX, width - KEYS_PX, bottom - RULER_PX);
  paintOutside(scene);
  paintNotes(scene);
  paintCurve(scene, self.curve);
  for (const stroke of shown(self).pitch) paintDrawn(scene, stroke, self.curve.points, (point) => (point ? scene.y(point / 256) : NaN));
  if (self.draft?.what === "pitch") paintStroke(scene, self.draft.stroke, scene.y);
  paintBox(scene);
  pen.restore();
  showScroller(self);
}

function clip(pen, x, y, width, height) {
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
}

function paintOutside({ self, pen, width, bottom, colour, y }) {
  if (!self.data.range) return;
  const [low, high] = self.data.range;
  pen.fillStyle = colour("--outside");
  pen.fillRect(KEYS_PX, RULER_PX, width - KEYS_PX, Math.max(0, y(high + 0.5) - RULER_PX));
  const below = Math.max(RULER_PX, y(low - 0.5));
  pen.fillRect(KEYS_PX, below, width - KEYS_PX, Math.max(0, bottom - below));
}

function paintNotes({ self, pen, colour, x, y }) {
  const chosen = new Set(self.draft?.chosen ?? self.chosen);
  const tall = Math.max(8, (y(0) - y(1)) * 0.8);
  shown(self).notes.forEach(([start, end, midi], index) => {
    const [left, wide] = [x(start), Math.max(2, x(end) - x(start) - 1)];
    if (left + wide < KEYS_PX || start > self.view.start + self.view.width) return;
    const top = y(midi + self.data.transpose) - tall / 2;
    pen.beginPath();
    pen.roundRect(left, top, wide, tall, Math.min(3, wide / 2));
    pen.fillStyle = colour(chosen.has(index) ? "--held" : "--noted");
    pen.fill();
    pen.strokeStyle = colour(chosen.has(index) ? "--strong" : "--edge");
    pen.lineWidth = chosen.has(index) ? 2 : 1;
    pen.stroke();
  });
}

function paintStroke({ pen, colour, x }, stroke, height) {
  pen.strokeStyle = colour("--mark");
  pen.lineWidth = 2.5;
  pen.lineJoin = "round";
  pen.beginPath();
  let joined = false;
  for (const [at, value] of stroke) {
    const y = height(value);
    if (!Number.isNaN(y)) pen[joined ? "lineTo" : "moveTo"](x(at), y);
    joined = !Number.isNaN(y);
  }
  pen.stroke();
}

// The part of a curve over which a stroke was drawn.
function paintDrawn(scene, stroke, curve, height) {
  const { step_s } = scene.self.data;
  const { start, width } = scene.self.view;
  const [from, to] = [Math.max(stroke[0][0], start), Math.min(stroke[stroke.length - 1][0], start + width)];
  const row = [];
  for (let k = Math.ceil(from / step_s); k <= to / step_s; k++) row.push([k * step_s, curve[k]]);
  paintStroke(scene, row, height);
}

function paintBox({ self, pen, colour, x }) {
  if (!self.lasso) return;
  const { from, to, top, end } = self.lasso;
  pen.fillStyle = colour("--chosen");
  pen.fillRect(x(from), top, x(to) - x(from), end - top);
  pen.strokeStyle = colour("--main");
  pen.lineWidth = 1;
  pen.strokeRect(x(from), top, x(to) - x(from), end - top);
}

// Where a loudness is in the strip at the bottom, and which one is at a place.
const heightOf = ({ self, bottom, height }, db) => height - 3 - (1 - db / self.data.silence_db) * (height - bottom - 10);

function dbAt(self, y) {
  const height = self.stage.clientHeight;
  const share = (height - 3 - y) / (self.lane - 10);
  return within((1 - share) * self.data.silence_db, self.data.silence_db, 0);
}

function paintScale(scene) {
  const { self, pen, width, height, bottom, colour } = scene;
  pen.fillStyle = colour("--lane");
  pen.fillRect(0, bottom, width, height - bottom);
  pen.fillStyle = colour("--grid");
  pen.fillRect(0, bottom, width, 1.5);
  for (let db = -20; db > self.data.silence_db; db -= 20) {
    pen.fillStyle = colour("--grid");
    pen.fillRect(KEYS_PX, heightOf(scene, db), width - KEYS_PX, 0.5);
    pen.fillStyle = colour("--weak");
    pen.fillText(db === -20 ? "−20 dB" : `−${-db}`, 4, heightOf(scene, db));
  }
}

function paintLoudness(scene) {
  const { self, pen, width, height, colour, x } = scene;
  const { view, data, loud } = self;
  const first = Math.max(0, Math.floor(view.start / data.step_s));
  const last = Math.min(loud.length - 1, Math.ceil((view.start + view.width) / data.step_s));
  const every = Math.max(1, Math.floor((last - first) / (width - KEYS_PX)));
  pen.beginPath();
  pen.moveTo(x(first * data.step_s), height);
  for (let k = first; k <= last; k += every) pen.lineTo(x(k * data.step_s), heightOf(scene, loud[k]));
  pen.lineTo(x(last * data.step_s), height);
  pen.fillStyle = colour("--quiet");
  pen.fill();
  const sounding = (db) => (db > data.silence_db + 1 ? heightOf(scene, db) : NaN);
  for (const stroke of shown(self).loudness) paintDrawn(scene, stroke, loud, sounding);
  if (self.draft?.what === "loudness") paintStroke(scene, self.draft.stroke, (db) => heightOf(scene, db));
}
