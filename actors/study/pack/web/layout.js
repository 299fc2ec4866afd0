// Where the concepts stand. Springs and repulsion find the shape, then the boxes are pushed apart until no two
// overlap. Nothing is left to chance: the same pack is drawn the same way every time.

function arrange(all, links, aspect) {
  const linked = new Set(links.flatMap((link) => [link.a, link.b]));
  const nodes = all.filter((node) => linked.has(node));
  if (nodes.length) untangle(nodes, links, aspect);
  shelve(all.filter((node) => !linked.has(node)), nodes, aspect);
}

function untangle(nodes, links, aspect) {
  springs(nodes, links);
  const found = nodes.map(({ x, y }) => ({ x, y }));
  const slack = nodes.length > 45 ? 32 : 41;
  const room = nodes.reduce((sum, node) => sum + (node.w + slack) * (node.h + slack), 0) * 1.2;
  const turns = nodes.length > 120 ? 2 : nodes.length > 45 ? 5 : 8;
  let best = null;
  for (let turn = 0; turn < turns; turn += 1) {
    const [cos, sin] = [Math.cos((turn * Math.PI) / turns), Math.sin((turn * Math.PI) / turns)];
    nodes.forEach((node, at) => { node.x = found[at].x * cos - found[at].y * sin; node.y = found[at].x * sin + found[at].y * cos; });
    spread(nodes, 'x', Math.sqrt(room * aspect));
    spread(nodes, 'y', Math.sqrt(room / aspect));
    settle(nodes, links, Math.sqrt(room * aspect), Math.sqrt(room / aspect));
    const cost = clutter(nodes, links, aspect);
    if (!best || cost < best.cost) best = { cost, spots: nodes.map(({ x, y }) => ({ x, y })) };
  }
  nodes.forEach((node, at) => Object.assign(node, best.spots[at]));
}

// What nothing is related to stands in rows below, in the order of weight.
function shelve(alone, nodes, aspect) {
  const total = alone.reduce((sum, node) => sum + node.w + 22, 0);
  const wide = nodes.length ? extent(nodes, 'x', 'w') : 0;
  const row = Math.max(wide, Math.sqrt(total * 50 * aspect) * (nodes.length ? 0.5 : 1));
  let y = Math.max(...nodes.map((one) => one.y + one.h / 2), 0) + 30;
  let line = [];
  let used = 0;
  const close = () => {
    const high = Math.max(...line.map((one) => one.h), 0);
    let x = -(used - 22) / 2;
    for (const one of line) { one.x = x + one.w / 2; one.y = y + high / 2; x += one.w + 22; }
    y += high + 16;
    line = [];
    used = 0;
  };
  for (const node of alone) {
    if (line.length && used + node.w > row) close();
    line.push(node);
    used += node.w + 22;
  }
  close();
}

// Fills the wanted length: half by where the nodes were, half by their order, so that no corner stays empty.
function spread(nodes, axis, wanted) {
  const order = [...nodes].sort((a, b) => a[axis] - b[axis]);
  const [least, most] = [order[0][axis], order[order.length - 1][axis]];
  order.forEach((node, at) => {
    const share = (node[axis] - least) / (most - least || 1);
    node[axis] = (0.55 * share + 0.45 * (at / (order.length - 1 || 1)) - 0.5) * wanted;
  });
}

function settle(nodes, links, wide, high) {
  // Where there is room, the names of relations get some of it.
  const [gapX, gapY] = nodes.length > 45 ? [16, 13] : [30, 22];
  const rounds = nodes.length > 120 ? 40 : 120;
  for (let round = 0; round < rounds; round += 1) {
    clear(nodes, gapX + 4, gapY + 4);
    if (round < rounds * 0.8) sidestep(nodes, links, 0.5 - round * 0.004);
  }
  for (let round = 0; round < 300 && clear(nodes, gapX, gapY); round += 1);
  // Stepping aside took room: give back what is not needed.
  for (let round = 0; round < 12; round += 1) {
    const [x, y] = [wide / extent(nodes, 'x', 'w'), high / extent(nodes, 'y', 'h')];
    if (Math.min(x, y) > 0.98) break;
    const before = nodes.map((node) => ({ x: node.x, y: node.y }));
    for (const node of nodes) { node.x *= Math.max(0.95, Math.min(1, x)); node.y *= Math.max(0.95, Math.min(1, y)); }
    let tries = 0;
    while (tries < 40 && clear(nodes, gapX, gapY)) tries += 1;
    if (tries === 40) { nodes.forEach((node, at) => Object.assign(node, before[at])); break; }
  }
}

const extent = (nodes, axis, size) => Math.max(...nodes.map((one) => one[axis] + one[size] / 2)) - Math.min(...nodes.map((one) => one[axis] - one[size] / 2));

