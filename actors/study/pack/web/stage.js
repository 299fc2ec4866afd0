// The stage: the picture may be moved, zoomed and walked through, and says which concept was chosen.

const SHOWN_AT_FIRST = [30, 60]; // on the smallest stage, and on a large one
const ROOM = 8000; // square pixels a concept wants
const SHOWN_AT_MOST = 300;
const READABLE = 0.58;
const SEARCH = 58; // the height the search field takes at the top

function setStage(graph, chosen) {
  const hues = huesOf(graph.relations);
  const names = svg('g', { class: 'names' });
  const world = svg('g', { class: 'world' });
  const view = svg('svg', { class: 'stage', role: 'group', 'aria-label': 'Concept graph. Arrow keys move between concepts, Enter opens one, plus and minus zoom.' }, world);
  const strongest = [...graph.concepts].sort((a, b) => b.weight - a.weight);
  let nodes = [];
  let links = [];
  let seen = { x: 0, y: 0, k: 1 };
  let selected = null;
  let litType = null;
  let moved = false;

  // The strongest, and beyond them what belongs to a concept that was asked for.
  function cast(limit, asked) {
    const near = new Set(graph.relations.filter((one) => one.source === asked || one.target === asked).flatMap((one) => [one.source, one.target]).slice(0, 40));
    return strongest.filter((one, at) => at < limit || one.id === asked || near.has(one.id));
  }

  function first() {
    const box = view.getBoundingClientRect();
    const [least, most] = SHOWN_AT_FIRST;
    return Math.max(least, Math.min(most, Math.floor((box.width * box.height) / ROOM)));
  }

  function draw(limit, asked) {
    const top = Math.max(...graph.concepts.map((one) => one.weight), 1e-9);
    const shown = cast(limit, asked);
    const rank = (at) => (at < Math.ceil(Math.min(shown.length, 60) * 0.14) ? 'lead' : 'cast');
    nodes = shown.map((concept, at) => boxed(concept, concept.weight / top, rank(at)));
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const lanes = new Map();
    links = graph.relations.filter((one) => byId.has(one.source) && byId.has(one.target) && one.source !== one.target).map((one) => {
      const pair = [one.source, one.target].sort().join('\n');
      const lane = lanes.get(pair) || 0;
      lanes.set(pair, lane + 1);
      return { ...one, a: byId.get(one.source), b: byId.get(one.target), lane, hue: hues.get(one.type).hue };
    });
    const box = view.getBoundingClientRect();
    arrange(nodes, links, Math.min(2.1, Math.max(0.62, (box.width || 900) / ((box.height || 600) - SEARCH))));
    for (const link of links) { link.view = drawLink(link); link.view.link = link; placeLink(link); }
    for (const node of nodes) {
      node.view = drawNode(node, links.filter((link) => link.a === node || link.b === node).length);
      node.view.node = node;
      placeNode(node);
    }
    world.replaceChildren(...links.map((link) => link.view), ...nodes.map((node) => node.view), names);
    if (nodes.length) nodes[0].view.tabIndex = 0;
    fit();
  }

  const show = () => { world.style.transform = `translate(${seen.x}px, ${seen.y}px) scale(${seen.k})`; };
  const glide = (on) => world.classList.toggle('glide', on && !still());

  function fit() {
    const box = view.getBoundingClientRect();
    if (!nodes.length || !box.width) return;
    const edge = (side, pick) => pick(...nodes.map(side));
    const [x1, x2] = [edge((one) => one.x - one.w / 2, Math.min), edge((one) => one.x + one.w / 2, Math.max)];
    const [y1, y2] = [edge((one) => one.y - one.h / 2, Math.min), edge((one) => one.y + one.h / 2, Math.max)];
    const k = Math.max(READABLE, Math.min((box.width - 28) / (x2 - x1), (box.height - SEARCH - 16) / (y2 - y1), 1.4));
    // What does not fit whole begins at the weightiest concept, but shows no empty room beyond the edge.
    const start = (room, low, high, centre) => (high - low <= room ? room / 2 - (low + high) / 2
      : Math.min(14 - low, Math.max(room - 14 - high, room / 2 - centre)));
    seen = { k, x: start(box.width, x1 * k, x2 * k, nodes[0].x * k), y: SEARCH + start(box.height - SEARCH, y1 * k, y2 * k, nodes[0].y * k) };
    moved = false;
    show();
  }

  function zoom(by, x, y) {
    const box = view.getBoundingClientRect();
    const [px, py] = x === undefined ? [box.width / 2, box.height / 2] : [x - box.left, y - box.top];
    const k = Math.min(4, Math.max(0.15, seen.k * by));
    seen = { k, x: px - ((px - seen.x) * k) / seen.k, y: py - ((py - seen.y) * k) / seen.k };
    moved = true;
    show();
  }

  function lookAt(node) {
    const box = view.getBoundingClientRect();
    const [x, y] = [seen.x + node.x * seen.k, seen.y + node.y * seen.k];
    if (x > 50 && y > SEARCH + 20 && x < box.width - 50 && y < box.height - 30) return;
    glide(true);
    seen = { ...seen, x: box.width / 2 - node.x * seen.k, y: box.height / 2 - node.y * seen.k };
    show();
  }

  function light(active, type) {
    const lit = links.filter((link) => (active ? link.a === active || link.b === active : type && link.type === type));
    const near = new Set(lit.flatMap((link) => [link.a, link.b]));
    world.classList.toggle('focus', Boolean(active || type));
    for (const node of nodes) {
      node.view.classList.toggle('self', node === active);
      node.view.classList.toggle('near', near.has(node));
    }
    for (const link of links) link.view.classList.toggle('lit', lit.includes(link));
    names.replaceChildren(...(active ? labelled(lit, nodes) : []));
  }

  function select(id, quietly) {
    let node = nodes.find((one) => one.id === id) || null;
    if (id !== null && !node && graph.concepts.some((one) => one.id === id)) {
      draw(first(), id);
      node = nodes.find((one) => one.id === id) || null;
    }
    selected = node;
    litType = null;
    for (const one of nodes) {
      one.view.setAttribute('aria-pressed', String(one === node));
      if (node) one.view.tabIndex = one === node ? 0 : -1;
    }
    light(node);
    if (node) lookAt(node);
    if (!quietly) chosen(node ? node.id : null);
  }

  function step(from, key) {
    const [ux, uy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
    const cost = (node) => {
      const along = (node.x - from.x) * ux + (node.y - from.y) * uy;
      const aside = Math.abs((node.x - from.x) * uy) + Math.abs((node.y - from.y) * ux);
      return along > 4 ? along + 2 * aside : Infinity;
    };
    const next = nodes.reduce((best, node) => (node !== from && cost(node) < cost(best) ? node : best), from);
    from.view.tabIndex = -1;
    next.view.tabIndex = 0;
    next.view.focus({ preventScroll: true });
    lookAt(next);
  }

  view.addEventListener('keydown', (event) => {
    const node = event.target.node;
    if (event.key.startsWith('Arrow') && node) step(node, event.key);
    else if ((event.key === 'Enter' || event.key === ' ') && node) select(node.id);
    else if (event.key === 'Escape') select(null);
    else if (event.key === '+' || event.key === '=') zoom(1.25);
    else if (event.key === '-') zoom(0.8);
    else if (event.key === '0') fit();
    else return;
    event.preventDefault();
  });
  // A click without a pointer comes from an assistive program.
  view.addEventListener('click', (event) => { const hit = event.target.closest('.node'); if (hit && event.detail === 0) select(hit.node.id); });
  view.addEventListener('wheel', (event) => { event.preventDefault(); glide(false); zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX, event.clientY); }, { passive: false });
  view.addEventListener('pointerover', (event) => {
    if (selected || event.pointerType === 'touch') return;
    const node = event.target.closest('.node');
    const link = event.target.closest('.link');
    light(node ? node.node : null, node ? null : litType);
    if (link) { link.classList.add('lit'); names.replaceChildren(...labelled([link.link], nodes)); }
  });
  view.addEventListener('pointerleave', () => { if (!selected) light(null, litType); });
  new ResizeObserver(() => { if (!moved) fit(); }).observe(view);
  followPointers(view, {
    start: () => glide(false),
    pan(dx, dy) { seen = { ...seen, x: seen.x + dx, y: seen.y + dy }; moved = true; show(); },
    drag(node, dx, dy) {
      node.x += dx / seen.k; node.y += dy / seen.k;
      placeNode(node);
      for (const link of links) if (link.a === node || link.b === node) placeLink(link);
      if (names.childNodes.length) light(selected || node);
    },
    zoom,
    tap: (node) => select(node && node !== selected ? node.id : null),
  });

  return {
    view, hues, select, zoom, fit, draw, first,
    total: strongest.length,
    types: (type) => { select(null); litType = type; light(null, type); },
    find(test) {
      const hits = new Set(strongest.filter(test).map((one) => one.id));
      world.classList.toggle('searching', hits.size > 0);
      for (const node of nodes) node.view.classList.toggle('hit', hits.has(node.id));
      return [...hits];
    },
  };
}
