// The page around the picture: header, legend, pointer, keys, story.

const byID = (id) => document.getElementById(id);
function element(name, content = '', className = '') {
  const made = document.createElement(name);
  if (content !== '') made.textContent = content;
  if (className) made.className = className;
  return made;
}
const grouped = (number) => Number(number).toLocaleString('en').replaceAll(',', '\u202f');

// MARK: Header

function fillHeader() {
  byID('scenario').textContent = trace.scenario;
  byID('seed').textContent = trace.seed;
  const verdict = byID('verdict');
  verdict.textContent = trace.isBroken ? '✕ A promise was broken'
    : trace.isConverged ? '✓ Converged' : 'Not converged';
  verdict.classList.add(trace.isBroken ? 'broken' : trace.isConverged ? 'level' : 'open');
  const count = fates.reduce((sum, fate) => sum + fate.count, 0);
  const facts = [
    ['Nodes', String(lanes.length) + (trace.begin.topology ? `, ${trace.begin.topology}` : '')],
    ['Virtual time', duration(end)],
    ['Events', grouped(trace.report?.events ?? trace.total)],
    ['Messages', grouped(count)],
  ];
  for (const [name, value] of facts) {
    const pair = element('div');
    pair.append(element('dt', name), element('dd', value));
    byID('facts').append(pair);
  }
  byID('copy').onclick = async () => {
    try { await navigator.clipboard.writeText(trace.command); } catch {
      getSelection().selectAllChildren(byID('command'));
      document.execCommand?.('copy');
    }
    byID('copy').textContent = 'Copied';
    setTimeout(() => { byID('copy').textContent = 'Copy'; }, 1500);
  };
  if (violations.length) {
    const [first] = violations, more = violations.length - 1;
    const show = element('button', 'Show it');
    show.type = 'button';
    show.onclick = () => step(first);
    byID('violation').append(
      element('b', `Broken at ${clock(first.at)}`),
      [first.promise, first.how].filter(Boolean).map(text).join(': ')
        + (more > 0 ? ` (and ${more} more)` : ''), ' ', show);
    byID('violation').hidden = false;
  }
  const notes = [];
  if (trace.messages.stride > 1) {
    notes.push(`Of the messages that were delivered one in ${trace.messages.stride} is drawn.`);
  }
  if (trace.leftOut) notes.push(`${grouped(trace.leftOut)} later events are not in this file.`);
  if (trace.wakes) notes.push(`${grouped(trace.wakes)} timers are not drawn.`);
  if (trace.report?.traceHash) notes.push(`Trace ${trace.report.traceHash.slice(0, 16)}.`);
  byID('notes').textContent = notes.join(' ');
}

// MARK: Legend

const layerNames = [
  ['states', 'states'], ['commits', 'commits'], ['crashes', 'crashes'], ['pauses', 'pauses'],
  ['clocks', 'clocks'], ['disks', 'disks and copies'], ['partitions', 'partitions'],
  ['blocks', 'one-way blocks'], ['wire', 'bad links'], ['connections', 'connections'],
  ['log', 'log'],
  ['other', 'other events'], ['phases', 'phases'],
];
const sampleOf = {commits: 'commit', crashes: 'crash', pauses: 'pause', clocks: 'clock',
  disks: 'disk', wire: 'cut', connections: 'connect', log: 'says', other: ''};

function makeLayers() {
  for (const [name] of layerNames) layers[name] = {isOn: name !== 'connections' && name !== 'log'};
  for (const fate of fates) fate.layer = {isOn: true};
}

/// A small picture of how the layer looks, drawn with the same pen.
function swatch(draw) {
  const canvas = element('canvas');
  const ratio = window.devicePixelRatio || 1;
  canvas.width = 24 * ratio;
  canvas.height = 16 * ratio;
  canvas.style.cssText = 'width:24px;height:16px;flex:none';
  const brush = canvas.getContext('2d');
  brush.scale(ratio, ratio);
  draw(brush);
  return canvas;
}

