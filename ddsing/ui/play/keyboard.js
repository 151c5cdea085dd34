// Keys under fingers, mouse and computer keys. Where a key is touched is how loud it sounds, soft at its top and loud at its bottom;
// moved aside, a finger bends the pitch, by as much as it moves over the keys.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);
const LEAST_KEY_PX = 38;
const MOST_WHITE = 29; // keys, four octaves
const DEAD = 0.25; // of a white key's width, within which a finger may move without bending
const SEMITONES = 12 / 7; // to a white key, on average
const LETTERS = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP"];
const SOFTEST = 0.05;

function noteName(midi) {
  const nearest = Math.round(midi);
  return `${NAMES[((nearest % 12) + 12) % 12]}${Math.floor(nearest / 12) - 1}`;
}

/** Draws keys into `box` and tells `sound`, which has `press`, `move` and `lift`, what is done on them. */
class Keyboard {
  constructor(box, sound) {
    this.box = box;
    this.sound = sound;
    this.first = 48; // the lowest key, a C
    this.moved = false; // whether somebody has chosen it
    this.white = 0; // keys that are shown
    this.range = [52, 72];
    this.share = 0.7; // of computer keys
    this.pointers = new Map();
    this.letters = new Map(); // computer keys that are down: the id of their note
    this.current = null; // the key that the tab key leads to
    box.onpointerdown = (event) => this.pointerDown(event);
    box.onpointermove = (event) => this.pointerMove(event);
    for (const ends of ["pointerup", "pointercancel", "lostpointercapture"]) box.addEventListener(ends, (event) => this.pointerUp(event));
    box.onkeydown = (event) => this.keyDown(event);
    box.onkeyup = (event) => this.keyUp(event);
    box.oncontextmenu = (event) => event.preventDefault();
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(box);
  }

  /** What the instrument was trained on is in the middle. @param {[number, number]} range MIDI */
  place(range) {
    if (String(range) === String(this.range) && this.drawn) return;
    this.range = range;
    this.drawn = "";
    this.moved = false;
    this.draw();
  }

  move(octaves) {
    this.moved = true;
    this.first = Math.min(96, Math.max(12, this.first + 12 * octaves));
    this.draw();
  }

