'use strict';
// What happened, made ready for drawing: lanes, spans of time, marks, messages sorted by arrival.

const trace = JSON.parse(document.getElementById('trace').textContent);
const events = trace.events
  .map((event, order) => ({...event, at: Number(event.at) || 0, what: String(event.what), order}))
  .sort((a, b) => a.at - b.at || a.order - b.order);

const messages = (() => {
  const m = trace.messages, list = [];
  let at = 0;
  for (let i = 0; i < m.at.length; i += 1) {
    at += m.at[i];
    list.push({
      at, sent: at - m.transit[i], from: m.from[i], to: m.node[i], bytes: m.bytes[i],
      fate: m.fate[i],
    });
  }
  return list.sort((a, b) => a.at - b.at);
})();
const transitMax = messages.reduce((most, m) => Math.max(most, m.at - m.sent), 0);

// MARK: Lanes

const lanes = (() => {
  const declared = Array.isArray(trace.begin.nodes) ? trace.begin.nodes : [];
  if (declared.length) {
    return declared.map((n, i) => ({node: Number(n.node ?? i), kind: String(n.kind ?? 'replica')}));
  }
  let most = -1;
  for (const m of messages) most = Math.max(most, m.to, m.from);
  for (const e of events) if (Number.isInteger(e.node)) most = Math.max(most, e.node);
  return Array.from({length: Math.min(most + 1, 256)}, (_, node) => ({node, kind: 'replica'}));
})();
const laneOf = new Map(lanes.map((lane, index) => [lane.node, index]));
for (const m of messages) {
  m.fromLane = laneOf.get(m.from) ?? -1;
  m.toLane = laneOf.get(m.to) ?? -1;
}

const end = Math.max(
  1, (Number(trace.report?.virtualSeconds) || 0) * 1000, events.at(-1)?.at ?? 0,
  trace.report ? 0 : messages.length ? messages[messages.length - 1].at : 0);

// MARK: Spans

/// Groups come as lists, or as the text of lists.
function groupsOf(event) {
  let groups = event.groups;
  if (typeof groups === 'string') {
    try { groups = JSON.parse(groups); } catch { groups = []; }
  }
  return Array.isArray(groups) ? groups.filter(Array.isArray) : [];
}
const listOf = (value) => Array.isArray(value) ? value : value === undefined ? [] : [value];

const spans = {states: [], downs: [], pauses: [], partitions: [], blocks: [], tails: []};
const lanesState = lanes.map(() => null);
{
  const open = {down: new Map(), pause: new Map()};
  const close = (span, at) => { if (span) span.end = Math.min(span.end, at); };
  const endAll = (list, at) => { for (const span of list) close(span, at); };
  /// One of several: the one that was to end now, else the oldest.
  const endOne = (list, at) => {
    const going = list.filter((span) => span.end >= at && !span.isOver);
    const one = going.find((span) => span.end === at) ?? going[0];
    if (!one) return;
    one.end = at;
    one.isOver = true;
  };
  for (const e of events) {
    const lane = laneOf.get(e.node);
    const until = Number.isFinite(e.for) ? Math.min(end, e.at + e.for) : end;
    const span = {start: e.at, end, lane, event: e};
    switch (e.what) {
      case 'state':
        if (lane === undefined || lanesState[lane]?.digest === String(e.digest ?? '')) break;
        close(lanesState[lane], e.at);
        span.digest = String(e.digest ?? '');
        lanesState[lane] = span;
        spans.states.push(span);
        break;
      case 'crash': case 'died': case 'restoreBackup':
        if (e.what === 'restoreBackup' && !Number.isFinite(e.for)) break;
        if (lane === undefined || (open.down.get(lane)?.end ?? 0) > e.at) break;
        open.down.set(lane, span);
        spans.downs.push(span);
        break;
      case 'restart': close(open.down.get(lane), e.at); break;
      case 'pause':
        if (lane === undefined) break;
        span.end = until;
        open.pause.set(lane, span);
        spans.pauses.push(span);
        break;
      case 'resume': close(open.pause.get(lane), e.at); break;
      case 'partition':
        span.end = until;
        span.groups = groupsOf(e);
        spans.partitions.push(span);
        break;
      case 'blocked':
        span.end = until;
        spans.blocks.push(span);
        break;
      case 'heal':
        if (e.kind !== undefined) {
          endOne(e.kind === 'oneWay' ? spans.blocks : spans.partitions, e.at);
          break;
        }
      // Falls through: a world without kinds heals whole.
      case 'healed':
        endAll(spans.partitions, e.at);
        endAll(spans.blocks, e.at);
        break;
      case 'clock': case 'disk': case 'weather':
        if (lane !== undefined && Number.isFinite(e['frozen for'] ?? e.for)) {
          span.end = Math.min(end, e.at + (e['frozen for'] ?? e.for));
          spans.tails.push(span);
        }
        break;
    }
  }
}
const firstWith = (...whats) => events.find((e) => whats.includes(e.what));
const violations = events.filter((e) => e.what === 'BROKEN');
const phases = [
  ['core', 'core heals'], ['healed', 'all heals'], ['converged', 'converged'],
].flatMap(([what, name]) => {
  const event = firstWith(what);
  return event ? [{at: event.at, name, event}] : [];
});

