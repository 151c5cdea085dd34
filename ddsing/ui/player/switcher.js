// The player: one sound, or several that are switched in place.
// Keys: space plays, digits switch, 0 is a comparison's original, m equal loudness, l loop, arrows move, up and down switch.

function factor(db) {
  return 10 ** (db / 20);
}

// What plays lives longer than its place on the page, which Streamlit may take away and put elsewhere.
function adopt(root, component) {
  const { place } = component.data;
  const Kind = component.data.parts.length ? GrowingMixer : Mixer;
  const self = shared.players.get(place) ?? { place, mixer: new Kind(() => paint(self)), path: location.pathname };
  shared.players.set(place, self);
  self.ignore?.();
  self.wave?.close();
  Object.assign(self, { root, component, data: component.data, matched: component.data.matched, filled: null });
  const find = (name) => root.querySelector(name);
  Object.assign(self, {
    box: find(".player"), play: find(".play"), seek: find(".seek"), time: find(".time"), list: find(".tracks"),
    options: find(".options"), matchedBox: find(".matched"), loopBox: find(".loop"), status: find(".status"),
    digits: find(".digits"), wave: new Wave(find(".wave"), self.mixer),
  });
  listen(self);
  return self;
}

function listen(self) {
  self.play.onclick = () => toggle(self);
  self.seek.oninput = () => self.mixer.seek(Number(self.seek.value));
  self.matchedBox.onchange = () => match(self, self.matchedBox.checked);
  self.loopBox.onchange = () => (self.mixer.loop = self.loopBox.checked);
  self.box.addEventListener("focusin", () => {
    shared.active = self;
    self.mixer.prefetch();
  });
  self.box.onpointerenter = () => self.mixer.prefetch();
  self.box.onpointerdown = () => (shared.active = self);
  const onKey = (event) => key(self, event);
  document.addEventListener("keydown", onKey);
  self.box.onkeyup = (event) => event.key === " " && event.preventDefault(); // which would press the button as well
  const resized = new ResizeObserver(() => paint(self));
  resized.observe(self.box);
  self.ignore = () => {
    document.removeEventListener("keydown", onKey);
    resized.disconnect();
  };
}

function toggle(self) {
  shared.active = self;
  self.mixer.toggle();
  const { tracks, name } = self.data;
  const heard = tracks[self.mixer.current].name;
  if (plays(self)) say(self, tracks.length > 1 ? `${heard} of ${name} plays.` : `${name} plays.`);
  else say(self, "Paused.");
}

function plays(self) {
  return self.mixer.playing || self.mixer.wanted;
}

function say(self, text) {
  self.status.textContent = text;
}

function match(self, matched) {
  self.matched = matched;
  self.mixer.setGains(gains(self));
  self.component.setStateValue("matched", matched);
  say(self, matched ? "Loudness matched." : "Original loudness.");
}

function gains(self) {
  return self.data.tracks.map((track) => factor(self.matched ? track.matched_db : self.data.common_db));
}

function key(self, event) {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  const seeking = plain && event.composedPath()[0] === self.seek;
  if (!hasKeyboard(self) || (!seeking && meantElsewhere(event, self.root))) return;
  const { mixer } = self;
  const keys = self.data.tracks.map((track) => track.key);
  const inList = event.composedPath().includes(self.list);
  if (event.key === " ") toggle(self);
  else if (keys.includes(event.key)) choose(self, keys.indexOf(event.key));
  else if (event.key === "m" && keys.length > 1) match(self, !self.matched);
  else if (event.key === "l") mixer.loop = self.loopBox.checked = !self.loopBox.checked;
  else if (event.key === "ArrowRight") mixer.seek(mixer.position + 2);
  else if (event.key === "ArrowLeft") mixer.seek(mixer.position - 2);
  else if (inList && event.key === "ArrowDown") step(self, 1);
  else if (inList && event.key === "ArrowUp") step(self, -1);
  else return;
  event.preventDefault();
}

function step(self, by) {
  const count = self.data.tracks.length;
  choose(self, (self.mixer.current + by + count) % count);
  self.list.children[self.mixer.current].focus();
}

function choose(self, index) {
  shared.active = self;
  self.mixer.choose(index);
  say(self, `${self.data.tracks[index].name} is heard.`);
}

function fill(self) {
  const { tracks, name } = self.data;
  const wanted = JSON.stringify([name, tracks.map(({ key, name, detail }) => [key, name, detail])]);
  if (wanted === self.filled) return;
  self.filled = wanted;
  const several = tracks.length > 1;
  self.box.setAttribute("aria-label", `Player: ${name}`);
  self.box.dataset.single = !several;
  self.box.dataset.layout = self.data.layout;
  self.list.hidden = self.options.hidden = !several;
  self.list.replaceChildren(...(several ? tracks.map((track, index) => row(self, track, index)) : []));
  const digits = tracks.map((track) => track.key).filter((digit) => digit !== "0").length;
  self.digits.textContent = digits > 1 ? `1–${digits}` : "1";
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
    if (name === "key") cell.setAttribute("aria-hidden", "true");
    button.append(cell);
  }
  button.setAttribute("aria-keyshortcuts", track.key);
  button.onclick = () => choose(self, index);
  return button;
}

