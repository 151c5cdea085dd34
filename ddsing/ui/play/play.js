// The page Play: the instrument's buffer is fetched, this device is measured, and keys play it in the audio thread.
//
// Data: `place`; `name` of the instrument; `generation` of its loudness; `url` of its buffer, `worklet` of the audio thread's script; `range` in MIDI; `manner`, `loudness`
// and `seed` as a Performer takes them; `style_name`; `breath_db`; `timbre`, shares along the directions; `octaves`, by which the voice at the
// microphone is moved; `most_s`, the longest that can be recorded; and of what was recorded `owner`, `ordered` and `answered`, see `kept.js`.
// Triggers: `played`, the curves of what was recorded; `timbre`, what was chosen on the pad.

const MOST_MS = 2; // of each frame's 4, that live playing may take
const MEASUREMENTS = 6; // before a device is called too slow: it may be busy, and the code not compiled yet
const PAUSE_MS = 300; // between them
const LATE_S = 0.15; // by which the audio clock may fall behind within two seconds
const FLOOR_DB = -60; // of the meter
const PLAYABLE = ["ready", "slow", "starting", "playing"]; // states
const MOST_SHARE = 3; // standard deviations that the timbre can be moved
const instruments = (window.ddsingPlay ??= new Map()); // by place: what sounds, while its place is drawn anew

function adopt(root, component) {
  const { place } = component.data;
  const self = instruments.get(place) ?? { place, state: "loading" };
  instruments.set(place, self);
  clearTimeout(self.ending);
  const find = (name) => root.querySelector(name);
  Object.assign(self, {
    root, component, box: find(".play"), status: find(".status"), bar: find(".level i"), note: find(".note"), pad: find(".pad"), dot: find(".pad i"),
    lower: find(".lower"), higher: find(".higher"), midiButton: find(".midi"), recordButton: find(".record"),
    microphoneSwitch: find(".microphone"), singing: find(".singing"), keptBox: find(".kept"),
  });
  const shown = (note, down) => self.keyboard.show(note.midi, down);
  self.midi ??= new Midi({
    press: (note) => (shown(note, true), press(self, note)),
    move: (note) => post(self, "move", note),
    lift: (note) => (shown(note, false), post(self, "lift", note)),
    post: (name, value) => post(self, name, value),
  });
  self.microphone ??= new Microphone(() => hush(self, self.microphone.why));
  self.keyboard = new Keyboard(find(".keys"), {
    press: (note) => press(self, note),
    move: (note) => post(self, "move", note),
    lift: (note) => post(self, "lift", note),
  });
  listen(self);
  return self;
}

function listen(self) {
  self.lower.onclick = () => self.keyboard.move(-1);
  self.higher.onclick = () => self.keyboard.move(1);
  self.recordButton.onclick = () => record(self);
  self.midiButton.onclick = () => connect(self);
  self.microphoneSwitch.onclick = () => (self.microphone.wanted ? hush(self) : sing(self));
  labelMidi(self);
  listenPad(self);
  const down = (event) => {
    if (onPage(self.root) && !meantElsewhere(event, self.root) && self.keyboard.typed(event)) event.preventDefault();
  };
  const up = (event) => self.keyboard.up(event.code);
  const away = () => self.keyboard.rest();
  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
  window.addEventListener("blur", away);
  self.ignore = () => {
    document.removeEventListener("keydown", down);
    document.removeEventListener("keyup", up);
    window.removeEventListener("blur", away);
    self.keyboard.leave();
  };
}

// A MIDI keyboard, which the browser asks for permission to use

async function connect(self) {
  try {
    await self.midi.connect(() => self.root && labelMidi(self));
  } catch {
    self.midiButton.textContent = "MIDI is not allowed in this browser";
  }
}

function labelMidi(self) {
  const { midi, midiButton } = self;
  midiButton.disabled = !Midi.there;
  if (!Midi.there) midiButton.textContent = "No MIDI in this browser: use Chrome, Edge or Firefox";
  else if (midi.access) midiButton.textContent = midi.names.length ? `MIDI: ${midi.names.join(", ")}` : "No MIDI keyboard is plugged in";
}

// The microphone, whose voice is followed while no key is held

async function sing(self) {
  const opened = self.microphone.open();
  labelMicrophone(self);
  await opened;
  if (self.microphone.stream) {
    take(self);
    start(self);
    plug(self);
  }
  if (self.root) labelMicrophone(self);
}

/** The voice into the audio thread, if there are both. */
function plug(self) {
  const { microphone, node } = self;
  if (!node || !microphone.stream) return;
  try {
    microphone.plug(node);
    post(self, "listen", true);
  } catch (error) { // a browser in which both must have one rate
    microphone.close(`The microphone can't be connected: ${error.message}`);
    if (self.root) labelMicrophone(self);
  }
}