function fillLegend() {
  const legend = byID('legend');
  legend.replaceChildren();
  const add = (layer, name, count, draw) => {
    const button = element('button');
    button.type = 'button';
    button.setAttribute('aria-pressed', layer.isOn);
    button.append(swatch(draw), element('span', name));
    if (count) button.append(element('small', grouped(count)));
    button.onclick = () => {
      layer.isOn = !layer.isOn;
      button.setAttribute('aria-pressed', layer.isOn);
      redraw(true);
    };
    legend.append(button);
  };
  for (const fate of fates) {
    if (!fate.count) continue;
    add(fate.layer, fate.name, fate.count, (brush) => {
      brush.strokeStyle = colours[fate.colour];
      brush.lineWidth = fate.width ?? 1.5;
      brush.setLineDash(fate.dash);
      brush.beginPath();
      brush.moveTo(1, 8);
      brush.lineTo(fate.reach < 1 ? 15 : 23, 8);
      brush.stroke();
      brush.setLineDash([]);
      const flat = ['bar', 'half'].includes(fate.end);
      if (flat) { brush.fillStyle = colours[fate.colour]; brush.fillRect(15, 4, 2, 8); }
      else fateEnd(brush, fate.end, 15, fate.end === 'cross' ? 8 : 3, -1, colours[fate.colour]);
    });
  }
  for (const [name, words] of layerNames) {
    const count = name === 'states' ? new Set(spans.states.map((s) => s.digest)).size
      : name === 'partitions' ? spans.partitions.length
        : name === 'blocks' ? spans.blocks.length
          : name === 'phases' ? phases.length : (markLists.get(name) ?? []).length;
    if (!count) continue;
    add(layers[name], words, name === 'phases' ? 0 : count, (brush) => {
      if (name === 'states') {
        const looks = ['3f1', 'a07', 'c52'].map((d) => stateColour(d, isDark));
        looks.concat(trace.isConverged ? colours.level : []).forEach((colour, index) => {
          brush.fillStyle = colour;
          brush.fillRect(1 + index * 5.5, 4, 5, 8);
        });
      } else if (name === 'partitions') {
        brush.fillStyle = colours.band;
        brush.fillRect(2, 1, 20, 14);
        brush.fillStyle = patterns.band;
        brush.fillRect(2, 8, 20, 7);
        brush.fillStyle = colours.sea;
        brush.fillRect(2, 7, 20, 2);
      } else if (name === 'blocks') {
        brush.strokeStyle = colours.sea;
        brush.strokeRect(2.5, 3.5, 19, 9);
      } else if (name === 'phases') {
        brush.strokeStyle = colours.ink;
        brush.setLineDash([4, 3]);
        brush.beginPath(); brush.moveTo(12, 1); brush.lineTo(12, 15); brush.stroke();
      } else {
        glyph(brush, sampleOf[name], 12, 8);
      }
    });
  }
}

// MARK: The view

let isWaiting = false, groundIsOld = true;
function redraw(withGround = false) {
  groundIsOld ||= withGround;
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    if (groundIsOld) drawMapGround();
    groundIsOld = false;
    draw();
  });
}

const spanMin = 8;
/// What the whole run looks like, with a little air on both sides.
const whole = () => ({start: -end * 0.008, end: end * 1.008});
function look(start, finish) {
  const all = whole();
  const width = Math.min(all.end - all.start, Math.max(spanMin, finish - start));
  const middle = (start + finish) / 2;
  view.start = Math.min(Math.max(all.start, middle - width / 2), all.end - width);
  view.end = view.start + width;
  redraw();
}
function zoom(factor, at = (view.start + view.end) / 2) {
  const width = Math.min(Math.max(spanMin, (view.end - view.start) * factor), end * 1.016);
  const share = (at - view.start) / (view.end - view.start);
  look(at - width * share, at + width * (1 - share));
}
const pan = (share) => {
  const by = (view.end - view.start) * share;
  look(view.start + by, view.end + by);
};
const fit = () => look(whole().start, whole().end);

// MARK: Details

