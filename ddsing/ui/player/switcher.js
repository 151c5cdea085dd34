// One player for several takes. Keys: space plays, 1 to 9 switch, 0 is the original, m equal loudness, l loop.

function factor(db) {
  return 10 ** (db / 20);
}

function build(root, component) {
  const self = { root, component, data: component.data, matched: component.data.matched };
  self.mixer = new Mixer(() => paint(self));
  const find = (name) => root.querySelector(name);
  Object.assign(self, {
    play: find(".play"), seek: find(".seek"), wave: find(".wave"), time: find(".time"), list: find(".tracks"),
    matchedBox: find(".matched"), loopBox: find(".loop"), status: find(".status"),
  });
  self.play.onclick = () => self.mixer.toggle();
  self.seek.oninput = () => self.mixer.seek(Number(self.seek.value));
  self.matchedBox.onchange = () => match(self, self.matchedBox.checked);
  self.loopBox.onchange = () => (self.mixer.loop = self.loopBox.checked);
  self.onKey = (event) => key(self, event);
  self.onOther = (event) => event.target instanceof HTMLMediaElement && self.mixer.pause();
  document.addEventListener("keydown", self.onKey);
  document.addEventListener("play", self.onOther, true);
  self.resized = new ResizeObserver(() => paint(self));
  self.resized.observe(self.wave);
  return self;
}

function match(self, matched) {
  self.matched = matched;
  self.mixer.setGains(gains(self));
  self.component.setStateValue("matched", matched);
  paint(self);
}

function gains(self) {
  return self.data.tracks.map((track) => factor(self.matched ? track.matched_db : self.data.common_db));
}

function key(self, event) {
  if (!self.root.isConnected && !self.root.host?.isConnected) return;
  if (meantElsewhere(event, self.root)) return;
  const keys = self.data.tracks.map((track) => track.key);
  if (event.key === " ") self.mixer.toggle();
  else if (keys.includes(event.key)) choose(self, keys.indexOf(event.key));
  else if (event.key === "m") match(self, !self.matched);
  else if (event.key === "l") self.mixer.loop = self.loopBox.checked = !self.loopBox.checked;
  else if (event.key === "ArrowRight") self.mixer.seek(self.mixer.position + 2);
  else if (event.key === "ArrowLeft") self.mixer.seek(self.mixer.position - 2);
  else return;
  event.preventDefault();
}

function choose(self, index) {
  self.mixer.choose(index);
  self.status.textContent = `${self.data.tracks[index].name} is heard.`;
}

function fill(self) {
  const wanted = JSON.stringify(self.data.tracks.map(({ key, name, detail }) => [key, name, detail]));
  if (wanted !== self.filled) {
    self.filled = wanted;
    self.list.replaceChildren(...self.data.tracks.map((track, index) => row(self, track, index)));
  }
}

function row(self, track, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "track";
  button.setAttribute("role", "radio");
  const cells = { key: track.key, name: track.name, detail: track.detail, gain: "" };
  for (const [name, text] of Object.entries(cells)) {
    const cell = document.createElement(name === "key" ? "kbd" : "span");
    cell.className = name;
    cell.textContent = text;
    button.append(cell);
  }
  button.onclick = () => choose(self, index);
  return button;
}

function signed(db) {
  const text = Math.abs(db).toFixed(1);
  return `${Number(text) === 0 ? "" : db > 0 ? "+" : "−"}${text} dB`;
}

function paint(self) {
  const { mixer, data } = self;
  const ready = mixer.ready;
  self.play.disabled = !ready;
  self.play.dataset.playing = mixer.playing;
  self.play.setAttribute("aria-label", mixer.playing ? "Pause" : "Play");
  self.seek.max = mixer.duration || 1;
  self.seek.disabled = !ready;
  self.seek.value = mixer.position;
  self.seek.setAttribute("aria-valuetext", `${clock(mixer.position)} of ${clock(mixer.duration)}`);
  self.time.textContent = mixer.error || (ready ? `${clock(mixer.position)} / ${clock(mixer.duration)}` : "loading");
  self.matchedBox.checked = self.matched;
  [...self.list.children].forEach((button, index) => {
    const current = index === mixer.current;
    button.setAttribute("aria-checked", current);
    button.tabIndex = current ? 0 : -1;
    const track = data.tracks[index];
    button.querySelector(".gain").textContent = signed(self.matched ? track.matched_db : data.common_db);
  });
  drawWave(self.wave, mixer, false);
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
  self.matched = component.data.matched;
  fill(self);
  self.mixer.load(self.data.tracks.map((track, i) => ({ url: track.url, gain: gains(self)[i] })));
  paint(self);
  return () => {
    document.removeEventListener("keydown", self.onKey);
    document.removeEventListener("play", self.onOther, true);
    self.resized.disconnect();
    self.mixer.close();
    instances.delete(root);
  };
}
