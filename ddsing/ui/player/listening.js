// A trial of a blind test. Nothing here knows what is heard: sounds have addresses and letters, no names.
// Keys: space plays; A/B/X: a, b, x listen, 1 and 2 answer. Rating: r and 1 to 9 listen, arrows rate, enter goes on.

const AGAIN_MS = 5000;

function build(root, component) {
  const self = { root, component, data: component.data, scores: [], plays: 0, began: performance.now() };
  self.mixer = new Mixer(() => paint(self));
  const find = (name) => root.querySelector(name);
  Object.assign(self, {
    play: find(".play"), seek: find(".seek"), wave: find(".wave"), time: find(".time"), trial: find(".trial"),
    loopBox: find(".loop"), status: find(".status"), ahead: find(".ahead"), keys: find(".keys"),
  });
  self.mixer.loop = true;
  self.loopBox.checked = true;
  self.play.onclick = () => play(self);
  self.seek.oninput = () => over(self) || self.mixer.seek(Number(self.seek.value));
  self.loopBox.onchange = () => (self.mixer.loop = self.loopBox.checked);
  self.onKey = (event) => key(self, event);
  document.addEventListener("keydown", self.onKey);
  self.resized = new ResizeObserver(() => paint(self));
  self.resized.observe(self.wave);
  return self;
}

// Whether what is heard belongs to the trial that is asked: once it is answered, its sounds are those of the one before.
function over(self) {
  return self.sent || self.filled !== self.data.trial;
}

function play(self) {
  if (over(self)) return;
  if (!self.mixer.playing) self.plays += 1;
  self.mixer.toggle();
}

function listen(self, index) {
  if (over(self) || index < 0 || index >= self.data.slots.length) return;
  self.mixer.choose(index);
  if (!self.mixer.playing && !self.mixer.wanted) play(self);
  const { slot } = self.data.slots[index];
  self.status.textContent = self.mixer.ready ? `${slot} is heard.` : `${slot} plays once the sounds have loaded.`;
}

// Which sounds count as heard: no answer before each was.
function allHeard(self) {
  return self.heard.every(Boolean);
}

function answer(self, value) {
  if (over(self) || !allHeard(self)) {
    if (!over(self)) self.status.textContent = "Listen to each sound first.";
    return;
  }
  self.mixer.pause();
  const seconds = (performance.now() - self.began) / 1000;
  self.sent = { trial: self.data.trial, answer: value, seconds, plays: self.plays };
  send(self);
  paint(self);
}

// An answer that was lost on its way, or could not be kept, is sent again until the page goes on; twice counts once.
// Each time it waits twice as long, since an answer that comes while the page still draws makes it begin anew.
function send(self, again_ms = AGAIN_MS) {
  self.component.setTriggerValue("answer", self.sent);
  self.again = setTimeout(() => send(self, 2 * again_ms), again_ms);
}

function key(self, event) {
  if (!self.root.isConnected && !self.root.host?.isConnected) return;
  if (meantElsewhere(event, self.root)) return;
  const slots = self.data.slots.map((one) => one.slot.toLowerCase());
  const pressed = event.key.toLowerCase();
  if (event.key === " ") play(self);
  else if (self.data.kind === "abx" && (pressed === "1" || pressed === "2")) answer(self, pressed === "1" ? "A" : "B");
  else if (slots.includes(pressed)) listen(self, slots.indexOf(pressed));
  else if (self.data.kind === "rating" && ["ArrowLeft", "ArrowRight"].includes(event.key))
    rate(self, self.mixer.current, (event.key === "ArrowRight" ? 1 : -1) * (event.shiftKey ? 10 : 2));
  else if (self.data.kind === "rating" && event.key === "Enter") done(self);
  else return;
  event.preventDefault();
}

function rate(self, index, step) {
  const slider = self.trial.querySelectorAll(".rate")[index - 1];
  if (!slider || over(self)) return;
  slider.value = Number(slider.value) + step;
  slider.oninput();
}

function done(self) {
  if (self.scores.some((score) => score === null)) {
    self.status.textContent = "Rate each sound first.";
    return;
  }
  answer(self, self.scores);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  if (tag === "button") made.type = "button";
  return made;
}

function slotButton(self, index) {
  const { slot } = self.data.slots[index];
  const button = element("button", "slot");
  button.setAttribute("role", "radio");
  button.setAttribute("aria-label", slot === "R" ? "Listen to the reference" : `Listen to ${slot}`);
  button.dataset.slot = slot;
  button.append(element("kbd", "", slot), element("span", "", slot === "R" ? "Reference" : ""));
  button.onclick = () => listen(self, index);
  return button;
}

function answerButton(text, keyName, onclick) {
  const button = element("button", "answer");
  button.append(element("kbd", "", keyName), document.createTextNode(text));
  button.onclick = onclick;
  return button;
}

// A new trial has the keyboard, which the button that began it, or the answer before, had until now and may keep for as
// long as the page still draws.
function takeKeyboard(self) {
  if (!document.activeElement?.matches('input, textarea, select, [contenteditable="true"]'))
    self.trial.focus({ preventScroll: true });
}