const tip = byID('tip');
let isPinned = false;

function detailRows(found) {
  if (found.message) {
    const m = found.message, fate = fates[m.fate];
    return {
      title: `Message ${fate.name}`,
      when: m.from < 0 ? clock(m.at) : `${clock(m.sent)} → ${clock(m.at)}`,
      rows: [
        ['from', m.from < 0 ? 'unknown' : nodeName(m.from)], ['to', nodeName(m.to)],
        ['took', m.from < 0 ? 'unknown' : duration(m.at - m.sent)],
        ['size', `${grouped(m.bytes)} bytes`],
      ],
    };
  }
  const {event, span} = found;
  const rows = Object.entries(event)
    .filter(([key]) => !['at', 'what', 'order', 'node', 'sentence', 'how'].includes(key))
    .map(([key, value]) => [key, text(value)]);
  const where = Number.isInteger(event.node) ? `${nodeName(event.node)}, ` : '';
  return {
    title: event.what === 'BROKEN' ? `Broken: ${text(event.promise ?? 'a promise')}`
      : describe(event),
    when: where + clock(event.at)
      + (span && span.end > span.start ? `, for ${duration(span.end - span.start)}` : ''),
    rows: event.what === 'BROKEN' ? [['how', text(event.how ?? '')]] : rows,
  };
}

function showTip(found, px, py) {
  const {title, when, rows} = detailRows(found);
  tip.replaceChildren(element('b', title), element('span', when, 'when'));
  if (rows.length) {
    const table = element('table');
    for (const [name, value] of rows.slice(0, 12)) {
      const row = element('tr');
      row.append(element('td', name), element('td', value));
      table.append(row);
    }
    tip.append(table);
  }
  tip.hidden = false;
  tip.classList.toggle('pinned', isPinned);
  const width = tip.offsetWidth, height = tip.offsetHeight;
  const left = px + 16 + width > layout.width ? px - width - 16 : px + 16;
  tip.style.left = `${Math.max(0, Math.min(left, layout.width - width))}px`;
  tip.style.top = `${Math.max(0, Math.min(py + 16, layout.height + 60 - height))}px`;
}
function hideTip() {
  isPinned = false;
  tip.hidden = true;
  if (pickedTarget) { pickedTarget = null; redraw(); }
}

function segmentDistance(px, py, [x0, y0, x1, y1]) {
  const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
  const share = length ? Math.min(1, Math.max(0, ((px - x0) * dx + (py - y0) * dy) / length)) : 0;
  return Math.hypot(px - x0 - share * dx, py - y0 - share * dy);
}

/// What lies under a point: marks first, then messages, then what fills an area.
function find(px, py) {
  let best = null;
  for (const t of targets) {
    if (px < t.left || px > t.right || py < t.top || py > t.bottom) continue;
    if (!best || t.rank > best.rank
      || t.rank === best.rank && Math.abs((t.px ?? px) - px) < Math.abs((best.px ?? px) - px)) {
      best = t;
    }
  }
  if (best && best.rank >= 1) return best;
  const inside = px > layout.left && px < layout.left + layout.plot && py > layout.top;
  let closest = 5, hit = null;
  if (inside) {
    const from = timeAt(px - 6), to = timeAt(px + 6);
    let low = 0, high = messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (messages[middle].at < from) low = middle + 1; else high = middle;
    }
    for (let i = low; i < messages.length && messages[i].at <= to + transitMax; i += 1) {
      const m = messages[i];
      if (m.sent > to || m.toLane < 0 || !fates[m.fate].layer.isOn) continue;
      const away = segmentDistance(px, py, linePlaces(m))
        - (m.fate ? 1.5 : 0);
      if (away < closest) { closest = away; hit = m; }
    }
  }
  return hit ? {message: hit} : best;
}

// MARK: Pointers

const pointers = new Map();
let hasMoved = false, pinch = null;
const place = (event, canvas = stage) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