// MARK: States

const finalDigest = trace.isConverged
  ? String(firstWith('converged')?.digest ?? trace.report?.stateDigest ?? '') : '';
function isFinal(digest) {
  const length = Math.min(digest.length, finalDigest.length);
  return length >= 4 && digest.slice(0, length) === finalDigest.slice(0, length);
}
// Hues stay away from the one that means agreement.
const levelHue = 188, hueGap = 46;
const stateColours = new Map();
function stateColour(digest, isDark) {
  const key = digest + isDark;
  let colour = stateColours.get(key);
  if (colour === undefined) {
    let hash = 2166136261;
    for (let i = 0; i < digest.length; i += 1) {
      hash = Math.imul(hash ^ digest.charCodeAt(i), 16777619);
    }
    hash = Math.imul(hash ^ (hash >>> 15), 2246822507) >>> 0;
    const hue = (levelHue + hueGap + (hash % 997) / 997 * (360 - 2 * hueGap)) % 360;
    const tone = ((hash >>> 12) % 5) / 4;
    const light = isDark ? 0.5 + tone * 0.2 : 0.72 + tone * 0.17;
    colour = `oklch(${light.toFixed(3)} ${isDark ? 0.075 : 0.08} ${hue.toFixed(1)})`;
    stateColours.set(key, colour);
  }
  return colour;
}

// MARK: Fates and kinds

const fateLooks = {
  delivered: {dash: [], end: ''},
  lost: {dash: [4, 3], end: 'cross', reach: 0.62},
  cut: {dash: [9, 3, 2, 3], end: 'bar', reach: 0.5},
  corrupted: {dash: [1.5, 2.5], end: 'diamond', reach: 1},
  truncated: {dash: [12, 3], end: 'half', reach: 1},
  duplicated: {dash: [], end: 'twice', reach: 1, width: 2},
  reordered: {dash: [6, 2, 1, 2], end: 'hook', reach: 1},
};
const fates = trace.messages.fates.map((name, index) => ({
  name, count: trace.messages.counts[index], isPlain: index === 0,
  ...(fateLooks[name] ?? {dash: [2, 2], end: 'cross', reach: 0.8}),
  colour: name in fateLooks ? name : 'truncated',
}));

const kindOf = {
  commit: 'commits', crash: 'crashes', restart: 'crashes', pause: 'pauses', resume: 'pauses',
  clock: 'clocks', clockJump: 'clocks', disk: 'disks', backup: 'disks', restoreBackup: 'disks',
  copyStore: 'disks', relayWipe: 'disks', relayRollback: 'disks', died: 'crashes',
  weather: 'wire', cut: 'wire', halfOpen: 'wire', replay: 'wire', splice: 'wire',
  lies: 'wire', forges: 'wire', forged: 'wire',
  connect: 'connections', closed: 'connections', boot: 'connections', says: 'log',
  state: 'states', partition: 'partitions', heal: 'partitions',
  blocked: 'blocks', core: 'phases', healed: 'phases', converged: 'phases', end: 'phases',
  begin: 'phases', BROKEN: 'violation',
};
const kind = (event) => kindOf[event.what] ?? 'other';
const marks = events.filter((e) => laneOf.has(e.node) && kind(e) !== 'states');
const markLists = Map.groupBy
  ? Map.groupBy(marks, kind)
  : marks.reduce((map, e) => map.set(kind(e), [...(map.get(kind(e)) ?? []), e]), new Map());

/// What a person steps through and reads as a story.
const stops = events.filter((e) =>
  !['state', 'connect', 'closed', 'boot', 'end'].includes(e.what)
  && !(e.what === 'says' && ['trace', 'debug'].includes(String(e.level))));

// MARK: Words

