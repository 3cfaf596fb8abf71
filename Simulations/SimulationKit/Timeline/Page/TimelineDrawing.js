// The picture: everything that reaches the canvas.

const stage = document.getElementById('stage');
const map = document.getElementById('map');
const layers = {};
const view = {start: 0, end};
const layout = {width: 0, height: 0, left: 0, right: 0, top: 0, pitch: 0, strip: 24, rows: 0};
let pen = stage.getContext('2d');
let colours = {};
let isDark = false;
let patterns = {};
let targets = [];
let pickedTarget = null;

const colourNames = [
  'paper', 'raised', 'ink', 'muted', 'hair', 'line', 'level', 'on-level', 'danger', 'on-danger',
  'band', 'band-hatch', 'sea', 'down', 'down-hatch', 'unknown-state', 'delivered', 'lost', 'cut',
  'corrupted', 'truncated', 'duplicated', 'reordered',
];
const sans = getComputedStyle(document.body).fontFamily;
const mono = getComputedStyle(document.querySelector('code')).fontFamily;

function readColours() {
  const probe = document.createElement('span');
  document.body.append(probe);
  colours = {};
  for (const name of colourNames) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  const [red, green, blue] = colours.paper.match(/[\d.]+/g).map(Number);
  isDark = red + green + blue < 380;
  patterns = {
    band: hatch(colours['band-hatch'], 8, 1),
    counter: hatch(colours['band-hatch'], 8, -1),
    down: hatch(colours['down-hatch'], 5, 1),
  };
}

function hatch(colour, size, slope) {
  const tile = document.createElement('canvas');
  const ratio = window.devicePixelRatio || 1;
  tile.width = tile.height = Math.round(size * ratio);
  const brush = tile.getContext('2d');
  brush.scale(tile.width / size, tile.width / size);
  brush.strokeStyle = colour;
  brush.lineWidth = 1;
  brush.beginPath();
  for (const shift of [-size, 0, size]) {
    brush.moveTo(shift - 1, slope > 0 ? size + 1 : -1);
    brush.lineTo(shift + size + 1, slope > 0 ? -1 : size + 1);
  }
  brush.stroke();
  const pattern = pen.createPattern(tile, 'repeat');
  pattern.setTransform(new DOMMatrix().scale(size / tile.width));
  return pattern;
}

// MARK: Measures

const x = (at) => layout.left + (at - view.start) / (view.end - view.start) * layout.plot;
const timeAt = (px) => view.start + (px - layout.left) / layout.plot * (view.end - view.start);
const y = (lane) => layout.top + (lane + 0.5) * layout.pitch;
const scale = () => layout.plot / (view.end - view.start);

