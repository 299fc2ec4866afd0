// The third and fourth act: the connections, and how everything here was made.

function connectionsAct(explanations, graph, show, reasons) {
  if (!explanations || !explanations.items.length) {
    return { body: empty('No connections in this pack', 'No path between two concepts could be explained from the source.', reasons) };
  }
  const byLabel = new Map((graph ? graph.concepts : []).map((concept) => [concept.label, concept.id]));
  const between = (a, b) => {
    const [from, to] = [byLabel.get(a), byLabel.get(b)];
    const found = graph && graph.relations.find((one) => (one.source === from && one.target === to) || (one.source === to && one.target === from));
    return found ? { text: spoken(found.type), sign: found.source === from ? '→' : '←' } : { text: '', sign: '→' };
  };
  const stop = (label) => (byLabel.has(label)
    ? el('button', { type: 'button', class: 'stop', dir: 'auto', title: 'Show in the graph', on: { click: () => show(byLabel.get(label)) } }, label)
    : el('span', { class: 'stop', dir: 'auto' }, label));
  return { body: el('div', { class: 'connections' }, explanations.items.map((one) => el('article', { class: 'connection' },
    el('h2', { dir: 'auto' }, one.source, el('span', { class: 'to' }, ' and '), one.target),
    el('ol', { class: 'path', 'aria-label': 'Path' }, one.path.map((label, at) => {
      const way = at ? between(one.path[at - 1], label) : null;
      return el('li', null, way ? el('span', { class: 'way' }, el('i', { 'aria-hidden': 'true' }, way.sign), way.text) : null, stop(label));
    })),
    el('p', { class: 'told', lang: language, dir: 'auto' }, one.text),
    one.citations.map((found) => quoted(found, one.path))))) };
}

const clock = (seconds) => (seconds >= 90 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : seconds >= 0.01 || !seconds ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s` : 'under 0.01 s');
const money = (price, calls) => (price === null || price === undefined ? (calls ? 'not known' : 'none') : `$${Number(price).toFixed(4)}`);

function inAll(all) {
  const sum = (key) => all.reduce((total, made) => total + Number(made[key] || 0), 0);
  const known = all.every((made) => made.price !== null || !made.calls);
  return { generator: '', calls: sum('calls'), tokens_in: sum('tokens_in'), tokens_out: sum('tokens_out'), price: known && sum('calls') ? sum('price') : null, seconds: sum('seconds') };
}

function makingAct(pack, companions) {
  const parts = [['Graph', pack.graph], ['Quiz', pack.quiz], ['Connections', pack.explanations]].filter(([, part]) => part).map(([title, part]) => [title, part.made]);
  const dropped = parts.flatMap(([title, made]) => Object.entries(made.dropped).map(([reason, times]) => [title, reason, times]));
  const stages = Object.entries(pack.stages);
  const longest = Math.max(...stages.map(([, seconds]) => seconds), 1e-9);
  const row = (cell, values) => el('tr', null, values.map((value, at) => el(at ? cell : 'th', at ? null : { scope: cell === 'th' ? 'col' : 'row' }, value)));
  const table = (head, rows, foot) => el('div', { class: 'wide' }, el('table', null, el('thead', null, row('th', head)), el('tbody', null, rows), foot ? el('tfoot', null, foot) : null));
  const told = ([title, made]) => row('td', [title, made.degraded ? `${made.generator}, in place of a model` : made.generator, made.calls.toLocaleString('en'), made.tokens_in.toLocaleString('en'), made.tokens_out.toLocaleString('en'), money(made.price, made.calls), clock(made.seconds)]);
  const section = (title, ...body) => el('section', { class: 'facts' }, el('h2', null, title), el('div', null, body));
  const meter = (seconds) => {
    const fill = el('i', { 'aria-hidden': 'true' });
    fill.style.width = `${Math.max(1, (seconds / longest) * 100)}%`;
    return el('div', { class: 'meter' }, fill);
  };
  return { body: el('div', { class: 'making' },
    section('Documents', el('ul', { class: 'documents' }, pack.documents.map((one) => el('li', { class: one.status },
      el('p', null, el('span', { class: `mark ${one.status}` }, one.status), el('b', { dir: 'auto' }, one.document)),
      one.status === 'failed' ? null : el('p', { class: 'quiet' }, [one.format && one.format.toUpperCase(), one.pages && count(one.pages, 'page'), one.language && `language ${one.language}`].filter(Boolean).join(' · ')),
      one.problems.map((reason) => el('p', { class: 'reason', dir: 'auto' }, reason)))))),
    parts.length ? section('Generators', table(['Part', 'Made by', 'Calls', 'Tokens in', 'Tokens out', 'Price', 'Time'], parts.map(told), parts.length > 1 ? told(['In all', inAll(parts.map(([, made]) => made))]) : null),
    parts.some(([, made]) => made.generator === 'offline') ? el('p', { class: 'quiet' }, '“offline” is Dramaturg’s own text analysis, without a language model.') : null) : null,
    stages.length ? section('Time', el('p', { class: 'quiet' }, `${clock(pack.seconds)} in all.`), el('dl', { class: 'stages' }, stages.map(([stage, seconds]) => [el('dt', null, stage), el('dd', null, meter(seconds), clock(seconds))]))) : null,
    section('Left out', dropped.length
      ? [el('p', { class: 'quiet' }, 'What is not supported by a sentence of the source is not shown.'), table(['Part', 'Reason', 'Items'], dropped.map(([title, reason, times]) => row('td', [title, spoken(reason), times.toLocaleString('en')])))]
      : el('p', { class: 'quiet' }, 'Nothing was left out.')),
    pack.problems.length ? section('What went wrong', el('ul', { class: 'reasons' }, pack.problems.map((reason) => el('li', { dir: 'auto' }, reason)))) : null,
    companions.length ? section('Files beside this page', el('ul', { class: 'files' }, companions.map((file) => el('li', null, el('a', { href: file }, file), el('span', { class: 'quiet' }, FILES[file] || ''))))) : null) };
}

const FILES = {
  'graph.json': 'the graph, NetworkX node-link',
  'graph.graphml': 'the graph for Gephi, yEd, Cytoscape',
  'quiz.json': 'the questions',
  'quiz.gift': 'the questions for Moodle',
  'quiz.csv': 'the questions as Anki cards',
  'pack.json': 'everything on this page',
};
