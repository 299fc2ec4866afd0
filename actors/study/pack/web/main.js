// Puts the page together from the data it carries.

const { pack, companions } = JSON.parse(document.getElementById('pack').textContent);
const STATUS = { complete: 'Complete', partial: 'Partial', failed: 'Failed' };
// The pack may repeat what a document says of itself.
const reasons = [...pack.problems, ...pack.documents.flatMap((one) => one.problems).filter((own) => !pack.problems.some((all) => all.endsWith(own)))];

const read = pack.documents.filter((one) => one.status !== 'failed');
const pages = read.reduce((sum, one) => sum + one.pages, 0);
const figures = [
  pages ? count(pages, 'page') : null,
  pack.documents.length > 1 ? `${read.length} of ${count(pack.documents.length, 'document')} read` : null,
  pack.graph ? count(pack.graph.concepts.length, 'concept') : null,
  pack.graph ? count(pack.graph.relations.length, 'relation') : null,
  pack.quiz ? count(pack.quiz.items.length, 'question') : null,
].filter(Boolean);

const graph = graphAct(pack.graph, reasons);
const quiz = quizAct(pack.quiz, pack.graph, reasons);
const showConcept = (id) => { tabs.open('graph', true); graph.show(id); };
const connections = connectionsAct(pack.explanations, pack.graph, showConcept, reasons);
const making = makingAct(pack, companions);

let drawn = false;
const tabs = tabbed([
  { key: 'graph', numeral: 'I', name: 'Graph', body: graph.body, shown() { if (!drawn && graph.ready) { drawn = true; graph.ready(); } } },
  { key: 'quiz', numeral: 'II', name: 'Quiz', body: quiz.body },
  { key: 'connections', numeral: 'III', name: 'Connections', body: connections.body },
  { key: 'making', numeral: 'IV', name: 'How it was made', body: making.body },
]);

document.getElementById('app').append(
  el('header', { class: 'bill' },
    el('div', null,
      el('div', { class: 'brand' }, el('span', { class: 'lamp', 'aria-hidden': 'true' }), 'Dramaturg study pack'),
      el('h1', { lang: language, dir: 'auto' }, pack.title),
      el('p', { class: 'figures' }, el('span', { class: `mark ${pack.status}` }, STATUS[pack.status]), figures.map((text) => el('span', null, text)))),
    pack.status !== 'complete' && reasons.length ? el('ul', { class: 'reasons' }, reasons.slice(0, 4).map((reason) => el('li', { dir: 'auto' }, reason)), reasons.length > 4 ? el('li', null, `and ${reasons.length - 4} more, under How it was made`) : null) : null),
  el('nav', { 'aria-label': 'Acts' }, tabs.list),
  el('main', null, tabs.panels));

tabs.open(location.hash.slice(1) || 'graph', false);
addEventListener('keydown', (event) => { if (!document.getElementById('quiz').hidden && quiz.keys && !(event.key.startsWith('Arrow') && event.target.closest('[role=tablist]'))) quiz.keys(event); });