function size(canvas, width, height, ratio = window.devicePixelRatio || 1) {
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/// Puts the strips of world faults into as few rows as let each be read.
function arrangeStrips() {
  const rows = [];
  const strips = [...spans.partitions, ...spans.blocks].sort((a, b) => a.start - b.start);
  for (const span of strips) {
    let row = rows.findIndex((last) => last <= span.start);
    if (row < 0) row = Math.min(rows.length, 2);
    rows[row] = Math.max(rows[row] ?? 0, span.end);
    span.row = row;
  }
  layout.rows = rows.length;
}

function arrange(ratio) {
  const width = stage.parentElement.clientWidth;
  const isNarrow = width < 640;
  layout.width = width;
  layout.left = isNarrow ? 64 : 104;
  layout.right = isNarrow ? 14 : 92;
  layout.plot = Math.max(50, width - layout.left - layout.right);
  layout.axis = 22;
  layout.phases = phases.length > 1 ? 36 : 20;
  layout.top = layout.axis + layout.phases + layout.rows * 20 + 6;
  const above = stage.getBoundingClientRect().top + window.scrollY;
  const room = window.innerHeight - above - 150 - layout.top;
  layout.pitch = Math.min(110, Math.max(52, room / Math.max(1, lanes.length)));
  layout.height = Math.ceil(layout.top + layout.pitch * Math.max(1, lanes.length) + 10);
  layout.ribbon = layout.pitch < 60 ? 12 : 14;
  pen = size(stage, width, layout.height, ratio);
}

// MARK: Pieces

function label(words, px, py, {
  colour = colours.ink, size: points = 11, weight = 400, align = 'left', font = sans, halo = false,
} = {}) {
  pen.font = `${weight} ${points}px ${font}`;
  pen.textAlign = align;
  pen.textBaseline = 'middle';
  if (halo) {
    pen.lineJoin = 'round';
    pen.strokeStyle = colours.paper;
    pen.lineWidth = 3;
    pen.strokeText(words, px, py);
  }
  pen.fillStyle = colour;
  pen.fillText(words, px, py);
}

function widthOf(words, points = 11, weight = 400, font = sans) {
  pen.font = `${weight} ${points}px ${font}`;
  return pen.measureText(words).width;
}

/// Words cut to what fits, or nothing.
function fitted(words, room, points = 11, weight = 400, font = sans) {
  if (room < 14) return '';
  if (widthOf(words, points, weight, font) <= room) return words;
  const part = widthOf('…', points, weight, font);
  let length = Math.floor(words.length * room / widthOf(words, points, weight, font));
  while (length > 2 && widthOf(words.slice(0, length), points, weight, font) + part > room) {
    length -= 1;
  }
  return length > 3 ? words.slice(0, length) + '…' : '';
}

/// The first of several wordings that fits, or nothing.
const firstFitting = (wordings, room, points, weight) =>
  wordings.find((words) => widthOf(words, points, weight) <= room) ?? '';

function rounded(px, py, width, height, radius) {
  pen.beginPath();
  pen.roundRect(px, py, width, height, Math.min(radius, width / 2, height / 2));
}

function clipped(span) {
  const from = Math.max(layout.left, x(span.start));
  const to = Math.min(layout.left + layout.plot, x(span.end));
  const isSeen = to > layout.left && from < layout.left + layout.plot;
  return isSeen ? [from, Math.max(to, from + 1)] : null;
}

const target = (box, what) => targets.push({...box, ...what});

// MARK: Grounds

function drawPartitions() {
  for (const span of spans.partitions) {
    const range = clipped(span);
    if (!range) continue;
    const [from, to] = range;
    // A node may be in several groups: a bridge. One that is in none reaches everybody.
    const groupsOfNode = lanes.map((lane) =>
      span.groups.flatMap((group, index) => group.includes(lane.node) ? [index] : []));
    pen.save();
    lanes.forEach((_, index) => {
      const own = groupsOfNode[index], group = own.length === 1 ? own[0] : 0;
      const top = y(index) - layout.pitch / 2;
      pen.fillStyle = colours.band;
      pen.fillRect(from, top, to - from, layout.pitch);
      if (group > 0) {
        pen.fillStyle = group % 2 ? patterns.band : patterns.counter;
        pen.fillRect(from, top, to - from, layout.pitch);
      }
      const before = index ? groupsOfNode[index - 1] : [];
      if (own.length && before.length && !own.some((one) => before.includes(one))) {
        pen.fillStyle = colours.sea;
        pen.fillRect(from, top - 1, to - from, 2);
      }
    });
    pen.fillStyle = colours.sea;
    const bottom = y(lanes.length - 1) + layout.pitch / 2;
    for (const [edge, at] of [[from, span.start], [to, span.end]]) {
      if (at >= view.start && at <= view.end) {
        pen.fillRect(edge - 0.5, layout.top - 6, 1, bottom - layout.top + 6);
      }
    }
    pen.restore();
  }
}

function drawDowns() {
  const height = layout.pitch * 0.74;
  const shade = (span, isDown, words) => {
    const range = clipped(span);
    if (!range) return;
    const [from, to] = range, top = y(span.lane) - height / 2;
    pen.fillStyle = isDown ? colours.down : colours.band;
    pen.fillRect(from, top, to - from, height);
    if (isDown) {
      pen.fillStyle = patterns.down;
      pen.fillRect(from, top, to - from, height);
    }
    pen.strokeStyle = isDown ? colours['down-hatch'] : colours.line;
    pen.lineWidth = 1;
    pen.setLineDash(isDown ? [] : [2, 2]);
    pen.strokeRect(from + 0.5, top + 0.5, Math.max(0, to - from - 1), height - 1);
    pen.setLineDash([]);
    const said = firstFitting([words, duration(span.end - span.start)], to - from - 8, 10.5, 600);
    if (said) label(said, from + 5, top + 9, {size: 10.5, weight: 600, halo: true});
    target({left: from, right: to, top, bottom: top + height, rank: 0}, {event: span.event, span});
  };
  if (layers.pauses.isOn) {
    for (const span of spans.pauses) {
      shade(span, false, `paused ${duration(span.end - span.start)}`);
    }
  }
  if (layers.crashes.isOn) {
    for (const span of spans.downs) {
      const cause = span.event.loss === 'power' ? 'power lost' : 'down';
      shade(span, true, `${cause} ${duration(span.end - span.start)}`);
    }
  }
}

function drawLanes() {
  pen.fillStyle = colours.hair;
  lanes.forEach((_, index) => pen.fillRect(layout.left, Math.round(y(index)), layout.plot, 1));
}

// MARK: Messages

/// Visible messages, each with where it starts and ends, thinned to what the pixels can show.
function visibleMessages() {
  let low = 0, high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle].at < view.start) low = middle + 1; else high = middle;
  }
  const plain = [], marked = [], latest = view.end + transitMax;
  const columns = Math.ceil(layout.plot) + 1, count = lanes.length;
  const step = Math.max(1, Math.ceil(columns * count * count / 4_000_000));
  const seen = new Uint16Array(Math.ceil(columns / step) * count * count);
  for (let i = low; i < messages.length && messages[i].at <= latest; i += 1) {
    const m = messages[i];
    if (m.toLane < 0 || m.sent > view.end || !fates[m.fate].layer.isOn) continue;
    if (m.fate) { marked.push(m); continue; }
    const column = Math.floor(Math.min(columns - 1, Math.max(0, x(m.at) - layout.left)) / step);
    const place = (column * count + Math.max(0, m.fromLane)) * count + m.toLane;
    if (seen[place] < 65535) seen[place] += 1;
    if (seen[place] <= (m.bytes > payloadBytes ? 2 : 1)) plain.push(m);
  }
  return {plain, marked};
}

