// The picture of the graph: a box for each concept, larger for weightier ones, and an arrow for each relation.

const HUES = 8;
const pen = document.createElement('canvas').getContext('2d');
const sans = getComputedStyle(document.documentElement).getPropertyValue('--sans');

function huesOf(relations) {
  const found = new Map();
  for (const relation of relations) found.set(relation.type, (found.get(relation.type) || 0) + 1);
  const types = [...found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  let next = 0;
  return new Map(types.map(([type, times]) => [type, { times, hue: type === 'related' || next >= HUES ? HUES : next++ }]));
}

function lined(label) {
  const words = label.split(/\s+/);
  const short = (text) => (text.length > 26 ? `${text.slice(0, 25)}…` : text);
  if (label.length <= 20 || words.length < 2) return [short(label)];
  let best = 1;
  const lengths = (cut) => Math.max(words.slice(0, cut).join(' ').length, words.slice(cut).join(' ').length);
  for (let cut = 2; cut < words.length; cut += 1) if (lengths(cut) < lengths(best)) best = cut;
  return [short(words.slice(0, best).join(' ')), short(words.slice(best).join(' '))];
}

function boxed(concept, share, rank) {
  const size = 12.5 + 7.5 * Math.sqrt(share);
  const lines = lined(concept.label);
  pen.font = `600 ${size}px ${sans}`;
  const text = Math.max(...lines.map((line) => pen.measureText(line).width));
  return { ...concept, concept, share, rank, size, lines, w: text + size * 1.5, h: lines.length * size * 1.15 + size * 0.95, x: 0, y: 0 };
}

function drawNode(node, degree) {
  const first = -((node.lines.length - 1) * node.size * 1.15) / 2;
  return svg('g', {
    class: `node ${node.rank}`, role: 'button', tabindex: '-1', 'data-id': node.id, 'aria-pressed': 'false',
    'aria-label': `${node.label}, ${count(degree, 'relation')}`,
  },
  svg('title', null, node.label),
  svg('rect', { x: -node.w / 2, y: -node.h / 2, width: node.w, height: node.h, rx: Math.min(node.h / 2, 16) }),
  node.lines.map((line, at) => svg('text', { y: first + at * node.size * 1.15, 'font-size': node.size.toFixed(1), dy: '.35em' }, line)));
}

function drawLink(link) {
  return svg('g', { class: `link hue-${link.hue}` },
    svg('path', { class: 'reach' }), svg('path', { class: 'line' }), svg('path', { class: 'tip' }));
}

// A point on the border of the box, towards somewhere else.
function border(node, x, y, gap) {
  const dx = x - node.x;
  const dy = y - node.y;
  const scale = Math.min((node.w / 2 + gap) / Math.abs(dx || 1e-6), (node.h / 2 + gap) / Math.abs(dy || 1e-6));
  return [node.x + dx * Math.min(scale, 1), node.y + dy * Math.min(scale, 1)];
}

function placeNode(node) {
  node.view.setAttribute('transform', `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
}

function placeLink(link) {
  const { a, b } = link;
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const long = Math.hypot(dx, dy) || 1;
  const bend = Math.min(16, long * 0.06) + Math.min(link.lane, 4) * 16;
  const mx = (a.x + b.x) / 2 - (dy / long) * bend;
  const my = (a.y + b.y) / 2 + (dx / long) * bend;
  const [x1, y1] = border(a, mx, my, 1);
  const [x2, y2] = border(b, mx, my, 3);
  const turn = Math.atan2(y2 - my, x2 - mx);
  const wing = (side) => `${(x2 - 8 * Math.cos(turn + side)).toFixed(1)} ${(y2 - 8 * Math.sin(turn + side)).toFixed(1)}`;
  const path = `M${x1.toFixed(1)} ${y1.toFixed(1)}Q${mx.toFixed(1)} ${my.toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`;
  const [reach, line, tip] = link.view.children;
  reach.setAttribute('d', path);
  line.setAttribute('d', path);
  tip.setAttribute('d', `M${x2.toFixed(1)} ${y2.toFixed(1)}L${wing(0.42)}L${wing(-0.42)}Z`);
  link.at = (t) => [(1 - t) * (1 - t) * x1 + 2 * t * (1 - t) * mx + t * t * x2, (1 - t) * (1 - t) * y1 + 2 * t * (1 - t) * my + t * t * y2];
}

// The names of relations, each at the spot of its arrow that hides least.
function labelled(links, nodes) {
  pen.font = `600 11.5px ${sans}`;
  const taken = nodes.map((node) => ({ x: node.x, y: node.y, w: node.w, h: node.h }));
  return links.flatMap((link) => {
    const text = spoken(link.type);
    const w = pen.measureText(text).width + 10;
    const cost = ([x, y]) => taken.reduce((sum, box) => sum
      + Math.max(0, (w + box.w) / 2 - Math.abs(x - box.x)) * Math.max(0, (18 + box.h) / 2 - Math.abs(y - box.y)), 0);
    const spots = [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78].map((t) => link.at(t));
    const costs = spots.map(cost);
    const least = Math.min(...costs);
    if (least > w * 18 * 0.4) return []; // no room: the panel beside the stage has the name
    const [x, y] = spots[costs.indexOf(least)];
    taken.push({ x, y, w, h: 18 });
    return svg('g', { class: `name hue-${link.hue}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
      svg('rect', { x: -w / 2, y: -9, width: w, height: 18, rx: 9 }), svg('text', { dy: '.34em' }, text));
  });
}
