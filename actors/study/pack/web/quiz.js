// The second act: one question at a time, told at once whether it was right and what the source says.

const KINDS = { multiple_choice: 'Multiple choice', cloze: 'Fill the gap', true_false: 'True or false', short_answer: 'Short answer' };
const LEVELS = ['easy', 'medium', 'hard'];
const GAP = /_{2,}/;

function quizAct(quiz, graph, reasons) {
  if (!quiz || !quiz.items.length) {
    return { body: empty('No quiz in this pack', 'No question whose answer stands in the source could be made.', reasons) };
  }
  const names = graph ? graph.concepts.map((concept) => [concept.label, ...concept.aliases]) : [];
  const place = el('div', { class: 'card-place' });
  const bar = el('div', { class: 'bar', role: 'progressbar', 'aria-label': 'Questions answered', 'aria-valuemin': '0' });
  const score = el('p', { class: 'score', role: 'status' });
  let level = 'all';
  let order = [];
  let at = 0;
  let given = new Map();

  const filters = ['all', ...LEVELS].map((one) => {
    const many = quiz.items.filter((item) => one === 'all' || item.difficulty === one).length;
    return many ? el('button', { type: 'button', class: 'pick', 'data-level': one, on: { click: () => { level = one; begin(); } } }, one, el('b', null, String(many))) : null;
  }).filter(Boolean);

  function begin(only) {
    given = new Map();
    order = only || quiz.items.map((_, index) => index).filter((index) => level === 'all' || quiz.items[index].difficulty === level);
    at = 0;
    filters.forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.level === level)));
    render(false);
  }

  const rightOnes = () => order.filter((index) => given.has(index) && given.get(index).right);

  function tally() {
    bar.replaceChildren(...order.map((index, spot) => el('i', { class: [spot === at ? 'now' : '', given.has(index) ? (given.get(index).right ? 'right' : 'wrong') : ''].join(' ') })));
    bar.setAttribute('aria-valuemax', String(order.length));
    bar.setAttribute('aria-valuenow', String(given.size));
    score.textContent = given.size ? `${rightOnes().length} right of ${given.size}` : '';
  }

  function render(focus) {
    tally();
    const card = at < order.length ? question(quiz.items[order[at]], given.get(order[at])) : result();
    place.replaceChildren(card);
    if (focus) card.querySelector('h2').focus({ preventScroll: true });
    if (focus) reveal(card);
  }

  const go = (to) => { at = Math.min(order.length, Math.max(0, to)); render(true); };

  function answer(item, text) {
    const choices = choicesOf(item);
    const accepted = [item.answer, ...names.filter((all) => all.some((one) => bare(one) === bare(item.answer))).flat()];
    const verdict = choices.length ? (isRight(item, text) ? 'exact' : null)
      : judge(text, accepted, names.flat().filter((one) => !accepted.includes(one)));
    given.set(order[at], { text, right: Boolean(verdict), close: verdict === 'close' });
    render(false);
    place.querySelector('.next').focus({ preventScroll: true });
    reveal(place.querySelector('.verdict'));
  }

  function question(item, done) {
    const choices = choicesOf(item);
    const [before, ...after] = item.kind === 'cloze' ? item.question.split(GAP) : [item.question];
    const filled = done && item.kind === 'cloze' ? item.answer : '';
    const gaps = after.map((text) => [el('span', { class: filled ? 'gap filled' : 'gap', 'aria-label': filled || 'gap' }, filled || '\u2003\u2003'), text]);
    return el('article', { class: 'card' },
      el('p', { class: 'kind' }, el('span', null, `Question ${at + 1} of ${order.length}`), el('span', null, KINDS[item.kind]), el('span', null, item.difficulty)),
      el('h2', { tabindex: '-1', lang: language, dir: 'auto' }, before, gaps),
      choices.length ? options(item, choices, done) : typing(item, done),
      done ? verdict(item, done) : null,
      el('div', { class: 'moves' },
        at > 0 ? el('button', { type: 'button', class: 'plain', on: { click: () => go(at - 1) } }, '← Back') : null,
        el('button', { type: 'button', class: done ? 'next strong' : 'next plain', on: { click: () => go(at + 1) } },
          done ? (at + 1 < order.length ? 'Next question →' : 'See the result →') : 'Skip →')));
  }

  function options(item, choices, done) {
    return el('div', { class: 'options', role: 'group', 'aria-label': 'Answers' }, choices.map((text, spot) => {
      const right = done && isRight(item, text);
      const mine = done && text === done.text;
      return el('button', {
        type: 'button', class: `option${right ? ' right' : mine ? ' wrong' : ''}`, 'aria-disabled': done ? 'true' : null,
        on: { click: () => { if (!done) answer(item, text); } },
      }, el('kbd', { 'aria-hidden': 'true' }, right ? '✓' : mine ? '✗' : letter(spot)), el('span', { lang: language, dir: 'auto' }, text),
      right ? el('em', null, 'right answer') : mine ? el('em', null, 'your answer') : null);
    }));
  }

  function typing(item, done) {
    const field = el('input', { type: 'text', 'aria-label': 'Your answer', placeholder: 'Your answer', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', lang: language, dir: 'auto', readonly: Boolean(done) });
    if (done) field.value = done.text;
    const check = () => { if (!done && field.value.trim()) answer(item, field.value); };
    field.addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); check(); } });
    return el('div', { class: `typing${done ? (done.right ? ' right' : ' wrong') : ''}` }, field, done ? null : el('button', { type: 'button', class: 'strong', on: { click: check } }, 'Check'));
  }

  function verdict(item, done) {
    const truth = [el('strong', { lang: language, dir: 'auto' }, item.answer), '.'];
    return el('div', { class: `verdict ${done.right ? 'right' : 'wrong'}`, role: 'status' },
      el('p', null, done.close ? ['Right, though it is spelled ', truth] : done.right ? 'Right.' : ['Not this time. The answer is ', truth]),
      source(item));
  }

  function result() {
    const wrong = order.filter((index) => !given.has(index) || !given.get(index).right);
    const right = order.length - wrong.length;
    const share = right / order.length;
    return el('article', { class: 'card result' },
      el('p', { class: 'kind' }, el('span', null, 'Result')),
      el('h2', { tabindex: '-1' }, el('span', { class: 'points' }, String(right)), ` of ${order.length} right`),
      el('p', { class: 'lead' }, share === 1 ? 'All of them. Nothing left to repeat.' : share >= 0.7 ? 'Well remembered. The rest is below, with its source.' : 'Read the passages below once more, then try again.'),
      wrong.length ? el('ul', { class: 'missed' }, wrong.map((index) => el('li', null,
        el('p', { lang: language, dir: 'auto' }, quiz.items[index].question.replace(GAP, ' … ')),
        el('p', { class: 'quiet' }, given.has(index) ? `You said ${given.get(index).text}. ` : 'Not answered. ', 'The answer is ', el('b', { dir: 'auto' }, quiz.items[index].answer), '.'),
        source(quiz.items[index])))) : null,
      el('div', { class: 'moves' },
        wrong.length ? el('button', { type: 'button', class: 'strong again', on: { click: () => { begin(wrong); place.querySelector('h2').focus(); } } }, `Retry the ${count(wrong.length, 'missed one')}`) : null,
        el('button', { type: 'button', class: wrong.length ? 'plain' : 'strong', on: { click: () => { begin(); place.querySelector('h2').focus(); } } }, 'Start again')));
  }

  function keys(event) {
    const item = quiz.items[order[at]];
    if (event.target.matches('input') || event.ctrlKey || event.metaKey || event.altKey || !item) return;
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') { go(at + (event.key === 'ArrowRight' ? 1 : -1)); return; }
    const choices = choicesOf(item);
    const pressed = event.key.toUpperCase();
    const spot = choices.findIndex((text, index) => pressed === letter(index) || pressed === String(index + 1) || (item.kind === 'true_false' && pressed === text[0].toUpperCase()));
    if (spot >= 0 && !given.has(order[at])) answer(item, choices[spot]);
  }

  begin();
  return {
    keys,
    body: el('div', { class: 'quiz' },
      el('div', { class: 'quiz-head' }, el('div', { class: 'picks', role: 'group', 'aria-label': 'Difficulty' }, filters), score,
        el('button', { type: 'button', class: 'plain restart', on: { click: () => begin() } }, 'Restart')),
      bar, place, el('p', { class: 'hint' }, 'Keys: ', el('kbd', null, 'A'), '–', el('kbd', null, 'D'), ' or ', el('kbd', null, '1'), '–', el('kbd', null, '4'), ' answer, ', el('kbd', null, 'Enter'), ' goes on, ', el('kbd', null, '←'), ' ', el('kbd', null, '→'), ' move.')),
  };
}

// An option is the answer word for word; true and false are known however they are spelled.
const isRight = (item, text) => (item.kind === 'true_false' ? plain(text) === plain(item.answer) : text.trim() === item.answer.trim());
const source = (item) => quoted({ sentence: item.passage, page: item.page, document: item.document }, item.kind === 'true_false' ? [] : [item.answer]);
const letter = (spot) => String.fromCharCode(65 + spot);
const choicesOf = (item) => (item.kind === 'true_false' ? (item.options.length ? item.options : ['True', 'False']) : item.options);
