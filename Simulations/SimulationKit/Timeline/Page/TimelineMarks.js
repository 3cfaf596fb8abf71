// The picture, continued: states, marks, the frame around them, and the map of the whole run.

// MARK: States

function drawStates() {
  const height = layout.ribbon;
  if (!layers.states.isOn) return;
  const right = layout.left + layout.plot;
  // Ribbons of lanes whose states the trace does not tell are plain.
  lanes.forEach((lane, index) => {
    if (lanesState[index] || lane.kind !== 'replica') return;
    const [from, to] = clipped({start: 0, end}) ?? [0, 0];
    pen.fillStyle = trace.isConverged ? colours.level : colours['unknown-state'];
    pen.globalAlpha = 0.55;
    pen.fillRect(from, y(index) - height / 2, to - from, height);
    pen.globalAlpha = 1;
  });
  for (const span of spans.states) {
    if (span.end < view.start || span.start > view.end) continue;
    const from = Math.max(layout.left, x(span.start)), to = Math.min(right, x(span.end));
    const top = y(span.lane) - height / 2, isLevel = isFinal(span.digest);
    pen.fillStyle = isLevel ? colours.level : stateColour(span.digest, isDark);
    pen.fillRect(from, top, Math.max(0.6, to - from), height);
    if (to - from > 3 && span.start >= view.start) {
      pen.fillStyle = colours.paper;
      pen.fillRect(from, top, 1, height);
    }
    if (to - from > 34) {
      label(span.digest.slice(0, to - from > 70 ? 8 : 4), from + 6, top + height / 2 + 0.5, {
        size: 9.5, font: mono,
        colour: isLevel ? colours['on-level'] : isDark ? '#0d1114' : '#1c2329',
      });
    }
    if (to - from >= 1) {
      target(
        {left: from, right: to, top, bottom: top + height, rank: 1}, {event: span.event, span});
    }
  }
  // Who is down shows nothing.
  if (!layers.crashes.isOn) return;
  for (const span of spans.downs) {
    const range = clipped(span);
    if (!range) continue;
    const [from, to] = range;
    pen.fillStyle = colours.down;
    pen.fillRect(from, y(span.lane) - height / 2, to - from, height);
    pen.fillStyle = patterns.down;
    pen.fillRect(from, y(span.lane) - height / 2, to - from, height);
    target(
      {left: from, right: to, top: y(span.lane) - 7, bottom: y(span.lane) + 7, rank: 1},
      {event: span.event, span});
  }
}

// MARK: Marks

/// Where the marks of a kind sit, from the middle of the lane.
const markRow = {
  commits: 0, connections: -1, log: -1, crashes: 1, pauses: 1, clocks: 1, disks: 1, wire: 1,
  other: 1, phases: 1,
};

function drawMarks() {
  const rowHeight = Math.min(19, layout.pitch / 2 - 9);
  const order = [
    'connections', 'log', 'commits', 'other', 'wire', 'pauses', 'disks', 'clocks', 'crashes',
  ];
  for (const span of spans.tails) {
    const range = clipped(span);
    if (!range || !layers[kind(span.event)].isOn) continue;
    pen.strokeStyle = colours.ink;
    pen.setLineDash([1, 3]);
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(range[0], y(span.lane) + rowHeight);
    pen.lineTo(range[1], y(span.lane) + rowHeight);
    pen.stroke();
    pen.setLineDash([]);
  }
  for (const name of order) {
    if (!layers[name]?.isOn) continue;
    const lastOf = new Map();
    for (const event of markLists.get(name) ?? []) {
      const px = x(event.at);
      if (px < layout.left - 8 || px > layout.left + layout.plot + 8) continue;
      const lane = laneOf.get(event.node), py = y(lane) + markRow[name] * rowHeight;
      // A crowd of small marks is one mark.
      const gap = name === 'commits' ? 2.5 : name === 'connections' || name === 'log' ? 4 : 0;
      if (gap && px - (lastOf.get(lane) ?? -99) < gap) continue;
      lastOf.set(lane, px);
      glyph(pen, event.what, px, py, event);
      target({left: px - 7, right: px + 7, top: py - 8, bottom: py + 8, rank: 3}, {event, px, py});
    }
  }
}

