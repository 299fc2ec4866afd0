// The first act: the stage, and beside it what the source says about the chosen concept.

function graphAct(graph, reasons) {
  if (!graph || !graph.concepts.length) {
    return { body: empty('No graph in this pack', 'No concept with evidence in the source was found, or the graph could not be made.', reasons), show() {} };
  }
  const byId = new Map(graph.concepts.map((concept) => [concept.id, concept]));
  const name = (id) => (byId.has(id) ? byId.get(id).label : id);
  const panel = el('aside', { class: 'detail', tabindex: '-1', 'aria-label': 'About the chosen concept', 'aria-live': 'polite' });
  const stage = setStage(graph, (id) => { tell(id); if (id) reveal(panel); });

  function choose(id) { stage.select(id, true); tell(id); }

  function relation(one, from) {
    const out = one.source === from;
    const other = out ? one.target : one.source;
    return el('li', { class: `relation hue-${stage.hues.get(one.type).hue}` },
      el('details', null,
        el('summary', null,
          el('span', { class: 'way', 'aria-label': out ? 'to' : 'from' }, out ? '→' : '←'),
          el('span', { class: 'type' }, spoken(one.type)), ' ',
          el('button', { type: 'button', class: 'word', dir: 'auto', on: { click(event) { event.preventDefault(); choose(other); } } }, name(other)),
          el('span', { class: 'leaf' }, `p. ${one.evidence[0].page}`)),
        one.evidence.map((found) => quoted(found, [name(one.source), name(one.target)]))));
  }

  function tell(id) {
    const concept = byId.get(id);
    if (!concept) return panel.replaceChildren(...overview());
    const terms = [concept.label, ...concept.aliases];
    const own = graph.relations.filter((one) => one.source === id || one.target === id)
      .sort((a, b) => (a.target === id) - (b.target === id) || b.weight - a.weight);
    const told = concept.definition ? concept.definition.sentence : null;
    const sentences = concept.evidence.filter((found) => found.sentence !== told);
    panel.replaceChildren(...[
      el('div', { class: 'head' }, el('h2', { dir: 'auto' }, concept.label),
        el('button', { type: 'button', class: 'plain', 'aria-label': 'Close this concept', on: { click: () => choose(null) } }, '×')),
      concept.aliases.length ? el('p', { class: 'also', dir: 'auto' }, `also ${concept.aliases.join(', ')}`) : null,
      concept.definition ? el('div', { class: 'definition' }, quoted(concept.definition, terms)) : null,
      own.length ? el('h3', null, count(own.length, 'relation')) : null,
      own.length ? el('ul', { class: 'relations' }, own.map((one) => relation(one, id))) : null,
      sentences.length ? el('h3', null, told ? 'More from the source' : 'From the source') : null,
      ...sentences.map((found) => quoted(found, terms)),
    ].filter(Boolean));
    panel.scrollTop = 0;
    return undefined;
  }

  function overview() {
    const strongest = [...graph.concepts].sort((a, b) => b.weight - a.weight).slice(0, 8);
    return [
      el('h2', null, 'Start anywhere'),
      el('p', { class: 'lead' }, 'Choose a concept to see what the source says about it, word for word and with its page. The larger its name, the more the text leans on it.'),
      el('h3', null, 'Most important'),
      el('ol', { class: 'ranking' }, strongest.map((concept) => el('li', null,
        el('button', { type: 'button', class: 'word', dir: 'auto', on: { click: () => choose(concept.id) } }, concept.label)))),
    ];
  }

  const key = legend(stage);
  tell(null);
  return {
    show: choose,
    ready: key.draw,
    body: el('div', { class: 'graph' },
      el('div', { class: 'scene' }, el('div', { class: 'frame' }, el('div', { class: 'over' }, search(stage, choose), tools(stage)), stage.view), key.view, roll(graph, choose, panel)),
      panel),
  };
}

function search(stage, choose) {
  const said = el('span', { class: 'found', role: 'status' });
  let hits = [];
  let at = -1;
  const field = el('input', { type: 'search', id: 'find', placeholder: 'Find a concept', autocomplete: 'off', spellcheck: 'false', 'aria-label': 'Find a concept', on: {
    input() {
      const sought = plain(field.value);
      hits = sought ? stage.find((one) => [one.label, ...one.aliases].some((text) => plain(text).includes(sought))) : stage.find(() => false);
      at = -1;
      said.textContent = sought ? (hits.length ? `${hits.length} found` : 'none found') : '';
    },
    keydown(event) {
      if (event.key === 'Enter' && hits.length) { at = (at + 1) % hits.length; choose(hits[at]); }
      if (event.key === 'Escape') { field.value = ''; field.dispatchEvent(new Event('input')); choose(null); }
    },
  } });
  return el('div', { class: 'search' }, field, said);
}

function tools(stage) {
  const tool = (label, sign, run) => el('button', { type: 'button', 'aria-label': label, title: label, on: { click: run } }, sign);
  return el('div', { class: 'tools' },
    tool('Zoom in', '+', () => stage.zoom(1.3)), tool('Zoom out', '−', () => stage.zoom(1 / 1.3)), tool('Show the whole graph', '⤢', () => stage.fit()));
}

// Below the stage: what the colours of the arrows mean, and how much of the graph is drawn.
function legend(stage) {
  const chips = [...stage.hues].map(([type, { times, hue }]) => el('button', {
    type: 'button', class: `chip hue-${hue}`, 'aria-pressed': 'false',
    on: { click(event) {
      const on = event.currentTarget.getAttribute('aria-pressed') !== 'true';
      chips.forEach((chip) => chip.setAttribute('aria-pressed', String(on && chip === event.currentTarget)));
      stage.types(on ? type : null);
    } },
  }, el('i', { 'aria-hidden': 'true' }), spoken(type), el('b', null, String(times))));
  const most = Math.min(stage.total, SHOWN_AT_MOST);
  const more = el('button', { type: 'button', class: 'word more' });
  const cut = el('p', { class: 'cut quiet' });
  let all = false;
  function draw() {
    const shown = all ? most : Math.min(stage.first(), stage.total);
    stage.draw(shown);
    more.textContent = all ? 'Show fewer' : `Show ${most === stage.total ? 'all' : most}`;
    cut.replaceChildren(`The ${shown} strongest of ${stage.total} concepts. `, more);
    cut.hidden = stage.total <= stage.first();
  }
  more.addEventListener('click', () => { all = !all; draw(); });
  return { draw, view: el('div', { class: 'legend', role: 'group', 'aria-label': 'Types of relation; press one to light it' }, chips, cut) };
}

// The same as a list: for those who do not use the picture.
function roll(graph, choose, panel) {
  const sorted = [...graph.concepts].sort((a, b) => a.label.localeCompare(b.label));
  const name = new Map(graph.concepts.map((concept) => [concept.id, concept.label]));
  const from = new Map(graph.concepts.map((concept) => [concept.id, []]));
  for (const one of graph.relations) if (from.has(one.source)) from.get(one.source).push(one);
  return el('details', { class: 'roll' }, el('summary', null, 'All concepts as a list'),
    el('ul', null, sorted.map((concept) => {
      const out = from.get(concept.id);
      return el('li', null,
        el('button', { type: 'button', class: 'word', dir: 'auto', on: { click() { choose(concept.id); reveal(panel); panel.focus({ preventScroll: true }); } } }, concept.label),
        out.length ? el('span', { class: 'quiet', dir: 'auto' }, out.map((one) => `${spoken(one.type)} ${name.get(one.target) || one.target}`).join('; ')) : null);
    })));
}