function duration(ms) {
  const size = Math.abs(ms), sign = ms < 0 ? '−' : '';
  const round = (value) => String(Math.round(value * 10) / 10);
  if (size < 1000) return `${sign}${Math.round(size)} ms`;
  if (size < 120_000) return `${sign}${round(size / 1000)} s`;
  if (size < 7_200_000) return `${sign}${round(size / 60_000)} min`;
  if (size < 172_800_000) return `${sign}${round(size / 3_600_000)} h`;
  return `${sign}${round(size / 86_400_000)} days`;
}
function clock(ms, digits = 3) {
  const whole = Math.max(0, ms);
  const pad = (value, size) => String(value).padStart(size, '0');
  const seconds = Math.floor(whole / 1000);
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
  const head = hours ? `${hours}:${pad(minutes, 2)}` : String(minutes);
  const fraction = digits ? '.' + pad(Math.floor(whole) % 1000, 3).slice(0, digits) : '';
  return `${head}:${pad(seconds % 60, 2)}${fraction}`;
}
const nodeName = (node) => {
  const lane = lanes[laneOf.get(node)];
  return lane && lane.kind !== 'replica' ? `${lane.kind} ${node}` : `node ${node}`;
};
const isolated = (groups) => groups.map((group) => group.join(' ')).join(' │ ');
const text = (value) => typeof value === 'object' ? JSON.stringify(value) : String(value);

const weatherWords = {
  slow: 'are slow', lose: 'lose messages', duplicate: 'double messages',
  reorder: 'mix up the order', corrupt: 'corrupt bytes', truncate: 'cut messages short',
};
const sentences = {
  begin: () => 'The run begins',
  boot: () => 'Starts',
  commit: (e) => `Commits ${text(e.change ?? '')}${e.work ? `, ${text(e.work)}` : ''}`,
  connect: (e) => `Connects to ${nodeName(e.to)}`,
  closed: (e) => e.from === undefined ? 'A connection closes'
    : `The connection with ${nodeName(e.from)} closes`,
  cut: () => 'All its connections are cut',
  state: (e) => `Shows state ${text(e.digest)}`,
  partition: (e) => `Partition: ${isolated(groupsOf(e))}`,
  blocked: (e) => `One way blocked: nothing gets from ${listOf(e.from).join(' ')} to `
    + listOf(e.to).join(' '),
  heal: () => 'The network heals',
  crash: (e) => e.loss === 'power' ? 'Loses power' : 'Crashes',
  restart: () => 'Restarts',
  pause: (e) => `Is paused${Number.isFinite(e.for) ? ` for ${duration(e.for)}` : ''}`,
  resume: () => 'Goes on',
  clock: (e) => Number.isFinite(e.by) ? `Its clock jumps by ${duration(e.by)}`
    : 'Its clock stands still',
  clockJump: (e) => `Its clock jumps by ${duration(e.by)}`,
  died: (e) => `Dies: ${text(e.why ?? '')}`,
  weather: (e) => `Its links ${weatherWords[e.kind] ?? text(e.kind)} (${text(e.amount)})`,
  halfOpen: () => 'Its connections are dead and nobody is told',
  replay: () => 'Somebody sends it old bytes again',
  splice: () => 'Somebody sends it bytes of another connection',
  relayWipe: () => 'Has lost everything it stored',
  lies: (e) => `Lies: ${text(e.kind ?? '')}${e.amount ? ` ${text(e.amount)}` : ''}`,
  forges: (e) => `Cheats: ${text(e.kind ?? '')}, and calls ${nodeName(e.to)}`,
  forged: () => 'Has said what it forged',
  relayRollback: () => 'Is as it was at its last backup',
  disk: (e) => `Disk: ${text(e.fault ?? 'fault')}`,
  backup: () => 'Its store is backed up',
  restoreBackup: () => 'An old backup is put back',
  copyStore: (e) => e.from === undefined ? `Its store is copied to ${nodeName(e.to)}`
    : `Gets a copy of the store of ${nodeName(e.from)}`,
  says: (e) => text(e.sentence ?? ''),
  BROKEN: (e) => `${text(e.promise ?? 'A promise')} is broken: ${text(e.how ?? '')}`,
  core: (e) => `The faults end for the core${e.nodes ? `: ${listOf(e.nodes).join(' ')}` : ''}`,
  healed: () => 'All faults end',
  converged: (e) => `All replicas show the same state ${text(e.digest ?? '')}`,
  end: () => 'The run ends',
};
const describe = (event) => (sentences[event.what] ?? (() => event.what))(event);