/// One sign for each kind of event; each has a shape of its own.
function glyph(brush, what, px, py, event = {}) {
  const stroke = () => {
    brush.lineWidth = 4.5; brush.strokeStyle = colours.paper; brush.stroke();
    brush.lineWidth = 1.8; brush.strokeStyle = colours.ink; brush.stroke();
  };
  brush.lineCap = 'round';
  brush.beginPath();
  switch (what) {
    case 'commit':
      brush.arc(px, py, 3.4, 0, 7);
      brush.fillStyle = colours.ink; brush.fill();
      brush.lineWidth = 1.4; brush.strokeStyle = colours.paper; brush.stroke();
      break;
    case 'crash': case 'died':
      brush.moveTo(px - 4.5, py - 4.5); brush.lineTo(px + 4.5, py + 4.5);
      brush.moveTo(px + 4.5, py - 4.5); brush.lineTo(px - 4.5, py + 4.5);
      brush.lineWidth = 6; brush.strokeStyle = colours.paper; brush.stroke();
      brush.lineWidth = 2.6; brush.strokeStyle = colours.danger; brush.stroke();
      break;
    case 'restart':
      brush.moveTo(px - 3.5, py - 5); brush.lineTo(px + 5, py); brush.lineTo(px - 3.5, py + 5);
      brush.closePath();
      brush.lineWidth = 3; brush.strokeStyle = colours.paper; brush.stroke();
      brush.fillStyle = colours.ink; brush.fill();
      break;
    case 'pause':
      brush.moveTo(px - 2.5, py - 4.5); brush.lineTo(px - 2.5, py + 4.5);
      brush.moveTo(px + 2.5, py - 4.5); brush.lineTo(px + 2.5, py + 4.5);
      stroke();
      break;
    case 'resume':
      brush.moveTo(px - 3, py - 4.5); brush.lineTo(px + 4, py); brush.lineTo(px - 3, py + 4.5);
      stroke();
      break;
    case 'clock': case 'clockJump':
      brush.arc(px, py, 5.6, 0, 7);
      brush.fillStyle = colours.paper; brush.fill();
      brush.moveTo(px, py - 3.4); brush.lineTo(px, py); brush.lineTo(px + 2.6, py + 1.4);
      brush.lineWidth = 1.5; brush.strokeStyle = colours.ink; brush.stroke();
      break;
    case 'disk': case 'backup': case 'restoreBackup': case 'copyStore': case 'relayWipe':
    case 'relayRollback':
      brush.ellipse(px, py - 3.4, 5, 2, 0, 0, 7);
      brush.moveTo(px - 5, py - 3.4); brush.lineTo(px - 5, py + 3.4);
      brush.ellipse(px, py + 3.4, 5, 2, 0, Math.PI, 0, true);
      brush.lineTo(px + 5, py - 3.4);
      brush.fillStyle = what === 'disk' ? colours.paper : colours.line; brush.fill();
      brush.lineWidth = 1.5; brush.strokeStyle = colours.ink; brush.stroke();
      if (what === 'disk') {
        brush.beginPath();
        brush.moveTo(px + 1, py - 1); brush.lineTo(px - 1.6, py + 1.4);
        brush.lineTo(px + 1.6, py + 1.6); brush.lineTo(px - 1, py + 4);
        brush.lineWidth = 1.3; brush.strokeStyle = colours.danger; brush.stroke();
      }
      break;
    case 'weather':
      brush.moveTo(px - 6, py - 1);
      brush.bezierCurveTo(px - 3, py - 6, px - 1, py + 4, px + 2, py - 1);
      brush.bezierCurveTo(px + 3, py - 3, px + 5, py - 3, px + 6, py - 1);
      stroke();
      break;
    case 'replay': case 'splice':
      brush.moveTo(px, py - 5); brush.lineTo(px + 5, py + 4); brush.lineTo(px - 5, py + 4);
      brush.closePath();
      brush.fillStyle = colours.danger; brush.fill();
      brush.lineWidth = 1.2; brush.strokeStyle = colours.paper; brush.stroke();
      break;
    case 'cut': case 'halfOpen':
      brush.moveTo(px - 5, py - 2); brush.lineTo(px - 1, py - 2); brush.moveTo(px - 2, py + 3);
      brush.lineTo(px + 2, py - 5); brush.moveTo(px + 1, py); brush.lineTo(px + 5, py);
      stroke();
      break;
    case 'says': {
      const isLoud = ['warning', 'error', 'critical', 'notice'].includes(String(event.level));
      brush.moveTo(px - 4, py - 4); brush.lineTo(px + 4, py - 4); brush.lineTo(px + 4, py + 2);
      brush.lineTo(px, py + 2); brush.lineTo(px - 2.5, py + 5); brush.lineTo(px - 2.5, py + 2);
      brush.lineTo(px - 4, py + 2); brush.closePath();
      brush.fillStyle = isLoud ? colours.ink : colours.paper; brush.fill();
      brush.lineWidth = 1.1; brush.strokeStyle = isLoud ? colours.paper : colours.muted;
      brush.stroke();
      break;
    }
    default:
      brush.moveTo(px, py - 4); brush.lineTo(px, py + 4);
      brush.lineWidth = 1.6;
      brush.strokeStyle = kindOf[what] ? colours.muted : colours.ink; brush.stroke();
  }
  brush.lineCap = 'butt';
}

