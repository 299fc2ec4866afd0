// Sentences of the source, as quoted: the words that matter marked, the page beside them.

const language = document.getElementById('sheet').lang;

function marked(text, terms) {
  const words = terms.filter((term) => term && term.length > 1).sort((a, b) => b.length - a.length)
    .map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'));
  if (!words.length) return [text];
  const parts = text.split(new RegExp(`(?<![\\p{L}\\p{N}])((?:${words.join('|')})(?:s|es)?)(?![\\p{L}\\p{N}])`, 'giu'));
  return parts.map((part, at) => (at % 2 ? el('mark', null, part) : part));
}

const cited = (found) => el('cite', { class: 'cite' },
  el('span', { class: 'leaf', 'aria-label': `page ${found.page}` }, `p. ${found.page}`), el('span', { class: 'from', dir: 'auto' }, found.document));

const quoted = (found, terms) => el('blockquote', { class: 'passage' },
  el('p', { lang: language, dir: 'auto' }, marked(found.sentence, terms || [])), cited(found));

const empty = (title, text, reasons) => el('div', { class: 'empty' },
  el('h2', null, title), el('p', null, text),
  reasons && reasons.length ? el('ul', null, reasons.map((reason) => el('li', { dir: 'auto' }, reason))) : null);