/** @param {string} [why] the microphone can't be used */
function hush(self, why) {
  self.microphone.close(why);
  post(self, "listen", false);
  if (self.root) labelMicrophone(self);
}

function labelMicrophone(self) {
  const { microphone, microphoneSwitch, singing, data, state } = self;
  const { wanted, stream, why } = microphone;
  microphoneSwitch.setAttribute("aria-checked", wanted);
  microphoneSwitch.disabled = !wanted && (!Microphone.there || !PLAYABLE.includes(state));
  const follows = `Sing, and ${data.name} follows your pitch and loudness, while no key is held. Wear headphones, so that the microphone hears only you.`;
  const none = Microphone.there || !PLAYABLE.includes(state) ? "" : "This browser gives no page the microphone: use Chrome, Edge, Firefox or Safari.";
  const text = stream ? follows : wanted ? "Allow the microphone where the browser asks." : why || none;
  if (singing.textContent !== text) singing.textContent = text;
  singing.hidden = !text;
}

// The timbre, moved by a finger on a pad; the page's sliders follow when it is lifted, and do the same

function listenPad(self) {
  const { pad } = self;
  const shares = ({ clientX, clientY }) => {
    const { left, top, width, height } = pad.getBoundingClientRect();
    const share = (part) => Math.round(10 * Math.min(MOST_SHARE, Math.max(-MOST_SHARE, MOST_SHARE * (2 * part - 1)))) / 10;
    return [share((clientX - left) / width), share(1 - (clientY - top) / height)].slice(0, self.data.timbre.length);
  };
  const moved = (event) => {
    if (!pad.hasPointerCapture(event.pointerId)) return;
    self.shares = shares(event);
    placeDot(self, self.shares);
    post(self, "timbre", self.shares);
  };
  pad.onpointerdown = (event) => {
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    moved(event);
  };
  pad.onpointermove = moved;
  pad.onpointerup = () => self.component.setTriggerValue("timbre", { name: self.data.name, shares: self.shares });
}

function placeDot({ dot }, [x = 0, y = 0]) {
  dot.style.left = `${50 + (50 * x) / MOST_SHARE}%`;
  dot.style.top = `${50 - (50 * y) / MOST_SHARE}%`;
}

function say(self, text) {
  if (self.status.textContent !== text) self.status.textContent = text;
}

// From the buffer to a measured instrument

async function fetched(self) {
  const { url, name } = self.data;
  if (self.url === url) return;
  self.url = url;
  self.state = "loading";
  silence(self);
  show(self);
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${name} could not be fetched. Reload the page.`);
    const buffer = await response.arrayBuffer();
    if (self.url !== url) return;
    self.pack = unpack(buffer);
    self.buffer = buffer;
  } catch (error) {
    if (self.url === url) fail(self, error.message);
    return;
  }
  setTimeout(() => measured(self, url), 50); // after the page has been drawn
}

function measured(self, url, left = MEASUREMENTS) {
  if (self.url !== url) return;
  self.pace_ms = paceOf(self.pack, 48000, () => performance.now());
  self.slow = self.pace_ms > MOST_MS;
  if (self.slow && left > 1) return void setTimeout(() => measured(self, url, left - 1), PAUSE_MS);
  self.state = self.slow ? "slow" : "ready";
  if (!window.isSecureContext || !window.AudioWorkletNode) self.state = "insecure"; // over http Chromium has the class all the same
  show(self);
  if (self.microphone.stream) start(self); // one instrument after the other follows the voice
}

function fail(self, why) {
  self.state = "failed";
  self.why = why;
  if (self.microphone.wanted) hush(self);
  show(self);
}

function show(self) {
  const { name } = self.data;
  const texts = {
    loading: `Fetching ${name} …`,
    ready: "Press a key. The sound begins with the first one.",
    starting: "Starting the sound …",
    playing: self.slow ? `Playing a plain tone in the place of ${name}.` : `Playing ${name}.`,
    slow: `${name} is too large to be played live on this device: 4 ms of sound take it ${(self.pace_ms ?? 0).toFixed(1)} ms. ` +
      `You hear a plain tone; press Record, and what you play is rendered with ${name} afterwards.`,
    insecure: "The browser plays live on this computer or over https only. Open the dashboard there.",
    failed: self.why,
  };
  say(self, texts[self.state]);
  self.box.dataset.state = self.state;
  labelRecord(self);
  labelMicrophone(self);
}

// The audio thread

async function start(self) {
  if (self.node || !["ready", "slow"].includes(self.state)) return;
  self.state = "starting";
  show(self);
  const { url, data } = self;
  try {
    if (!self.context) {
      self.context = new AudioContext({ latencyHint: "interactive" });
      await self.context.audioWorklet.addModule(data.worklet);
    }
    await self.context.resume();
    if (self.url !== url) return;
    const { manner, loudness, seed } = data;
    self.node = new AudioWorkletNode(self.context, "ddsing-play", {
      numberOfInputs: 1, channelCount: 1, channelCountMode: "explicit", outputChannelCount: [1],
      processorOptions: { pack: self.buffer, performer: { manner, loudness, seed }, seed, hum: self.slow },
    });
  } catch (error) {
    fail(self, `The sound can't be started: ${error.message}`);
    return;
  }
  self.node.port.onmessage = ({ data: heard }) => watch(self, heard);
  self.node.onprocessorerror = () => (silence(self), fail(self, "The sound has stopped by a fault. Reload the page."));
  self.node.connect(self.context.destination);
  self.state = "playing";
  show(self);
  adjust(self);
  for (const [name, value] of self.waiting ?? []) self.node.port.postMessage([name, value]);
  self.waiting = [];
  plug(self);
}

