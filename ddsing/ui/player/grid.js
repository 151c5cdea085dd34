// What piano rolls share: a grid of pitch and time that is zoomed and scrolled, curves over it, and where the player is.
//
// A roll has the functions adopt(), paint() and keep(), and on its `self`: `data` with `duration_s`, `step_s` and `player`; the `view`, `start`
// and `width` in seconds; the `pitches` shown, `low` and `high`; `lane`, the height in pixels of what is below the pitches; `selected`,
// [start_s, end_s] or null; its elements `root`, `box`, `stage`, `canvas`, `over`, `scroll` and `zooms`.

const KEYS_PX = 44; // the note names on the left
const RULER_PX = 20;
const LEAST_S = 0.25; // of time that is shown
const LEAP = 1024; // four semitones
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);
const LOOKS = {
  main: { colour: "--main", width: 2.25 },
  before: { colour: "--before", width: 1.5, dash: [4, 3] },
  faint: { colour: "--before", width: 1, dash: [1, 3] },
};

// The roll at its place on the page, adopted where it is new.
function rollOf(component) {
  const root = component.parentElement;
  const self = instances.get(root) ?? adopt(root, component);
  instances.set(root, self);
  self.component = component;
  return self;
}

// Whatever moves or resizes what is shown.
function listenToView(self) {
  self.resized = new ResizeObserver(() => paint(self));
  self.resized.observe(self.stage);
  self.stage.addEventListener("wheel", (event) => wheel(self, event), { passive: false });
  self.scroll.oninput = () => show(self, Number(self.scroll.value), self.view.width);
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

function place(self, event) {
  const box = self.stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function timeAt(self, x) {
  return self.view.start + ((x - KEYS_PX) / (self.stage.clientWidth - KEYS_PX)) * self.view.width;
}

function pitchAt(self, y) {
  const { low, high } = self.pitches;
  const height = self.stage.clientHeight - RULER_PX - self.lane;
  return high - ((y - RULER_PX) / height) * (high - low);
}

// A line without the points that are between two others on nearly the same way (Ramer, Douglas and Peucker).
function thinned(line, tolerance = 0.05) {
  if (line.length < 3) return line;
  const [first, last] = [line[0], line[line.length - 1]];
  let farthest = 0;
  let at = 0;
  line.forEach(([time, pitch], index) => {
    const share = (time - first[0]) / Math.max(last[0] - first[0], 1e-9);
    const off = Math.abs(pitch - (first[1] + share * (last[1] - first[1])));
    if (off > farthest) [farthest, at] = [off, index];
  });
  if (farthest < tolerance) return [first, last];
  return [...thinned(line.slice(0, at + 1), tolerance), ...thinned(line.slice(at), tolerance).slice(1)];
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

// The pen, and where and in which colours it draws.
function sceneOf(self) {
  const [width, height] = [self.stage.clientWidth, self.stage.clientHeight];
  const pen = fit(self.canvas, width, height);
  const style = getComputedStyle(self.box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const { low, high } = self.pitches;
  const bottom = height - self.lane;
  return {
    self, pen, width, height, bottom, colour,
    x: (seconds) => KEYS_PX + ((seconds - self.view.start) / self.view.width) * (width - KEYS_PX),
    y: (midi) => RULER_PX + ((high - midi) / (high - low)) * (bottom - RULER_PX),
  };
}

function showScroller(self) {
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