function signed(db) {
  const text = Math.abs(db).toFixed(1);
  return `${Number(text) === 0 ? "" : db > 0 ? "+" : "−"}${text} dB`;
}

function paint(self) {
  const { mixer, data } = self;
  const { ready } = mixer;
  self.play.disabled = !ready;
  self.play.dataset.playing = mixer.playing;
  self.play.dataset.loading = mixer.wanted;
  self.play.setAttribute("aria-label", `${mixer.playing ? "Pause" : "Play"} ${data.name}`);
  self.seek.max = mixer.duration || 1;
  self.seek.disabled = !ready;
  self.seek.value = mixer.position;
  self.seek.setAttribute("aria-valuetext", `${clock(mixer.position)} of ${clock(mixer.duration)}`);
  self.time.textContent = mixer.error || (ready ? `${clock(mixer.position)} / ${clock(mixer.duration)}` : "loading");
  self.matchedBox.checked = self.matched;
  self.loopBox.checked = mixer.loop;
  [...self.list.children].forEach((button, index) => {
    const current = index === mixer.current;
    button.setAttribute("aria-checked", current);
    button.tabIndex = current ? 0 : -1;
    button.querySelector(".gain").textContent = signed(self.matched ? data.tracks[index].matched_db : data.common_db);
  });
  self.wave.paint(data.tracks[mixer.current], gains(self)[mixer.current]);
}

// What is new is brought into view, with the keyboard on it; once.
function present(self) {
  const { fresh, name } = self.data;
  if (!fresh || shared.seen.has(fresh)) return;
  shared.seen.add(fresh);
  setTimeout(() => {
    if (!onPage(self.root)) return;
    const card = (self.root.host ?? self.root).closest('[class*="st-key-take-2"]') ?? self.root.host ?? self.root;
    const fits = card.getBoundingClientRect().height < innerHeight - 120;
    card.style.scrollMarginTop = "4rem";
    card.scrollIntoView({ block: fits ? "center" : "start", behavior: calm() ? "auto" : "smooth" });
    shared.active = self;
    self.play.focus({ preventScroll: true });
    const heard = plays(self) || (self.before && plays(self.before));
    say(self, heard ? `${name} is ready, and plays.` : `${name} is ready. Space plays it.`);
  }, 120);
}

// What was just asked for plays by itself; once, and unless it is to leave alone what plays already.
function startAsked(self) {
  const { start, interrupts } = self.data;
  if (!start || shared.seen.has(start)) return;
  shared.seen.add(start);
  if (!interrupts && shared.sounds(self.mixer)) return;
  self.mixer.seek(0);
  if (!plays(self)) toggle(self);
}

// What comes in the place of a player that plays goes on from where that is, as soon as its own sound is there.
async function goOn(self) {
  const before = shared.players.get(self.data.continues);
  if (!before || before.handed) return;
  before.handed = true;
  if (!plays(before)) return;
  before.handing = true;
  self.before = before; // is heard until then
  await self.mixer.prefetch();
  before.handing = false;
  self.before = null;
  if (!plays(before)) return; // somebody paused it meanwhile
  self.mixer.loop = self.loopBox.checked = before.mixer.loop;
  self.mixer.seek(before.mixer.position);
  shared.active = self;
  self.mixer.toggle(); // nothing is said: for who listens, nothing changes
}

function leave(self, root) {
  if (self.root !== root) return; // it was put elsewhere already
  self.ignore();
  const close = () => {
    if (self.root !== root || onPage(root)) return;
    if (self.handing) return setTimeout(close, 500);
    self.mixer.close();
    self.wave.close();
    shared.players.delete(self.place);
  };
  if (location.pathname === self.path) setTimeout(close, 2000);
  else close();
}

export default function (component) {
  const root = component.parentElement;
  let self = instances.get(root);
  if (!self || self.root !== root || self.place !== component.data.place) {
    self = adopt(root, component);
    instances.set(root, self);
  }
  Object.assign(self, { component, data: component.data, matched: component.data.matched });
  fill(self);
  const levels = gains(self);
  const sounds = self.data.tracks.map(({ url, rate, duration }, i) => ({ url, rate, duration, gain: levels[i] }));
  const growing = self.data.parts.length > 0;
  const compared = self.data.layout === "rows" && sounds.length > 1; // what it is all about on its page
  if (growing) self.mixer.grow(self.data.parts, sounds[0]);
  else self.mixer.load(sounds, { lazy: !compared });
  self.wave.open(self.data.wavesurfer);
  paint(self);
  present(self);
  startAsked(self);
  goOn(self);
  return ending(self, () => {
    instances.delete(root);
    leave(self, root);
  });
}