/// Above this a message carries more than greetings and heartbeats.
const payloadBytes = 120;

/// What did not arrive ends between its sender's lane and the next one, however far it had to go.
function reachOf(m) {
  const reach = fates[m.fate].reach ?? 1;
  return reach < 1 ? reach / Math.max(1, Math.abs(m.toLane - Math.max(0, m.fromLane))) : 1;
}

function linePlaces(m) {
  const reach = reachOf(m);
  const fromX = x(m.sent), toX = x(m.at), half = layout.ribbon / 2;
  if (m.fromLane < 0 || m.fromLane === m.toLane) {
    const top = y(m.toLane) - half;
    return [toX, top - 12, toX, top];
  }
  const way = Math.sign(m.toLane - m.fromLane);
  const fromY = y(m.fromLane) + way * half, toY = y(m.toLane) - way * half;
  return [fromX, fromY, fromX + (toX - fromX) * reach, fromY + (toY - fromY) * reach];
}

function drawMessages() {
  const {plain, marked} = visibleMessages();
  // A crowd is drawn fainter, so that a dense stretch becomes a tone and not a wall.
  const crowd = plain.length / layout.plot;
  const strength = Math.min(1, Math.max(0.12, 0.9 / (0.7 + crowd * 1.1)));
  const classes = new Map();
  for (const m of plain) {
    const far = Math.abs(m.toLane - Math.max(0, m.fromLane)) > 1 ? 1 : 0;
    const key = (m.bytes > payloadBytes ? 2 : 0) + far;
    let list = classes.get(key);
    if (!list) classes.set(key, list = []);
    list.push(m);
  }
  pen.strokeStyle = colours.delivered;
  for (const key of [1, 0, 3, 2]) {
    const list = classes.get(key) ?? [];
    pen.globalAlpha = Math.min(1, strength * [0.34, 0.16, 0.95, 0.5][key]);
    pen.lineWidth = key >= 2 ? 1.15 : 1;
    strokeLines(list);
  }
  pen.globalAlpha = 1;
  if (plain.length < 600 && transitMax * scale() > 8) drawArrows(plain);
  fates.forEach((fate, index) => {
    if (index && fate.layer.isOn) drawFate(fate, marked.filter((m) => m.fate === index));
  });
}

