// What all players of a page share: one sound at a time, an audio context for each band, and whom the keyboard is for.

const RATE = 16000; // of most sounds; the context resamples to the loudspeaker's
const FULL_BAND_RATE = 48000; // a context of less would cut off what is above 8 kHz, and one of more takes more memory

const shared = (window.ddsingPlayers ??= begin());

function begin() {
  const made = { contexts: new Map(), playing: null, players: new Map(), seen: new Set(), active: null };
  made.open = (rate) => {
    if (!made.contexts.has(rate)) made.contexts.set(rate, newContext(rate));
    return made.contexts.get(rate);
  };
  // A browser's first context starts its sound, for a tenth of a second or more: sooner than something is to be heard.
  made.wake = async () => {
    const context = made.open(RATE);
    await context.resume();
    if (!made.sounds(null)) await context.suspend(); // what is awake needs the processor, also for silence
  };
  // Whoever starts calls this; what played until then is stopped.
  made.starts = (owner, stop) => {
    const before = made.playing;
    made.playing = { owner, stop };
    if (before && before.owner !== owner) before.stop();
  };
  // Whether something else than `owner` is heard.
  made.sounds = (owner) => {
    const other = made.playing?.owner;
    if (!other || other === owner) return false;
    return other instanceof HTMLMediaElement ? !other.paused : Boolean(other.playing || other.wanted);
  };
  // The page's other players, such as the microphone's, are media elements, which need not be part of the document.
  const media = (element) => made.starts(element, () => element.pause());
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function (...rest) {
    media(this);
    return play.apply(this, rest);
  };
  document.addEventListener("play", (event) => event.target instanceof HTMLMediaElement && media(event.target), true);
  return made;
}

function newContext(rate) {
  try {
    return new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
  } catch {
    return new AudioContext();
  }
}

function onPage(root) {
  return root.isConnected || Boolean(root.host?.isConnected);
}

// Whether the keyboard is for a player: the one in use, else the first on the page.
function hasKeyboard(self) {
  if (!onPage(self.root)) return false;
  const active = shared.active;
  if (active && onPage(active.root)) return active === self;
  const all = [...shared.players.values()].filter((one) => onPage(one.root));
  const place = (one) => (one.root.host ?? one.root);
  const follows = (one) => place(self).compareDocumentPosition(place(one)) & Node.DOCUMENT_POSITION_FOLLOWING;
  return all.every((one) => one === self || follows(one));
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// Whether a key is meant for something else on the page: a text field, an open dialog, a table.
function meantElsewhere(event, root) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const path = event.composedPath();
  const target = path[0];
  if (path.includes(root)) return target.matches?.('input[type="range"]') && event.key.startsWith("Arrow");
  const field = 'input, textarea, select, [contenteditable="true"], [role="dialog"], [role="listbox"]';
  if (path.some((element) => element.matches?.(field))) return true;
  const table = path.some((element) => element.matches?.('[data-testid="stDataFrame"]'));
  const pressed = target.matches?.('button, a, summary, [role="button"], [role="tab"], [role="radio"], [role="slider"], audio');
  return (table || pressed) && (event.key === " " || event.key === "Enter" || event.key.startsWith("Arrow"));
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