// MARK: The frame

let ticks = [];
function drawAxis() {
  ticks = [];
  const spacing = layout.width < 640 ? 70 : 110;
  const wanted = spacing / scale();
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5,
    6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];
  const step = steps.find((s) => s >= wanted) ?? Math.ceil(wanted / 864e5) * 864e5;
  const digits = step >= 1000 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
  const bottom = y(lanes.length - 1) + layout.pitch / 2;
  for (let at = Math.ceil(view.start / step) * step; at <= view.end; at += step) {
    const px = Math.round(x(at));
    pen.fillStyle = colours.hair;
    pen.fillRect(px, layout.axis - 4, 1, bottom - layout.axis + 4);
    ticks.push([clock(at, digits), px]);
  }
}

function drawTicks() {
  for (const [words, px] of ticks) {
    label(words, px, layout.axis / 2, {colour: colours.muted, align: 'center'});
  }
  if (layout.right < 60) return;
  const middle = layout.width - layout.right + 10 + (layout.right - 12) / 2;
  label('in the end', middle, layout.top + 4, {colour: colours.muted, align: 'center'});
}

function drawPhases() {
  if (!layers.phases.isOn) return;
  const bottom = y(lanes.length - 1) + layout.pitch / 2 + 4;
  const free = [layout.left, layout.left];
  phases.forEach((phase, index) => {
    const px = x(phase.at);
    if (px < layout.left || px > layout.left + layout.plot) return;
    const isLevel = phase.event.what === 'converged';
    const colour = isLevel ? colours.level : colours.ink;
    pen.strokeStyle = colour;
    pen.lineWidth = isLevel ? 2 : 1.2;
    pen.setLineDash(isLevel ? [] : [5, 4]);
    pen.beginPath();
    pen.moveTo(px, layout.axis);
    pen.lineTo(px, bottom);
    pen.stroke();
    pen.setLineDash([]);
    const words = (isLevel ? '✓ ' : '') + phase.name, width = widthOf(words, 11, 600);
    const next = phases[index + 1] ? x(phases[index + 1].at) : layout.width;
    const isRight = px + width + 8 < Math.min(next, layout.width);
    const left = isRight ? px + 5 : px - width - 5;
    const row = free.findIndex((edge) => left >= edge);
    if (row < 0) return;
    free[row] = Math.max(left + width, px) + 4;
    const top = layout.axis + row * 16;
    label(words, left, top + 9, {weight: 600, colour, halo: true});
    target({left, right: left + width, top, bottom: top + 18, rank: 4}, {event: phase.event});
  });
}

function drawStrips() {
  const draw = (span, wordings, isBlock) => {
    const range = clipped(span);
    if (!range) return;
    const [from, to] = range, top = layout.axis + layout.phases + span.row * 20;
    rounded(from, top, to - from, 16, 3);
    pen.fillStyle = isBlock ? colours.band : colours.sea;
    pen.fill();
    if (isBlock) { pen.strokeStyle = colours.sea; pen.lineWidth = 1; pen.stroke(); }
    const said = firstFitting(wordings, to - from - 12, 10.5, 600);
    if (said) {
      label(said, from + 7, top + 8.5,
        {size: 10.5, weight: 600, colour: isBlock ? colours.ink : colours.paper});
    }
    target({left: from, right: to, top, bottom: top + 16, rank: 2}, {event: span.event, span});
  };
  if (layers.partitions.isOn) {
    for (const span of spans.partitions) {
      const groups = isolated(span.groups);
      draw(span, [`partition  ${groups}`, groups], false);
    }
  }
  if (layers.blocks.isOn) {
    for (const span of spans.blocks) {
      const {from, to} = span.event;
      const way = `${listOf(from).join(' ')} ⇥ ${listOf(to).join(' ')}`;
      draw(span, [`one way blocked  ${way}`, `blocked  ${way}`, way], true);
    }
  }
}