/// Lines as steep as a pixel is wide are rectangles, which cost a tenth.
function strokeLines(list) {
  let count = 0;
  pen.beginPath();
  pen.fillStyle = pen.strokeStyle;
  for (const m of list) {
    const [x0, y0, x1, y1] = linePlaces(m);
    if (Math.abs(x1 - x0) < 0.9) {
      pen.fillRect(Math.round(x1 * 2) / 2, Math.min(y0, y1), pen.lineWidth, Math.abs(y1 - y0));
      continue;
    }
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    count += 1;
    if (count % 256) continue;
    pen.stroke();
    pen.beginPath();
  }
  pen.stroke();
}

function drawArrows(list) {
  pen.fillStyle = colours.delivered;
  for (const m of list) {
    const [x0, y0, x1, y1] = linePlaces(m);
    if (Math.abs(x1 - x0) < 6) continue;
    const angle = Math.atan2(y1 - y0, x1 - x0);
    pen.globalAlpha = m.bytes > payloadBytes ? 0.95 : 0.5;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x1 - 7 * Math.cos(angle - 0.32), y1 - 7 * Math.sin(angle - 0.32));
    pen.lineTo(x1 - 7 * Math.cos(angle + 0.32), y1 - 7 * Math.sin(angle + 0.32));
    pen.fill();
  }
  pen.globalAlpha = 1;
}

function drawFate(fate, list) {
  const isCrowded = list.length > layout.plot / 9;
  pen.strokeStyle = colours[fate.colour];
  pen.setLineDash(fate.dash);
  for (const isSmall of [true, false]) {
    pen.lineWidth = isCrowded || isSmall ? 1 : fate.width ?? 1.4;
    pen.globalAlpha = (isCrowded ? 0.5 : 0.95) * (isSmall ? 0.5 : 1);
    pen.beginPath();
    const drawn = new Set();
    for (const m of list) {
      if (isSmall !== m.bytes <= payloadBytes) continue;
      if (isCrowded) {
        const place = `${Math.round(x(m.at) / 2)} ${m.fromLane} ${m.toLane}`;
        if (drawn.has(place)) continue;
        drawn.add(place);
      }
      const [x0, y0, x1, y1] = linePlaces(m);
      pen.moveTo(x0, y0);
      pen.lineTo(x1, y1);
    }
    pen.stroke();
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  // Ends of a crowd are drawn once for each stretch of pixels, not on top of each other.
  const taken = new Set();
  for (const m of list) {
    const [x0, y0, x1, y1] = linePlaces(m);
    if (isCrowded) {
      const place = `${Math.round(x1 / 9)} ${m.fromLane} ${m.toLane}`;
      if (taken.has(place)) continue;
      taken.add(place);
    }
    pen.globalAlpha = isCrowded ? 0.7 : 1;
    fateEnd(pen, fate.end, x1, y1, Math.sign(y1 - y0) || 1, colours[fate.colour]);
  }
  pen.globalAlpha = 1;
}

/// How a message ends that did not arrive as it was sent; the shape says it without colour.
function fateEnd(brush, shape, px, py, way, colour) {
  brush.strokeStyle = colour;
  brush.fillStyle = colours.paper;
  brush.lineWidth = 1.6;
  brush.beginPath();
  switch (shape) {
    case 'cross':
      brush.moveTo(px - 3.2, py - 3.2); brush.lineTo(px + 3.2, py + 3.2);
      brush.moveTo(px + 3.2, py - 3.2); brush.lineTo(px - 3.2, py + 3.2);
      break;
    case 'bar': brush.moveTo(px - 4, py); brush.lineTo(px + 4, py); break;
    case 'diamond':
      brush.moveTo(px, py - way * 9); brush.lineTo(px + 3.6, py - way * 5);
      brush.lineTo(px, py - way); brush.lineTo(px - 3.6, py - way * 5); brush.closePath();
      brush.fill();
      break;
    case 'half': brush.moveTo(px, py - way * 6); brush.lineTo(px + 5, py - way * 6); break;
    case 'twice':
      brush.arc(px - 2, py - way * 5, 2.6, 0, 7); brush.moveTo(px + 4.6, py - way * 5);
      brush.arc(px + 2, py - way * 5, 2.6, 0, 7);
      break;
    case 'hook': brush.arc(px + 3, py - way * 5, 3, Math.PI, Math.PI * 2.4); break;
  }
  brush.stroke();
}
