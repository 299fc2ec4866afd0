// Where the concepts stand. Springs and repulsion find the shape, then the boxes are pushed apart until no two
// overlap. Nothing is left to chance: the same pack is drawn the same way every time.

function arrange(nodes, links, aspect) {
  if (!nodes.length) return;
  springs(nodes, links);
  const room = nodes.reduce((sum, node) => sum + (node.w + 40) * (node.h + 44), 0) / nodes.length;
  const sx = Math.sqrt(room * aspect) * 0.8;
  const sy = Math.sqrt(room / aspect) * 0.8;
  for (const node of nodes) { node.x *= sx; node.y *= sy; }
  for (let round = 0; round < 140; round += 1) {
    clear(nodes, 18, 16);
    if (round < 110) sidestep(nodes, links, 0.5 - round * 0.004);
  }
  for (let round = 0; round < 300 && clear(nodes, 14, 12); round += 1);
}

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
        const push = 1 / Math.max(dx * dx + dy * dy, 0.02);
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

// A box that an edge of others runs through steps aside.
function sidestep(nodes, links, strength) {
  for (const { a, b } of links) {
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const long = Math.hypot(dx, dy) || 1;
    for (const node of nodes) {
      if (node === a || node === b) continue;
      const along = ((node.x - a.x) * dx + (node.y - a.y) * dy) / (long * long);
      if (along < 0.04 || along > 0.96) continue;
      const off = ((node.x - a.x) * dy - (node.y - a.y) * dx) / long;
      const reach = (node.w / 2) * Math.abs(dy / long) + (node.h / 2) * Math.abs(dx / long) + 7;
      if (Math.abs(off) >= reach) continue;
      const by = (reach - Math.abs(off)) * strength * 0.5 * (Math.sign(off) || 1);
      node.x += (dy / long) * by; node.y -= (dx / long) * by;
      a.x -= (dy / long) * by * 0.3; a.y += (dx / long) * by * 0.3;
      b.x -= (dy / long) * by * 0.3; b.y += (dx / long) * by * 0.3;
    }
  }
}