function silence(self) {
  self.node?.port.postMessage(["end"]);
  self.node?.disconnect();
  self.node = null;
  self.waiting = [];
  if (finish(self)) showKept(self);
}

// Recording: what was played goes to the page as curves, which are rendered there

function record(self) {
  if (self.recording) {
    post(self, "record", false); // the last frames come before the answer
    return;
  }
  begun(self);
  post(self, "record", true);
  start(self);
  labelRecord(self);
}

function recorded(self) {
  const one = finish(self);
  labelRecord(self);
  if (one) send(self, one);
}

function labelRecord(self) {
  const { recordButton, recording, state } = self;
  const length_s = Math.floor((recording?.f0Hz.length ?? 0) / FRAME_RATE);
  const text = recording ? `Stop and render, ${clock(length_s)}` : "Record";
  if (recordButton.lastChild.textContent !== text) recordButton.lastChild.textContent = text;
  recordButton.dataset.on = Boolean(recording);
  recordButton.disabled = !recording && !PLAYABLE.includes(state);
}

function keep(self, frames) {
  const { recording } = self;
  if (!recording || !frames) return;
  for (let at = 0; at < frames.length; at += 2) {
    recording.f0Hz.push(frames[at]);
    recording.loudnessDb.push(frames[at + 1]);
  }
  if (recording.f0Hz.length >= self.data.most_s * FRAME_RATE - FRAME_RATE) post(self, "record", false);
  labelRecord(self);
}

/** This sounds from now on, and whatever else did on the page is stopped. */
function take(self) {
  shared.active = self;
  shared.starts(self, () => {
    post(self, "rest");
    hush(self);
  });
}

function press(self, note) {
  take(self);
  self.pressed_ms = performance.now();
  post(self, "press", note);
  start(self);
}

function post(self, name, value) {
  if (self.node) self.node.port.postMessage([name, value]);
  else if (["ready", "slow", "starting"].includes(self.state)) (self.waiting ??= []).push([name, value]);
}

/** What the page's controls say. */
function adjust(self) {
  const { manner, breath_db, timbre, octaves } = self.data;
  if (!self.node) return;
  post(self, "octaves", octaves);
  post(self, "manner", manner);
  post(self, "breath", breath_db);
  post(self, "timbre", timbre);
}

function watch(self, { peak, f0Hz, silent, at_s, frames, recorded: ended }) {
  if (ended) {
    recorded(self);
    return;
  }
  keep(self, frames);
  if (!self.root || !onPage(self.root)) return;
  const db = 20 * Math.log10(Math.max(peak, 1e-6));
  self.bar.style.width = `${100 * Math.min(1, Math.max(0, 1 - db / FLOOR_DB))}%`;
  const midi = 12 * Math.log2(f0Hz / 440) + 69;
  const cents = Math.round(100 * (midi - Math.round(midi)));
  self.note.textContent = silent ? "" : `${noteName(midi)} ${cents < 0 ? "−" : "+"}${Math.abs(cents)}`;
  const now_s = performance.now() / 1000;
  if (!self.clock || now_s - self.clock.now_s > 2) {
    const late_s = self.clock ? now_s - self.clock.now_s - (at_s - self.clock.at_s) : 0;
    if (late_s > LATE_S) say(self, "The sound breaks up: this device is busy. Close what you don't need, or choose a smaller instrument.");
    self.clock = { now_s, at_s };
  }
}

export default function (component) {
  const root = component.parentElement;
  let self = [...instruments.values()].find((one) => one.root === root && one.place === component.data.place);
  if (!self) self = adopt(root, component);
  Object.assign(self, { component, data: component.data });
  self.keyboard.place(component.data.range);
  self.pad.hidden = !component.data.timbre.length;
  placeDot(self, component.data.timbre);
  self.box.setAttribute("aria-label", `Play ${component.data.name}`);
  settleKept(self);
  show(self);
  fetched(self);
  adjust(self);
  return ending(self, () => {
    self.ignore();
    self.root = null;
    self.keyboard.rest();
    self.ending = setTimeout(() => {
      silence(self);
      self.context?.close();
      self.midi.leave();
      self.microphone.close();
      instruments.delete(self.place);
    }, 300);
  });
}