function drawEdges() {
  const right = layout.left + layout.plot;
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, layout.left, layout.height);
  pen.fillRect(right, layout.axis, layout.right, layout.height);
  lanes.forEach((lane, index) => {
    const py = y(index), isReplica = lane.kind === 'replica', isNarrow = layout.left < 100;
    const name = isReplica ? (isNarrow ? `${lane.node}` : `Node ${lane.node}`)
      : isNarrow ? `${lane.kind[0].toUpperCase()}${lane.node}`
        : lane.kind[0].toUpperCase() + lane.kind.slice(1);
    const px = layout.left - 14;
    label(name, px, isReplica ? py : py - 7, {size: 13, weight: 600, align: 'right'});
    if (!isReplica && !isNarrow) {
      label(`node ${lane.node}`, px, py + 8,
        {size: 11, colour: colours.muted, align: 'right'});
      pen.fillStyle = lane.kind === 'adversary' ? colours.danger : colours.sea;
      pen.fillRect(layout.left - 6, py - 13, 3, 26);
    }
    if (layout.right < 60 || !isReplica && !lanesState[index]) return;
    const last = lanesState[index], digest = last?.digest ?? '';
    const isLevel = last ? isFinal(digest) : trace.isConverged;
    const words = isLevel ? '✓ level' : digest.slice(0, 8) || 'unknown';
    rounded(right + 10, py - 10, layout.right - 12, 20, 10);
    pen.fillStyle = isLevel ? colours.level
      : digest ? stateColour(digest, isDark) : colours['unknown-state'];
    pen.fill();
    label(words, right + 10 + (layout.right - 12) / 2, py + 0.5, {
      size: isLevel ? 11 : 10, weight: isLevel ? 600 : 400, font: isLevel ? sans : mono,
      align: 'center', colour: isLevel ? colours['on-level'] : isDark ? '#0d1114' : '#1c2329',
    });
    if (last) {
      target({left: right + 10, right: layout.width, top: py - 10, bottom: py + 10, rank: 5},
        {event: last.event, span: last});
    }
  });
}

function drawViolations() {
  const right = layout.left + layout.plot, bottom = y(lanes.length - 1) + layout.pitch / 2 + 6;
  violations.forEach((event, index) => {
    const px = x(event.at);
    if (px < layout.left - 1 || px > right + 1) return;
    pen.fillStyle = colours.paper;
    pen.fillRect(px - 3.5, layout.axis, 7, bottom - layout.axis);
    pen.fillStyle = colours.danger;
    pen.fillRect(px - 1.5, layout.axis, 3, bottom - layout.axis);
    const lane = laneOf.get(event.node);
    if (lane !== undefined) {
      pen.beginPath();
      for (let corner = 0; corner < 8; corner += 1) {
        const angle = Math.PI / 8 + corner * Math.PI / 4;
        pen.lineTo(px + 12 * Math.cos(angle), y(lane) + 12 * Math.sin(angle));
      }
      pen.closePath();
      pen.fill();
      pen.lineWidth = 2; pen.strokeStyle = colours.paper; pen.stroke();
      pen.beginPath();
      pen.moveTo(px - 4, y(lane) - 4); pen.lineTo(px + 4, y(lane) + 4);
      pen.moveTo(px + 4, y(lane) - 4); pen.lineTo(px - 4, y(lane) + 4);
      pen.lineWidth = 2.6; pen.strokeStyle = colours['on-danger']; pen.stroke();
    }
    target({left: px - 8, right: px + 8, top: layout.axis, bottom, rank: 6}, {event, px});
    if (index) return;
    const space = Math.max(px - layout.left, right - px) - 8;
    const words = fitted(`BROKEN  ${describe(event)}`, Math.min(460, space) - 16, 11.5, 700);
    const width = widthOf(words, 11.5, 700) + 16;
    const left = px + width < right ? px : px - width;
    rounded(left, layout.axis - 1, width, 20, 3);
    pen.fillStyle = colours.danger;
    pen.fill();
    label(words, left + 8, layout.axis + 9.5,
      {size: 11.5, weight: 700, colour: colours['on-danger']});
    target({left, right: left + width, top: layout.axis, bottom: layout.axis + 20, rank: 7},
      {event, px});
  });
}

