// A table of players: a row per recording, a column per instrument. Within a row a click switches in place.
// Keys, once a row was played: space plays, arrows move between cells, escape stops.

function build(root, component) {
  const self = { root, component, data: component.data, mixers: new Map(), row: -1, column: -1 };
  self.grid = root.querySelector(".grid");
  self.status = root.querySelector(".status");
  self.onKey = (event) => key(self, event);
  document.addEventListener("keydown", self.onKey);
  return self;
}

function stop(self) {
  self.mixers.forEach((mixer) => mixer.pause());
}

function cellsOf(self, row) {
  return self.data.rows[row].cells;
}

// The mixer of a row holds the cells that are there, in their order.
async function play(self, row, column) {
  const ready = cellsOf(self, row).map((cell, index) => ({ ...cell, index })).filter((cell) => cell.url);
  const place = ready.findIndex((cell) => cell.index === column);
  if (place < 0) return;
  if (!self.mixers.has(row)) self.mixers.set(row, new Mixer(() => paint(self)));
  const mixer = self.mixers.get(row);
  const again = self.row === row && self.column === column;
  if (self.row !== row) stop(self);
  Object.assign(self, { row, column });
  self.status.textContent = `${self.data.columns[column].name} sings ${self.data.rows[row].name}.`;
  const loading = mixer.load(ready.map(({ url, rate, gain_db }) => ({ url, rate, gain: 10 ** (gain_db / 20) })));
  mixer.context.resume(); // while the click still counts as one
  paint(self);
  await loading;
  if (self.row !== row || self.column !== column) return;
  if (again) mixer.toggle();
  else {
    mixer.choose(place);
    mixer.play();
  }
}

function key(self, event) {
  if (self.row < 0 || (!self.root.isConnected && !self.root.host?.isConnected)) return;
  if (meantElsewhere(event, self.root)) return;
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (event.key === " ") play(self, self.row, self.column);
  else if (event.key === "Escape") stop(self);
  else if (steps[event.key]) move(self, ...steps[event.key]);
  else return;
  event.preventDefault();
}

function move(self, down, right) {
  let row = self.row + down;
  let column = self.column + right;
  while (self.data.rows[row]?.cells[column] && !self.data.rows[row].cells[column].url) {
    row += down;
    column += right;
  }
  if (self.data.rows[row]?.cells[column]) {
    play(self, row, column);
    self.grid.querySelector(`[data-place="${row}.${column}"]`)?.focus();
  }
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  if (tag === "button") made.type = "button";
  return made;
}

function head(name, detail, scope) {
  const made = element("th", "head");
  made.scope = scope;
  made.append(element("div", "name", name), element("div", "detail", detail));
  return made;
}

const ICON = '<svg class="starting" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 4v16l13-8z"/></svg>' +
  '<svg class="pausing" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg>';

function cell(self, data, row, column) {
  const box = element("td", "");
  if (!data.url) {
    box.append(element("div", `empty ${data.state}`, data.said));
    if (data.why) box.title = data.why;
    return box;
  }
  const button = element("button", "cell");
  button.dataset.place = `${row}.${column}`;
  const icon = element("span", "icon");
  icon.innerHTML = ICON;
  const lines = element("span", "lines");
  const what = `${self.data.columns[column].name} sings ${self.data.rows[row].name}: `;
  lines.append(element("span", "unseen", what), element("span", "first", data.said));
  lines.append(...data.lines.map((line) => element("span", "detail", line)));
  button.append(icon, lines, element("span", "bar"));
  button.onclick = () => play(self, row, column);
  box.append(button);
  return box;
}

function fill(self) {
  const wanted = JSON.stringify(self.data);
  if (wanted === self.filled) return;
  self.filled = wanted;
  const table = element("table", "");
  table.style.minWidth = `${11 + 11 * self.data.columns.length}rem`; // beyond the page it scrolls
  const top = element("tr", "");
  top.append(element("td", "corner"), ...self.data.columns.map((one) => head(one.name, one.detail, "col")));
  table.append(top);
  self.data.rows.forEach((one, row) => {
    const line = element("tr", "");
    const title = head(one.name, one.detail, "row");
    if (one.cells.filter((data) => data.url).length > 1) {
      const compare = element("button", "compare", "Compare");
      compare.setAttribute("aria-label", `Compare the instruments on ${one.name}`);
      compare.onclick = () => self.component.setTriggerValue("compare", row);
      title.append(compare);
    }
    line.append(title, ...one.cells.map((data, column) => cell(self, data, row, column)));
    table.append(line);
  });
  self.grid.replaceChildren(table);
}

function paint(self) {
  const mixer = self.mixers.get(self.row);
  self.grid.querySelectorAll(".cell").forEach((button) => {
    const current = button.dataset.place === `${self.row}.${self.column}`;
    button.setAttribute("aria-pressed", current && Boolean(mixer?.playing));
    button.dataset.playing = current && Boolean(mixer?.playing);
    button.dataset.current = current;
    const share = current && mixer?.duration ? mixer.position / mixer.duration : 0;
    button.querySelector(".bar").style.width = `${100 * share}%`;
  });
}

export default function (component) {
  const root = component.parentElement;
  let self = instances.get(root);
  if (!self) {
    self = build(root, component);
    instances.set(root, self);
  }
  self.component = component;
  const names = JSON.stringify([component.data.columns, component.data.rows.map((row) => row.name)]);
  if (names !== self.names) {
    self.mixers.forEach((mixer) => mixer.close());
    self.mixers.clear();
    Object.assign(self, { names, row: -1, column: -1 });
  }
  self.data = component.data;
  fill(self);
  paint(self);
  return ending(self, () => {
    document.removeEventListener("keydown", self.onKey);
    self.mixers.forEach((mixer) => mixer.close());
    instances.delete(root);
  });
}
