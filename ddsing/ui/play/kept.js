// What was recorded and is not rendered yet. It stays in this tab's storage over another instrument, another page and a reload, until the page has
// taken it to be rendered or it is thrown away; only a page of the same workspace offers it. What finds no room there is held until the tab is
// left, of which the browser warns then.
//
// Of the component's data: `owner`, what tells the workspace from others; `ordered`, the ids of what is rendered; `answered`, that which was sent last.

const STORE = "ddsing.play.kept";
const MOST_KEPT = 5; // the oldest go

function keptRecordings() {
  return (window.ddsingKept ??= readKept());
}

function readKept() {
  window.addEventListener("pagehide", () => window.ddsingPlay.forEach(finish));
  window.addEventListener("beforeunload", (event) => window.ddsingUnkept && event.preventDefault());
  try {
    const found = JSON.parse(sessionStorage.getItem(STORE));
    return Array.isArray(found) ? found.filter((one) => one?.id && one.name && one.owner && one.f0_hz && one.loudness_db) : [];
  } catch {
    return [];
  }
}

function setKept(found) {
  window.ddsingKept = found.slice(-MOST_KEPT);
  try {
    sessionStorage.setItem(STORE, JSON.stringify(window.ddsingKept));
    window.ddsingUnkept = false;
  } catch {
    window.ddsingUnkept = window.ddsingKept.length > 0;
  }
}

function begun(self) {
  self.recording = { f0Hz: [], loudnessDb: [], about: aboutNow(self) };
}

function aboutNow({ data }) {
  const { name, generation, owner, manner, style_name, breath_db, timbre, loudness } = data;
  return { name, generation, owner, style: manner, style_name, breath_db, timbre, silenceDb: loudness.silence_db };
}

/** The end of a recording, which is kept if anything sounded: it as the page takes it, null if there is none. */
function finish(self) {
  const { recording } = self;
  self.recording = null;
  if (!recording?.f0Hz.length) return null;
  const { silenceDb, ...about } = recording.about;
  const { f0Hz, loudnessDb } = recording;
  const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const one = { ...about, id, length_s: f0Hz.length / FRAME_RATE, f0_hz: base64(f0Hz), loudness_db: base64(loudnessDb) };
  if (loudnessDb.some((db) => db > silenceDb + 1)) setKept([...keptRecordings(), one]);
  return one;
}

function base64(values) {
  const bytes = new Uint8Array(Float32Array.from(values).buffer); // little-endian, as all that runs a browser
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function send(self, one) {
  self.sent = one.id;
  self.component.setTriggerValue("played", one);
  showKept(self);
}

/** What the page says: a recording of this instrument goes on in its manner, and what is rendered need not be kept. */
function settleKept(self) {
  const { data, recording } = self;
  if (recording?.about.name === data.name && recording.about.generation === data.generation) recording.about = aboutNow(self);
  if (keptRecordings().some((one) => data.ordered.includes(one.id))) setKept(keptRecordings().filter((one) => !data.ordered.includes(one.id)));
  if (data.answered === self.sent) self.sent = null;
  showKept(self);
}

function showKept(self) {
  if (!self.keptBox) return;
  const shown = keptRecordings().filter((one) => one.owner === self.data.owner && one.id !== self.sent);
  const full = keptRecordings().length >= MOST_KEPT;
  const ids = shown.map((one) => one.id).join() + full;
  if (self.keptBox.dataset.ids === ids) return;
  self.keptBox.dataset.ids = ids;
  self.keptBox.hidden = !shown.length;
  self.keptBox.replaceChildren(...shown.map((one) => keptLine(self, one)), ...(full ? [keptNote()] : []));
}

function keptNote() {
  const text = `At most ${MOST_KEPT} recordings are kept, of all instruments: the next one takes the place of the oldest.`;
  return Object.assign(document.createElement("p"), { textContent: text });
}

function keptLine(self, one) {
  const line = document.createElement("div");
  const said = document.createElement("span");
  said.textContent = `Recorded with ${one.name}, ${clock(Math.ceil(one.length_s))}, not rendered yet`;
  const drop = () => (setKept(keptRecordings().filter((other) => other.id !== one.id)), showKept(self));
  line.append(said, keptButton("Render", () => send(self, one)), keptButton("Discard", drop));
  return line;
}

function keptButton(text, onclick) {
  const button = document.createElement("button");
  return Object.assign(button, { type: "button", textContent: text, onclick });
}