stage.addEventListener('pointerdown', (event) => {
  pointers.set(event.pointerId, place(event));
  stage.setPointerCapture(event.pointerId);
  hasMoved = false;
  pinch = null;
});
stage.addEventListener('pointermove', (event) => {
  const [px, py] = place(event), before = pointers.get(event.pointerId);
  if (!before) {
    if (isPinned) return;
    const found = find(px, py);
    stage.classList.toggle('over', Boolean(found));
    if (found) {
      pickedTarget = found;
      showTip(found, px, py);
      redraw();
    } else {
      hideTip();
    }
    return;
  }
  if (Math.hypot(px - before[0], py - before[1]) < 3 && !hasMoved) return;
  hasMoved = true;
  stage.classList.add('dragging');
  if (pointers.size === 2) {
    pointers.set(event.pointerId, [px, py]);
    const [one, two] = [...pointers.values()];
    const apart = Math.max(12, Math.abs(one[0] - two[0]));
    const middle = (one[0] + two[0]) / 2;
    if (pinch) {
      const at = timeAt(pinch.middle);
      zoom(pinch.apart / apart, at);
      const drift = (pinch.middle - middle) / scale();
      look(view.start + drift, view.end + drift);
    }
    pinch = {apart, middle};
    return;
  }
  const by = (before[0] - px) / scale();
  pointers.set(event.pointerId, [px, py]);
  if (!isPinned) hideTip();
  look(view.start + by, view.end + by);
});
function release(event) {
  const wasOne = pointers.size === 1;
  pointers.delete(event.pointerId);
  stage.classList.remove('dragging');
  pinch = null;
  if (event.type !== 'pointerup' || hasMoved || !wasOne) return;
  const [px, py] = place(event), found = find(px, py);
  if (!found) { hideTip(); return; }
  isPinned = true;
  pickedTarget = found;
  showTip(found, px, py);
  redraw();
}
stage.addEventListener('pointerup', release);
stage.addEventListener('pointercancel', release);
stage.addEventListener('pointerleave', () => { if (!isPinned && !pointers.size) hideTip(); });
stage.addEventListener('wheel', (event) => {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 200 : 1;
  const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    pan(across * unit / layout.plot);
  } else {
    zoom(Math.exp(event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016)), timeAt(place(event)[0]));
  }
  if (!isPinned) hideTip();
}, {passive: false});
stage.addEventListener('dblclick', (event) => zoom(0.4, timeAt(place(event)[0])));

let mapGrip = null;
const mapTime = (event) => (place(event, map)[0] - layout.left) / layout.plot * end;
map.addEventListener('pointerdown', (event) => {
  map.setPointerCapture(event.pointerId);
  const at = mapTime(event), isInside = at > view.start && at < view.end;
  const width = view.end - view.start;
  mapGrip = isInside && width < end ? at - view.start : width / 2;
  look(at - mapGrip, at - mapGrip + width);
});
map.addEventListener('pointermove', (event) => {
  if (mapGrip === null) return;
  const start = mapTime(event) - mapGrip;
  look(start, start + view.end - view.start);
});
for (const name of ['pointerup', 'pointercancel']) {
  map.addEventListener(name, () => { mapGrip = null; });
}

// MARK: Steps and keys

function step(event) {
  if (!event) return;
  const width = Math.min(view.end - view.start, Math.max(400, end / 12));
  look(event.at - width / 2, event.at + width / 2);
  if (groundIsOld) drawMapGround();
  draw();
  isPinned = true;
  pickedTarget = {event, isStep: true};
  const lane = laneOf.get(event.node);
  showTip(pickedTarget, x(event.at), lane === undefined ? layout.top : y(lane));
  byID('spoken').textContent =
    `${clock(event.at)}, ${Number.isInteger(event.node) ? nodeName(event.node) : ''} `
    + describe(event);
  redraw();
}
function stepBy(way) {
  const now = pickedTarget?.event;
  const index = now ? stops.indexOf(now) : -1;
  if (index >= 0) return step(stops[Math.min(stops.length - 1, Math.max(0, index + way))]);
  const middle = now ? now.at : view.start;
  step(way > 0 ? stops.find((e) => e.at >= middle) : stops.findLast((e) => e.at < middle));
}