  draw() {
    const width = this.box.clientWidth;
    if (!width) return;
    const white = Math.min(MOST_WHITE, Math.max(8, Math.floor(width / LEAST_KEY_PX)));
    const [low, high] = this.range;
    if (!this.moved) {
      const octaves = white / 7;
      this.first = Math.min(96, Math.max(12, 12 * Math.round((low + high) / 24 - octaves / 2)));
    }
    const drawn = `${white} ${this.first} ${this.range}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.white = white;
    this.box.replaceChildren(...this.keys(white));
    this.current = null;
    this.focusOn(this.box.querySelector(`[data-midi="${Math.round((low + high) / 2)}"]`) ?? this.box.firstChild, false);
  }

  keys(white) {
    const found = [];
    let count = 0;
    for (let midi = this.first; count < white || BLACK.has(midi % 12); midi++) {
      const black = BLACK.has(midi % 12);
      if (black && count >= white) break;
      const key = document.createElement("button");
      const [low, high] = this.range;
      key.type = "button";
      key.className = `key ${black ? "black" : "white"}`;
      key.dataset.midi = midi;
      key.dataset.outside = midi < low - 0.5 || midi > high + 0.5;
      key.tabIndex = -1;
      key.setAttribute("aria-label", noteName(midi));
      if (midi % 12 === 0) key.dataset.name = noteName(midi);
      const letter = LETTERS[midi - this.first - this.lettersFrom()];
      if (letter) key.dataset.letter = letter.slice(3);
      key.style.setProperty("--at", count / white);
      key.style.setProperty("--wide", 1 / white);
      found.push(key);
      if (!black) count++;
    }
    return found;
  }

  /** Where the computer keys begin: at the octave nearest to the middle. */
  lettersFrom() {
    const [low, high] = this.range;
    const middle = (low + high) / 2 - 6;
    const most = Math.max(0, Math.floor((12 * this.white) / 7 / 12 - 1)); // so that a whole octave of letters is shown
    return 12 * Math.min(most, Math.max(0, Math.round((middle - this.first) / 12)));
  }

  show(midi, down) {
    this.box.querySelector(`[data-midi="${midi}"]`)?.setAttribute("data-down", down);
  }

  // Fingers and the mouse

  pointerDown(event) {
    const key = event.composedPath().find((element) => element.dataset?.midi);
    if (!key || event.button) return;
    event.preventDefault();
    this.box.setPointerCapture(event.pointerId);
    const midi = Number(key.dataset.midi);
    const { left, width } = this.box.getBoundingClientRect();
    const area = key.getBoundingClientRect();
    const one = { id: `pointer ${event.pointerId}`, midi, x: event.clientX, area, unit: width * Number(key.style.getPropertyValue("--wide")), left };
    this.pointers.set(event.pointerId, one);
    this.focusOn(key, false);
    this.show(midi, true);
    this.sound.press({ id: one.id, midi, share: this.shareOf(event, one) });
  }

  shareOf(event, { area }) {
    if (event.pointerType === "pen" && event.pressure > 0) return event.pressure;
    return Math.min(1, Math.max(SOFTEST, (event.clientY - area.top) / area.height));
  }

  pointerMove(event) {
    const one = this.pointers.get(event.pointerId);
    if (!one) return;
    const keys = (event.clientX - one.x) / one.unit;
    const beyond = Math.sign(keys) * Math.max(0, Math.abs(keys) - DEAD);
    this.sound.move({ id: one.id, share: this.shareOf(event, one), bend: beyond * SEMITONES });
  }

  pointerUp(event) {
    const one = this.pointers.get(event.pointerId);
    if (!one) return;
    this.pointers.delete(event.pointerId);
    this.show(one.midi, false);
    this.sound.lift({ id: one.id });
  }

  // The keyboard that has the focus: arrows go from key to key, space and enter press

  focusOn(key, focus = true) {
    if (!key) return;
    if (this.current) this.current.tabIndex = -1;
    this.current = key;
    key.tabIndex = 0;
    if (focus) key.focus();
  }

  keyDown(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const focused = event.composedPath()[0];
    if (step) {
      const all = [...this.box.children];
      this.focusOn(all[all.indexOf(this.current) + step]);
    } else if ((event.key === " " || event.key === "Enter") && focused.dataset?.midi) {
      const midi = Number(focused.dataset.midi);
      if (!event.repeat) this.down(event.code, midi);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  keyUp(event) {
    if (event.key === " " || event.key === "Enter") event.preventDefault();
    this.up(event.code);
  }

  // Computer keys, wherever the focus is

  /** Whether a key of the computer's is one of these. */
  typed(event) {
    const place = LETTERS.indexOf(event.code);
    if (place >= 0) {
      if (!event.repeat) this.down(event.code, this.first + this.lettersFrom() + place);
    } else if (event.code === "KeyZ" || event.code === "KeyX") {
      if (!event.repeat) this.move(event.code === "KeyX" ? 1 : -1);
    } else if (/^Digit[1-9]$/.test(event.code)) {
      this.share = Number(event.code.slice(5)) / 9;
      for (const [, { id }] of this.letters) this.sound.move({ id, share: this.share });
    } else return false;
    return true;
  }

  down(code, midi) {
    this.up(code);
    const note = { id: code, midi };
    this.letters.set(code, note);
    this.show(midi, true);
    this.sound.press({ id: code, midi, share: this.share });
  }

  up(code) {
    const note = this.letters.get(code);
    if (!note) return;
    this.letters.delete(code);
    this.show(note.midi, false);
    this.sound.lift({ id: note.id });
  }

  /** Nothing is held any more. */
  rest() {
    for (const code of [...this.letters.keys()]) this.up(code);
    for (const [pointer, one] of [...this.pointers]) {
      this.pointers.delete(pointer);
      this.show(one.midi, false);
      this.sound.lift({ id: one.id });
    }
  }

  leave() {
    this.resized.disconnect();
  }
}