function drawPicked() {
  if (!pickedTarget) return;
  const {message, span, event} = pickedTarget;
  pen.strokeStyle = colours.ink;
  if (message) {
    const [x0, y0, x1, y1] = linePlaces(message);
    pen.lineWidth = 2.4;
    pen.beginPath(); pen.moveTo(x0, y0); pen.lineTo(x1, y1); pen.stroke();
    pen.fillStyle = colours.ink;
    pen.beginPath(); pen.arc(x0, y0, 3, 0, 7); pen.arc(x1, y1, 3, 0, 7); pen.fill();
  } else if (event && (!span || pickedTarget.isStep)) {
    const px = x(event.at);
    if (px < layout.left || px > layout.left + layout.plot) return;
    const lane = laneOf.get(event.node);
    pen.lineWidth = 1;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    pen.moveTo(px, layout.axis); pen.lineTo(px, layout.height - 4); pen.stroke();
    pen.setLineDash([]);
    if (lane !== undefined) {
      const py = y(lane) + (markRow[kind(event)] ?? 0) * Math.min(19, layout.pitch / 2 - 9);
      pen.lineWidth = 1.8;
      pen.beginPath(); pen.arc(px, py, 10, 0, 7); pen.stroke();
    }
  } else if (span && span.lane !== undefined) {
    const range = clipped(span);
    if (!range) return;
    pen.lineWidth = 1.5;
    pen.strokeRect(range[0], y(span.lane) - layout.ribbon / 2 - 2, range[1] - range[0],
      layout.ribbon + 4);
  }
}

function draw() {
  targets = [];
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, layout.width, layout.height);
  pen.save();
  pen.beginPath();
  pen.rect(layout.left, 0, layout.plot + 1, layout.height);
  pen.clip();
  if (layers.partitions.isOn) drawPartitions();
  drawAxis();
  drawLanes();
  drawDowns();
  drawMessages();
  drawStates();
  drawMarks();
  drawStrips();
  pen.restore();
  drawEdges();
  drawTicks();
  drawPhases();
  drawViolations();
  drawPicked();
  drawMap();
}

// MARK: The whole run, small

let mapGround = null;

function drawMapGround(ratio) {
  const width = layout.width, height = 60;
  const brush = size(map, width, height, ratio);
  brush.fillStyle = colours.paper;
  brush.fillRect(0, 0, width, height);
  const at = (time) => layout.left + time / end * layout.plot;
  const top = 6, room = 48, row = room / Math.max(1, lanes.length);
  if (layers.partitions.isOn) {
    for (const span of spans.partitions) {
      brush.fillStyle = colours['band-hatch'];
      brush.fillRect(at(span.start), top - 4, at(span.end) - at(span.start), room + 8);
    }
  }
  const stripe = Math.max(1, Math.min(6, row - 2));
  const middle = (lane) => top + row * (lane + 0.5) - stripe / 2;
  lanes.forEach((_, lane) => {
    brush.fillStyle = lanesState[lane] || !trace.isConverged ? colours['unknown-state']
      : colours.level;
    brush.fillRect(layout.left, middle(lane), layout.plot, stripe);
  });
  for (const span of spans.states) {
    brush.fillStyle = isFinal(span.digest) ? colours.level : stateColour(span.digest, isDark);
    brush.fillRect(at(span.start), middle(span.lane),
      Math.max(0.5, at(span.end) - at(span.start)), stripe);
  }
  for (const span of spans.downs) {
    brush.fillStyle = colours.ink;
    brush.fillRect(at(span.start), middle(span.lane), Math.max(1.5, at(span.end) - at(span.start)),
      stripe);
  }
  for (const phase of phases) {
    brush.fillStyle = phase.event.what === 'converged' ? colours.level : colours.muted;
    brush.fillRect(at(phase.at) - 0.5, top - 4, 1, room + 8);
  }
  for (const event of violations) {
    brush.fillStyle = colours.danger;
    brush.fillRect(at(event.at) - 1.5, 0, 3, height);
  }
  mapGround = document.createElement('canvas');
  mapGround.width = map.width;
  mapGround.height = map.height;
  mapGround.getContext('2d').drawImage(map, 0, 0);
}

function drawMap() {
  const brush = map.getContext('2d'), height = 60;
  if (!mapGround) return;
  brush.save();
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.drawImage(mapGround, 0, 0);
  brush.restore();
  const from = layout.left + Math.max(0, view.start) / end * layout.plot;
  const to = layout.left + Math.min(end, view.end) / end * layout.plot;
  brush.globalAlpha = 0.72;
  brush.fillStyle = colours.paper;
  brush.fillRect(layout.left, 0, from - layout.left, height);
  brush.fillRect(to, 0, layout.left + layout.plot - to, height);
  brush.globalAlpha = 1;
  brush.strokeStyle = colours.muted;
  brush.lineWidth = 1;
  brush.beginPath();
  brush.roundRect(from + 0.5, 0.5, Math.max(3, to - from - 1), height - 1, 4);
  brush.stroke();
}