// The parts of a new trial.
function fill(self) {
  const { data } = self;
  self.filled = data.trial;
  self.sent = null;
  clearTimeout(self.again);
  self.plays = 0;
  self.began = performance.now();
  self.heard = data.slots.map(() => false);
  self.scores = data.slots.slice(1).map(() => null);
  self.mixer.current = 0;
  self.mixer.offset = 0;
  const ratings = data.kind === "rating";
  self.keys.replaceChildren();
  const told = ratings
    ? [["space", " plays · "], ["r", " "], ["1", "… listen · "], ["←", " "], ["→", " rate · "], ["enter", " next"]]
    : [["space", " plays · "], ["a", " "], ["b", " "], ["x", " listen · "], ["1", " "], ["2", " answer"]];
  for (const [name, text] of told) self.keys.append(element("kbd", "", name), document.createTextNode(text));
  takeKeyboard(self);
  if (!ratings) {
    const slots = element("div", "slots");
    slots.setAttribute("role", "radiogroup");
    slots.setAttribute("aria-label", "Now playing");
    slots.append(...data.slots.map((_, index) => slotButton(self, index)));
    const answers = element("div", "answers");
    answers.append(
      answerButton("X is A", "1", () => answer(self, "A")), answerButton("X is B", "2", () => answer(self, "B")));
    self.trial.replaceChildren(slots, answers);
    return;
  }
  const scale = element("div", "scale");
  scale.append(...["0 bad", "50", "100 excellent"].map((text) => element("span", "", text)));
  const rows = data.slots.map((_, index) => ratingRow(self, index));
  const next = answerButton("Next", "enter", () => done(self));
  next.dataset.primary = true;
  self.trial.replaceChildren(rows[0], scale, ...rows.slice(1), next);
}

function ratingRow(self, index) {
  const row = element("div", "rating");
  row.append(slotButton(self, index));
  if (index === 0) return row;
  const slider = element("input", "rate");
  Object.assign(slider, { type: "range", min: 0, max: 100, step: 1, value: 50 });
  slider.setAttribute("aria-label", `Rating of ${self.data.slots[index].slot}`);
  const said = element("span", "rated", "–");
  slider.oninput = () => {
    self.scores[index - 1] = Number(slider.value);
    said.textContent = slider.value;
    slider.dataset.rated = true;
    paint(self);
  };
  slider.onfocus = () => over(self) || self.mixer.choose(index);
  row.append(slider, said);
  return row;
}

function paint(self) {
  const { mixer } = self;
  const ready = mixer.ready && !over(self);
  if (mixer.playing && self.heard) self.heard[mixer.current] = true;
  self.play.disabled = !ready;
  self.play.dataset.playing = mixer.playing;
  self.play.setAttribute("aria-label", mixer.playing ? "Pause" : "Play");
  self.seek.max = mixer.duration || 1;
  self.seek.disabled = !ready;
  self.seek.value = mixer.position;
  self.time.textContent = mixer.error || (mixer.ready ? `${clock(mixer.position)} / ${clock(mixer.duration)}` : "loading");
  self.trial.querySelectorAll(".slot").forEach((button, index) => {
    const current = index === mixer.current;
    button.setAttribute("aria-checked", current);
    button.tabIndex = current ? 0 : -1;
    button.disabled = over(self);
  });
  const unrated = self.data.kind === "rating" && self.scores.some((score) => score === null);
  self.trial.querySelectorAll(".answer").forEach((button) => {
    button.disabled = !ready || !allHeard(self) || unrated;
  });
  const missing = self.data.slots.filter((_, index) => !self.heard?.[index]).map((one) => one.slot);
  self.ahead.textContent = self.sent
    ? "Answered."
    : missing.length && ready
      ? `Still to listen to: ${missing.join(", ")}`
      : unrated ? "Rate each sound." : "";
  drawPosition(self.wave, mixer);
}

// How far it has been played, on a canvas that tells nothing of the sound.
function drawPosition(canvas, mixer) {
  const width = canvas.clientWidth * devicePixelRatio;
  const height = canvas.clientHeight * devicePixelRatio;
  if (!width || !height) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  pen.clearRect(0, 0, width, height);
  const played = mixer.duration ? (mixer.position / mixer.duration) * width : 0;
  const bars = Math.max(24, Math.floor(width / (3 * devicePixelRatio)));
  const tall = height * 0.33;
  for (let i = 0; i < bars; i++) {
    const x = (i / bars) * width;
    pen.fillStyle = style.getPropertyValue(x < played ? "--played" : "--waiting");
    pen.fillRect(x, (height - tall) / 2, Math.max(1, (width / bars) * 0.62), tall);
  }
}

export default function (component) {
  const root = component.parentElement;
  let self = instances.get(root);
  if (!self) {
    self = build(root, component);
    instances.set(root, self);
  }
  self.component = component;
  self.data = component.data;
  if (self.filled !== component.data.trial) {
    self.mixer.pause();
    fill(self);
  }
  self.mixer.load(self.data.slots.map(({ url, rate }) => ({ url, rate, gain: 1 })));
  paint(self);
  return ending(self, () => {
    document.removeEventListener("keydown", self.onKey);
    self.resized.disconnect();
    self.mixer.close();
    clearTimeout(self.again);
    instances.delete(root);
  });
}