// How hard the picture is to read: crossings, edges through boxes, and room that is not of the wanted form.
function clutter(nodes, links, aspect) {
  const side = (p, q, r) => (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
  const cross = (l, m) => l.a !== m.a && l.a !== m.b && l.b !== m.a && l.b !== m.b
    && side(l.a, l.b, m.a) * side(l.a, l.b, m.b) < 0 && side(m.a, m.b, l.a) * side(m.a, m.b, l.b) < 0;
  let cost = 0;
  links.forEach((link, at) => {
    for (let other = at + 1; other < links.length; other += 1) if (cross(link, links[other])) cost += 1;
    for (const node of nodes) if (overlap(link, node, 0) > 0) cost += 3;
  });
  return cost + Math.max(extent(nodes, 'x', 'w') / aspect, extent(nodes, 'y', 'h')) / 20;
}

// Beyond this (squared) nothing pushes, so that parts with no relation between them stay together.
const FAR = 30;

// Fruchterman and Reingold in a space where an edge wants length 1.
function springs(nodes, links) {
  const golden = Math.PI * (3 - Math.sqrt(5));
  nodes.forEach((node, at) => {
    node.x = Math.sqrt(at + 0.5) * 0.8 * Math.cos(at * golden);
    node.y = Math.sqrt(at + 0.5) * 0.8 * Math.sin(at * golden);
  });
  const rounds = nodes.length > 150 ? 160 : 420;
  for (let round = 0; round < rounds; round += 1) {
    const heat = 0.5 * (1 - round / rounds) + 0.01;
    for (const node of nodes) { node.fx = -node.x * 0.05; node.fy = -node.y * 0.05; }
    for (let i = 0; i < nodes.length; i += 1) {
      for (let j = i + 1; j < nodes.length; j += 1) {
        const a = nodes[i];
        const b = nodes[j];
        const dx = a.x - b.x || 0.01;
        const dy = a.y - b.y || 0.01;
        const apart = dx * dx + dy * dy;
        if (apart > FAR) continue;
        const push = 1 / Math.max(apart, 0.02);
        a.fx += dx * push; a.fy += dy * push;
        b.fx -= dx * push; b.fy -= dy * push;
      }
    }
    for (const { a, b } of links) {
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      const pull = Math.sqrt(dx * dx + dy * dy) * 0.55;
      a.fx -= dx * pull; a.fy -= dy * pull;
      b.fx += dx * pull; b.fy += dy * pull;
    }
    for (const node of nodes) {
      const force = Math.hypot(node.fx, node.fy) || 1;
      const step = Math.min(force, heat) / force;
      node.x += node.fx * step;
      node.y += node.fy * step;
    }
  }
}

function clear(nodes, gapX, gapY) {
  let moved = false;
  for (let i = 0; i < nodes.length; i += 1) {
    for (let j = i + 1; j < nodes.length; j += 1) {
      const a = nodes[i];
      const b = nodes[j];
      const dx = b.x - a.x;
      const dy = b.y - a.y;
      const overX = (a.w + b.w) / 2 + gapX - Math.abs(dx);
      const overY = (a.h + b.h) / 2 + gapY - Math.abs(dy);
      if (overX <= 0.5 || overY <= 0.5) continue;
      moved = true;
      if (overX < overY) { const by = (Math.sign(dx) || 1) * overX * 0.5; a.x -= by; b.x += by; }
      else { const by = (Math.sign(dy) || 1) * overY * 0.5; a.y -= by; b.y += by; }
    }
  }
  return moved;
}

// How far an edge of others runs into a box (0: it does not), and on which side.
function overlap(link, node, gap) {
  const { a, b } = link;
  if (node === a || node === b) return 0;
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const long = Math.hypot(dx, dy) || 1;
  const along = ((node.x - a.x) * dx + (node.y - a.y) * dy) / (long * long);
  if (along < 0.04 || along > 0.96) return 0;
  const off = ((node.x - a.x) * dy - (node.y - a.y) * dx) / long;
  const reach = (node.w / 2) * Math.abs(dy / long) + (node.h / 2) * Math.abs(dx / long) + gap;
  overlap.side = Math.sign(off) || 1;
  return Math.max(0, reach - Math.abs(off));
}

// A box that an edge of others runs through steps aside, and the edge gives way a little.
function sidestep(nodes, links, strength) {
  for (const link of links) {
    const { a, b } = link;
    for (const node of nodes) {
      const deep = overlap(link, node, 7);
      if (!deep) continue;
      const long = Math.hypot(b.x - a.x, b.y - a.y) || 1;
      const by = deep * strength * 0.5 * overlap.side;
      const [ux, uy] = [((b.y - a.y) / long) * by, (-(b.x - a.x) / long) * by];
      node.x += ux; node.y += uy;
      a.x -= ux * 0.3; a.y -= uy * 0.3;
      b.x -= ux * 0.3; b.y -= uy * 0.3;
    }
  }
}