const keys = {
  ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15),
  ArrowUp: () => zoom(0.7), ArrowDown: () => zoom(1 / 0.7),
  PageUp: () => pan(-0.9), PageDown: () => pan(0.9),
  '+': () => zoom(0.6), '=': () => zoom(0.6), '-': () => zoom(1 / 0.6), '0': fit,
  Home: () => look(0, view.end - view.start), End: () => look(end - view.end + view.start, end),
  n: () => stepBy(1), p: () => stepBy(-1), v: () => step(violations[0]), Escape: hideTip,
  t: () => turnTheme(),
};
const keysOfCanvas = ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'];
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (keysOfCanvas.includes(event.key) && document.activeElement !== stage) return;
  const act = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});
byID('in').onclick = () => zoom(0.5);
byID('out').onclick = () => zoom(2);
byID('fit').onclick = fit;
byID('next').onclick = () => stepBy(1);
byID('previous').onclick = () => stepBy(-1);
byID('theme').onclick = () => turnTheme();

// MARK: Story

const storyLengthMax = 2000;
function fillStory() {
  const story = byID('story');
  story.querySelector('summary').textContent = `The story in ${grouped(stops.length)} events`;
  story.addEventListener('toggle', () => {
    const list = story.querySelector('ol');
    if (!story.open || list.childElementCount) return;
    for (const event of stops.slice(0, storyLengthMax)) {
      const row = element('li'), button = element('button');
      button.type = 'button';
      if (event.what === 'BROKEN') button.className = 'broken';
      button.append(
        element('time', clock(event.at)),
        element('span', Number.isInteger(event.node) ? nodeName(event.node) : 'world'),
        element('span', describe(event)));
      button.onclick = () => { step(event); stage.scrollIntoView({block: 'nearest'}); };
      row.append(button);
      list.append(row);
    }
    if (stops.length > storyLengthMax) {
      list.append(element('li', `${grouped(stops.length - storyLengthMax)} more are not listed`));
    }
  });
}

// MARK: Beginning

function dress() {
  readColours();
  fillLegend();
  redraw(true);
}
function turnTheme() {
  document.documentElement.dataset.theme = isDark ? 'light' : 'dark';
  dress();
}
function settle(ratio) {
  arrange(ratio);
  drawMapGround(ratio);
  draw();
}

/// `#at=1200-3400` opens the page at that stretch of time, `#theme=dark` in that dress.
function readAddress() {
  const wish = new URLSearchParams(location.hash.slice(1));
  if (['dark', 'light'].includes(wish.get('theme'))) {
    document.documentElement.dataset.theme = wish.get('theme');
  }
  const [from, to] = (wish.get('at') ?? '').split('-').map(Number);
  if (to > from) look(from, to); else fit();
}

makeLayers();
arrangeStrips();
fillHeader();
fillStory();
readColours();
fillLegend();
arrange();
readAddress();
dress();
stage.setAttribute('aria-label',
  `Timeline of ${trace.scenario}, seed ${trace.seed}: ${trace.verdict}. ${lanes.length} nodes, `
  + `${duration(end)}, ${stops.length} events to step through.`);

let settledWidth = 0;
new ResizeObserver(() => {
  const width = stage.parentElement.clientWidth;
  if (width === settledWidth) return;
  settledWidth = width;
  settle();
}).observe(stage.parentElement);
window.addEventListener('resize', () => settle());
window.addEventListener('hashchange', () => { readAddress(); dress(); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', dress);

// Paper is white, and finer than a screen.
let themeBefore;
window.addEventListener('beforeprint', () => {
  themeBefore = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = 'light';
  hideTip();
  readColours();
  fillLegend();
  settle(3);
});
window.addEventListener('afterprint', () => {
  if (themeBefore) document.documentElement.dataset.theme = themeBefore;
  else delete document.documentElement.dataset.theme;
  readColours();
  fillLegend();
  settle();
});
